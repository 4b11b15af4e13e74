"""Runs in cr-sparse's own environment: its OMP over the instances of an .npz file, one after another; prints JSON.

Needs nothing but that environment. Its compiled `omp.solve` unrolls the loop over selections, so the number of them is
static; compile time is reported apart. (One `vmap` of it over own designs compiled for more than a minute on two cores.)
"""

import json
import sys
import time

import jax.numpy as jnp
import numpy as np
from cr.sparse.pursuit import omp


def main():
    """One compiled call per instance."""
    data = np.load(sys.argv[1])
    sparsity = int(data["sparsity"])
    designs, observations, truths = jnp.asarray(data["designs"]), jnp.asarray(data["observations"]), data["truths"]
    started = time.perf_counter()
    omp.solve(designs[0], observations[0], sparsity).x_I.block_until_ready()
    first = time.perf_counter() - started
    errors = []
    wall, cores = time.perf_counter(), time.process_time()
    for i in range(len(truths)):
        solution = omp.solve(designs[i % len(designs)], observations[i], sparsity)
        estimate = np.zeros(truths.shape[1])
        estimate[np.asarray(solution.I)] = np.asarray(solution.x_I)
        errors.append(float(np.linalg.norm(estimate - truths[i]) / np.linalg.norm(truths[i])))
    wall, cores = time.perf_counter() - wall, time.process_time() - cores
    print(json.dumps({"seconds": wall, "core_seconds": cores, "compile_seconds": first, "errors": errors}))


main()
