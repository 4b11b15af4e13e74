"""Generalised approximate message passing with a rotationally invariant matrix denoiser."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.checks import require
from ..core.leaves import leaf
from ..core.linalg import eigh
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.stopping import Progress, relative_norm
from .quadratic_problem import QuadraticNetworkProblem
from .spectral_denoisers import wishart_shrinkage, wishart_shrinkage_error

__all__ = ["GAMPRIE"]


class GAMPRIEState(eqx.Module):
    """The estimate, its predicted error F, the variance V and mean of the outputs, and the output messages."""

    matrix: Float[Array, "dimension dimension"]
    error: Float[Array, ""]
    variance: Float[Array, ""]
    mean: Float[Array, " rows"]
    messages: Float[Array, " rows"]
    progress: Progress


class GAMPRIE(AbstractSolver[QuadraticNetworkProblem, GAMPRIEState]):
    r"""Message passing that reaches the Bayes-optimal error of a quadratic network of extensive width.

    On the linear channel $\tilde y_i = \langle Z_i, S \rangle + \sqrt{\tilde\Delta} \xi_i$ of the problem, with $\gamma$ =
    `damping`,

    $$\begin{aligned}
    V &\leftarrow (1 - \gamma)\, 2F + \gamma V, &
    \omega &\leftarrow (1 - \gamma) \big( \langle Z_i, \hat S \rangle - 2F g_i \big) + \gamma\, \omega, &
    g &\leftarrow \frac{\tilde y - \omega}{\tilde\Delta + V}, \\
    A &\leftarrow 2 \alpha\, \frac1n \sum_i g_i^2, &
    R &\leftarrow \hat S + \frac{1}{A d} \sum_i g_i Z_i, &
    \hat S &\leftarrow f_{\mathrm{RIE}}(R, t), \quad t = \frac{1}{2A},
    \end{aligned}$$

    from $\hat S = I$, $F = 1/\kappa$ and $g = 0$. $f_{\mathrm{RIE}}$ shrinks eigenvalues (`recover.networks.spectral_denoisers`) and $F$ is the error it predicts for
    itself, a mean over the eigenvalues at hand, which converges to the function $F(t)$ of the paper; both are computed in
    a form that single precision does not harm. One step costs two products of an $n \times d$ by a $d \times d$ matrix and an
    eigendecomposition.

    The prior (width and noise) is that of the problem. Converged when $\|\hat S^+ - \hat S\|_F^2 / d$ is at most `tolerance`.
    Undamped iterates follow
    `recover.theory.quadratic_network_state_evolution` step by step up to finite-size effects; damping makes small instances converge.

    Source: Maillard, Troiani, Martin, Krzakala and Zdeborová, arXiv:2408.03733 (NeurIPS 2024).
    """

    damping: Float[Array, ""] = leaf(default=0.5)
    floor: Float[Array, ""] = leaf(default=1e-6)
    tolerance: Float[Array, ""] = leaf(default=1e-5)
    patience: Int[Array, ""] = leaf(default=100)

    def __check_init__(self):
        require(self, damping="decay", floor="positive", patience="count")

    def init(self, problem: QuadraticNetworkProblem, key) -> GAMPRIEState:
        """The prior mean, with the error of the prior."""
        dtype = problem.observations.dtype
        matrix = jnp.eye(problem.dimension, dtype=dtype)
        error = 1 / problem.ratio
        # No messages yet: the prior mean owes nothing to the data, so the first step has nothing to correct for.
        messages = jnp.zeros_like(problem.observations)
        return GAMPRIEState(matrix, error, 2 * error, problem.measure(matrix), messages, Progress.start(dtype))

    def step(self, problem: QuadraticNetworkProblem, state: GAMPRIEState) -> GAMPRIEState:
        """One pass of messages and one denoising."""
        dtype = state.matrix.dtype
        damping, floor = jnp.asarray(self.damping, dtype), jnp.asarray(self.floor, dtype)
        data, dimension = problem.centred, problem.dimension
        fitted = problem.measure(state.matrix)
        onsager = 2 * state.error
        variance = (1 - damping) * onsager + damping * state.variance
        mean = (1 - damping) * (fitted - onsager * state.messages) + damping * state.mean
        messages = (data - mean) / (problem.channel_noise + variance)
        energy = jnp.sum(messages**2) / problem.count
        precision = 2 * problem.sampling * jnp.where(energy == 0, 1, energy)
        pseudo_data = state.matrix + problem.adjoint(messages) / (precision * dimension)
        noise = 1 / (2 * precision) + floor
        values, vectors = eigh((pseudo_data + pseudo_data.T) / 2)
        shrunken = wishart_shrinkage(values, noise, problem.ratio)
        matrix = (vectors * shrunken[None, :]) @ vectors.T
        error = wishart_shrinkage_error(shrunken, noise, problem.ratio)
        change = jnp.sum((matrix - state.matrix) ** 2) / dimension
        progress = state.progress.update(relative_norm(data - fitted, data), change)
        return GAMPRIEState(matrix, error, variance, mean, messages, progress)

    def status(self, problem: QuadraticNetworkProblem, state: GAMPRIEState) -> Result:
        """By the relative residual of the estimate before the last step, and how far that step moved it."""
        return state.progress.status(self.tolerance, self.patience)

    def estimate(self, problem: QuadraticNetworkProblem, state: GAMPRIEState) -> Float[Array, "dimension dimension"]:
        """The matrix."""
        return state.matrix

    def stats(self, problem: QuadraticNetworkProblem, state: GAMPRIEState) -> dict[str, Array]:
        r"""`predicted`: the error $\kappa F$ that the algorithm predicts for itself, in the units of the model's error."""
        return {"predicted": problem.ratio * state.error}
