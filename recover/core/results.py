"""How a solve ended: a code whose value is a sentence."""

import equinox as eqx
import jax.tree_util as jtu
import numpy as np

__all__ = ["Result"]


class Result(eqx.Enumeration):
    """Why a solver stopped. Array-backed: under `jax.vmap` every lane keeps its own.

    The names (`Result.converged`, ...) are what sweeps store; the values are sentences for people.
    """

    running = "The solver has not stopped yet."
    converged = "The solver's stopping rule was met."
    stalled = "The solver stopped improving before its stopping rule was met: raise `patience` to let it go on."
    diverged = "The iterates became infinite or not a number: check the data, the scaling or the step size."
    exhausted = "The solver used all its steps before its stopping rule was met: raise `max_steps` to let it go on."
    inaccurate = (
        "Steps became small, but nothing certifies that the answer is near the one sought: `stats['certificate']` says by "
        'how much; better scaled data, another solver or `precision="float64"` may help.'
    )


_NAMES = ("running", "converged", "stalled", "diverged", "exhausted", "inaccurate")


def result_code(result: Result):
    """The integer code of a result (or of a batch of results)."""
    return jtu.tree_leaves(result)[0]


def result_names(codes) -> np.ndarray:
    """The names of a host array of result codes, as an array of strings of the same shape."""
    return np.asarray(_NAMES)[np.asarray(codes)]
