"""Two dimensions: errors over points, jump and noise; and the settings of the reference runs."""

import pandas as pd
import pydantic

from recover import Table, solvers

from ..fields import Count, Grid, Positive
from ..figure import Sweep
from .common import Figure, Weights, grid_error, means, surface

COLUMNS = [
    "jump",
    "jump_bias",
    "jump_mse",
    "mse",
    "false_positive",
    "false_negative",
    "one_step",
    "one_step_truth",
    "steps",
    "undecided",
]


# Levels that the estimate is moved down by.
CORRECTION = 0.5


class Reference(pydantic.BaseModel):
    """A setting with numbers to compare with."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    samples: Count
    weights: Weights
    one_step: Positive
    one_step_truth: Positive
    false_positive: float


class Size(pydantic.BaseModel):
    """Points, and the levels that go with them."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    samples: Count
    levels: Count


class PlaneTable(Figure):
    """Errors of surfaces and jumps."""

    sizes: tuple[Size, ...]
    noises: Grid
    jumps: Grid
    weights: Weights
    references: tuple[Reference, ...]
    reference_jump: Positive
    reference_noise: Positive
    trials: Count
    max_steps: Count

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep, in which further settings are only tried where there are numbers to compare with."""
        axes = {
            "samples": [size.samples for size in self.sizes],
            "noise": self.noises,
            "jump_deviations": self.jumps,
            "setting": range(len(self._settings)),
            "shift": [CORRECTION, 0.0],
        }
        options = {"seed": self.seed, "max_steps": self.max_steps, "share": "none"}
        return {"fits": Sweep(self._cell, axes, self.trials, options)}

    @property
    def _settings(self) -> list[Weights]:
        """The one of the table comes first."""
        others = {(each.weights.data_weight, each.weights.jump_penalty): each.weights for each in self.references}
        return [self.weights, *(each for each in others.values() if each != self.weights)]

    def _cell(self, samples, noise, jump_deviations, setting, shift):
        weights = self._settings[setting]
        at_reference = (noise, jump_deviations) == (self.reference_noise, self.reference_jump)
        known = any(each.samples == samples and each.weights == weights for each in self.references)
        if setting and not (at_reference and known):
            return None
        if shift != CORRECTION and not (at_reference and samples == self.sizes[0].samples):
            return None
        levels = next(size.levels for size in self.sizes if size.samples == samples)
        solver = solvers.FDR(weights.data_weight, weights.jump_penalty, levels=levels, shift=shift)
        return surface(2, samples, noise, jump_deviations), solver

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances."""
        by = ["samples", "noise", "jump_deviations", "setting", "shift"]
        every = means(swept["fits"].frame, by, COLUMNS)
        settings = self._settings
        shifted = every[every["noise"].eq(self.reference_noise) & every["samples"].eq(self.sizes[0].samples)]
        shifted = shifted[shifted["jump_deviations"].eq(self.reference_jump)].pivot(
            index="setting", columns="shift", values="mse"
        )
        shifts = pd.DataFrame(
            [
                {**settings[setting].model_dump(), "corrected": row[CORRECTION], "uncorrected": row[0.0]}
                for setting, row in shifted.dropna().iterrows()
            ]
        )
        every = every[every["shift"] == CORRECTION].drop(columns="shift").reset_index(drop=True)
        planted = [surface(2, row.samples, row.noise, row.jump_deviations) for row in every.itertuples()]
        every["height"] = [float(model.height) for model in planted]
        every["grid_mse"] = [grid_error(model, self.seed, self.trials) for model in planted]
        compared = []
        for each in self.references:
            here = (every["samples"] == each.samples) & (every["setting"] == settings.index(each.weights))
            here &= (every["noise"] == self.reference_noise) & (every["jump_deviations"] == self.reference_jump)
            row = every[here].iloc[0]
            published = {
                f"reference_{name}": getattr(each, name) for name in ("one_step", "one_step_truth", "false_positive")
            }
            compared.append({**row.to_dict(), **each.weights.model_dump(), **published})
        return {
            "errors": every[every["setting"] == 0].drop(columns="setting"),
            "references": pd.DataFrame(compared),
            "shifts": shifts,
        }
