"""What every solver is: four pure functions of a problem and a state, and what else it reports."""

import abc
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import equinox as eqx
from jaxtyping import Array, Bool, Float, Key, PyTree

from .adjoint import Optimality
from .data import shown
from .fields import AbstractModule
from .problem import AbstractProblem
from .results import Result

__all__ = ["AbstractSolver"]

ProblemT = TypeVar("ProblemT")
StateT = TypeVar("StateT")


class Certificate(eqx.Module):
    """Whether the answer of a state is near the one sought, as far as data, objective and precision tell.

    - `value`: scale-free, at most 1 where it holds.
    - `final`: further steps would not change it.
    """

    value: Float[Array, ""]
    final: Bool[Array, ""]

    @property
    def holds(self) -> Bool[Array, ""]:
        """Whether the answer is certified."""
        return self.value <= 1


class AbstractSolver(AbstractModule, Generic[ProblemT, StateT]):
    """An iterative algorithm as four pure functions of a problem and a state.

    Numeric hyper-parameters are array leaves (`recover.core.leaves.leaf`), so they can be swept without compiling again. A
    solver never loops: `recover.solve` and `recover.sweep` do. They call all methods with the problem in units in which its
    data are of order one if the class says how it takes to that (`recover.core.units.Scaling`).

    `others` are kinds of problems besides `ProblemT`, each with what makes the solver that does the work there of this one.
    """

    others: ClassVar[Mapping[type, Callable[[Any], "AbstractSolver"]]] = {}

    @abc.abstractmethod
    def init(self, problem: ProblemT, key: Key[Array, ""]) -> StateT:
        """The state before the first step; a pytree of arrays whose shapes and dtypes no step changes."""

    @abc.abstractmethod
    def step(self, problem: ProblemT, state: StateT) -> StateT:
        """The state after one more iteration."""

    @abc.abstractmethod
    def status(self, problem: ProblemT, state: StateT) -> Result:
        """Whether to go on (`Result.running`), or why not."""

    @abc.abstractmethod
    def estimate(self, problem: ProblemT, state: StateT) -> PyTree:
        """What the solver would answer if it stopped here; the same structure as the model's truth."""

    def certificate(self, problem: ProblemT, state: StateT) -> Certificate | None:
        """What makes "converged" mean that the answer is right; `None`, for all states alike, where nothing does.

        It is asked for only when `status` says "converged". Where it does not hold the solver goes on, and ends as
        "inaccurate" once that brings nothing.
        """
        return None

    def optimality(self, problem: ProblemT, state: StateT) -> Optimality | None:
        """What defines the answer of a final state, by which `ImplicitAdjoint` differentiates it; `None` if nothing simple does."""
        return None

    def warm(self, problem: ProblemT, key: Key[Array, ""], value: PyTree) -> StateT | None:
        """The state of a solve that starts from an estimate; `None`, for all estimates alike, where that means nothing."""
        return None

    def stats(self, problem: ProblemT, state: StateT) -> dict[str, Array]:
        """Scalars worth reporting besides the number of steps."""
        return {}


def require_solver(owner: str, solver) -> None:
    """Raises `TypeError` for what is no solver."""
    if not isinstance(solver, AbstractSolver):
        built = f"; build it: `{solver.__name__}(...)`" if isinstance(solver, type) else ""
        raise TypeError(f"{owner}: `solver` is {shown(solver)}; one of `recover.solvers` is allowed{built}.")


def require_problem(where: str, problem, solver: AbstractSolver) -> None:
    """Raises `TypeError` for a problem of a kind that a solver does not take; `where` says what the problem is."""
    kinds = problem_kinds(type(solver))
    kinds = kinds and (*kinds, *type(solver).others)
    if kinds and not isinstance(problem, kinds):
        taken = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{where} is {shown(problem)}; {type(solver).__name__} takes a {taken}.")
    if isinstance(problem, AbstractProblem):
        problem.require_taken(where, solver)


def working_solver(problem, solver: AbstractSolver) -> AbstractSolver:
    """The solver that does the work for a problem: the one given, but where the problem is one of its `others`."""
    for kind, make in type(solver).others.items():
        if isinstance(problem, kind):
            return make(solver)
    return solver


@functools.cache
def problem_kinds(solver: type) -> tuple[type, ...]:
    """The classes of problems that a class of solvers takes, `ProblemT` of `AbstractSolver`; none where it does not say."""
    found: dict = {}

    def visit(kind: type, arguments: dict) -> None:
        for base in getattr(kind, "__orig_bases__", ()):
            origin = typing.get_origin(base)
            if origin is None or origin is Generic:
                continue
            parameters = getattr(origin, "__parameters__", ())
            given = dict(zip(parameters, (arguments.get(each, each) for each in typing.get_args(base)), strict=False))
            if origin is AbstractSolver:
                found.setdefault("problem", given.get(ProblemT))
            else:
                visit(origin, given)

    for each in solver.__mro__:
        visit(each, {})
    kind = found.get("problem")
    union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    alternatives = [typing.get_origin(each) or each for each in (typing.get_args(kind) if union else (kind,))]
    # Annotations of arrays are no classes of problems.
    classes = tuple(each for each in alternatives if isinstance(each, type) and not hasattr(each, "dim_str"))
    return classes if len(classes) == len(alternatives) else ()
