"""What solvers' hyper-parameters may be, checked where their values are known."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..leaves import as_real_leaf, is_concrete
from ..problems import LinearProblem
from ..theory import donoho_tanner_weak

_RULES = {
    "positive": ("a positive number", lambda value: (value > 0) & np.isfinite(value)),
    "nonnegative": ("a number of at least 0", lambda value: (value >= 0) & np.isfinite(value)),
    "share": ("a number in (0, 1]", lambda value: (value > 0) & (value <= 1)),
    "decay": ("a number in [0, 1)", lambda value: (value >= 0) & (value < 1)),
    "probability": ("a number strictly between 0 and 1", lambda value: (value > 0) & (value < 1)),
    "count": ("an integer of at least 0", lambda value: _integers(value) & (value >= 0)),
    "positive count": ("an integer of at least 1", lambda value: _integers(value) & (value >= 1)),
}


def _integers(value: np.ndarray) -> bool:
    return np.issubdtype(value.dtype, np.integer)


def optional_real():
    """A traced field that is a real number or `None`; integers are taken as floats, so they do not compile again."""
    return eqx.field(converter=as_real_leaf, default=None)


def require(owner, **rules: str) -> None:
    """Checks fields of a module against named rules, for those whose values are known now (not traced, not `None`).

    **Raises:** `ValueError` naming the class, the field, its value and what is allowed.
    """
    for name, rule in rules.items():
        value = getattr(owner, name)
        allowed, holds = _RULES[rule]
        if is_concrete(value) and not np.all(holds(np.asarray(value))):
            raise ValueError(f"{type(owner).__name__}: `{name}` is {value}; {allowed} is allowed.")


def require_choice(owner, name: str, choices: tuple[str, ...]) -> None:
    """Checks a static field that names one of a few choices."""
    value = getattr(owner, name)
    if value not in choices:
        raise ValueError(f"{type(owner).__name__}: `{name}` is {value!r}; allowed: {', '.join(choices)}.")


def sampling_ratio(problem: LinearProblem) -> Float[Array, ""]:
    """Observations per unknown, m / n, in the dtype of the data."""
    return problem.samples.astype(problem.observations.dtype) / problem.dimension


def resolve_sparsity(owner, problem: LinearProblem, share: float = 1.0, limit: float = 1.0) -> Int[Array, ""]:
    r"""How many coefficients a greedy solver keeps.

    Its own `sparsity`; else the one the problem knows; else the tuning-free choice of Maleki and Donoho (2010),
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
        sparsity = jnp.maximum(jnp.floor(reach * problem.samples.astype(ratio.dtype)), 1)
    return jnp.minimum(jnp.asarray(sparsity).astype(jnp.int32), problem.dimension)
