"""What is measured of paths of penalised fits and of their dictionaries, and baselines that are exact whatever the condition number."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lars_path
from threadpoolctl import threadpool_limits

from recover import models, solvers

# Breakpoints of a path, in numbers of columns, before it is given up.
_BREAKPOINTS = 8


def along_path(model, truth, problem, solver, state) -> dict[str, Array]:
    """Of a preconditioned LASSO: its error at the best strength, and the truth in its dictionary. Of others only the error.

    `best` is the least prediction error along the path; `ratio` the largest quotient, over the support, of a column's distance
    from the random columns and from the rest of the support, and `farther` the share of columns where it exceeds one;
    `dictionary_norm` is the truth's l1 norm, a bound on that of its predictions' coefficients.
    """
    if not isinstance(solver, solvers.PreconditionedLasso):
        absent = jnp.full((), jnp.nan, problem.observations.dtype)
        best = model.error(truth, solver.estimate(problem, state))
        return {"best": best, "ratio": absent, "farther": absent, "dictionary_norm": absent}
    signal = truth.matrix @ truth.coefficients
    errors = jax.vmap(lambda fit: model.mean_square(fit - signal))(solver.fits(problem, state))
    support = truth.distances > 0
    ratios = jnp.where(support, state.distances * state.norms / jnp.where(support, truth.distances, 1), 0)
    return {
        "best": jnp.min(errors),
        "ratio": jnp.max(ratios),
        "farther": jnp.sum(ratios > 1) / jnp.sum(support),
        "dictionary_norm": jnp.sum(jnp.abs(truth.coefficients) * state.distances),
    }


def baselines(model: models.SparsePrediction, trials: int, seed: int) -> pd.DataFrame:
    """Prediction errors of the LASSO and of ridge regression, each at its best strength, on instances of their own.

    The LASSO by the path of its breakpoints (LARS), which is exact: first-order methods do not reach the small strengths
    that ill-conditioned designs need. Between breakpoints the fit is linear in the strength, and so the best one is found.
    """
    samples, rows = int(model.samples), []
    for trial in range(trials):
        with jax.enable_x64(True):
            problem, truth = model.sample(jax.random.fold_in(jax.random.key(seed), trial))
        matrix, observed = np.asarray(truth.matrix)[:samples], np.asarray(problem.observations)[:samples]
        signal = matrix @ np.asarray(truth.coefficients)
        # Matrices are small: further threads would only wait for each other.
        with threadpool_limits(1), warnings.catch_warnings():
            # Of the last breakpoints, where columns are dependent to rounding: the path ends there.
            warnings.simplefilter("ignore", ConvergenceWarning)
            strengths, _, path = lars_path(matrix, observed, method="lasso", max_iter=_BREAKPOINTS * model.dimension)
            ridge = _ridge(matrix, observed, signal)
        error, at = _least_along(matrix @ path - signal[:, None])
        strength = np.interp(at, np.arange(len(strengths)), strengths) / strengths[0]
        rows.append({"trial": trial, "lasso": error, "strength": strength, "ridge": ridge})
    return pd.DataFrame(rows)


def _least_along(errors: np.ndarray) -> tuple[float, float]:
    """The least mean square on the segments between neighbouring columns, and at which place."""
    first, step = errors[:, :-1], np.diff(errors, axis=1)
    squares = np.maximum((step**2).sum(0), np.finfo(float).tiny)
    share = np.clip(-(first * step).sum(0) / squares, 0, 1)
    found = ((first + share * step) ** 2).mean(0)
    place = int(found.argmin())
    return float(found[place]), place + float(share[place])


def _ridge(matrix: np.ndarray, observed: np.ndarray, signal: np.ndarray) -> float:
    """The least error of ridge regression over strengths from that of the largest singular value down to rounding."""
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    strengths = values[0] ** 2 * np.logspace(1, -16, 120)
    shrunk = values[:, None] ** 2 / (values[:, None] ** 2 + strengths)
    fits = left @ (shrunk * (left.T @ observed)[:, None])
    return float(((fits - signal[:, None]) ** 2).mean(0).min())
