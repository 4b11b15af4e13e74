"""What a trainer of autoencoders may see: rows of activations, in batches."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, Shaped

from .. import draws
from ..arguments import require_integer
from ..leaves import floating_dtype
from ..padding import row_mask

LAWS = ("uniform", "constant", "lognormal", "halfnormal")
SCALINGS = ("none", "power", "unit", "standard")
# Standard deviation of the logarithm of a lognormal coefficient.
_LOG_SPREAD = 0.5
# Rows that summaries of a trained autoencoder are taken over.
_SUMMARY_ROWS = 4096


class AbstractActivations(eqx.Module):
    """Rows of activations that come in batches; what trainers of autoencoders ask of their data.

    `observations` are the rows that summaries (reconstruction, frequencies) are taken over; where rows are drawn from a
    key, training never sees them. Coordinates that `coordinates` masks out are padding, zero in every row.
    """

    @abc.abstractmethod
    def batch(self, step: Int[Array, ""], size: int) -> Float[Array, "size dimension"]:
        """The rows of training step `step`; equal for equal arguments."""

    @abc.abstractmethod
    def summary(self) -> tuple[Float[Array, "rows dimension"], Bool[Array, " rows"]]:
        """Rows to summarise a trained autoencoder over, and which of them are data."""

    @property
    @abc.abstractmethod
    def coordinates(self) -> Bool[Array, " dimension"]:
        """Mask of the coordinates that are data."""


class ActivationProblem(AbstractActivations):
    """A matrix of activations in memory, one row per sample; batches are drawn from its rows, with replacement.

    Rows from `samples` on are padding. Data larger than memory go through `recover.training` instead.
    """

    observations: Float[Array, "rows dimension"]
    samples: Int[Array, ""]
    key: Key[Array, ""]
    dimension: Int[Array, ""]

    def __init__(
        self,
        observations: Shaped[Array | np.ndarray, "..."],
        *,
        samples=None,
        dimension=None,
        key: Key[Array, ""] | None = None,
    ):
        """**Arguments:**

        - `observations`: matrix of shape (rows, dimension).
        - `samples`: how many leading rows are data; all by default. The others must be zero.
        - `dimension`: how many leading coordinates are data; all by default. The others must be zero.
        - `key`: which rows a batch has; `jax.random.key(0)` by default.

        **Raises:** `ValueError` when the shape does not fit.
        """
        observations = jnp.asarray(observations)
        if observations.ndim != 2 or 0 in observations.shape:
            raise ValueError(
                f"ActivationProblem: `observations` has shape {observations.shape}; (rows, dimension) is allowed."
            )
        rows, columns = observations.shape
        require_integer("ActivationProblem", "samples", samples, 1, rows, "the number of rows")
        require_integer("ActivationProblem", "dimension", dimension, 1, columns, "the number of columns")
        self.observations = observations.astype(floating_dtype(observations))
        self.samples = jnp.asarray(rows if samples is None else samples, jnp.int32)
        self.dimension = jnp.asarray(columns if dimension is None else dimension, jnp.int32)
        self.key = jax.random.key(0) if key is None else key

    def batch(self, step: Int[Array, ""], size: int) -> Float[Array, "size dimension"]:
        """Rows chosen uniformly, with replacement."""
        # The same rows whatever the precision and the padding.
        shares = draws.uniform(jax.random.fold_in(self.key, step), (size,)).astype(jnp.float32)
        chosen = jnp.floor(shares * self.samples.astype(jnp.float32)).astype(jnp.int32)
        return self.observations[jnp.minimum(chosen, self.samples - 1)]

    def summary(self) -> tuple[Float[Array, "rows dimension"], Bool[Array, " rows"]]:
        """Rows at equal distances, 4,096 at most."""
        count = min(self.observations.shape[0], _SUMMARY_ROWS)
        index = jnp.arange(count, dtype=jnp.int32) * jnp.maximum(self.samples // _SUMMARY_ROWS, 1)
        return self.observations[index], index < self.samples

    @property
    def coordinates(self) -> Bool[Array, " dimension"]:
        """Mask of the coordinates that are data."""
        return row_mask(self.dimension, self.observations.shape[1])


class PlantedActivations(AbstractActivations):
    r"""Sparse nonnegative mixtures of planted features, drawn from a key whenever they are asked for.

    $$x_l = \frac{1}{c_l} \Big( \sum_{i \in S_l} h_{li} v_i + \sigma g_l \Big)$$

    Row $l$ is a function of the key and of $l$ alone, so no data set is stored, and batches of any size see the same
    rows. What draws the rows is what a solver must recover: solvers call `batch`, and look at nothing else.

    - `features`: the rows $v_i$, zero where padded.
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
    count: Int[Array, ""]
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
        return self._rows(jax.random.fold_in(self.key, 1), jnp.arange(self.summary_rows, dtype=jnp.int32))

    @property
    def coordinates(self) -> Bool[Array, " dimension"]:
        """Mask of the coordinates that are data."""
        return row_mask(self.dimension, self.features.shape[1])

    def rows(self, numbers: Int[Array, " rows"]) -> Float[Array, "rows dimension"]:
        """The rows of the given numbers."""
        return self._rows(jax.random.fold_in(self.key, 0), numbers)

    @eqx.filter_jit
    def codes(self, numbers: Int[Array, " rows"]) -> Float[Array, "rows features"]:
        """The planted coefficients $h$ of rows, before scaling: for diagnostics; solvers may not look."""
        keys = _row_keys(jax.random.fold_in(self.key, 0), numbers)
        if self.frequencies is not None:
            return self._bernoulli(keys)
        chosen, values = self._supports(keys)
        empty = jnp.zeros((numbers.shape[0], self.features.shape[0]), values.dtype)
        return jax.vmap(lambda row, places, entries: row.at[places].add(entries))(empty, chosen, values)

    # Compiled as one even where nothing around it is.
    @eqx.filter_jit
    def _rows(self, key, numbers):
        keys = _row_keys(key, numbers)
        with jax.default_matmul_precision("float32"):
            if self.frequencies is not None:
                rows = self._bernoulli(keys) @ self.features
            else:
                chosen, values = self._supports(keys)
                rows = jnp.sum(values[..., None] * self.features[chosen], axis=1)
        if self.noise is not None:
            width = rows.shape[1]
            noise = jax.vmap(lambda each: draws.normal(jax.random.fold_in(each, 2), (width,)))(keys).astype(rows.dtype)
            rows = rows + self.noise.astype(rows.dtype) * jnp.where(self.coordinates[None, :], noise, 0)
        inside = self.coordinates[None, :]
        means = jnp.sum(rows, axis=1, keepdims=True) / self.dimension.astype(rows.dtype)
        rows = jnp.where(inside & (self.scaling == SCALINGS.index("standard")), rows - means, rows)
        norms = jnp.sqrt(jnp.sum(rows**2, axis=1, keepdims=True))
        safe = jnp.where(norms > 0, norms, 1)
        constant = jnp.broadcast_to(jnp.sqrt(self.power).astype(rows.dtype), norms.shape)
        divisor = jax.lax.select_n(
            jnp.broadcast_to(self.scaling, norms.shape),
            jnp.ones_like(norms),
            constant,
            safe,
            safe / jnp.sqrt(self.dimension.astype(rows.dtype)),
        )
        return rows / divisor

    def _supports(self, keys):
        """Distinct features of every row and their coefficients, zero beyond the row's support; shape (rows, most)."""
        numbers = jax.vmap(lambda key: draws.uniform(key, (self.most + 1, 2)))(keys).astype(self.features.dtype)
        active = jnp.asarray(self.active)
        sizes = active.shape[0]
        choice = jnp.minimum(jnp.floor(numbers[:, 0, 0] * sizes).astype(jnp.int32), sizes - 1)
        size = active[choice]
        places = numbers[:, 1:, 0].astype(jnp.float32)

        def add(i, chosen):
            # Floyd (1987): a uniform draw among the first places; if it is taken, the place just opened.
            last = self.count - size + i
            draw = jnp.floor(places[:, i] * (last + 1).astype(jnp.float32)).astype(jnp.int32)
            draw = jnp.minimum(draw, last)
            taken = jnp.any(chosen == draw[:, None], axis=1)
            place = jnp.where(taken, last, draw)
            return chosen.at[:, i].set(jnp.where(i < size, place, -1))

        empty = jnp.full((keys.shape[0], self.most), -1, jnp.int32)
        chosen = jax.lax.fori_loop(0, self.most, add, empty)
        values = jnp.where(chosen >= 0, self._coefficients(numbers[:, 1:, 1]), 0)
        return jnp.maximum(chosen, 0), values

    def _bernoulli(self, keys):
        numbers = jax.vmap(lambda key: draws.uniform(key, (self.features.shape[0], 2)))(keys).astype(
            self.features.dtype
        )
        occurs = numbers[..., 0] < self.frequencies.astype(numbers.dtype)[None, :]
        return jnp.where(occurs, self._coefficients(numbers[..., 1]), 0)

    def _coefficients(self, uniform):
        low, high = self.range.astype(uniform.dtype)
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
    return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)
