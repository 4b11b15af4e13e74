"""The training with certificates as a solver of its own, as it was before sweeps could measure."""

import warnings

import equinox as eqx
from jaxtyping import Array, Float, Key

from ..core.checks import require_integer
from ..core.results import Result
from ..core.solver import AbstractSolver
from .autoencoder_training import AutoencoderTraining, TrainingState
from .autoencoders.certificates import alive_decoder, certificates
from .problem import AbstractActivations

__all__ = ["CertifiedTraining"]


class CertifiedTraining(AbstractSolver[AbstractActivations, TrainingState]):
    """Deprecated: `AutoencoderTraining`, measured by `recover.autoencoders.dictionary_certificates`.

    `stats` are those of the training and of the certificates; the estimate has no rows of neurons that do not speak.
    """

    training: AutoencoderTraining
    rows: int = eqx.field(static=True)

    def __init__(self, training: AutoencoderTraining, rows: int = 1024):
        """**Arguments:** the training, and how many training rows are looked at.

        **Raises:** `ValueError` for an impossible number.
        """
        warnings.warn(
            "CertifiedTraining is deprecated: sweep the training itself with "
            "`measure=rc.autoencoders.dictionary_certificates`.",
            DeprecationWarning,
            stacklevel=2,
        )
        require_integer("CertifiedTraining", "rows", rows, 1)
        self.training = training
        self.rows = int(rows)

    def init(self, problem: AbstractActivations, key: Key[Array, ""]) -> TrainingState:
        """That of the training."""
        return self.training.init(problem, key)

    def step(self, problem: AbstractActivations, state: TrainingState) -> TrainingState:
        """One batch."""
        return self.training.step(problem, state)

    def status(self, problem: AbstractActivations, state: TrainingState) -> Result:
        """That of the training."""
        return self.training.status(problem, state)

    def estimate(self, problem: AbstractActivations, state: TrainingState) -> Float[Array, "width dimension"]:
        """The decoder rows of neurons that speak on a summary row; zero for the others."""
        return alive_decoder(problem, self.training, state)

    def stats(self, problem: AbstractActivations, state: TrainingState) -> dict[str, Array]:
        """Those of the training and the certificates."""
        return {**self.training.stats(problem, state), **certificates(problem, self.training, state, self.rows)}
