import dataclasses

import numpy as np
import pytest

import recover as rc
from tests.sweeps.test_lanes import AXES, cell


@pytest.fixture(scope="module")
def table():
    return rc.sweep(cell, AXES, trials=3, max_steps=100)


def test_rows_agree_with_the_same_solves_alone_in_double_precision(table):
    audit = table.audit(12, seed=1)
    assert len(audit) == 12
    solved = audit[(audit.error < 1e-3) | (audit.error_alone < 1e-3)]
    assert len(solved) >= 3
    assert solved.agrees.all()
    assert (audit.error != audit.error_alone).any()  # it did run again
    joined = audit.merge(table.frame, on=["samples", "sparsity", "solver", "trial"])
    np.testing.assert_array_equal(joined.error_x, joined.error_y)


def test_a_wrong_row_is_found(table):
    frame = table.frame.assign(error=np.where(table.frame.error < 1e-3, 0.5, 0.0))
    audit = dataclasses.replace(table, frame=frame).audit(10)
    assert not audit.agrees.any()


def test_own_designs_are_audited_too():
    table = rc.sweep(cell, {"samples": [40, 50], "sparsity": [2]}, trials=2, max_steps=100, share="none")
    assert table.audit(8).agrees.all()


@pytest.mark.parametrize("count", [0, 10**6])
def test_an_impossible_count_is_named(table, count):
    with pytest.raises(ValueError, match="`count`"):
        table.audit(count)
