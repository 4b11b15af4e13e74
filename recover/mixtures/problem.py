"""What a solver may see of a hyperspectral image."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..core.checks import require_integer
from ..core.leaves import floating_dtype
from ..core.sizes import Capacities, capacities_field, capacity, concrete_capacities, row_mask

__all__ = ["UnmixingProblem"]


class UnmixingProblem(eqx.Module):
    r"""An image of nonnegative spectra, $Y \approx M A$ with unknown endmembers $M \ge 0$ and abundances $A \ge 0$.

    - `observations`: $Y$, one row per channel and one column per pixel, row after row of the image.
    - `shape`: rows and columns of the image.
    - `endmembers`: how many endmembers $K$ there are.
    - `channels`: how many rows are data; the others are zero.
    """

    observations: Float[Array, "channels pixels"]
    endmembers: Int[Array, ""]
    channels: Int[Array, ""]
    shape: tuple[int, int] = eqx.field(static=True)
    capacities: Capacities = capacities_field()

    def __init__(self, observations, endmembers, *, shape=None, channels=None, capacities: Capacities | None = None):
        """**Arguments:**

        - `observations`: cube of shape (channels, rows, columns), NumPy or JAX, or a matrix of shape (channels, pixels) with the
          `shape` of the image. Negative values, which only noise can make, count as zero.
        - `endmembers`: number of endmembers.
        - `shape`: rows and columns of the image, for a matrix; one row of pixels by default.
        - `channels`: how many leading rows are data (the others must be zero); all by default.
        - `capacities`: padded maximum of `endmembers` where it is traced; models pass it.

        **Raises:** `ValueError` when the shapes do not fit or a size is impossible.
        """
        observations = jnp.asarray(observations)
        if observations.ndim == 3:
            found = observations.shape[1:]
            observations = observations.reshape(observations.shape[0], -1)
        elif observations.ndim == 2:
            found = (1, observations.shape[1]) if shape is None else tuple(shape)
        else:
            raise ValueError(
                f"UnmixingProblem: `observations` has shape {observations.shape}; a cube (channels, rows, columns) or a "
                "matrix (channels, pixels) is allowed."
            )
        if (
            len(found) != 2
            or found[0] * found[1] != observations.shape[1]
            or (shape is not None and tuple(shape) != found)
        ):
            raise ValueError(
                f"UnmixingProblem: `shape` is {shape}; rows and columns of {observations.shape[1]} pixels are allowed."
            )
        require_integer(
            "UnmixingProblem", "endmembers", endmembers, 2, int(observations.shape[1]), "the number of pixels"
        )
        require_integer("UnmixingProblem", "channels", channels, 1, int(observations.shape[0]), "the number of rows")
        self.observations = jnp.maximum(observations.astype(floating_dtype(observations)), 0)
        self.endmembers = jnp.asarray(endmembers, jnp.int32)
        self.channels = jnp.asarray(observations.shape[0] if channels is None else channels, jnp.int32)
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

    def images(self, values: Float[Array, "*batch pixels"]) -> Float[Array, "*batch rows columns"]:
        """Values per pixel as images."""
        return values.reshape(*values.shape[:-1], *self.shape)

    def residual(
        self, endmembers: Float[Array, "channels endmembers"], abundances: Float[Array, "endmembers pixels"]
    ) -> Float[Array, "channels pixels"]:
        """$Y - M A$; zero on padding."""
        return self.observations - endmembers @ abundances

    def channel_medians(self, values: Float[Array, " channels"]) -> Float[Array, ""]:
        """The median of a value per channel over the channels that are data."""
        ordered = jnp.sort(jnp.where(self.live_channels, values, jnp.inf))
        return (ordered[(self.channels - 1) // 2] + ordered[self.channels // 2]) / 2
