"""The planted features, their stream, and what recovery means."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.sizes import with_capacities
from tests.compiled import compiled

Stream = rc.problems.PlantedActivations
rows, codes_of, batch = eqx.filter_jit(Stream.rows), eqx.filter_jit(Stream.codes), eqx.filter_jit(Stream.batch)


def numbers(count):
    return jnp.arange(count, dtype=jnp.int32)


def test_rows_are_mixtures_of_exactly_so_many_features():
    model = rc.models.PlantedFeatures(12, 30, (2, 5), scaling="none", coefficient_range=(0.5, 1.5))
    stream, truth = model.sample(jax.random.key(0))
    codes = np.asarray(codes_of(stream, numbers(3000)))
    np.testing.assert_allclose(rows(stream, numbers(3000)), codes @ np.asarray(truth), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(truth, axis=1), 1, atol=1e-6)
    sizes = (codes > 0).sum(axis=1)
    assert set(sizes) == {2, 5}
    assert abs(np.mean(sizes == 2) - 0.5) < 4 * 0.5 / np.sqrt(3000)
    assert codes[codes > 0].min() >= 0.5
    assert codes.max() <= 1.5
    # Features occur equally often: 3.5 of 30 in 3000 rows, within five standard deviations.
    counts = (codes > 0).sum(axis=0)
    np.testing.assert_allclose(counts, 3000 * 3.5 / 30, atol=5 * np.sqrt(350))
    # So do pairs, which a biased choice of supports would not show otherwise.
    pairs = ((codes > 0).T @ (codes > 0).astype(float))[np.triu_indices(30, 1)]
    expected = np.sum(sizes * (sizes - 1)) / (30 * 29)
    assert np.max(np.abs(pairs - expected)) < 5 * np.sqrt(expected)


def test_batches_of_any_size_see_the_same_rows_and_never_those_of_the_summary():
    stream, _ = rc.models.PlantedFeatures(6, 9, 2).sample(jax.random.key(1))
    first = np.concatenate([batch(stream, jnp.asarray(step, jnp.int32), 4) for step in range(3)])
    np.testing.assert_array_equal(
        first, np.concatenate([batch(stream, jnp.asarray(s, jnp.int32), 6) for s in range(2)])
    )
    summary = compiled(lambda stream: stream.observations, stream)
    assert len(np.unique(np.concatenate([first, summary]), axis=0)) == 12 + 1024


def test_a_finite_data_set_comes_round_and_is_what_a_stored_one_holds():
    options = {"dimension": 6, "features": 9, "active": 2, "samples": 10}
    stream, truth = rc.models.PlantedFeatures(**options).sample(jax.random.key(2))
    stored, same = rc.models.PlantedFeatures(**options, stored=True).sample(jax.random.key(2))
    np.testing.assert_array_equal(truth, same)
    np.testing.assert_allclose(stored.observations, rows(stream, numbers(10)), atol=1e-6)
    batches = np.concatenate([batch(stream, jnp.asarray(step, jnp.int32), 5) for step in range(4)])
    np.testing.assert_array_equal(batches[:10], batches[10:])
    drawn = np.asarray(compiled(stored.batch, jnp.asarray(0, jnp.int32), 400))
    assert len(np.unique(drawn, axis=0)) == 10


def test_room_for_more_changes_nothing():
    model = rc.models.PlantedFeatures(5, 7, 2, condition_number=3.0, coherence=0.1, noise=0.2)
    wide = with_capacities(model, {"dimension": 9, "features": 12, "active": 4})
    (stream, truth), (padded, same) = model.sample(jax.random.key(3)), wide.sample(jax.random.key(3))
    assert same.shape == (12, 9)
    np.testing.assert_allclose(same[:7, :5], truth, atol=1e-5)
    assert not np.any(same[7:])
    assert not np.any(same[:, 5:])
    np.testing.assert_allclose(rows(padded, numbers(20))[:, :5], rows(stream, numbers(20)), atol=1e-5)


def test_independent_occurrence_has_the_frequencies_asked_for():
    frequencies = rc.models.zipf_frequencies(20)
    assert frequencies[0] == 0.2
    assert frequencies[19] == pytest.approx(0.03)
    stream, _ = rc.models.PlantedFeatures(8, 20, frequencies=frequencies).sample(jax.random.key(4))
    found = np.mean(np.asarray(codes_of(stream, numbers(8000))) > 0, axis=0)
    np.testing.assert_allclose(found, frequencies, atol=5 * np.sqrt(0.2 * 0.8 / 8000))


@pytest.mark.parametrize("law", ["uniform", "constant", "lognormal", "halfnormal"])
def test_rows_have_unit_power_under_every_law(law):
    model = rc.models.PlantedFeatures(200, 300, 4, coefficients=law)
    stream, _ = model.sample(jax.random.key(5))
    squares = np.sum(np.asarray(rows(stream, numbers(4000))) ** 2, axis=1)
    # Features of one draw have small random cosines, whose mean does not vanish.
    assert np.mean(squares) == pytest.approx(1, abs=0.08)


def test_scaling_noise_coherence_and_conditioning_are_what_they_say():
    key = jax.random.key(6)
    unit, _ = rc.models.PlantedFeatures(10, 20, 3, scaling="unit").sample(key)
    np.testing.assert_allclose(np.linalg.norm(rows(unit, numbers(50)), axis=1), 1, atol=1e-5)
    quiet, _ = rc.models.PlantedFeatures(10, 20, 3, scaling="none").sample(key)
    noisy, _ = rc.models.PlantedFeatures(10, 20, 3, scaling="none", noise=0.3).sample(key)
    gap = np.asarray(rows(noisy, numbers(2000)) - rows(quiet, numbers(2000)))
    assert np.std(gap) == pytest.approx(0.3, rel=0.03)
    _, coherent = rc.models.PlantedFeatures(400, 200, 3, coherence=0.3).sample(key)
    cosines = np.asarray(coherent @ coherent.T)[np.triu_indices(200, 1)]
    assert np.mean(cosines) == pytest.approx(0.3, abs=0.02)
    _, mixed = rc.models.PlantedFeatures(8, 4000, 3, condition_number=10.0).sample(key)
    # Directions of A g are those of a Gaussian with covariance A A^T; unit rows compress the spread but keep the axes.
    spread = np.linalg.svd(np.asarray(mixed), compute_uv=False)
    assert 5 < spread[0] / spread[-1] < 10


def test_recovery_ignores_order_and_lengths_but_not_signs():
    model = rc.models.PlantedFeatures(12, 30, 2)
    _, truth = model.sample(jax.random.key(7))
    random = np.random.default_rng(0)
    shuffled = np.asarray(truth)[random.permutation(30)] * random.uniform(0.1, 5, (30, 1)).astype(np.float32)
    doubled = jnp.asarray(np.concatenate([shuffled, shuffled, np.zeros((3, 12), np.float32)]))
    assert float(compiled(model.error, truth, doubled)) < 1e-6
    metrics = compiled(model.metrics, truth, doubled)
    assert all(float(metrics[name]) == 1 for name in ("recovered_80", "recovered_90", "monosemantic"))
    assert float(metrics["mean_cosine"]) == pytest.approx(1, abs=1e-6)
    assert float(compiled(model.error, truth, -truth)) > 0.3
    assert float(compiled(model.error, truth, jnp.zeros((4, 12)))) == 1


def test_metrics_are_those_of_numpy():
    model = rc.models.PlantedFeatures(6, 9, 2)
    _, truth = model.sample(jax.random.key(8))
    estimate = jax.random.normal(jax.random.key(9), (40, 6))
    unit = np.asarray(estimate) / np.linalg.norm(estimate, axis=1, keepdims=True)
    cosines = np.asarray(truth, float) @ unit.T
    metrics = compiled(model.metrics, truth, estimate)
    assert float(metrics["recovered_80"]) == pytest.approx(np.mean(cosines.max(axis=1) > 0.8))
    assert float(metrics["mean_cosine"]) == pytest.approx(np.mean(cosines.max(axis=1)), abs=1e-5)
    assert float(metrics["monosemantic"]) == pytest.approx(np.mean(cosines.max(axis=0) > 0.9))
    assert float(compiled(model.error, truth, estimate)) == pytest.approx(1 - np.mean(cosines.max(axis=1)), abs=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rc.models.PlantedFeatures(0, 3, 1), "`dimension` is 0"),
        (lambda: rc.models.PlantedFeatures(4, 3, 4), "`active` is .*from 1 to 3"),
        (lambda: rc.models.PlantedFeatures(4, 3), "either `active`"),
        (lambda: rc.models.PlantedFeatures(4, 3, frequencies=np.ones(2)), "one per feature"),
        (lambda: rc.models.PlantedFeatures(4, 3, 1, coefficients="cauchy"), "allowed: uniform"),
        (lambda: rc.models.PlantedFeatures(4, 3, 1, coherence=1.0), "`coherence` is 1.0"),
        (lambda: rc.models.PlantedFeatures(4, 3, 1, stored=True), "`samples` is needed"),
        (lambda: rc.models.PlantedFeatures(4, 3, 1, condition_number=0.5), "`condition_number` is 0.5"),
        (lambda: rc.ActivationProblem(np.zeros(3)), "has shape"),
    ],
)
def test_impossible_numbers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
