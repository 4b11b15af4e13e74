"""What the figures of this paper share: ratios to sizes, the Bayes-optimal error, averages of gradient descent."""

from typing import Annotated

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers, theory

from ..fields import Count, Nonnegative, Positive, ProperFraction
from ..figure import Axis, SweepFigure
from ..summaries import summarise

# Points whose Bayes-optimal errors are found side by side, by a compiled function.
_CHUNK = 256
_chunk_error = jax.jit(theory.quadratic_network_mmse)


class Descent(pydantic.BaseModel):
    """Gradient descent: how many runs are averaged, their steps and momentum."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    initialisations: Annotated[int, pydantic.Field(ge=2)]
    step_size: Positive
    momentum: ProperFraction = 0.0

    def build(self, weight_decay: float = 0.0) -> solvers.AveragedGradientDescent:
        """The solver, run for a fixed number of steps."""
        constants = (self.initialisations, self.step_size, self.momentum, weight_decay)
        return solvers.AveragedGradientDescent(*constants, tolerance=-1.0, patience=0)


class DescentFigure(SweepFigure):
    """Gradient descent from several starts. Samples, noise and weight decay are traced: one program."""

    dimension: Count
    ratio: Positive
    descent: Descent
    sampling: Axis[Positive]
    noise: Axis[Nonnegative]
    weight_decay: Axis[Nonnegative] = (0.0,)

    def cell(self, sampling, noise, weight_decay):
        """The teacher, and the average over starts."""
        return network(self.dimension, self.ratio, sampling, noise), self.descent.build(weight_decay)

    def errors(self, swept: Table, *by: str) -> pd.DataFrame:
        """Mean and spread over instances of the errors of a single run and of the average over infinitely many.

        With N independent runs on one instance, errors of averages over k of them are linear in 1/k in expectation; the
        spread around the average of all determines the slope.
        """
        frame, count = swept.frame, self.descent.initialisations
        kinds = {
            "single run": frame["error"] + frame["spread"],
            "average over runs": frame["error"] - frame["spread"] / (count - 1),
        }
        rows = pd.concat([frame[list(by)].assign(estimate=kind, error=error) for kind, error in kinds.items()])
        return summarise(rows, [*by, "estimate"], error="mean_spread")

    def predictions(self):
        """The Bayes-optimal error where there are instances, and in between."""
        return {
            "bayes": bayes_errors(self.sampling, self.ratio, self.noise),
            "line": bayes_errors(np.linspace(0.01, max(self.sampling), 100), self.ratio, self.noise),
        }


def network(dimension: int, ratio: float, sampling: float, noise: float = 0.0) -> models.QuadraticNetwork:
    """The teacher with relative width m / d and sampling n / d^2, rounded to whole numbers."""
    width = max(1, round(ratio * dimension))
    return models.QuadraticNetwork(dimension, width, max(1, round(sampling * dimension**2)), noise)


def bayes_errors(sampling, ratio, noise=0.0) -> pd.DataFrame:
    """The Bayes-optimal error at all combinations, as the column `bayes`, with the perfect-recovery `threshold`."""
    axes = {"noise": noise, "ratio": ratio, "sampling": sampling}
    grid = pd.MultiIndex.from_product(list(map(np.atleast_1d, axes.values())), names=list(axes)).to_frame(index=False)
    found = bayes_error(grid["sampling"], grid["ratio"], grid["noise"])
    return grid.assign(bayes=found, threshold=recovery_threshold(grid["ratio"]))


def bayes_error(sampling, ratio, noise=0.0) -> np.ndarray:
    """The Bayes-optimal error for a noise before the activation."""
    with jax.enable_x64(True):
        channel = np.asarray(theory.quadratic_network_channel_noise(np.asarray(noise), np.asarray(ratio)))
    return channel_error(sampling, ratio, channel)


def channel_error(sampling, ratio, channel_noise) -> np.ndarray:
    """The Bayes-optimal error for a variance of the noise of the linear channel, in double precision."""
    points = np.stack(np.broadcast_arrays(sampling, ratio, channel_noise)).astype(float)
    flat = points.reshape(3, -1)
    # Points go through in chunks of one size, so that all figures share one compilation; surplus ones repeat the last.
    padded = np.pad(flat, ((0, 0), (0, -flat.shape[1] % _CHUNK)), mode="edge")
    chunks = np.split(padded, padded.shape[1] // _CHUNK, axis=1)
    with jax.enable_x64(True):
        parts = [np.asarray(_chunk_error(*chunk)) for chunk in chunks]
    return np.concatenate(parts)[: flat.shape[1]].reshape(points.shape[1:])


def recovery_threshold(ratio) -> np.ndarray:
    """The perfect-recovery threshold, in double precision."""
    with jax.enable_x64(True):
        return np.asarray(theory.quadratic_network_recovery_threshold(np.asarray(ratio)))


def threshold_line(largest: float) -> pd.DataFrame:
    """The perfect-recovery threshold over the relative width."""
    widths = np.linspace(0, largest, 201)
    return pd.DataFrame({"ratio": widths, "sampling": recovery_threshold(widths)})
