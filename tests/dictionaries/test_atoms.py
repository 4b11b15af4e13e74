"""Certificates against matrices that attain or violate them."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import recover as rc
from recover import theory


def test_simplex_attains_the_welch_bound_and_the_isometry_bound():
    # n = d + 1 vertices of a simplex have all cosines -1/d.
    vectors = np.eye(5) - 1 / 5
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    mu = np.abs(vectors @ vectors.T - np.eye(5)).max()
    assert float(theory.welch_coherence(5, 4)) == pytest.approx(mu, rel=1e-5)
    for size in (2, 3):
        worst = max(
            np.abs(np.linalg.eigvalsh(vectors[list(s)] @ vectors[list(s)].T) - 1).max()
            for s in itertools.combinations(range(5), size)
        )
        assert float(theory.coherence_isometry(mu, size)) == pytest.approx(worst, rel=1e-5)


def test_uniqueness_is_that_of_welch_in_large_dimensions():
    assert float(theory.uniqueness_sparsity(theory.welch_coherence(4 * 2304.0, 2304.0))) == pytest.approx(28.2, abs=0.1)
    assert float(theory.uniqueness_sparsity(0.2)) == pytest.approx(3.0)
    with pytest.raises(ValueError, match="coherence"):
        theory.uniqueness_sparsity(0.0)


def test_tight_frame_law_is_its_own_inverse_and_that_of_random_dictionaries():
    share = theory.tight_frame_stability(256.0, 64.0, 3.0)
    assert float(theory.tight_frame_cosine(256.0, 64.0, share)) == pytest.approx(1 / 5, rel=1e-4)
    frame = np.linalg.qr(np.random.default_rng(0).normal(size=(256, 64)))[0]
    frame /= np.linalg.norm(frame, axis=1, keepdims=True)
    pairs = np.abs(frame @ frame.T)[np.triu_indices(256, 1)]
    assert float(share) == pytest.approx(np.mean(pairs < 1 / 5), abs=0.01)
    assert float(share) == pytest.approx(2 * stats.norm.cdf(np.sqrt(64 / 0.75) / 5) - 1, rel=1e-5)


def test_second_moment_is_that_of_many_rows():
    model = rc.models.PlantedFeatures(6, 10, 3, coefficient_range=(0.5, 1.0), scaling="none", coherence=0.3)
    stream, directions = model.sample(jax.random.key(1))
    rows = np.asarray(eqx.filter_jit(type(stream).rows)(stream, jnp.arange(40000, dtype=jnp.int32)))
    expected = np.asarray(theory.activation_second_moment(directions, 3, 0.75, 7 / 12))
    np.testing.assert_allclose(rows.T @ rows / 40000, expected, atol=0.02 * np.abs(expected).max())


def test_window_is_empty_exactly_where_the_condition_fails():
    for mu in (0.1, 0.2, 0.35):
        for active in (1, 2, 3):
            window = theory.threshold_window(mu, active, 0.9, 1.0)
            assert bool(window.feasible) == (mu * (2 * active - 1) < 0.9)
