"""The primal-dual iteration of free discontinuity regression: seconds and bytes against the measured memory bandwidth."""

import jax
import jax.numpy as jnp
import numpy as np

import recover as rc
from recover.leaves import cast_floating
from recover.loop import start, step

from .machine import memory_bandwidth
from .measure import best

# Dimensions, cells per side and levels; the multipliers of the larger ones exceed any cache.
CASES = ((1, 1000, 32), (2, 22, 32), (2, 81, 32), (2, 128, 32), (3, 18, 32), (3, 24, 32))
STEPS = 3


def measure(dimension: int, cells: int, levels: int) -> dict[str, float]:
    """The loop as `rc.solve` runs it, without its first compilation.

    `bytes` are those of the arrays an iteration must read once and write once; their rate over the bandwidth of a triad, taken
    just before and after, is `share_of_bandwidth` (of wall time; above one where the arrays fit into a cache).
    """
    solver = cast_floating(rc.solvers.FDR(50.0, 0.01, levels=levels, tolerance=0.0), jnp.float32)
    noise = np.random.default_rng(0).random((cells,) * dimension, np.float32)
    problem = rc.SurfaceProblem(noise)

    @jax.jit
    def loop(problem, carry):
        until = jnp.asarray(STEPS, jnp.int32)
        return jax.lax.while_loop(lambda now: now.running(until), lambda now: step(problem, solver, now), carry)

    carry = start(problem, solver, jax.random.key(0))
    before = memory_bandwidth()
    spent = best(lambda: loop(problem, carry), repeats=5)
    bandwidth = max(before, memory_bandwidth())
    iterations = STEPS * solver.iterations
    moved = solver.bytes_per_iteration(problem.cells)
    voxels = cells**dimension * levels
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(carry.state))
    return {
        "dimension": dimension,
        "cells": cells,
        "levels": levels,
        "seconds_per_iteration": spent.seconds / iterations,
        "core_seconds_per_iteration": spent.core_seconds / iterations,
        "nanoseconds_per_voxel_level": 1e9 * spent.seconds / iterations / voxels,
        "bytes_per_voxel_level": held / voxels,
        "megabytes_of_state": held / 2**20,
        "bytes": moved,
        "bandwidth": bandwidth,
        "share_of_bandwidth": moved * iterations / spent.seconds / bandwidth,
    }


def run(full: bool = False) -> dict:
    """All cases; `ratio_to_third` is the least share of the bandwidth, beyond the caches, over a third."""
    points = [measure(*case) for case in (CASES if full else CASES[1:5])]
    beyond = [point["share_of_bandwidth"] for point in points if point["megabytes_of_state"] > 24]
    return {"points": points, "ratio_to_third": 3 * min(beyond)}
