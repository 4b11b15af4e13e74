"""Two dimensions: errors over points, jump and noise; and further settings that there are numbers to compare with for."""

import pandas as pd
import pydantic

from ..fields import Count, Positive
from ..figure import Axis, SweepFigure
from ..summaries import summarise
from .common import Weights, fdr, grid_error, surface

# Levels that the estimate is moved down by.
CORRECTION = 0.5


class Size(pydantic.BaseModel):
    """Points, and the levels that go with them."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    samples: Count
    levels: Count


class Further(Weights):
    """Weights that are tried at one number of points, where noise and jump are those of the comparison."""

    samples: Count


class PlaneTable(SweepFigure):
    """One setting of the weights for the table, in which only comparisons leave the correction of half a level out."""

    sharing = "none"

    sizes: tuple[Size, ...]
    noise: Axis[Positive]
    jump_deviations: Axis[Positive]
    weights: Weights
    further: tuple[Further, ...]
    compared_noise: Positive
    compared_jump: Positive

    def axes(self):
        """Besides those of the table, the setting, of which the table's comes first, and the correction."""
        samples = [size.samples for size in self.sizes]
        settings = range(len(self._settings))
        return {"samples": samples, **super().axes(), "setting": settings, "shift": [CORRECTION, 0.0]}

    @property
    def _settings(self) -> list[Weights]:
        return [self.weights, *self.further]

    def cell(self, samples, noise, jump_deviations, setting, shift):
        weights = self._settings[setting]
        compared = (noise, jump_deviations) == (self.compared_noise, self.compared_jump)
        if isinstance(weights, Further) and not (compared and weights.samples == samples):
            return None
        if shift != CORRECTION and not (compared and samples == self.sizes[0].samples):
            return None
        levels = next(size.levels for size in self.sizes if size.samples == samples)
        return surface(2, samples, noise, jump_deviations), fdr(weights, levels, shift=shift)

    def tables(self, swept):
        columns = ["jump", "jump_bias", "jump_mse", "mse", "false_positive", "false_negative"]
        columns += ["one_step", "one_step_truth", "undecided"]
        errors = summarise(swept, list(swept.axes), **dict.fromkeys(columns, "mean"))
        weights = [self._settings[setting].model_dump(exclude={"samples"}) for setting in errors["setting"]]
        return {"errors": pd.concat([errors, pd.DataFrame(weights)], axis=1)}

    def predictions(self):
        axes = {name: self.axes()[name] for name in ("samples", "noise", "jump_deviations")}
        cells = pd.MultiIndex.from_product(axes.values(), names=axes).to_frame(index=False)
        planted = [surface(2, *cell) for cell in cells.itertuples(index=False)]
        heights = [float(model.height) for model in planted]
        errors = [grid_error(model, self.seed, self.trials) for model in planted]
        return {"grid": cells.assign(height=heights, grid_mse=errors)}
