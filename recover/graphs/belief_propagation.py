"""Belief propagation for two communities of equal size in a sparse graph."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..core import draws
from ..core.fields import Real, count, leaf
from ..core.numbers import ratio
from ..core.results import Result
from ..core.sizes import capacity
from ..core.solver import AbstractSolver
from ..core.stopping import by_change
from .clustering import community_edges
from .dendrograms import Dendrogram, average_linkage
from .problem import GraphProblem

__all__ = ["TwoCommunityBeliefPropagation"]

_SPREAD = 0.1


class MessageState(eqx.Module):
    """Half log-odds of nodes and of messages to neighbours, one slot a neighbour, with where each message is answered."""

    fields: Float[Array, " nodes"]
    messages: Float[Array, "nodes slots"]
    neighbours: Int[Array, "nodes slots"]
    answers: Int[Array, "nodes slots"]
    linked: Bool[Array, "nodes slots"]
    change: Float[Array, ""]


class TwoCommunityBeliefPropagation(AbstractSolver[GraphProblem, MessageState]):
    r"""Belief propagation for edges of probability $c_\mathrm{in} / n$ within and $c_\mathrm{out} / n$ across two communities of $n / 2$ nodes.

    With half log-odds $h_{i \to j}$ and $r = (c_\mathrm{in} - c_\mathrm{out}) / (c_\mathrm{in} + c_\mathrm{out})$,

    $$H_i = \sum_{k \sim i} \operatorname{artanh}(r \tanh h_{k \to i}) - \frac{c_\mathrm{in} - c_\mathrm{out}}{2n} \sum_k \tanh H_k^{\mathrm{before}}, \qquad
      h_{i \to j} = H_i - \operatorname{artanh}(r \tanh h_{j \to i}).$$

    All messages move at once; the field of the pairs without an edge takes the marginals of the sweep before, without which all of them
    swing together. Messages start as small random numbers. Weights of edges are not used.

    - `inside`, `across`: $c_\mathrm{in}$ and $c_\mathrm{out}$.
    - `tolerance`: converged when the mean change of $\tanh h$ in a sweep is at most so large.
    - `slots`: the most neighbours of a node that are heard; edges beyond are left out (static).

    Source: Decelle, Krzakala, Moore and Zdeborová (decelle2011, equations 26 to 28).
    """

    inside: Real = leaf(rule="positive")
    across: Real = leaf(rule="positive")
    tolerance: Real = leaf(1e-4)
    slots: int = count(1, default=32)

    def init(self, problem: GraphProblem, key) -> MessageState:
        """Who is linked with whom, and small random messages."""
        graph, dtype = problem.observations, problem.observations.dtype
        slots = min(self.slots, graph.shape[0])
        linked = graph > 0
        # Of equal entries the first come first, so that slots are in the order of nodes.
        found, neighbours = jax.lax.top_k(linked.astype(dtype), slots)
        place = jnp.cumsum(linked, axis=1, dtype=jnp.int32) - 1
        own = jnp.arange(graph.shape[0], dtype=jnp.int32)[:, None]
        answers = place[neighbours, own]
        there = (found > 0) & (answers < slots)
        # What is not a number stays so.
        messages = _SPREAD * draws.normal(key, (graph.shape[0], slots)).astype(dtype) + 0 * jnp.sum(graph)
        return MessageState(
            fields=jnp.zeros(graph.shape[0], dtype),
            messages=messages,
            neighbours=neighbours.astype(jnp.int32),
            answers=jnp.where(there, answers, 0),
            linked=there,
            change=jnp.full((), jnp.inf, dtype),
        )

    def step(self, problem: GraphProblem, state: MessageState) -> MessageState:
        """One sweep over all messages."""
        live = problem.live_nodes
        correlation = (self.inside - self.across) / (self.inside + self.across)
        heard = jnp.tanh(state.messages[state.neighbours, state.answers])
        heard = jnp.where(state.linked, jnp.arctanh(correlation * heard), 0)
        mean = jnp.sum(jnp.where(live, jnp.tanh(state.fields), 0)) / problem.nodes.astype(heard.dtype)
        fields = jnp.sum(heard, axis=1) - (self.inside - self.across) / 2 * mean
        messages = fields[:, None] - heard
        moved = jnp.where(state.linked, jnp.abs(jnp.tanh(messages) - jnp.tanh(state.messages)), 0)
        change = ratio(jnp.sum(moved), jnp.sum(state.linked).astype(moved.dtype))
        # A graph whose entries are no numbers may have no edges left to say so.
        change = change + 0 * jnp.sum(messages)
        return MessageState(fields, messages, state.neighbours, state.answers, state.linked, change)

    def status(self, problem: GraphProblem, state: MessageState) -> Result:
        """By the mean change."""
        return by_change(state.change, self.tolerance)

    def estimate(self, problem: GraphProblem, state: MessageState) -> Dendrogram:
        """Nodes by the signs of their fields; one community where all have one sign."""
        most, live = capacity(problem, "communities"), problem.live_nodes
        labels = jnp.where(live & (state.fields < 0) & (most > 1), 1, 0).astype(jnp.int32)
        edges, sizes = community_edges(problem.observations, labels, live, most)
        return average_linkage(edges, sizes, labels)
