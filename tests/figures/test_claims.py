# ruff: noqa: RUF001
import json

import numpy as np
import pytest

from figures import claims
from figures.claims import Claim, claim, number


@pytest.mark.parametrize(
    ("checked", "holds", "text"),
    [
        (claim("c", "ours", 0.51).within(0.02, of=0.5), True, "0.5 ± 0.02"),
        (claim("c", "ours", 0.53).within(0.02, of=0.5), False, "0.5 ± 0.02"),
        (claim("c", "ours", 1).at_most(1), True, "≤ 1"),
        (claim("c", "ours", 2).at_most(1), False, "≤ 1"),
        (claim("c", "ours", 1).at_least(1), True, "≥ 1"),
        (claim("c", "ours", 0).at_least(1), False, "≥ 1"),
        (claim("c", "ours", 2).between(1, 3), True, "1 to 3"),
        (claim("c", "ours", 4).between(1, 3), False, "1 to 3"),
        (claim("c", "ours", {"a": 1, "b": 2, "c": 2}).increasing(), True, "increasing"),
        (claim("c", "ours", {"a": 1, "b": 0.95}).increasing(), False, "increasing"),
        (claim("c", "ours", {"a": 1, "b": 0.95}).increasing(slack=0.1), True, "increasing, up to 0.1"),
        (claim("c", "ours", "yes").satisfies("yes", np.bool_(True)), True, "yes"),
    ],
)
def test_criteria(checked, holds, text):
    assert checked.criterion.holds(checked.margin) is holds
    assert checked.criterion.text == text


@pytest.mark.parametrize(
    "make",
    [
        lambda x: claim("c", "ours", x).within(10, of=0.5),
        lambda x: claim("c", "ours", x).at_most(1),
        lambda x: claim("c", "ours", x).at_least(1),
        lambda x: claim("c", "ours", x).between(0, 1),
        lambda x: claim("c", "ours", {"a": x}).increasing(),
        lambda x: claim("c", "ours", {"a": 1.0, "b": x}).increasing(),
    ],
)
def test_what_is_not_a_number_never_holds(make):
    checked = make(float("nan"))
    assert not checked.criterion.holds(checked.margin)


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ((0.1, 0.9), "holds"),
        ((0.1, 1.0), "holds"),
        ((0.1, 1.1), "open"),
        ((1.1, 2.0), "fails"),
        ((-np.inf, np.inf), "open"),
    ],
)
def test_an_interval_decides_a_verdict_where_it_lies_on_one_side(ends, verdict):
    assert claim("c", "ours", 0.5).at_most(1).criterion.verdict(*ends) == verdict


def made(paper, figure, sentence, **changes):
    options = {"source": "ours", "criterion": "e", "measured": 1.0, "interval": None, "verdict": "holds", "holds": True}
    name = f"{paper}/{figure}/{sentence}"
    return Claim(name, paper, figure, sentence, **{**options, "profile": "quick", **changes})


def test_json_is_strict_and_plain(tmp_path):
    path = tmp_path / "claims.json"
    unbounded = made("p", "f", "c", measured=np.float32(np.nan), interval=(np.float64(0.25), np.inf), note="n")
    claims.merge(path, [unbounded], "p")

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    (entry,) = json.loads(path.read_text(), parse_constant=refuse)
    assert entry == {
        "id": "p/f/c",
        "paper": "p",
        "figure": "f",
        "claim": "c",
        "source": "ours",
        "criterion": "e",
        "measured": None,
        "interval": [0.25, None],
        "verdict": "holds",
        "holds": True,
        "profile": "quick",
        "note": "n",
        "reason": None,
    }


def test_a_source_is_one_of_five():
    with pytest.raises(ValueError, match="must begin with one of paper, theory, authors, reference, ours"):
        made("p", "f", "c", source="hearsay, somewhere")


def test_names_do_not_change_with_numbers_and_are_unique():
    first = claims.name_of("After 1000 steps the error is below 1e-3.", [])
    assert first == claims.name_of("After 40 steps the error is below 1e-3.", [])
    assert claims.name_of("After 40 steps the error is below 1e-3.", [first]) == f"{first}-2"


def test_the_tally_counts_per_source():
    found = [
        {"source": "ours, measured", "holds": True, "verdict": "open"},
        {"source": "paper, Figure 1", "holds": True, "verdict": "holds"},
        {"source": "paper, Figure 2", "holds": False, "verdict": "fails"},
    ]
    counts = claims.tally(found)
    assert list(counts) == ["paper", "ours"]
    assert counts["paper"] == {"claims": 2, "met": 1, "holds": 1, "fails": 1, "open": 0}


def test_merging_replaces_one_paper_or_one_figure(tmp_path):
    path = tmp_path / "claims.json"
    claims.merge(path, [made("b", "one", "old"), made("b", "two", "old")], "b")
    claims.merge(path, [made("a", "one", "first")], "a")

    def texts():
        return [(entry["paper"], entry["figure"], entry["claim"]) for entry in claims.read(path)]

    assert texts() == [("a", "one", "first"), ("b", "one", "old"), ("b", "two", "old")]
    claims.merge(path, [made("b", "two", "new"), made("b", "two", "more")], "b", ["two"])
    assert texts() == [("a", "one", "first"), ("b", "one", "old"), ("b", "two", "new"), ("b", "two", "more")]
    claims.merge(path, [made("b", "one", "only")], "b")
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
