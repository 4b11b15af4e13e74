"""How the instances of a block share a machine: how many lie side by side, and whether they queue for places.

Everything here is a function of sizes, so a plan for another machine can be made and tested on this one.
"""

import dataclasses
import functools
import os
from typing import Literal

import jax
import jax.tree_util as jtu
import numpy as np
from jaxtyping import PyTree

from ..core.model import in_default_precision
from ..core.solver import working_solver
from .columns import Scores
from .content import Hashed
from .lanes import Slots
from .loaded_code import forgets

Share = Literal["trial", "none"]
Effort = Literal["quick", "full"]

# A solve keeps about this many copies of its arrays while a step runs (old and new state, temporaries).
_COPIES = 4
# Rows of a block: the grain of progress, of the store, and of what an interruption can lose. Expensive instances come in
# smaller blocks, of at most about so many bytes passed over in all steps (some tens of seconds on two cores).
_ROWS = 8192
_BLOCK_WORK = 4e12
# A queue compiles the step twice. Below this many bytes passed over by a sweep, waiting is cheaper than compiling.
_QUEUE_WORK = 1e12
# From so many bytes on, a sweep runs for longer than its program takes to compile, however hard the compiler tries. What reads
# a design of its own in every step gains most.
_FULL_EFFORT_WORK: dict[Share, float] = {"trial": 2e12, "none": 2e11}
# On a CPU, products reach full speed with few columns, and element-wise work wants to stay in a core's second-level cache.
_CPU_CACHE = 1 << 20
_CPU_WIDTHS = (32, 256)
# Fewer columns than these no longer make a fast matrix product.
_LEAST_WIDTH = 32
# Own designs that fill the cache two or three at a time: a queue of so few places saves nothing over short batches.
_LEAST_QUEUE = 8
# Products fill whole tiles of columns; an accelerator wants enough of them to hide its latency.
_CPU_TILE = 32
_ACCELERATOR_TILE = 128
_ACCELERATOR_WIDTH = 4096
# Without a queue, lanes side by side on a CPU: few end together sooner, and a step costs what so many more lanes would (4, 8 and
# 16 as measured for subspace pursuit, AMP and HTP). Every width is a program of its own, so there are few.
_SIDES = (1, 2, 4, 16, 32)
_STEP_LANES = 8
# Programs take any number of trials and lanes up to a capacity from a short ladder, so that grids of all sizes share them.
# Scalars of rows that are never computed cost next to nothing; histories do.
_RUNGS = 4
_LEAST = (64, 512)
_LEAST_RECORDED = (16, 128)
# To look whether a loop goes on, an accelerator waits for the host; so many steps hide it, and cost half as many per exchange.
_ACCELERATOR_STRIDE = 8


@dataclasses.dataclass(frozen=True)
class Machine:
    """What a program may count on: kind of device, how many of them, and bytes of memory on each."""

    platform: str
    devices: int
    memory: int

    @staticmethod
    def here(memory: int | None = None) -> "Machine":
        """The devices of this process; `memory` bytes, or half of a device's, or a quarter of the host's."""
        devices = jax.local_devices()
        if memory is None:
            limit = (devices[0].memory_stats() or {}).get("bytes_limit")
            host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
            memory = host // 4 if limit is None else limit // 2
        return Machine(jax.default_backend(), len(devices), memory)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Bytes of one design draw, and of everything else an instance holds."""

    design: int
    lane: int


def instance_sizes(model: PyTree, solver: PyTree) -> Sizes:
    """Bytes of an instance of a model and a solver at the capacities that they have: design; problem, truth and state."""
    return _instance(model, solver)[0]


def instance_scores(model: PyTree, solver: PyTree) -> Scores:
    """What a model and a solver report of an instance."""
    return _instance(model, solver)[1]


def _instance(model: PyTree, solver: PyTree) -> tuple[Sizes, Scores]:
    leaves, structure = jtu.tree_flatten((model, solver))
    identity = (structure, tuple(np.shape(leaf) for leaf in leaves), jax.config.jax_enable_x64)
    return _traced(Hashed(identity, (model, solver)))


@functools.lru_cache(maxsize=4096)
def _traced(pair: Hashed) -> tuple[Sizes, Scores]:
    (model, solver), pair.value = pair.value, None
    # Outside of the trace, where sizes are known and checked.
    model, solver = in_default_precision(model), in_default_precision(solver)

    def pieces(key):
        design = model.design(key)
        problem, truth = model.observe(key, design)
        working = working_solver(problem, solver)
        state = working.init(problem, key)
        estimate = working.estimate(problem, state)
        reported.append((working.stats(problem, state), model.metrics(truth, estimate)))
        return design, (truth, state, problem), model.error(truth, estimate)

    reported: list = []
    design, rest, error = jax.eval_shape(pieces, jax.eval_shape(lambda: jax.random.key(0)))
    stats, metrics = jtu.tree_map(_shape, reported[0])
    scores = Scores(type(model).__name__, type(solver).__name__, error, stats, metrics)
    return Sizes(tree_bytes(design), max(tree_bytes(rest) - tree_bytes(design), 1)), scores


def _shape(value):
    try:
        return jax.ShapeDtypeStruct(np.shape(value), jax.dtypes.result_type(value))
    except TypeError:
        # No number: it is refused where its name is known.
        return value


forgets(_traced.cache_clear)


def tree_bytes(tree: PyTree) -> int:
    """Bytes of the arrays (or array shapes) in a tree."""
    return sum(
        int(np.prod(leaf.shape))
        * (8 if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf.dtype.itemsize)
        for leaf in jtu.tree_leaves(tree)
        if hasattr(leaf, "dtype")
    )


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a block's instances are laid out.

    - `share`: whether the instances of a trial share its design.
    - `slots`: the queue's places, or `None` where all instances that lie side by side start and end together.
    - `width`: without a queue, how many lanes (shared designs) or instances (own designs) lie side by side.
    - `batch`: without a queue, how many trials of shared designs do so.
    - `bytes`: estimated peak memory of a block.
    """

    share: Share
    slots: Slots | None
    width: int
    batch: int
    bytes: int

    def __str__(self) -> str:
        if self.slots is not None:
            return f"queueing for {self.slots.width} places"
        side = f"{self.width} instance{'' if self.width == 1 else 's'} at a time"
        return side if self.batch == 1 else f"{side} of each of {self.batch} trials"


def by_trials(trials: int, lanes: int, devices: int) -> bool:
    """Whether devices take trials of a block, rather than lanes: what ends sooner; trials if both do."""
    return -(-trials // devices) * _turns(lanes) <= _turns(-(-lanes // devices)) * trials


def capacities(trials: int, lanes: int, recorded: bool) -> tuple[int, int]:
    """What arrays of a program that serves so many trials and lanes on a device, with histories or without, are padded to."""
    least = _LEAST_RECORDED if recorded else _LEAST
    return rung(trials, least[0]), rung(lanes, least[1])


def rung(count: int, least: int) -> int:
    """The lowest rung of a geometric ladder from `least` on that holds a count."""
    while least < count:
        least *= _RUNGS
    return least


def work(sizes: Sizes, instances: int, max_steps: int) -> float:
    """Bytes that all steps of all instances pass over at least, taken as a measure of their cost."""
    return float(instances) * max_steps * (sizes.design + sizes.lane)


def effort(sizes: Sizes, share: Share, instances: int, max_steps: int) -> Effort:
    """How hard the compiler should try for a sweep that amounts to so many instances."""
    return "full" if work(sizes, instances, max_steps) >= _FULL_EFFORT_WORK[share] else "quick"


def row_limit(sizes: Sizes, max_steps: int) -> int:
    """Rows of a block."""
    return max(1, min(_ROWS, int(_BLOCK_WORK // work(sizes, 1, max_steps))))


def make_layout(
    sizes: Sizes,
    machine: Machine,
    share: Share,
    shape: tuple[int, int],
    instances: int,
    max_steps: int,
    recorded: bool,
) -> Layout:
    """The layout of a block of `shape` (trials, lanes), of a sweep that amounts to `instances` instances like it in all."""
    queue = _queues(sizes, instances, max_steps, recorded)
    stride = 1 if machine.platform == "cpu" else _ACCELERATOR_STRIDE
    trials, lanes = shape
    if by_trials(trials, lanes, machine.devices):
        trials = -(-trials // machine.devices)
    else:
        lanes = -(-lanes // machine.devices)
    if share == "trial":
        fits = _fitting(sizes, machine)
        # Places for half of the lanes at most: a queue that all enter at once saves only what its tail does.
        width = _whole_tiles(min(_width(sizes, machine), fits, lanes // 2), machine)
        # Lanes that do not fit side by side must queue, however few places there are.
        if queue and (width >= _LEAST_WIDTH or lanes > fits):
            width = max(width, min(fits, _LEAST_WIDTH))
            return Layout(share, Slots.of(width, stride), 1, 1, sizes.design + _COPIES * sizes.lane * width)
        width = _side_by_side(lanes, fits, machine)
        batch = 1 if machine.platform == "cpu" else _power_of_two(min(trials, max(1, fits // width)))
        return Layout(share, None, width, batch, batch * (sizes.design + _COPIES * sizes.lane * width))
    slots, width = own_places(sizes, machine, trials * lanes, queue)
    return Layout(share, slots, width, 1, width * _own_bytes(sizes))


def own_places(sizes: Sizes, machine: Machine, instances: int, queue: bool = True) -> tuple[Slots | None, int]:
    """Places of a queue of instances with a design each, if there is one, and how many instances lie side by side."""
    one = _own_bytes(sizes)
    room = _CPU_CACHE if machine.platform == "cpu" else machine.memory
    # One alone would turn matrix products into loops; two side by side were measured to be three times as fast.
    fits = max(1, min(max(2, room // one), max(1, machine.memory // one)))
    width = _power_of_two(min(fits, instances))
    stride = 1 if machine.platform == "cpu" else _ACCELERATOR_STRIDE
    return (Slots.of(width, stride) if queue and min(fits, instances) >= _LEAST_QUEUE else None), width


def _own_bytes(sizes: Sizes) -> int:
    return sizes.design + _COPIES * sizes.lane


def _queues(sizes: Sizes, instances: int, max_steps: int, recorded: bool) -> bool:
    # A history has the same length for all, so its lanes march together.
    return not recorded and work(sizes, instances, max_steps) >= _QUEUE_WORK


def _fitting(sizes: Sizes, machine: Machine) -> int:
    """Lanes that fit into memory beside one design."""
    return max(1, (machine.memory - sizes.design) // (_COPIES * sizes.lane))


def _width(sizes: Sizes, machine: Machine) -> int:
    if machine.platform == "cpu":
        return max(_CPU_WIDTHS[0], min(_CPU_WIDTHS[1], _CPU_CACHE // sizes.lane))
    return _ACCELERATOR_WIDTH


def _whole_tiles(width: int, machine: Machine) -> int:
    """At most `width` places: whole tiles, and a power of two of them, so that queues of many lengths share a program."""
    tile = _CPU_TILE if machine.platform == "cpu" else _ACCELERATOR_TILE
    return width if width < tile else _power_of_two(width // tile) * tile


def _power_of_two(count: int) -> int:
    """The largest power of two up to a count."""
    return 1 << (count.bit_length() - 1)


def _side_by_side(lanes: int, fits: int, machine: Machine) -> int:
    """How many lanes start and end together: the width at which all of them, the last ones padded, cost least."""
    if machine.platform == "cpu":
        widths = [width for width in _SIDES if width <= fits]
    else:
        widths = [1 << power for power in range(min(fits, _ACCELERATOR_WIDTH).bit_length())]
    return min(widths, key=lambda width: _cost(lanes, width))


def _turns(lanes: int) -> int:
    """What a step of so many lanes costs, some side by side, in lanes."""
    return min(_cost(lanes, width) for width in _SIDES)


def _cost(lanes: int, width: int) -> int:
    return -(-lanes // width) * (width + _STEP_LANES)
