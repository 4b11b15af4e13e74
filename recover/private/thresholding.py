"""Sparse regression from one private message of every user: noisy averages, solved and thresholded."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from ..core import draws
from ..core.checks import require_name
from ..core.fields import Real, Whole, choice, leaf
from ..core.leaves import is_concrete
from ..core.linalg import cholesky, solve
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..scalar.proximal import soft_threshold
from .mechanisms import classical_gaussian_scale, gaussian_mechanism_scale
from .problem import MomentProblem

__all__ = ["PrivateThresholding"]

RELEASES = ("both", "correlation", "responses", "nothing private")


class NoiseScales(NamedTuple):
    """Standard deviations of the noise in one message: in the covariance, the correlation, and the response."""

    covariance: Float[Array, ""]
    correlation: Float[Array, ""]
    response: Float[Array, ""]


class PrivateThresholdingState(eqx.Module):
    """What the server received, on average over users, the threshold, and its answer."""

    covariance: Float[Array, "dimension dimension"]
    correlation: Float[Array, " dimension"]
    threshold: Float[Array, ""]
    x: Float[Array, " dimension"]
    done: Bool[Array, ""]


class PrivateThresholding(AbstractSolver[MomentProblem, PrivateThresholdingState]):
    r"""One-shot locally private sparse regression: every user sends $x x^\top$ and $x y$, clipped and with Gaussian noise.

    $$\hat\theta = \eta\big(\hat S^{-1} \hat b; \lambda\big), \qquad \hat S = S + \frac{s_1}{\sqrt n} Z, \quad \hat b = b + \frac{s_2}{\sqrt n} z, \qquad
      \lambda = a \sqrt{2 \log d} \, \Big(\frac{s_1^2 + s_2^2}{n}\Big)^{1/2},$$

    soft thresholding $\eta$, $a$ = `strength`, $Z$ symmetric with independent standard normal entries on and above the
    diagonal. Users shorten $x$ to $r = \sqrt d \, \tau$ for the first message and clip at $\tau$ for the second, so replacing a user's data
    changes them by at most $2 r^2$ and $2 \sqrt d \, \tau^2$; each gets half of $\varepsilon$ and $\delta$, and together they are $(\varepsilon, \delta)$-private.
    $\hat S$ may be indefinite: it is inverted as it is, and `indefinite` among the statistics says so.

    `release` says what is private: `"both"`; `"correlation"`, with a covariance of public data, where the whole budget goes into $s_2$ and $s_1 = 0$;
    `"responses"`, where features are public and every user adds noise of sensitivity $2 \tau$ to $y$ once; or `"nothing private"`, least squares.
    It is traced, so all are one program. `calibration` of the noise is `"analytic"`, for any $\varepsilon$, or `"classical"`, for messages with $\varepsilon \le 1$.
    There is no hardening against attacks on floating-point noise.

    Source: reconstructed from the abstract of Zhu, Ding, Aggarwal, Xu and Wang (zhu2024), whose Algorithm 1 was not read.
    """

    epsilon: Real = leaf(rule="positive")
    delta: Real = leaf(1e-5, "probability")
    strength: Real = leaf(1.0, "nonnegative")
    calibration: str = choice("analytic", "classical")
    release_kind: Whole = leaf()

    def __init__(self, epsilon, delta=1e-5, *, release: str = "both", calibration: str = "analytic", strength=1.0):
        r"""**Arguments:**

        - `epsilon` $> 0$ and `delta` in (0, 1): the budget of a user.
        - `release`: what is private.
        - `calibration`: of the noise, `"analytic"` or `"classical"`.
        - `strength`: $a \ge 0$.

        **Raises:** `ValueError` for an impossible number, an unknown name, or a budget that the classical formula does not cover.
        """
        require_name("PrivateThresholding", "release", release, RELEASES)
        self.epsilon, self.delta, self.strength, self.calibration = epsilon, delta, strength, calibration
        self.release_kind = RELEASES.index(release)

    def check_together(self):
        """The classical formula holds up to a budget of one for a message."""
        if self.calibration != "classical" or not (is_concrete(self.epsilon) and is_concrete(self.release_kind)):
            return
        kind = np.asarray(self.release_kind)
        most = np.where(kind == 0, 2.0, np.where(kind == 3, np.inf, 1.0))
        if np.any(np.asarray(self.epsilon) > most):
            raise ValueError(
                f"PrivateThresholding: `epsilon` is {self.epsilon}; with the classical formula at most 1 a message is allowed, half "
                'of it each for two messages. `calibration="analytic"` covers any.'
            )

    def noise_scales(self, problem: MomentProblem) -> NoiseScales:
        """The noise that a user adds to every message."""
        kind, dtype = self.release_kind, problem.observations.dtype
        formula = classical_gaussian_scale if self.calibration == "classical" else gaussian_mechanism_scale
        messages = jnp.where(kind == 0, 2, 1).astype(dtype)
        unit = formula(self.epsilon / messages, self.delta / messages).astype(dtype)
        width, level = problem.count, problem.level
        return NoiseScales(
            jnp.where(kind == 0, 2 * width * level**2 * unit, 0),
            jnp.where(kind <= 1, 2 * jnp.sqrt(width) * level**2 * unit, 0),
            jnp.where(kind == 2, 2 * level * unit, 0),
        )

    def init(self, problem: MomentProblem, key: Key[Array, ""]) -> PrivateThresholdingState:
        """The messages, averaged."""
        size = problem.dimension
        key_covariance, key_correlation = draws.split(key)
        scales, root = self.noise_scales(problem), jnp.sqrt(problem.users)
        there = problem.mask
        upper = jnp.triu(draws.normal_tensor(key_covariance, (size, size)))
        symmetric = jnp.where(there[:, None] & there[None, :], upper + jnp.triu(upper, 1).T, 0)
        normal = jnp.where(there, draws.normal(key_correlation, (size,)), 0)
        # Noise in responses is seen through features, whose average square is the covariance.
        seen = scales.correlation * normal + scales.response * (cholesky(problem.covariance) @ normal)
        dtype = problem.observations.dtype
        total = jnp.sqrt(scales.covariance**2 + scales.correlation**2 + scales.response**2)
        return PrivateThresholdingState(
            covariance=problem.covariance + scales.covariance / root * symmetric.astype(dtype),
            correlation=problem.observations + (seen / root).astype(dtype),
            threshold=self.strength * jnp.sqrt(2 * jnp.log(problem.count)) * total / root,
            x=jnp.zeros(size, dtype),
            done=jnp.zeros((), bool),
        )

    def step(self, problem: MomentProblem, state: PrivateThresholdingState) -> PrivateThresholdingState:
        """Solves and thresholds."""
        raw = solve(state.covariance, state.correlation[:, None])[:, 0]
        x = jnp.where(problem.mask, soft_threshold(raw, state.threshold), 0)
        return PrivateThresholdingState(state.covariance, state.correlation, state.threshold, x, jnp.ones((), bool))

    def status(self, problem: MomentProblem, state: PrivateThresholdingState) -> Result:
        """Converged after one step; diverged where the covariance received is singular."""
        result = Result.where(state.done, Result.converged, Result.running)
        sound = jnp.all(jnp.isfinite(state.x)) & jnp.all(jnp.isfinite(state.correlation))
        return Result.where(sound, result, Result.diverged)

    def estimate(self, problem: MomentProblem, state: PrivateThresholdingState) -> Float[Array, " dimension"]:
        """The coefficients."""
        return state.x

    def stats(self, problem: MomentProblem, state: PrivateThresholdingState) -> dict[str, Array]:
        """The `threshold`, and whether the covariance received is `indefinite` (1) or not (0)."""
        dtype = state.x.dtype
        indefinite = ~jnp.all(jnp.isfinite(cholesky(state.covariance)))
        return {"threshold": state.threshold, "indefinite": indefinite.astype(dtype)}
