"""What a trained dictionary certifies about its codes, as a measurement of sweeps."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ..atomic_inner_product import second_moment, stability, whitening
from ..problem import AbstractActivations
from .autoencoder import summarise

if TYPE_CHECKING:
    from ...core.model import AbstractModel
    from ..autoencoder_training import AutoencoderTraining


def dictionary_certificates(
    model: "AbstractModel",
    truth: PyTree,
    problem: AbstractActivations,
    solver: "AutoencoderTraining",
    state: PyTree,
    rows: int = 1024,
) -> dict[str, Array]:
    r"""What atoms are judged by besides the statistics of a training: `measure=` of `recover.sweep`.

    **Arguments:** those of a measurement, and how many training rows are looked at (another number by `functools.partial`).

    **Returns:** scalars

    - `unexplained_training`: share of the variance of rows of the first batches that is not explained;
    - `alive`: number of neurons that speak on a summary row;
    - `stability`: $q^\star$ of the alive decoder rows in the atomic inner product of the summary rows;
    - `alive_<name>`: the model's metrics of a decoder without the rows of neurons that do not speak.
    """
    decoder = alive_decoder(problem, solver, state)
    alive = {f"alive_{name}": value for name, value in model.metrics(truth, decoder).items()}
    return {**certificates(problem, solver, state, rows), **alive}


def certificates(
    problem: AbstractActivations, training: "AutoencoderTraining", state: PyTree, rows: int
) -> dict[str, Array]:
    """The part of `dictionary_certificates` that needs no truth."""
    autoencoder = training.autoencoder(state)
    summary, mask = problem.summary()
    seen = problem.batch(jnp.zeros((), jnp.int32), rows)
    seen_summary, _ = summarise(autoencoder, seen, jnp.ones(rows, bool), state.present)
    alive = training.summary(problem, state)[1] > 0
    with jax.default_matmul_precision("float32"):
        directions = state.weights.decoder @ whitening(second_moment(summary, mask))
    # Rows that are padding count as empty codes, of which there are none otherwise.
    sizes = jnp.sum((autoencoder.encode(summary) != 0) & mask[:, None], axis=1, dtype=jnp.int32)
    return {
        "unexplained_training": seen_summary["unexplained"],
        "alive": jnp.sum(alive).astype(summary.dtype),
        "stability": stability(directions, sizes, alive),
    }


def alive_decoder(
    problem: AbstractActivations, training: "AutoencoderTraining", state: PyTree
) -> Float[Array, "width dimension"]:
    """The decoder rows of neurons that speak on a summary row; zero for the others."""
    alive = training.summary(problem, state)[1] > 0
    return jnp.where(alive[:, None], state.weights.decoder, 0)
