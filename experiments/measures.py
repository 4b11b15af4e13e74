"""What figures measure along solves, in a module of its own: rows that were measured depend on this code alone."""

import jax.numpy as jnp
from jaxtyping import Array

from recover import autoencoders as pieces
from recover import diagnostics
from recover.problems import PlantedActivations

# Numbers of rows that no training reaches.
_UNSEEN = 2**29


def unseen(model, truth, problem: PlantedActivations, solver, state, rows: int = 512) -> dict[str, Array]:
    """A training measured against what was planted, on rows that it has not seen.

    With its own activation (`unseen_`) and with the norm-matched one in its place (`afa_`): mean number of active neurons
    `l0`, its `correlation` over rows with the planted number, median norm `ratio`, and mean normalised error `nmse`.
    `planted` is the mean planted number, `found_90` the share of features that the decoder has.
    """
    numbers = _UNSEEN + jnp.arange(rows, dtype=jnp.int32)
    inputs = problem.rows(numbers)
    planted = jnp.sum(problem.codes(numbers) != 0, axis=1).astype(inputs.dtype)
    own = solver.autoencoder(state)
    matched = pieces.SparseAutoencoder(state.weights, pieces.TopAFA())
    found = {"planted": jnp.mean(planted), "found_90": model.metrics(truth, state.weights.decoder)["recovered_90"]}
    for prefix, autoencoder in (("unseen", own), ("afa", matched)):
        codes = autoencoder.encode(inputs)
        counts = jnp.sum(codes != 0, axis=1).astype(inputs.dtype)
        found |= {
            f"{prefix}_l0": jnp.mean(counts),
            # Where all rows have the same number there is no correlation.
            f"{prefix}_correlation": jnp.nan_to_num(jnp.corrcoef(counts, planted)[0, 1]),
            f"{prefix}_ratio": jnp.median(diagnostics.norm_ratio(inputs, codes)),
            f"{prefix}_nmse": jnp.mean(diagnostics.normalised_error(inputs, autoencoder.decode(codes))),
        }
    return found


def objective(model, truth, problem, solver, state):
    """The solver's objective at a state."""
    return {"reached": solver.objective(problem, state)}
