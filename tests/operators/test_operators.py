"""What holds for every operator, whatever it computes."""

import equinox as eqx
import jax
import jax.export
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pytest

from recover.operators import AbstractStructuredOperator, TransposedOperator

from .conftest import CASES, FEW


def _tolerance(dtype):
    return {"rtol": 0, "atol": 3e-5 if dtype == np.float32 else 1e-12}


def _vectors(generator, operator, dtype):
    return (
        jnp.asarray(generator.normal(size=operator.in_size()), dtype),
        jnp.asarray(generator.normal(size=operator.out_size()), dtype),
    )


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float64"], indirect=True)  # float32 is what the test of vmap runs in
def test_products_and_dense_form_agree_with_the_definition(name, dtype, generator):
    operator = CASES[name].draw(generator, dtype)
    matrix = CASES[name].matrix(operator)
    x, z = _vectors(generator, operator, dtype)
    image, preimage, dense = jax.jit(lambda o, x, z: (o.mv(x), o.T.mv(z), o.as_matrix()))(operator, x, z)
    for array in (image, preimage, dense):
        assert array.dtype == dtype
    np.testing.assert_allclose(image, matrix @ np.asarray(x), **_tolerance(dtype))
    np.testing.assert_allclose(preimage, matrix.T @ np.asarray(z), **_tolerance(dtype))
    np.testing.assert_allclose(dense, matrix, **_tolerance(dtype))
    inner = np.vdot(image, z), np.vdot(x, preimage)
    np.testing.assert_allclose(*inner, rtol=0, atol=10 * _tolerance(dtype)["atol"])


@pytest.mark.parametrize("name", FEW)
def test_works_without_jit_and_transposing_twice_is_the_identity(name, generator):
    operator = CASES[name].draw(generator, np.dtype("float32"))
    x, _ = _vectors(generator, operator, np.float32)
    expected = CASES[name].matrix(operator) @ np.asarray(x)
    np.testing.assert_allclose(operator.mv(x), expected, **_tolerance(np.dtype("float32")))
    assert operator.T.T is operator


@pytest.mark.parametrize("name", FEW)
def test_structures(name, dtype, generator):
    operator = CASES[name].draw(generator, dtype)
    rows, columns = CASES[name].matrix(operator).shape
    assert operator.in_structure() == operator.T.out_structure() == jax.ShapeDtypeStruct((columns,), dtype)
    assert operator.out_structure() == operator.T.in_structure() == jax.ShapeDtypeStruct((rows,), dtype)


def test_float32_vectors_stay_float32_where_64_bits_are_on(generator):
    with jax.enable_x64(True):
        for name in FEW:
            operator = CASES[name].draw(generator, np.dtype("float64"))
            x, z = _vectors(generator, operator, np.float32)
            image, preimage = jax.eval_shape(lambda x, z, operator=operator: (operator.mv(x), operator.T.mv(z)), x, z)
            assert image.dtype == preimage.dtype == np.float32


@pytest.mark.parametrize("name", FEW)
def test_vmap_equals_loop(name, generator):
    dtype = np.dtype("float32")
    drawn = [CASES[name].draw(generator, dtype) for _ in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *drawn)
    xs = jnp.asarray(generator.normal(size=(3, drawn[0].in_size())), dtype)
    zs = jnp.asarray(generator.normal(size=(3, drawn[0].out_size())), dtype)

    def products(operator, x, z):
        return operator.mv(x), operator.T.mv(z)

    @jax.jit
    def batched(stacked, xs, zs):
        lone = jax.tree.map(lambda leaf: leaf[0], stacked)
        both = jax.vmap(products)(stacked, xs, zs)
        vectors = jax.vmap(products, in_axes=(None, 0, 0))(lone, xs, zs)
        # Batching over the operator alone needs a leaf to batch over.
        operators = jax.vmap(lambda operator, _: products(operator, xs[0], zs[0]))(stacked, jnp.arange(3))
        return both, vectors, operators

    matrices = [CASES[name].matrix(operator) for operator in drawn]
    both, vectors, operators = batched(stacked, xs, zs)
    for i in range(3):
        for (image, preimage), matrix, lane in (
            (both, matrices[i], i),
            (vectors, matrices[0], i),
            (operators, matrices[i], 0),
        ):
            assert image.dtype == preimage.dtype == dtype
            np.testing.assert_allclose(image[i], matrix @ np.asarray(xs[lane]), **_tolerance(dtype))
            np.testing.assert_allclose(preimage[i], matrix.T @ np.asarray(zs[lane]), **_tolerance(dtype))


@pytest.mark.parametrize("name", FEW)
def test_gradients_are_the_other_product(name, generator):
    with jax.enable_x64(True):
        operator = CASES[name].draw(generator, np.dtype("float64"))
        x, z = _vectors(generator, operator, np.float64)

        @jax.jit
        def differentiated(operator, x, z):
            image, preimage = operator.mv(x), operator.T.mv(z)
            by_x = jax.grad(lambda x: jnp.vdot(z, operator.mv(x)))(x)
            by_z = jax.grad(lambda z: jnp.vdot(x, operator.T.mv(z)))(z)
            _, tangent = jax.jvp(operator.mv, (x,), (2 * x,))
            return (by_x, by_z, tangent), (preimage, image, 2 * image)

        for got, expected in zip(*differentiated(operator, x, z), strict=True):
            np.testing.assert_allclose(got, expected, atol=1e-12)


@pytest.mark.parametrize("name", FEW)
def test_lowers_everywhere(name, generator):
    operator = CASES[name].draw(generator, np.dtype("float32"))
    x, z = _vectors(generator, operator, np.float32)
    leaves, structure = jax.tree.flatten(operator)

    def products(leaves, xs, zs):
        operator = jax.tree.unflatten(structure, leaves)
        return jax.vmap(operator.mv)(xs), jax.vmap(operator.T.mv)(zs)

    platforms = ("cpu", "cuda", "tpu")
    exported = jax.export.export(jax.jit(products), platforms=platforms)(leaves, x[None], z[None])
    assert exported.platforms == platforms


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("dtype", ["float32"], indirect=True)
def test_row_scale_composition(name, dtype, generator):
    operator = CASES[name].draw(generator, dtype)
    matrix = CASES[name].matrix(operator)
    rows = operator.out_size()
    row_scale = jnp.asarray(generator.integers(0, 2, size=(3, rows)), dtype)
    x, z = _vectors(generator, operator, dtype)

    def products(row_scale, operator, x, z):
        composed = lx.DiagonalLinearOperator(row_scale) @ operator
        return composed.mv(x), composed.T.mv(z), composed.as_matrix()

    image, preimage, dense = jax.jit(jax.vmap(products, in_axes=(0, None, None, None)))(row_scale, operator, x, z)
    for i in range(3):
        expected = np.asarray(row_scale[i])[:, None] * matrix
        np.testing.assert_allclose(image[i], expected @ np.asarray(x), **_tolerance(dtype))
        np.testing.assert_allclose(preimage[i], expected.T @ np.asarray(z), **_tolerance(dtype))
        np.testing.assert_allclose(dense[i], expected, **_tolerance(dtype))


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("dtype", ["float64"], indirect=True)
def test_design_composition(name, dtype, generator):
    operator = CASES[name].draw(generator, dtype)
    design = jnp.asarray(generator.normal(size=(5, operator.out_size())), dtype)
    expected = np.asarray(design) @ CASES[name].matrix(operator)
    x, _ = _vectors(generator, operator, dtype)
    z = jnp.asarray(generator.normal(size=5), dtype)
    tolerance = {"rtol": 0, "atol": 10 * _tolerance(dtype)["atol"]}

    @jax.jit
    def products(design, operator, x, z):
        composed = lx.MatrixLinearOperator(design) @ operator
        return composed.mv(x), composed.T.mv(z), composed.as_matrix()

    image, preimage, dense = products(design, operator, x, z)
    np.testing.assert_allclose(image, expected @ np.asarray(x), **tolerance)
    np.testing.assert_allclose(preimage, expected.T @ np.asarray(z), **tolerance)
    np.testing.assert_allclose(dense, expected, **tolerance)


@pytest.mark.parametrize("name", FEW)
def test_lineax_questions_have_answers(name, generator):
    operator = CASES[name].draw(generator, np.dtype("float32"))
    triangular = name == "autoregressive"
    for candidate, transposed in ((operator, False), (operator.T, True)):
        for question in (
            lx.has_unit_diagonal,
            lx.is_diagonal,
            lx.is_negative_semidefinite,
            lx.is_positive_semidefinite,
            lx.is_symmetric,
            lx.is_tridiagonal,
        ):
            assert question(candidate) is False
        assert lx.is_upper_triangular(candidate) is (triangular and not transposed)
        assert lx.is_lower_triangular(candidate) is (triangular and transposed)
        assert lx.linearise(candidate) is candidate
        assert lx.conj(candidate) is candidate
        materialised, dense, diagonal, bands = jax.jit(
            lambda o: (lx.materialise(o), o.as_matrix(), lx.diagonal(o), lx.tridiagonal(o))
        )(candidate)
        assert isinstance(materialised, lx.MatrixLinearOperator)
        matrix = CASES[name].matrix(operator)
        np.testing.assert_allclose(dense, matrix.T if transposed else matrix, **_tolerance(np.dtype("float32")))
        np.testing.assert_array_equal(materialised.as_matrix(), dense)
        np.testing.assert_array_equal(diagonal, np.diagonal(dense))
        for got, offset in zip(bands, (0, -1, 1), strict=True):
            np.testing.assert_array_equal(got, np.diagonal(dense, offset))


def test_lineax_solves_with_them(generator):
    with jax.enable_x64(True):
        for name in ("cosine signed odd", "autoregressive"):
            operator = CASES[name].draw(generator, np.dtype("float64"))
            observed = jnp.asarray(generator.normal(size=operator.out_size()))
            solution = lx.linear_solve(operator, observed, lx.AutoLinearSolver(well_posed=False), throw=False)
            np.testing.assert_allclose(operator.mv(solution.value), observed, atol=1e-9)


def test_every_class_is_abstract_or_final(generator):
    for case in CASES.values():
        operator = case.draw(generator, np.dtype("float32"))
        assert isinstance(operator, AbstractStructuredOperator)
        assert type(operator).__bases__ == (AbstractStructuredOperator,)
        assert isinstance(operator.T, TransposedOperator)


@pytest.mark.parametrize("name", FEW)
def test_passes_through_filtered_transforms(name, generator):
    operator = CASES[name].draw(generator, np.dtype("float32"))
    x, _ = _vectors(generator, operator, np.float32)
    traces = []

    @eqx.filter_jit
    def product(operator, x):
        traces.append(None)
        return operator.mv(x)

    product(operator, x)
    product(CASES[name].draw(generator, np.dtype("float32")), x)
    assert len(traces) == 1
