"""What the figures of this paper share: planted atoms, trainings, and instances that are drawn without a sweep."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers
from recover import autoencoders as pieces

from ..fields import Count, Positive
from ..figure import SweepFigure
from ..summaries import means

Condition = Annotated[float, pydantic.Field(ge=1)]

_MEASURED = ["explained", "explained_training", "recovered_90", "l0", "alive", "stability"]


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


class TrainingFigure(SweepFigure):
    """Autoencoders with trained thresholds and a penalty on the number of active neurons."""

    dimension: Count
    features: Count
    active: Count
    batch: Count
    rate: Positive
    rows: Count

    measure = pieces.dictionary_certificates

    def training(self, width, penalty) -> solvers.AutoencoderTraining:
        r"""Minimises $\|x - \hat x\|^2 + \lambda \cdot$ number of active neurons."""
        # Our loss has half the squared error.
        control = pieces.CountPenalty(penalty / 2, ramp=self.max_steps // 5)
        optimiser = pieces.Adam(self.rate, steps=self.max_steps)
        return solvers.AutoencoderTraining(
            width, pieces.Threshold(), control, pieces.FreeEncoder(), optimiser, batch=self.batch
        )

    @staticmethod
    def trained(swept: Table, *by: str) -> pd.DataFrame:
        """Means over data sets of what trainings reach; atoms are those that neurons which speak recover."""
        found = {f"explained{rows}": 1 - swept.frame[f"unexplained{rows}"] for rows in ("", "_training")}
        found["recovered_90"] = swept.frame["alive_recovered_90"]
        return means(swept.frame.assign(**found), by, _MEASURED)


def drawn(one: Callable[..., Mapping[str, Any]], trials: int, seed: int) -> dict[str, np.ndarray]:
    """What `one(key)` finds in every trial: arrays whose first axis is the trial."""
    keys = jax.random.split(jax.random.key(seed), trials)
    return jax.tree.map(np.asarray, jax.jit(lambda keys: jax.lax.map(one, keys))(keys))
