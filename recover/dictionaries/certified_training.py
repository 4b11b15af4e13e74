"""The training with certificates as a solver of its own, as it was before sweeps could measure."""

import warnings
from typing import ClassVar

from jaxtyping import Array, Float, Key

from ..core.fields import count
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.units import Scaling
from .autoencoder_training import AutoencoderTraining, TrainingState
from .autoencoders.certificates import alive_decoder, certificates
from .problem import AbstractActivations

__all__ = ["CertifiedTraining"]


class CertifiedTraining(AbstractSolver[AbstractActivations, TrainingState]):
    """Deprecated: `AutoencoderTraining`, measured by `recover.autoencoders.dictionary_certificates`.

    `stats` are those of the training and of the certificates; the estimate has no rows of neurons that do not speak.
    """

    scaling: ClassVar = Scaling({"training": None}, stats={"loss": (0, 2)})

    training: AutoencoderTraining
    rows: int = count(1)

    def __init__(self, training: AutoencoderTraining, rows: int = 1024):
        """**Arguments:**

        - `training`: what is trained.
        - `rows`: how many training rows are looked at.

        **Raises:** `ValueError` for an impossible number.
        """
        warnings.warn(
            "CertifiedTraining is deprecated: sweep the training itself with "
            "`measure=rc.autoencoders.dictionary_certificates`.",
            DeprecationWarning,
            stacklevel=2,
        )
        self.training, self.rows = training, rows

    def init(self, problem: AbstractActivations, key: Key[Array, ""]) -> TrainingState:
        """That of the training."""
        return self.training.init(problem, key)

    def step(self, problem: AbstractActivations, state: TrainingState) -> TrainingState:
        """That of the training: one batch."""
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
