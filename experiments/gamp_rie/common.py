"""What the figures of this paper share: ratios to sizes, the Bayes-optimal error, means over instances."""

from typing import Annotated

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import models, solvers, theory

from ..fields import Count, Nonnegative, Positive
from ..figure import Figure

Noises = Annotated[tuple[Nonnegative, ...], pydantic.Field(min_length=1)]


# Points whose Bayes-optimal errors are found side by side.
_CHUNK = 256


class Descent(pydantic.BaseModel):
    """Gradient descent: how many runs are averaged, their steps and momentum."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    initialisations: Annotated[int, pydantic.Field(ge=2)]
    step_size: Positive
    momentum: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.0

    def build(self, weight_decay: float = 0.0) -> solvers.AveragedGradientDescent:
        """The solver, run for a fixed number of steps."""
        return solvers.AveragedGradientDescent(
            self.initialisations, self.step_size, self.momentum, weight_decay, tolerance=-1.0, patience=0
        )


class NetworkFigure(Figure):
    """The fields that all simulations of this paper have."""

    trials: Count
    max_steps: Count

    def options(self, **more) -> dict:
        """Options of every sweep."""
        return {"seed": self.seed, "max_steps": self.max_steps, **more}


def network(dimension: int, ratio: float, sampling: float, noise: float = 0.0) -> models.QuadraticNetwork:
    """The teacher with relative width m / d and sampling n / d^2, rounded to whole numbers."""
    width = max(1, round(ratio * dimension))
    return models.QuadraticNetwork(dimension, width, max(1, round(sampling * dimension**2)), noise)


def bayes_error(sampling, ratio, noise=0.0) -> np.ndarray:
    """The Bayes-optimal error for a noise before the activation, in double precision."""
    sampling, ratio, noise = np.broadcast_arrays(*(np.asarray(value, float) for value in (sampling, ratio, noise)))
    shape, size = sampling.shape, sampling.size
    # Points go through in chunks of one size, so that all figures share one compilation; surplus ones repeat the first.
    surplus = -size % _CHUNK
    padded = [
        np.r_[value.reshape(-1), np.full(surplus, value.flat[0])].reshape(-1, _CHUNK)
        for value in (sampling, ratio, noise)
    ]
    with jax.enable_x64(True):
        parts = [np.asarray(_chunk_error(*chunk)) for chunk in zip(*padded, strict=True)]
    return np.concatenate(parts)[:size].reshape(shape)


@jax.jit
def _chunk_error(sampling, ratio, noise):
    channel = theory.quadratic_network_channel_noise(noise, ratio)
    return theory.quadratic_network_mmse(sampling, ratio, channel)


def recovery_threshold(ratio) -> np.ndarray:
    """The perfect-recovery threshold, in double precision."""
    with jax.enable_x64(True):
        return np.asarray(theory.quadratic_network_recovery_threshold(ratio))


def summary(frame: pd.DataFrame, by: list[str], columns: list[str]) -> pd.DataFrame:
    """Mean, standard deviation and median over instances of some columns: `<column>`, `<column>_sd`, `<column>_median`.

    What is not a number counts as infinite.
    """
    grouped = frame.assign(**{name: frame[name].fillna(np.inf) for name in columns}).groupby(by, sort=False)
    parts = {}
    for name in columns:
        parts[name] = grouped[name].mean()
        parts[f"{name}_sd"] = grouped[name].std()
        parts[f"{name}_median"] = grouped[name].median()
    return pd.DataFrame({**parts, "trials": grouped.size()}).reset_index()


def descent_errors(frame: pd.DataFrame, initialisations: int) -> pd.DataFrame:
    """Adds the errors that averages over one and over infinitely many runs have on average.

    With N independent runs on one instance, errors of averages over k of them are linear in 1/k in expectation; the
    spread around the average of all determines the slope. `single`: k = 1. `average`: k = infinity.
    """
    return frame.assign(
        single=frame["error"] + frame["spread"], average=frame["error"] - frame["spread"] / (initialisations - 1)
    )
