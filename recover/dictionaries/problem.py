"""What a trainer of autoencoders may see: rows of activations, in batches."""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from ..core import draws
from ..core.data import as_data, in_one_dtype, shown
from ..core.fields import integer
from ..core.numbers import squared_norm
from ..core.problem import AbstractProblem
from ..core.sizes import row_mask
from ..core.units import Units, exact_unit_of, largest, power_of_two

__all__ = ["AbstractActivations", "ActivationProblem"]

# Rows that summaries of a trained autoencoder are taken over.
_SUMMARY_ROWS = 4096
# Root mean square norms of rows that count as one: from one to the root of the dimension is what people scale them to.
_LEAST, _MOST = 0.125, 64.0


class AbstractActivations(AbstractProblem):
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
    samples: Int[Array, ""] = integer(1, most="_rows", meaning="the number of rows")
    key: Key[Array, ""]
    dimension: Int[Array, ""] = integer(1, most="_columns", meaning="the number of columns")

    def __init__(
        self,
        observations,
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

        **Raises:** `ValueError` when shapes do not fit, an entry is not finite or a number is impossible, `TypeError` for
        complex data and for what is no array of numbers.
        """
        owner = type(self).__name__
        observations = as_data(owner, "observations", observations, "rows dimension")
        rows, columns = observations.shape
        (self.observations,) = in_one_dtype(owner, observations=observations)
        self.samples = rows if samples is None else samples
        self.dimension = columns if dimension is None else dimension
        self.key = jax.random.key(0) if key is None else key
        if not (isinstance(self.key, jax.Array) and jnp.issubdtype(self.key.dtype, jax.dtypes.prng_key)):
            raise TypeError(f"{owner}: `key` is {shown(key)}; a random key, `jax.random.key(0)`, is allowed.")

    @property
    def _rows(self) -> int:
        return self.observations.shape[0]

    @property
    def _columns(self) -> int:
        return self.observations.shape[1]

    @property
    def mask(self) -> Bool[Array, "rows 1"]:
        """Which rows are data."""
        return row_mask(self.samples, self._rows)[:, None]

    @property
    def count(self) -> Float[Array, ""]:
        """Number of rows that are data, `samples` as a real number."""
        return jnp.asarray(self.samples, self.observations.dtype)

    def batch(self, step: Int[Array, ""], size: int) -> Float[Array, "size dimension"]:
        """Rows chosen uniformly, with replacement."""
        # The same rows whatever the precision and the padding.
        shares = draws.uniform(draws.fold_in(self.key, step), (size,)).astype(jnp.float32)
        chosen = jnp.floor(shares * self.samples.astype(jnp.float32)).astype(jnp.int32)
        return self.observations[jnp.minimum(chosen, self.samples - 1)]

    def summary(self) -> tuple[Float[Array, "rows dimension"], Bool[Array, " rows"]]:
        """Rows at equal distances, 4,096 at most."""
        index = jnp.arange(min(self._rows, _SUMMARY_ROWS), dtype=jnp.int32) * jnp.maximum(
            self.samples // _SUMMARY_ROWS, 1
        )
        return self.observations[index], index < self.samples

    @property
    def coordinates(self) -> Bool[Array, " dimension"]:
        """Mask of the coordinates that are data."""
        return row_mask(self.dimension, self._columns)

    def units(self) -> Units:
        """The root mean square norm of the rows: learning rates of biases are for rows of ordinary length."""
        scale = power_of_two(largest(self.observations))
        size = scale * jnp.sqrt(squared_norm(self.observations / scale) / self.count)
        return Units(jnp.ones_like(size), exact_unit_of(size, _LEAST, _MOST))

    def in_units(self, units: Units, columns: bool) -> AbstractActivations:
        """The rows in their unit, batch by batch."""
        return _ScaledActivations(self, units.observations)


class _ScaledActivations(AbstractActivations):
    """Activations divided by a unit whenever they are asked for, so that what many lanes share stays as it is."""

    activations: AbstractActivations
    unit: Float[Array, ""]

    @property
    def observations(self) -> Float[Array, "rows dimension"]:
        """All rows."""
        return self.activations.observations / self.unit

    @property
    def mask(self) -> Bool[Array, "rows 1"]:
        """Which rows are data."""
        return self.activations.mask

    @property
    def count(self) -> Float[Array, ""]:
        """Number of rows that are data, as a real number."""
        return self.activations.count

    @property
    def coordinates(self) -> Bool[Array, " dimension"]:
        """Mask of the coordinates that are data."""
        return self.activations.coordinates

    def batch(self, step: Int[Array, ""], size: int) -> Float[Array, "size dimension"]:
        """A batch of the activations."""
        return self.activations.batch(step, size) / self.unit

    def summary(self) -> tuple[Float[Array, "rows dimension"], Bool[Array, " rows"]]:
        """The summary of the activations."""
        rows, known = self.activations.summary()
        return rows / self.unit, known

    def restored(self, value: PyTree, units: Units) -> PyTree:
        """A decoder, whose rows have unit norm whatever the data."""
        return value

    def unrestored(self, value: PyTree, units: Units) -> PyTree:
        """The same."""
        return value
