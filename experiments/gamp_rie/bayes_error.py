"""The Bayes-optimal error over samples and width; nothing is simulated."""

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import Table, theory

from ..fields import Count, Grid, Nonnegative, Positive
from ..figure import Figure
from .common import bayes_error, recovery_threshold


class Reference(pydantic.BaseModel):
    """A published value of the error, at a variance of the linear channel."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    ratio: Positive
    channel_noise: Nonnegative
    samplings: Grid
    errors: tuple[Nonnegative, ...]

    @pydantic.model_validator(mode="after")
    def _paired(self):
        if len(self.samplings) != len(self.errors):
            raise ValueError(f"`errors` has {len(self.errors)} values; one for each of the samplings is allowed")
        return self


class BayesError(Figure):
    """Curves over the sampling, a map over sampling and width, and values to compare with."""

    ratios: Grid
    largest_sampling: Positive
    points: Count
    map_sampling: Positive
    map_ratio: Positive
    map_points: Count
    references: tuple[Reference, ...]

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Long tables of all three, and the threshold."""
        samplings = np.linspace(0, self.largest_sampling, self.points)
        ratio, sampling = (grid.reshape(-1) for grid in np.meshgrid(self.ratios, samplings, indexing="ij"))
        curves = pd.DataFrame({"ratio": ratio, "sampling": sampling, "error": bayes_error(sampling, ratio)})
        curves["threshold"] = recovery_threshold(ratio)
        side = (np.arange(self.map_points) + 0.5) / self.map_points
        ratio, sampling = (
            grid.reshape(-1) for grid in np.meshgrid(self.map_ratio * side, self.map_sampling * side, indexing="ij")
        )
        heat = pd.DataFrame({"ratio": ratio, "sampling": sampling, "error": bayes_error(sampling, ratio)})
        heat["threshold"] = recovery_threshold(ratio)
        widths = np.linspace(0, self.map_ratio, 201)
        # Just below and at the threshold, for the claim that the curves end there.
        ends = recovery_threshold(self.ratios)
        near = {"ratio": self.ratios, "threshold": ends}
        for name, factor in (("well_below", 0.9), ("below", 0.99), ("at", 1.0)):
            near[name] = bayes_error(factor * ends, np.asarray(self.ratios))
        return {
            "curves": curves,
            "map": heat,
            "threshold": pd.DataFrame({"ratio": widths, "sampling": recovery_threshold(widths)}),
            "ends": pd.DataFrame(near),
            "references": self._references(),
        }

    def _references(self) -> pd.DataFrame:
        parts = []
        with jax.enable_x64(True):
            for reference in self.references:
                found = theory.quadratic_network_mmse(
                    np.asarray(reference.samplings), reference.ratio, reference.channel_noise
                )
                parts.append(
                    pd.DataFrame(
                        {
                            "ratio": reference.ratio,
                            "channel_noise": reference.channel_noise,
                            "sampling": reference.samplings,
                            "reference": reference.errors,
                            "error": np.asarray(found),
                        }
                    )
                )
        return pd.concat(parts, ignore_index=True)
