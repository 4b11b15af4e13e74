# ruff: noqa: RUF001
import json

import numpy as np
import pytest

from figures import claims
from figures.claims import Claim, number
from figures.results import FigureInfo


@pytest.fixture
def info():
    return FigureInfo(paper="p", figure="f", title="t", profile="quick")


@pytest.mark.parametrize(
    ("make", "holds"),
    [
        (lambda i: claims.within(i, "c", 0.51, 0.5, 0.02), True),
        (lambda i: claims.within(i, "c", 0.53, 0.5, 0.02), False),
        (lambda i: claims.below(i, "c", 1, 1), True),
        (lambda i: claims.below(i, "c", 2, 1), False),
        (lambda i: claims.above(i, "c", 1, 1), True),
        (lambda i: claims.above(i, "c", 0, 1), False),
        (lambda i: claims.between(i, "c", 2, 1, 3), True),
        (lambda i: claims.between(i, "c", 4, 1, 3), False),
        (lambda i: claims.ordering(i, "c", {"a": 1, "b": 2, "c": 2}), True),
        (lambda i: claims.ordering(i, "c", {"a": 1, "b": 0.95}), False),
        (lambda i: claims.ordering(i, "c", {"a": 1, "b": 0.95}, slack=0.1), True),
        (lambda i: claims.holds(i, "c", np.bool_(True), expected="yes", measured="yes"), True),
    ],
)
def test_verdicts(info, make, holds):
    claim = make(info)
    assert claim.holds is holds
    assert (claim.paper, claim.figure) == ("p", "f")


@pytest.mark.parametrize(
    "make",
    [
        lambda i, x: claims.within(i, "c", x, 0.5, 10),
        lambda i, x: claims.below(i, "c", x, 1),
        lambda i, x: claims.above(i, "c", x, 1),
        lambda i, x: claims.between(i, "c", x, 0, 1),
        lambda i, x: claims.ordering(i, "c", {"a": x}),
        lambda i, x: claims.ordering(i, "c", {"a": 1.0, "b": x}),
    ],
)
def test_what_is_not_a_number_never_holds(info, make):
    assert make(info, float("nan")).holds is False


def test_json_is_strict_and_plain(info, tmp_path):
    path = tmp_path / "claims.json"
    unbounded = claims.above(info, "c", np.float32(np.nan), 0.5, interval=(np.float64(0.25), np.inf), note="n")
    claims.merge(path, [unbounded], "p")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    (entry,) = json.loads(path.read_text(), parse_constant=refuse)
    assert entry == {
        "paper": "p",
        "figure": "f",
        "claim": "c",
        "expected": "≥ 0.5",
        "measured": None,
        "holds": False,
        "interval": [0.25, None],
        "note": "n",
    }


def claim(paper, figure, text):
    return Claim(paper, figure, text, "e", 1.0, True)


def test_merging_replaces_one_paper_or_one_figure(tmp_path):
    path = tmp_path / "claims.json"
    claims.merge(path, [claim("b", "one", "old"), claim("b", "two", "old")], "b")
    claims.merge(path, [claim("a", "one", "first")], "a")

    def texts():
        return [(entry["paper"], entry["figure"], entry["claim"]) for entry in claims.read(path)]

    assert texts() == [("a", "one", "first"), ("b", "one", "old"), ("b", "two", "old")]
    claims.merge(path, [claim("b", "two", "new"), claim("b", "two", "more")], "b", ["two"])
    assert texts() == [("a", "one", "first"), ("b", "one", "old"), ("b", "two", "new"), ("b", "two", "more")]
    claims.merge(path, [claim("b", "one", "only")], "b")
    assert texts() == [("a", "one", "first"), ("b", "one", "only")]
    assert [p.name for p in tmp_path.iterdir()] == ["claims.json"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (-2, "−2"),
        (12345, "12,345"),
        (1.5e-7, "1.5e−7"),
        (float("nan"), "–"),
        (None, "–"),
        (float("-inf"), "−∞"),
        ("as it is", "as it is"),
    ],
)
def test_numbers_as_people_write_them(value, text):
    assert number(value) == text
