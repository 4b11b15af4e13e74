"""What every operator test needs: strict promotion, a seeded generator, and the list of operators."""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pytest
import scipy.sparse as sp

from recover.operators import (
    AutoregressiveFactor,
    SparseMatrix,
    SubsampledCirculant,
    SubsampledCosine,
    SubsampledHadamard,
    WaveletSynthesis,
)


class Case(NamedTuple):
    """An operator of every kind: how to draw one for a dtype, and its matrix, written down independently."""

    draw: Callable[[np.random.Generator, np.dtype], lx.AbstractLinearOperator]
    matrix: Callable[[lx.AbstractLinearOperator], np.ndarray]


def cosine_matrix(operator):
    """The definition of the orthonormal DCT-II."""
    n = operator.dimension
    rows, columns = np.arange(n)[:, None], np.arange(n)[None, :]
    matrix = np.sqrt(2 / n) * np.cos(np.pi * rows * (2 * columns + 1) / (2 * n))
    matrix[0] /= np.sqrt(2)
    signs = np.ones(n) if operator.signs is None else np.asarray(operator.signs)
    return matrix[np.asarray(operator.indices)] * signs


def hadamard_matrix(operator):
    """The definition by counting common binary digits."""
    n = operator.dimension
    counts = np.array([[bin(row & column).count("1") for column in range(n)] for row in range(n)])
    return ((-1.0) ** counts / np.sqrt(n))[np.asarray(operator.indices)]


def circulant_matrix(operator):
    """The definition by shifts of the first column."""
    column = np.asarray(operator.first_column)
    shifts = (np.arange(column.size)[:, None] - np.arange(column.size)[None, :]) % column.size
    return column[shifts][np.asarray(operator.indices)]


def autoregressive_matrix(operator):
    """The Cholesky factor, by NumPy."""
    lags = np.abs(np.arange(operator.dimension)[:, None] - np.arange(operator.dimension)[None, :])
    return np.linalg.cholesky(float(operator.correlation) ** lags).T


def wavelet_matrix(operator):
    """The synthesis of every unit vector by PyWavelets."""
    pywt = pytest.importorskip("pywt")
    with warnings.catch_warnings():
        # PyWavelets would rather not go so deep; periodisation stays orthonormal all the same.
        warnings.simplefilter("ignore", UserWarning)
        template = pywt.wavedecn(
            np.zeros(operator.shape), operator.wavelet, mode="periodization", level=operator.levels
        )
    _, slices = pywt.coeffs_to_array(template)
    columns = []
    for unit in np.eye(np.prod(operator.shape)):
        coefficients = pywt.array_to_coeffs(unit.reshape(operator.shape), slices, output_format="wavedecn")
        columns.append(pywt.waverecn(coefficients, operator.wavelet, mode="periodization").reshape(-1))
    return np.stack(columns, axis=1)


def _choice(generator, dimension, size):
    return jnp.asarray(generator.choice(dimension, size, replace=False))


def _cosine(dimension, size, signed):
    def draw(generator, dtype):
        signs = jnp.asarray(generator.choice([-1.0, 1.0], dimension), dtype) if signed else None
        return SubsampledCosine(_choice(generator, dimension, size), dimension, signs, dtype=dtype)

    return Case(draw, cosine_matrix)


def _hadamard(dimension, size):
    return Case(
        lambda generator, dtype: SubsampledHadamard(_choice(generator, dimension, size), dimension, dtype=dtype),
        hadamard_matrix,
    )


def _circulant(dimension, size):
    return Case(
        lambda generator, dtype: SubsampledCirculant(
            _choice(generator, dimension, size), jnp.asarray(generator.normal(size=dimension), dtype)
        ),
        circulant_matrix,
    )


def _autoregressive(dimension, correlation):
    return Case(
        lambda generator, dtype: AutoregressiveFactor(jnp.asarray(correlation, dtype), dimension),
        autoregressive_matrix,
    )


def sparse_matrix(operator):
    """The entries by SciPy, those of one place summed."""
    places = (np.asarray(operator.rows), np.asarray(operator.columns))
    return sp.coo_array((np.asarray(operator.values), places), shape=operator.shape).toarray()


def _sparse(rows, columns, entries):
    def draw(generator, dtype):
        places = [jnp.asarray(generator.integers(0, size, entries), jnp.int32) for size in (rows, columns)]
        return SparseMatrix(jnp.asarray(generator.normal(size=entries), dtype), *places, (rows, columns))

    return Case(draw, sparse_matrix)


def _wavelet(shape, wavelet, levels):
    return Case(lambda generator, dtype: WaveletSynthesis(shape, wavelet, levels, dtype=dtype), wavelet_matrix)


CASES = {
    "cosine": _cosine(24, 10, signed=False),
    "cosine signed odd": _cosine(15, 6, signed=True),
    "cosine one": _cosine(1, 1, signed=True),
    "hadamard one factor": _hadamard(32, 12),
    "hadamard two factors": _hadamard(256, 9),
    "circulant": _circulant(20, 7),
    "circulant odd": _circulant(13, 13),
    "sparse": _sparse(9, 14, 40),
    "autoregressive": _autoregressive(23, -0.8),
    "wavelet": _wavelet((32,), "db4", 2),
    "wavelet image": _wavelet((8, 12), "db2", 2),
    "wavelet long filter": _wavelet((8,), "sym5", 3),
}

# One per kind, for the checks that compile a lot.
FEW = ["cosine signed odd", "hadamard two factors", "circulant", "autoregressive", "sparse", "wavelet image"]


@pytest.fixture(autouse=True)
def strict():
    """Implicit promotion of dtypes or ranks is an error in these tests."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Both precisions, with 64 bits switched on exactly where they are needed."""
    with jax.enable_x64(request.param == "float64"):
        yield np.dtype(request.param)


@pytest.fixture
def generator():
    """A seeded NumPy generator."""
    return np.random.default_rng(20240607)
