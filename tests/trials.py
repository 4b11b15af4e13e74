"""Solving a batch of instances of a model."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from recover.core.results import result_code, result_names
from recover.core.solve import run


@eqx.filter_jit
def _batch(model, solver, keys, max_steps):
    def one(key):
        problem, truth = model.sample(key)
        solution = run(problem, solver, key, max_steps)
        return model.error(truth, solution.value), result_code(solution.result), solution.stats["steps"]

    return jax.vmap(one)(keys)


def solve_many(model, solver, count=16, max_steps=1000, seed=0):
    """Runs a solver on a batch of instances: errors, result names and steps."""
    keys = jax.random.split(jax.random.key(seed), count)
    errors, codes, steps = _batch(model, solver, keys, jnp.asarray(max_steps))
    return np.asarray(errors), result_names(np.asarray(codes)), np.asarray(steps)
