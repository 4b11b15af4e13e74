"""The estimators keep scikit-learn's contract, and fit what our solvers and other estimators do."""

import os

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Lasso, LassoCV, LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

import recover as rc
from recover.sklearn import AMPRegressor, SparseRegressor, SparseRegressorCV

GENERATOR = np.random.default_rng(0)
X = GENERATOR.standard_normal((60, 30))
TRUTH = np.where(np.arange(30) % 8 == 3, 40.0, 0.0)
Y = X @ TRUTH + 3 + GENERATOR.standard_normal(60)


# They share all but the choice of a solver; each check compiles for shapes of its own.
ESTIMATORS = [SparseRegressor(), AMPRegressor(), SparseRegressorCV(strengths=5, cv=3)]


@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::sklearn.exceptions.SkipTestWarning"
)
@parametrize_with_checks(ESTIMATORS if os.environ.get("RECOVER_ALL_CONTRACTS") else ESTIMATORS[:1])
def test_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def test_a_penalty_gives_the_lasso_with_an_intercept():
    ours = SparseRegressor(rc.solvers.FISTA(penalty=10.0)).fit(X, Y)
    theirs = Lasso(10.0 / len(Y), tol=1e-8).fit(X, Y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-2)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-2)
    assert ours.result_ == "converged"


def test_without_a_penalty_it_is_least_squares_whatever_the_scale_of_columns():
    scaled = X * np.geomspace(1, 10, 30)
    ours, theirs = SparseRegressor(standardise=True).fit(scaled, Y), LinearRegression().fit(scaled, Y)
    np.testing.assert_allclose(ours.predict(scaled), theirs.predict(scaled), atol=0.1)


def test_a_greedy_solver_finds_the_support():
    found = SparseRegressor(rc.solvers.OMP(sparsity=4)).fit(X, Y).coef_
    np.testing.assert_array_equal(np.flatnonzero(found), np.flatnonzero(TRUTH))


def test_strengths_are_searched_as_any_parameter():
    solvers = [rc.solvers.OMP(sparsity=k) for k in (1, 4)]
    search = GridSearchCV(SparseRegressor(), {"solver": solvers}, cv=3).fit(X, Y)
    assert search.best_params_["solver"] is solvers[1]


def test_cross_validation_is_that_of_scikit_learn():
    strengths = np.geomspace(200, 1, 8)
    ours = SparseRegressorCV(strengths=strengths, cv=4).fit(X, Y)
    theirs = LassoCV(alphas=strengths / len(Y), cv=4, tol=1e-8).fit(X, Y)
    np.testing.assert_allclose(ours.errors_, theirs.mse_path_, rtol=1e-2)
    np.testing.assert_allclose(ours.strength_, theirs.alpha_ * len(Y), rtol=1e-5)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-2)


def test_a_fit_that_is_no_answer_says_so():
    with pytest.warns(ConvergenceWarning, match="SparseRegressor: the solve ended as 'exhausted'"):
        fitted = SparseRegressor(max_iter=2).fit(X, Y)
    assert fitted.result_ == "exhausted"
    with pytest.raises(TypeError, match="`solver` is 3"):
        SparseRegressor(3).fit(X, Y)
