"""Regularisation paths: fits of falling strength, each from the last one, of which validation rows choose one."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.adjoint import Optimality
from ..core.checks import Rule
from ..core.fields import Real, integer, leaf
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..scalar.penalties import L1
from ..scalar.penalty_parts import boosted, stationary
from .descent import AbstractDescent, Descent
from .generalised_problem import GeneralisedLinearProblem

__all__ = ["RegularisationPath"]


class PathState(eqx.Module):
    """The fit under way, its place on the path and its steps; the largest strength, and the best coefficients so far."""

    fit: Descent
    point: Int[Array, ""]
    taken: Int[Array, ""]
    largest: Float[Array, ""]
    best: Float[Array, " dimension"]
    strength: Float[Array, ""]
    loss: Float[Array, ""]


class RegularisationPath(AbstractSolver[GeneralisedLinearProblem, PathState]):
    r"""Fits on the grid $\lambda_k = (1 - k/K)\, \|\nabla f(0)\|_\infty$, $k < K$; the answer has the least loss on rows held out.

    A fit starts at the last one and ends by the tolerance of the descent, or after `steps` of its steps; each step of the path is
    one of them. Without rows held out the answer is the last fit. Before a fit, coordinate $j$ is discarded if

    $$s\, |\nabla_j f(x)| < 2 \lambda_k - \lambda_{k-1},$$

    unless it was kept before; discarded coordinates are not looked at again, so a rule that errs changes the answer.

    - `descent`: a `NonconvexAcceleratedGradient` or `CoordinateDescent` whose penalty has the strength 1.
    - `points`: $K$.
    - `screening`: $s$; infinite (nothing is discarded) by default, 1 for the sequential strong rule, and 1/2 in the authors' code,
      which divides the correlations by $2n$ although the slope of their loss divides by $n$.
    - `steps`: the most steps of one fit.

    Sources: Tibshirani et al. (tibshirani2012, section 2), for the strong rule; Yang, Asgharian and Bhatnagar (yang2024) for its
    use here.

    **Raises:** `ValueError` for numbers that are not positive.
    """

    descent: AbstractDescent
    points: Int[Array, ""] = integer(1, default=50)
    screening: Real = leaf(float("inf"), Rule("a positive number", lambda value: value > 0))
    steps: Int[Array, ""] = integer(1, default=1000)

    def init(self, problem: GeneralisedLinearProblem, key: Key[Array, ""]) -> PathState:
        """At the largest strength, for which all coefficients vanish."""
        fit = self.descent.begin(problem, key)
        fit = self.descent.again(problem, fit, boosted(self.descent.penalty, fit.scale), fit.kept & False)
        zero = jnp.zeros((), jnp.int32)
        return PathState(fit, zero, zero, fit.scale, fit.x, fit.scale, jnp.full((), jnp.inf, fit.x.dtype))

    def step(self, problem: GeneralisedLinearProblem, state: PathState) -> PathState:
        """One step of the fit under way; once it has ended, its validation and the start of the next one."""
        fit = self.descent.step(problem, state.fit)
        taken = state.taken + 1
        ended = (self.descent.status(problem, fit) != Result.running) | (taken >= self.steps)
        loss = problem.loss(fit.predictor, held_out=True)
        better = ended & (loss <= state.loss)
        old, new = self._strength(state, state.point), self._strength(state, state.point + 1)
        kept = fit.kept | ~(self.screening * jnp.abs(fit.gradient) < 2 * new - old)
        following = self.descent.again(problem, fit, boosted(self.descent.penalty, new), kept)
        # A fit that is not finite stays as it is, to be seen.
        onwards = ended & jnp.isfinite(fit.progress.residual)
        return PathState(
            fit=jax.tree.map(lambda one, other: jnp.where(onwards, one, other), following, fit),
            point=state.point + ended.astype(jnp.int32),
            taken=jnp.where(ended, 0, taken),
            largest=state.largest,
            best=jnp.where(better, fit.x, state.best),
            strength=jnp.where(better, old, state.strength),
            loss=jnp.where(better, loss, state.loss),
        )

    def status(self, problem: GeneralisedLinearProblem, state: PathState) -> Result:
        """Converged at the end of the path."""
        failed = ~jnp.isfinite(state.fit.progress.residual)
        result = Result.where(state.point >= self.points, Result.converged, Result.running)
        return Result.where(failed, Result.diverged, result)

    def estimate(self, problem: GeneralisedLinearProblem, state: PathState) -> Float[Array, " dimension"]:
        """The coefficients of least validation loss."""
        return state.best

    def optimality(self, problem: GeneralisedLinearProblem, state: PathState) -> Optimality:
        """A vanishing gradient on the support, at the share of the largest strength that was chosen."""
        share = state.strength / state.largest

        def penalty():
            largest = jnp.max(jnp.abs(problem.gradient(jnp.zeros_like(problem.observations))))
            return boosted(self.descent.penalty, share * largest)

        return stationary(
            lambda x: problem.gradient(problem.predictor(x)), penalty, state.best, isinstance(self.descent.penalty, L1)
        )

    def stats(self, problem: GeneralisedLinearProblem, state: PathState) -> dict[str, Array]:
        """The strength that was chosen, and its loss on the rows held out."""
        return {"strength": state.strength, "validation_loss": state.loss}

    def _strength(self, state: PathState, point: Int[Array, ""]) -> Float[Array, ""]:
        dtype = state.largest.dtype
        return state.largest * (1 - point.astype(dtype) / self.points.astype(dtype))
