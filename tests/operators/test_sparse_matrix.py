"""Sparse matrices of SciPy and JAX as operators and in linear problems."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse as sp
from jax.experimental import sparse

import recover as rc
from recover.operators import SparseMatrix, mean_column_norm

DENSE = np.where(
    np.random.default_rng(1).uniform(size=(60, 100)) < 0.3, np.random.default_rng(2).normal(size=(60, 100)), 0
)
X = np.zeros(100)
X[:5] = 1.0, -2.0, 1.0, 2.0, -1.0


@pytest.mark.parametrize(
    "convert",
    [
        sp.csr_matrix,
        sp.csc_array,
        sp.coo_array,
        lambda dense: sp.lil_matrix(dense),
        lambda dense: sparse.BCOO.fromdense(jnp.asarray(dense, jnp.float32)),
        lambda dense: sparse.BCOO.fromdense(jnp.asarray(dense, jnp.float32), nse=2500),
        lambda dense: sparse.BCSR.fromdense(jnp.asarray(dense, jnp.float32)),
    ],
)
def test_a_sparse_problem_is_the_dense_one(convert):
    problem, expected = rc.LinearProblem(convert(DENSE), DENSE @ X), rc.LinearProblem(DENSE, DENSE @ X)
    assert isinstance(problem.operator, SparseMatrix)
    assert problem.observations.dtype == problem.operator.out_structure().dtype == jnp.float32
    np.testing.assert_allclose(problem.column_norm, expected.column_norm, rtol=1e-6)
    np.testing.assert_allclose(problem.operator.as_matrix(), DENSE, atol=1e-6)


@pytest.mark.parametrize("solver", [rc.solvers.OMP(sparsity=5), rc.solvers.BasisPursuit(), rc.solvers.FISTA()])
def test_answers_are_those_of_the_dense_matrix(solver):
    data = DENSE / np.linalg.norm(DENSE, axis=0)
    dense, kept = (rc.solve(rc.LinearProblem(each, data @ X), solver) for each in (data, sp.csr_matrix(data)))
    np.testing.assert_allclose(kept.value, dense.value, atol=1e-3)
    np.testing.assert_allclose(kept.value, X, atol=5e-2)


def test_entries_of_one_place_are_summed():
    twice = sp.coo_array(([1.0, 2.0, 5.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 3))
    operator = SparseMatrix.of(twice)
    np.testing.assert_array_equal(operator.as_matrix(), twice.toarray())
    np.testing.assert_allclose(mean_column_norm(operator), np.sqrt((9 + 25) / 3), rtol=1e-6)


def test_integers_become_floats_and_what_cannot_be_is_named():
    assert SparseMatrix.of(sp.eye_array(3, dtype=int)).values.dtype == jnp.float32
    for make, error, message in [
        (
            lambda: rc.LinearProblem(sp.csr_array(DENSE * 1j), DENSE @ X),
            TypeError,
            "LinearProblem: `operator` is complex128",
        ),
        (
            lambda: rc.LinearProblem(sp.csr_array(DENSE * np.inf), DENSE @ X),
            ValueError,
            "LinearProblem: `operator` is not finite",
        ),
        (
            lambda: rc.LinearProblem(sp.csr_array(DENSE), X),
            ValueError,
            r"has shape \(100,\), but the operator maps to \(60,\)",
        ),
        (
            lambda: SparseMatrix.of(sparse.BCOO.fromdense(jnp.ones((2, 3)), n_batch=1)),
            ValueError,
            "batch or dense axes",
        ),
        (
            lambda: SparseMatrix(jnp.ones(2), jnp.zeros(2, int), jnp.ones(2, int), (1, 1)),
            ValueError,
            "`columns` holds .* to 1",
        ),
    ]:
        with jax.numpy_dtype_promotion("standard"), np.errstate(invalid="ignore"), pytest.raises(error, match=message):
            make()
