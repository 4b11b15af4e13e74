"""What is measured of paths of ordinal fits, in a module of its own: rows that were measured depend on this code alone."""

import jax.numpy as jnp
from jaxtyping import Array

from recover import solvers

STRENGTHS = 20


def differences_found(model, truth, problem, solver, state) -> dict[str, Array]:
    """False discoveries among the differences found, and the power, at every strength of PRESTO's path: `power_0`, ...

    The first difference, the coefficients themselves, does not count. Not a number for other solvers.
    """
    dtype = problem.inputs.dtype
    if not isinstance(solver, solvers.PRESTO):
        absent = jnp.full((), jnp.nan, dtype)
        return {f"{name}_{place}": absent for name in ("power", "false_discovery") for place in range(STRENGTHS)}
    found = state.path[:, 1:, 1:] != 0
    true = (truth.coefficients.differences[1:] != 0)[None]
    hits, size = (jnp.sum(each, (1, 2)).astype(dtype) for each in (found & true, found))
    power = hits / jnp.maximum(jnp.sum(true), 1).astype(dtype)
    false = jnp.where(size > 0, 1 - hits / jnp.maximum(size, 1), 0)
    places = range(STRENGTHS)
    return {f"power_{i}": power[i] for i in places} | {f"false_discovery_{i}": false[i] for i in places}
