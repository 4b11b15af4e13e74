"""Units: a problem is solved in those in which its data are of order one, and answered in its own.

Every solver is thereby equivariant, whatever it computes in between: squares of squares neither vanish nor overflow. Units
are powers of two, so data and answers are the same to the last bit, and exactly 1 where data are of order one already.
"""

import dataclasses
from collections.abc import Callable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PyTree

from .numbers import norm
from .problem import AbstractProblem
from .solver import AbstractSolver, working_solver

# Data between these are of order one: they are left as they are.
_LEAST, _MOST = 2.0**-10, 2.0**10


@dataclasses.dataclass(frozen=True)
class Scaling:
    """How a solver takes to other units: a class variable `scaling`, which subclasses do not inherit.

    - `fields`: for every field that has a unit, its exponents of the units of the operator and of the observations, for
      instance (0, 1) for a standard deviation of noise; or `None` where the value itself says, by a method
      `in_units(units, weights)`, with the weights by which columns were multiplied, that returns `None` if it cannot.
    - `columns`: whether columns whose norms differ are brought to one norm, a function of the solver.
    - `stats`: for every statistic that has a unit, its exponents, or a function of (value, units, problem) that gives it back.

    A solver without one is given its problems as they are.
    """

    fields: Mapping[str, tuple[int, int] | None] = dataclasses.field(default_factory=dict)
    columns: Callable[[AbstractSolver], bool] = lambda solver: False
    stats: Mapping[str, tuple[int, int] | Callable] = dataclasses.field(default_factory=dict)


class Units(eqx.Module):
    """By what the operator and the observations of a problem were divided: powers of two, where nothing else is said."""

    operator: Float[Array, ""]
    observations: Float[Array, ""]

    def times(self, value: Array, operator: int, observations: int) -> Array:
        """A value times the unit of a quantity with these exponents; factor by factor, lest their product leaves the range."""
        while operator or observations:
            for exponent, unit in ((observations, self.observations), (operator, self.operator)):
                unit = unit.astype(value.dtype)
                value = value * unit if exponent > 0 else value / unit if exponent < 0 else value
            operator, observations = operator - np.sign(operator), observations - np.sign(observations)
        return value


class Posed(eqx.Module):
    """A problem in natural units, the solver in the same ones, and the units; `None` where nothing was done."""

    problem: PyTree
    solver: AbstractSolver
    units: Units | None

    def restored(self, value: PyTree) -> PyTree:
        """An estimate in the units of the problem as it was given."""
        return value if self.units is None else self.problem.restored(value, self.units)

    def natural(self, value: PyTree) -> PyTree:
        """The opposite: an estimate, or a truth, in natural units."""
        return value if self.units is None else self.problem.unrestored(value, self.units)

    def restored_stats(self, stats: dict[str, Array]) -> dict[str, Array]:
        """Statistics of the solver, in the units of the problem as it was given."""
        if self.units is None:
            return stats
        restored = dict(stats)
        for name, unit in vars(type(self.solver))["scaling"].stats.items():
            if name in stats:
                value = stats[name]
                restored[name] = (
                    unit(value, self.units, self.problem) if callable(unit) else self.units.times(value, *unit)
                )
        return restored


def pose(problem: PyTree, solver: AbstractSolver) -> Posed:
    """The one place where problems change their units, before the first step; solvers say how by `Scaling`."""
    solver = working_solver(problem, solver)
    scaling = vars(type(solver)).get("scaling")
    if scaling is None or not isinstance(problem, AbstractProblem):
        return Posed(problem, solver, None)
    units = problem.units()
    if units is None:
        return Posed(problem, solver, None)
    natural = problem.in_units(units, scaling.columns(solver))
    told = solver_in_units(solver, units, natural.weights(units))
    return Posed(problem, solver, None) if told is None else Posed(natural, told, units)


def always(solver: AbstractSolver) -> bool:
    """For `Scaling.columns`: whatever the fields of the solver."""
    return True


def solver_in_units(solver: AbstractSolver, units: Units, weights: Array) -> AbstractSolver | None:
    """The solver for a problem whose data were divided by `units` and whose columns were multiplied by `weights`.

    `None` if it has no `Scaling`, or if the value of a field cannot say what it is in other units.
    """
    scaling = vars(type(solver)).get("scaling")
    if scaling is None:
        return None
    for name, exponents in scaling.fields.items():
        value = getattr(solver, name)
        if value is None:
            continue
        if isinstance(value, AbstractSolver):
            changed = solver_in_units(value, units, weights)
        elif exponents is None:
            changed = value.in_units(units, weights)
        else:
            changed = units.times(value, *(-exponent for exponent in exponents))
        if changed is None:
            return None
        solver = eqx.tree_at(lambda solver, name=name: getattr(solver, name), solver, changed)
    return solver


def power_of_two(size: Float[Array, "..."]) -> Float[Array, "..."]:
    """The largest power of two up to each of nonnegative numbers; 1 for zero, subnormal numbers and what is not finite."""
    unsigned, mantissa = (np.uint32, 23) if size.dtype.itemsize == 4 else (np.uint64, 52)
    bits = jax.lax.bitcast_convert_type(size, unsigned) >> mantissa << mantissa
    power = jax.lax.bitcast_convert_type(bits, size.dtype)
    return jnp.where((power > 0) & jnp.isfinite(power), power, 1)


def unit_of(size: Float[Array, ""], least: float = _LEAST, most: float = _MOST) -> Float[Array, ""]:
    """The unit of data of this size: a power of two, 1 for sizes of order one, that is from `least` to `most`."""
    size = jnp.abs(size)
    ordinary = (size >= least) & (size <= most)
    return jax.lax.stop_gradient(jnp.where(ordinary, 1, power_of_two(size)))


def exact_unit_of(size: Float[Array, ""], least: Float[ArrayLike, ""], most: Float[ArrayLike, ""]) -> Float[Array, ""]:
    """The same, but the size itself outside of the range, for methods with constants that are in units of the data."""
    usable = jnp.isfinite(size) & (size > 0) & ((size < least) | (size > most))
    return jax.lax.stop_gradient(jnp.where(usable, size, 1))


def root_mean_square(array: Array) -> Float[Array, ""]:
    """The root mean square of the entries, whose squares neither overflow nor vanish."""
    scale = power_of_two(largest(array))
    return scale * norm(array / scale) / array.size**0.5


def largest(array: Array) -> Float[Array, ""]:
    """The largest magnitude of the entries, whose size tells the unit of data; unlike a norm it cannot overflow."""
    return jnp.max(jnp.abs(array), initial=0)
