"""Variational inference of several sparse vectors at once: a mixture of Gaussians fitted to a spike-and-slab posterior."""

import functools
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from ..core import draws
from ..core.checks import require_name
from ..core.fields import Real, Size, Whole, count, leaf, size
from ..core.results import Result
from ..core.selection import largest_mask
from ..core.sizes import capacity, row_mask
from ..core.solver import AbstractSolver
from .problem import LinearProblem
from .sparsity import resolve_sparsity

__all__ = ["SparseMixtureInference"]

# How sharply a sampled coefficient counts as one of the support, and from which size on: of the authors' code.
_SHARPNESS, _THRESHOLD = 100.0, 1e-3


class Mixture(NamedTuple):
    """Means, variances before softplus, and logits of the weights but for the last of the components in use, whose logit is 0."""

    means: Float[Array, "components dimension"]
    spreads: Float[Array, "components dimension"]
    logits: Float[Array, " components"]


class SparseMixtureState(eqx.Module):
    """The mixture, what Adam remembers, the last estimate of the objective, and the number of steps."""

    mixture: Mixture
    memory: PyTree
    objective: Float[Array, ""]
    number: Int[Array, ""]
    key: Key[Array, ""]


class SparseMixtureInference(AbstractSolver[LinearProblem, SparseMixtureState]):
    r"""GEMSS: $q(\beta) = \sum_{j \le m} \alpha_j N(\mu_j, \mathrm{diag}\, v_j)$ fitted to the posterior under a structured spike-and-slab prior.

    $$\max_q \; \mathbb{E}_{z \sim q}\Big[ \log p(z) - \tfrac{1}{2 \sigma^2} \|X z - y\|^2 - \log q(z) \Big] - \lambda J, \qquad
      p(z) = \operatorname*{mean}_{|A| = D} \; \prod_{f \in A} g_s(z_f) \prod_{f \notin A} g_0(z_f),$$

    with $\log g_s(z) = -\frac12 ((z / s)^2 + \log s)$, $s$ the `slab`, and $g_0$ the same with the `spike`; the authors call
    these variances and use them as standard deviations. $p$ is the mean over `drawn` sets of size $D$, drawn anew in every step.
    $J$ is the mean over pairs of samples of $\frac1p \sum_f s_f s_f'$, $s_f = 1 / (1 + e^{-100 (|z_f| - 0.001)})$: a Jaccard
    index of soft supports as the authors' code has it, where the union counts all $p$ features.

    A step is one of Adam on `batch` samples; the component of a sample is drawn without a gradient. It converges after `steps` of
    them: whether the bound has settled is not judged. A response of zeros and ones is fitted by the same Gaussian likelihood, with
    $\sigma = 1$, so answers depend on the units of both $X$ and $y$.

    The estimate has one row a component: of the means larger than `cut` the $D$ largest (`supports` has other rules). Where fewer
    are left than $D$ the authors go back along the path of the means; that is not done here.

    - `components`: $m$. At least the number of sets that are looked for.
    - `sparsity`: $D$; by default that of the problem, or else the rule of `resolve_sparsity`.
    - `jaccard`: $\lambda$. `noise`: $\sigma$.

    Source: Henclova and Smidl (henclova2026), with the public code for all that is not in the paper.
    """

    components: Size = size(1)
    sparsity: Size | None = size(1, default=None)
    jaccard: Real = leaf(0.0, "nonnegative")
    noise: Real = leaf(1.0, "positive")
    slab: Real = leaf(100.0, "positive")
    spike: Real = leaf(0.1, "positive")
    learning_rate: Real = leaf(2e-3, "positive")
    cut: Real = leaf(0.2, "nonnegative")
    steps: Whole = leaf(3500, "count")
    batch: int = count(2, default=16)
    drawn: int = count(1, default=100)

    def init(self, problem: LinearProblem, key: Key[Array, ""]) -> SparseMixtureState:
        """Normal means, variances log 2, equal weights."""
        dtype = problem.observations.dtype
        most = capacity(self, "components")
        key_means, key = draws.split(key)
        means = draws.normal(key_means, (most, problem.dimension)).astype(dtype)
        mixture = Mixture(means, jnp.zeros_like(means), jnp.zeros(most, dtype))
        memory = optax.scale_by_adam().init(mixture)
        return SparseMixtureState(mixture, memory, jnp.zeros((), dtype), jnp.zeros((), jnp.int32), key)

    def step(self, problem: LinearProblem, state: SparseMixtureState) -> SparseMixtureState:
        """One step of Adam."""
        key_samples, key_parts, key_sets = draws.split(draws.fold_in(state.key, state.number), 3)
        dtype = problem.observations.dtype
        noise = draws.normal(key_samples, (self.batch, problem.dimension)).astype(dtype)
        uniform = draws.uniform(key_parts, (self.batch,)).astype(dtype)
        sets = self._sets(key_sets, problem).astype(dtype)

        def negative(mixture):
            return -self._objective(problem, mixture, noise, uniform, sets)

        value, slope = jax.value_and_grad(negative)(state.mixture)
        # Optax counts steps in integers and raises real numbers to them.
        with jax.numpy_dtype_promotion("standard"):
            updates, memory = optax.scale_by_adam().update(slope, state.memory)
        mixture = jax.tree.map(lambda old, change: old - self.learning_rate * change, state.mixture, updates)
        return SparseMixtureState(mixture, memory, -value, state.number + 1, state.key)

    def status(self, problem: LinearProblem, state: SparseMixtureState) -> Result:
        """Converged after the given number of steps."""
        result = Result.where(state.number >= self.steps, Result.converged, Result.running)
        finite = jnp.isfinite(state.objective) & jnp.all(jnp.isfinite(state.mixture.means))
        return Result.where(finite, result, Result.diverged)

    def estimate(self, problem: LinearProblem, state: SparseMixtureState) -> Float[Array, "components dimension"]:
        """The means that are kept, one component a row; rows beyond the number of components are zero."""
        return self.supports(problem, state)

    def supports(
        self, problem: LinearProblem, state: SparseMixtureState, rule: str = "top", factor: float = 3.0
    ) -> Float[Array, "components dimension"]:
        """The means that a rule keeps, zero elsewhere.

        **Arguments:**

        - `rule`: `"full"` keeps those larger than `cut` in absolute value, `"top"` the $D$ largest of these, `"outlier"` those
          larger than `factor` times the mean absolute value of their component.

        **Raises:** `ValueError` for an unknown rule.
        """
        require_name("SparseMixtureInference", "rule", rule, ("top", "full", "outlier"))
        means = jnp.where(self._used[:, None], state.mixture.means, 0)
        sizes = jnp.abs(means)
        if rule == "outlier":
            return jnp.where(sizes > factor * jnp.mean(sizes, 1, keepdims=True), means, 0)
        # What is not a number is kept, so that it is noticed.
        kept = ~(sizes <= self.cut)
        if rule == "top":
            wanted = resolve_sparsity(self, problem).astype(jnp.int32)
            kept = kept & jax.vmap(lambda row: largest_mask(row, wanted))(sizes)
        return jnp.where(kept, means, 0)

    def weights(self, state: SparseMixtureState) -> Float[Array, " components"]:
        r"""The $\alpha_j$."""
        return jnp.exp(self._log_weights(state.mixture))

    def stats(self, problem: LinearProblem, state: SparseMixtureState) -> dict[str, Array]:
        """The `objective` of the last step, from its samples, and the largest of the `weight`s."""
        return {"objective": state.objective, "weight": jnp.max(self.weights(state))}

    @property
    def _used(self) -> Bool[Array, " components"]:
        return row_mask(self.components, capacity(self, "components"))

    def _log_weights(self, mixture: Mixture) -> Float[Array, " components"]:
        last = jnp.arange(len(mixture.logits), dtype=jnp.int32) == self.components - 1
        return jax.nn.log_softmax(jnp.where(self._used, jnp.where(last, 0, mixture.logits), -jnp.inf))

    def _sets(self, key: Key[Array, ""], problem: LinearProblem) -> Bool[Array, "drawn dimension"]:
        """Uniformly random sets of size D, by Floyd's algorithm: one random number a member."""
        wanted = jnp.minimum(resolve_sparsity(self, problem).astype(jnp.int32), problem.dimension)
        bounded = dict(self.capacities).get("sparsity", problem.dimension)
        most = min(bounded, problem.dimension)
        uniform = draws.uniform(key, (most, self.drawn))

        def add(place, members):
            place = place.astype(jnp.int32)
            last = problem.dimension - wanted + place
            drawn = jnp.minimum((uniform[place] * (last + 1).astype(uniform.dtype)).astype(jnp.int32), last)
            member = jnp.where(jnp.any(members == drawn[None, :], 0), last, drawn)
            # Beyond the features where there is no such member.
            return members.at[place].set(jnp.where(place < wanted, member, problem.dimension))

        # A loop: compiled together with what follows, members would be found again for every feature.
        none = jnp.full((most, self.drawn), problem.dimension, jnp.int32)
        members = jax.lax.fori_loop(0, most, add, none)
        features = jnp.arange(problem.dimension, dtype=jnp.int32)[None, :]
        return functools.reduce(jnp.logical_or, [features == each[:, None] for each in members])

    def _objective(self, problem: LinearProblem, mixture: Mixture, noise, uniform, sets) -> Float[Array, ""]:
        variances = jax.nn.softplus(mixture.spreads)
        logs = self._log_weights(mixture)
        above = uniform[:, None] >= jnp.cumsum(jax.lax.stop_gradient(jnp.exp(logs)))[None, :]
        part = jnp.minimum(jnp.sum(above, 1, dtype=jnp.int32), self.components - 1)
        chosen = (part[:, None] == jnp.arange(len(logs), dtype=jnp.int32)[None, :]).astype(noise.dtype)
        z = chosen @ mixture.means + jnp.sqrt(chosen @ variances) * noise

        residual = jax.vmap(problem.forward)(z) - problem.observations[None, :]
        likelihood = -0.5 * jnp.sum((residual / self.noise) ** 2, 1)
        spike, slab = (-0.5 * ((z / width) ** 2 + jnp.log(width)) for width in (self.spike, self.slab))
        gains = jax.nn.logsumexp((slab - spike) @ sets.T, 1) - math.log(self.drawn)
        prior = jnp.sum(spike, 1) + gains
        squares = jnp.sum((z[:, None, :] - mixture.means[None]) ** 2 * (1 / variances)[None], 2)
        densities = -0.5 * (squares + jnp.sum(jnp.log(2 * jnp.pi * variances), 1)[None])
        entropy = -jax.nn.logsumexp(densities + logs[None, :], 1)

        soft = jax.nn.sigmoid(_SHARPNESS * (jnp.abs(z) - _THRESHOLD))
        common = jnp.sum(jnp.sum(soft, 0) ** 2 - jnp.sum(soft**2, 0))
        overlap = common / (self.batch * (self.batch - 1) * problem.dimension)
        return jnp.mean(prior + likelihood + entropy) - self.jaccard * overlap
