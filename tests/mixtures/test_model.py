import dataclasses

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy.ndimage import uniform_filter

import recover as rc
from recover.core.sizes import with_capacities
from recover.mixtures.mixture import spectral_angles

MODEL = rc.models.SpectralMixture(24, 30, 4, outliers=6, snr=20.0, purity=0.8)


@eqx.filter_jit
def _drawn(model, keys):
    return jax.lax.map(model.sample, keys)


@eqx.filter_jit
def sample(model, key):
    return model.sample(key)


@eqx.filter_jit
def scores(model, truth, estimate):
    return {"error": model.error(truth, estimate), **model.metrics(truth, estimate)}


def drawn(model, count=24, seed=0):
    return jax.tree.map(np.asarray, _drawn(model, jax.random.split(jax.random.key(seed), count)))


def changed(**fields):
    """The model with other numbers in the same program."""
    leaves = {name: np.asarray(value, np.asarray(getattr(MODEL, name)).dtype) for name, value in fields.items()}
    return eqx.tree_at(lambda m: [getattr(m, name) for name in leaves], MODEL, list(leaves.values()))


def test_abundances_are_smoothed_blocks_and_sum_to_one():
    _, truth = drawn(changed(purity=1.0))
    np.testing.assert_allclose(truth.abundances.sum(axis=1), 1, atol=1e-5)
    _, sharp = drawn(changed(purity=1.0, variation=1.0))
    for smooth, mixed in zip(truth.abundances, sharp.abundances, strict=True):
        smooth, mixed = smooth.reshape(4, 24, 24), mixed.reshape(4, 24, 24)
        # In the first column maps are as sharp as the blocks, and smoothing the blocks gives the other scene.
        assert set(np.unique(mixed[:, :, 0])) <= {0.0, 1.0}
        labels = smooth[:, 4::8, 4::8].argmax(axis=0)
        blocks = np.kron(np.arange(4)[:, None, None] == labels, np.ones((8, 8)))
        sums = np.stack([uniform_filter(each, 9, mode="constant") for each in blocks])
        if np.all(mixed[:, :, 0] == blocks[:, :, 0]):
            np.testing.assert_allclose(smooth, sums / sums.sum(axis=0), atol=1e-5)


def test_purity_leaves_no_pure_pixel():
    _, full = drawn(changed(purity=1.0))
    _, truth = drawn(MODEL)
    pure = full.abundances.max(axis=1) > 0.8
    assert pure.any()
    assert truth.abundances.max() <= 0.8
    np.testing.assert_allclose(np.moveaxis(truth.abundances, 1, 2)[pure], 0.25)
    np.testing.assert_allclose(truth.levels[pure], 0, atol=1e-6)
    np.testing.assert_array_equal(np.moveaxis(truth.abundances, 1, 2)[~pure], np.moveaxis(full.abundances, 1, 2)[~pure])


def test_spectra_are_reflectances_that_differ():
    _, truth = drawn(MODEL)
    assert truth.endmembers.min() >= 0.0199
    assert truth.endmembers.max() <= 0.9801
    angles = np.asarray(jax.vmap(spectral_angles)(truth.endmembers, truth.endmembers))
    assert np.min(angles[:, ~np.eye(4, dtype=bool)]) > 0.099


def test_noise_has_the_asked_level_and_outliers_are_far_beyond_it():
    problems, truth = drawn(MODEL)
    signal = truth.endmembers @ truth.abundances
    error = problems.observations - signal
    clean = truth.weights > 0
    assert set((~clean).sum(axis=1)) == {6}
    levels = np.sqrt(np.mean(signal**2, axis=(1, 2)) / 100)
    # Where signals are far above the noise nothing is clipped.
    high = np.moveaxis(signal, 0, 2) > 8 * levels
    scaled = np.moveaxis(error, 0, 2) / levels
    ordinary = scaled[high & clean.T[:, None, :]]
    assert abs(np.mean(ordinary)) < 5 / np.sqrt(ordinary.size)
    assert abs(np.mean(ordinary**2) - 1) < 5 * np.sqrt(2 / ordinary.size)
    spread = error.std(axis=2)
    assert spread[~clean].min() > 3 * spread[clean].max()
    assert problems.observations.min() == 0


@pytest.mark.parametrize(("kind", "most"), [("blank", 0.05), ("replaced", 5.0)])
def test_kinds_of_outliers_carry_no_signal(kind, most):
    problems, truth = drawn(changed(kind=rc.models.OUTLIER_CHANNELS.index(kind)))
    signal = truth.endmembers @ truth.abundances
    bad = truth.weights == 0
    data = problems.observations[bad]
    assert data.max() <= most
    correlations = [np.corrcoef(one, other)[0, 1] for one, other in zip(data, signal[bad], strict=True)]
    assert abs(np.nanmean(correlations)) < 0.02
    if kind == "blank":
        assert abs(data.mean() - 0.025) < 1e-4


def test_fewer_endmembers_and_channels_are_padding():
    small = rc.models.SpectralMixture(24, 20, 3, outliers=4, snr=20.0)
    key = jax.random.key(3)
    problem, truth = sample(small, key)
    wide = with_capacities(small, {"channels": 26, "endmembers": 5})
    padded, same = sample(wide, key)
    assert padded.width == 5
    for field in dataclasses.fields(rc.Mixture):
        one, other = getattr(truth, field.name), getattr(same, field.name)
        cut = other[tuple(slice(size) for size in one.shape)]
        np.testing.assert_allclose(cut, one, atol=1e-6)
        assert np.count_nonzero(cut) == np.count_nonzero(other)
    np.testing.assert_allclose(padded.observations[:20], problem.observations, atol=1e-6)
    assert not np.any(padded.observations[20:])
    # Errors on the padded model: rounding for the truth; those of a wrong estimate from their definitions.
    assert scores(wide, same, same)["error"] < np.finfo(np.float32).eps
    wrong = eqx.tree_at(
        lambda m: (m.abundances, m.weights), same, (same.abundances.at[0].multiply(0.5), same.weights + 0.5)
    )
    found = scores(wide, same, wrong)
    halved = np.asarray(truth.abundances) * [[0.5], [1], [1]]
    squares = np.mean((halved / halved.sum(axis=0) - truth.abundances) ** 2, axis=1)
    np.testing.assert_allclose(found["error"], np.sqrt(squares).mean(), rtol=1e-4)
    assert float(found["outlier_weight"]) == 0.5
    assert float(found["largest_outlier_weight"]) == 0.5
    assert float(found["level_correlation"]) == pytest.approx(1, abs=1e-5)
    assert float(found["sad"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"side": 20}, r"SpectralMixture: `side` is 20; a multiple of `block`"),
        ({"endmembers": 1}, r"SpectralMixture: `endmembers` is 1"),
        ({"outliers": 30}, r"SpectralMixture: `outliers` is 30"),
        ({"purity": 0.0}, r"SpectralMixture: `purity` is 0.0"),
        ({"variation": 2.0}, r"SpectralMixture: `variation` is 2.0"),
        ({"window": 4}, r"SpectralMixture: `window` is 4"),
        ({"outlier_kind": "dead"}, r"SpectralMixture: `outlier_kind` is 'dead'; allowed: added, replaced, blank"),
    ],
)
def test_impossible_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        rc.models.SpectralMixture(**{"side": 24, "channels": 30, "endmembers": 4, **arguments})
