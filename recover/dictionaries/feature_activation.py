r"""Are codes of the right length? The ZF plot ($\|f\|$ against $\|z\|$) and the quasi-orthogonality that a pair needs.

Source: Lee, Davies, Canby and Hockenmaier, arXiv:2503.24277 (lee2025), in the form of the authors' code.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.numbers import norm, ratio, squared_norm
from .autoencoders.autoencoder import SparseAutoencoder

__all__ = ["eps_lbo", "folded_codes", "norm_ratio", "normalised_error"]


def eps_lbo(
    inputs: Float[Array, "rows dimension"],
    codes: Float[Array, "rows width"],
    width: int | Int[Array, ""] | None = None,
) -> Float[Array, " rows"]:
    r"""$|\|z\|^2 - \|f\|^2| / ((h - 1) \|f\|^2)$: no smaller coherence allows for these norms; infinite for a code of zeros.

    `width` is $h$, by default the length of a code, which must have at least two entries. Codes belong to unit rows
    (`folded_codes`).
    """
    width = codes.shape[1] if width is None else width
    square = squared_norm(codes, axis=1)
    gap = jnp.abs(squared_norm(inputs, axis=1) - square)
    return ratio(gap, (jnp.asarray(width, gap.dtype) - 1) * square, jnp.where(gap > 0, jnp.inf, 0))


def folded_codes(
    autoencoder: SparseAutoencoder, inputs: Float[Array, "rows dimension"], centre: bool = True
) -> Float[Array, "rows entries"]:
    r"""Codes times the norms of their decoder rows, and with `centre` one more entry, $\|b_{dec}\|$: the bias as a feature that is always on."""
    weights = autoencoder.weights
    codes = autoencoder.encode(inputs) * norm(weights.decoder, axis=1)[None, :]
    if not centre:
        return codes
    always = jnp.broadcast_to(norm(weights.centre), (codes.shape[0], 1))
    return jnp.concatenate([codes, always], axis=1)


def norm_ratio(inputs: Float[Array, "rows dimension"], codes: Float[Array, "rows width"]) -> Float[Array, " rows"]:
    r"""$\|f\| / \|z\|$: one on the diagonal of the ZF plot; below, too little is active, and above, too much. Zero inputs: zero."""
    return ratio(norm(codes, axis=1), norm(inputs, axis=1))


def normalised_error(
    inputs: Float[Array, "rows dimension"], reconstruction: Float[Array, "rows dimension"]
) -> Float[Array, " rows"]:
    r"""$\|z - \hat z\|^2 / \|z\|^2$; zero inputs: zero."""
    return ratio(squared_norm(inputs - reconstruction, axis=1), squared_norm(inputs, axis=1))
