"""Proximal gradient methods for penalised least squares."""

import abc
import dataclasses
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Int, Key

from ..core.adjoint import Optimality
from ..core.data import shown
from ..core.fields import Real, Whole, leaf
from ..core.leaves import floating_dtype
from ..core.momentum import extrapolate
from ..core.numbers import norm, ratio, squared_norm
from ..core.solver import Certificate
from ..core.stopping import Progress
from ..core.units import Scaling
from ..operators.norms import spectral_norm
from ..scalar.penalties import L1, AbstractPenalty, as_penalty
from ..scalar.penalty_parts import boosted, stationary
from .certificates import penalty_excess
from .composite_descent import CompositeDescent
from .composite_problem import CompositeProblem
from .linear import AbstractLinearSolver, Best, unsettled, zeros
from .problem import LinearProblem

__all__ = ["FISTA", "ISTA", "ProximalGradient"]

# Power iterations for the Lipschitz constant, and the margin that covers what they miss of it.
_POWER_STEPS = 30
_MARGIN = 1.1
# Share of the largest correlation that serves as the strength of an l1 penalty where there is no noise.
_NOISELESS_SHARE = 3e-5
# Columns of one norm are a preconditioner: the penalty is weighted so that the minimiser stays. A given step would not fit.
_SCALING = Scaling({"penalty": None, "step_size": (-2, 0)}, columns=lambda solver: solver.step_size is None)


class ProximalGradientState(eqx.Module):
    """Iterate and extrapolated point, the length of a step, the penalty, and how far its strength is raised; the best iterate so far."""

    x: Inexact[Array, " dimension"]
    extrapolated: Inexact[Array, " dimension"]
    momentum: Float[Array, ""]
    step_size: Float[Array, ""]
    penalty: AbstractPenalty
    boost: Float[Array, ""]
    data_scale: Float[Array, ""]
    progress: Progress
    best: Best | None


class AbstractProximalGradient(AbstractLinearSolver[ProximalGradientState]):
    r"""Minimises $\frac12 \|y - A x\|^2 + p(x)$ by proximal gradient steps.

    It stops by stationarity: when a step moves the coefficients by at most `tolerance` relative to
    $\max(\|x\|, \mu \|A^\top y\|)$, with $\mu$ the length of the step; the residual need not vanish. It is stalled when
    that measure has not fallen by one per cent in `patience` steps; the answer is then the iterate of least objective, by that
    of the point it was stepped to from, which bounds it. Plain steps lower the objective, so their last iterate is it.

    Of a `CompositeProblem`, whose penalty is its own and which `continuation` is not for, the same steps find the minimiser, of
    lengths found by a line search (`CompositeDescent`).
    """

    takes_complex: ClassVar[bool] = True
    others: ClassVar = {CompositeProblem: lambda solver: _composite(solver)}

    penalty: eqx.AbstractVar[AbstractPenalty | None]
    step_size: eqx.AbstractVar[Float[Array, ""] | None]
    continuation: eqx.AbstractVar[Float[Array, ""]]
    tolerance: eqx.AbstractVar[Float[Array, ""]]
    patience: eqx.AbstractVar[Int[Array, ""]]

    @property
    @abc.abstractmethod
    def _accelerates(self) -> bool:
        """Whether steps are extrapolated, and may raise the objective."""

    def init(self, problem: LinearProblem, key: Key[Array, ""]) -> ProximalGradientState:
        """Zero coefficients; power iteration for the step, if none is given."""
        x = zeros(problem)
        correlation = problem.adjoint(problem.observations)
        size = resolve_step(self.step_size, problem, key)
        penalty = resolve_penalty(self.penalty, problem, correlation)
        return ProximalGradientState(
            x=x,
            extrapolated=x,
            momentum=jnp.ones((), floating_dtype(x)),
            step_size=size,
            penalty=penalty,
            boost=vanishing_boost(penalty, size * correlation, size),
            data_scale=size * norm(correlation),
            progress=Progress.start(floating_dtype(x)),
            best=Best.start(x) if self._accelerates else None,
        )

    def warm(
        self, problem: LinearProblem, key: Key[Array, ""], value: Inexact[Array, " dimension"]
    ) -> ProximalGradientState:
        """Given coefficients, and the penalty as it is from the first step on."""
        state = self.init(problem, key)
        one = jnp.ones_like(state.boost)
        return dataclasses.replace(state, x=value, extrapolated=value, boost=one)

    def certificate(self, problem: LinearProblem, state: ProximalGradientState) -> Certificate:
        """What is left to gain: the duality gap of an l1 penalty (`penalty_excess`)."""
        return unsettled(penalty_excess(problem, state.penalty, state.x, state.step_size))

    def optimality(self, problem: LinearProblem, state: ProximalGradientState) -> Optimality:
        """A vanishing gradient on the support."""
        return penalised_least_squares(self.penalty, problem, state.x)


def _composite(solver: AbstractProximalGradient) -> CompositeDescent:
    if solver.penalty is not None:
        name = type(solver).__name__
        raise TypeError(
            f"solve: {name} has a penalty, {shown(solver.penalty)}, and a CompositeProblem has its own; `{name}()` is allowed."
        )
    return CompositeDescent(solver._accelerates, solver.step_size, solver.tolerance, solver.patience)


def resolve_step(step_size, problem: LinearProblem, key: Key[Array, ""]) -> Float[Array, ""]:
    r"""The given step, or $1 / (1.1 \|A\|^2)$: power iteration errs from below, and the margin keeps every step a descent."""
    dtype = floating_dtype(problem.observations)
    if step_size is not None:
        return step_size
    lipschitz = _MARGIN * spectral_norm(problem.operator, key, _POWER_STEPS).astype(dtype) ** 2
    # For the zero operator any step will do.
    return ratio(1, lipschitz, 1)


def resolve_penalty(penalty, problem: LinearProblem, correlation: Inexact[Array, " dimension"]) -> AbstractPenalty:
    r"""The given penalty, or `L1` with the universal strength $\max(\sigma c \sqrt{2 \log n}, 3 \cdot 10^{-5} \|A^\top y\|_\infty)$.

    $\sigma$ is the noise level if the problem knows it, else zero, and $c$ the root mean square norm of the columns.
    """
    dtype = floating_dtype(correlation)
    if penalty is None:
        strength = _NOISELESS_SHARE * jnp.max(jnp.abs(correlation))
        if problem.noise is not None:
            universal = jnp.sqrt(2 * jnp.log(jnp.asarray(problem.dimension, dtype)))
            strength = jnp.maximum(strength, problem.noise * problem.column_norm * universal)
        penalty = L1(strength)
    return penalty


def penalised_least_squares(penalty, problem: LinearProblem, x: Inexact[Array, " dimension"]) -> Optimality:
    """What makes coefficients minimise penalised least squares, with the penalty that a solver was given, or none."""
    given = penalty is None or isinstance(penalty, L1)

    def resolved():
        return resolve_penalty(penalty, problem, problem.adjoint(problem.observations))

    return stationary(lambda x: -problem.adjoint(problem.residual(x)), resolved, x, definite=given)


def optional_penalty(value: Any) -> AbstractPenalty | None:
    """A penalty, that of an l1 penalty of the given strength, or `None`."""
    return None if value is None else as_penalty(value)


def vanishing_boost(penalty: AbstractPenalty, v, size) -> Float[Array, ""]:
    """The least power of two, times which the strength of the penalty sends the first step to zero; 1 if none does."""

    def power(exponent):
        return jnp.ldexp(jnp.ones((), floating_dtype(v)), exponent)

    def vanishes(exponent):
        return jnp.all(boosted(penalty, power(exponent)).proximal(v, size) == 0)

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) // 2
        enough = vanishes(middle)
        return jnp.where(enough, low, middle + 1), jnp.where(enough, middle, high)

    # What a strength sends to zero so does a larger one, so six halvings find the first of 64.
    zero = jnp.zeros((), jnp.int32)
    _, exponent = jax.lax.fori_loop(0, 6, halve, (zero, zero + 63))
    return power(jnp.where(vanishes(exponent), exponent, 0))


def proximal_step(
    solver: AbstractProximalGradient, problem: LinearProblem, state: ProximalGradientState
) -> ProximalGradientState:
    """One proximal gradient step from the extrapolated point, and the next extrapolation."""
    residual = problem.residual(state.extrapolated)
    point = state.extrapolated + state.step_size * problem.adjoint(residual)
    x = boosted(state.penalty, state.boost).proximal(point, state.step_size)
    momentum, extrapolated = state.momentum, x
    if solver._accelerates:
        momentum, extrapolated = extrapolate(state.momentum, state.extrapolated, state.x, x)
    moved = norm(x - state.extrapolated)
    stationarity = ratio(moved, jnp.maximum(norm(x), state.data_scale), moved)
    progress = state.progress.update(stationarity, stationarity)
    # While the penalty is still raised the iterates are not those of the problem posed: nothing can stop the solver, and none is best.
    raised = (state.boost > 1) & jnp.isfinite(stationarity)
    start = Progress.start(floating_dtype(x))
    progress = jax.tree.map(lambda held, new: jnp.where(raised, held, new), start, progress)
    boost = jnp.maximum(state.boost * solver.continuation, 1)
    best = state.best
    if best is not None:
        objective = squared_norm(residual) / 2 + state.penalty.value(state.extrapolated)
        best = best.update(x, jnp.where(state.boost > 1, jnp.inf, objective))
    return ProximalGradientState(
        x, extrapolated, momentum, state.step_size, state.penalty, boost, state.data_scale, progress, best
    )


class ISTA(AbstractProximalGradient):
    r"""Iterative shrinkage and thresholding, of Daubechies, Defrise and De Mol (daubechies2004), for $\frac12 \|y - A x\|^2 + p(x)$.

    $$x^{t+1} = \mathrm{prox}_{\mu p}\left(x^t + \mu A^\top (y - A x^t)\right).$$

    There is no factor $1/m$: `penalty=0.1` here is `alpha=0.1 / m` in scikit-learn. `penalty` is the strength of an
    l1 penalty or any other `AbstractPenalty`; by default l1 with the universal strength of `resolve_penalty`, and that of the
    problem for a `CompositeProblem`.
    `step_size` is $1 / (1.1 \|A\|^2)$ by default. `continuation` starts from a strength that keeps everything at zero
    and multiplies it by this factor in every step until the given one is reached (0 starts there), which is faster
    for weak penalties and finds better stationary points of nonconvex ones.
    """

    scaling: ClassVar = _SCALING

    penalty: AbstractPenalty | None = eqx.field(converter=optional_penalty, default=None)
    step_size: Real | None = leaf(None, "positive")
    continuation: Real = leaf(0.98, "decay")
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(500, "count")

    @property
    def _accelerates(self) -> bool:
        return False

    def step(self, problem: LinearProblem, state: ProximalGradientState) -> ProximalGradientState:
        """One proximal gradient step."""
        return proximal_step(self, problem, state)


class FISTA(AbstractProximalGradient):
    r"""Accelerated proximal gradient, of Beck and Teboulle (beck2009), with adaptive restart (odonoghue2015).

    $$x^{t+1} = \mathrm{prox}_{\mu p}\left(z^t + \mu A^\top (y - A z^t)\right), \qquad
      z^{t+1} = x^{t+1} + \frac{s_t - 1}{s_{t+1}} (x^{t+1} - x^t), \qquad s_{t+1} = \frac{1 + \sqrt{1 + 4 s_t^2}}{2},$$

    and $s = 1$ again whenever $\langle z^t - x^{t+1}, x^{t+1} - x^t \rangle > 0$. The objective and the hyper-parameters are
    those of `ISTA`.
    """

    scaling: ClassVar = _SCALING

    penalty: AbstractPenalty | None = eqx.field(converter=optional_penalty, default=None)
    step_size: Real | None = leaf(None, "positive")
    continuation: Real = leaf(0.97, "decay")
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(200, "count")

    @property
    def _accelerates(self) -> bool:
        return True

    def step(self, problem: LinearProblem, state: ProximalGradientState) -> ProximalGradientState:
        """One proximal gradient step from the extrapolated point."""
        return proximal_step(self, problem, state)


class ProximalGradient(AbstractProximalGradient):
    """`ISTA`, or `FISTA` if `accelerated`, by default with the penalty of these.

    For nonconvex penalties the plain iteration is the safe choice: it lowers the objective in every step.
    """

    scaling: ClassVar = _SCALING

    penalty: AbstractPenalty | None = eqx.field(converter=optional_penalty, default=None)
    step_size: Real | None = leaf(None, "positive")
    continuation: Real = leaf(0.97, "decay")
    accelerated: bool = eqx.field(static=True, default=False)
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(500, "count")

    @property
    def _accelerates(self) -> bool:
        return self.accelerated

    def step(self, problem: LinearProblem, state: ProximalGradientState) -> ProximalGradientState:
        """One proximal gradient step."""
        return proximal_step(self, problem, state)
