"""Planted one-against-rest regressions on classes seen through several corruptions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.fields import Real, count, integer, leaf
from ..core.linalg import qr, solve
from ..core.numbers import unit
from .planting import AbstractTasks, GaussianLots, PlantedTasks, explored_problem
from .problem import MultitaskProblem

__all__ = ["CorruptedClasses"]

# Of samples of exploration, and of the target: at most 2^10 - 1.
_DIGITS = 10


class CorruptedDesign(eqx.Module):
    """Templates of classes, a rotation per corruption, and for every lot how many images each class has and their noise."""

    templates: Float[Array, "classes dimension"]
    rotations: Float[Array, "corruptions dimension dimension"]
    strengths: Float[Array, " corruptions"]
    counts: Float[Array, "corruptions powers classes"]
    sums: Float[Array, "corruptions powers classes dimension"]
    squares: Float[Array, "corruptions powers dimension dimension"]


class CorruptedClasses(AbstractTasks[CorruptedDesign]):
    r"""Images $x = O_a (t_c + \tau z)$ of class $c$ under corruption $a$, and tasks $1\{c = k\} - 1/C$, one per corruption and class.

    $O_a = (1 - s_a) I + s_a Q_a$ with $Q_a$ a random rotation and $s_a$ uniform in $[0, s]$, $s$ = `blend`; templates $t_c$ are uniform on the
    sphere, $\tau$ = `spread`. The target is class 0 under corruption 0; sources are all tasks of other corruptions. Best linear
    predictions share a subspace only nearly, features of each corruption have another covariance, and residuals are no Gaussian
    noise. Tasks of one corruption share its images. Samples as for `SharedRepresentation`.

    Source: a stand-in for MNIST-C (wang2023, section of experiments); ours.
    """

    dimension: int = count(2)
    classes: int = count(2, default=10)
    corruptions: int = count(2, default=16)
    blend: Real = leaf(0.3, "closed probability")
    spread: Real = leaf(0.3, "positive")
    explored: Int[Array, ""] = integer(0, 2**_DIGITS - 1, default=100)
    target_samples: Int[Array, ""] = integer(1, 2**_DIGITS - 1, default=200)
    lots: int = count(1, 20, default=10)

    def design(self, key: Key[Array, ""]) -> CorruptedDesign:
        """Templates, rotations, labels and noise, of which only sums over a lot are kept."""
        keys = draws.split(key, 6)
        shape = self.corruptions, self.dimension, self.dimension
        templates = unit(draws.normal(keys[0], (self.classes, self.dimension)))
        rotations = jax.vmap(lambda matrix: qr(matrix)[0])(draws.normal(keys[1], shape))
        sizes = 2 ** np.concatenate([np.arange(_DIGITS), np.arange(self.lots)])
        lot = np.repeat(np.eye(len(sizes), dtype=np.float32), sizes, axis=0)
        labels = draws.uniform(keys[2], (self.corruptions, len(lot), 1)) * self.classes
        place = jnp.arange(self.classes, dtype=labels.dtype)[None, None, :]
        belongs = (labels >= place) & (labels < place + 1)
        counts = jnp.einsum("arc,rp->apc", belongs.astype(templates.dtype), lot.astype(templates.dtype))
        sums = draws.normal(keys[3], (*counts.shape, self.dimension)) * jnp.sqrt(counts)[..., None]
        # Within classes noise scatters about its mean as if there were a sample less of each.
        left = jnp.sum(jnp.maximum(counts - 1, 0), axis=-1).astype(jnp.int32)
        within = GaussianLots.draw(keys[4], left, self.dimension).moments
        between = jnp.einsum("apci,apcj->apij", sums / jnp.maximum(counts, 1)[..., None], sums)
        strengths = draws.uniform(keys[5], (self.corruptions,))
        return CorruptedDesign(templates, rotations, strengths, counts, sums, within + between)

    def observe(self, key: Key[Array, ""], design: CorruptedDesign) -> tuple[MultitaskProblem, PlantedTasks]:
        """Moments of all tasks, and the best linear predictions; nothing is drawn."""
        templates, dtype = design.templates, design.templates.dtype
        identity = jnp.eye(self.dimension, dtype=dtype)
        blend = (self.blend * design.strengths)[:, None, None]
        maps = (1 - blend) * identity[None] + blend * design.rotations
        cross = self.spread * jnp.einsum("ci,apcj->apij", templates, design.sums)
        clean = jnp.einsum("apc,ci,cj->apij", design.counts, templates, templates)
        clean = clean + cross + jnp.swapaxes(cross, -1, -2) + self.spread**2 * design.squares
        moments = jnp.einsum("aij,apjk,alk->apil", maps, clean, maps)
        seen = design.counts[..., None] * templates[None, None] + self.spread * design.sums
        centred = seen - jnp.mean(seen, axis=2, keepdims=True)
        correlations = jnp.einsum("aij,apcj->apci", maps, centred)

        population = self.spread**2 * identity + templates.T @ templates / self.classes
        wanted = (templates - jnp.mean(templates, axis=0, keepdims=True)).T / self.classes
        best = jax.vmap(lambda matrix: solve(matrix.T, solve(population, wanted)).T)(maps)

        def with_target(array):
            """One row per task: the target's, and those of sources, which share the images of their corruption."""
            shape = self.corruptions - 1, self.classes, *array.shape[1:]
            return jnp.concatenate([array[:1], jnp.broadcast_to(array[1:, None], shape).reshape(-1, *shape[2:])])

        by_class = jnp.swapaxes(correlations, 1, 2)
        right = jnp.concatenate([by_class[:1, 0], by_class[1:].reshape(-1, *moments.shape[1:3])])
        samples = jnp.full(len(right), self.explored).at[0].set(self.target_samples)
        problem = explored_problem(with_target(moments), right, samples, _DIGITS)
        target, moment = best[0, 0], maps[0] @ population @ maps[0].T
        return problem, PlantedTasks(unit(target)[:, None], target, moment, best[1:].reshape(-1, self.dimension))
