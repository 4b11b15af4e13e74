r"""Estimators of scikit-learn that fit linear models by our solvers; needs scikit-learn.

Observations are centred (`fit_intercept`), columns brought to variance one (`standardise`), and

$$\min_\beta \tfrac12 \|y - X \beta\|^2 + p(\beta)$$

or whatever else a solver does is solved for them, without a factor of one over the number of samples. Coefficients are those of the
columns as they were given.
"""

import warnings
from numbers import Integral

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import check_cv
from sklearn.utils.validation import check_is_fitted, validate_data

from .core.path import path
from .core.results import Result, result_code, result_names
from .core.solver import AbstractSolver, require_solver
from .core.solving import solve
from .sparse.amp import AMP
from .sparse.problem import LinearProblem
from .sparse.proximal_gradient import FISTA

__all__ = ["AMPRegressor", "SparseRegressor", "SparseRegressorCV"]

# The least strength of a path, over that at which all coefficients vanish.
_LEAST = 1e-3


class _Centred:
    """Rows that are kept, brought to mean zero and perhaps variance one, as a problem; and what undoes it in the answer."""

    def __init__(self, inputs, outcomes, kept, fit_intercept: bool, standardise: bool):
        count = jnp.sum(kept)
        self.mean = kept @ inputs / count if fit_intercept else jnp.zeros_like(inputs[0])
        self.level = kept @ outcomes / count if fit_intercept else jnp.zeros_like(outcomes[0])
        inputs = (inputs - self.mean[None, :]) * kept[:, None]
        size = jnp.sqrt(jnp.sum(inputs**2, axis=0) / count)
        self.scale = jnp.where(size > 0, size, 1) if standardise else jnp.ones_like(size)
        self.inputs, self.outcomes = inputs / self.scale[None, :], (outcomes - self.level) * kept
        self.problem = LinearProblem(self.inputs, self.outcomes)

    def restored(self, coefficients):
        """Coefficients of the columns as they were given, and the intercept."""
        coefficients = coefficients / self.scale
        return coefficients, self.level - coefficients @ self.mean


class _LinearRegressor(RegressorMixin, BaseEstimator):
    """What the regressors share: validation of data, and predictions."""

    def predict(self, X):
        """The predictions for samples, the rows of `X`."""
        check_is_fitted(self)
        return validate_data(self, X, reset=False, dtype=[np.float64, np.float32]) @ self.coef_ + self.intercept_

    def _validated(self, X, y):
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], y_numeric=True, ensure_min_samples=2)
        # Single precision, unless JAX is told otherwise.
        return jnp.asarray(X, float), jnp.asarray(y, float), X.dtype

    def _centred(self, inputs, outcomes, kept=None) -> _Centred:
        kept = jnp.ones_like(outcomes) if kept is None else kept
        return _Centred(inputs, outcomes, kept, self.fit_intercept, self.standardise)

    def _take(self, centred: _Centred, coefficients, result: Result, steps, dtype) -> None:
        """Sets what was fitted; says so where that is no answer."""
        coefficients, intercept = centred.restored(coefficients)
        self.coef_, self.intercept_ = np.asarray(coefficients, dtype), float(intercept)
        self.n_iter_, self.result_ = int(steps), str(result_names(result_code(result)[None])[0])
        if self.result_ != "converged":
            warnings.warn(
                f"{type(self).__name__}: the solve ended as {self.result_!r}.", ConvergenceWarning, stacklevel=3
            )


def _solver(regressor) -> AbstractSolver:
    """The solver that a regressor was given, or `FISTA()`."""
    if regressor.solver is None:
        return FISTA()
    require_solver(type(regressor).__name__, regressor.solver)
    return regressor.solver


class SparseRegressor(_LinearRegressor):
    """Linear regression by any solver of `recover.LinearProblem`.

    After `fit`: `coef_`, `intercept_`, `n_iter_` (steps) and `result_`, how the solve ended; a `ConvergenceWarning` says so unless
    that is "converged".
    """

    def __init__(self, solver=None, *, fit_intercept=True, standardise=False, max_iter=5000):
        """**Arguments:**

        - `solver`: for instance `rc.solvers.OMP(sparsity=5)`, or `rc.solvers.WorkingSet(rc.penalties.MCP(0.1))`; by default
          `FISTA()`, whose penalty is as good as none.
        - `fit_intercept`, `standardise`: whether to centre the data, and to bring columns to variance one for the fit.
        - `max_iter`: the step budget.
        """
        self.solver, self.fit_intercept, self.standardise, self.max_iter = solver, fit_intercept, standardise, max_iter

    def fit(self, X, y):
        """Fits outcomes `y` of samples, the rows of `X`.

        **Raises:** `ValueError` for data that are no finite numbers of fitting shapes, or a step budget that is none; `TypeError`
        for what is no solver.
        """
        inputs, outcomes, dtype = self._validated(X, y)
        centred = self._centred(inputs, outcomes)
        solution = solve(centred.problem, self._chosen(), max_steps=self.max_iter)
        self._take(centred, solution.value, solution.result, solution.stats["steps"], dtype)
        return self

    def _chosen(self) -> AbstractSolver:
        return _solver(self)


class AMPRegressor(SparseRegressor):
    """Linear regression by approximate message passing, for designs with independent entries."""

    def __init__(self, *, fit_intercept=True, standardise=True, max_iter=1000):
        """**Arguments:** those of `SparseRegressor`, but for the solver."""
        self.fit_intercept, self.standardise, self.max_iter = fit_intercept, standardise, max_iter

    def _chosen(self) -> AbstractSolver:
        return AMP()


class SparseRegressorCV(_LinearRegressor):
    r"""Penalised regression whose strength is chosen by cross-validation.

    All folds are one program: a path of falling strengths for each, side by side, every fit from the one before. A fold with a share
    $a$ of the samples has $a$ times the strength.

    After `fit`: what `SparseRegressor` has, and `strengths_`, `errors_` (mean squared errors on samples left out, strengths by
    folds) and `strength_`, that of the least mean error.
    """

    def __init__(self, solver=None, *, strengths=50, cv=None, fit_intercept=True, standardise=False, max_iter=5000):
        """**Arguments:** those of `SparseRegressor`, and

        - `solver`: one with a penalty that can start from an estimate, `FISTA()` by default.
        - `strengths`: how many, from the least one at which all coefficients vanish down to a thousandth of it, or these.
        - `cv`: folds as scikit-learn takes them, five by default.
        """
        self.solver, self.strengths, self.cv = solver, strengths, cv
        self.fit_intercept, self.standardise, self.max_iter = fit_intercept, standardise, max_iter

    def fit(self, X, y):
        """Fits outcomes `y` of samples, the rows of `X`.

        **Raises:** as `SparseRegressor`, and `TypeError` for a solver that cannot start from an estimate.
        """
        inputs, outcomes, dtype = self._validated(X, y)
        solver = _solver(self)
        kept = np.stack([np.isin(np.arange(len(y)), training) for training, _ in check_cv(self.cv).split(X, y)])
        whole = self._centred(inputs, outcomes)
        strengths = self.strengths
        if isinstance(strengths, Integral):
            largest = jnp.max(jnp.abs(whole.outcomes @ whole.inputs))
            strengths = jnp.where(largest > 0, largest, 1) * np.geomspace(1, _LEAST, strengths)
        strengths = jnp.sort(jnp.asarray(strengths, float))[::-1]

        def along(centred: _Centred, strengths):
            return path(centred.problem, solver, "penalty", strengths, max_steps=self.max_iter)

        def errors(kept):
            centred = self._centred(inputs, outcomes, kept)
            found = along(centred, strengths * jnp.mean(kept)).value
            coefficients, intercepts = jax.vmap(centred.restored)(found)
            misses = outcomes[None, :] - coefficients @ inputs.T - intercepts[:, None]
            return misses**2 @ (1 - kept) / jnp.sum(1 - kept)

        self.errors_ = np.asarray(jax.vmap(errors, out_axes=1)(jnp.asarray(kept, float)))
        best = int(np.argmin(self.errors_.mean(axis=1)))
        chosen = jax.tree.map(lambda leaf: leaf[best], along(whole, strengths))
        self.strengths_, self.strength_ = np.asarray(strengths), float(strengths[best])
        self._take(whole, chosen.value, chosen.result, chosen.stats["steps"], dtype)
        return self
