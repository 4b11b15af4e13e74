"""Rows of activations that are drawn from planted features whenever a trainer asks for them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws
from ..core.numbers import norm
from ..core.sizes import row_mask
from .problem import AbstractActivations

__all__ = ["PlantedActivations"]

LAWS = ("uniform", "constant", "lognormal", "halfnormal")
SCALINGS = ("none", "power", "unit", "standard")
# Standard deviation of the logarithm of a lognormal coefficient.
_LOG_SPREAD = 0.5


class PlantedActivations(AbstractActivations):
    r"""Sparse nonnegative mixtures of planted features, drawn from a key whenever they are asked for.

    $$x_l = \frac{1}{c_l} \Big( \sum_{i \in S_l} h_{li} v_i + \sigma g_l \Big)$$

    Row $l$ is a function of the key and of $l$ alone, so no data set is stored, and batches of any size see the same
    rows. What draws the rows is what a solver must recover: solvers call `batch`, and look at nothing else.

    - `features`: the rows $v_i$, zero where padded; `feature_count` of them are not.
    - `active`: sizes of the supports, one of which is chosen for each row with equal probability; `frequencies`: instead
      of that, the probabilities with which features occur independently.
    - `law`, `range`: the law of the coefficients $h_{li}$ (an index into `LAWS`), and the ends of the uniform one.
    - `scaling`, `power`: an index into `SCALINGS` says whether $c_l$ is 1, the square root of `power`, makes $\|x_l\| = 1$, or
      whether every row loses the mean of its coordinates and is divided by their standard deviation, so that $\|x_l\|^2 = d$.
    - `samples`: rows come from this many, in turn; `None` for ever new ones.
    - `most`: the largest support (static).
    """

    key: Key[Array, ""]
    features: Float[Array, "features dimension"]
    feature_count: Int[Array, ""]
    dimension: Int[Array, ""]
    active: Int[Array, " sizes"] | None
    frequencies: Float[Array, " features"] | None
    law: Int[Array, ""]
    range: Float[Array, "2"]
    noise: Float[Array, ""] | None
    scaling: Int[Array, ""]
    power: Float[Array, ""]
    samples: Int[Array, ""] | None
    most: int = eqx.field(static=True)
    summary_rows: int = eqx.field(static=True)

    def batch(self, step: Int[Array, ""], size: int) -> Float[Array, "size dimension"]:
        """The next `size` rows: numbers step * size and on, modulo the number of samples if that is finite."""
        numbers = step * jnp.asarray(size, step.dtype) + jnp.arange(size, dtype=step.dtype)
        return self.rows(numbers if self.samples is None else numbers % self.samples)

    def summary(self) -> tuple[Float[Array, "rows dimension"], Bool[Array, " rows"]]:
        """Rows that no batch has."""
        return self.observations, jnp.ones(self.summary_rows, bool)

    @property
    def observations(self) -> Float[Array, "rows dimension"]:
        """Rows that no batch has."""
        return self._rows(draws.fold_in(self.key, 1), jnp.arange(self.summary_rows, dtype=jnp.int32))

    @property
    def mask(self) -> Bool[Array, "rows 1"]:
        """Every row is data."""
        return jnp.ones((self.summary_rows, 1), bool)

    @property
    def count(self) -> Float[Array, ""]:
        """Number of rows in `observations`, as a real number."""
        return jnp.asarray(self.summary_rows, self.features.dtype)

    @property
    def coordinates(self) -> Bool[Array, " dimension"]:
        """Mask of the coordinates that are data."""
        return row_mask(self.dimension, self.features.shape[1])

    def rows(self, numbers: Int[Array, " rows"]) -> Float[Array, "rows dimension"]:
        """The rows of the given numbers."""
        return self._rows(draws.fold_in(self.key, 0), numbers)

    def codes(self, numbers: Int[Array, " rows"]) -> Float[Array, "rows features"]:
        """The planted coefficients $h$ of rows, before scaling: for diagnostics; solvers may not look."""
        keys = _row_keys(draws.fold_in(self.key, 0), numbers)
        if self.frequencies is not None:
            return self._bernoulli(keys, self.frequencies)
        chosen, values = self._supports(keys, self.active)
        empty = jnp.zeros((numbers.shape[0], self.features.shape[0]), values.dtype)
        return jax.vmap(lambda row, places, entries: row.at[places].add(entries))(empty, chosen, values)

    def _rows(self, key, numbers):
        keys = _row_keys(key, numbers)
        with jax.default_matmul_precision("float32"):
            if self.frequencies is not None:
                rows = self._bernoulli(keys, self.frequencies) @ self.features
            else:
                chosen, values = self._supports(keys, self.active)
                rows = jnp.sum(values[..., None] * self.features[chosen], axis=1)
        if self.noise is not None:
            width = rows.shape[1]
            noise = jax.vmap(lambda each: draws.normal(draws.fold_in(each, 2), (width,)))(keys).astype(rows.dtype)
            rows = rows + self.noise * jnp.where(self.coordinates[None, :], noise, 0)
        inside = self.coordinates[None, :]
        means = jnp.sum(rows, axis=1, keepdims=True) / self.dimension.astype(rows.dtype)
        rows = jnp.where(inside & (self.scaling == SCALINGS.index("standard")), rows - means, rows)
        norms = norm(rows, axis=1, keepdims=True)
        safe = jnp.where(norms == 0, 1, norms)
        constant = jnp.broadcast_to(jnp.sqrt(self.power), norms.shape)
        divisor = jax.lax.select_n(
            jnp.broadcast_to(self.scaling, norms.shape),
            jnp.ones_like(norms),
            constant,
            safe,
            safe / jnp.sqrt(self.dimension.astype(rows.dtype)),
        )
        return rows / divisor

    def _supports(self, keys, active):
        """Distinct features of every row and their coefficients, zero beyond the row's support; shape (rows, most)."""
        numbers = jax.vmap(lambda key: draws.uniform(key, (self.most + 1, 2)))(keys).astype(self.features.dtype)
        sizes = active.shape[0]
        choice = jnp.minimum(jnp.floor(numbers[:, 0, 0] * sizes).astype(jnp.int32), sizes - 1)
        size = active[choice]
        places = numbers[:, 1:, 0].astype(jnp.float32)

        def add(i, chosen):
            # Floyd (1987): a uniform draw among the first places; if it is taken, the place just opened.
            last = self.feature_count - size + i
            draw = jnp.floor(places[:, i] * (last + 1).astype(jnp.float32)).astype(jnp.int32)
            draw = jnp.minimum(draw, last)
            taken = jnp.any(chosen == draw[:, None], axis=1)
            place = jnp.where(taken, last, draw)
            return chosen.at[:, i].set(jnp.where(i < size, place, -1))

        empty = jnp.full((keys.shape[0], self.most), -1, jnp.int32)
        chosen = jax.lax.fori_loop(0, self.most, add, empty)
        values = jnp.where(chosen >= 0, self._coefficients(numbers[:, 1:, 1]), 0)
        return jnp.maximum(chosen, 0), values

    def _bernoulli(self, keys, frequencies):
        numbers = jax.vmap(lambda key: draws.uniform(key, (self.features.shape[0], 2)))(keys).astype(
            self.features.dtype
        )
        occurs = numbers[..., 0] < frequencies[None, :]
        return jnp.where(occurs, self._coefficients(numbers[..., 1]), 0)

    def _coefficients(self, uniform):
        low, high = self.range
        # Quantiles of the nearer tail, where single precision is fine enough.
        tail = jax.scipy.special.ndtri(jnp.clip(jnp.minimum(uniform, 1 - uniform), 1e-7, 0.5))
        normal = jnp.where(uniform < 0.5, tail, -tail)
        laws = (
            low + (high - low) * uniform,
            jnp.ones_like(uniform),
            jnp.exp(_LOG_SPREAD * normal),
            -jax.scipy.special.ndtri(jnp.clip((1 - uniform) / 2, 1e-7, 0.5)),
        )
        return jax.lax.select_n(jnp.broadcast_to(self.law, uniform.shape), *laws)


def mean_square(law: Int[Array, ""], low: Float[Array, ""], high: Float[Array, ""]) -> Float[Array, ""]:
    r"""$\mathbb{E} h^2$ of a coefficient."""
    uniform = (low**2 + low * high + high**2) / 3
    values = (uniform, jnp.ones_like(low), jnp.full_like(low, np.exp(2 * _LOG_SPREAD**2)), jnp.ones_like(low))
    return jax.lax.select_n(law, *values)


def _row_keys(key: Key[Array, ""], numbers: Int[Array, " rows"]) -> Key[Array, " rows"]:
    return jax.vmap(draws.fold_in, (None, 0))(key, numbers)
