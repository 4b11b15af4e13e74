"""Approximate message passing for spiked matrices and tensors."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core.fields import Real, leaf
from ..core.numbers import squared_norm
from ..core.results import Result
from ..core.stopping import relative_norm
from .iterations import AbstractSpikedSolver, SpikeState
from .problem import SpikedProblem
from .starts import AbstractDirection, SpectralDirection

__all__ = ["SpikedAMP"]


class SpikedAMPState(SpikeState):
    """Besides the posterior means, those of the step before, and their factor in the next step."""

    before: Float[Array, " n"]
    memory: Float[Array, ""]


class SpikedAMP(AbstractSpikedSolver[SpikedAMPState]):
    r"""Bayes-optimal message passing: with $f_t$ the posterior means of $x$ and $q_t = \|f_t\|^2 / n$,

    $$\begin{aligned}
    u_{t+1} &= n^{-(k-2)/2}\, Y(f_t, \dots, f_t) - b_t f_{t-1}, & f_{t+1} &= \eta(\lambda u_{t+1}; \lambda^2 q_t^{k-1}), \\
    b_t &= (k - 1) \Big( \frac{\langle f_t, f_{t-1} \rangle}{n} \Big)^{k-2} \lambda \Big\langle \eta'(\lambda u_t; \lambda^2 q_{t-1}^{k-1}) \Big\rangle,
    \end{aligned}$$

    with the posterior mean $\eta$ of the problem's prior (`recover.priors`). It starts from a unit vector $v$ of squared cosine $q$ as
    $f_0 = \sqrt{q n}\, v$. In the limit $q_t$ follows $q_{t+1} = F(\lambda^2 q_t^{k-1})$ (`recover.theory.spiked_state_evolution`).

    - `start`: of `recover.initialisers`; the spectral one by default.
    - `tolerance`: of the relative change of $f$.

    Stalled where nothing is left of the signal, $q_t \le 10^{-10}$.

    Sources: Montanari and Venkataramanan (montanari2021), for matrices and spectral starts; Montanari and Richard (richard2014) and
    Lesieur, Miolane, Lelarge, Krzakala and Zdeborová (lesieur2017), for tensors.

    **Raises:** `ValueError`, when solving, for a problem without `signal_strength` or `prior`.
    """

    start: AbstractDirection = eqx.field(default_factory=SpectralDirection)
    tolerance: Real = leaf(1e-5)

    def init(self, problem: SpikedProblem, key: Key[Array, ""]) -> SpikedAMPState:
        """The start, with the norm of a posterior mean."""
        if problem.signal_strength is None or problem.prior is None:
            raise ValueError("SpikedAMP: the problem lacks `signal_strength` or `prior`; both are needed.")
        size = jnp.sqrt(self.start.squared_cosine(problem) * problem.dimension)
        x = size * self.start(problem, key)
        return SpikedAMPState(x, jnp.full((), jnp.inf, x.dtype), x, self.start.memory(problem))

    def step(self, problem: SpikedProblem, state: SpikedAMPState) -> SpikedAMPState:
        """One round of messages."""
        order, size, strength = problem.order, problem.dimension, jnp.asarray(problem.signal_strength)
        field = problem.contracted(state.x) * size ** (1 - order / 2) - state.memory * state.before
        precision = strength**2 * (squared_norm(state.x) / size) ** (order - 1)
        x, slope = problem.prior.posterior(strength * field, precision)
        memory = (order - 1) * (jnp.vdot(x, state.x) / size) ** (order - 2) * strength * jnp.mean(slope)
        return SpikedAMPState(x, relative_norm(x - state.x, x), state.x, memory)

    def status(self, problem: SpikedProblem, state: SpikedAMPState) -> Result:
        """By the last change, and by what is left."""
        result = super().status(problem, state)
        lost = squared_norm(state.x) <= 1e-10 * problem.dimension
        return Result.where(lost, Result.stalled, result)

    def stats(self, problem: SpikedProblem, state: SpikedAMPState) -> dict[str, Array]:
        """`predicted_overlap`: the squared cosine that the posterior means expect of themselves, their mean square."""
        return {"predicted_overlap": squared_norm(state.x) / problem.dimension}
