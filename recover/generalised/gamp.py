"""Generalised approximate message passing for any prior and any channel."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core.fields import Real, leaf
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.stopping import by_change, relative_norm
from .channel_problem import ChannelProblem

__all__ = ["GAMP"]


class ChannelMessages(eqx.Module):
    """The posterior mean, the mean posterior variance, the messages of the rows, and the relative length of the last step."""

    x: Float[Array, " dimension"]
    variance: Float[Array, ""]
    messages: Float[Array, " rows"]
    change: Float[Array, ""]


class GAMP(AbstractSolver[ChannelProblem, ChannelMessages]):
    r"""Bayes-optimal message passing with scalar variances.

    With $\eta$ the posterior mean of the prior and $g$ the output function of the channel, from $x = 0$, $V = 1$, $g = 0$,

    $$\begin{aligned}
    w &= A x - V g, & g &= \partial_w \log Z(y \mid w, V), & \Lambda &= \tfrac{1}{n} \sum_i (-\partial_w g_i), \\
    h &= \Lambda x + A^\top g, & x &\leftarrow \eta(h; \Lambda), & V &\leftarrow \langle \partial_h \eta(h; \Lambda) \rangle.
    \end{aligned}$$

    In $w$ and $g$, $V$ is at least $1 / m^2$: of $m$ signs none tells more, unless its form is by chance still nearer to zero.
    `relaxation` is the share of the new $g$, $x$ and $V$ in a step. It assumes independent entries of $A$ of variance $1/n$, for
    which `recover.theory.state_evolution` predicts every step; other matrices may make it diverge. Converged once the relative
    change of $x$ is at most `tolerance`. Source: Rangan (rangan2011, Algorithm 1).
    """

    relaxation: Real = leaf(1.0, "share")
    tolerance: Real = leaf(1e-5)

    def init(self, problem: ChannelProblem, key: Key[Array, ""]) -> ChannelMessages:
        """Nothing is known."""
        dtype = problem.observations.dtype
        zero = jnp.zeros(problem.dimension, dtype)
        one = jnp.ones((), dtype)
        return ChannelMessages(zero, one, jnp.zeros_like(problem.observations), jnp.asarray(jnp.inf, dtype))

    def step(self, problem: ChannelProblem, state: ChannelMessages) -> ChannelMessages:
        """One pass of messages."""
        small = jnp.finfo(state.x.dtype).eps
        share = jnp.asarray(self.relaxation, state.x.dtype)
        variance = jnp.maximum(state.variance, 1 / problem.count**2)
        mean = problem.forms(state.x) - variance * state.messages
        slope, sharpness = problem.channel.score(problem.observations, mean, variance)
        slope, sharpness = (jnp.where(problem.mask, each, 0) for each in (slope, sharpness))
        messages = state.messages + share * (slope - state.messages)
        precision = jnp.maximum(jnp.sum(sharpness) / problem.dimension, small)
        field = precision * state.x + problem.back_projection(messages)
        found, spread = problem.prior.posterior(field, precision)
        x = state.x + share * (found - state.x)
        variance = state.variance + share * (jnp.mean(spread) - state.variance)
        return ChannelMessages(x, variance, messages, relative_norm(x - state.x, x))

    def status(self, problem: ChannelProblem, state: ChannelMessages) -> Result:
        """By the last step."""
        return by_change(state.change, self.tolerance)

    def estimate(self, problem: ChannelProblem, state: ChannelMessages) -> Float[Array, " dimension"]:
        """The posterior mean."""
        return state.x

    def stats(self, problem: ChannelProblem, state: ChannelMessages) -> dict[str, Array]:
        """The mean posterior `variance` that the messages have arrived at."""
        return {"variance": state.variance}
