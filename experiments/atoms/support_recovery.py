"""Supports of sparse codes by one threshold, orthogonal matching pursuit and basis pursuit, in both inner products."""

import pandas as pd

from recover import Table, models, solvers
from recover.statistics.binomial import binomial_interval

from ..fields import Count, Counts, Trials
from ..figure import Figure, Sweep
from .common import Condition, atoms


class SupportRecovery(Figure):
    """Two sweeps: greedy encoders, and basis pursuit at smaller sizes."""

    dimension: Count
    features: Count
    actives: Counts
    conditions: tuple[Condition, ...]
    trials: Trials
    pursuit_dimension: Count
    pursuit_features: Count
    pursuit_actives: Counts
    pursuit_trials: Trials
    pursuit_steps: Count

    def sweeps(self) -> dict[str, Sweep]:
        """Sizes of supports, conditioning and whitening are traced: one program per solver."""
        axes = {"condition": self.conditions, "whitened": [0, 1]}
        most = max(self.actives) + 1
        return {
            "greedy": Sweep(
                self._greedy, {**axes, "active": self.actives}, self.trials, {"seed": self.seed, "max_steps": most}
            ),
            "pursuit": Sweep(
                self._pursuit,
                {"condition": [min(self.conditions), max(self.conditions)], "whitened": [0, 1],
                 "active": self.pursuit_actives},
                self.pursuit_trials,
                {"seed": self.seed, "max_steps": self.pursuit_steps},
            ),
        }  # fmt: skip

    def _greedy(self, condition, whitened, active):
        model = models.PlantedCode(atoms(self.dimension, self.features, active, condition), whitened)
        return model, {"threshold": solvers.Thresholding(nonnegative=True), "OMP": solvers.OMP()}

    def _pursuit(self, condition, whitened, active):
        features = atoms(self.pursuit_dimension, self.pursuit_features, active, condition)
        return models.PlantedCode(features, whitened), {"basis pursuit": solvers.BasisPursuit()}

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Rates of exact supports with exact binomial intervals."""
        parts = []
        for name in ("greedy", "pursuit"):
            table = swept[name]
            parts.append(success_rates(table.frame, ["solver", "condition", "whitened", "active"]))
        return {"rates": pd.concat(parts, ignore_index=True)}


def success_rates(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Rates of exact supports with 95 % binomial intervals."""
    grouped = frame.assign(success=frame["support"] > 0.5).groupby(by, sort=False)["success"]
    counts = grouped.agg(["sum", "size"]).reset_index()
    low, high = binomial_interval(counts["sum"].to_numpy(), counts["size"].to_numpy())
    return counts.assign(rate=counts["sum"] / counts["size"], low=low, high=high, trials=counts["size"])
