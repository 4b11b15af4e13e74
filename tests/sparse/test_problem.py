import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pytest

import recover as rc

A = np.random.default_rng(0).standard_normal((30, 50))
X = np.zeros(50)
X[[3, 17, 40]] = [1.0, -2.0, 0.5]


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray, lambda a: lx.MatrixLinearOperator(jnp.asarray(a))])
def test_own_data_numpy_jax_or_operator(convert):
    problem = rc.LinearProblem(convert(A), A @ X)
    assert problem.observations.dtype == jnp.float32
    assert (problem.rows, problem.dimension, int(problem.samples)) == (30, 50, 30)
    np.testing.assert_allclose(problem.residual(jnp.asarray(X, jnp.float32)), 0, atol=1e-5)
    np.testing.assert_allclose(problem.adjoint(problem.observations), A.T @ (A @ X), rtol=1e-4)
    np.testing.assert_allclose(problem.column_norm, np.sqrt((A**2).sum(axis=0).mean()), rtol=1e-5)


def test_integer_data_becomes_floating():
    problem = rc.LinearProblem(np.eye(3, dtype=int), np.arange(3))
    assert problem.observations.dtype == problem.operator.out_structure().dtype == jnp.float32


def test_a_function_linear_operator_is_enough():
    operator = lx.FunctionLinearOperator(lambda x: jnp.cumsum(x), jax.ShapeDtypeStruct((8,), jnp.float32))
    problem = rc.LinearProblem(operator, np.cumsum(np.eye(8)[2]))
    assert problem.dimension == 8


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"operator": A[0]}, ValueError, "a matrix has two axes"),
        ({"observations": np.zeros(29)}, ValueError, "must be the same vector shape"),
        ({"samples": 31}, ValueError, "`samples` is 31; an integer from 1 to 30"),
        ({"sparsity": 51}, ValueError, "`sparsity` is 51; an integer from 0 to 50"),
        ({"sparsity": 2.5}, ValueError, "`sparsity` is 2.5"),
    ],
)
def test_bad_data_is_named(arguments, error, message):
    arguments = {"operator": A, "observations": A @ X, **arguments}
    with pytest.raises(error, match=message):
        rc.LinearProblem(**arguments)
