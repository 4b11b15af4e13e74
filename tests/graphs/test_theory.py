"""Information thresholds against brute force, known values and Jensen's inequality."""

import jax
import numpy as np
import pytest

from recover import theory, trees

RATES = np.asarray([[40.0, 42, 45, 100], [40, 60, 70, 100], [4, 6, 10, 20], [1, 2, 8, 9]])


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def divergence(first, second, weights):
    """The largest value over a fine grid."""
    t = np.linspace(0, 1, 4001)[:, None]
    return np.max(np.sum(weights * (t * first + (1 - t) * second - first**t * second ** (1 - t)), axis=1))


def test_divergence_is_the_largest_over_the_exponent():
    generator = np.random.default_rng(0)
    for _ in range(4):
        first, second, weights = generator.uniform(0.5, 20, (3, 6))
        assert float(theory.chernoff_hellinger(first, second, weights)) == pytest.approx(
            divergence(first, second, weights), rel=1e-5
        )
    assert abs(float(theory.chernoff_hellinger(*np.asarray([[3.0, 2.0], [3.0, 2.0], [0.5, 0.5]])))) < 1e-12


@pytest.mark.parametrize("branching", [2, 3])
@pytest.mark.parametrize("rates", RATES)
def test_information_is_the_least_divergence_of_pairs(rates, branching):
    tree = trees.balanced_tree(3, branching)
    common = trees.common_depths(tree)
    found = np.asarray(theory.bottom_up_information(rates, branching))
    weights = np.full(tree.shape[1], 1 / tree.shape[1])
    for depth in (1, 2, 3):
        others = np.flatnonzero(common[0] < depth)
        least = min(divergence(rates[common[0]], rates[common[other]], weights) for other in others)
        assert found[depth - 1] == pytest.approx(least, rel=1e-6)


def test_splitting_needs_more_except_at_the_bottom():
    for branching in (2, 3):
        bottom = np.asarray(theory.bottom_up_information(RATES, branching))
        top = np.asarray(theory.top_down_information(RATES, branching))
        assert np.all(top <= bottom + 1e-12)
        np.testing.assert_allclose(top[:, -1], bottom[:, -1])


def test_stated_values():
    np.testing.assert_allclose(theory.bottom_up_information(RATES[0]), [1.71, 1.55, 1.35], atol=6e-3)
    np.testing.assert_allclose(theory.bottom_up_information(RATES[0], nodes=1600), [2.55, 2.33, 2.05], atol=6e-3)
    # Two blocks: the classical threshold.
    assert float(theory.bottom_up_information(np.asarray([2.0, 9.0]))[0]) == pytest.approx((3 - np.sqrt(2)) ** 2 / 2)
    # Inner rate of the whole: the mean over the pairs of a part.
    rates = np.asarray([4.0, 6, 10, 20])
    inner = 20 / 4 + 10 / 4 + 6 / 2
    assert float(theory.top_down_information(rates)[0]) == pytest.approx((np.sqrt(inner) - 2) ** 2 / 2)


def test_exact_densities_tend_to_sparse_ones():
    few, many = (np.asarray(theory.bottom_up_information(RATES[1], nodes=nodes)) for nodes in (1e4, 1e9))
    sparse = np.asarray(theory.bottom_up_information(RATES[1]))
    assert np.all(few > many)
    np.testing.assert_allclose(many, sparse, rtol=1e-4)
    np.testing.assert_allclose(theory.logarithmic_densities(RATES[2], 1000), RATES[2] * np.log(1000) / 1000)


def test_impossible_rates_are_refused():
    with pytest.raises(ValueError, match="two depths"):
        theory.bottom_up_information(np.asarray([3.0]))
    with pytest.raises(ValueError, match="rates must lie"):
        theory.top_down_information(np.asarray([-1.0, 3.0]))
