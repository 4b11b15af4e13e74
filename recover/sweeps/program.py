"""The vectorised program of a block: draw, observe, solve and score a rectangle of lanes and trials.

A lane is a (model, solver) pair; its array leaves are one entry of stacked leaves. A block is a rectangle of lanes and
trials that share static structure, and so one compiled program.
"""

import dataclasses
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Int, Key, PyTree, UInt32

from ..loop import run
from ..models.base import AbstractModel
from ..results import result_code
from ..solvers.base import AbstractSolver
from .content import stream_key

Share = Literal["trial", "none"]


@dataclasses.dataclass(frozen=True)
class ProgramSettings:
    """What is static in a block's program besides the structure of model and solver.

    - `share`: `"trial"`, all lanes of a trial with the same design content share one design draw; `"none"`, every
      instance draws its own.
    - `batch`: how many trials (`share="trial"`) or instances (`share="none"`) run side by side; the rest waits. On a
      CPU a small batch keeps the working set in cache; an accelerator wants a large one.
    - `record_every`, `max_steps`: stride and length of the error history, if one is recorded.
    """

    share: Share
    batch: int
    record_every: int | None = None
    max_steps: int | None = None


def stack(modules: list[PyTree]) -> PyTree:
    """Stacks the array leaves of modules of equal structure along a new leading axis, on the host."""
    structure = jtu.tree_structure(modules[0])
    leaves = [jtu.tree_leaves(module) for module in modules]
    return jtu.tree_unflatten(structure, [np.stack(column) for column in zip(*leaves, strict=True)])


def block_rows(
    models: AbstractModel,
    solvers: AbstractSolver,
    words: UInt32[Array, "lanes 2"],
    design_words: UInt32[Array, "2"],
    trials: Int[Array, " trials"],
    root: Key[Array, ""],
    max_steps: Int[Array, ""],
    settings: ProgramSettings,
) -> dict[str, Array]:
    """Every row of a block: arrays of shape (trials, lanes), or (trials, lanes, entries) for the history."""
    if settings.share == "trial":

        def trial_rows(trial):
            design_key = stream_key(root, trial, design_words)
            design = _shared_design(models, design_key)

            def lane_row(model, solver, lane_words):
                key = stream_key(root, trial, lane_words)
                return _row(model, solver, key, design, max_steps, settings)

            return jax.vmap(lane_row)(models, solvers, words)

        return jax.lax.map(trial_rows, trials, batch_size=_batch(settings.batch, trials.shape[0]))

    def instance_row(indices):
        trial, lane = indices
        model, solver, lane_words = jtu.tree_map(lambda leaf: leaf[lane], (models, solvers, words))
        key = stream_key(root, trials[trial], lane_words)
        design = model.design(jax.random.split(key, 3)[0])
        return _row(model, solver, key, design, max_steps, settings)

    shape = (trials.shape[0], words.shape[0])
    total = shape[0] * shape[1]
    batch = min(settings.batch, total)
    # A remainder would compile the body a second time: wrap around instead, and drop the surplus rows.
    indices = jnp.arange(-(-total // batch) * batch) % total
    rows = jax.lax.map(instance_row, (indices // shape[1], indices % shape[1]), batch_size=_batch(batch, total))
    return jtu.tree_map(lambda leaf: leaf[:total].reshape(shape + leaf.shape[1:]), rows)


def _batch(batch: int, count: int) -> int | None:
    return None if batch <= 1 else min(batch, count)


def _shared_design(models: AbstractModel, key: Key[Array, ""]) -> PyTree:
    try:
        # out_axes=None makes JAX prove that the design does not depend on any stacked leaf.
        return jax.vmap(lambda model: model.design(key), out_axes=None)(models)
    except ValueError as error:
        if "out_axes" not in str(error):
            raise
        raise ValueError(
            f'the design of {type(models).__name__} depends on an array field, so cells cannot share it: use share="none".'
        ) from error


def _row(model, solver, key, design, max_steps, settings: ProgramSettings) -> dict[str, Array]:
    # The first two keys are those of `model.sample(key)`.
    _, key_observe, key_solver = jax.random.split(key, 3)
    problem, truth = model.observe(key_observe, design)
    if settings.record_every is None:
        solution = run(problem, solver, key_solver, max_steps)
    else:
        record = eqx.Partial(model.error, truth)
        solution = run(problem, solver, key_solver, settings.max_steps, record, settings.record_every)
    row = {
        "error": model.error(truth, solution.value),
        "result": result_code(solution.result),
        **solution.stats,
        **model.metrics(truth, solution.value),
    }
    if settings.record_every is not None:
        row["history"] = solution.history
    return row


@eqx.filter_jit
def compiled_block_rows(models, solvers, words, design_words, trials, root, max_steps, settings):
    """`block_rows`, compiled once per static structure and shape."""
    return block_rows(models, solvers, words, design_words, trials, root, max_steps, settings)
