"""Planted bandits: a sparse one with misspecified rewards, and one whose only reward is hidden."""

import equinox as eqx
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws, threefry
from ..core.fields import Real, Size, count, integer, leaf, size
from ..core.model import AbstractModel
from ..core.numbers import ratio, unit
from ..core.selection import smallest_words_mask
from ..core.sizes import capacity, row_mask
from .problem import BanditProblem

__all__ = ["HiddenNeedle", "MisspecifiedBandit", "PlantedBandit"]


class PlantedBandit(eqx.Module):
    r"""Coefficients $\theta$, the rewards of all actions, which of them exist, and the bound $\varepsilon$ that they keep."""

    coefficients: Float[Array, " dimension"]
    rewards: Float[Array, " actions"]
    present: Float[Array, " actions"]
    misspecification: Float[Array, ""]

    @property
    def best(self) -> Float[Array, ""]:
        """The largest reward."""
        return jnp.max(jnp.where(self.present > 0, self.rewards, -jnp.inf))

    def random_gap(self, queries: Float[Array, ""]) -> Float[Array, ""]:
        r"""The mean gap of the best of $n$ actions drawn at random, with replacement.

        $$\max_a r(a) - \sum_{k = 1}^N r_{(k)} \left[ \left( \tfrac kN \right)^n - \left( \tfrac{k - 1}{N} \right)^n \right], \qquad r_{(1)} \le \dots \le r_{(N)}.$$
        """
        ranked = jnp.sort(jnp.where(self.present > 0, self.rewards, jnp.inf))
        total = jnp.sum(self.present)
        rank = jnp.arange(len(ranked), dtype=ranked.dtype)
        there = rank < total
        chance = ((rank + 1) / total) ** queries - (rank / total) ** queries
        return self.best - jnp.sum(jnp.where(there, ranked, 0) * jnp.where(there, chance, 0))


class _AbstractBandit(AbstractModel[Array, BanditProblem, PlantedBandit]):
    """Bandits are judged by the reward that the action answered misses."""

    actions: eqx.AbstractVar[Int[Array, ""]]

    def error(self, truth: PlantedBandit, estimate: Int[Array, ""] | PlantedBandit) -> Float[Array, ""]:
        r"""The gap $\max_a r(a) - r(\hat a)$ of an action."""
        if isinstance(estimate, PlantedBandit):
            return truth.best - estimate.best
        return truth.best - truth.rewards[estimate]

    def metrics(self, truth: PlantedBandit, estimate) -> dict[str, Float[Array, ""]]:
        """The gap over the misspecification, `gap`."""
        return {"gap": ratio(self.error(truth, estimate), truth.misspecification)}

    def _posed(
        self, matrix, coefficients, rewards, misspecification, support: Bool[Array, " dimension"], width
    ) -> tuple[BanditProblem, PlantedBandit]:
        problem = BanditProblem(
            lx.MatrixLinearOperator(matrix),
            rewards,
            misspecification,
            width=width,
            oracle=support.astype(rewards.dtype),
            samples=self.actions,
        )
        present = row_mask(self.actions, len(rewards)).astype(rewards.dtype)
        return problem, PlantedBandit(coefficients, rewards, present, problem.misspecification)


class MisspecifiedBandit(_AbstractBandit):
    r"""$r(a) = \langle \phi(a), \theta \rangle + \varepsilon \operatorname{sign} \langle \phi(a), u \rangle$ with $N$ features uniform on the sphere of $\mathbb{R}^d$.

    $\theta$ has a support uniform among all sets of size $s$ and a direction uniform on their sphere, $\|\theta\| = 1$; $u$ is
    uniform on the sphere of $\mathbb{R}^d$. Such errors are themselves nearly linear, along $u$, which is what misleads least
    squares most easily. All four numbers are traced.

    Source: the setting of Dong and Yang (dong2023); the law of features and errors is ours.
    """

    dimension: Size = size(1)
    actions: Size = size(1)
    sparsity: Int[Array, ""] = integer(1, "dimension", default=2)
    misspecification: Real = leaf(0.05, "nonnegative")

    def design(self, key: Key[Array, ""]) -> Float[Array, "actions dimension"]:
        """Standard normal entries, the same ones whatever the capacities."""
        return draws.normal_tensor(key, (capacity(self, "actions"), capacity(self, "dimension")))

    def observe(self, key: Key[Array, ""], design) -> tuple[BanditProblem, PlantedBandit]:
        """Features on the sphere, coefficients and rewards."""
        rows, columns = design.shape
        key_support, key_values, key_direction = draws.split(key, 3)
        features, there = row_mask(self.dimension, columns), row_mask(self.actions, rows)
        matrix = unit(jnp.where(there[:, None] & features[None, :], design, 0))
        words = jnp.where(features, threefry.bits(key_support, (columns,)), np.uint32(2**32 - 1))
        support = smallest_words_mask(words, self.sparsity)
        coefficients = unit(jnp.where(support, draws.normal(key_values, (columns,)), 0))
        direction = jnp.where(features, draws.normal(key_direction, (columns,)), 0)
        rewards = matrix @ coefficients + self.misspecification * jnp.sign(matrix @ direction)
        return self._posed(matrix, coefficients, rewards, self.misspecification, support, self.dimension)


class HiddenNeedle(_AbstractBandit):
    r"""$r(a) = 1\{a = a^*\}$ with features $\phi(a) \in \{\pm 1 / \sqrt d\}^d$ at random and $a^*$ uniform: the hard instance.

    With $\theta = \phi(a^*)$ it is linear up to $\varepsilon = \max_{a \ne a^*} |\langle \phi(a), \phi(a^*) \rangle|$, which is about
    $\sqrt{2 \log N / d}$: exponentially many actions for a fixed $\varepsilon$. All but one of them look alike, so any method needs
    $N / 2$ queries on average. The number of actions is traced.

    Source: the construction of Du, Kakade, Wang and Yang (du2020), with random signs.
    """

    dimension: int = count(1)
    actions: Size = size(2)

    def design(self, key: Key[Array, ""]) -> Float[Array, "actions dimension"]:
        """Random signs."""
        return draws.signs(key, (capacity(self, "actions"), self.dimension))

    def observe(self, key: Key[Array, ""], design) -> tuple[BanditProblem, PlantedBandit]:
        """The needle, and rewards."""
        rows = len(design)
        there = row_mask(self.actions, rows)
        matrix = jnp.where(there[:, None], design, 0) * self.dimension**-0.5
        # Rounding of the product can reach the number of actions.
        place = jnp.floor(draws.uniform(key, (1,))[0] * self.actions.astype(matrix.dtype)).astype(jnp.int32)
        place = jnp.minimum(place, self.actions - 1)
        needle = jnp.arange(rows, dtype=jnp.int32) == place
        coefficients = unit(matrix[place])
        misspecification = jnp.max(jnp.where(needle, 0, jnp.abs(matrix @ coefficients)))
        everything = jnp.ones(self.dimension, bool)
        rewards = needle.astype(matrix.dtype)
        return self._posed(matrix, coefficients, rewards, misspecification, everything, self.dimension)
