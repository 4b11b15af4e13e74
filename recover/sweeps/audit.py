"""Rows of a sweep solved again, one at a time: a check of everything that batching, padding and queueing could get wrong."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..core.model import in_default_precision
from ..core.results import result_names
from .content import design_digest, digest_words, root_key, stream_key
from .plan import Entry, Grid, largest_capacities, padded, signature
from .program import instance_row, stack


def solve_alone(
    grid: Grid, picks: list[tuple[Entry, int]], seed: int, max_steps: int, share: str, precision: str
) -> dict[str, np.ndarray]:
    """Error, result and steps of (entry, trial) pairs, each solved by itself; arrays in the order of `picks`."""
    rows: list[dict | None] = [None] * len(picks)
    groups: dict = {}
    for position, (entry, _) in enumerate(picks):
        groups.setdefault(signature(grid.lanes[entry.lane]), []).append(position)
    with jax.enable_x64(precision == "float64"):
        for positions in groups.values():
            lanes = [grid.lanes[picks[position][0].lane] for position in positions]
            model_capacities, solver_capacities = largest_capacities(lanes)
            arguments = (
                stack([padded(lane.model, model_capacities) for lane in lanes]),
                stack([padded(lane.solver, solver_capacities) for lane in lanes]),
                np.stack([digest_words(lane.model_digest) for lane in lanes]),
                np.asarray([picks[position][1] for position in positions], np.int32),
            )
            design_words = digest_words(design_digest(lanes[0].model))
            found = _one_after_another(
                arguments, design_words, root_key(seed), jnp.asarray(max_steps, jnp.int32), share
            )
            found = jax.device_get(found)
            for number, position in enumerate(positions):
                rows[position] = {name: found[name][number] for name in ("error", "result", "steps")}
    columns = {name: np.asarray([row[name] for row in rows if row]) for name in ("error", "result", "steps")}
    return {**columns, "result": result_names(columns["result"])}


@eqx.filter_jit
def _one_after_another(arguments, design_words, root, max_steps, share):
    def alone(argument):
        model, solver, words, trial = argument
        keys = jax.random.split(stream_key(root, trial, words), 3)
        design_key = stream_key(root, trial, design_words) if share == "trial" else keys[0]
        return instance_row(model, solver, jax.random.key_data(keys), model.design(design_key), max_steps)

    models, *others = arguments
    with jax.default_matmul_precision("float32"):
        return jax.lax.map(alone, (in_default_precision(models), *others))
