"""Runs in cr-sparse's own environment: its OMP over the instances of an .npz file, vectorised by `vmap`; prints JSON.

Needs nothing but that environment. The loop over selections is unrolled there, so the number of them is static; compile
time is reported apart.
"""

import functools
import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from cr.sparse.pursuit import omp


def main():
    """All instances in one compiled call."""
    data = np.load(sys.argv[1])
    sparsity = int(data["sparsity"])
    designs, observations = jnp.asarray(data["designs"]), jnp.asarray(data["observations"])
    dimension = designs.shape[-1]

    def one(design, y):
        solution = omp.solve(design, y, sparsity)
        return jnp.zeros(dimension).at[solution.I].set(solution.x_I)

    if len(designs) == 1:
        solve = jax.jit(jax.vmap(functools.partial(one, designs[0])))
        arguments = (observations,)
    else:
        solve = jax.jit(jax.vmap(one))
        arguments = (designs, observations)
    started = time.perf_counter()
    solve(*arguments).block_until_ready()
    first = time.perf_counter() - started
    wall, cores = time.perf_counter(), time.process_time()
    estimates = np.asarray(solve(*arguments).block_until_ready())
    wall, cores = time.perf_counter() - wall, time.process_time() - cores
    truths = data["truths"]
    errors = np.linalg.norm(estimates - truths, axis=1) / np.linalg.norm(truths, axis=1)
    print(
        json.dumps({"seconds": wall, "core_seconds": cores, "compile_seconds": first - wall, "errors": errors.tolist()})
    )


main()
