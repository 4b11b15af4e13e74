import json

import numpy as np
import pytest

import recover as rc
from tests.sweeps.toy import LeastSquares, Means

xr = pytest.importorskip("xarray")


def cell(samples, noise):
    solvers = (
        {"one": LeastSquares(rounds=1)} if samples == 2 else {"one": LeastSquares(rounds=1), "three": LeastSquares()}
    )
    return Means(samples, noise), solvers


@pytest.fixture(scope="module")
def table():
    return rc.sweep(
        cell, {"samples": [2, 4, 3], "noise": [0.5, 0.1]}, trials=3, record_every=1, max_steps=4, progress=False
    )


def test_every_row_is_at_its_place(table):
    data = table.to_xarray()
    assert data.error.dims == ("samples", "noise", "solver", "trial")
    assert list(data.samples.values) == [2, 4, 3]
    for row in table.frame.itertuples():
        here = data.sel(samples=row.samples, noise=row.noise, solver=row.solver, trial=row.trial)
        assert float(here.error) == row.error
        assert str(here.result.values) == row.result
        np.testing.assert_array_equal(here.history, row.history)
    assert data.history.dims[-1] == "record"
    missing = data.sel(samples=2, solver="three")
    assert np.isnan(missing.error).all()
    assert (missing.result == "").all()


def test_attributes_are_the_settings_and_where_the_rows_come_from(table):
    attributes = table.to_xarray().attrs
    assert attributes["seed"] == table.settings["seed"]
    assert len(json.loads(attributes["provenance"])) == len(table.provenance)


def test_without_holes_counts_stay_counts(table):
    whole = rc.sweep(lambda samples: (Means(samples), LeastSquares()), {"samples": [2, 4]}, trials=2, progress=False)
    assert whole.to_xarray().steps.dtype.kind == "i"
