"""Planning a large grid tells how far it is."""

import logging

import pytest

import recover as rc
from recover.sweeps import progress
from tests.sweeps.toy import LeastSquares, Means


def cell(value):
    return Means(4, noise=value), LeastSquares()


def test_planning_without_a_bar_says_how_far_it_is(monkeypatch, caplog):
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    monkeypatch.setattr(progress, "_STRIDE", 10)
    done = []
    with caplog.at_level(logging.INFO, "recover"):
        rc.sweep(cell, {"value": range(30)}, trials=1, progress=lambda rows, total: done.append(total))
        rc.plan_sweep(cell, {"value": range(30)}, trials=1)
    assert caplog.text.count("sweep: planned 20 of 30 cells") == 2
    assert set(done) == {30}
    caplog.clear()
    rc.sweep(cell, {"value": range(30)}, trials=1, progress=False)
    assert "planned" not in caplog.text


def test_planning_with_a_bar(monkeypatch, capsys):
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    monkeypatch.setattr(progress, "_STRIDE", 10)
    rc.sweep(cell, {"value": range(30)}, trials=1, progress=True)
    assert "cells planned" in capsys.readouterr().err


def test_a_short_plan_says_nothing(caplog):
    rc.sweep(cell, {"value": range(30)}, trials=1)
    assert not caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [({"memory": 0}, "`memory` is 0; a positive integer"), ({"memory": -5}, "`memory` is -5")],
)
def test_memory_is_checked(change, message):
    with pytest.raises(ValueError, match=message):
        rc.sweep(cell, {"value": [1]}, trials=1, **change)
