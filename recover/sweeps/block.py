"""Computing one block: its lanes stacked, spread over the devices, and run by a compiled program."""

import dataclasses
import time
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from .compile import compiled
from .content import design_digest, digest_words, root_key
from .plan import Block, Grid, padded
from .precision import Precision, in_precision
from .program import ProgramSettings, shardings, stack
from .provenance import commit, machine, versions


@dataclasses.dataclass(frozen=True)
class BlockTask:
    """All that a worker needs to compute a block; picklable."""

    models: Any
    solvers: Any
    words: np.ndarray
    design_words: np.ndarray
    trials: np.ndarray
    seed: int
    max_steps: int
    settings: ProgramSettings
    precision: Precision

    @staticmethod
    def of(
        block: Block, grid: Grid, settings: ProgramSettings, seed: int, max_steps: int, precision: Precision
    ) -> "BlockTask":
        """The task of a block of a grid."""
        lanes = [grid.lanes[name] for name in block.lanes]
        # Surplus lanes and trials repeat earlier ones; their rows are dropped.
        lanes += lanes[:1] * (block.shape[1] - len(lanes))
        trials = list(block.trials) + [block.trials[0]] * (block.shape[0] - len(block.trials))
        return BlockTask(
            models=stack([padded(lane.model, block.model_capacities) for lane in lanes]),
            solvers=stack([padded(lane.solver, block.solver_capacities) for lane in lanes]),
            words=np.stack([digest_words(lane.model_digest) for lane in lanes]),
            design_words=digest_words(design_digest(lanes[0].model)),
            trials=np.asarray(trials, np.int32),
            seed=seed,
            max_steps=max_steps,
            settings=settings,
            precision=precision,
        )


def run_block(task: BlockTask) -> tuple[dict[str, np.ndarray], dict]:
    """Computes a block on this process's devices: rows of shape (trials, lanes, ...), padding included, and provenance."""
    with in_precision(task.precision):
        started = time.time()
        root = root_key(task.seed)
        arguments = (task.models, task.solvers, task.words, task.design_words, task.trials, root)
        devices = jax.local_devices()
        arguments, positions = _spread(arguments, task.settings, devices)
        clock = time.perf_counter()
        program = compiled(arguments, task.settings, tuple(devices))
        compiled_at = time.perf_counter()
        rows = jax.device_get(
            program(*arguments, jnp.asarray(task.max_steps, jnp.int32), task.settings, tuple(devices))
        )
        rows = {name: np.asarray(value)[:, positions] for name, value in rows.items()}
        provenance = {
            "started": started,
            "compile_seconds": compiled_at - clock,
            "run_seconds": time.perf_counter() - compiled_at,
            "dtype": task.precision,
            "commit": commit(),
            **machine(),
            "versions": versions(),
            "settings": task.settings.described(),
        }
    return rows, provenance


def _spread(arguments, settings: ProgramSettings, devices):
    """Deals trials out to devices, or lanes, in turn, since neighbours on a grid are about equally hard.

    Returns the arguments, and the position at which each lane's rows will be found.
    """
    models, solvers, words, design_words, trials, root = arguments
    lanes, count = words.shape[0], len(devices)
    if count == 1:
        return arguments, np.arange(lanes)
    held = shardings(settings, len(trials), devices)[: len(arguments)]
    if held[0].is_fully_replicated:
        return jax.device_put(arguments, held), np.arange(lanes)
    # Surplus lanes repeat earlier ones; nobody reads their rows.
    order = np.resize(np.arange(lanes), -(-lanes // count) * count).reshape(-1, count).T.reshape(-1)
    models, solvers, words = jtu.tree_map(lambda leaf: np.asarray(leaf)[order], (models, solvers, words))
    arguments = jax.device_put((models, solvers, words, design_words, trials, root), held)
    return arguments, np.unique(order, return_index=True)[1]


def trimmed(block: Block, outcome: tuple[dict[str, np.ndarray], dict]) -> tuple[dict[str, np.ndarray], dict]:
    """The outcome of a block without the rows that only fill its shape."""
    rows, provenance = outcome
    return {name: value[: len(block.trials), : len(block.lanes)] for name, value in rows.items()}, provenance
