"""Computing one block: its lanes stacked, spread over the devices, and run by a compiled program."""

import dataclasses
import functools
import time
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from .compile import compiled
from .content import Hashed, design_digest, digest_words, stream_words, three_keys
from .layout import by_trials, capacities
from .plan import Block, Grid, padded
from .precision import Precision, in_precision
from .program import BlockArguments, ProgramSettings, shardings, stack
from .provenance import commit, machine, versions
from .seconds import compile_seconds


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
        pairs = jtu.tree_structure((lanes[0].model, lanes[0].solver))
        padding = block.model_capacities, block.solver_capacities
        models, solvers, words = _stacked(Hashed((pairs, tuple(lane.name for lane in lanes), padding), lanes))
        return BlockTask(
            models=models,
            solvers=solvers,
            words=words,
            design_words=digest_words(design_digest(lanes[0].model)),
            trials=np.asarray(block.trials, np.int32),
            seed=seed,
            max_steps=max_steps,
            settings=settings,
            precision=precision,
        )


# Blocks of the next trials have the same lanes; stacking thousands of modules takes longer than an accelerator does to solve them.
@functools.lru_cache(maxsize=4)
def _stacked(key: Hashed) -> tuple[Any, Any, np.ndarray]:
    """Models, solvers and words of the lanes in `key`, one array per leaf, at the capacities in its identity."""
    lanes, key.value = key.value, None
    model_capacities, solver_capacities = key.identity[2]
    return (
        stack([padded(lane.model, model_capacities) for lane in lanes]),
        stack([padded(lane.solver, solver_capacities) for lane in lanes]),
        np.stack([digest_words(lane.model_digest) for lane in lanes]),
    )


def run_block(task: BlockTask) -> tuple[dict[str, np.ndarray], dict]:
    """Computes a block on this process's devices: rows of shape (trials, lanes, ...), and provenance."""
    with in_precision(task.precision):
        started = time.time()
        devices = tuple(jax.local_devices())
        deal = Deal.of(len(task.trials), len(task.words), len(devices), task.settings.record_every is not None)
        arguments = deal.arguments(task)
        if len(devices) > 1:
            arguments = jax.device_put(arguments, shardings(deal.by_trials, devices))
        clock = time.perf_counter()
        with compile_seconds() as spent:
            program = compiled(arguments, task.settings, deal.by_trials, devices)
        compiled_at = time.perf_counter()
        rows = jax.device_get(program(arguments, task.settings, deal.by_trials, devices))
        rows = {name: deal.collected(np.asarray(value)) for name, value in rows.items()}
        provenance = {
            "started": started,
            "compile_seconds": compiled_at - clock,
            "run_seconds": time.perf_counter() - compiled_at,
            **spent.as_dict(),
            "dtype": task.precision,
            "commit": commit(),
            **machine(),
            "versions": versions(),
            "settings": task.settings.described(),
        }
    return rows, provenance


@dataclasses.dataclass(frozen=True)
class Deal:
    """How trials or lanes are dealt out to devices in turn, since neighbours on a grid are about equally hard.

    `shape` (trials, lanes) is that of the block; `padded` that of its arrays, all devices together.
    """

    by_trials: bool
    devices: int
    shape: tuple[int, int]
    padded: tuple[int, int]

    @staticmethod
    def of(trials: int, lanes: int, devices: int, recorded: bool) -> "Deal":
        """The deal of a block, with histories or without."""
        apart = by_trials(trials, lanes, devices)
        share = (-(-trials // devices), lanes) if apart else (trials, -(-lanes // devices))
        held = capacities(*share, recorded)
        spread = (devices, 1) if apart else (1, devices)
        return Deal(apart, devices, (trials, lanes), (held[0] * spread[0], held[1] * spread[1]))

    def _places(self, axis: int) -> np.ndarray:
        """Where along an axis of the arrays each trial, or lane, lies."""
        items, devices = np.arange(self.shape[axis]), self.devices if self.by_trials == (axis == 0) else 1
        return items % devices * (self.padded[axis] // devices) + items // devices

    def arguments(self, task: BlockTask) -> BlockArguments:
        """The arguments of the program."""

        def order(axis):
            places, found = self._places(axis), np.zeros(self.padded[axis], int)
            found[places] = np.arange(len(places))
            return found

        trials, lanes = order(0), order(1)
        models, solvers = jtu.tree_map(lambda leaf: np.asarray(leaf)[lanes], (task.models, task.solvers))
        design_keys = stream_words(task.seed, task.trials, task.design_words[None])[trials, 0]
        keys = three_keys(stream_words(task.seed, task.trials, task.words))[trials][:, lanes]
        counts = np.tile(np.asarray(self.shape, np.int32), (self.devices, 1))
        axis, device = (0 if self.by_trials else 1), np.arange(self.devices)
        counts[:, axis] = (self.shape[axis] - device + self.devices - 1) // self.devices
        return BlockArguments(models, solvers, design_keys, keys, counts, np.asarray(task.max_steps, np.int32))

    def collected(self, rows: np.ndarray) -> np.ndarray:
        """The rows of the block, in its own order."""
        return rows[self._places(0)][:, self._places(1)]
