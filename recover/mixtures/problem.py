"""What a solver may see of a hyperspectral image."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from ..core.checks import require_integer
from ..core.data import as_sizes, in_one_dtype
from ..core.numbers import ratio
from ..core.problem import AbstractProblem
from ..core.sizes import Capacities, capacity, concrete_capacities, row_mask
from ..core.units import Units, exact_unit_of
from .cube import as_cube
from .mixture import Mixture

__all__ = ["UnmixingProblem"]

# Sizes of data that count as one.
_ORDINARY = (0.33, 1.3)


class UnmixingProblem(AbstractProblem):
    r"""An image of nonnegative spectra, $Y \approx M A$ with unknown endmembers $M \ge 0$ and abundances $A \ge 0$.

    - `observations`: $Y$, one row per channel and one column per pixel, row after row of the image.
    - `shape`: rows and columns of the image.
    - `endmembers`: how many endmembers $K$ there are.
    - `channels`: how many rows are data; the others are zero.
    - `known`: which entries are there, `None` where all are; the others are zero. Pixels of which no entry is known have
      no abundances.
    """

    observations: Float[Array, "channels pixels"]
    endmembers: Int[Array, ""]
    channels: Int[Array, ""]
    known: Bool[Array, "channels pixels"] | None
    shape: tuple[int, int] = eqx.field(static=True)

    def __init__(
        self,
        observations,
        endmembers,
        *,
        shape=None,
        channels=None,
        known=None,
        capacities: Capacities | None = None,
    ):
        """**Arguments:**

        - `observations`: cube of shape (channels, rows, columns), or a matrix of shape (channels, pixels) with the `shape` of the
          image. Negative values, which only noise can make, count as zero. Masked arrays say what is absent; so do the
          NaN of a labelled array (xarray), whose axis named `band`, `channel` or `wavelength` comes first.
        - `endmembers`: number of endmembers.
        - `shape`: rows and columns of the image, for a matrix; one row of pixels by default.
        - `channels`: how many leading rows are data (the others must be zero); all by default.
        - `known`: which entries are there, of the shape of `observations` or of its pixels; all by default. The others (holes,
          borders) may hold anything, also NaN.
        - `capacities`: padded maximum of `endmembers` where it is traced; models pass it.

        **Raises:** `ValueError` when shapes do not fit, a known entry is not finite or a size is impossible, `TypeError` for
        complex data and for what is no array of numbers.
        """
        owner = type(self).__name__
        cube, known = as_cube(owner, observations, known)
        pixels = math.prod(cube.shape[1:])
        allowed = f"rows and columns of {pixels} pixels are allowed"
        given = None if shape is None else as_sizes(owner, "shape", shape, 2, allowed)
        found = cube.shape[1:] if cube.ndim == 3 else given or (1, pixels)
        if math.prod(found) != pixels or given not in (None, found):
            raise ValueError(f"{owner}: `shape` is {shape}; {allowed}.")
        if endmembers is None:
            raise ValueError(f"{owner}: `endmembers` is None; an integer of at least 2 is needed.")
        require_integer(owner, "endmembers", endmembers, 2, pixels, "the number of pixels")
        require_integer(owner, "channels", channels, 1, int(cube.shape[0]), "the number of rows")
        (matrix,) = in_one_dtype(owner, observations=cube.reshape(cube.shape[0], -1))
        self.observations = jnp.maximum(matrix, 0)
        self.known = None if known is None else known.reshape(matrix.shape)
        self.endmembers = jnp.asarray(endmembers, jnp.int32)
        self.channels = jnp.asarray(matrix.shape[0] if channels is None else channels, jnp.int32)
        self.shape = (int(found[0]), int(found[1]))
        self.capacities = concrete_capacities(endmembers=endmembers) if capacities is None else capacities

    @property
    def width(self) -> int:
        """Padded number of endmembers (static)."""
        return capacity(self, "endmembers")

    @property
    def live_channels(self) -> Bool[Array, " channels"]:
        """Which rows are data."""
        return row_mask(self.channels, self.observations.shape[0])

    @property
    def live_endmembers(self) -> Bool[Array, " endmembers"]:
        """Which endmembers are not padding."""
        return row_mask(self.endmembers, self.width)

    @property
    def mask(self) -> Bool[Array, "channels _"]:
        """Which observations are data: whole rows, where every entry is known."""
        rows = self.live_channels[:, None]
        return rows if self.known is None else rows & self.known

    @property
    def present(self) -> Bool[Array, " pixels"]:
        """Which pixels have a known entry."""
        pixels = self.observations.shape[1]
        return jnp.ones(pixels, bool) if self.known is None else jnp.any(self.mask, axis=0)

    @property
    def count(self) -> Float[Array, ""]:
        """Number of observations that are data, channels times pixels where every entry is known, as a real number."""
        if self.known is None:
            return self.channels.astype(self.observations.dtype) * self.observations.shape[1]
        return jnp.sum(self.mask.astype(self.observations.dtype))

    def images(self, values: Shaped[Array, "*batch pixels"]) -> Shaped[Array, "*batch rows columns"]:
        """Values per pixel as images."""
        return values.reshape(*values.shape[:-1], *self.shape)

    def forward(
        self, x: tuple[Float[Array, "channels endmembers"], Float[Array, "endmembers pixels"]]
    ) -> Float[Array, "channels pixels"]:
        """The image $M A$ of a pair of endmembers and abundances; zero on padding."""
        endmembers, abundances = x
        return endmembers @ abundances

    def residual(
        self, x: tuple[Float[Array, "channels endmembers"], Float[Array, "endmembers pixels"]]
    ) -> Float[Array, "channels pixels"]:
        """$Y - M A$ where entries are known, and zero elsewhere."""
        left = self.observations - self.forward(x)
        return left if self.known is None else jnp.where(self.known, left, 0)

    def completed(
        self, x: tuple[Float[Array, "channels endmembers"], Float[Array, "endmembers pixels"]]
    ) -> Float[Array, "channels pixels"]:
        """The observations, with the image $M A$ of the factors in the place of what is absent."""
        return self.observations if self.known is None else jnp.where(self.known, self.observations, self.forward(x))

    def filled(self) -> Float[Array, "channels pixels"]:
        r"""The observations, with $c_l s_n$ in the place of what is absent: $c$ the mean spectrum, $s_n$ the level of a pixel.

        $c_l$ is the mean of what is known of a channel, $s_n$ the ratio of the sums of what is known of $y_n$ and of $c$;
        pixels of which nothing is known are zero.
        """
        if self.known is None:
            return self.observations
        known = self.mask.astype(self.observations.dtype)
        spectrum = ratio(jnp.sum(self.observations, axis=1), jnp.sum(known, axis=1))
        levels = ratio(jnp.sum(self.observations, axis=0), spectrum @ known)
        return jnp.where(self.known, self.observations, spectrum[:, None] * levels[None, :])

    def channel_median(self, values: Float[Array, " channels"]) -> Float[Array, ""]:
        """The median of a value per channel over the channels that are data."""
        ordered = jnp.sort(jnp.where(self.live_channels, values, jnp.inf))
        return (ordered[(self.channels - 1) // 2] + ordered[self.channels // 2]) / 2

    def units(self) -> Units:
        """The median over channels of their largest value: penalties are for data of order one."""
        middle = self.channel_median(jnp.max(self.observations, axis=1, initial=0))
        return Units(jnp.ones_like(middle), exact_unit_of(middle, *_ORDINARY))

    def in_units(self, units: Units, columns: bool) -> "UnmixingProblem":
        """The image in its unit."""
        return eqx.tree_at(lambda problem: problem.observations, self, self.observations / units.observations)

    def restored(self, value: Mixture, units: Units) -> Mixture:
        """Endmembers in the unit of the image as it was given."""
        return eqx.tree_at(lambda mixture: mixture.endmembers, value, value.endmembers * units.observations)

    def unrestored(self, value: Mixture, units: Units) -> Mixture:
        """The inverse of `restored`."""
        return eqx.tree_at(lambda mixture: mixture.endmembers, value, value.endmembers / units.observations)
