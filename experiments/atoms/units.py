"""Which units of a representation the stability prefers, trivial ones included."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Table, theory
from recover.dictionaries.atomic_inner_product import second_moment, stability, whitening

from ..fields import Count, Nonnegative, Trials
from ..figure import Figure
from ..summaries import means
from .common import Condition, atoms, drawn


class Setting(pydantic.BaseModel):
    """Sizes of a planted representation."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    dimension: Count
    features: Count
    active: Count


class Units(Figure):
    """Codes of the planted atoms' size for all units but neurons, which all speak, and data points, which speak alone."""

    settings: tuple[Setting, ...]
    condition: Condition
    shift: Nonnegative
    rows_per_dimension: Count
    trials: Trials

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Stability of every unit in every setting, with intervals and the prediction for atoms."""
        keys = jax.random.split(jax.random.key(self.seed), self.trials)
        rows, predictions = [], []
        for setting in self.settings:
            run = jax.jit(lambda k, setting=setting: jax.lax.map(lambda each: self._one(each, setting), k))
            where = setting.model_dump()
            for unit, values in run(keys).items():
                rows += [{**where, "unit": unit, "trial": trial, "stability": float(value)} for trial, value in
                         enumerate(np.asarray(values))]  # fmt: skip
            predicted = theory.tight_frame_stability(
                float(setting.features), float(setting.dimension), float(setting.active)
            )
            predictions.append({**where, "stability": float(predicted)})
        by = ["dimension", "features", "active", "unit"]
        return {
            "units": means(pd.DataFrame(rows), by, ["stability"]),
            "predictions": pd.DataFrame(predictions),
        }

    def _one(self, key, setting):
        d, n = setting.dimension, setting.features
        model = atoms(d, n, setting.active, self.condition, self.shift)
        stream, directions = drawn(model, key)
        count = self.rows_per_dimension * d
        root = whitening(second_moment(stream.rows(jnp.arange(count, dtype=jnp.int32))))
        points = stream.rows(count + jnp.arange(n, dtype=jnp.int32))
        directions_random = jax.random.normal(jax.random.fold_in(key, 7), (n, d), directions.dtype)

        def sizes(active):
            return jnp.full((1,), active, jnp.int32)

        return {
            "atoms": stability(directions @ root, sizes(setting.active)),
            "atoms, Euclidean": stability(directions, sizes(setting.active)),
            "random": stability(directions_random @ root, sizes(setting.active)),
            "neurons": stability(root, sizes(d)),
            "data points": stability(points @ root, sizes(1)),
        }
