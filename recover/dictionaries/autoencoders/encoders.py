"""How detectors are parametrised, and where training starts."""

import abc

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from ...core import draws
from ...core.fields import AbstractModule, Real, leaf
from ...core.numbers import unit
from .activations import AbstractActivation
from .autoencoder import Weights

__all__ = ["AbstractEncoder", "FreeEncoder", "GivenRows", "TiedEncoder"]


class AbstractEncoder(AbstractModule):
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

    scale: Real = leaf(0.1, "finite")

    def start(self, key, present, coordinates, centre, activation) -> Weights:
        """Random rows, one matrix for both."""
        decoder = uniform_directions(key, present, coordinates, centre.dtype)
        return _weights(None, decoder, centre, jnp.where(present, self.scale, 0), activation)


class FreeEncoder(AbstractEncoder):
    """Detectors of their own, which start as the decoder's rows times `scale`."""

    scale: Real = leaf(1.0, "finite")

    def start(self, key, present, coordinates, centre, activation) -> Weights:
        """Random rows, equal in both at first up to `scale`."""
        decoder = uniform_directions(key, present, coordinates, centre.dtype)
        return _weights(self.scale * decoder, decoder, centre, None, activation)


class GivenRows(AbstractEncoder):
    """Free detectors; training starts at given rows, scaled to unit norm (rows of zeros stay).

    There must be as many rows and columns as neurons and coordinates.
    """

    rows: Float[Array | np.ndarray, "width dimension"] = leaf(rule="finite")

    def start(self, key, present, coordinates, centre, activation) -> Weights:
        """The rows in both; `key` is not used."""
        if self.rows.shape != (present.shape[0], coordinates.shape[0]):
            raise ValueError(
                f"GivenRows: `rows` has shape {self.rows.shape}; {(present.shape[0], coordinates.shape[0])} is allowed."
            )
        rows = unit(jnp.where(present[:, None] & coordinates[None, :], self.rows, 0))
        return _weights(rows, rows, centre, None, activation)


def _weights(detectors, decoder, centre, scale, activation) -> Weights:
    width, dtype = decoder.shape[0], decoder.dtype
    return Weights(detectors, jnp.zeros(width, dtype), decoder, centre, scale, activation.log_thresholds(width))


def uniform_directions(
    key: Key[Array, ""], present: Bool[Array, " width"], coordinates: Bool[Array, " dimension"], dtype
) -> Float[Array, "width dimension"]:
    """Uniformly random unit rows; zero for neurons that are not `present`, and outside of `coordinates`."""
    # Prefix stable along both axes: padding neurons or coordinates leaves the others as they are.
    rows = draws.normal_tensor(key, (present.shape[0], coordinates.shape[0])).astype(dtype)
    return unit(jnp.where(present[:, None] & coordinates[None, :], rows, 0))
