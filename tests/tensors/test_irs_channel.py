import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.model import in_default_precision
from tests.compiled import compiled


@pytest.fixture(scope="module")
def surface():
    model = rc.models.IRSChannel(
        patterns=4, pilots=3, snr=np.inf, spread=2, mobile_antennas=3, base_antennas=5, elements=12, grid=6
    )
    model = in_default_precision(model)
    design = model.design(jax.random.key(0))
    problems, truths = jax.jit(jax.vmap(lambda key: model.observe(key, design)))(jax.random.split(jax.random.key(1), 6))
    return model, design, problems, truths


def steering(antennas, grid):
    angles = 2 * np.arange(grid) / grid - 1
    return np.exp(1j * np.pi * np.outer(np.arange(antennas), angles)) / np.sqrt(antennas)


def test_noiseless_data_are_those_of_physical_channels(surface):
    # Independent of the code: two-hop channels are rebuilt from the angles, up to the common rotation of the grid
    # that differences of angles leave open, and sent through every pattern.
    _, design, problems, truths = surface
    bs, ms, irs = (steering(antennas, 6) for antennas in (5, 3, 12))
    patterns, pilots = np.asarray(design.patterns), np.asarray(design.pilots)
    assert set(np.unique(np.round(np.abs(pilots) ** 2 * 3, 5))) == {1.0}
    assert set(np.unique(np.round(patterns**2 * 12, 5))) == {1.0}
    for trial in range(6):
        x = np.asarray(truths.coefficients[trial])
        for pattern in range(4):
            received = np.zeros((5, 3), complex)
            for difference, mobile, base in np.argwhere(x != 0):
                # A path that leaves the surface at angle 0 and reached it at `difference`.
                bounce = np.sum(irs[:, 0] * irs[:, difference].conj() * patterns[pattern])
                hop = bounce * np.outer(bs[:, base], ms[:, mobile].conj())
                received += x[difference, mobile, base] * hop @ pilots.T
            ours = np.asarray(problems.observations[trial])[pattern].T
            np.testing.assert_allclose(ours, received, atol=1e-4 * np.abs(received).max())


def test_paths_are_one_angle_and_two_clusters(surface):
    _, _, _, truths = surface
    for coefficients in np.asarray(truths.coefficients):
        nonzero = coefficients != 0
        assert nonzero.sum() == 4
        surface_angles, mobile, base = (
            np.flatnonzero(nonzero.any(axis=tuple(axis for axis in range(3) if axis != mode))) for mode in range(3)
        )
        assert len(mobile) == 1
        assert np.ptp(base) == 1
        # Differences of angles live on a circle.
        assert (surface_angles[1] - surface_angles[0]) % 6 in (1, 5)
        assert np.linalg.matrix_rank(coefficients[:, mobile[0], :], tol=1e-4 * np.abs(coefficients).max()) == 1


def test_error_and_metrics_of_the_truth_and_of_nothing(surface):
    model, _, _, truths = surface
    truth = jax.tree.map(lambda leaf: leaf[0], truths)
    metrics = compiled(model.metrics, truth, truth.coefficients)
    assert float(compiled(model.error, truth, truth)) == 0
    assert float(metrics["symbol_error"]) == 0
    assert float(metrics["support_recovery"]) == 1
    assert float(compiled(model.error, truth, jnp.zeros_like(truth.coefficients))) == pytest.approx(1)
    # A common phase is an error of the channel, though beams do not see it.
    assert float(compiled(model.error, truth, 1j * truth.coefficients)) == pytest.approx(2, rel=1e-4)


def test_symbol_errors_are_those_of_simulated_symbols():
    model = rc.models.IRSChannel(
        patterns=3, pilots=3, snr=5.0, spread=2, mobile_antennas=3, base_antennas=4, elements=8, grid=6
    )
    problem, truth = model.sample(jax.random.key(2))
    generator = np.random.default_rng(0)
    wrong = np.asarray(truth.coefficients)
    wrong = (wrong + 0.3 * np.abs(wrong).max() * generator.normal(size=wrong.shape)).astype(np.complex64)
    true, guess = (np.asarray(model.channels(truth.gains, each)) for each in (truth.coefficients, jnp.asarray(wrong)))
    rates = []
    for channel, estimate in zip(true, guess, strict=True):
        left, _, right = np.linalg.svd(estimate)
        gain, expected = (left[:, 0].conj() @ H @ right[0].conj() for H in (channel, estimate))
        symbols = (1 - 2 * generator.integers(0, 2, (2, 40000))) / np.sqrt(2)
        sent = symbols[0] + 1j * symbols[1]
        spread = np.abs(gain) * 10 ** (-5 / 20) / np.sqrt(2)
        noise = spread * (generator.normal(size=40000) + 1j * generator.normal(size=40000))
        turned = (gain * sent + noise) / expected
        rates.append(
            np.mean((np.sign(turned.real) != np.sign(sent.real)) | (np.sign(turned.imag) != np.sign(sent.imag)))
        )
    found = float(compiled(model.metrics, truth, jnp.asarray(wrong))["symbol_error"])
    assert abs(found - np.mean(rates)) < 5 * np.sqrt(0.25 / 120000)
    # The noise of the data is that of the instance.
    signal = np.asarray(problem.forward(truth.coefficients))
    np.testing.assert_allclose(problem.noise**2, np.mean(np.abs(signal) ** 2) * 10**-0.5, rtol=1e-4)


def test_impossible_input_is_named():
    with pytest.raises(ValueError, match=r"IRSChannel: `spread` is 30"):
        rc.models.IRSChannel(spread=30)
    with pytest.raises(ValueError, match=r"IRSChannel: `patterns` is 0"):
        rc.models.IRSChannel(patterns=0)
