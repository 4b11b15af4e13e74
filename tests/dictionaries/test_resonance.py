"""The resonance band and chance, against simulation and limits."""

import numpy as np
import pytest

from recover import theory


@pytest.mark.parametrize(("dimension", "width", "level"), [(4, 50, 0.8), (8, 200, 0.7), (3, 10, 0.9)])
def test_chance_is_what_random_directions_find(dimension, width, level):
    random = np.random.default_rng(0)
    neurons = random.standard_normal((400, width, dimension))
    neurons /= np.linalg.norm(neurons, axis=-1, keepdims=True)
    found = np.mean(neurons[..., 0].max(axis=1) > level)
    predicted = float(theory.chance_recovery(dimension, width, level))
    assert abs(found - predicted) < 4 * np.sqrt(predicted * (1 - predicted) / 400)


def test_chance_is_that_of_the_card():
    assert float(theory.chance_recovery(8, 2048, 0.9)) == pytest.approx(0.62, abs=0.01)
    assert float(theory.chance_recovery(16, 2048, 0.9)) == pytest.approx(9e-4, abs=1e-4)
    assert float(theory.chance_recovery(16, 2048, 0.8)) == pytest.approx(0.11, abs=0.01)


def test_edges_of_the_band_in_units_of_the_occurrence():
    band = theory.resonance_band(256, 4, 64)
    occurrence = 4 / 256
    assert [float(edge) / occurrence for edge in band] == pytest.approx([0.25, 2, 4, 16], rel=1e-5)
    assert float(band.upper) == pytest.approx(2 * occurrence, rel=1e-5)
    # Small dimensions bind first.
    assert float(theory.resonance_band(256, 4, 4).upper) == pytest.approx(4 / 256, rel=1e-6)


def test_width_is_linear_in_features_and_exponential_in_supports():
    one = float(theory.sufficient_width(100, 2, 0.1))
    assert one == pytest.approx(1e4, rel=1e-4)
    assert float(theory.sufficient_width(200, 2, 0.1)) == pytest.approx(2 * one, rel=1e-4)
    assert float(theory.sufficient_width(100, 3, 0.1)) == pytest.approx(10 * one, rel=1e-4)


def test_coupons():
    random = np.random.default_rng(0)
    found = np.mean([len(np.unique(random.integers(0, 500, 1000))) / 500 for _ in range(50)])
    assert float(theory.coupon_recovery(2.0)) == pytest.approx(found, abs=0.01)


def test_impossible_numbers_are_refused():
    with pytest.raises(ValueError, match="frequency"):
        theory.sufficient_width(10, 2, 0.0)
    with pytest.raises(ValueError, match="dimension"):
        theory.chance_recovery(1, 10)
