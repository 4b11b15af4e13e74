import numpy as np
import pandas as pd

from experiments.figure import Figure
from experiments.resampling import resampled_tables
from recover import Table


def _table(trials):
    frame = pd.DataFrame({"snr": 1.0, "solver": "a", "trial": np.arange(trials), "error": np.arange(trials) / trials})
    return Table(frame, pd.DataFrame(), {"snr": [1.0]}, {}, None)  # pyright: ignore[reportArgumentType]


class _Counts(Figure):
    resamples = 60

    def tables(self, swept):
        return {"counts": pd.DataFrame({name: [len(table.frame)] for name, table in swept.items()})}


def test_a_sweep_of_fewer_trials_may_have_none_of_those_drawn():
    counts = resampled_tables(_Counts(), {"many": _table(12), "few": _table(1)})["counts"]
    drawn = counts["resample"] >= 0
    assert (counts.loc[drawn, "many"] == 12).all()
    assert (counts.loc[~drawn, "many"] == 11).all()
    assert counts.loc[drawn, "few"].min() == 0
    assert counts.loc[drawn, "few"].max() > 1
