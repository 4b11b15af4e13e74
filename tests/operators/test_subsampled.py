"""Row-sampled transforms: normalisation, sizes, repeated rows and errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.fft
import scipy.linalg

from recover.operators import SubsampledCirculant, SubsampledCosine, SubsampledHadamard


@pytest.mark.parametrize(
    ("dimension", "dtype"), [(1, "float64"), (2, "float64"), (3, "float64"), (45, "float32")], indirect=["dtype"]
)
def test_cosine_agrees_with_scipy(dimension, dtype, generator):
    x = generator.normal(size=dimension)
    operator = SubsampledCosine(np.arange(dimension), dimension, dtype=dtype)
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    image, back = jax.jit(lambda o, x: (o.mv(x), o.T.mv(o.mv(x))))(operator, jnp.asarray(x, dtype))
    np.testing.assert_allclose(image, scipy.fft.dct(x, norm="ortho"), rtol=0, atol=tolerance)
    np.testing.assert_allclose(back, x, rtol=0, atol=tolerance)


@pytest.mark.parametrize("bits", [0, 7, 8, 10])
@pytest.mark.parametrize("dtype", ["float64"], indirect=True)
def test_hadamard_agrees_with_scipy(bits, dtype, generator):
    n = 2**bits
    x = generator.normal(size=n)
    operator = SubsampledHadamard(np.arange(n), n, dtype=dtype)
    expected = scipy.linalg.hadamard(n) @ x / np.sqrt(n)
    np.testing.assert_allclose(
        operator.mv(jnp.asarray(x, dtype)), expected, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-13
    )


def test_hadamard_of_a_million_coordinates(generator):
    n = 2**20
    x = jnp.asarray(generator.normal(size=n), jnp.float32)
    operator = SubsampledHadamard(np.arange(n), n)
    program = jax.jit(lambda operator, x: operator.mv(x))
    assert program.lower(operator, x).compile().memory_analysis().temp_size_in_bytes < 100 * n
    once = program(operator, x)
    np.testing.assert_allclose(program(operator, once), x, atol=2e-5)
    # The last row alternates with the parity of the binary digits.
    parity = np.array([1.0])
    for _ in range(20):
        parity = np.concatenate([parity, -parity])
    np.testing.assert_allclose(once[-1], parity @ np.asarray(x, np.float64) / np.sqrt(n), atol=1e-4)


def test_rows_are_orthonormal(generator):
    indices = generator.choice(64, 30, replace=False)
    signs = generator.choice([-1, 1], 64)
    for operator in (SubsampledCosine(indices, 64, signs), SubsampledHadamard(indices, 64)):
        matrix = operator.as_matrix()
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(30), atol=2e-6)


def test_repeated_rows_add_up_in_the_transpose(generator):
    rows = SubsampledHadamard(np.arange(8), 8).as_matrix()
    z = jnp.asarray(generator.normal(size=4), jnp.float32)
    got = SubsampledHadamard(np.array([3, 3, 0, 3]), 8).T.mv(z)
    np.testing.assert_allclose(got, (z[0] + z[1] + z[3]) * rows[3] + z[2] * rows[0], atol=1e-6)


def test_traced_index_past_the_end_is_an_empty_row():
    def products(indices):
        operator = SubsampledCosine(indices, 8)
        return operator.mv(jnp.ones(8)), operator.T.mv(jnp.array([0.0, 5.0]))

    image, preimage = jax.jit(products)(np.array([0, 8]))
    np.testing.assert_allclose(image, [np.sqrt(8), 0], rtol=1e-6)
    np.testing.assert_array_equal(preimage, np.zeros(8))


def test_circulant_convolves_and_is_differentiable(generator):
    with jax.enable_x64(True):
        column, x, z = (jnp.asarray(generator.normal(size=9)) for _ in range(3))

        def inner(column):
            return jnp.vdot(z, SubsampledCirculant(np.arange(9), column).mv(x))

        matrix = scipy.linalg.circulant(np.asarray(column))
        np.testing.assert_allclose(inner(column), np.asarray(z) @ matrix @ np.asarray(x), atol=1e-12)
        # The product is symmetric in column and signal, so its gradient is another correlation.
        expected = scipy.linalg.circulant(np.asarray(x)).T @ np.asarray(z)
        np.testing.assert_allclose(jax.grad(inner)(column), expected, atol=1e-12)


def test_announced_dtype_follows_the_leaves_or_the_default():
    with jax.enable_x64(True):
        assert SubsampledHadamard(np.arange(2), 4).in_structure().dtype == np.float64
        assert SubsampledCosine(np.arange(2), 4, np.ones(4, np.float32)).in_structure().dtype == np.float32
        assert SubsampledCosine(np.arange(2), 4, np.ones(4, np.int8)).in_structure().dtype == np.float64
        assert SubsampledHadamard(np.arange(2), 4, dtype="float32").in_structure().dtype == np.float32
    with jax.enable_x64(False):
        assert SubsampledHadamard(np.arange(2), 4).in_structure().dtype == np.float32
        assert SubsampledCirculant(np.arange(2), np.ones(4)).in_structure().dtype == np.float32


@pytest.mark.parametrize(
    ("construct", "words"),
    [
        (
            lambda: SubsampledHadamard(np.arange(3), 12),
            ["SubsampledHadamard", "dimension=12", "powers of two"],
        ),
        (lambda: SubsampledHadamard(np.arange(3), 0), ["SubsampledHadamard", "dimension=0", "powers of two"]),
        (lambda: SubsampledHadamard([0, 4], 4), ["SubsampledHadamard", "indices", "0 to 4", "0 to 3"]),
        (lambda: SubsampledCosine([-1, 2], 4), ["SubsampledCosine", "indices", "-1 to 2", "0 to 3"]),
        (lambda: SubsampledCosine([0.5], 4), ["SubsampledCosine", "indices", "float64", "integers"]),
        (
            lambda: SubsampledCosine(np.zeros((1, 1), int), 4),
            ["SubsampledCosine", "indices", "(1, 1)", "vector"],
        ),
        (lambda: SubsampledCosine(np.arange(0), -1), ["SubsampledCosine", "dimension=-1", "at least 1"]),
        (lambda: SubsampledCosine([0], 4, np.ones(3)), ["SubsampledCosine", "signs", "(3,)", "(4,)"]),
        (lambda: SubsampledCosine([0], 4, np.full(4, 0.5)), ["SubsampledCosine", "signs", "+1 and -1"]),
        (lambda: SubsampledCirculant([4], np.ones(4)), ["SubsampledCirculant", "indices", "0 to 3"]),
        (
            lambda: SubsampledCirculant([0], np.ones(4) * 1j),
            ["SubsampledCirculant", "first_column", "complex", "real"],
        ),
    ],
)
def test_errors_name_field_value_and_what_is_allowed(construct, words):
    with pytest.raises(ValueError, match=f"^`{words[0]}") as raised:
        construct()
    for word in words[1:]:
        assert word in str(raised.value)
