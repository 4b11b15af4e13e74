"""Local averages on images, boundaries included by leaving out what lies beyond them."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..core.grid import shifted


def box_sums(images: Float[Array, "*batch rows columns"], width: int) -> Float[Array, "*batch rows columns"]:
    """Sums over windows of `width` x `width` pixels (odd) around every pixel, cut at the boundary."""
    zero = np.zeros((), images.dtype)
    # One axis after the other: the same sums as of square windows, of which a CPU computes each by itself.
    for axis in (images.ndim - 2, images.ndim - 1):
        window = [width if each == axis else 1 for each in range(images.ndim)]
        beyond = [(size // 2, size // 2) for size in window]
        images = jax.lax.reduce_window(images, zero, jax.lax.add, window, [1] * images.ndim, beyond)
    return images


def box_means(images: Float[Array, "*batch rows columns"], width: int) -> Float[Array, "*batch rows columns"]:
    """Means over the same windows; at the boundary over the pixels that are there."""
    counts = box_sums(jnp.ones(images.shape[-2:], images.dtype), width)
    return box_sums(images, width) / jnp.broadcast_to(counts, images.shape)


def neighbour_sums(images: Float[Array, "*batch rows columns"]) -> Float[Array, "*batch rows columns"]:
    """Sums over the four neighbours of every pixel; fewer at the boundary."""
    rows, columns = images.ndim - 2, images.ndim - 1
    vertical = shifted(images, rows, 1) + shifted(images, rows, -1)
    return vertical + shifted(images, columns, 1) + shifted(images, columns, -1)


def neighbour_means(images: Float[Array, "*batch rows columns"]) -> Float[Array, "*batch rows columns"]:
    """Means over the four neighbours of every pixel; over those that are there at the boundary."""
    counts = neighbour_sums(jnp.ones(images.shape[-2:], images.dtype))
    return neighbour_sums(images) / jnp.broadcast_to(counts, images.shape)
