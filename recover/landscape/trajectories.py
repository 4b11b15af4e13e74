"""An iteration, step by step: how far from the truth, in which direction, how fast."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float, Int, Key, PyTree

from ..core.numbers import ratio, squared_norm
from ..core.solve import Solution
from ..core.solver import AbstractSolver
from ..core.solving import solve

__all__ = ["Trajectory", "alignment", "contraction_rates", "trajectory"]


class Trajectory(eqx.Module):
    """What was recorded along a solve, at `steps` 0, k, 2k, ...; entries after the end repeat the last one.

    - `distance`: the model's error (or whatever distance was given) to the truth.
    - `alignment`: cosine of the angle between estimate and truth.
    - `contraction`: factor by which the distance shrank per step since the record before; NaN at step 0.
    - `solution`: the solve itself.
    """

    steps: Int[Array, " records"]
    distance: Float[Array, " records"]
    alignment: Float[Array, " records"]
    contraction: Float[Array, " records"]
    solution: Solution


class _Measures(eqx.Module):
    distance: Callable
    truth: PyTree

    def __call__(self, estimate):
        return self.distance(self.truth, estimate), alignment(self.truth, estimate)


def trajectory(
    problem: PyTree,
    solver: AbstractSolver,
    truth: PyTree,
    distance: Callable[[PyTree, PyTree], Array],
    *,
    max_steps: int = 1000,
    record_every: int = 1,
    key: Key[Array, ""] | None = None,
) -> Trajectory:
    """Solves a problem and records every estimate's distance to, and alignment with, the truth.

    **Arguments:**

    - `problem`, `solver`, `max_steps`, `record_every`, `key`: as for `recover.solve`.
    - `truth`: a pytree of the structure of an estimate.
    - `distance`: a function of (truth, estimate), for instance the method `model.error`.
    """
    solution = solve(
        problem, solver, max_steps=max_steps, key=key, record=_Measures(distance, truth), record_every=record_every
    )
    distances, alignments = solution.history
    steps = record_every * jnp.arange(distances.shape[0], dtype=jnp.int32)
    return Trajectory(steps, distances, alignments, contraction_rates(distances, record_every), solution)


def alignment(truth: PyTree, estimate: PyTree) -> Float[Array, ""]:
    """The cosine of the angle between two pytrees of arrays as vectors; zero if either vanishes."""
    pairs = list(zip(jtu.tree_leaves(truth), jtu.tree_leaves(estimate), strict=True))
    inner = sum(jnp.sum(a * b) for a, b in pairs)
    return ratio(inner, flat_norm(truth) * flat_norm(estimate))


def contraction_rates(distances: Float[Array, " records"], every: int = 1) -> Float[Array, " records"]:
    r"""Local rates $(e_k / e_{k-1})^{1/\text{every}}$ per step of recorded distances: below 1 where they shrink, NaN first.

    Constant along linear convergence, tending to 1 along sub-linear and to 0 along superlinear convergence.
    """
    ratios = distances[1:] / distances[:-1]
    return jnp.concatenate([jnp.full(1, jnp.nan, distances.dtype), ratios ** (1 / every)])


def flat_norm(tree: PyTree) -> Float[Array, ""]:
    """Euclidean norm of a pytree of arrays as one vector."""
    return jnp.sqrt(sum(squared_norm(leaf) for leaf in jax.tree.leaves(tree)))
