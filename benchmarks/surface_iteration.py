"""The primal-dual iteration of free discontinuity regression: seconds and bytes against the measured memory bandwidth."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import recover as rc
from recover.core.leaves import cast_floating
from recover.core.solve import start, step

from .machine import memory_bandwidth
from .measure import best

# Dimensions, cells per side and levels; the multipliers of the larger ones exceed any cache.
CASES = ((1, 1000, 32), (2, 22, 32), (2, 81, 32), (2, 128, 32), (3, 18, 32), (3, 24, 32))
STEPS = 3


def measure(dimension: int, cells: int, levels: int) -> dict[str, float]:
    """The loop as `rc.solve` runs it, one problem on every device, without its first compilation.

    `bytes` are those of the arrays that iterations on all devices must read once and write once; their rate over the bandwidth
    of a triad on all cores, taken just before and after, is `share_of_bandwidth` (of wall time; above one where the arrays fit
    into a cache).
    """
    solver = cast_floating(
        rc.solvers.FreeDiscontinuityRegression(50.0, 0.01, levels=levels, tolerance=0.0), jnp.float32
    )
    devices = jax.devices()
    noise = np.random.default_rng(0).random((len(devices),) + (cells,) * dimension, np.float32)

    def begin(values):
        problem = rc.SurfaceProblem(values)
        return problem, start(problem, solver, jax.random.key(0))

    def loop(problems, carries):
        problem, carry = (jax.tree.map(lambda leaf: leaf[0], tree) for tree in (problems, carries))
        until = jnp.asarray(STEPS, jnp.int32)
        end = jax.lax.while_loop(lambda now: now.running(until), lambda now: step(problem, solver, now), carry)
        return jax.tree.map(lambda leaf: leaf[None], end)

    lanes = jax.sharding.PartitionSpec("lanes")
    mesh = jax.sharding.Mesh(np.array(devices), ("lanes",))
    loops = jax.jit(jax.shard_map(loop, mesh=mesh, in_specs=lanes, out_specs=lanes, check_vma=False))
    problems, carries = jax.device_put(eqx.filter_jit(jax.vmap(begin))(noise), jax.sharding.NamedSharding(mesh, lanes))
    before = memory_bandwidth()
    spent = best(lambda: loops(problems, carries), repeats=5)
    bandwidth = max(before, memory_bandwidth())
    iterations = STEPS * solver.iterations
    moved = solver.bytes_per_iteration((cells,) * dimension) * len(devices)
    voxels = cells**dimension * levels
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(carries.state)) / len(devices)
    return {
        "dimension": dimension,
        "cells": cells,
        "levels": levels,
        "problems": len(devices),
        "seconds_per_iteration": spent.seconds / iterations,
        "core_seconds_per_iteration": spent.core_seconds / iterations / len(devices),
        "nanoseconds_per_voxel_level": 1e9 * spent.seconds / iterations / voxels / len(devices),
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
