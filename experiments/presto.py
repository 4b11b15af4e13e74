"""Rare events by shrinking towards proportional odds (Faletto and Bien 2023)."""

from typing import Literal

import numpy as np
import pandas as pd

from recover import models, solvers, theory

from .fields import Count, Grid, Positive, ProperFraction, Section, Share
from .figure import Figure, NamedAxis, Sweep, SweepFigure
from .ordinal_paths import STRENGTHS, differences_found
from .summaries import summarise


class Setting(Section):
    """A law of differences, and intercepts, which say how rare the last class is."""

    differences: Literal["sparse", "dense"] = "sparse"
    density: Share = 1.0
    intercepts: tuple[float, float, float]


class OrdinalFigure(SweepFigure):
    """Rows with uniform inputs, and four ordered classes."""

    sharing = "none"
    measure = staticmethod(differences_found)

    dimension: Count
    samples: Count
    folds: Count = 5

    def model(self, setting: Setting) -> models.RareClass:
        """The model of a setting."""
        return models.RareClass(self.dimension, self.samples, **setting.model_dump())

    def presto(self) -> solvers.PRESTO:
        """The solver, in the authors' settings."""
        return solvers.PRESTO(strengths=STRENGTHS, folds=self.folds)


class RareEvents(OrdinalFigure):
    """Error of the rare probability: PRESTO, proportional odds and logistic regression on the same rows."""

    setting: NamedAxis[Setting]

    def cell(self, setting):
        kinds = {name: solvers.OrdinalRegression(name) for name in ("proportional", "rare")}
        return self.model(self.setting[setting]), {"PRESTO": self.presto(), **kinds}

    def tables(self, swept):
        rows = swept.frame
        wide = rows.pivot(index=["setting", "trial", "rare_share"], columns="solver", values="error")
        ratios = pd.DataFrame({name: wide["PRESTO"] / wide[name] for name in ("proportional", "rare")}).reset_index()
        columns = {"proportional": "median_quartiles", "rare": "median_quartiles", "rare_share": "mean"}
        found = summarise(rows, ["setting", "solver"], error="median_quartiles", rare_share="mean")
        return {"errors": self._by_law(found), "ratios": self._by_law(summarise(ratios, ["setting"], **columns))}

    def _by_law(self, table: pd.DataFrame) -> pd.DataFrame:
        laws = {name: f"{each.differences}, {each.density:.2f}" for name, each in self.setting.items()}
        return table.assign(law=table["setting"].map(laws))


class DifferenceSupport(OrdinalFigure):
    """Which differences are found along the path."""

    density: Share
    intercepts: dict[str, tuple[float, float, float]]

    def sweeps(self):
        return Sweep(self._cell, {"rarity": list(self.intercepts)}, self.trials, self.options())

    def _cell(self, rarity):
        return self.model(Setting(density=self.density, intercepts=self.intercepts[rarity])), self.presto()

    def tables(self, swept):
        at = {}
        for name in ("power", "false_discovery"):
            long = swept.frame.melt(
                ["rarity", "trial"], [f"{name}_{place}" for place in range(STRENGTHS)], "place", name
            )
            at[name] = long.assign(place=long["place"].str.removeprefix(f"{name}_").astype(int))
        rows = at["power"].merge(at["false_discovery"], on=["rarity", "trial", "place"])
        return {"path": summarise(rows, ["rarity", "place"], power="mean", false_discovery="mean")}


class CommonInformation(Figure):
    """The smallest eigenvalue of the information that a common boundary holds on the coefficients, by Monte Carlo."""

    dimension: Count
    samples: Count
    clip: Positive
    correlation: tuple[ProperFraction, ...]
    rare_share: Grid

    def predictions(self):
        generator = np.random.default_rng(self.seed)
        uniform = generator.uniform(-1, 1, (self.samples, self.dimension))
        found = [{"inputs": "uniform", "correlation": 0.0, "eigenvalue": _eigenvalue(uniform), "radius": np.nan}]
        for correlation in self.correlation:
            common = generator.standard_normal((self.samples, 1))
            own = generator.standard_normal((self.samples, self.dimension))
            inputs = np.clip(correlation**0.5 * common + (1 - correlation) ** 0.5 * own, -self.clip, self.clip)
            radius = self.clip * self.dimension**0.5
            row = {
                "inputs": "Gaussian",
                "correlation": correlation,
                "eigenvalue": _eigenvalue(inputs),
                "radius": radius,
            }
            found.append(row)
        table = pd.DataFrame(found)
        limit = np.asarray(
            theory.rare_share_limit(table["eigenvalue"].to_numpy(), table["radius"].fillna(1).to_numpy())
        )
        return {"eigenvalues": table.assign(limit=np.where(table["radius"].isna(), np.nan, limit))}


def _eigenvalue(inputs: np.ndarray) -> float:
    """Of the boundary with intercept zero and all coefficients one."""
    below = 1 / (1 + np.exp(-inputs.sum(1)))
    weights = below * (1 - below) / len(inputs)
    both, cross, single = inputs.T @ (weights[:, None] * inputs), inputs.T @ weights, weights.sum()
    return float(np.linalg.eigvalsh(both - 2 * np.outer(cross, cross) / single)[0])
