import numpy as np
import pandas as pd
import pytest
from scipy import stats

from recover.statistics.rates import rate_table
from recover.statistics.resampling import trial_intervals

SAMPLES = np.array([50.0, 100, 200, 400])


def drawn(generator, trials, slope=-0.5, shared=0.3, own=0.3, factor=2.0, law="normal"):
    """Errors with the given slope, whose trials have a level of their own."""
    noise = {
        "normal": generator.standard_normal,
        "skewed": lambda shape: generator.standard_exponential(shape) - 1,
    }[law]
    logs = np.log(factor) + slope * np.log(SAMPLES) + own * noise((trials, 4)) + shared * noise((trials, 1))
    return frame(np.exp(logs))


def frame(values):
    trials = len(values)
    return pd.DataFrame(
        {"samples": np.tile(SAMPLES, trials), "trial": np.repeat(np.arange(trials), 4), "value": values.ravel()}
    )


def one(outcomes, **options):
    return rate_table(outcomes, "samples", [], **options).iloc[0]


def test_a_power_law_without_noise():
    found = one(frame(np.tile(3 * SAMPLES**-0.5, (12, 1))))
    assert found.status == "fitted"
    np.testing.assert_allclose([found.rate, found.low, found.high], -0.5, rtol=1e-9)
    np.testing.assert_allclose([found.factor, found.deviation], [3, 1], rtol=1e-9)
    assert (found.trials, found.points, found.used) == (12, 4, 1)


def test_geometric_decay():
    found = one(frame(np.tile(3 * np.exp(-0.02 * SAMPLES), (12, 1))), scale="linear")
    np.testing.assert_allclose([found.rate, found.factor], [-0.02, 3], rtol=1e-9)


def test_slope_is_that_of_least_squares_with_rows_left_out():
    outcomes = drawn(np.random.default_rng(0), 15)
    outcomes.loc[[3, 7, 20], "value"] = [0.0, np.nan, np.inf]
    found = one(outcomes)
    kept = outcomes.drop([3, 7, 20])
    line = stats.linregress(np.log(kept.samples), np.log(kept.value))
    np.testing.assert_allclose([found.rate, np.log(found.factor)], [line.slope, line.intercept])
    assert found.used == 57 / 60


@pytest.mark.parametrize("law", ["normal", "skewed"])
@pytest.mark.parametrize("trials", [10, 40])
def test_coverage(law, trials):
    generator = np.random.default_rng(1)
    found = [one(drawn(generator, trials, law=law), replicates=400) for _ in range(200)]
    covered = np.mean([row.low <= -0.5 <= row.high for row in found])
    assert 0.93 - 3 * np.sqrt(0.93 * 0.07 / 200) <= covered < 1


def test_a_shared_level_of_trials_narrows_nothing_and_widens_nothing():
    """Levels of trials cancel in slopes, so the interval must not see them."""
    width = {}
    for shared in (0.0, 5.0):
        found = [one(drawn(np.random.default_rng(seed), 20, shared=shared), replicates=400) for seed in range(5)]
        width[shared] = np.mean([row.high - row.low for row in found])
    assert width[5.0] == pytest.approx(width[0.0], rel=0.3)


def test_curves_are_apart_and_few_trials_say_so():
    outcomes = pd.concat(
        [drawn(np.random.default_rng(0), 9).assign(solver="a"), drawn(np.random.default_rng(0), 20).assign(solver="b")]
    )
    single = outcomes[(outcomes.solver == "a") & (outcomes.samples == 50)].assign(solver="c")
    found = rate_table(pd.concat([outcomes, single]), "samples", ["solver"]).set_index("solver")
    assert found.status.to_dict() == {"a": "few trials", "b": "fitted", "c": "unresolved"}
    assert (found.low["a"], found.high["a"]) == (-np.inf, np.inf)
    assert np.isfinite(found.rate["a"])
    assert np.isnan(found.rate["c"])
    assert found.high["b"] - found.low["b"] < 0.3


def test_axes_without_a_rate_are_named():
    outcomes = drawn(np.random.default_rng(0), 10)
    with pytest.raises(ValueError, match=r"the axis 'samples' has the value 0\.0, which has no logarithm"):
        one(outcomes.assign(samples=outcomes.samples - 50))
    with pytest.raises(ValueError, match="the axis 'samples' does not hold finite numbers"):
        one(outcomes.assign(samples="a"))
    with pytest.raises(ValueError, match='"log" or "linear" is allowed'):
        one(outcomes, scale="cubic")


def test_an_undefined_statistic_has_no_ends():
    def undefined(weights):
        return np.where(weights[:, :1].T == 0, np.nan, weights.mean(1)[None])

    assert [each.tolist() for each in trial_intervals(undefined, 12, 0.95, 200, 0)] == [[-np.inf], [np.inf]]


def test_intervals_are_those_of_scipy_at_the_raised_confidence():
    sample = np.random.default_rng(0).standard_exponential(40)
    low, high = trial_intervals(lambda weights: (weights @ sample / weights.sum(1))[None], 40, 0.95, 5000, 1)
    raised = 1 - 2 * stats.norm.cdf(-stats.t.ppf(0.975, 39) * np.sqrt(40 / 39))
    theirs = stats.bootstrap((sample,), np.mean, confidence_level=raised, method="BCa", rng=np.random.default_rng(2))
    np.testing.assert_allclose([low[0], high[0]], theirs.confidence_interval, rtol=0.02)
