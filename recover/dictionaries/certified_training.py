"""Training of an autoencoder, and what its dictionary certifies about its codes."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core.checks import require_integer
from ..core.results import Result
from ..core.solver import AbstractSolver
from .atomic_inner_product import second_moment, stability, whitening
from .autoencoder_training import AutoencoderTraining, TrainingState
from .autoencoders.autoencoder import summarise
from .problem import AbstractActivations

__all__ = ["CertifiedTraining"]


class CertifiedTraining(AbstractSolver[AbstractActivations, TrainingState]):
    r"""`AutoencoderTraining` with the statistics that atoms are judged by. `stats` are

    - `unexplained`, `l0`, `dead`: over the summary rows, which training never saw where rows are drawn from a key;
    - `unexplained_training`: the first of them over rows of the first batches;
    - `alive`: number of neurons that speak on a summary row;
    - `stability`: $q^\star$ of the alive decoder rows in the atomic inner product of the summary rows.
    """

    training: AutoencoderTraining
    rows: int = eqx.field(static=True)

    def __init__(self, training: AutoencoderTraining, rows: int = 1024):
        """**Arguments:** the training, and how many training rows are looked at.

        **Raises:** `ValueError` for an impossible number.
        """
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
        alive = self.training.summary(problem, state)[1] > 0
        return jnp.where(alive[:, None], state.weights.decoder, 0)

    @eqx.filter_jit
    def stats(self, problem: AbstractActivations, state: TrainingState) -> dict[str, Array]:
        """What is listed above, and the last batch's `loss`."""
        training = self.training
        autoencoder = training.autoencoder(state)
        rows, mask = problem.summary()
        summary, frequencies = summarise(autoencoder, rows, mask, state.present)
        seen = problem.batch(jnp.zeros((), jnp.int32), self.rows)
        seen_summary, _ = summarise(autoencoder, seen, jnp.ones(self.rows, bool), state.present)
        alive = frequencies > 0
        with jax.default_matmul_precision("float32"):
            directions = state.weights.decoder @ whitening(second_moment(rows, mask))
        # Rows that are padding count as empty codes, of which there are none otherwise.
        sizes = jnp.sum((autoencoder.encode(rows) != 0) & mask[:, None], axis=1, dtype=jnp.int32)
        return {
            **summary,
            "unexplained_training": seen_summary["unexplained"],
            "alive": jnp.sum(alive).astype(rows.dtype),
            "stability": stability(directions, sizes, alive),
            "loss": state.loss,
        }
