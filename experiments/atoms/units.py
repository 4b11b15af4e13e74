"""Which units of a representation the stability prefers, trivial ones included."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import theory
from recover.dictionaries.atomic_inner_product import second_moment, stability, whitening

from ..fields import Count, Nonnegative, Trials
from ..figure import Figure
from ..summaries import means, tidied
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

    def tables(self, swept):
        parts = []
        for setting in self.settings:
            found = drawn(lambda key, setting=setting: self._stabilities(key, setting), self.trials, self.seed)
            shares = {"stability": np.stack(list(found.values()))}
            parts.append(tidied(shares, unit=found, trial=range(self.trials)).assign(**setting.model_dump()))
        return {"units": means(pd.concat(parts), ["dimension", "features", "active", "unit"], ["stability"])}

    def predictions(self):
        settings = pd.DataFrame([setting.model_dump() for setting in self.settings])
        sizes = (settings[name].to_numpy(float) for name in ("features", "dimension", "active"))
        return {"predictions": settings.assign(stability=np.asarray(theory.tight_frame_stability(*sizes)))}

    def _stabilities(self, key, setting):
        d, n = setting.dimension, setting.features
        model = atoms(d, n, setting.active, self.condition, self.shift)
        stream, directions = model.observe(key, model.design(key))
        count = self.rows_per_dimension * d
        root = whitening(second_moment(stream.rows(jnp.arange(count, dtype=jnp.int32))))
        points = stream.rows(count + jnp.arange(n, dtype=jnp.int32))
        random = jax.random.normal(jax.random.fold_in(key, 7), (n, d), directions.dtype)

        def share(unit, active):
            return stability(unit, jnp.full((1,), active, jnp.int32))

        return {
            "atoms": share(directions @ root, setting.active),
            "atoms, Euclidean": share(directions, setting.active),
            "random": share(random @ root, setting.active),
            "neurons": share(root, d),
            "data points": share(points @ root, 1),
        }
