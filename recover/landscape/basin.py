"""How far from a point an iteration may start and still return to it."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, Key, PyTree, Real

from ..core import draws
from ..core.numbers import unit
from ..core.results import result_code
from ..core.solve import run
from ..core.solver import AbstractSolver

__all__ = ["Basin", "basin_sweep"]


class Basin(eqx.Module):
    """Where starts at growing distances from a point end.

    `errors`, `losses`, `codes` (of `recover.Result`) and `steps` have shape (distances, trials).
    """

    distances: Float[Array, " distances"]
    errors: Float[Array, "distances trials"]
    losses: Float[Array, "distances trials"]
    codes: Int[Array, "distances trials"]
    steps: Int[Array, "distances trials"]

    def success(self, below: float) -> Float[Array, " distances"]:
        """Share of trials with an error less than `below`, at every distance."""
        return jnp.mean((self.errors < below).astype(self.errors.dtype), axis=1)


def basin_sweep(
    problem_from: Callable[[PyTree], PyTree],
    solver: AbstractSolver,
    point: PyTree,
    distances: Real[Array, " distances"],
    key: Key[Array, ""],
    *,
    trials: int = 10,
    error: Callable[[PyTree, PyTree], Array],
    max_steps: int = 1000,
) -> Basin:
    """Starts a solver at every distance from a point, in random directions, and sees where it ends; one program.

    **Arguments:**

    - `problem_from`: makes the problem that starts from a given pytree, for instance
      `lambda start: SmoothProblem(loss, start)`.
    - `solver`: any solver of such problems, for instance `GradientDescent`.
    - `point`: the centre, a pytree of real arrays.
    - `distances`: Euclidean distances of the starts.
    - `key`: of the directions. A trial keeps its direction at every distance, so that curves over distance are paired.
    - `trials`: directions.
    - `error`: a function of (point, estimate) that quotients out what cannot be told apart.
    - `max_steps`: budget of each run.
    """
    flat, unravel = ravel_pytree(point)
    distances = jnp.asarray(distances, flat.dtype)
    directions = unit(draws.normal(key, (trials, flat.shape[0])).astype(flat.dtype))

    @eqx.filter_jit
    def everything(distances, directions, solver, key):
        def one(distance, direction):
            problem = problem_from(unravel(flat + distance * direction))
            solution = run(problem, solver, key, jnp.asarray(max_steps, jnp.int32))
            loss = solution.stats.get("loss", jnp.asarray(jnp.nan, flat.dtype))
            return error(point, solution.value), loss, result_code(solution.result), solution.stats["steps"]

        return jax.vmap(lambda distance: jax.vmap(lambda direction: one(distance, direction))(directions))(distances)

    return Basin(distances, *jtu.tree_map(jnp.asarray, everything(distances, directions, solver, key)))
