"""Sparse Bayesian learning with a Kronecker-structured prior."""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int

from ..core.checks import require
from ..core.leaves import as_leaf, leaf
from ..core.linalg import eigh
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.stopping import Progress, relative_norm
from ..operators.mode_products import contract_others, mode_products, outer
from .problem import KroneckerProblem

__all__ = ["AMKroSBL", "ClusteredKroSBL", "SVDKroSBL"]

# The least noise variance, in rounding units of the energy per observation.
_FLOOR = 30
# Variances this far below the largest of their mode are zero in all but name, and their inverses overflow.
_NEGLIGIBLE = 1e-12

Variances = tuple[Float[Array, "_"], ...]


class KroneckerPosterior(eqx.Module):
    r"""What the E-step finds.

    - `mean`: $\mu$, and `energies`: $d = |\mu|^2 + \operatorname{diag} \Sigma$, tensors of the shape of the unknown.
    - `cost`: $\log|\Phi| + y^* \Phi^{-1} y$, minus twice the log evidence up to a constant.
    - `residual`: $\|y - H\mu\| / \|y\|$.
    - `noise_update`: the noise variance that maximises the expected likelihood under this posterior.
    """

    mean: Inexact[Array, "..."]
    energies: Float[Array, "..."]
    cost: Float[Array, ""]
    residual: Float[Array, ""]
    noise_update: Float[Array, ""]


class KroneckerSBLState(eqx.Module):
    """The prior variances of every mode, the noise variance, and the posterior under them."""

    variances: Variances
    noise_variance: Float[Array, ""]
    posterior: KroneckerPosterior
    progress: Progress


def kronecker_posterior(
    problem: KroneckerProblem, variances: Variances, noise_variance: Float[Array, ""]
) -> KroneckerPosterior:
    r"""Posterior of $x \sim N(0, \operatorname{diag}(\gamma_1 \otimes \dots \otimes \gamma_p))$ given the data.

    With $A_i \operatorname{diag}(\gamma_i) A_i^* = U_i \operatorname{diag}(p_i) U_i^*$ the covariance of the data,
    $\Phi = \sigma^2 I + H \Gamma H^*$, has the eigenvalues $\sigma^2 + p_1 \otimes \dots \otimes p_p$, so that with
    $E = (\sigma^2 + p_1 \otimes \dots \otimes p_p)^{-1}$ entrywise and $V_i = U_i^* A_i$

    $$\mu = \Gamma \cdot (V_1^*, \dots, V_p^*) \cdot \big[E \cdot (U_1^*, \dots, U_p^*) \cdot Y\big], \qquad
      \operatorname{diag} \Sigma = \gamma - \gamma^2 \cdot (|V_1|^{2\top}, \dots, |V_p|^{2\top}) \cdot E .$$

    One eigendecomposition of size $m_i$ per mode and a few products along modes; no matrix of the size of the data.
    """
    observations = problem.observations
    spectra, bases, rotated_factors = [], [], []
    for factor, variance in zip(problem.factors, variances, strict=True):
        covariance = (factor * variance[None, :].astype(factor.dtype)) @ factor.conj().T
        eigenvalues, vectors = eigh(covariance)
        spectra.append(jnp.maximum(eigenvalues, 0))
        bases.append(vectors.conj().T)
        rotated_factors.append(vectors.conj().T @ factor)
    signal = outer(spectra)
    total = noise_variance + signal
    gains = 1 / total
    rotated = mode_products(bases, observations)
    whitened = gains.astype(rotated.dtype) * rotated
    prior = outer(variances)
    mean = prior.astype(rotated.dtype) * mode_products([factor.conj().T for factor in rotated_factors], whitened)
    quadratic = mode_products([jnp.abs(factor.T) ** 2 for factor in rotated_factors], gains)
    spread = jnp.maximum(prior - prior**2 * quadratic, 0)
    count = problem.samples.astype(prior.dtype)
    # Padded rows have no signal: an eigenvalue of the bare noise variance each.
    padding = problem.rows - count
    cost = jnp.sum(jnp.log(total)) - padding * jnp.log(noise_variance) + jnp.sum(jnp.abs(rotated) ** 2 * gains)
    # y - H mu = sigma^2 Phi^-1 y.
    misfit = noise_variance**2 * jnp.sum(jnp.abs(whitened) ** 2)
    return KroneckerPosterior(
        mean=mean,
        energies=jnp.abs(mean) ** 2 + spread,
        cost=cost,
        residual=jnp.sqrt(misfit / (problem.power * count)),
        noise_update=(misfit + noise_variance * jnp.sum(signal * gains)) / count,
    )


class AbstractKroneckerSBL(AbstractSolver[KroneckerProblem, KroneckerSBLState]):
    r"""Sparse Bayesian learning for $y = (A_1 \otimes \dots \otimes A_p)\, x + w$ whose support is a Kronecker product too.

    The prior is $x \sim N(0, \operatorname{diag}(\gamma))$, $\gamma = \gamma_1 \otimes \dots \otimes \gamma_p$, circular for complex
    data, and expectation maximisation (EM) fits its variances: the E-step is `kronecker_posterior`, the M-step lowers

    $$Q(\gamma) = \sum_n \Big(\log \gamma_n + \frac{d_n}{\gamma_n}\Big), \qquad d = |\mu|^2 + \operatorname{diag} \Sigma,$$

    over Kronecker products in the way that a subclass says (`maximise`). Of the scales of the factors only the product
    matters: all but the last have unit norm. The estimate is the posterior mean, a tensor.

    Variances below `prune` times the largest of their mode are set to zero for good (a number, or one per mode). The
    noise variance is `noise` squared, or the problem's; where neither is known, or `learn_noise` is set, it starts at a
    tenth of the energy per observation and is learnt,
    $\sigma^2 \leftarrow (\|y - H\mu\|^2 + \sigma^2 \sum_n (1 - \Sigma_{nn}/\gamma_n)) / m$. It is kept above 30 rounding units of the energy per
    observation. All variances start at `initial_variance`, by default that which explains the energy of the data.
    Converges when the relative change of $\gamma$ in a step is at most `tolerance`.

    He and Joseph, "Bayesian Algorithms for Kronecker-structured Sparse Vector Recovery With Application to IRS-MIMO
    Channel Estimation", arXiv 2307.14719.
    """

    prune: eqx.AbstractVar[Float[Array, "..."]]
    tolerance: eqx.AbstractVar[Float[Array, ""]]
    learn_noise: eqx.AbstractVar[Bool[Array, ""]]
    noise: eqx.AbstractVar[Float[Array, ""] | None]
    initial_variance: eqx.AbstractVar[Float[Array, ""] | None]

    @abc.abstractmethod
    def maximise(self, energies: Float[Array, "..."], variances: Variances) -> Variances:
        """The M-step: new variances from d and the old ones; zeros stay zero."""

    def init(self, problem: KroneckerProblem, key) -> KroneckerSBLState:
        """Equal variances, and the posterior under them."""
        dtype = problem.power.dtype
        if self.initial_variance is None:
            gain = math.prod(jnp.sum(jnp.abs(factor) ** 2) for factor in problem.factors)
            level = problem.power * problem.samples.astype(dtype) / gain
        else:
            level = jnp.asarray(self.initial_variance, dtype)
        variances = [jnp.ones(size, dtype) for size in problem.dimensions]
        variances[-1] = level * variances[-1]
        variances = normalised(tuple(variances))
        unknown = problem.power / 10
        known = self._known_noise(problem)
        noise = unknown if known is None else jnp.where(self.learn_noise, unknown, known**2)
        noise = _floored(problem, noise)
        return KroneckerSBLState(
            variances, noise, kronecker_posterior(problem, variances, noise), Progress.start(dtype)
        )

    def step(self, problem: KroneckerProblem, state: KroneckerSBLState) -> KroneckerSBLState:
        """New variances from the posterior, then the posterior under them."""
        variances = normalised(self.maximise(state.posterior.energies, state.variances))
        prune = jnp.broadcast_to(jnp.asarray(self.prune, variances[0].dtype), (len(variances),))
        variances = tuple(_pruned(variance, prune[mode]) for mode, variance in enumerate(variances))
        noise = _floored(problem, state.posterior.noise_update)
        if self._known_noise(problem) is not None:
            noise = jnp.where(self.learn_noise, noise, state.noise_variance)
        before = outer(state.variances)
        change = relative_norm(outer(variances) - before, before)
        posterior = kronecker_posterior(problem, variances, noise)
        # Expectation maximisation crawls towards a small residual that proves nothing: only change stops it.
        progress = state.progress.update(change, change)
        return KroneckerSBLState(variances, noise, posterior, progress)

    def status(self, problem: KroneckerProblem, state: KroneckerSBLState) -> Result:
        """By the relative change of the variances."""
        status = state.progress.status(self.tolerance, jnp.zeros((), jnp.int32))
        return Result.where(jnp.isfinite(state.posterior.residual), status, Result.diverged)

    def estimate(self, problem: KroneckerProblem, state: KroneckerSBLState) -> Inexact[Array, "..."]:
        """The posterior mean."""
        return state.posterior.mean

    def stats(self, problem: KroneckerProblem, state: KroneckerSBLState) -> dict[str, Array]:
        """Relative residual, evidence cost, noise variance and the number of variances that are not zero."""
        return {
            "residual": state.posterior.residual,
            "cost": state.posterior.cost,
            "noise_variance": state.noise_variance,
            "live": math.prod(_live(variance) for variance in state.variances),
        }

    def _known_noise(self, problem: KroneckerProblem):
        noise = problem.noise if self.noise is None else self.noise
        return None if noise is None else jnp.asarray(noise, problem.power.dtype)


def _boolean(value):
    return as_leaf(value)


class AMKroSBL(AbstractKroneckerSBL):
    r"""KroSBL with an M-step by alternating minimisation (AM-KroSBL).

    Passes over the modes, each with the newest values of the others,

    $$\gamma_i[a] \leftarrow \frac{1}{\prod_{j \ne i} n_j} \sum_{n : n_i = a} \frac{d_n}{\prod_{j \ne i} \gamma_j[n_j]},$$

    until the relative change of every mode is at most `inner_tolerance` or `passes` are done; $n_j$ counts the
    variances of mode $j$ that are not zero. Each update minimises $Q$ in one mode, and $Q$ is convex in the logarithms of the
    variances; so the evidence cost never increases (pruning apart) and the passes find the minimum of $Q$.
    `passes=1` is the earlier Kronecker SBL that the paper compares with (KSBL). Other options: `AbstractKroneckerSBL`.
    """

    prune: Float[Array, "..."] = leaf(default=1e-2)
    tolerance: Float[Array, ""] = leaf(default=1e-4)
    passes: Int[Array, ""] = leaf(default=50)
    inner_tolerance: Float[Array, ""] = leaf(default=1e-4)
    learn_noise: Bool[Array, ""] = eqx.field(converter=_boolean, default=False)
    noise: Float[Array, ""] | None = leaf(default=None)
    initial_variance: Float[Array, ""] | None = leaf(default=None)

    def __check_init__(self):
        require(self, prune="nonnegative", noise="nonnegative", initial_variance="positive", passes="positive count")

    def maximise(self, energies: Float[Array, "..."], variances: Variances) -> Variances:
        """Alternating minimisation of Q."""

        def sweep(variances):
            for mode in range(len(variances)):
                target = conditional_minimiser(energies, variances, mode)
                variances = (*variances[:mode], target, *variances[mode + 1 :])
            return normalised(variances)

        return _repeat(sweep, variances, self.passes, self.inner_tolerance)


class SVDKroSBL(AbstractKroneckerSBL):
    r"""KroSBL with an M-step by rank-one fits (SVD-KroSBL).

    The energies $d$ are approximated by a Kronecker product, one mode after the other: with the leading singular pair of
    the unfolding $D_{(1)} \approx s\, u v^\top$ of shape $(n_1, n_2 \cdots n_p)$,

    $$\gamma_1 \leftarrow |u|, \qquad d \leftarrow |s\, v|,$$

    and so on with the reshaped rest. It minimises no bound on the evidence cost, which may rise, but moves much faster. The
    pairs come from the small Gram matrices of the unfoldings. Other options: `AbstractKroneckerSBL`.
    """

    prune: Float[Array, "..."] = leaf(default=1e-3)
    tolerance: Float[Array, ""] = leaf(default=1e-4)
    learn_noise: Bool[Array, ""] = eqx.field(converter=_boolean, default=False)
    noise: Float[Array, ""] | None = leaf(default=None)
    initial_variance: Float[Array, ""] | None = leaf(default=None)

    def __check_init__(self):
        require(self, prune="nonnegative", noise="nonnegative", initial_variance="positive")

    def maximise(self, energies: Float[Array, "..."], variances: Variances) -> Variances:
        """Sequential rank-one fits; exact when d is a Kronecker product."""
        found = []
        rest = energies
        for variance in variances[:-1]:
            unfolding = rest.reshape(variance.shape[0], -1)
            scale = jnp.max(unfolding)
            unfolding = unfolding / jnp.where(scale > 0, scale, 1)
            _, vectors = eigh(unfolding @ unfolding.T)
            # The leading vectors of a nonnegative matrix have one sign; rounding may leave specks of the other.
            leading = jnp.where(variance > 0, jnp.abs(vectors[:, -1]), 0)
            found.append(leading)
            rest = scale * jnp.abs(leading @ unfolding).reshape(rest.shape[1:])
        return (*found, rest)


class ClusteredKroSBL(AbstractKroneckerSBL):
    r"""KroSBL for supports that are blocks of neighbours in some modes (PC-KroSBL).

    In the modes that `clustered` marks, the variances are patterns $\gamma_i = C g_i$ with $g_i \ge 0$ and the tridiagonal
    coupling $C = I + \beta\,(\text{shift up} + \text{shift down})$, so that a coefficient shares the variance of its neighbours. In an
    alternating pass (`AMKroSBL`) with the target $v_i$ of such a mode,

    $$g_i = \arg\min_{g \ge 0} \|C g - v_i\|, \qquad \gamma_i \leftarrow C g_i + 10^{-5} \max(C g_i),$$

    by `projections` accelerated projected-gradient steps. Other options: `AbstractKroneckerSBL`.
    """

    clustered: tuple[bool, ...] = eqx.field(static=True, default=(True, False, True))
    coupling: Float[Array, ""] = leaf(default=0.5)
    prune: Float[Array, "..."] = leaf(default=1e-2)
    tolerance: Float[Array, ""] = leaf(default=1e-4)
    passes: Int[Array, ""] = leaf(default=9)
    inner_tolerance: Float[Array, ""] = leaf(default=1e-4)
    projections: Int[Array, ""] = leaf(default=60)
    learn_noise: Bool[Array, ""] = eqx.field(converter=_boolean, default=False)
    noise: Float[Array, ""] | None = leaf(default=None)
    initial_variance: Float[Array, ""] | None = leaf(default=None)

    def __check_init__(self):
        require(
            self,
            coupling="nonnegative",
            prune="nonnegative",
            noise="nonnegative",
            initial_variance="positive",
            passes="positive count",
            projections="positive count",
        )

    def maximise(self, energies: Float[Array, "..."], variances: Variances) -> Variances:
        """Alternating minimisation, projected on the patterns in the clustered modes."""
        if len(self.clustered) != len(variances):
            raise ValueError(
                f"ClusteredKroSBL: `clustered` is {self.clustered}; one boolean for each of {len(variances)} modes is allowed."
            )

        def sweep(variances):
            for mode, clustered in enumerate(self.clustered):
                target = conditional_minimiser(energies, variances, mode)
                if clustered:
                    target = self._pattern(target, variances[mode] > 0)
                variances = (*variances[:mode], target, *variances[mode + 1 :])
            return normalised(variances)

        return _repeat(sweep, variances, self.passes, self.inner_tolerance)

    def _pattern(self, target: Float[Array, " size"], live: Bool[Array, " size"]) -> Float[Array, " size"]:
        size, dtype = target.shape[0], target.dtype
        neighbours = jnp.eye(size, k=1, dtype=dtype) + jnp.eye(size, k=-1, dtype=dtype)
        matrix = jnp.eye(size, dtype=dtype) + self.coupling * neighbours
        matrix = jnp.where(live[:, None] & live[None, :], matrix, 0)
        gram, linear = matrix @ matrix, matrix @ target
        step = 1 / (1 + 2 * self.coupling) ** 2

        def project(_, carry):
            previous, point, weight = carry
            solution = jnp.maximum(point - step * (gram @ point - linear), 0)
            following = (1 + jnp.sqrt(1 + 4 * weight**2)) / 2
            point = solution + ((weight - 1) / following) * (solution - previous)
            return solution, point, following

        start = (target, target, jnp.ones((), dtype))
        pattern = matrix @ jax.lax.fori_loop(0, self.projections, project, start)[0]
        return jnp.where(live, pattern + 1e-5 * jnp.max(pattern), 0)


def conditional_minimiser(energies: Float[Array, "..."], variances: Variances, mode: int) -> Float[Array, "_"]:
    r"""The variances of one mode that minimise $Q$ given those of the others."""
    others = math.prod(_live(variance) for other, variance in enumerate(variances) if other != mode)
    inverses = [jnp.where(variance > 0, 1 / jnp.where(variance > 0, variance, 1), 0) for variance in variances]
    return contract_others(energies, inverses, mode) / jnp.maximum(others, 1)


def m_step_cost(energies: Float[Array, "..."], variances: Variances) -> Float[Array, ""]:
    r"""$Q = \sum_n \log \gamma_n + d_n / \gamma_n$ over the variances that are not zero."""
    prior = outer(variances)
    safe = jnp.where(prior > 0, prior, 1)
    return jnp.sum(jnp.where(prior > 0, jnp.log(safe) + energies / safe, 0))


def normalised(variances: Variances) -> Variances:
    """The same product with all factors but the last of unit norm."""
    scaled, scale = [], jnp.ones((), variances[-1].dtype)
    for variance in variances[:-1]:
        norm = jnp.sqrt(jnp.sum(variance**2))
        norm = jnp.where(norm > 0, norm, 1)
        scaled.append(variance / norm)
        scale = scale * norm
    return (*scaled, scale * variances[-1])


def _repeat(sweep, variances: Variances, passes: Int[Array, ""], tolerance: Float[Array, ""]) -> Variances:
    """Applies `sweep` until no mode changes by more than `tolerance` in relative norm."""

    def going(carry):
        _, change, done = carry
        return (done < passes) & (change > tolerance)

    def body(carry):
        variances, _, done = carry
        updated = sweep(variances)
        changes = [relative_norm(new - old, old) for new, old in zip(updated, variances, strict=True)]
        return updated, jnp.max(jnp.stack(changes)), done + 1

    start = (variances, jnp.full((), jnp.inf, variances[0].dtype), jnp.zeros((), jnp.int32))
    return jax.lax.while_loop(going, body, start)[0]


def _pruned(variance: Float[Array, " size"], share: Float[Array, ""]) -> Float[Array, " size"]:
    return jnp.where(variance >= jnp.maximum(share, _NEGLIGIBLE) * jnp.max(variance), variance, 0)


def _live(variance: Float[Array, " size"]) -> Float[Array, ""]:
    return jnp.sum(variance > 0).astype(variance.dtype)


def _floored(problem: KroneckerProblem, noise_variance: Float[Array, ""]) -> Float[Array, ""]:
    return jnp.maximum(noise_variance, _FLOOR * jnp.finfo(noise_variance.dtype).eps * problem.power)
