"""Generalised approximate message passing with a rotationally invariant matrix denoiser."""

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.fields import Real, Whole, leaf, renamed
from ..core.linalg import eigh
from ..core.numbers import ratio, squared_norm
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .quadratic_problem import QuadraticNetworkProblem
from .spectral_denoisers import wishart_shrinkage, wishart_shrinkage_error

__all__ = ["GAMPRIE"]


# Of the squared norm of the estimate, what a step without damping may move.
_MOVED = 1e-3


class GAMPRIEState(eqx.Module):
    """The estimate, its predicted error F, the variance V and mean of the outputs, and the output messages."""

    matrix: Float[Array, "dimension dimension"]
    error: Float[Array, ""]
    variance: Float[Array, ""]
    mean: Float[Array, " rows"]
    messages: Float[Array, " rows"]
    progress: Progress


@renamed(
    "damping", "relaxation", translate=lambda share: 1 - share, meaning="the share of the new messages, not of the old"
)
class GAMPRIE(AbstractSolver[QuadraticNetworkProblem, GAMPRIEState]):
    r"""Message passing that reaches the Bayes-optimal error of a quadratic network of extensive width.

    On the linear channel $\tilde y_i = \langle Z_i, S \rangle + \sqrt{\tilde\Delta} \xi_i$ of the problem, with $\gamma$ =
    `relaxation`,

    $$\begin{aligned}
    V &\leftarrow \gamma\, 2F + (1 - \gamma) V, &
    \omega &\leftarrow \gamma \big( \langle Z_i, \hat S \rangle - 2F g_i \big) + (1 - \gamma)\, \omega, &
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
    With `relaxation` 1 iterates follow `recover.theory.quadratic_network_state_evolution` step by step up to finite-size
    effects; a smaller one makes small instances converge.

    Source: Maillard, Troiani, Martin, Krzakala and Zdeborová, arXiv:2408.03733 (maillard2024).
    """

    scaling: ClassVar = Scaling(stats={"predicted": (-4, 2)})

    # By keyword alone: the first place was that of the share of the old messages.
    _: dataclasses.KW_ONLY
    relaxation: Real = leaf(0.5, "share")
    floor: Real = leaf(1e-6, "positive")
    tolerance: Real = leaf(1e-5)
    patience: Whole = leaf(100, "count")

    def init(self, problem: QuadraticNetworkProblem, key) -> GAMPRIEState:
        """The prior mean, with the error of the prior."""
        dtype = problem.observations.dtype
        matrix = jnp.eye(problem.dimension, dtype=dtype)
        error = 1 / problem.ratio
        # No messages yet: the prior mean owes nothing to the data, so the first step has nothing to correct for.
        messages = jnp.zeros_like(problem.observations)
        return GAMPRIEState(matrix, error, 2 * error, problem.forward(matrix), messages, Progress.start(dtype))

    def step(self, problem: QuadraticNetworkProblem, state: GAMPRIEState) -> GAMPRIEState:
        """One pass of messages and one denoising."""
        new, old = self.relaxation, 1 - self.relaxation
        data, dimension = problem.centred, problem.dimension
        fitted = problem.forward(state.matrix)
        onsager = 2 * state.error
        variance = new * onsager + old * state.variance
        mean = new * (fitted - onsager * state.messages) + old * state.mean
        messages = (data - mean) / (problem.channel_noise + variance)
        energy = squared_norm(messages) / problem.count
        precision = 2 * problem.sampling * jnp.where(energy == 0, 1, energy)
        pseudo_data = state.matrix + problem.adjoint(messages) / (precision * dimension)
        noise = 1 / (2 * precision) + self.floor
        values, vectors = eigh((pseudo_data + pseudo_data.T) / 2)
        shrunken = wishart_shrinkage(values, noise, problem.ratio)
        matrix = (vectors * shrunken[None, :]) @ vectors.T
        error = wishart_shrinkage_error(shrunken, noise, problem.ratio)
        change = squared_norm(matrix - state.matrix) / dimension
        progress = state.progress.update(relative_norm(data - fitted, data), change)
        return GAMPRIEState(matrix, error, variance, mean, messages, progress)

    def status(self, problem: QuadraticNetworkProblem, state: GAMPRIEState) -> Result:
        """By the relative residual of the estimate before the last step, and how far that step moved it."""
        return state.progress.status(self.tolerance, self.patience)

    def certificate(self, problem: QuadraticNetworkProblem, state: GAMPRIEState) -> Certificate:
        r"""A fixed point: $\|\hat S^+ - \hat S\|_F^2$ of a step without damping, over $10^{-3} \|\hat S\|_F^2$."""
        moved = state.progress.change / self.relaxation**2
        size = squared_norm(state.matrix) / problem.dimension
        return Certificate(ratio(moved, _MOVED * size, moved), jnp.zeros((), bool))

    def estimate(self, problem: QuadraticNetworkProblem, state: GAMPRIEState) -> Float[Array, "dimension dimension"]:
        """The matrix."""
        return state.matrix

    def stats(self, problem: QuadraticNetworkProblem, state: GAMPRIEState) -> dict[str, Array]:
        r"""`predicted`: the error $\kappa F$ that the algorithm predicts for itself, in the units of the model's error."""
        return {"predicted": problem.ratio * state.error}
