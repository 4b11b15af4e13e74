"""Sparse Bayesian learning with a Kronecker-structured prior."""

import abc
import dataclasses
import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int

from ..core.data import shown
from ..core.fields import Real, Whole, leaf
from ..core.linalg import eigh
from ..core.noise import known_noise, power
from ..core.numbers import norm, ratio, squared_norm
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from ..operators.mode_products import contract_others, mode_products, outer
from .certificates import evidence_certificate
from .noise_level import first_noise_variance, next_noise_variance
from .problem import KroneckerProblem

__all__ = ["AMKroSBL", "ClusteredKroSBL", "SVDKroSBL"]

# Variances this far below the largest of their mode are zero in all but name, and their inverses overflow.
_NEGLIGIBLE = 1e-12

# The evidence cost is a logarithm of densities of the data.
SCALING = Scaling(
    {"noise": (0, 1), "initial_variance": (-2, 2)},
    stats={
        "noise_variance": (0, 2),
        "cost": lambda value, units, problem: value + 2 * problem.count * jnp.log(units.observations),
    },
)

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
    # Padded rows have no signal: an eigenvalue of the bare noise variance each.
    padding = problem.rows - problem.count
    cost = jnp.sum(jnp.log(total)) - padding * jnp.log(noise_variance) + jnp.sum(jnp.abs(rotated) ** 2 * gains)
    # y - H mu = sigma^2 Phi^-1 y.
    misfit = noise_variance**2 * squared_norm(whitened)
    return KroneckerPosterior(
        mean=mean,
        energies=jnp.abs(mean) ** 2 + spread,
        cost=cost,
        residual=jnp.sqrt(ratio(misfit, squared_norm(observations), misfit)),
        noise_update=(misfit + noise_variance * jnp.sum(signal * gains)) / problem.count,
    )


class AbstractKroneckerSBL(AbstractSolver[KroneckerProblem, KroneckerSBLState]):
    r"""Sparse Bayesian learning for $y = (A_1 \otimes \dots \otimes A_p)\, x + w$ whose support is a Kronecker product too.

    The prior is $x \sim N(0, \operatorname{diag}(\gamma))$, $\gamma = \gamma_1 \otimes \dots \otimes \gamma_p$, circular for complex
    data, and expectation maximisation (EM) fits its variances: the E-step is `kronecker_posterior`, the M-step lowers

    $$Q(\gamma) = \sum_n \Big(\log \gamma_n + \frac{d_n}{\gamma_n}\Big), \qquad d = |\mu|^2 + \operatorname{diag} \Sigma,$$

    over Kronecker products in the way that a subclass says (`maximise`). Of the scales of the factors only the product
    matters: all but the last have unit norm. The estimate is the posterior mean, a tensor.

    **Arguments:** (of all methods, by keyword)

    - `prune`: variances below this share of the largest of their mode are set to zero for good; a number, or one per mode.
    - `tolerance`: converges when the relative change of $\gamma$ in a step is at most this.
    - `noise`: standard deviation $\sigma$ of the noise; that of the problem by default.
    - `learn_noise`: whether the noise variance is learnt, as it is where neither solver nor problem knows it. It starts at a
      tenth of the energy per observation, $\sigma^2 \leftarrow (\|y - H\mu\|^2 + \sigma^2 \sum_n (1 - \Sigma_{nn}/\gamma_n)) / m$,
      and is kept above 30 rounding units of that energy.
    - `initial_variance`: where all variances start; by default that which explains the energy of the data.

    Source: Y. He and G. Joseph, "Bayesian Algorithms for Kronecker-structured Sparse Vector Recovery With Application to
    IRS-MIMO Channel Estimation", IEEE Transactions on Signal Processing (2024) (he2024).
    """

    _: dataclasses.KW_ONLY
    prune: Float[Array, "..."] = leaf(1e-2, "nonnegative")
    tolerance: Real = leaf(1e-4)
    learn_noise: Bool[Array, ""] = leaf(False, "switch")
    noise: Real | None = leaf(None, "nonnegative")
    initial_variance: Real | None = leaf(None, "positive")

    @abc.abstractmethod
    def maximise(self, energies: Float[Array, "..."], variances: Variances) -> Variances:
        """The M-step: new variances from d and the old ones; zeros stay zero."""

    def init(self, problem: KroneckerProblem, key) -> KroneckerSBLState:
        """Equal variances, and the posterior under them."""
        dtype = problem.count.dtype
        *others, last = (jnp.ones(size, dtype) for size in problem.dimensions)
        variances = normalised((*others, initial_level(problem, self.initial_variance) * last))
        noise = first_noise_variance(problem, known_noise(self, problem), self.learn_noise)
        return KroneckerSBLState(
            variances, noise, kronecker_posterior(problem, variances, noise), Progress.start(dtype)
        )

    def step(self, problem: KroneckerProblem, state: KroneckerSBLState) -> KroneckerSBLState:
        """New variances from the posterior, then the posterior under them."""
        variances = normalised(self.maximise(state.posterior.energies, state.variances))
        prune = jnp.broadcast_to(self.prune, (len(variances),))
        variances = tuple(_pruned(variance, prune[mode]) for mode, variance in enumerate(variances))
        noise = next_noise_variance(
            problem,
            known_noise(self, problem),
            self.learn_noise,
            current=state.noise_variance,
            update=state.posterior.noise_update,
        )
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

    def certificate(self, problem: KroneckerProblem, state: KroneckerSBLState) -> Certificate:
        """The residual over what noise of the variance in use explains (`evidence_certificate`)."""
        return evidence_certificate(problem, state.posterior.residual, state.noise_variance)

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


class AMKroSBL(AbstractKroneckerSBL):
    r"""KroSBL with an M-step by alternating minimisation (AM-KroSBL).

    Passes over the modes, each with the newest values of the others,

    $$\gamma_i[a] \leftarrow \frac{1}{\prod_{j \ne i} n_j} \sum_{n : n_i = a} \frac{d_n}{\prod_{j \ne i} \gamma_j[n_j]},$$

    until the relative change of every mode is at most `inner_tolerance` or `passes` are done; $n_j$ counts the
    variances of mode $j$ that are not zero. Each update minimises $Q$ in one mode, and $Q$ is convex in the logarithms of the
    variances; so the evidence cost never increases (pruning apart) and the passes find the minimum of $Q$.
    `passes=1` is the earlier Kronecker SBL that the paper compares with (KSBL). Other options: `AbstractKroneckerSBL`.
    """

    scaling: ClassVar = SCALING

    _: dataclasses.KW_ONLY
    passes: Whole = leaf(50, "positive count")
    inner_tolerance: Real = leaf(1e-4)

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

    scaling: ClassVar = SCALING

    _: dataclasses.KW_ONLY
    prune: Float[Array, "..."] = leaf(1e-3, "nonnegative")

    def maximise(self, energies: Float[Array, "..."], variances: Variances) -> Variances:
        """Sequential rank-one fits; exact when d is a Kronecker product."""
        found = []
        rest = energies
        for variance in variances[:-1]:
            unfolding = rest.reshape(variance.shape[0], -1)
            scale = jnp.max(unfolding)
            unfolding = ratio(unfolding, scale, unfolding)
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

    scaling: ClassVar = SCALING

    clustered: tuple[bool, ...] = eqx.field(
        static=True, default=(True, False, True), converter=lambda modes: _flags(modes)
    )
    coupling: Real = leaf(0.5, "nonnegative")
    _: dataclasses.KW_ONLY
    passes: Whole = leaf(9, "positive count")
    inner_tolerance: Real = leaf(1e-4)
    projections: Whole = leaf(60, "positive count")

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
        # Not `optax.nnls`, which is the same accelerated projection but for a static number of steps and from zero. The target
        # is a good start, with which 60 steps leave half to an eighth of the error on clusters of three among 18.
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


def initial_level(problem: KroneckerProblem, given: Float[Array, ""] | None) -> Float[Array, ""]:
    r"""The variance to start all coefficients from: the one given, else $\|y\|^2 / \prod_i \|A_i\|_F^2$, 1 for an operator of zeros."""
    if given is not None:
        return given
    gain = math.prod(squared_norm(factor) for factor in problem.factors)
    return ratio(power(problem.observations, problem.samples) * problem.count, gain, 1)


def conditional_minimiser(energies: Float[Array, "..."], variances: Variances, mode: int) -> Float[Array, "_"]:
    r"""The variances of one mode that minimise $Q$ given those of the others."""
    others = math.prod(_live(variance) for other, variance in enumerate(variances) if other != mode)
    inverses = [ratio(1, variance) for variance in variances]
    return contract_others(energies, inverses, mode) / jnp.maximum(others, 1)


def normalised(variances: Variances) -> Variances:
    """The same product with all factors but the last of unit norm."""
    scaled, scale = [], jnp.ones((), variances[-1].dtype)
    for variance in variances[:-1]:
        length = norm(variance)
        length = jnp.where(length == 0, 1, length)
        scaled.append(variance / length)
        scale = scale * length
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


def _flags(modes) -> tuple[bool, ...]:
    flags = tuple(modes) if isinstance(modes, (tuple, list, np.ndarray)) else ()
    if not flags or not all(isinstance(each, (bool, np.bool_)) for each in flags):
        raise TypeError(f"ClusteredKroSBL: `clustered` is {shown(modes)}; one boolean for each mode is allowed.")
    return tuple(bool(each) for each in flags)
