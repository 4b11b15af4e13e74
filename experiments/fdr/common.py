"""What the figures of this paper share."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import SurfaceProblem, models, solvers
from recover.surfaces.gridding import cell_centres
from recover.surfaces.jumps import Surface
from recover.surfaces.model import WAVE_JUMPS

from ..fields import Count, Positive
from ..figure import SweepFigure

LOCATED = [f"located_{number}" for number in range(1, len(WAVE_JUMPS) + 1)]


class Weights(pydantic.BaseModel):
    """Hyper-parameters of the functional, for scaled outcomes."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    data_weight: Positive
    jump_penalty: Positive


class SurfaceFigure(SweepFigure):
    """Surfaces, each with its own points: instances are large, and few lie side by side in the cache."""

    sharing = "none"

    levels: Count


def fdr(weights: Weights, levels: int, **more) -> solvers.FDR:
    """Free discontinuity regression with given hyper-parameters."""
    return solvers.FDR(weights.data_weight, weights.jump_penalty, levels=levels, **more)


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


def cells_frame(problem: SurfaceProblem, truth: Surface, estimate: Surface, **more) -> pd.DataFrame:
    """One row per cell: its centre `x0`, `x1`, ..., the data, the truth, the estimate, and sizes of jumps in both."""
    centres = np.asarray(cell_centres(truth.values.shape))
    columns = {f"x{axis}": centres[..., axis] for axis in range(centres.shape[-1])}
    data = problem.outcomes(problem.observations)
    columns |= {"data": data, "truth": truth.values, "estimate": estimate.values}
    columns |= {"planted": truth.sizes, "size": estimate.sizes, **more}
    return pd.DataFrame({name: np.asarray(value).reshape(-1) for name, value in columns.items()})
