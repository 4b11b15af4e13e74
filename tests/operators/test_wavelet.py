"""Wavelets against PyWavelets, and orthonormality."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover.operators import WaveletSynthesis

pywt = pytest.importorskip("pywt")


@pytest.mark.parametrize(
    ("shape", "wavelet", "levels"),
    [
        ((64,), "haar", 6),
        ((64,), "db4", 3),
        ((16,), "sym5", 4),
        ((32,), "coif2", 1),
        ((16, 8), "db2", 3),
        ((4, 8, 4), "db3", 2),
    ],
)
@pytest.mark.filterwarnings("ignore:Level value:UserWarning")
def test_coefficients_are_those_of_pywavelets(shape, wavelet, levels, generator):
    with jax.enable_x64(True):
        signal = generator.normal(size=shape)
        operator = WaveletSynthesis(shape, wavelet, levels)
        coefficients = jax.jit(operator.T.mv)(jnp.asarray(signal.reshape(-1)))
        decomposed = pywt.wavedecn(signal, wavelet, mode="periodization", level=levels)
        expected, _ = pywt.coeffs_to_array(decomposed)
        np.testing.assert_allclose(coefficients.reshape(shape), expected, atol=1e-10)
        np.testing.assert_allclose(jnp.sum(coefficients**2), np.sum(signal**2), rtol=1e-10)
        reconstructed = jax.jit(operator.mv)(coefficients)
        np.testing.assert_allclose(reconstructed.reshape(shape), signal, atol=1e-10)


@pytest.mark.parametrize(("shape", "levels"), [((64,), 4), ((48,), 3), ((8,), 1), ((256, 64), 4), ((2,), 1)])
def test_default_levels(shape, levels):
    assert WaveletSynthesis(shape).levels == levels


def test_matrix_is_orthogonal():
    matrix = WaveletSynthesis((4, 8), "db3", 2).as_matrix()
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(32), atol=2e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((12,), "db4", 3), r"shape=\(12,\), levels=3.*2\*\*levels = 8"),
        (((16, 6), "db4", 2), r"shape=\(16, 6\), levels=2.*2\*\*levels = 4"),
        (((16,), "db4", 0), r"levels=0.*at least 1"),
        (((), "db4", 1), r"shape=\(\).*positive sides"),
        (((16,), "bior2.2", 1), r"wavelet='bior2.2'.*not orthogonal"),
        (((16,), "dmey", 1), r"wavelet='dmey'.*not orthogonal"),
        (((16,), "morlet", 1), r"wavelet='morlet'.*orthogonal discrete wavelets"),
        (((15,), "haar", None), r"shape=\(15,\), levels=1"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        WaveletSynthesis(*arguments)
