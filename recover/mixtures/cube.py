"""Hyperspectral cubes as people have them: arrays, masked arrays and labelled arrays, with what is absent."""

import warnings

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from ..core.data import as_data, as_mask
from ..core.leaves import is_concrete

# Names of the axis of channels in labelled arrays, which other packages put first or last.
_CHANNEL_AXES = ("band", "bands", "channel", "channels", "wavelength", "wavelengths")


def as_cube(owner: str, observations, known):
    """The entries, zero where they are absent, and which are known: `None` where all are.

    A masked array and a labelled array (NaN) say themselves what is absent, and a labelled array where its channels are.

    **Raises:** `ValueError` for a wrong shape, an entry that is not finite, or no known entry; `TypeError` for what is no array of
    real numbers.
    """
    cube = observations
    if type(cube).__module__.startswith("xarray"):
        channels = [name for name in map(str, cube.dims) if name.lower() in _CHANNEL_AXES]
        cube = cube.transpose(channels[0], ...) if len(channels) == 1 else cube
        cube = np.ma.masked_invalid(cube.values)
    if isinstance(cube, np.ma.MaskedArray):
        marked = ~np.ma.getmaskarray(cube)
        cube = np.ma.getdata(cube)
        known = marked if known is None else marked & np.asarray(_mask(owner, known, cube.shape))
    cube = as_data(owner, "observations", cube, "channels rows columns", "channels pixels", finite=known is None)
    if known is None:
        _warn_of_zero_pixels(owner, cube)
        return cube, None
    known = _mask(owner, known, cube.shape)
    if is_concrete(known) and is_concrete(cube):
        known = np.asarray(known)
        if not known.any():
            raise ValueError(f"{owner}: `known` is false everywhere; at least one known entry is allowed.")
        cube = as_data(owner, "observations", np.where(known, np.asarray(cube), 0), "...")
        known = None if known.all() else jnp.asarray(known)
        return cube, known
    return jnp.where(known, cube, 0), jnp.asarray(known)


def _mask(owner: str, known, shape) -> Bool[Array | np.ndarray, "..."]:
    """One truth value per entry; a mask of pixels is that of all channels."""
    mask = as_mask(owner, "known", known, shape, shape[1:])
    return np.broadcast_to(mask, shape) if isinstance(mask, np.ndarray) else jnp.broadcast_to(mask, shape)


def _warn_of_zero_pixels(owner: str, cube) -> None:
    """Borders that are zero in every channel are rarely dark ground."""
    if is_concrete(cube):
        zero = ~np.any(np.asarray(cube), axis=0)
        if zero.any() and not zero.all():
            warnings.warn(
                f"{owner}: {int(zero.sum())} of {zero.size} pixels are zero in every channel; if they are absent, give "
                "`known=cube.any(axis=0)`.",
                stacklevel=4,
            )
