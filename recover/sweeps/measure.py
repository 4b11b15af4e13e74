"""Measurements: what is looked at in a solve besides the error of its answer, without being part of the solver."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from ..core.leaves import cast_floating, floating_dtype
from ..core.model import in_default_precision
from ..core.solver import working_solver
from .columns import RESERVED
from .content import callables, content_digest
from .plan import Lane, explained, signature

Measure = Callable[[Any, Any, Any, Any, Any], dict[str, Array]]


def _check_call(function: Measure) -> None:
    try:
        taken = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        taken.bind("model", "truth", "problem", "solver", "state")
    except TypeError:
        raise TypeError(
            f"sweep: `measure` is {function!r}, which takes {taken}; a function of (model, truth, problem, solver, state) is "
            "allowed."
        ) from None


class Measurement:
    """A function `measure(model, truth, problem, solver, state) -> {name: scalar}`, with an identity.

    It is equal to another one if it does the same: the same functions, applied to values of the same content. `digest` is what
    identifies it in a store; `None` for a function that is not the same from one run to the next, as a lambda.
    """

    def __init__(self, function: Measure):
        if not callable(function):
            raise TypeError(f"sweep: `measure` is {function!r}; a function is allowed.")
        self.function = function
        _check_call(function)
        try:
            self.digest = content_digest(inspect.unwrap(function)).hex()
            # Functions of one name may be different ones, in a session in which they are written.
            self._identity = self.digest, tuple(map(id, callables(function)))
        except TypeError:
            self.digest = None
            self._identity = None, (id(function),)

    def __eq__(self, other):
        return isinstance(other, Measurement) and self._identity == other._identity

    def __hash__(self):
        return hash(self._identity)

    def __reduce__(self):
        return Measurement, (self.function,)

    def __call__(self, model, truth: PyTree, problem: PyTree, solver, state: PyTree) -> dict[str, Array]:
        """What is measured of a state, by name."""
        with jax.default_matmul_precision("float32"):
            found = self.function(model, truth, problem, solver, state)
        return {name: jnp.asarray(value) for name, value in found.items()}

    def check(self, lanes: Iterable[Lane], reserved: Iterable[str], recorded: bool) -> None:
        """Refuses what cannot be columns of a table of these lanes, whose axes are `reserved`.

        **Raises:** `ValueError` that says which name is taken, or what is not a scalar; `TypeError` for no dictionary.
        """
        for lane in {signature(lane): lane for lane in lanes}.values():
            with explained(lane):
                measured, reported = jax.eval_shape(functools.partial(self._pieces, lane), jax.random.key(0))
            if not isinstance(measured, dict) or not all(isinstance(name, str) for name in measured):
                raise TypeError(
                    f"sweep: `measure` returned {measured!r}; a dictionary from names to scalars is allowed."
                )
            columns = [*measured, *(f"{name}_history" for name in measured if recorded)]
            taken = {**dict.fromkeys(RESERVED, "a column of every table"), **dict.fromkeys(reserved, "an axis")}
            taken |= dict.fromkeys(reported, f"reported by {type(lane.model).__name__} or {type(lane.solver).__name__}")
            for name in columns:
                if name in taken or columns.count(name) > 1:
                    why = taken.get(name, "the history of another one")
                    raise ValueError(f"sweep: `measure` returned {name!r}, which is {why}; any other name is allowed.")
            for name, value in measured.items():
                if value.shape:
                    raise ValueError(f"sweep: `measure` returned {name!r} of shape {value.shape}; scalars are allowed.")

    def _pieces(self, lane: Lane, key):
        model = in_default_precision(lane.model)
        problem, truth = model.observe(key, model.design(key))
        solver = working_solver(problem, cast_floating(lane.solver, floating_dtype(problem)))
        state = solver.init(problem, key)
        reported = {**solver.stats(problem, state), **model.metrics(truth, solver.estimate(problem, state))}
        if solver.certificate(problem, state) is not None:
            reported["certificate"] = jnp.zeros(())
        return self.function(model, truth, problem, solver, state), reported
