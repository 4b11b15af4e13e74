"""Iterative hard thresholding, with a fixed and with an adapted step."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..leaves import leaf
from ..problems import LinearProblem
from ..selection import hard_threshold, largest_mask
from ..stopping import Progress, relative_norm
from .hyperparameters import require, resolve_sparsity
from .linear import AbstractLinearSolver, zeros

# The constants c and kappa of Blumensath and Davies, and how often their step may shrink within one iteration.
_MARGIN = 0.01
_SHRINK = 2.0
_MOST_SHRINKS = 20


class HardThresholdingState(eqx.Module):
    """A sparse iterate, its residual y - A x, and how many coefficients it may have."""

    x: Float[Array, " dimension"]
    residual: Float[Array, " rows"]
    sparsity: Int[Array, ""]
    progress: Progress


def start(owner, problem: LinearProblem) -> HardThresholdingState:
    """Zero coefficients: the residual is the data."""
    dtype = problem.observations.dtype
    return HardThresholdingState(
        zeros(problem), problem.observations, resolve_sparsity(owner, problem), Progress.start(dtype)
    )


def advance(problem: LinearProblem, state: HardThresholdingState, x, residual) -> HardThresholdingState:
    """The state with a new iterate and its residual."""
    progress = state.progress.update(
        relative_norm(residual, problem.observations), relative_norm(x - state.x, x)
    )
    return HardThresholdingState(x, residual, state.sparsity, progress)


class IHT(AbstractLinearSolver[HardThresholdingState]):
    r"""Iterative hard thresholding (Blumensath and Davies 2009) with a fixed step.

    $$x^{t+1} = H_k\left(x^t + \frac{\mu}{c^2} A^\top (y - A x^t)\right),$$

    where $H_k$ keeps the $k$ entries of largest magnitude and $c$ is the root mean square norm of the columns, so
    that the step $\mu$ does not depend on the scale of the design. The default 0.65 is the recommendation of Maleki
    and Donoho (2010); $\mu = 1$ diverges on Gaussian designs of ordinary sizes. `sparsity=None` takes the problem's,
    or else the tuning-free rule of `resolve_sparsity`.
    """

    sparsity: Int[Array, ""] | None = leaf(default=None)
    step_size: Float[Array, ""] = leaf(default=0.65)
    tolerance: Float[Array, ""] = leaf(default=1e-6)
    patience: Int[Array, ""] = leaf(default=100)
