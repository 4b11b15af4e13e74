"""How detectors are parametrised, and where training starts."""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from ...core import draws
from ...core.leaves import leaf
from ..directions import unit_rows
from .activations import AbstractActivation
from .autoencoder import Weights

__all__ = ["AbstractEncoder", "FreeEncoder", "GivenRows", "TiedEncoder"]


class AbstractEncoder(eqx.Module):
    """Makes the weights that training starts from."""

    @abc.abstractmethod
    def start(
        self,
        key: Key[Array, ""],
        present: Bool[Array, " width"],
        coordinates: Bool[Array, " dimension"],
        centre: Float[Array, " dimension"],
        activation: AbstractActivation,
    ) -> Weights:
        """Uniformly random unit rows; zero for neurons that are not `present` and outside of `coordinates`."""


class TiedEncoder(AbstractEncoder):
    """Detectors are the decoder's rows; every neuron has a trained output scale that starts at `scale`."""

    scale: Float[Array, ""] = leaf(default=0.1)

    def start(self, key, present, coordinates, centre, activation) -> Weights:
        """Random rows, one matrix for both."""
        decoder = _sphere(key, present, coordinates, centre.dtype)
        scale = jnp.where(present, jnp.asarray(self.scale, centre.dtype), 0)
        return _weights(None, decoder, centre, scale, activation)


class FreeEncoder(AbstractEncoder):
    """Detectors of their own, which start as the decoder's rows times `scale`."""

    scale: Float[Array, ""] = leaf(default=1.0)

    def start(self, key, present, coordinates, centre, activation) -> Weights:
        """Random rows, equal in both at first up to `scale`."""
        decoder = _sphere(key, present, coordinates, centre.dtype)
        return _weights(jnp.asarray(self.scale, centre.dtype) * decoder, decoder, centre, None, activation)


class GivenRows(AbstractEncoder):
    """Free detectors; training starts at given rows, scaled to unit norm (rows of zeros stay).

    There must be as many rows and columns as neurons and coordinates.
    """

    rows: Float[Array | np.ndarray, "width dimension"]

    def start(self, key, present, coordinates, centre, activation) -> Weights:
        """The rows in both; `key` is not used."""
        rows = jnp.asarray(self.rows, centre.dtype)
        if rows.shape != (present.shape[0], coordinates.shape[0]):
            raise ValueError(
                f"GivenRows: `rows` has shape {rows.shape}; {(present.shape[0], coordinates.shape[0])} is allowed."
            )
        rows = unit_rows(jnp.where(present[:, None] & coordinates[None, :], rows, 0))
        return _weights(rows, rows, centre, None, activation)


def _weights(detectors, decoder, centre, scale, activation) -> Weights:
    width, dtype = decoder.shape[0], decoder.dtype
    thresholds = activation.log_thresholds(width)
    if thresholds is not None:
        thresholds = thresholds.astype(dtype)
    return Weights(detectors, jnp.zeros(width, dtype), decoder, centre, scale, thresholds)


def _sphere(key, present, coordinates, dtype):
    # Prefix stable along both axes: padding neurons or coordinates leaves the others as they are.
    rows = draws.normal_tensor(key, (present.shape[0], coordinates.shape[0])).astype(dtype)
    rows = jnp.where(present[:, None] & coordinates[None, :], rows, 0)
    return unit_rows(rows)
