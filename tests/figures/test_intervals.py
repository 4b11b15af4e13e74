import numpy as np
import pytest

from figures.intervals import bca_interval

REPETITIONS, DRAWINGS = 400, 300


def interval(sample, statistic, generator, drawings=DRAWINGS):
    drawn = sample[generator.integers(0, len(sample), (drawings, len(sample)))]
    left_out = np.stack([np.delete(sample, place) for place in range(len(sample))])
    return bca_interval(statistic(sample[None])[0], statistic(drawn), statistic(left_out))


@pytest.mark.parametrize("trials", [10, 30])
@pytest.mark.parametrize(
    ("law", "statistic", "truth"),
    [
        ("standard_normal", np.mean, 0.0),
        ("standard_exponential", np.mean, 1.0),
        ("standard_exponential", np.median, np.log(2)),
    ],
)
def test_coverage_is_near_nominal(law, statistic, truth, trials):
    generator = np.random.default_rng(1)
    found = [
        interval(getattr(generator, law)(trials), lambda rows: statistic(rows, axis=1), generator)
        for _ in range(REPETITIONS)
    ]
    covered = np.mean([low <= truth <= high for low, high in found])
    # Three standard errors of the simulation below 93 %.
    assert covered >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / REPETITIONS)


def test_agreement_with_scipy_but_for_the_expansion():
    from scipy import stats

    sample = np.random.default_rng(0).standard_exponential(200)
    ours = interval(sample, lambda rows: rows.mean(axis=1), np.random.default_rng(1), 9999)
    theirs = stats.bootstrap((sample,), np.mean, method="BCa", rng=np.random.default_rng(2)).confidence_interval
    np.testing.assert_allclose(ours, theirs, rtol=0.01)


def test_what_is_often_undefined_has_no_ends():
    values = np.r_[np.full(50, np.nan), np.ones(250)]
    assert bca_interval(1.0, values, np.ones(10)) == (-np.inf, np.inf)
    assert bca_interval(np.nan, np.ones(300), np.ones(10)) == (-np.inf, np.inf)


def test_infinite_values_are_ends():
    values = np.r_[np.full(150, 1.0), np.full(150, np.inf)]
    low, high = bca_interval(1.0, values, np.ones(10))
    assert low == 1.0
    assert high == np.inf
