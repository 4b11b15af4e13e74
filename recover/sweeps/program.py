"""The vectorised program of a block: draw, observe, solve and score a rectangle of lanes and trials.

A lane is a (model, solver) pair; its array leaves are one entry of stacked leaves. A block is a rectangle of lanes and
trials that share static structure, and so one compiled program.
"""

import dataclasses
import functools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.extend
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Int, Key, PyTree, UInt32

from ..core.leaves import cast_floating, floating_dtype
from ..core.model import AbstractModel
from ..core.results import result_code
from ..core.solve import finish, run, run_watched, start
from ..core.solver import AbstractSolver
from .content import stream_key
from .lanes import Slots, work_off
from .layout import Share, by_trials
from .measure import Measurement
from .split import Occupant


@dataclasses.dataclass(frozen=True)
class ProgramSettings:
    """What is static in a block's program besides the structure of model and solver.

    - `share`: `"trial"`, all lanes of a trial with the same design content share one design draw; `"none"`, every
      instance draws its own.
    - `slots`: how the solves of a trial (`share="trial"`) or of the block (`share="none"`) queue for places, so that none
      waits for the slowest; `None` lets all start and end together, `batch` at a time.
    - `batch`: without `slots`, how many trials or instances run side by side; the rest waits.
    - `record_every`, `max_steps`: stride and length of the histories, if any are recorded.
    - `measure`: what is measured of every solve besides.
    """

    share: Share
    slots: Slots | None
    batch: int = 1
    record_every: int | None = None
    max_steps: int | None = None
    measure: Measurement | None = None

    def described(self) -> dict:
        """The settings as plain data."""
        digest = None if self.measure is None else self.measure.digest
        return dataclasses.asdict(dataclasses.replace(self, measure=None)) | {"measure": digest}


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
    """Every row of a block: arrays of shape (trials, lanes), or (trials, lanes, entries) for a history."""
    if settings.share == "trial":

        def instances(trial):
            design = _shared_design(models, stream_key(root, trial, design_words))

            def instance(lane):
                model, solver, lane_words = jtu.tree_map(lambda leaf: leaf[lane], (models, solvers, words))
                return model, solver, stream_key(root, trial, lane_words), design

            return instance

        lanes = jnp.arange(words.shape[0])
        if settings.slots is None:

            def trial_rows(trial):
                instance = instances(trial)
                return jax.vmap(lambda lane: _row(*instance(lane), max_steps, settings))(lanes)

            return jax.lax.map(trial_rows, trials, batch_size=_batch(settings.batch, trials.shape[0]))

        def queued_trial(order, trial):
            instance = instances(trial)
            rows = _queued(lanes.shape[0], lambda place: instance(order[place]), max_steps, settings)
            rows = jtu.tree_map(lambda leaf: leaf[jnp.argsort(order)], rows)
            # What took long in this trial goes first in the next: a queue should not end with its slowest.
            return jnp.argsort(-rows["steps"]), rows

        return jax.lax.scan(queued_trial, lanes, trials)[1]

    shape = (trials.shape[0], words.shape[0])
    total = shape[0] * shape[1]

    def instance(index):
        model, solver, lane_words = jtu.tree_map(lambda leaf: leaf[index % shape[1]], (models, solvers, words))
        key = stream_key(root, trials[index // shape[1]], lane_words)
        return model, solver, key, model.design(jax.random.split(key, 3)[0])

    if settings.slots is not None:
        rows = _queued(total, instance, max_steps, settings)
    else:
        batch = min(settings.batch, total)
        # A remainder would compile the body a second time: wrap around instead, and drop the surplus rows.
        indices = jnp.arange(-(-total // batch) * batch) % total
        batch_size = _batch(batch, total)
        rows = jax.lax.map(lambda index: _row(*instance(index), max_steps, settings), indices, batch_size=batch_size)
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


def _queued(count: int, instance, max_steps, settings: ProgramSettings) -> dict[str, Array]:
    def begin(index):
        model, solver, key, design = instance(index)
        problem, truth, key_solver = _observe(model, key, design)
        solver = cast_floating(solver, floating_dtype(problem))
        return Occupant(problem, (model, truth), solver, start(problem, solver, key_solver))

    def end(index, occupant: Occupant):
        model, truth = occupant.truth
        solution = finish(occupant.problem, occupant.solver, occupant.carry)
        return _scores(model, truth, occupant.problem, occupant.solver, solution, settings.measure)

    return work_off(count, begin, end, max_steps, settings.slots)


def instance_row(model, solver, key, design, max_steps, measure: Measurement | None = None) -> dict[str, Array]:
    """The row of one instance, observed and solved by itself."""
    problem, truth, key_solver = _observe(model, key, design)
    solver = cast_floating(solver, floating_dtype(problem))
    return _scores(model, truth, problem, solver, run(problem, solver, key_solver, max_steps), measure)


def _row(model, solver, key, design, max_steps, settings: ProgramSettings) -> dict[str, Array]:
    if settings.record_every is None:
        return instance_row(model, solver, key, design, max_steps, settings.measure)
    problem, truth, key_solver = _observe(model, key, design)
    solver = cast_floating(solver, floating_dtype(problem))

    def watch(state):
        seen = {"history": model.error(truth, solver.estimate(problem, state))}
        measured = {} if settings.measure is None else settings.measure(model, truth, problem, solver, state)
        return seen | {f"{name}_history": value for name, value in measured.items()}

    solution = run_watched(problem, solver, key_solver, settings.max_steps, watch, settings.record_every)
    return _scores(model, truth, problem, solver, solution, settings.measure) | solution.history


def _observe(model, key, design):
    # The first two keys are those of `model.sample(key)`.
    _, key_observe, key_solver = jax.random.split(key, 3)
    problem, truth = model.observe(key_observe, design)
    return problem, truth, key_solver


def _scores(model, truth, problem, solver, solution, measure: Measurement | None) -> dict[str, Array]:
    return {
        "error": model.error(truth, solution.value),
        "result": result_code(solution.result),
        **solution.stats,
        **model.metrics(truth, solution.value),
        **({} if measure is None else measure(model, truth, problem, solver, solution.state)),
    }


def shardings(settings: ProgramSettings, trials: int, devices: Sequence) -> tuple[jax.sharding.NamedSharding, ...]:
    """Where the arguments of `compiled_block_rows` lie: trials, or everything that lanes have, spread along the leading axis."""
    mesh = jax.sharding.Mesh(np.asarray(devices), ("devices",))
    spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("devices"))
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    apart = by_trials(settings.share, settings.slots is not None, trials, len(devices))
    lanes, of_trials = (everywhere, spread) if apart else (spread, everywhere)
    return lanes, lanes, lanes, everywhere, of_trials, everywhere, everywhere


@eqx.filter_jit
def compiled_block_rows(models, solvers, words, design_words, trials, root, max_steps, settings, devices):
    """`block_rows`, compiled once per static structure and shape; each device works off the lanes or trials it holds by itself."""
    if len(devices) == 1:
        return block_rows(models, solvers, words, design_words, trials, root, max_steps, settings)
    arguments = (models, solvers, words, design_words, trials, root, max_steps)
    held = shardings(settings, trials.shape[0], devices)
    of_lanes, of_trials = held[0].spec, held[4].spec
    # Traced on one device's share first: operators compare structures, which inside of `shard_map` would name the mesh.
    per_device = [
        jtu.tree_map(lambda leaf, here=here: jax.ShapeDtypeStruct(here.shard_shape(leaf.shape), leaf.dtype), argument)
        for argument, here in zip(arguments, held, strict=True)
    ]
    traced, rows = jax.make_jaxpr(functools.partial(block_rows, settings=settings), return_shape=True)(*per_device)

    def own_rows(*arguments):
        return jtu.tree_unflatten(
            jtu.tree_structure(rows), jax.extend.core.jaxpr_as_fun(traced)(*jtu.tree_leaves(arguments))
        )

    return jax.shard_map(
        own_rows,
        mesh=held[0].mesh,
        in_specs=tuple(here.spec for here in held),
        out_specs=jax.sharding.PartitionSpec(*(of_trials or (None,)), *of_lanes),
        # Devices take their own number of steps: nothing is exchanged, so there is nothing to check.
        check_vma=False,
    )(*arguments)
