"""Local averages and differences on images, boundaries included by leaving out what lies beyond them."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def _band(size: int, width: int) -> np.ndarray:
    """Ones where two positions are at most half a window apart."""
    index = np.arange(size)
    return (np.abs(index[:, None] - index[None, :]) <= width // 2).astype(np.float32)


def box_sums(images: Float[Array, "*batch rows columns"], width: int) -> Float[Array, "*batch rows columns"]:
    """Sums over windows of `width` x `width` pixels (odd) around every pixel, cut at the boundary."""
    rows, columns = (jnp.asarray(_band(size, width), images.dtype) for size in images.shape[-2:])
    return jnp.einsum("ij,...jk,kl->...il", rows, images, columns, precision="float32")


def box_means(images: Float[Array, "*batch rows columns"], width: int) -> Float[Array, "*batch rows columns"]:
    """Means over the same windows; at the boundary over the pixels that are there."""
    rows, columns = (_band(size, width).sum(axis=1) for size in images.shape[-2:])
    counts = jnp.asarray(np.multiply.outer(rows, columns), images.dtype)
    return box_sums(images, width) / jnp.broadcast_to(counts, images.shape)


def neighbour_sums(images: Float[Array, "*batch rows columns"]) -> Float[Array, "*batch rows columns"]:
    """Sums over the four neighbours of every pixel; fewer at the boundary."""
    around = [(0, 0)] * (images.ndim - 2)
    padded = jnp.pad(images, [*around, (1, 1), (1, 1)])
    vertical = padded[..., 2:, 1:-1] + padded[..., :-2, 1:-1]
    return vertical + padded[..., 1:-1, 2:] + padded[..., 1:-1, :-2]


def neighbour_means(images: Float[Array, "*batch rows columns"]) -> Float[Array, "*batch rows columns"]:
    """Means over the four neighbours of every pixel; over those that are there at the boundary."""
    counts = neighbour_sums(jnp.ones(images.shape[-2:], images.dtype))
    return neighbour_sums(images) / jnp.broadcast_to(counts, images.shape)
