"""Penalised least squares by working sets: a few coordinates at a time, chosen by how far they are from optimal."""

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.adjoint import Optimality
from ..core.fields import Real, Whole, count, leaf
from ..core.momentum import extrapolate
from ..core.numbers import norm, ratio
from ..core.solver import Certificate
from ..core.stopping import Progress
from ..core.units import Scaling, always
from ..scalar.penalties import AbstractPenalty
from ..scalar.penalty_parts import boosted
from .certificates import penalty_excess
from .linear import AbstractLinearSolver, unsettled, zeros
from .problem import LinearProblem
from .proximal_gradient import optional_penalty, penalised_least_squares, resolve_penalty, vanishing_boost

__all__ = ["WorkingSet"]


class WorkingSetState(eqx.Module):
    """Coefficients, the correlations of the columns with their residual, the penalty, and how far its strength is raised."""

    x: Float[Array, " dimension"]
    correlation: Float[Array, " dimension"]
    gram: Float[Array, "dimension dimension"] | None
    penalty: AbstractPenalty
    boost: Float[Array, ""]
    data_scale: Float[Array, ""]
    progress: Progress


class WorkingSet(AbstractLinearSolver[WorkingSetState]):
    r"""Minimises $\frac12 \|y - A x\|^2 + p(x)$ over one small set of coordinates after another.

    With $r = y - A x$ and $\mu = 1 / c^2$, $c$ the root mean square norm of the columns, a step takes the coordinates
    furthest from a fixed point of the proximal gradient map,

    $$W = \text{the } \texttt{size} \text{ largest of } |v|, \qquad
      v = \mathrm{prox}_{\mu p}\left(x + \mu A^\top r\right) - x,$$

    and lowers the objective over them, all others held, by `inner` accelerated proximal gradient steps on
    $G = A_W^\top A_W$, each coordinate with the step $1 / \sum_j |G_{ij}|$ (the diagonal of these sums majorises $G$):

    $$x_W \approx \arg\min_u\ \tfrac12 (u - x_W)^\top G\, (u - x_W) - (u - x_W)^\top A_W^\top r + p(u).$$

    Besides reading $W$'s columns, a step costs one product with $A$ and one with $A^\top$, and few steps are needed where
    all coefficients that move fit into the set; where they do not, this is descent over blocks of coordinates by the
    rule of the largest violation. It stops by stationarity: when $\|v\|$ is at most `tolerance` relative to
    $\max(\|x\|, \mu \|A^\top y\|)$; the residual need not vanish. It is stalled when that measure has not fallen by one per
    cent in `patience` steps.

    - `penalty`: the strength of an l1 penalty or any of `recover.penalties`; by default l1 with the universal strength
      of `resolve_penalty`. There is no factor $1/m$: `penalty=0.1` here is `alpha=0.1 / m` in scikit-learn.
    - `continuation`: starts from a strength that keeps everything at zero and multiplies it by this factor in every
      step until the given one is reached (0 starts there), which keeps sets small for weak penalties and finds
      better stationary points of nonconvex ones. Of penalties whose proximal map jumps (`LQ`) fixed points depend on
      the length of a step, so there too it may end as stalled.
    - `size`: coordinates in the set (static); by default half of the rows, in whole sixteens. The fewer the faster, as
      long as it is more than the solution has nonzero coefficients; beyond that descent over blocks is slow, and may end as
      stalled (then take a larger one, or `FISTA`).
    - `inner`: steps over one set (static).
    - `gram`: computes $A^\top A$ at the start and reads every $G$ from it (static). Worth it where many problems are
      solved under one `jax.vmap` with the same matrix, for which it is then computed once.

    Sources: Bertrand, Klopfenstein, Bannier, Gidel and Massias (bertrand2022) for working sets by violation with
    nonconvex penalties; Tseng and Yun (tseng2009) for descent over blocks by that rule.

    **Raises:** `ValueError` for a size or a number of inner steps below one.
    """

    scaling: ClassVar = Scaling({"penalty": None}, columns=always)

    penalty: AbstractPenalty | None = eqx.field(converter=optional_penalty, default=None)
    continuation: Real = leaf(0.5, "decay")
    size: int | None = count(1, default=None)
    inner: int = count(1, default=20)
    gram: bool = eqx.field(static=True, default=False)
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(100, "count")

    def init(self, problem: LinearProblem, key) -> WorkingSetState:
        """Zero coefficients."""
        x = zeros(problem)
        correlation = problem.adjoint(problem.observations)
        penalty = resolve_penalty(self.penalty, problem, correlation)
        length = _length(problem)
        matrix = problem.operator.as_matrix() if self.gram else None
        return WorkingSetState(
            x=x,
            correlation=correlation,
            gram=None if matrix is None else matrix.T @ matrix,
            penalty=penalty,
            boost=vanishing_boost(penalty, length * correlation, length),
            data_scale=length * norm(correlation),
            progress=Progress.start(x.dtype),
        )

    def warm(self, problem: LinearProblem, key, value: Float[Array, " dimension"]) -> WorkingSetState:
        """Given coefficients, and the penalty as it is from the first step on."""
        state, correlation = self.init(problem, key), problem.adjoint(problem.residual(value))
        return dataclasses.replace(state, x=value, correlation=correlation, boost=jnp.ones_like(state.boost))

    def step(self, problem: LinearProblem, state: WorkingSetState) -> WorkingSetState:
        """Chooses a working set and lowers the objective over it."""
        x = state.x
        boost = jnp.maximum(state.boost * self.continuation, 1)
        penalty = boosted(state.penalty, boost)
        # Among coordinates at rest, those that are not zero go first.
        violation = jnp.abs(_displacement(problem, penalty, x, state.correlation))
        violation = violation + jnp.finfo(x.dtype).eps * jnp.abs(x)
        _, chosen = jax.lax.top_k(violation, self._set_size(problem))
        if state.gram is None:
            columns = problem.columns(chosen)
            gram = columns @ columns.T
        else:
            gram = state.gram[chosen[:, None], chosen[None, :]]
        inside = _restricted(penalty, problem, chosen)
        x = x.at[chosen].set(_descend(gram, state.correlation[chosen], x[chosen], inside, self.inner))
        correlation = problem.adjoint(problem.residual(x))
        moved = norm(_displacement(problem, penalty, x, correlation))
        stationarity = ratio(moved, jnp.maximum(norm(x), state.data_scale), moved)
        progress = state.progress.update(stationarity, stationarity)
        # While the penalty is still raised the iterates are not those of the problem posed: nothing can stop the solver.
        raised = (boost > 1) & jnp.isfinite(stationarity)
        start = Progress.start(x.dtype)
        progress = jax.tree.map(lambda held, new: jnp.where(raised, held, new), start, progress)
        return WorkingSetState(x, correlation, state.gram, state.penalty, boost, state.data_scale, progress)

    def certificate(self, problem: LinearProblem, state: WorkingSetState) -> Certificate:
        """What is left to gain: the duality gap of an l1 penalty (`penalty_excess`)."""
        return unsettled(penalty_excess(problem, state.penalty, state.x, problem.column_norm**-2))

    def optimality(self, problem: LinearProblem, state: WorkingSetState) -> Optimality:
        """A vanishing gradient on the support."""
        return penalised_least_squares(self.penalty, problem, state.x)

    def _set_size(self, problem: LinearProblem) -> int:
        # Products of whole sixteens run three times as fast on a CPU as those of one or two rows more.
        size = max(16, problem.rows // 32 * 16) if self.size is None else self.size
        return min(size, problem.dimension)


def _length(problem: LinearProblem) -> Float[Array, ""]:
    return ratio(1, problem.column_norm**2, 1)


def _displacement(problem: LinearProblem, penalty: AbstractPenalty, x, correlation) -> Float[Array, " dimension"]:
    length = _length(problem)
    return penalty.proximal(x + length * correlation, length) - x


def _restricted(penalty: AbstractPenalty, problem: LinearProblem, chosen: Int[Array, " size"]) -> AbstractPenalty:
    """The penalty of the chosen coordinates: parameters that are vectors of weights are read there."""
    weights = (problem.dimension,)
    return jax.tree.map(lambda leaf: leaf[chosen] if jnp.shape(leaf) == weights else leaf, penalty)


def _descend(gram, correlation, start, penalty: AbstractPenalty, steps: int) -> Float[Array, " size"]:
    """Accelerated proximal gradient steps on the quadratic model around `start`."""
    length = ratio(1, jnp.sum(jnp.abs(gram), axis=0), 1)

    def step(_, state):
        x, extrapolated, momentum = state
        gradient = correlation - gram @ (extrapolated - start)
        new = penalty.proximal(extrapolated + length * gradient, length)
        momentum, extrapolated = extrapolate(momentum, extrapolated, x, new)
        return new, extrapolated, momentum

    return jax.lax.fori_loop(0, steps, step, (start, start, jnp.ones((), start.dtype)))[0]
