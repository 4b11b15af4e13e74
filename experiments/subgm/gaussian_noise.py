"""Error under Gaussian noise against the rate of least squares."""

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import Table, theory

from ..fields import Count, Positive
from ..figure import Sweep
from .common import MatrixFigure, Step, gradient_descent, subgradient_method


class Variant(pydantic.BaseModel):
    """A search rank and an initial scale."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    search_rank: Count
    initial_scale: Positive


class GaussianNoise(MatrixFigure):
    """Sub-gradient method and least squares, exact and over-estimated rank, small and large start."""

    samples: tuple[Count, ...]
    noises: tuple[Positive, ...]
    variants: dict[str, Variant]
    step: Step
    gradient_step: Positive
    record_every: Count

    def sweeps(self) -> dict[str, Sweep]:
        """Everything on the same instances; histories are kept, for the error of stopping at the best time."""
        axes = {"samples": self.samples, "noise": self.noises, "variant": tuple(self.variants)}
        return {"runs": Sweep(self._cell, axes, self.trials, self.options(record_every=self.record_every))}

    def _cell(self, samples, noise, variant):
        chosen = self.variants[variant]
        arguments = (chosen.search_rank, chosen.initial_scale)
        return self.model(samples, noise=noise), {
            "sub-gradient": subgradient_method(*arguments, self.step),
            "least squares": gradient_descent(*arguments, self.gradient_step),
        }

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Final and least errors, their medians over trials, and the predicted relative error."""
        frame = swept["runs"].frame
        frame = frame.assign(least=[float(np.nanmin(history)) for history in frame["history"]])
        by = ["solver", "variant", "samples", "noise"]
        errors = frame.groupby(by, sort=False)[["error", "least"]].median().reset_index()
        with jax.enable_x64(True):
            predicted = theory.least_squares_matrix_error(
                errors["noise"].to_numpy(), self.dimension, self.rank, errors["samples"].to_numpy(float)
            )
        return {"errors": errors.assign(predicted=np.asarray(predicted) / np.sqrt(self.rank))}
