"""The law of approximate feature activation against simulation, and its bounds against dictionaries that attain them."""

import numpy as np
import pytest

from recover import theory


def test_no_code_leaves_the_interval_of_its_dictionary():
    rng = np.random.default_rng(0)
    for count in (2, 5, 40):
        rows = rng.normal(size=(count, 30))
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        coherence = np.abs(rows @ rows.T - np.eye(count)).max()
        codes = rng.normal(size=(500, count))
        interval = theory.afa_interval(np.linalg.norm(codes @ rows, axis=1), coherence, count)
        lengths = np.linalg.norm(codes, axis=1)
        assert np.all(lengths >= np.asarray(interval.lower) * (1 - 1e-5))
        assert np.all(lengths <= np.asarray(interval.upper) * (1 + 1e-5))


def test_ends_are_attained_and_the_upper_one_may_be_missing():
    # Equal coefficients on rows of equal cosines, and opposite ones on two rows.
    rows = np.asarray([[1, 0], [0.6, 0.8]])
    for code, end in (([1.0, 1.0], 0), ([1.0, -1.0], 1)):
        interval = theory.afa_interval(np.linalg.norm(np.asarray(code) @ rows), 0.6, 2)
        assert float(interval[end]) == pytest.approx(np.sqrt(2), rel=1e-5)
    assert np.isinf(theory.afa_interval(1.0, 0.5, 3).upper)


@pytest.mark.parametrize("active", [2, 8])
def test_spread_and_bias_are_those_of_simulations(active):
    rng = np.random.default_rng(active)
    d, draws = 40, 6000
    common = np.zeros(d)
    common[0] = 1
    codes = rng.uniform(0.5, 1.5, size=(draws, active))
    flat, peaked = (12 / 13, np.mean(codes**4) / np.mean(codes**2) ** 2)
    for rho in (0.0, 0.1):
        rows = rng.normal(size=(draws, active, d))
        rows /= np.linalg.norm(rows, axis=2, keepdims=True)
        rows = np.sqrt(1 - rho) * rows + np.sqrt(rho) * common
        rows /= np.linalg.norm(rows, axis=2, keepdims=True)
        errors = np.sum(np.einsum("nk,nkd->nd", codes, rows) ** 2, axis=1) / np.sum(codes**2, axis=1) - 1
        tolerance = 4 * errors.std() / np.sqrt(draws) + 0.05 * rho * (active - 1)
        assert abs(errors.mean() - float(theory.afa_bias(rho, active, flat))) < tolerance
        if rho == 0:
            exact = 1 - np.mean(np.sum(codes**4, axis=1) / np.sum(codes**2, axis=1) ** 2)
            assert errors.std() == pytest.approx(np.sqrt(2 * exact / d), rel=0.05)
            assert float(theory.afa_spread(d, active, peaked)) == pytest.approx(errors.std(), rel=0.12)


def test_welch_is_attained_by_a_simplex_and_forbids_the_upper_end():
    # The vertices of a triangle have cosines of one half in absolute value.
    assert float(theory.welch_coherence(3, 2)) == pytest.approx(0.5)
    assert float(theory.welch_coherence(4, 4)) == 0
    h, d = np.meshgrid(np.arange(3, 200), np.arange(2, 100))
    slack = np.asarray(theory.welch_coherence(h, d)) * (h - 1)
    assert np.all(slack[h > d] >= 1 - 1e-4)


def test_impossible_numbers_are_refused():
    for call in (
        lambda: theory.afa_interval(1.0, 1.5, 3),
        lambda: theory.afa_spread(0, 3),
        lambda: theory.afa_bias(0.1, 0),
        lambda: theory.welch_coherence(1, 2),
    ):
        with pytest.raises(ValueError, match="must lie in"):
            call()
