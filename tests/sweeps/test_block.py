"""Blocks of one grid share what they have in common."""

import numpy as np

import recover as rc
from recover.sweeps import block, layout
from tests.sweeps.toy import LeastSquares, Means


def test_lanes_are_stacked_once_for_all_their_trials(monkeypatch):
    stacked = []
    original = block.stack

    def counting(modules):
        stacked.append(len(modules))
        return original(modules)

    monkeypatch.setattr(layout, "_ROWS", 3)
    monkeypatch.setattr(block, "stack", counting)
    block._stacked.cache_clear()
    table = rc.sweep(lambda samples: (Means(samples), LeastSquares()), {"samples": [3, 5, 8]}, trials=4)
    assert len(table.provenance) == 4
    assert stacked == [3, 3]  # models, solvers


def test_a_class_that_was_redefined_is_another_one():
    """As in a notebook, where the same cell makes it anew."""

    def define(answer):
        class Constant(LeastSquares):
            def estimate(self, problem, state):
                return 0 * state[0] + answer

        return Constant

    def error(kind):
        return float(
            rc.sweep(lambda samples: (Means(samples), kind()), {"samples": [3]}, trials=1).frame["error"].iloc[0]
        )

    assert not np.isclose(error(define(0.0)), error(define(100.0)))
