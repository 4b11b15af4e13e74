"""What the figures of this paper share."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import models, solvers

from ..fields import Count, Positive
from ..figure import Figure


class Weights(pydantic.BaseModel):
    """Hyper-parameters of the functional, for scaled outcomes."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    data_weight: Positive
    jump_penalty: Positive


class SurfaceFigure(Figure):
    """The fields that all simulations of this paper have."""

    trials: Count
    max_steps: Count
    levels: Count

    def options(self, **more) -> dict:
        """Options of every sweep. Instances are large and few lie side by side in the cache, so each has its own points."""
        return {"seed": self.seed, "max_steps": self.max_steps, "share": "none", **more}

    def solver(self, weights: Weights, **more) -> solvers.FDR:
        """Free discontinuity regression with given hyper-parameters."""
        return solvers.FDR(weights.data_weight, weights.jump_penalty, levels=self.levels, **more)


def surface(dimension: int, samples: int, noise: float, jump=None, cells=None) -> models.JumpSurface:
    """A planted surface."""
    return models.JumpSurface(dimension, samples, cells=cells, noise=noise, jump=jump)


@eqx.filter_jit
def observed(model: models.JumpSurface, key_points, key):
    """Points, their outcomes, the problem they make and its truth."""
    points = model.design(key_points)
    return points, model.outcomes(key, points), *model.observe(key, points)


@eqx.filter_jit
def _grid_errors(model: models.JumpSurface, keys):
    def one(key):
        problem, truth = model.sample(key)
        return jnp.mean((problem.outcomes(problem.observations) - truth.values) ** 2)

    return jax.lax.map(one, keys)


def grid_error(model: models.JumpSurface, seed: int, trials: int) -> float:
    """Mean squared error of the cell values that an estimate starts from, over instances drawn for it."""
    return float(_grid_errors(model, jax.random.split(jax.random.key(seed), trials)).mean())


def means(frame: pd.DataFrame, by: list[str], columns: list[str]) -> pd.DataFrame:
    """Mean and standard error over instances of some columns: `<column>`, `<column>_se`; and the number of `trials`.

    Instances on which a number is not defined (the size of jumps, where none was found) are left out of it.
    """
    grouped = frame.groupby(by, sort=False)
    parts = {}
    for name in columns:
        parts[name] = grouped[name].mean()
        parts[f"{name}_se"] = grouped[name].std() / np.sqrt(grouped[name].count())
    return pd.DataFrame({**parts, "trials": grouped.size()}).reset_index()


def cells_frame(centres: np.ndarray, **columns: np.ndarray) -> pd.DataFrame:
    """One row per cell: coordinates `x0`, `x1`, ... and the given arrays."""
    flat = centres.reshape(-1, centres.shape[-1])
    data = {f"x{axis}": flat[:, axis] for axis in range(flat.shape[1])}
    return pd.DataFrame({**data, **{name: np.asarray(value).reshape(-1) for name, value in columns.items()}})
