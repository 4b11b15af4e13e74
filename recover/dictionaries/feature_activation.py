r"""Are codes of the right length? The ZF plot ($\|f\|$ against $\|z\|$) and the quasi-orthogonality that a pair needs.

Source: Lee, Davies, Canby and Hockenmaier, arXiv:2503.24277, in the form of the authors' code.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

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
    squares = jnp.sum(inputs**2, axis=1), jnp.sum(codes**2, axis=1)
    gap = jnp.abs(squares[0] - squares[1])
    allowed = (jnp.asarray(width, gap.dtype) - 1) * squares[1]
    return jnp.where(allowed > 0, gap / jnp.where(allowed > 0, allowed, 1), jnp.where(gap > 0, jnp.inf, 0))


def folded_codes(
    autoencoder: SparseAutoencoder, inputs: Float[Array, "rows dimension"], centre: bool = True
) -> Float[Array, "rows entries"]:
    r"""Codes times the norms of their decoder rows, and with `centre` one more entry, $\|b_{dec}\|$: the bias as a feature that is always on."""
    weights = autoencoder.weights
    codes = autoencoder.encode(inputs) * jnp.sqrt(jnp.sum(weights.decoder**2, axis=1))[None, :]
    if not centre:
        return codes
    always = jnp.broadcast_to(jnp.sqrt(jnp.sum(weights.centre**2)), (codes.shape[0], 1))
    return jnp.concatenate([codes, always], axis=1)


def norm_ratio(inputs: Float[Array, "rows dimension"], codes: Float[Array, "rows width"]) -> Float[Array, " rows"]:
    r"""$\|f\| / \|z\|$: one on the diagonal of the ZF plot; below, too little is active, and above, too much. Zero inputs: zero."""
    norms = jnp.sqrt(jnp.sum(inputs**2, axis=1))
    return jnp.where(norms > 0, jnp.sqrt(jnp.sum(codes**2, axis=1)) / jnp.where(norms > 0, norms, 1), 0)


def normalised_error(
    inputs: Float[Array, "rows dimension"], reconstruction: Float[Array, "rows dimension"]
) -> Float[Array, " rows"]:
    r"""$\|z - \hat z\|^2 / \|z\|^2$; zero inputs: zero."""
    squares = jnp.sum(inputs**2, axis=1)
    errors = jnp.sum((inputs - reconstruction) ** 2, axis=1)
    return jnp.where(squares > 0, errors / jnp.where(squares > 0, squares, 1), 0)
