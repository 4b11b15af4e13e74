"""Where the analysed form of bias adaptation recovers features: target frequency, dimension, width, size of supports."""

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers, theory

from ..fields import Count, Counts, Grid, Positive
from ..figure import Figure, Sweep
from ..summaries import means

RATES = ["recovered_80", "recovered_90", "mean_cosine", "monosemantic"]


class Resonance(Figure):
    """Two planes of one grid, all traced: dimensions by targets at one width, and widths by supports at one dimension."""

    features: Count
    active: Count
    samples: Count
    dimensions: Counts
    multiples: Grid
    width_ratio: Count
    dimension: Count
    actives: Counts
    width_ratios: Counts
    trials: int = pydantic.Field(ge=2)
    max_steps: Count
    level: Positive = pydantic.Field(lt=1, default=0.9)

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep."""
        axes = {
            "dim": sorted({*self.dimensions, self.dimension}),
            "support": sorted({self.active, *self.actives}),
            "ratio": sorted({self.width_ratio, *self.width_ratios}),
            "multiple": sorted({*self.multiples, 1.0}),
        }
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, dim, support, ratio, multiple):
        first = support == self.active and ratio == self.width_ratio and dim in self.dimensions
        second = dim == self.dimension and multiple == 1.0 and support in self.actives and ratio in self.width_ratios
        if not (second or (first and multiple in self.multiples)):
            return None
        model = models.PlantedFeatures(
            dim, self.features, support, scaling="unit", samples=self.samples, summary_rows=1
        )
        target = multiple * support / self.features
        return model, solvers.SphericalBiasAdaptation(ratio * self.features, target, batch=self.samples)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Recovery with intervals in both planes, the band, chance, and the upper edge found at every dimension."""
        frame = swept["grid"].frame
        columns = ["dim", "support", "ratio", "multiple"]
        rates = means(frame, columns, RATES)
        plane = rates[(rates["support"] == self.active) & (rates["ratio"] == self.width_ratio)]
        plane = plane[plane["dim"].isin(self.dimensions) & plane["multiple"].isin(self.multiples)].copy()
        width = self.width_ratio * self.features
        plane["chance"] = np.asarray(theory.chance_recovery(plane["dim"].to_numpy(float), width, self.level))
        widths = rates[
            (rates["dim"] == self.dimension)
            & rates["support"].isin(self.actives)
            & rates["ratio"].isin(self.width_ratios)
        ]
        widths = widths[widths["multiple"] == 1.0].copy()
        widths["coupon"] = np.asarray(theory.coupon_recovery(widths["ratio"].to_numpy(float)))
        widths["chance"] = np.asarray(
            theory.chance_recovery(float(self.dimension), widths["ratio"].to_numpy(float) * self.features, self.level)
        )
        occurrence = self.active / self.features
        band = [theory.resonance_band(self.features, self.active, dim) for dim in self.dimensions]
        edges = pd.DataFrame(
            [
                [dim, *(float(edge) / occurrence for edge in each)]
                for dim, each in zip(self.dimensions, band, strict=True)
            ],
            columns=["dim", "lower", "crowding", "overlap", "dimension_edge"],
        )
        found = frame[(frame["support"] == self.active) & (frame["ratio"] == self.width_ratio)]
        return {"plane": plane, "widths": widths, "band": edges, "edges": self._edges(found)}

    def _edges(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The largest multiple up to which half of the features are found, interpolated; interval over whole trials."""
        rows = []
        random = np.random.default_rng(self.seed)
        for dim in self.dimensions:
            table = frame[(frame["dim"] == dim) & frame["multiple"].isin(self.multiples)].pivot(
                index="trial", columns="multiple", values="recovered_90"
            )
            at, values = np.log(table.columns.to_numpy(float)), table.to_numpy()
            draws = random.integers(0, len(values), (400, len(values)))
            resampled = [_crossing(at, values[draw].mean(axis=0)) for draw in draws]
            low, high = np.quantile(resampled, [0.025, 0.975], method="nearest")
            rows.append([dim, _crossing(at, values.mean(axis=0)), low, high])
        return pd.DataFrame(rows, columns=["dim", "edge", "low", "high"])


def _crossing(at: np.ndarray, values: np.ndarray, level: float = 0.5) -> float:
    """Where the values last fall below the level; zero if they are never above, infinite if they never fall."""
    above = np.flatnonzero(values >= level)
    if not len(above):
        return 0.0
    last = above[-1]
    if last == len(at) - 1:
        return float("inf")
    share = (values[last] - level) / (values[last] - values[last + 1])
    return float(np.exp(at[last] + share * (at[last + 1] - at[last])))
