"""How many coefficients a solver keeps, and the ratio of samples that default choices are functions of."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..core.leaves import is_concrete
from .donoho_tanner import donoho_tanner_weak
from .problem import LinearProblem


def sampling_ratio(problem: LinearProblem) -> Float[Array, ""]:
    """Observations per unknown, m / n, in the dtype of the data."""
    return problem.count / problem.dimension


def resolve_sparsity(owner, problem: LinearProblem, share: float = 1.0, limit: float = 1.0) -> Int[Array, ""]:
    r"""How many coefficients a greedy solver keeps.

    Its own `sparsity`; else the one the problem knows; else the tuning-free choice of Maleki and Donoho (maleki2010),
    $k = \lfloor \rho_{DT}(m/n)\, m \rfloor$ with $\rho_{DT}$ the weak Donoho-Tanner transition: the most nonzeros that
    $\ell_1$ minimisation could recover from so many observations. In that last case it is at least 1, and for solvers
    that reach less far $\rho_{DT}$ is multiplied by a `share` and kept below a `limit`.

    **Raises:** `ValueError` if the solver's own sparsity is known now and exceeds the dimension.
    """
    sparsity = owner.sparsity
    if sparsity is None:
        sparsity = problem.sparsity
    elif is_concrete(sparsity) and np.any(np.asarray(sparsity) > problem.dimension):
        raise ValueError(
            f"{type(owner).__name__}: `sparsity` is {sparsity}; an integer from 0 to {problem.dimension} "
            f"(the dimension) is allowed."
        )
    if sparsity is None:
        # The transition is a curve over (0, 1): as many samples as unknowns, or more, are treated as nearly square.
        ratio = jnp.minimum(sampling_ratio(problem), 0.99)
        reach = jnp.minimum(share * donoho_tanner_weak(ratio), limit)
        sparsity = jnp.maximum(jnp.floor(reach * problem.count), 1)
    return jnp.minimum(jnp.asarray(sparsity).astype(jnp.int32), problem.dimension)
