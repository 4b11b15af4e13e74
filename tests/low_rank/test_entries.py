"""Completion from entries as people have them: no factor is to be applied."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp

import recover as rc

GENERATOR = np.random.default_rng(0)
LEFT, RIGHT = GENERATOR.standard_normal((12, 1)), GENERATOR.standard_normal((10, 1))
MATRIX, KNOWN = LEFT @ RIGHT.T, GENERATOR.uniform(size=(12, 10)) < 0.6
of_entries = rc.MatrixSensingProblem.of_entries


def test_entries_of_every_container_are_the_same_problem():
    problem = of_entries(np.where(KNOWN, MATRIX, np.nan), KNOWN)
    rows, columns = np.nonzero(KNOWN)
    others = [
        of_entries(np.ma.masked_array(MATRIX, ~KNOWN)),
        of_entries(sp.coo_array((MATRIX[KNOWN], (rows, columns)), shape=MATRIX.shape)),
    ]
    for other in others:
        np.testing.assert_array_equal(other.observations, problem.observations)
        np.testing.assert_array_equal(other.operator.indices, problem.operator.indices)
    np.testing.assert_allclose(problem.forward(jnp.asarray(MATRIX, jnp.float32)), problem.observations, rtol=1e-5)
    np.testing.assert_allclose(problem.observations, np.sqrt(120) * MATRIX[KNOWN], rtol=1e-5)


def test_a_matrix_is_completed():
    solution = rc.solve(of_entries(MATRIX, KNOWN), rc.solvers.ScaledGD(rank=1), max_steps=500)
    np.testing.assert_allclose(solution.value, MATRIX, atol=1e-2 * np.abs(MATRIX).max())


def test_symmetric_entries_on_either_side_of_the_diagonal():
    matrix = LEFT @ LEFT.T
    known = GENERATOR.uniform(size=(12, 12)) < 0.5
    problem = of_entries(matrix, known, symmetric=True)
    np.testing.assert_allclose(
        problem.forward(jnp.asarray(matrix, jnp.float32)), problem.observations, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((MATRIX,), r"`known` is None; truth values of shape \(12, 10\)"),
        ((MATRIX, KNOWN.T), r"`known` has shape \(10, 12\)"),
        ((MATRIX, 0 * KNOWN), "`known` is false everywhere"),
        ((np.full((12, 10), np.nan), KNOWN), "`matrix` is not finite"),
        ((sp.csr_array(MATRIX), KNOWN), "`known` is given with a sparse matrix"),
    ],
)
def test_what_is_no_completion_is_named(arguments, message):
    with pytest.raises(ValueError, match=f"MatrixSensingProblem.of_entries: {message}"):
        of_entries(*arguments)
