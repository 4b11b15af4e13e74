import numpy as np
import pandas as pd
import pytest

from figures import style
from figures.claims import claim
from figures.results import FigureInfo, Tables
from figures.sheet import Sheet

TRIALS = 12


@pytest.fixture
def folder(tmp_path):
    """A table of means over trials, and the same on resampled trials."""
    generator = np.random.default_rng(0)
    values = generator.standard_normal(TRIALS)
    pd.DataFrame({"mean": [values.mean()]}).to_parquet(tmp_path / "means.parquet")
    pd.DataFrame({"bound": [0.0]}).to_parquet(tmp_path / "theory.parquet")
    drawn = [generator.choice(values, TRIALS).mean() for _ in range(200)]
    left_out = [np.delete(values, place).mean() for place in range(TRIALS)]
    (tmp_path / "resamples").mkdir()
    resampled = pd.DataFrame({"mean": drawn + left_out, "resample": [*range(200), *range(-1, -TRIALS - 1, -1)]})
    resampled.to_parquet(tmp_path / "resamples" / "means.parquet")
    return tmp_path


def sheet(folder, trials=TRIALS):
    return Sheet(Tables(folder), FigureInfo(paper="p", figure="f", title="t", profile="quick", trials=trials), {})


def judged(sheet, *checked):
    with style.use():
        sheet.panel()
        sheet.claims(lambda tables: iter(checked))
        return sheet.finished()[1]


def test_claims_on_resampled_trials_have_intervals_and_verdicts(folder):
    this = sheet(folder)

    @this.claims
    def _(tables):
        mean, bound = tables["means"]["mean"].iloc[0], tables["theory"]["bound"].iloc[0]
        yield claim("Far above.", "ours", mean - bound).at_least(-5)
        yield claim("Far below.", "ours", mean - bound).at_most(-5)
        yield claim("At zero.", "ours", mean).at_most(mean if np.isnan(mean) else 0.0)
        yield claim("In order.", "ours", {"mean": mean, "large": 10.0}).increasing()

    with style.use():
        this.panel()
        found = this.finished()[1]
    assert [each.verdict for each in found[:2]] == ["holds", "fails"]
    assert found[2].verdict == "open"
    low, high = found[0].interval
    assert low < found[0].measured < high
    # What decides an order is no number that is shown.
    assert (found[3].verdict, found[3].interval) == ("holds", None)


def test_a_resample_that_lacks_what_is_asked_for_leaves_the_claim_open(folder):
    this = sheet(folder)

    @this.claims
    def _(tables):
        mean = tables["means"]["mean"].iloc[0]
        if len(tables["means"]) and mean != this["means"]["mean"].iloc[0]:
            raise IndexError
        yield claim("Never resampled.", "ours", mean).at_most(5)

    with style.use():
        this.panel()
        assert this.finished()[1][0].verdict == "open"


def test_verdicts_without_resamples(folder):
    found = judged(
        sheet(folder.parent),
        claim("Few trials.", "ours", 1.0).at_most(2),
        claim("An interval of its own.", "ours", 1.0, interval=(0.5, None)).at_least(0.4),
        claim("No trial enters.", "ours", 1.0, deterministic=True).at_most(2),
        claim("Fails.", "ours", 3.0, deterministic=True, reason="why").at_most(2),
        claim("Not a number.", "ours", float("nan")).at_most(2),
    )
    assert [each.verdict for each in found] == ["open", "holds", "holds", "fails", "fails"]
    assert found[1].interval == (0.5, None)
    assert [each.reason for each in found] == [None, None, None, "why", None]
    (alone,) = judged(sheet(folder.parent, trials=0), claim("Nothing is random.", "theory, a formula", 1.0).at_most(2))
    assert alone.verdict == "holds"


def test_a_figure_without_a_panel_is_refused(folder):
    with pytest.raises(ValueError, match="drew no panel"):
        sheet(folder).finished()


def test_panels_call_columns_by_their_labels(folder):
    labelled = Sheet(Tables(folder), FigureInfo(paper="p", figure="f", title="t", profile="quick"), {"x": "length $x$"})
    table = pd.DataFrame({"x": [0, 1, 0, 1], "some_rate": [0.0, 1.0, 0.5, 0.6], "solver": ["a", "a", "b", "b"]})
    table = table.assign(some_rate_low=table["some_rate"] - 0.1, some_rate_high=table["some_rate"] + 0.1)
    with style.use():
        left, right = labelled.panels(columns=2)[0]
        left.curves(table, "x", "some_rate", by="solver", names=str.upper)
        right.points(table, "x", "some_rate", by="solver")
        labelled.drawing.canvas.draw()
    assert left.axes.get_xlabel() == right.axes.get_xlabel() == "length $x$"
    assert left.axes.get_ylabel() == right.axes.get_ylabel() == "some rate"
    assert [text.get_text() for text in left.axes.get_legend().get_texts()] == ["A", "B"]
    assert len(left.axes.collections) == 2
    assert len(right.axes.containers) == 2
