"""Sixty-four small autoencoders in one program, against one after another and against a plain PyTorch loop."""

import functools
import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import recover as rc
from recover.core.leaves import cast_floating
from recover.sweeps.program import stack

from . import foreign
from .machine import matrix_product_speed
from .measure import best, stopwatch

TORCH = foreign.Foreign("torch", "PyTorch", "torch_autoencoder.py")
COUNT = 64
STEPS = 200
SHAPES = {"tiny": (16, 64, 32), "small": (32, 128, 128)}
RATE = 5e-3


def trainings(width: int, batch: int):
    """A grid of numbers of active neurons and rates: what one trains side by side."""
    pieces = rc.autoencoders
    return [
        rc.solvers.AutoencoderTraining(
            width, pieces.TopK(2 + number % 8), optimiser=pieces.Adam(RATE * (1 + number // 8)), batch=batch
        )
        for number in range(COUNT)
    ]


@eqx.filter_jit
def together(stacked, rows, key):
    """All of them, one compiled loop over batches."""
    state = jax.vmap(lambda each: each.begin(rows[0], key))(stacked)

    def one(state, inputs):
        return jax.vmap(lambda each, own: each.absorb(own, inputs))(stacked, state), None

    return jax.lax.scan(one, state, rows)[0]


@eqx.filter_jit
def alone(training, rows, key):
    """One of them, one compiled loop over batches."""
    return jax.lax.scan(
        lambda state, inputs: (training.absorb(state, inputs), None), training.begin(rows[0], key), rows
    )[0]


begin = eqx.filter_jit(rc.solvers.AutoencoderTraining.begin)
absorb = eqx.filter_jit(rc.solvers.AutoencoderTraining.absorb)


def stepwise(training, rows, key):
    """One of them, a compiled step in a Python loop: how one writes it."""
    state = begin(training, rows[0], key)
    for inputs in rows:
        state = absorb(training, state, inputs)
    return state


def arithmetic(width: int, dimension: int, batch: int) -> float:
    """Floating-point operations of the six matrix products of a step: two forward, four backward, of tied rows."""
    return 6 * 2.0 * batch * width * dimension


def compare(name: str, python: pathlib.Path | None) -> dict:
    """One shape: everybody trains on the same rows; nobody draws."""
    dimension, width, batch = SHAPES[name]
    model = rc.models.PlantedFeatures(dimension, 2 * dimension, 3)
    problem, truth = model.sample(jax.random.key(0))
    rows = jnp.asarray(np.asarray(problem.rows(jnp.arange(STEPS * batch, dtype=jnp.int32))))
    rows = rows.reshape(STEPS, batch, dimension)
    members = [cast_floating(each, np.float32) for each in trainings(width, batch)]
    # Trainings are dealt out to the devices, as a sweep does with its lanes.
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("trainings",))
    placed = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("trainings"))
    stacked, key = jax.device_put(cast_floating(stack(members), np.float32), placed), jax.random.key(1)
    batched = best(lambda: together(stacked, rows, key))
    few = members[:8]
    share = len(members) / len(few)
    compiled = best(lambda: [alone(each, rows, key) for each in few])
    split = list(rows)
    looped = best(lambda: [stepwise(each, split, key) for each in few[:2]], repeats=2)
    tokens = COUNT * STEPS * batch
    peak, peak_per_core = matrix_product_speed()
    flops = COUNT * STEPS * arithmetic(width, dimension, batch)
    state = together(stacked, rows, key)
    numbers = {
        "shape": f"{name}: d {dimension}, {width} neurons, {batch} rows",
        "tokens_per_second": tokens / batched.seconds,
        "tokens_per_core_second": tokens / batched.core_seconds,
        "ratio_to_compiled_one_by_one": share * compiled.core_seconds / batched.core_seconds,
        "wall_ratio_to_compiled_one_by_one": share * compiled.seconds / batched.seconds,
        "ratio_to_steps_one_by_one": share * 4 * looped.core_seconds / batched.core_seconds,
        "wall_ratio_to_steps_one_by_one": share * 4 * looped.seconds / batched.seconds,
        "product_share_of_peak_per_core": flops / batched.core_seconds / peak_per_core,
        "product_share_one_by_one": flops / (share * compiled.core_seconds) / peak_per_core,
        "seconds_at_peak": flops / peak,
        "seconds": batched.seconds,
        "recovered": float(
            np.mean([model.metrics(truth, each)["recovered_80"] for each in state.weights.decoder[:16]])
        ),
    }
    if python is not None:
        start = np.asarray(begin(members[0], rows[0], key).weights.decoder)
        theirs = foreign.measure(
            TORCH,
            python,
            rows=np.asarray(rows),
            start=start,
            active=np.asarray(2),
            rate=np.asarray(RATE),
            repeats=np.asarray(2),
        )
        one = alone(members[0], rows, key)
        rate = theirs["count"] * STEPS * batch
        numbers |= {
            "torch_version": theirs["version"],
            "torch_tokens_per_second": rate / theirs["seconds"],
            "torch_tokens_per_core_second": rate / theirs["core_seconds"],
            "ratio_to_torch": numbers["tokens_per_core_second"] * theirs["core_seconds"] / rate,
            "wall_ratio_to_torch": numbers["tokens_per_second"] * theirs["seconds"] / rate,
            "torch_loss": theirs["loss"],
            "our_loss": float(one.loss),
        }
    return numbers


def run(full: bool = False, folder: str = ".cache/peers") -> dict:
    """Both shapes, with PyTorch in an environment of its own where that can be had.

    `ratio_*` are of processor time, `wall_ratio_*` of wall time: training one after another over training together, and
    tokens over those of the PyTorch loop. `product_share_*` is the arithmetic of the matrix products over the speed
    of a large one: what is missing is element-wise work, which no batching saves.
    """
    numbers: dict = {"points": []}
    python = None
    try:
        python = foreign.environment(TORCH, pathlib.Path(folder).resolve())
    except foreign.Unavailable as reason:
        numbers["skipped"] = str(reason)
    measured = functools.partial(compare, python=python)
    with stopwatch() as spent:
        for name in SHAPES:
            row = measured(name)
            numbers["points"].append(row)
            numbers |= {
                f"{key}_{name}": value for key, value in row.items() if key.startswith(("ratio_", "wall_ratio_"))
            }
    numbers["total_seconds"] = spent.seconds
    return numbers
