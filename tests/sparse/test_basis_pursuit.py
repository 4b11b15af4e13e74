"""Basis pursuit with more rows than columns."""

import numpy as np
import pytest

import recover as rc

TALL = np.random.default_rng(0).standard_normal((30, 12))
X = np.random.default_rng(1).standard_normal(12)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_more_rows_than_columns_are_least_squares(noise):
    data = TALL @ X + noise * np.random.default_rng(2).standard_normal(30)
    solution = rc.solve(rc.LinearProblem(TALL, data), rc.solvers.BasisPursuit())
    assert solution.result == rc.Result.converged
    np.testing.assert_allclose(solution.value, np.linalg.lstsq(TALL, data)[0], atol=1e-4)


def test_room_for_more_rows_changes_nothing():
    few, x = TALL[:8], X * (np.arange(12) < 2)
    padded = np.concatenate([few, np.zeros((10, 12))])
    plain = rc.solve(rc.LinearProblem(few, few @ x), rc.solvers.BasisPursuit())
    wide = rc.solve(rc.LinearProblem(padded, padded @ x, samples=8), rc.solvers.BasisPursuit())
    np.testing.assert_allclose(plain.value, x, atol=1e-3)
    np.testing.assert_allclose(wide.value, plain.value, atol=1e-3)
