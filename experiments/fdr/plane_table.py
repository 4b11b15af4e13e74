"""Two dimensions: errors over points, jump and noise; and the settings of the reference runs."""

import pandas as pd
import pydantic

from recover import Table, solvers

from ..figure import Sweep
from .common import Count, Counts, Grid, Positive, SurfaceFigure, Weights, means, surface

COLUMNS = ["jump", "jump_bias", "jump_mse", "mse", "false_positive", "false_negative", "one_step", "one_step_truth", "steps"]


class Reference(pydantic.BaseModel):
    """A setting with published numbers."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    samples: Count
    levels: Count
    weights: Weights
    one_step: Positive
    one_step_truth: Positive
    false_positive: float


class PlaneTable(SurfaceFigure):
    """Errors of surfaces and jumps."""

    samples: Counts
    noises: Grid
    jumps: Grid
    weights: Weights
    references: tuple[Reference, ...]
    reference_jump: Positive
    reference_noise: Positive

    def sweeps(self) -> dict[str, Sweep]:
        """The table, and the reference settings."""
        axes = {"samples": self.samples, "noise": self.noises, "jump_deviations": self.jumps}
        return {
            "fits": Sweep(self._cell, axes, self.trials, self.options()),
            "references": Sweep(self._reference, {"setting": range(len(self.references))}, self.trials, self.options()),
        }

    def _cell(self, samples, noise, jump_deviations):
        return surface(2, samples, noise, jump_deviations), self.solver(self.weights)

    def _reference(self, setting):
        chosen = self.references[setting]
        solver = solvers.FDR(chosen.weights.data_weight, chosen.weights.jump_penalty, levels=chosen.levels)
        return surface(2, chosen.samples, self.reference_noise, self.reference_jump), solver

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances."""
        errors = means(swept["fits"].frame, ["samples", "noise", "jump_deviations"], COLUMNS)
        errors["height"] = [
            float(surface(2, row.samples, row.noise, row.jump_deviations).height) for row in errors.itertuples()
        ]
        found = means(swept["references"].frame, ["setting"], COLUMNS)
        chosen = [self.references[setting] for setting in found["setting"]]
        for name in ("samples", "levels", "one_step", "one_step_truth", "false_positive"):
            found[f"reference_{name}"] = [getattr(each, name) for each in chosen]
        found["data_weight"] = [each.weights.data_weight for each in chosen]
        found["jump_penalty"] = [each.weights.jump_penalty for each in chosen]
        return {"errors": errors, "references": found}
