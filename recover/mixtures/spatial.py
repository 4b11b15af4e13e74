"""Local averages on images, boundaries included by leaving out what lies beyond them."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..core.grid import shifted
from ..core.numbers import ratio


def box_sums(images: Float[Array, "*batch rows columns"], width: int) -> Float[Array, "*batch rows columns"]:
    """Sums over windows of `width` x `width` pixels (odd) around every pixel, cut at the boundary."""
    zero = np.zeros((), images.dtype)
    # One axis after the other: the same sums as of square windows, of which a CPU computes each by itself.
    for axis in (images.ndim - 2, images.ndim - 1):
        window = [width if each == axis else 1 for each in range(images.ndim)]
        beyond = [(size // 2, size // 2) for size in window]
        images = jax.lax.reduce_window(images, zero, jax.lax.add, window, [1] * images.ndim, beyond)
    return images


def box_means(
    images: Float[Array, "*batch rows columns"], width: int, present: Bool[Array, "rows columns"] | None = None
) -> Float[Array, "*batch rows columns"]:
    """Means over the same windows; at the boundary, and where some are not `present`, over the pixels that are there."""
    return _means(lambda values: box_sums(values, width), images, present)


def neighbour_sums(images: Float[Array, "*batch rows columns"]) -> Float[Array, "*batch rows columns"]:
    """Sums over the four neighbours of every pixel; fewer at the boundary."""
    rows, columns = images.ndim - 2, images.ndim - 1
    vertical = shifted(images, rows, 1) + shifted(images, rows, -1)
    return vertical + shifted(images, columns, 1) + shifted(images, columns, -1)


def neighbour_means(
    images: Float[Array, "*batch rows columns"], present: Bool[Array, "rows columns"] | None = None
) -> Float[Array, "*batch rows columns"]:
    """Means over the four neighbours of every pixel; over those that are there, and `present`."""
    return _means(neighbour_sums, images, present)


def _means(sums, images, present):
    if present is None:
        return sums(images) / jnp.broadcast_to(sums(jnp.ones(images.shape[-2:], images.dtype)), images.shape)
    live = present.astype(images.dtype)
    counts = jnp.broadcast_to(jnp.where(present, sums(live), 0), images.shape)
    return ratio(sums(images * jnp.broadcast_to(live, images.shape)), counts)
