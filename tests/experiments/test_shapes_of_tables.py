"""What figures make of arrays and curves."""

import numpy as np
import pytest

from experiments.summaries import crossing, tidied


def test_arrays_become_rows_in_the_order_of_their_axes():
    values = np.arange(6).reshape(2, 3)
    rows = tidied({"value": values, "twice": 2 * values}, trial=range(2), width=[4, 8, 16])
    assert list(rows.columns) == ["trial", "width", "value", "twice"]
    for row in rows.itertuples():
        assert row.value == values[row.trial, [4, 8, 16].index(row.width)]
        assert row.twice == 2 * row.value


def test_a_curve_crosses_where_its_logarithm_says():
    assert crossing([4, 1, 16], [0.4, 0.0, 0.8], 0.6) == pytest.approx(8.0)
    assert crossing([1, 2, 4], [0.9, 0.1, 0.95], 0.5) == pytest.approx(1.0)
    assert crossing([1, 2, 4], [0.1, 0.2, 0.3], 0.5) == np.inf


def test_the_inverse_axis_says_where_a_curve_last_falls():
    widths, values = np.array([1.0, 2.0, 4.0, 8.0]), [0.2, 0.9, 0.7, 0.3]
    assert 1 / crossing(1 / widths, values, 0.5) == pytest.approx(4 * np.sqrt(2))
