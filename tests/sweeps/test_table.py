"""What tables say of themselves, parts of them, and the rates and transitions in them."""

import html.parser

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import recover as rc
from tests.sweeps.toy import LeastSquares, Means

AXES = {"samples": [2, 4, 3, 8, 16], "noise": [0.5, 0.1]}


def cell(samples, noise):
    solvers = {"one": LeastSquares(rounds=1), "three": LeastSquares()}
    return Means(samples, noise), solvers if samples != 2 else {"one": solvers["one"]}


@pytest.fixture(scope="module")
def table():
    return rc.sweep(cell, AXES, trials=range(1, 13), max_steps=2, progress=False)


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ({"samples": 4}, lambda frame: frame.samples == 4),
        ({"samples": 4.0}, lambda frame: frame.samples == 4),
        ({"samples": np.int64(4), "solver": "three"}, lambda frame: (frame.samples == 4) & (frame.solver == "three")),
        ({"samples": [16, 2]}, lambda frame: frame.samples.isin([2, 16])),
        ({"samples": jnp.asarray([16, 2])}, lambda frame: frame.samples.isin([2, 16])),
        ({"samples": slice(3, 8)}, lambda frame: frame.samples.between(3, 8)),
        ({"samples": slice(None, 3)}, lambda frame: frame.samples <= 3),
        ({"samples": range(3, 8), "noise": 0.1}, lambda frame: frame.samples.isin([3, 4]) & (frame.noise == 0.1)),
        ({"trial": range(5)}, lambda frame: frame.trial < 5),
        ({"solver": slice("p", "u")}, lambda frame: frame.solver == "three"),
        ({}, lambda frame: frame.samples > 0),
    ],
)
def test_parts_of_a_table(table, wanted, kept):
    part = table.select(**wanted)
    expected = table.frame[kept(table.frame)].reset_index(drop=True)
    pd.testing.assert_frame_equal(part.frame, expected)
    assert all(set(part.axes[name]) >= set(part.frame[name]) for name in part.axes)
    assert {(*entry.coordinates, entry.label) for entry in part.grid.entries} >= set(
        part.frame[["samples", "noise", "solver"]].itertuples(index=False, name=None)
    )


def test_a_part_is_a_table(table):
    part = table.select(samples=slice(3, 8), solver="one", trial=range(1, 4))
    assert part.axes == {"samples": [4, 3, 8], "noise": [0.5, 0.1]}
    assert part.audit(4).agrees.all()
    assert dict(part.to_xarray().sizes) == {"samples": 3, "noise": 2, "solver": 1, "trial": 3}
    assert (part.success(below=10.0).trials == 3).all()
    with pytest.raises(ValueError, match=r"`samples` is 16, which is not there; allowed: 4, 3, 8\."):
        part.select(samples=16)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"sample": 1}, r"there is no axis 'sample'; allowed: samples, noise, solver, trial"),
        ({"error": 1}, r"there is no axis 'error'"),
        ({"samples": 5}, r"`samples` is 5, which is not there; allowed: 2, 4, 3, 8, 16"),
        ({"samples": [2, 5]}, r"`samples` is 5, which is not there"),
        ({"samples": []}, r"at least one of 2, 4, 3, 8, 16 is allowed"),
        ({"samples": slice(20, 30)}, r"between which no value lies; allowed: 2, 4, 3, 8, 16"),
        ({"samples": slice(2, 8, 2)}, r"a slice without a step is allowed"),
        ({"samples": slice("a", None)}, r"with which the values have no order; allowed: 2"),
        ({"samples": range(5, 8)}, r"in which no value lies; allowed: 2, 4, 3, 8, 16"),
        ({"solver": "two"}, r"`solver` is 'two', which is not there; allowed: 'one', 'three'"),
        ({"trial": 0}, r"`trial` is 0, which is not there; allowed: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12"),
        ({"samples": 2, "solver": "three"}, r"no row has samples 2 and solver 'three'"),
    ],
)
def test_what_is_not_there_is_named(table, wanted, message):
    with pytest.raises(ValueError, match=f"select: .*{message}"):
        table.select(**wanted)


def test_values_that_are_tuples_or_none():
    axes = {"pair": [(3, 0.1), (4, 0.5), None]}
    table = rc.sweep(lambda pair: (Means(*(pair or (2,))), LeastSquares()), axes, trials=2, max_steps=4, progress=False)
    assert table.select(pair=(4, 0.5)).axes["pair"] == [(4, 0.5)]
    assert table.select(pair=None).frame.pair.tolist() == [None, None]
    assert table.select(pair=[None, (3, 0.1)]).axes["pair"] == [(3, 0.1), None]
    assert table.select(pair=None).audit(2).agrees.all()


class Texts(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.texts = []

    def handle_data(self, data):
        self.texts.append(data)


def test_a_table_says_what_is_in_it(table):
    lines = repr(table).splitlines()
    assert lines[0] == "Table of 216 rows: 18 pairs of cell and solver"
    assert [line.split() for line in lines[1:3]] == [
        ["samples", "2", "to", "16", "(5", "values)"],
        ["noise", "0.5,", "0.1"],
    ]
    words = dict(line.split(maxsplit=1) for line in lines[1:])
    assert words["solver"] == "one, three"
    assert words["trial"] == "1 to 12 (12 values)"
    assert words["result"] == "converged 55.6 %, exhausted 44.4 %"
    assert words["columns"] == "error, steps, squared"
    parsed = Texts()
    parsed.feed(table._repr_html_())
    assert parsed.texts == [lines[0], *(word for pair in words.items() for word in pair)]


def test_names_are_escaped():
    axes = {"samples": [2, 3]}
    table = rc.sweep(lambda samples: (Means(samples), {"<b>": LeastSquares()}), axes, trials=1, progress=False)
    assert "&lt;b&gt;" in table._repr_html_()
    assert "<b>" not in table._repr_html_()


def test_the_rate_along_an_axis(table):
    found = table.rate("noise")
    assert list(found.columns[:2]) == ["samples", "solver"]
    assert len(found) == 9
    errors = table.frame.pivot(index=["samples", "solver", "trial"], columns="noise", values="error")
    slopes = (np.log(errors[0.5] / errors[0.1]) / np.log(5)).groupby(["samples", "solver"]).mean()
    np.testing.assert_allclose(found.set_index(["samples", "solver"]).rate, slopes, rtol=1e-6)
    assert ((found.low < found.rate) & (found.rate < found.high)).all()
    assert (found.status == "fitted").all()
    fewer = table.rate("noise", below=0.1)
    assert (fewer.used < 1).any()
    np.testing.assert_allclose(table.rate("noise", metric="squared").rate, 2 * found.rate, rtol=1e-3)
    with pytest.raises(ValueError, match="rate: `axis` is 'trial'; allowed: samples, noise"):
        table.rate("trial")
    with pytest.raises(ValueError, match="`metric` is 'result', a column that holds no numbers"):
        table.rate("noise", metric="result")


def test_a_transition_that_sharpens(table):
    """Its statistics are tested with numbers whose law is known."""
    found = table.collapse(size="samples", axis="noise", below=0.05)
    assert list(found.fits.solver) == ["one", "three"]
    assert len(found.cells) == 18
    with pytest.raises(ValueError, match="collapse: `size` is 'dimension'; allowed: samples, noise"):
        table.collapse(size="dimension", axis="noise", below=0.1)
    with pytest.raises(ValueError, match="are both 'noise'; two axes are allowed"):
        table.collapse(size="noise", axis="noise", below=0.1)
