"""What the figures of this paper share: planted atoms, trainings, and means with intervals."""

from typing import Annotated

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers
from recover import autoencoders as pieces

from ..fields import Count, Counts, Positive, Trials
from ..figure import Figure

Condition = Annotated[float, pydantic.Field(ge=1)]

# What a sweep of trainings measures.
COLUMNS = ["explained", "explained_training", "recovered_90", "mean_cosine", "l0", "alive", "stability"]


def atoms(dimension, features, active, condition=1.0, shift=0.0, **options) -> models.PlantedFeatures:
    """Atoms with a conditioning and a shift along a common direction; coefficients uniform on [0.5, 1] by default."""
    return models.PlantedFeatures(
        dimension,
        features,
        active,
        coherence=shift**2 / (1 + shift**2),
        condition_number=condition,
        equal_lengths=False,
        **{"coefficient_range": (0.5, 1.0), **options},
    )


class TrainingFigure(Figure):
    """Autoencoders with trained thresholds and a penalty on the number of active neurons."""

    dimension: Count
    features: Count
    active: Count
    widths: Counts
    batch: Count
    steps: Count
    rate: Positive
    rows: Count
    trials: Trials

    def training(self, width, penalty) -> solvers.AutoencoderTraining:
        r"""Minimises $\|x - \hat x\|^2 + \lambda \cdot$ number of active neurons."""
        # Our loss has half the squared error.
        control = pieces.CountPenalty(penalty / 2, ramp=self.steps // 5)
        optimiser = pieces.Adam(self.rate, steps=self.steps)
        return solvers.AutoencoderTraining(
            width, pieces.Threshold(), control, pieces.FreeEncoder(), optimiser, batch=self.batch
        )

    def options(self) -> dict:
        """Options of every sweep."""
        return {"seed": self.seed, "max_steps": self.steps, "measure": pieces.dictionary_certificates}


def explained(table: Table) -> pd.DataFrame:
    """Rows with the shares of variance that are explained, and the atoms that neurons which speak recover."""
    frame = table.frame
    spoken = {name: frame[f"alive_{name}"] for name in ("recovered_90", "mean_cosine")}
    return frame.assign(
        explained=1 - frame["unexplained"], explained_training=1 - frame["unexplained_training"], **spoken
    )


def crossing(frame: pd.DataFrame, x: str, y: str, level: float) -> float:
    """Where a curve first reaches a level, interpolated in the logarithm of x; infinite if it does not."""
    rows = frame.sort_values(x)
    at, values = np.log(rows[x].to_numpy(float)), rows[y].to_numpy(float)
    above = np.flatnonzero(values >= level)
    if not len(above):
        return float("inf")
    first = above[0]
    if first == 0:
        return float(np.exp(at[0]))
    share = (level - values[first - 1]) / (values[first] - values[first - 1])
    return float(np.exp(at[first - 1] + share * (at[first] - at[first - 1])))


def crossings(frame: pd.DataFrame, by: list[str], x: str, y: str, level: float, seed: int, draws: int = 400):
    """Crossings of the means over trials, with intervals from resampled trials: `crossing`, `low`, `high`."""
    rng, found = np.random.default_rng(seed), []
    for values, rows in frame.groupby(by, sort=False):
        wide = rows.pivot(index="trial", columns=x, values=y)

        def at(curve):
            return crossing(pd.DataFrame({x: curve.index, y: curve.to_numpy()}), x, y, level)

        picks = rng.integers(len(wide), size=(draws, len(wide)))
        resampled = np.array([at(wide.iloc[pick].mean()) for pick in picks])
        low, high = np.quantile(resampled, [0.025, 0.975], method="nearest")
        found.append({**dict(zip(by, values, strict=True)), "crossing": at(wide.mean()), "low": low, "high": high})
    return pd.DataFrame(found)
