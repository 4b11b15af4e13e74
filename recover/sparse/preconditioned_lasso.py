"""The LASSO after a few random columns have been projected out of the design."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float, Int

from ..core import draws
from ..core.fields import Real, Size, count, leaf, size
from ..core.linalg import solve_triangular
from ..core.momentum import extrapolate
from ..core.numbers import norm, ratio, squared_norm
from ..core.results import Result
from ..core.sizes import capacity, row_mask
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import by_change, relative_norm
from ..core.units import Scaling
from ..scalar.proximal import soft_threshold
from .gram_schmidt import thin_qr
from .linear import unsettled
from .problem import LinearProblem
from .proximal_gradient import resolve_step

__all__ = ["PreconditionedLasso"]

# Of the objective at zero, what may be left to gain.
_SHARE = 1e-3


class PreconditionedLassoState(eqx.Module):
    r"""What the columns were made into, and proximal gradients for all strengths of the penalty side by side.

    - `basis`, `triangle`, `places`: the random columns $X_T = U R$, as rows, and which they are.
    - `atoms`: the columns of all $x_j / \|x_j\|$ off that span, made unit; `norms` are the $\|x_j\|$, `distances` the shares of
      them off the span, and `inside` the coordinates of the rest.
    - `target`: the data off the span. `strengths`, `x`, `extrapolated`, `momentum` and `gaps`: one per strength, the last a
      duality gap as a share of the objective at zero.
    """

    basis: Float[Array, "most rows"]
    triangle: Float[Array, "most most"]
    places: Int[Array, " most"]
    norms: Float[Array, " dimension"]
    distances: Float[Array, " dimension"]
    inside: Float[Array, "most dimension"]
    atoms: Float[Array, "rows dimension"]
    target: Float[Array, " rows"]
    step_size: Float[Array, ""]
    strengths: Float[Array, " strengths"]
    x: Float[Array, "strengths dimension"]
    extrapolated: Float[Array, "strengths dimension"]
    momentum: Float[Array, " strengths"]
    gaps: Float[Array, " strengths"]


class PreconditionedLasso(AbstractSolver[LinearProblem, PreconditionedLassoState]):
    r"""The LASSO in a dictionary that is good for random supports, whatever the condition number; a path of strengths at once.

    With $T$ a uniformly random set of `columns` columns, $U$ an orthonormal basis of their span, and atoms
    $r_j \propto (I - U U^\top) x_j$ of unit norm (those that vanish are left out), the fit is

    $$\hat f = U U^\top y + \textstyle\sum_j \hat c_j r_j, \qquad
      \hat c = \arg\min_c \tfrac12 \|(I - U U^\top) y - \textstyle\sum_j c_j r_j\|^2 + \lambda \|c\|_1.$$

    Without columns it is the LASSO on columns of one norm. For a support that is exchangeable with $T$ the truth has small
    coefficients in this dictionary: each column of the support is nearer to the span of $T$ than to that of the rest of the
    support with a probability of at least $1 - 1/(L + 1)$, $L = \lfloor m / (k - 1) \rfloor$ (`recover.theory.farther_probability`), and where all
    are, $\|c\|_1 \le k \|X w\|$. Between $2 k$ and $k^2$ columns are sensible; they cost a variance of $\sigma^2 m / N$.

    The `strengths` are geometric from $\|r^\top y\|_\infty$, which sends all coefficients to zero, to `least` times it.
    Accelerated proximal gradients run for all of them side by side, until every duality gap is at most `tolerance` times
    $\frac12 \|(I - U U^\top) y\|^2$. The answer is the one of least estimated `risk` (`risks`). Different keys draw
    different columns; the risks of their answers can be compared.

    Sources: the idea of a preconditioner for random supports is that of Chandrasekaran, Meka and Stavropoulos
    (chandrasekaran2025); this simple one is ours, with the argument in `docs/slr_random_supports.md`. It is not their algorithm.
    """

    scaling: ClassVar = Scaling(stats={"risk": (0, 2)})

    columns: Size = size(0)
    strengths: int = count(2, default=12)
    least: Real = leaf(0.01, "share")
    tolerance: Real = leaf(1e-4)

    def init(self, problem: LinearProblem, key) -> PreconditionedLassoState:
        """The dictionary, by Gram-Schmidt on random columns in random order, and zero coefficients."""
        key_columns, key_step = draws.split(key)
        matrix = problem.operator.as_matrix()
        norms = norm(matrix, 0)
        normalised = matrix * ratio(1, norms)[None, :]
        # One slot even where none is asked for keeps every array nonempty.
        most = max(min(capacity(self, "columns"), problem.dimension), 1)
        places = draws.random_order(key_columns, problem.dimension)[:most].astype(jnp.int32)
        chosen = row_mask(self.columns, most)[:, None]
        basis, triangle = thin_qr(jnp.where(chosen, normalised.T[places], 0))

        def off(vectors):
            # Twice, since what is left may be tiny.
            inside = basis @ vectors
            left = vectors - basis.T @ inside
            again = basis @ left
            return left - basis.T @ again, inside + again

        rest, inside = off(normalised)
        target, _ = off(problem.observations)
        distances = norm(rest, 0)
        precision = 100 * jnp.finfo(distances.dtype).eps
        atoms = rest * jnp.where(distances > precision, ratio(1, distances), 0)[None, :]
        largest = jnp.max(jnp.abs(target @ atoms))
        shares = jnp.linspace(0, 1, self.strengths, dtype=distances.dtype)
        step_size = resolve_step(None, _with(problem, atoms, target), key_step)
        start = jnp.zeros((self.strengths, problem.dimension), distances.dtype)
        return PreconditionedLassoState(
            basis=basis,
            triangle=triangle,
            places=places,
            norms=norms,
            distances=distances,
            inside=inside,
            atoms=atoms,
            target=target,
            step_size=step_size,
            strengths=largest * self.least**shares,
            x=start,
            extrapolated=start,
            momentum=jnp.ones(self.strengths, distances.dtype),
            gaps=jnp.full(self.strengths, jnp.inf, distances.dtype),
        )

    def step(self, problem: LinearProblem, state: PreconditionedLassoState) -> PreconditionedLassoState:
        """One accelerated proximal gradient step for every strength."""
        residuals = state.target[None, :] - state.extrapolated @ state.atoms.T
        correlations = residuals @ state.atoms
        strengths = state.strengths[:, None]
        # The residual, shrunk until no atom correlates with it beyond the strength, is a feasible point of the dual.
        shrink = jnp.minimum(1, ratio(state.strengths, jnp.max(jnp.abs(correlations), 1), 1))[:, None] * residuals
        primal = squared_norm(residuals, 1) / 2 + jnp.sum(strengths * jnp.abs(state.extrapolated), 1)
        dual = shrink @ state.target - squared_norm(shrink, 1) / 2
        # The step lowers the objective, so the gap of what it leads to is no larger.
        point = state.extrapolated + state.step_size * correlations
        x = soft_threshold(point, state.step_size * strengths)
        momentum, extrapolated = jax.vmap(extrapolate)(state.momentum, state.extrapolated, state.x, x)
        return eqx.tree_at(
            lambda state: (state.x, state.extrapolated, state.momentum, state.gaps),
            state,
            (x, extrapolated, momentum, ratio(primal - dual, squared_norm(state.target) / 2)),
        )

    def status(self, problem: LinearProblem, state: PreconditionedLassoState) -> Result:
        """Converged once the largest duality gap is small."""
        return by_change(jnp.max(state.gaps), self.tolerance)

    def certificate(self, problem: LinearProblem, state: PreconditionedLassoState) -> Certificate:
        """The largest duality gap, over a thousandth of the objective at zero."""
        return unsettled(jnp.max(state.gaps) / _SHARE)

    def fits(self, problem: LinearProblem, state: PreconditionedLassoState) -> Float[Array, "strengths rows"]:
        """The predictions at every strength, the largest first."""
        return (problem.observations - state.target)[None, :] + state.x @ state.atoms.T

    def risks(self, problem: LinearProblem, state: PreconditionedLassoState) -> Float[Array, " strengths"]:
        r"""Estimates of the prediction error $\frac1N \|\hat f - f\|^2$ at every strength.

        With $D$ the number of nonzero coefficients plus that of random columns, Stein's estimate (zou2007, Theorem 1) where the
        problem knows its noise, and else generalised cross-validation, which estimates it but for $\sigma^2$:

        $$\frac1N \|y - \hat f\|^2 - \sigma^2 + \frac{2 \sigma^2 D}{N}, \qquad \frac{\|y - \hat f\|^2 / N}{(1 - D / N)^2}.$$
        """
        left = squared_norm(problem.observations[None, :] - self.fits(problem, state), 1) / problem.count
        spanned = jnp.sum(norm(state.basis, 1) > 0)
        freedom = (spanned + jnp.sum(state.x != 0, 1)).astype(left.dtype) / problem.count
        if problem.noise is None:
            return jnp.where(freedom < 1, ratio(left, (1 - freedom) ** 2), jnp.inf)
        return left + problem.noise**2 * (2 * freedom - 1)

    def estimate(self, problem: LinearProblem, state: PreconditionedLassoState) -> Float[Array, " dimension"]:
        """Coefficients of the columns as they were given, at the strength of least estimated risk."""
        scaled = ratio(state.x[jnp.argmin(self.risks(problem, state))], state.distances)
        coordinates = state.basis @ problem.observations - state.inside @ scaled
        weights = ratio(1, state.norms)
        return (
            (weights * scaled)
            .at[state.places]
            .add(weights[state.places] * solve_triangular(state.triangle, coordinates))
        )

    def stats(self, problem: LinearProblem, state: PreconditionedLassoState) -> dict[str, Array]:
        """The relative residual, and the estimated `risk` of the answer."""
        residual = relative_norm(problem.residual(self.estimate(problem, state)), problem.observations)
        return {"residual": residual, "risk": jnp.min(self.risks(problem, state))}


def _with(problem: LinearProblem, matrix: Float[Array, "rows dimension"], observations) -> LinearProblem:
    return eqx.tree_at(
        lambda problem: (problem.operator, problem.observations),
        problem,
        (lx.MatrixLinearOperator(matrix), observations),
    )
