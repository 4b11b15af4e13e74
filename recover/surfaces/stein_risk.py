"""A solver that also estimates the risk of its estimate, for choosing its hyper-parameters."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ..core import draws
from ..core.fields import Real, count, leaf
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from .jumps import Surface
from .noise_level import haar_noise_variance
from .problem import SurfaceProblem

__all__ = ["SteinRisk"]


class SteinRiskState(eqx.Module):
    """The states of the solver on the observations and on each disturbed copy, the copies, and the disturbances."""

    states: PyTree
    copies: Float[Array, "copies *cells"]
    probes: Float[Array, "probes *cells"]


class SteinRisk(AbstractSolver[SurfaceProblem, SteinRiskState]):
    r"""Any solver of surfaces, with Stein's unbiased estimate of its risk under Gaussian noise,

    $$\mathrm{SURE} = \frac1n \|y - u(y)\|^2 - \hat\sigma^2 + \frac{2 \hat\sigma^2}{R} \sum_{r=1}^R
      \frac{\langle b_r, u(y + \varepsilon b_r) - u(y) \rangle}{\varepsilon n}, \qquad b_r \sim N(0, I),$$

    on scaled outcomes, for $n$ cells, with $\hat\sigma$ from `recover.surfaces.noise_level.haar_noise_variance` and $y + \varepsilon b_r$
    clipped to $[0, 1]$. The $R + 1$ solves are one batch. The draws $b_r$ come from the key of the solve, which in a
    sweep is that of the instance, so all candidates for hyper-parameters meet the same ones: a grid of candidates is one sweep,
    and its best row has the least `stats["sure"]`.

    **Arguments:**

    - `solver`: the solver, in whose hyper-parameters the estimated risk is to be small.
    - `probes`: number of disturbed copies $R$ (static).
    - `disturbance`: $\varepsilon$.

    Source: S. Ramani, T. Blu and M. Unser, IEEE Transactions on Image Processing 17 (2008) 1540-1554 (ramani2008), for the
    Monte Carlo divergence.
    """

    solver: AbstractSolver
    probes: int = count(1, default=3)
    disturbance: Real = leaf(0.01, "positive")

    def init(self, problem: SurfaceProblem, key) -> SteinRiskState:
        """The solver's first state on every copy."""
        data = problem.observations
        flat = draws.normal(key, (self.probes, data.size)).astype(data.dtype)
        probes = flat.reshape(self.probes, *data.shape)
        disturbed = jnp.clip(data[None] + self.disturbance * probes, 0, 1)
        copies = jnp.concatenate([data[None], disturbed])
        states = jax.vmap(lambda copy: self.solver.init(_with(problem, copy), key))(copies)
        return SteinRiskState(states, copies, probes)

    def step(self, problem: SurfaceProblem, state: SteinRiskState) -> SteinRiskState:
        """A step on every copy."""
        states = jax.vmap(lambda copy, own: self.solver.step(_with(problem, copy), own))(state.copies, state.states)
        return SteinRiskState(states, state.copies, state.probes)

    def status(self, problem: SurfaceProblem, state: SteinRiskState) -> Result:
        """Converged once all copies are; diverged as soon as one is."""
        results = jax.vmap(lambda copy, own: self.solver.status(_with(problem, copy), own))(state.copies, state.states)
        converged = jnp.all(results != Result.running)
        result = Result.where(converged, Result.converged, Result.running)
        return Result.where(jnp.any(results == Result.diverged), Result.diverged, result)

    def certificate(self, problem: SurfaceProblem, state: SteinRiskState) -> Certificate | None:
        """The worst of those of all copies."""

        def asked(copy, own):
            return self.solver.certificate(_with(problem, copy), own)

        if eqx.filter_eval_shape(asked, state.copies[0], jax.tree.map(lambda leaf: leaf[0], state.states)) is None:
            return None
        each = jax.vmap(asked)(state.copies, state.states)
        return Certificate(jnp.max(each.value), jnp.all(each.final))

    def estimate(self, problem: SurfaceProblem, state: SteinRiskState) -> Surface:
        """The solver's answer on the observations as they are."""
        return self.solver.estimate(problem, jax.tree.map(lambda leaf: leaf[0], state.states))

    def stats(self, problem: SurfaceProblem, state: SteinRiskState) -> dict[str, Array]:
        """`sure`, the estimated noise variance and the estimated degrees of freedom per cell, all on scaled outcomes."""

        def scaled_estimate(copy, own):
            return problem.forward(self.solver.estimate(_with(problem, copy), own))

        scaled = jax.vmap(scaled_estimate)(state.copies, state.states)
        variance = haar_noise_variance(problem.observations)
        freedom = jnp.mean(state.probes * (scaled[1:] - scaled[:1])) / self.disturbance
        misfit = jnp.mean((problem.observations - scaled[0]) ** 2)
        own = self.solver.stats(problem, jax.tree.map(lambda leaf: leaf[0], state.states))
        sure = misfit - variance + 2 * variance * freedom
        return {**own, "sure": sure, "noise_variance": variance, "freedom": freedom}


def _with(problem: SurfaceProblem, observations) -> SurfaceProblem:
    return eqx.tree_at(lambda each: each.observations, problem, observations)
