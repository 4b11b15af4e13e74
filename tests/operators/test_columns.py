"""Selected columns of operators, and products with the transpose, against the dense form."""

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pytest

from recover.operators.columns import column, columns
from recover.operators.transposed import transposed_product
from recover.operators.weighted_columns import WeightedColumns

from .conftest import CASES, FEW


def _same(operator, matrix, tolerance):
    read = jax.jit(lambda operator, index: column(operator, index))
    for index in (0, 2, matrix.shape[1] - 1):
        np.testing.assert_allclose(read(operator, jnp.asarray(index, jnp.int32)), matrix[:, index], atol=tolerance)
    several = np.asarray([2, 0, matrix.shape[1] - 1], np.int32)
    found = jax.jit(lambda operator, indices: columns(operator, indices))(operator, jnp.asarray(several))
    np.testing.assert_allclose(found, np.asarray(matrix).T[several], atol=tolerance)


@pytest.mark.parametrize("name", FEW)
def test_a_column_is_that_of_the_dense_form(name, generator):
    operator = CASES[name].draw(generator, np.dtype("float32"))
    _same(operator, CASES[name].matrix(operator), 3e-5)


def test_columns_of_matrices_are_read_and_not_computed(generator):
    matrix = jnp.asarray(generator.normal(size=(4, 6)), jnp.float32)
    scale = jnp.asarray(generator.normal(size=4), jnp.float32)
    weights = jnp.asarray(generator.normal(size=6), jnp.float32)
    stored = lx.MatrixLinearOperator(matrix)
    _same(stored, matrix, 0)
    scaled = lx.DiagonalLinearOperator(scale) @ stored
    _same(scaled, scale[:, None] * matrix, 1e-6)
    _same(WeightedColumns(stored, weights), matrix * weights[None, :], 1e-6)
    index = jnp.asarray(3, jnp.int32)
    for operator in (stored, scaled, WeightedColumns(stored, weights)):
        assert "dot_general" not in str(jax.make_jaxpr(lambda index, operator=operator: column(operator, index))(index))


def test_products_with_the_transpose_are_those_of_the_transposed_operator(generator):
    matrix = jnp.asarray(generator.normal(size=(4, 6)), jnp.float32)
    scale = jnp.asarray(generator.normal(size=4), jnp.float32)
    weights = jnp.asarray(generator.normal(size=6), jnp.float32)
    vectors = jnp.asarray(generator.normal(size=(3, 4)), jnp.float32)
    stored = lx.MatrixLinearOperator(matrix)
    for operator in (stored, lx.DiagonalLinearOperator(scale) @ stored, WeightedColumns(stored, weights)):
        expected = vectors @ operator.as_matrix()
        found = jax.vmap(lambda vector, operator=operator: transposed_product(operator, vector))(vectors)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert "transpose" not in str(jax.make_jaxpr(lambda vector: transposed_product(stored, vector))(vectors[0]))
