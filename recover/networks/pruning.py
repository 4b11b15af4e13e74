"""Training a network, pruning it by magnitude and training it again from its first weights, many times."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws
from ..core.data import as_sizes
from ..core.fields import Real, Whole, count, integer, leaf
from ..core.leaves import all_finite, is_concrete
from ..core.results import Result
from ..core.schedules import cosine_decay
from ..core.solver import AbstractSolver
from ..core.units import Scaling
from .classification import ClassificationProblem
from .network import Network, forward, initial_network, is_cut, layer_shapes
from .pruning_theory import pq_pruning_bound
from .sparsity_measures import grouped_pq_index

__all__ = ["IterativePruning"]

_SCOPES = ("global", "layer", "neuron")
# Gradients longer than this are shortened to it.
_LONGEST_GRADIENT = 1.0


class PruningState(eqx.Module):
    """First, dense and latest trained weights, the mask these were trained with and the one that follows it."""

    initial: Network
    trained: Network
    dense: Float[Array, " size"]
    live: Bool[Array, " size"]
    kept: Bool[Array, " size"]
    key: Key[Array, ""]
    iteration: Int[Array, ""]


class IterativePruning(AbstractSolver[ClassificationProblem, PruningState]):
    r"""Sparsity-informed adaptive pruning (SAP), lottery tickets and one-shot pruning of a ReLU network.

    A step is one iteration $t$: with the mask $m_t$ ($d_t$ live weights of a group; all are live at first),

    $$w_t = \text{train}(m_t \odot w_{\mathrm{init}}), \qquad
      c_t = \Big\lfloor d_t \min\Big(\gamma \Big(1 - \frac{r_t}{d_t}\Big), \beta\Big) \Big\rfloor, \qquad
      r_t = \Big\lceil d_t (1 + \eta)^{-\frac{q}{q-p}} \big(1 - I_{p,q}(w_t)\big)^{\frac{qp}{q-p}} \Big\rceil,$$

    and $m_{t+1}$ loses the $c_t$ live weights of smallest magnitude; $I_{p,q}$ is the PQ Index of the live weights. Every
    iteration begins at the same random weights. `share` in place of $\gamma, \eta$ prunes a fixed share, $c_t = \lfloor
    \text{share} \cdot d_t \rfloor$: a lottery ticket, or one-shot pruning where magnitudes are those of the dense network
    ($t = 0$). Groups are all weights together, layers, or the incoming weights of each unit. Biases are never pruned.

    Training minimises the cross entropy by `train_steps` steps of stochastic gradient descent on random batches (drawn with
    replacement) with Nesterov momentum, weight decay, gradients clipped to norm one, and a rate that falls to zero along a cosine.

    Use `sap`, `lottery_ticket` or `one_shot`; all three are one program. The estimate is a `Network`: the weights trained last, and
    what the next pruning keeps. Stops when an iteration prunes nothing, after
    which no other would: nothing is left to certify.

    Source: Diao, Wang, Zhang, Yang, Ding and Tarokh, arXiv:2302.05601 (diao2023, Algorithm 1), and the authors' constants; they keep the
    weights of the epoch with the best test accuracy, which is a leak, and here the last ones are kept.
    """

    scaling: ClassVar = Scaling()

    hidden: tuple[int, ...] = eqx.field(static=True, converter=lambda hidden: _hidden(hidden))
    batch: int = count(1)
    p: Real = leaf(0.5, "positive")
    q: Real = leaf(1.0, "positive")
    eta: Real = leaf(0.0, "nonnegative")
    gamma: Real = leaf(1.0, "nonnegative")
    beta: Real = leaf(0.9, "share")
    share: Real = leaf(0.0, "decay")
    dense_ranking: Bool[Array, ""] = leaf(False, "switch")
    scope: Int[Array, ""] = integer(0, len(_SCOPES) - 1, default=0)
    train_steps: Whole = leaf(150, "positive count")
    learning_rate: Real = leaf(0.1, "positive")
    momentum: Real = leaf(0.9, "decay")
    weight_decay: Real = leaf(5e-4, "nonnegative")

    def check_together(self):
        """The exponents are in order."""
        if is_concrete(self.p) and is_concrete(self.q) and np.any(np.asarray(self.p) >= np.asarray(self.q)):
            raise ValueError(f"IterativePruning: `p` is {self.p} and `q` is {self.q}; p < q is allowed.")

    @staticmethod
    def sap(
        hidden=(), p=0.5, q=1.0, *, eta=0.0, gamma=1.0, beta=0.9, scope: str = "global", batch: int = 128, **training
    ) -> "IterativePruning":
        """Sparsity-informed adaptive pruning of a network with the given hidden layers."""
        return IterativePruning(hidden, batch, p, q, eta, gamma, beta, scope=_scope(scope), **training)

    @staticmethod
    def lottery_ticket(
        hidden=(), share=0.2, *, scope: str = "global", batch: int = 128, **training
    ) -> "IterativePruning":
        """A fixed share of the live weights is pruned in every iteration, by the weights trained last."""
        return IterativePruning(hidden, batch, share=share, scope=_scope(scope), **training)

    @staticmethod
    def one_shot(hidden=(), share=0.2, *, scope: str = "global", batch: int = 128, **training) -> "IterativePruning":
        """The same by the weights of the trained dense network; each mask is trained."""
        return IterativePruning(hidden, batch, share=share, scope=_scope(scope), dense_ranking=True, **training)

    def init(self, problem: ClassificationProblem, key: Key[Array, ""]) -> PruningState:
        """Random weights, all of them live."""
        key_weights, key_batches = draws.split(key)
        network = initial_network(key_weights, self._widths(problem), problem.inputs.dtype)
        flat = _flatten(network.weights)
        everything = jnp.ones(flat.shape, bool)
        return PruningState(network, network, flat, everything, everything, key_batches, jnp.zeros((), jnp.int32))

    def step(self, problem: ClassificationProblem, state: PruningState) -> PruningState:
        """Trains with the mask, then finds the next one."""
        live = state.kept
        key = draws.fold_in(state.key, state.iteration)
        weights, biases = self._train(problem, state.initial, live, key)
        flat = _flatten(weights)
        dense = jnp.where(state.iteration == 0, flat, state.dense)
        kept = self._prune(problem, flat, jnp.where(self.dense_ranking, dense, flat), live)
        trained = Network(weights, biases, _unflatten(kept.astype(flat.dtype), weights))
        return PruningState(state.initial, trained, dense, live, kept, state.key, state.iteration + 1)

    def status(self, problem: ClassificationProblem, state: PruningState) -> Result:
        """Converged once nothing is pruned."""
        still = (state.iteration > 0) & ~jnp.any(state.live & ~state.kept)
        result = Result.where(still, Result.converged, Result.running)
        return Result.where(all_finite(state.trained), result, Result.diverged)

    def estimate(self, problem: ClassificationProblem, state: PruningState) -> Network:
        """The network trained last, with the mask of what the next pruning keeps."""
        return state.trained

    def stats(self, problem: ClassificationProblem, state: PruningState) -> dict[str, Array]:
        """`remaining`: the share of weights that the network trained last has; `cut`: 1 where no path of them is left."""
        dtype = problem.inputs.dtype
        live = _unflatten(state.live, state.trained.weights)
        return {"remaining": jnp.mean(state.live.astype(dtype)), "cut": is_cut(live).astype(dtype)}

    def _widths(self, problem) -> tuple[int, ...]:
        return problem.dimension, *self.hidden, problem.classes

    def _train(self, problem, initial: Network, live, key):
        dtype = problem.inputs.dtype
        masks = _unflatten(live.astype(dtype), initial.weights)
        steps = self.train_steps

        def schedule(count):
            return self.learning_rate * cosine_decay((count / steps).astype(dtype))

        optimiser = optax.chain(
            optax.clip_by_global_norm(_LONGEST_GRADIENT),
            optax.add_decayed_weights(self.weight_decay),
            optax.sgd(schedule, momentum=self.momentum, nesterov=True),
        )

        def loss(parameters, rows):
            logits = forward(*parameters, problem.inputs[rows])
            return jnp.mean(optax.softmax_cross_entropy(logits, problem.observations[rows]))

        def body(number, carry):
            parameters, memory = carry
            uniform = draws.uniform(draws.fold_in(key, number), (self.batch,)).astype(dtype)
            rows = jnp.floor(uniform * problem.count).astype(jnp.int32)
            weights, biases = jax.grad(loss)(parameters, jnp.minimum(rows, problem.samples - 1))
            # Momentum of pruned weights stays zero, and so do they.
            weights = tuple(weight * mask for weight, mask in zip(weights, masks, strict=True))
            updates, memory = optimiser.update((weights, biases), memory, parameters)
            return optax.apply_updates(parameters, updates), memory

        start = tuple(weight * mask for weight, mask in zip(initial.weights, masks, strict=True)), initial.biases
        return jax.lax.fori_loop(0, steps, body, (start, optimiser.init(start)))[0]

    def _prune(self, problem, flat, ranked, live):
        """The next mask: in each group without its live weights of smallest magnitude in `ranked`."""
        dtype = flat.dtype
        shapes = layer_shapes(self._widths(problem))
        layers = np.repeat(np.arange(len(shapes)), [outputs * inputs for outputs, inputs in shapes])
        units = np.repeat(
            np.arange(sum(s[0] for s in shapes)), np.repeat([s[1] for s in shapes], [s[0] for s in shapes])
        )
        choices = jnp.asarray(np.stack([np.zeros_like(layers), layers, units]).astype(np.int32))
        groups, count = choices[self.scope], int(units[-1]) + 1
        size = jax.ops.segment_sum(live.astype(dtype), groups, count)
        index = grouped_pq_index(flat, self.p, self.q, live, groups, count)
        bound = jnp.ceil(pq_pruning_bound(size, index, self.p, self.q, self.eta))
        adaptive = self.gamma * (1 - bound / jnp.maximum(size, 1))
        portion = jnp.where(self.share > 0, self.share, jnp.clip(adaptive, 0, self.beta))
        pruned = jnp.floor(portion * size).astype(jnp.int32)
        return live & (_rank_within(jnp.where(live, jnp.abs(ranked), jnp.inf), groups, count) >= pruned[groups])


def _hidden(hidden) -> tuple[int, ...]:
    empty = isinstance(hidden, (tuple, list)) and not hidden
    return () if empty else as_sizes("IterativePruning", "hidden", hidden, None, "positive integers are allowed")


def _scope(name: str) -> int:
    if name not in _SCOPES:
        raise ValueError(f"IterativePruning: `scope` is {name!r}; allowed: {', '.join(_SCOPES)}.")
    return _SCOPES.index(name)


def _rank_within(magnitudes, groups, count):
    """The rank of every entry among those of its group, the smallest first; ties go by position."""
    size = magnitudes.shape[0]
    position = jnp.arange(size, dtype=jnp.int32)
    sorted_groups, _, order = jax.lax.sort((groups, magnitudes, position), num_keys=2, is_stable=True)
    members = jax.ops.segment_sum(jnp.ones(size, jnp.int32), groups, count)
    first = jnp.cumsum(members) - members
    return jnp.zeros(size, jnp.int32).at[order].set(position - first[sorted_groups], unique_indices=True)


def _flatten(weights) -> Float[Array, " size"]:
    return jnp.concatenate([weight.reshape(-1) for weight in weights])


def _unflatten(flat, like):
    ends = np.cumsum([weight.size for weight in like])[:-1]
    return tuple(part.reshape(weight.shape) for part, weight in zip(jnp.split(flat, ends), like, strict=True))
