"""The vectorised program of a block: draw, observe, solve and score a rectangle of lanes and trials.

A lane is a (model, solver) pair; its array leaves are one entry of stacked leaves. A block is a rectangle of lanes and
trials that share static structure, and so one compiled program.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.extend
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Int, Key, PyTree, UInt32

from ..core.leaves import cast_floating, floating_dtype
from ..core.model import AbstractModel, in_default_precision
from ..core.results import result_code
from ..core.solve import finish, run_posed, run_watched, start
from ..core.solver import AbstractSolver
from ..core.units import Posed, pose
from .lanes import Slots, work_off
from .layout import Effort, Share
from .measure import Measurement
from .split import Occupant


@dataclasses.dataclass(frozen=True)
class ProgramSettings:
    """What is static in a block's program besides the structure of model and solver, and the capacities of its arrays.

    - `share`: `"trial"`, all lanes of a trial with the same design content share one design draw; `"none"`, every
      instance draws its own.
    - `slots`: how the solves of a trial (`share="trial"`) or of the block (`share="none"`) queue for places, so that none
      waits for the slowest; `None` lets all that lie side by side start and end together.
    - `width`: without `slots`, how many lanes of a trial, or how many instances, lie side by side; the rest waits.
    - `batch`: without `slots`, how many trials with a design each run side by side.
    - `record_every`, `max_steps`: stride and length of the histories, if any are recorded.
    - `measure`: what is measured of every solve besides.
    - `effort`: how hard the compiler tries; see `compile.OPTIONS`.
    - `products`: how matrices are multiplied (`sweeps.precision.PRODUCTS`).
    """

    share: Share
    slots: Slots | None
    width: int = 1
    batch: int = 1
    record_every: int | None = None
    max_steps: int | None = None
    measure: Measurement | None = None
    effort: Effort = "full"
    products: str = "float32"

    def described(self) -> dict:
        """The settings as plain data."""
        digest = None if self.measure is None else self.measure.digest
        return dataclasses.asdict(dataclasses.replace(self, measure=None)) | {"measure": digest}


def stack(modules: list[PyTree]) -> PyTree:
    """Stacks the array leaves of modules of equal structure along a new leading axis, on the host."""
    structure = jtu.tree_structure(modules[0])
    leaves = [jtu.tree_leaves(module) for module in modules]
    return jtu.tree_unflatten(structure, [np.stack(column) for column in zip(*leaves, strict=True)])


class BlockArguments(NamedTuple):
    """The arrays of a block. All but the first of `counts` trials and lanes of a device only fill the shape.

    Streams of random numbers come as the words of their keys: of the design that the lanes of a trial share, and of every
    instance's design, observations and solver.
    """

    models: AbstractModel
    solvers: AbstractSolver
    design_keys: UInt32[Array, "trials 2"]
    keys: UInt32[Array, "trials lanes 3 2"]
    counts: Int[Array, "devices 2"]
    max_steps: Int[Array, ""]


def block_rows(block: BlockArguments, settings: ProgramSettings) -> dict[str, Array]:
    """Every row of one device's part of a block: arrays of shape (trials, lanes), or (trials, lanes, entries) for a history.

    How many trials and lanes there are is traced, so a program serves all blocks that its arrays can hold; rows of what only
    fills the shape are never computed, and hold nothing.
    """
    with jax.default_matmul_precision(settings.products):
        block = block._replace(models=in_default_precision(block.models))
        return _own_designs(block, settings) if settings.share == "none" else _shared_designs(block, settings)


def _shared_designs(block: BlockArguments, settings: ProgramSettings) -> dict[str, Array]:
    trial_capacity, capacity = block.keys.shape[:2]
    trial_count, lane_count = block.counts[0]

    def instances(trial):
        design = _shared_design(block.models, _key(block.design_keys[trial]))
        return lambda lane: (*_lane(block, lane), block.keys[trial, lane], design)

    def queued_trial(order, trials):
        instance = instances(trials[0])
        rows = _queued(capacity, lane_count, instance, block.max_steps, settings, order)
        # What took long in this trial goes first in the next: a queue should not end with its slowest.
        steps = jnp.where(jnp.arange(capacity, dtype=jnp.int32) < lane_count, rows["steps"], -1)
        return jnp.argsort(-steps).astype(jnp.int32), jtu.tree_map(lambda leaf: leaf[None], rows)

    if settings.slots is not None:
        return collected(queued_trial, jnp.arange(capacity, dtype=jnp.int32), trial_count, trial_capacity)

    def trial_rows(trial):
        instance = instances(trial)
        rows = jax.vmap(lambda lane: _row(*instance(lane), block.max_steps, settings))
        return collected(lambda carry, lanes: (carry, rows(lanes)), (), lane_count, capacity, settings.width)

    def trials_rows(carry, trials):
        if settings.batch == 1:
            return carry, jtu.tree_map(lambda leaf: leaf[None], trial_rows(trials[0]))
        return carry, jax.vmap(trial_rows)(trials)

    return collected(trials_rows, (), trial_count, trial_capacity, settings.batch)


def _own_designs(block: BlockArguments, settings: ProgramSettings) -> dict[str, Array]:
    trial_capacity, lane_capacity = block.keys.shape[:2]
    trial_count, lane_count = block.counts[0]
    total, capacity = trial_count * lane_count, trial_capacity * lane_capacity

    def instance(index):
        trial, lane = index // lane_count, index % lane_count
        model, solver = _lane(block, lane)
        return model, solver, block.keys[trial, lane], model.design(_key(block.keys[trial, lane, 0]))

    if settings.slots is not None:
        rows = _queued(capacity, total, instance, block.max_steps, settings)
    else:
        side_by_side = jax.vmap(lambda index: _row(*instance(index), block.max_steps, settings))
        rows = collected(lambda carry, items: (carry, side_by_side(items)), (), total, capacity, settings.width)
    places = (
        jnp.arange(trial_capacity, dtype=jnp.int32)[:, None] * lane_count
        + jnp.arange(lane_capacity, dtype=jnp.int32)[None, :]
    )
    return jtu.tree_map(lambda leaf: leaf[jnp.minimum(places, total - 1)], rows)


def _lane(block: BlockArguments, lane: Int[Array, ""]) -> tuple[AbstractModel, AbstractSolver]:
    return jtu.tree_map(lambda leaf: leaf[lane], (block.models, block.solvers))


def _key(words: UInt32[Array, "2"]) -> Key[Array, ""]:
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def collected(make: Callable, carry: PyTree, count: Int[Array, ""], capacity: int, width: int = 1) -> PyTree:
    """What `make(carry, items) -> (carry, rows)` makes of items 0 ... count - 1, `width` of them at a time, stacked.

    The count is traced; rows have a leading axis of `capacity`, and zeros for the items from `count` on. Where `width` does
    not divide the count, the last items are repeated, whose rows are dropped.
    """

    def items(first):
        return jnp.minimum(first + jnp.arange(width, dtype=jnp.int32), count - 1)

    first = jnp.zeros((), jnp.int32)
    if capacity == width:
        return make(carry, items(first))[1]
    # Traced once, for the shapes of rows and for the loop.
    traced, shapes = jax.make_jaxpr(make, return_shape=True)(carry, items(first))
    structure = jtu.tree_structure(shapes)
    whole = -(-capacity // width) * width

    def turn(state):
        first, carry, rows = state
        made = jax.extend.core.jaxpr_as_fun(traced)(*jtu.tree_leaves((carry, items(first))))
        carry, fresh = jtu.tree_unflatten(structure, made)
        rows = jtu.tree_map(lambda old, new: jax.lax.dynamic_update_slice_in_dim(old, new, first, 0), rows, fresh)
        return first + width, carry, rows

    empty = jtu.tree_map(lambda shape: jnp.zeros((whole, *shape.shape[1:]), shape.dtype), shapes[1])
    rows = jax.lax.while_loop(lambda state: state[0] < count, turn, (first, carry, empty))[2]
    return jtu.tree_map(lambda leaf: leaf[:capacity], rows)


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


def _queued(capacity: int, count, instance, max_steps, settings: ProgramSettings, order=None) -> dict[str, Array]:
    def begin(index):
        model, solver, keys, design = instance(index)
        problem, truth, key_solver = _observe(model, keys, design)
        posed = pose(problem, cast_floating(solver, floating_dtype(problem)))
        carry = start(posed.problem, posed.solver, key_solver)
        return Occupant(posed.problem, (model, truth), posed.solver, carry, posed.units)

    def end(index, occupant: Occupant):
        model, truth = occupant.truth
        return _scores(model, truth, occupant.posed, finish(occupant.posed, occupant.carry), settings.measure)

    return work_off(capacity, count, begin, end, max_steps, settings.slots, order)


def instance_row(model, solver, keys, design, max_steps, measure: Measurement | None = None) -> dict[str, Array]:
    """The row of one instance, observed and solved by itself, by a model in the default precision.

    `keys` holds the words of `jax.random.split(key, 3)` for the instance's key.
    """
    problem, truth, key_solver = _observe(model, keys, design)
    posed = pose(problem, cast_floating(solver, floating_dtype(problem)))
    return _scores(model, truth, posed, run_posed(posed, key_solver, max_steps), measure)


def _row(model, solver, keys, design, max_steps, settings: ProgramSettings) -> dict[str, Array]:
    if settings.record_every is None:
        return instance_row(model, solver, keys, design, max_steps, settings.measure)
    problem, truth, key_solver = _observe(model, keys, design)
    posed = pose(problem, cast_floating(solver, floating_dtype(problem)))

    def watch(state):
        estimate = posed.restored(posed.solver.estimate(posed.problem, state))
        measured = _measured(settings.measure, model, truth, posed, state)
        return {"history": model.error(truth, estimate)} | {
            f"{name}_history": value for name, value in measured.items()
        }

    solution = run_watched(posed, key_solver, settings.max_steps, watch, settings.record_every)
    return _scores(model, truth, posed, solution, settings.measure) | solution.history


def _observe(model, keys, design):
    # The first two keys are those of `model.sample(key)`.
    problem, truth = model.observe(_key(keys[1]), design)
    return problem, truth, _key(keys[2])


def _scores(model, truth, posed: Posed, solution, measure: Measurement | None) -> dict[str, Array]:
    return {
        "error": model.error(truth, solution.value),
        "result": result_code(solution.result),
        **solution.stats,
        **model.metrics(truth, solution.value),
        **_measured(measure, model, truth, posed, solution.state),
    }


def _measured(measure: Measurement | None, model, truth, posed: Posed, state) -> dict[str, Array]:
    """What is measured of a state: truth, problem, solver and state are in the units in which the solver computes."""
    return {} if measure is None else measure(model, posed.natural(truth), posed.problem, posed.solver, state)


def shardings(by_trials: bool, devices: Sequence) -> BlockArguments:
    """Where the arguments of `compiled_block_rows` lie: trials, or everything that lanes have, spread along the leading axis."""
    mesh = jax.sharding.Mesh(np.asarray(devices), ("devices",))
    spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("devices"))
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    lanes, trials = (everywhere, spread) if by_trials else (spread, everywhere)
    axes = ("devices",) if by_trials else (None, "devices")
    keys = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))
    return BlockArguments(lanes, lanes, trials, keys, spread, everywhere)


@eqx.filter_jit
def compiled_block_rows(block: BlockArguments, settings: ProgramSettings, by_trials: bool, devices: tuple):
    """`block_rows`, compiled once per static structure and capacities; each device works off the lanes or trials it holds."""
    if len(devices) == 1:
        return block_rows(block, settings)
    held = shardings(by_trials, devices)
    # Traced on one device's share first: operators compare structures, which inside of `shard_map` would name the mesh.
    per_device = [
        jtu.tree_map(lambda leaf, here=here: jax.ShapeDtypeStruct(here.shard_shape(leaf.shape), leaf.dtype), argument)
        for argument, here in zip(block, held, strict=True)
    ]
    traced, rows = jax.make_jaxpr(
        lambda *arguments: block_rows(BlockArguments(*arguments), settings), return_shape=True
    )(*per_device)

    def own_rows(*arguments):
        return jtu.tree_unflatten(
            jtu.tree_structure(rows), jax.extend.core.jaxpr_as_fun(traced)(*jtu.tree_leaves(arguments))
        )

    return jax.shard_map(
        own_rows,
        mesh=held.keys.mesh,
        in_specs=tuple(here.spec for here in held),
        out_specs=held.keys.spec,
        # Devices take their own number of steps: nothing is exchanged, so there is nothing to check.
        check_vma=False,
    )(*block)
