"""The autoencoder that thresholds in the atomic inner product would like to become."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Real

from ...core.numbers import ratio, squared_norm
from ..atomic_inner_product import whitening
from .activations import Threshold
from .autoencoder import SparseAutoencoder, Weights

__all__ = ["ideal_autoencoder"]


def ideal_autoencoder(
    dictionary: Float[Array, "width dimension"],
    second_moment: Float[Array, "dimension dimension"],
    threshold: Real[Array, "..."] | float,
) -> SparseAutoencoder:
    r"""Decoder $d_m$ and detectors $S d_m / \langle d_m, d_m \rangle_S$, with $S$ the inverse of the second moment.

    A detector answers an atom's coefficient with the coefficient itself, and other atoms with interference of the size of
    their cosines in the atomic inner product. Codes are detectors' answers above `threshold`. Source: Hu et al. (hu2025), whose
    detectors $S d_m$ are these where all atoms have one length in the atomic inner product.
    """
    root = whitening(second_moment)
    with jax.default_matmul_precision("float32"):
        whitened = dictionary @ root
        detectors = ratio(whitened @ root.T, squared_norm(whitened, axis=1, keepdims=True))
    width, dtype = dictionary.shape[0], dictionary.dtype
    thresholds = jnp.broadcast_to(jnp.log(jnp.asarray(threshold, dtype)), (width,))
    weights = Weights(
        detectors, jnp.zeros(width, dtype), dictionary, jnp.zeros(dictionary.shape[1], dtype), None, thresholds
    )
    return SparseAutoencoder(weights, Threshold())
