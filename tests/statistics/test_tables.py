"""Rates, fitted transitions and their intervals, against hand computation, statsmodels, brute force, simulation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.special import expit, logit, ndtr

from recover.statistics.binomial import binomial_interval
from recover.statistics.logistic import STATUSES, logistic_boundary
from recover.statistics.tables import boundary, success_table


def simulate(repetitions, trials, values, width, correlation, seed, missing=0.0, centre=(0.3, 0.7)):
    """Outcomes whose marginal curve is exactly logistic, with cells of a trial correlated by a Gaussian copula."""
    generator = np.random.default_rng(seed)
    shape = (repetitions, trials, len(values))
    truth = generator.uniform(*centre, size=(repetitions, 1, 1))
    shared = generator.normal(size=(repetitions, trials, 1))
    noise = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * generator.normal(size=shape)
    success = values < truth + width * logit(ndtr(noise))
    repetition, trial, cell = np.indices(shape)
    frame = pd.DataFrame(
        {
            "repetition": repetition.ravel(),
            "trial": trial.ravel(),
            "x": np.asarray(values)[cell.ravel()],
            "success": success.ravel(),
        }
    )
    return frame[generator.random(len(frame)) >= missing], truth.ravel()


def outcomes(rates, trials=10, values=None, **columns):
    """The first `rate * trials` trials of every cell succeed."""
    values = np.arange(len(rates), dtype=float) if values is None else values
    rows = [
        {"x": x, "trial": t, "success": t < round(rate * trials), **columns}
        for x, rate in zip(values, rates, strict=True)
        for t in range(trials)
    ]
    return pd.DataFrame(rows)


def penalised_likelihood(parameters, x, s, n):
    eta = parameters[0] + parameters[1] * x
    weight = n * expit(eta) * expit(-eta)
    information = weight.sum() * (weight * x**2).sum() - (weight * x).sum() ** 2
    return (s * eta - n * np.logaddexp(0, eta)).sum() + 0.5 * np.log(max(information, 1e-300))


# binomial_interval


def test_interval_by_hand():
    # With s = 0 the upper end solves (1 - p)^n = 0.025, with s = n the lower end solves p^n = 0.025.
    low, high = binomial_interval([0, 10, 0], [10, 10, 0])
    np.testing.assert_allclose(low, [0, 0.025**0.1, 0])
    np.testing.assert_allclose(high, [1 - 0.025**0.1, 1, 1])


def test_interval_is_that_of_scipy():
    from scipy import stats

    for successes, count in [(1, 7), (3, 7), (50, 200)]:
        low, high = binomial_interval(successes, count, confidence=0.9)
        expected = stats.binomtest(successes, count).proportion_ci(0.9, method="exact")
        np.testing.assert_allclose([low, high], [expected.low, expected.high], rtol=1e-6)


@pytest.mark.parametrize("count", [1, 5, 20])
@pytest.mark.parametrize("probability", [0.01, 0.3, 0.5, 0.95])
def test_interval_covers_exactly(count, probability):
    from scipy import stats

    successes = np.arange(count + 1)
    low, high = binomial_interval(successes, count)
    mass = stats.binom.pmf(successes, count, probability)
    assert mass[(low <= probability) & (probability <= high)].sum() >= 0.95


@pytest.mark.parametrize(("successes", "count"), [(3, 2), (-1, 2), (np.nan, 2), (0, np.inf)])
def test_interval_rejects_impossible_counts(successes, count):
    with pytest.raises(ValueError, match="successes <= count"):
        binomial_interval(successes, count)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_interval_rejects_confidence(confidence):
    with pytest.raises(ValueError, match="confidence"):
        binomial_interval(1, 2, confidence)


# logistic_boundary


def test_symmetric_curve_crosses_at_its_centre():
    fit = logistic_boundary([0, 1, 2, 3, 4], [20, 18, 10, 2, 0], 20)
    assert fit.status == "fitted"
    assert not fit.increasing
    np.testing.assert_allclose(fit.boundary, 2, atol=1e-9)
    assert fit.left == fit.right == fit.boundary


def test_maximum_likelihood_is_that_of_statsmodels():
    import statsmodels.api as sm

    generator = np.random.default_rng(0)
    values = np.linspace(10, 40, 9)
    centre = generator.uniform(18, 32, size=(25, 1))
    successes = generator.binomial(200, expit((values - centre) / 5))
    fit = logistic_boundary(values, successes, 200, level=0.7, penalised=False)
    for row, found, width in zip(successes, fit.boundary, fit.width, strict=True):
        model = sm.GLM(np.c_[row, 200 - row], sm.add_constant(values), family=sm.families.Binomial())
        intercept, slope = model.fit(tol=1e-12).params
        np.testing.assert_allclose(found, (logit(0.7) - intercept) / slope, rtol=1e-7)
        np.testing.assert_allclose(width, 1 / slope, rtol=1e-7)


def test_penalty_vanishes_with_many_trials():
    values, rates = np.linspace(0, 1, 7), expit((0.45 - np.linspace(0, 1, 7)) / 0.2)
    with_penalty = logistic_boundary(values, rates * 1e7, 1e7)
    without = logistic_boundary(values, rates * 1e7, 1e7, penalised=False)
    np.testing.assert_allclose([with_penalty.boundary, without.boundary], 0.45, atol=1e-6)
    np.testing.assert_allclose([with_penalty.width, without.width], 0.2, rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=9),
    st.floats(0.2, 0.8),
)
def test_no_other_parameters_have_a_larger_penalised_likelihood(cells, level):
    s = np.array([min(cell) for cell in cells], float)
    n = np.array([max(cell) for cell in cells], float)
    x = np.arange(len(cells), dtype=float)
    fit = logistic_boundary(x, s, n, level)
    if fit.status != "fitted":
        return
    slope = (1 if fit.increasing else -1) / fit.width
    ours = np.array([logit(level) - slope * fit.boundary, slope])
    starts = [ours, np.zeros(2)]
    results = [
        optimize.minimize(lambda b: -penalised_likelihood(b, x, s, n), start, method="Nelder-Mead") for start in starts
    ]
    assert penalised_likelihood(ours, x, s, n) >= max(-result.fun for result in results) - 1e-6


def test_separation_puts_the_boundary_in_the_gap():
    fit = logistic_boundary([1, 2, 5, 6], [10, 10, 0, 0], 10)
    assert fit.status == "separated"
    assert (fit.left, fit.right) == (2, 5)
    np.testing.assert_allclose(fit.boundary, 3.5, atol=1e-6)
    assert 0 < fit.width < 3


def test_separation_with_one_mixed_cell():
    fit = logistic_boundary([0, 1, 2], [10, 9, 0], 10)
    assert fit.status == "separated"
    assert (fit.left, fit.right) == (1, 2)
    assert 1 < fit.boundary < 2
    mirrored = logistic_boundary([0, 1, 2], [0, 9, 10], 10)
    assert (mirrored.left, mirrored.right) == (0, 1)
    np.testing.assert_allclose(mirrored.boundary, 2 - fit.boundary)


def test_separated_boundary_stays_in_the_gap_for_uneven_grids():
    values = np.r_[0, 10, 11, np.linspace(50, 100, 30)]
    counts = np.r_[1, 1, 1, np.full(30, 1000)]
    for level in (0.05, 0.5, 0.95):
        fit = logistic_boundary(values, np.where(values < 11, counts, 0), counts, level)
        assert fit.status == "separated"
        assert 10 <= fit.boundary <= 11


def test_maximum_likelihood_does_not_exist_under_separation():
    fit = logistic_boundary([0, 1, 2, 3], [5, 5, 0, 0], 5, penalised=False)
    assert fit.status == "separated"
    assert np.isnan(fit.boundary)
    assert np.isnan(fit.width)
    assert (fit.left, fit.right) == (1, 2)


@pytest.mark.parametrize(
    ("successes", "direction", "status", "left", "right"),
    [
        ([9, 9, 9], "decreasing", "above", 3, np.inf),
        ([9, 9, 9], "increasing", "below", -np.inf, 1),
        ([0, 0, 0], "decreasing", "below", -np.inf, 1),
        ([0, 0, 0], "increasing", "above", 3, np.inf),
        ([9, 9, 9], None, "unresolved", -np.inf, np.inf),
        ([9, 9, 8], None, "above", 3, np.inf),
        ([9, 8, 6], None, "above", 3, np.inf),
        ([6, 8, 9], None, "below", -np.inf, 1),
    ],
)
def test_no_crossing_inside_the_grid(successes, direction, status, left, right):
    fit = logistic_boundary([1, 2, 3], successes, 9, direction=direction)
    assert fit.status == status
    assert np.isnan(fit.boundary)
    assert (fit.left, fit.right) == (left, right)


@pytest.mark.parametrize("successes", [0, 4, 9])
def test_a_single_point_has_no_boundary(successes):
    fit = logistic_boundary([2.0], [successes], 9)
    assert fit.status == "unresolved"
    assert np.isnan(fit.boundary)


def test_a_curve_that_is_not_monotone_is_fitted():
    fit = logistic_boundary(np.arange(6), [10, 6, 8, 3, 5, 0], 10)
    assert fit.status == "fitted"
    assert not fit.increasing


def test_axis_units_order_and_padding_do_not_matter():
    values, successes = np.array([1.0, 2, 3, 4, 5]), np.array([10, 9, 4, 2, 0])
    plain = logistic_boundary(values, successes, 10)
    scaled = logistic_boundary(1e6 * values - 7, successes, 10)
    np.testing.assert_allclose(scaled.boundary, 1e6 * plain.boundary - 7)
    np.testing.assert_allclose(scaled.width, 1e6 * plain.width)
    order = [3, 0, 4, 2, 1]
    shuffled = logistic_boundary(np.r_[values[order], np.nan], np.r_[successes[order], 0], np.r_[[10] * 5, 0])
    np.testing.assert_allclose(shuffled.boundary, plain.boundary)


def test_many_curves_equal_a_loop():
    generator = np.random.default_rng(1)
    values, successes = np.linspace(0, 1, 11), generator.integers(0, 8, size=(3, 5000, 11))
    together = logistic_boundary(values, successes, 7)
    assert together.boundary.shape == (3, 5000)
    assert set(np.unique(together.status)) <= set(STATUSES)
    for index in [(0, 0), (1, 17), (2, 4999)]:
        alone = logistic_boundary(values, successes[index], 7)
        np.testing.assert_allclose(together.boundary[index], alone.boundary)
        assert together.status[index] == alone.status


@pytest.mark.parametrize("level", [0.0, 1.0, np.nan])
def test_level_must_be_a_probability(level):
    with pytest.raises(ValueError, match="level"):
        logistic_boundary([0, 1], [1, 0], 1, level)


# boundary


@pytest.mark.parametrize(
    ("trials", "count", "width", "correlation", "missing"),
    [
        (10, 31, 0.05, 0.0, 0.0),
        (10, 31, 0.05, 0.9, 0.0),
        (10, 31, 0.01, 0.9, 0.0),
        (10, 11, 0.03, 0.5, 0.3),
        (20, 31, 0.05, 1.0, 0.0),
        (20, 6, 0.03, 0.0, 0.0),
        (50, 31, 0.05, 0.7, 0.0),
    ],
)
def test_interval_covers_the_transition(trials, count, width, correlation, missing):
    repetitions = 500
    frame, truth = simulate(repetitions, trials, np.linspace(0, 1, count), width, correlation, seed=3, missing=missing)
    table = boundary(frame, "x", "repetition", replicates=100)
    covered = ((table["low"] <= truth) & (truth <= table["high"])).mean()
    # Two standard errors below the coverage promised, 0.93.
    assert covered >= 0.93 - 2 * np.sqrt(0.93 * 0.07 / repetitions)
    # An interval that covers by being useless would be wider than a few cells and a few standard errors.
    # The error of one boundary is largest for identical cells, where it is that of a median of `trials` draws.
    scale = 4 * 1.8 * width / np.sqrt(trials)
    assert (table["high"] - table["low"]).median() <= 1.5 * (scale + 2 / (count - 1))


def test_all_trials_agreeing_leaves_the_gap():
    table = boundary(outcomes([1, 1, 0, 0]), "x")
    assert len(table) == 1
    row = table.iloc[0]
    assert (row["status"], row["low"], row["high"]) == ("separated", 1, 2)
    np.testing.assert_allclose(row["boundary"], 1.5, atol=1e-6)
    assert (row["trials"], row["points"]) == (10, 4)


def test_too_few_agreeing_trials_say_nothing():
    # Four of four successes have probability 1/16 > 5 % where the true rate is one half.
    four, five = (boundary(outcomes([1, 1, 0, 0], trials=trials), "x").iloc[0] for trials in (4, 5))
    assert (four["low"], four["high"]) == (-np.inf, np.inf)
    assert (five["low"], five["high"]) == (1, 2)


def test_agreeing_trials_do_not_prove_a_high_level():
    # Ten of ten successes leave a true rate of 0.8 possible, hence no lower end for the level 0.9.
    row = boundary(outcomes([1, 1, 0, 0]), "x", level=0.9).iloc[0]
    assert (row["low"], row["high"]) == (-np.inf, 2)
    row = boundary(outcomes([1, 1, 0, 0], trials=40), "x", level=0.9).iloc[0]
    assert (row["low"], row["high"]) == (1, 2)


def test_one_trial_has_no_interval():
    row = boundary(outcomes([1, 0, 1, 0, 0], trials=1), "x").iloc[0]
    assert np.isfinite(row["boundary"])
    assert (row["low"], row["high"]) == (-np.inf, np.inf)


def test_curves_without_crossing_follow_the_others():
    frame = pd.concat(
        [
            outcomes([1, 0.9, 0.1, 0], solver="crosses"),
            outcomes([1, 1, 1, 1], solver="wins"),
            outcomes([0, 0, 0, 0], solver="loses"),
        ]
    )
    table = boundary(frame, "x", ["solver"]).set_index("solver")
    assert list(table["status"]) == ["fitted", "below", "above"]
    assert (table.loc["wins", "low"], table.loc["wins", "high"]) == (3, np.inf)
    assert (table.loc["loses", "low"], table.loc["loses", "high"]) == (-np.inf, 0)
    alone = boundary(outcomes([1, 1, 1, 1]), "x").iloc[0]
    assert (alone["status"], alone["low"], alone["high"]) == ("unresolved", -np.inf, np.inf)
    known = boundary(outcomes([1, 1, 1, 1]), "x", direction="increasing").iloc[0]
    assert (known["status"], known["low"], known["high"]) == ("below", -np.inf, 0)


@pytest.mark.parametrize("rate", [0.0, 0.4, 1.0])
def test_one_point_gives_a_row(rate):
    row = boundary(outcomes([rate]), "x").iloc[0]
    assert row["status"] == "unresolved"
    assert row["points"] == 1
    assert not np.isnan([row["low"], row["high"]]).any()


def test_equal_seeds_give_equal_tables():
    frame, _ = simulate(4, 10, np.linspace(0, 1, 21), 0.08, 0.5, seed=0)
    first = boundary(frame, "x", "repetition", seed=5)
    second = boundary(frame.sample(frac=1, random_state=0), "x", "repetition", seed=5)
    pd.testing.assert_frame_equal(first, second)


def test_a_curve_does_not_depend_on_the_others():
    frame, _ = simulate(5, 10, np.linspace(0, 1, 21), 0.08, 0.5, seed=0)
    together = boundary(frame, "x", "repetition")
    alone = boundary(frame[frame["repetition"] == 3], "x", "repetition")
    pd.testing.assert_frame_equal(together.iloc[[3]].reset_index(drop=True), alone)


def test_direction_of_the_axis_is_found():
    frame, _ = simulate(3, 20, np.linspace(0, 1, 21), 0.05, 0.5, seed=0)
    flipped = boundary(frame.assign(x=-frame["x"]), "x", "repetition", replicates=0)
    table = boundary(frame, "x", "repetition", replicates=0)
    np.testing.assert_allclose(flipped["boundary"], -table["boundary"])
    np.testing.assert_allclose(flipped["low"], -table["high"])


def test_curves_may_have_different_grids_and_trials():
    short = outcomes([1, 0.5, 0], trials=6, values=[10.0, 20.0, 30.0], solver="short")
    long = outcomes([1, 1, 0.8, 0.3, 0.1, 0], trials=12, solver="long")
    table = boundary(pd.concat([short, long]), "x", "solver").set_index("solver")
    assert list(table.loc["long", ["trials", "points"]]) == [12, 6]
    assert list(table.loc["short", ["trials", "points"]]) == [6, 3]
    np.testing.assert_allclose(table.loc["short", "boundary"], 20, atol=1e-6)


def test_a_missing_success_is_a_failure():
    frame = outcomes([1, 1, 0, 0])
    lost = frame.assign(success=frame["success"].astype("boolean").mask(frame["x"] == 1))
    assert boundary(lost, "x").loc[0, "high"] == 1
    assert success_table(lost, "x")["successes"].tolist() == [10, 0, 0, 0]


def test_errors_name_what_is_wrong():
    frame = outcomes([1, 0])
    with pytest.raises(KeyError, match="solver"):
        boundary(frame, "x", "solver")
    with pytest.raises(ValueError, match="no rows"):
        boundary(frame[:0], "x")
    with pytest.raises(ValueError, match="numeric"):
        boundary(frame.assign(x="a"), "x")
    with pytest.raises(ValueError, match="not finite"):
        boundary(frame.assign(x=np.nan), "x")
    with pytest.raises(ValueError, match="replicates"):
        boundary(frame, "x", replicates=-1)


# success_table


def test_success_table_by_hand():
    frame = pd.concat([outcomes([1, 0.3], solver="A"), outcomes([0.5, 0], trials=4, solver="B")])
    table = success_table(frame, ["solver", "x"])
    assert table["solver"].tolist() == ["A", "A", "B", "B"]
    assert table["successes"].tolist() == [10, 3, 2, 0]
    assert table["trials"].tolist() == [10, 10, 4, 4]
    np.testing.assert_allclose(table["rate"], [1, 0.3, 0.5, 0])
    low, high = binomial_interval([10, 3, 2, 0], [10, 10, 4, 4])
    np.testing.assert_allclose(table["low"], low)
    np.testing.assert_allclose(table["high"], high)


FRAME = pd.DataFrame(
    {"samples": [1, 2, 3, 4] * 2, "trial": [0] * 4 + [1] * 4, "success": [False, False, True, True] * 2}
)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"confidence": float("nan")}, ValueError, "confidence must lie"),
        ({"axis": "size"}, KeyError, "lacks the columns"),
        ({"outcomes": FRAME.assign(success=["yes"] * 8)}, ValueError, "column 'success' must hold True and False"),
        ({"outcomes": FRAME.assign(samples=["few"] * 8)}, ValueError, "axis column 'samples' must be numeric"),
    ],
)
def test_wrong_arguments_are_named(change, error, message):
    with pytest.raises(error, match=message):
        boundary(**{"outcomes": FRAME, "axis": "samples", **change})


def test_counts_of_other_shapes_or_kinds_are_named():
    with pytest.raises(ValueError, match=r"shapes must be equal.*`successes` has \(2,\), `count` has \(3,\)"):
        binomial_interval([1, 2], [3, 3, 3])
    with pytest.raises(TypeError, match=r"`count` is .*; numbers are allowed"):
        binomial_interval([1, 2], ["three", "four"])
