"""A design for every instance (`share="none"`): this engine against one plain `vmap` over all instances; cost of the draws."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import recover as rc
from recover.core.sizes import with_capacities
from recover.sweeps.program import stack

from .machine import shares
from .measure import named, timed_call, timed_sweep

DIMENSION = 400
STEPS = 300
AXES = {
    "samples": [int(m) for m in np.linspace(80, 200, 8).round()],
    "sparsity": [int(k) for k in np.linspace(5, 60, 8).round()],
}


def model_of(samples, sparsity, ensemble):
    """The planted model of a cell."""
    return rc.models.SparseRegression(DIMENSION, samples, sparsity, ensemble=ensemble)


def plain_vmap(models, keys, max_steps: int):
    """What one writes with `jax.vmap`: draw, observe, solve and score all instances side by side."""

    def one(model, key):
        problem, truth = model.sample(key)
        solution = rc.solve(problem, rc.solvers.AMP(), max_steps=max_steps)
        return model.error(truth, solution.value), solution.stats["steps"]

    return jax.vmap(one)(models, keys)


def vmap_speed(ensemble: str, trials: int) -> dict[str, float]:
    """The plain `vmap` over as many instances, padded to the same number of rows."""
    cells = trials * list(itertools.product(*AXES.values()))
    most = {"samples": max(AXES["samples"])}
    models = stack([with_capacities(model_of(*each, ensemble), most) for each in cells])
    keys = jax.random.split(jax.random.key(1), len(cells))
    program = eqx.filter_jit(plain_vmap)
    return timed_call(lambda: program(models, keys, STEPS), len(cells))[1]


def draw_speed(ensemble: str, count: int, batch: int = 4) -> dict[str, float]:
    """Designs alone, a few at a time as the engine's cache-sized batches do; each is used once, in one product."""
    model = model_of(max(AXES["samples"]), 1, ensemble)

    @jax.jit
    def program(keys):
        def one(key):
            # A product needs the whole design in memory: what nobody reads, or what is summed, would not be written.
            return model.design(key) @ jnp.ones(DIMENSION)

        return jax.lax.map(one, keys, batch_size=batch)

    keys = jax.random.split(jax.random.key(0), count)
    return timed_call(lambda: program(keys), count)[1]


def run(full: bool = False) -> dict:
    """Measures all sides in one run, for Gaussian designs and for signs.

    `ratio_to_vmap` is instances per core-second over those of the plain `vmap`; `draw_share` the processor time of drawing
    as many designs over that of the whole sweep.
    """
    trials = 16 if full else 4
    numbers: dict[str, float] = {}
    for ensemble in ("gaussian", "rademacher"):

        def cell(samples, sparsity, ensemble=ensemble):
            return model_of(samples, sparsity, ensemble), rc.solvers.AMP()

        table, ours = timed_sweep(cell, AXES, trials=trials, max_steps=STEPS, share="none")
        vmap, draws = vmap_speed(ensemble, trials), draw_speed(ensemble, 1024)
        useful = 4 * DIMENSION * float((table.frame["steps"] * table.frame["samples"]).mean())
        ours |= shares(useful, ours)
        ours["ratio_to_vmap"] = ours["per_core_second"] / vmap["per_core_second"]
        ours["wall_ratio_to_vmap"] = ours["per_second"] / vmap["per_second"]
        ours["draw_share"] = ours["per_core_second"] / draws["per_core_second"]
        numbers |= named(ensemble, ours | named("vmap", vmap) | named("draws", draws))
    return numbers
