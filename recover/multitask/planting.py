"""What planted tasks have in common: the truth and how estimates of it are judged, and lots of Gaussian data."""

from typing import Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.model import AbstractModel
from ..core.numbers import ratio
from .fit import TargetFit
from .problem import Lots, MultitaskProblem
from .small_systems import solve_small

__all__ = ["PlantedTasks"]

DesignT = TypeVar("DesignT")


class PlantedTasks(TargetFit):
    """The basis that was planted, the target's coefficients, the moment of its features, and coefficients of all sources."""

    moment: Float[Array, "dimension dimension"]
    coefficients: Float[Array, "tasks dimension"]


class AbstractTasks(AbstractModel[DesignT, MultitaskProblem, PlantedTasks], Generic[DesignT]):
    """Tasks are judged by what a prediction for the target misses."""

    def error(self, truth: PlantedTasks, estimate: TargetFit) -> Float[Array, ""]:
        r"""The excess risk $(\hat\theta - \theta)^\top \Sigma (\hat\theta - \theta)$ of the target, over $\theta^\top \Sigma \theta$."""
        return _risk(truth, truth.target - estimate.target)

    def metrics(self, truth: PlantedTasks, estimate: TargetFit) -> dict[str, Float[Array, ""]]:
        r"""`representation`: the same of the best coefficients in the estimated basis; for isotropic features $\|(I - \hat B \hat B^\top) \theta\|^2$."""
        basis, weighted = estimate.basis, truth.moment @ estimate.basis
        head = solve_small(basis.T @ weighted, (weighted.T @ truth.target)[:, None])[:, 0]
        return {"representation": _risk(truth, truth.target - basis @ head)}


def _risk(truth: PlantedTasks, left: Float[Array, " dimension"]) -> Float[Array, ""]:
    return ratio(left @ (truth.moment @ left), truth.target @ (truth.moment @ truth.target))


def explored_problem(
    moments: Float[Array, "tasks lots dimension dimension"],
    correlations: Float[Array, "tasks lots dimension"],
    samples: Int[Array, " tasks"],
    digits: int,
    **more,
) -> MultitaskProblem:
    """The problem of lots of all tasks, the target's first: so many `samples` are there, out of `digits` lots; the others are for sale."""
    shown, seen = Lots(moments[:, :digits], correlations[:, :digits]).bought(samples)
    counts = samples.astype(moments.dtype)
    lots = Lots(moments[1:, digits:], correlations[1:, digits:])
    return MultitaskProblem(shown[1:], seen[1:], counts[1:], shown[0], seen[0], counts[0], lots=lots, **more)


class GaussianLots(eqx.Module):
    r"""$X^\top X$ of $2^j$ standard normal rows for every task and power, and $X^\top z$ of standard normal noise."""

    moments: Float[Array, "tasks powers dimension dimension"]
    noise: Float[Array, "tasks powers dimension"]

    @staticmethod
    def draw(key: Key[Array, ""], samples: Int[Array, "tasks powers"], dimension: int) -> "GaussianLots":
        r"""Draws both for so many rows without drawing rows, exactly (Bartlett): $X^\top = L Q$ with independent entries of the lower triangle $L$.

        Those below the diagonal are normal, those on it the root of a chi square of $n - i$ degrees of freedom; columns from $n$ on are
        zero. $X^\top z = L (Q z)$, and $Q z$ is standard normal.
        """
        key_lower, key_diagonal, key_noise = draws.split(key, 3)
        freedom = (samples[..., None] - jnp.arange(dimension, dtype=jnp.int32)[None, None, :]).astype(jnp.float32)
        there = freedom > 0
        diagonal = jnp.sqrt(2 * jax.random.gamma(key_diagonal, jnp.where(there, freedom, 1) / 2, dtype=jnp.float32))
        lower = draws.normal(key_lower, (*samples.shape, dimension, dimension))
        below, on = np.tri(dimension, k=-1, dtype=bool)[None, None], np.eye(dimension, dtype=bool)[None, None]
        factor = jnp.where(on, diagonal.astype(lower.dtype)[..., None], jnp.where(below, lower, 0))
        factor = jnp.where(there[..., None, :], factor, 0)
        noise = draws.normal(key_noise, (*samples.shape, dimension))
        moments = jnp.einsum("mpik,mpjk->mpij", factor, factor)
        return GaussianLots(moments, jnp.einsum("mpik,mpk->mpi", factor, noise))
