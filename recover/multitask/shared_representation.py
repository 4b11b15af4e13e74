"""Planted tasks whose coefficients lie in one subspace."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from ..core import draws
from ..core.fields import Real, Size, count, integer, leaf, size
from ..core.linalg import qr
from ..core.numbers import unit
from ..core.sizes import capacity, row_mask
from .planting import AbstractTasks, GaussianLots, PlantedTasks, explored_problem
from .problem import MultitaskProblem

__all__ = ["SharedRepresentation"]

# Of samples of exploration, and of the target: at most 2^11 - 1.
_DIGITS = 11


class SharedRepresentation(AbstractTasks[GaussianLots]):
    r"""$y = x^\top B w_m + \sigma z$ with $x \sim N(0, I_d)$, $B \in \mathbb{R}^{d \times K}$ uniform among orthonormal bases; $M$ sources and a target.

    Heads of sources are the directions of $c \, e_{m \bmod K} + g$ with $g$ standard normal and $c$ the `concentration`: 0 is generic, 10 makes
    sources nearly repeat one another. That of the target is the direction of the sum of the first `parts` of them. Of other
    sources the share `isolation` of what is along the target is taken away; at 1 they are irrelevant, unless they hold together.

    `explored` samples of every source and `target_samples` of the target are there; $2^L - 1$ of every source are for sale,
    $L$ = `lots`. All numbers but $d$, $K$ and $L$ are traced: data enter by sums of Wishart matrices of $2^j$ samples.

    Source: the model of wang2023 and chen2022; the families of heads are ours.
    """

    dimension: int = count(1)
    rank: int = count(1, "dimension")
    tasks: Size = size(1)
    noise: Real = leaf(1.0, "standard deviation")
    explored: Int[Array, ""] = integer(0, 2**_DIGITS - 1, default=8)
    target_samples: Int[Array, ""] = integer(1, 2**_DIGITS - 1, default=1000)
    parts: Int[Array, ""] = integer(1, "tasks", default=1)
    concentration: Real = leaf(0.0, "nonnegative")
    isolation: Real = leaf(0.0, "closed probability")
    lots: int = count(1, 20, default=13)

    def design(self, key: Key[Array, ""]) -> GaussianLots:
        """Lots of samples to explore with, and for sale; the first task is the target."""
        powers = np.concatenate([np.arange(_DIGITS), np.arange(self.lots)])
        samples = np.broadcast_to(2**powers, (1 + capacity(self, "tasks"), len(powers)))
        return GaussianLots.draw(key, jnp.asarray(samples, jnp.int32), self.dimension)

    def observe(self, key: Key[Array, ""], design: GaussianLots) -> tuple[MultitaskProblem, PlantedTasks]:
        """Basis, heads, and moments."""
        tasks = len(design.moments) - 1
        key_basis, key_heads = draws.split(key)
        basis = qr(draws.normal(key_basis, (self.dimension, self.rank)))[0]
        heads = draws.normal(key_heads, (tasks, self.rank))
        place, there = jnp.arange(tasks, dtype=jnp.int32), row_mask(self.tasks, tasks)
        heads = unit(heads + self.concentration * jax.nn.one_hot(place % self.rank, self.rank, dtype=heads.dtype))
        head = unit(jnp.sum(jnp.where((place < self.parts)[:, None], heads, 0), axis=0))
        isolated = unit(heads - self.isolation * (heads @ head)[:, None] * head[None, :])
        heads = jnp.where(there[:, None], jnp.where((place < self.parts)[:, None], heads, isolated), 0)
        coefficients = jnp.concatenate([head[None], heads]) @ basis.T

        correlations = jnp.einsum("mpij,mj->mpi", design.moments, coefficients) + self.noise * design.noise
        # Nothing is observed of padding.
        explored = jnp.where(there, self.explored, 0)
        samples = jnp.concatenate([self.target_samples[None], explored])
        oracle = heads, head
        problem = explored_problem(design.moments, correlations, samples, _DIGITS, tasks=self.tasks, oracle=oracle)
        isotropic = jnp.eye(self.dimension, dtype=basis.dtype)
        return problem, PlantedTasks(basis, coefficients[0], isotropic, coefficients[1:])
