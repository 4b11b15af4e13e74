"""Nonconvex penalties by accelerated gradient, and mutual-information screening (Yang, Asgharian and Bhatnagar 2024; Yang 2025)."""

from typing import Annotated, ClassVar, Literal

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import models, penalties, solvers, theory

from .fields import Count, Nonnegative, Positive, ProperFraction, Section
from .figure import Axis, Figure, NamedAxis, SweepFigure
from .measures import marginal_errors, objective
from .summaries import summarise, tidied

Penalty = Literal["SCAD", "MCP"]
Correlation = Annotated[float, pydantic.Field(gt=-1, lt=1)]


def penalty_of(name: Penalty, strength: float) -> penalties.ChosenPenalty:
    """SCAD with a = 3.7 or MCP with gamma = 3, which share a program."""
    return penalties.ChosenPenalty(["SCAD", "MCP"].index(name), (penalties.SCAD(strength), penalties.MCP(strength)))


class Damping(Figure):
    """The damping of the accelerated gradient method and its bounds."""

    steps: Count

    def predictions(self):
        at = np.arange(self.steps)
        with jax.enable_x64(True):
            exact = np.asarray(theory.proposed_damping(1.0, self.steps))
            bound = np.where(at < 8, np.nan, np.asarray(theory.damping_bound(np.maximum(at, 8.0))))
        curves = {"proposed": exact, "2 / (k + 2)": 2 / (at + 2), "bound of the paper": bound}
        return {"damping": tidied({"damping": np.stack(list(curves.values()))}, curve=curves, step=at)}


class Iterations(SweepFigure):
    """Steps until the objective is near the least one that any method has reached on the same instance."""

    measure = staticmethod(objective)

    dimension: Count
    samples: Axis[Count]
    correlation: Axis[Correlation]
    penalty: Axis[Penalty]
    snr: Positive
    strength: Positive
    above: Positive
    tolerance: Positive
    initial: Nonnegative

    def model(self, samples: int, correlation: float) -> models.BlockSparseRegression:
        """The model, with the link of the figure."""
        return models.BlockSparseRegression(self.dimension, samples, correlation, self.snr)

    def cell(self, samples, correlation, penalty):
        options = {"initial": self.initial, "tolerance": self.tolerance}
        chosen = penalty_of(penalty, self.strength)
        names = {"AG": "proposed", "ISTA": "none", "original AG": "original"}
        return self.model(samples, correlation), {
            name: solvers.NonconvexAcceleratedGradient(chosen, damping, **options) for name, damping in names.items()
        }

    def tables(self, swept):
        by = ["penalty", "correlation", "samples"]
        # A step begins by the objective where it takes the gradient; the first such point is the start.
        histories = np.stack(swept.frame["reached_history"].to_list())[:, 1:]
        rows = swept.frame[[*by, "solver", "trial"]].assign(least=np.nanmin(histories, axis=1))
        rows["least"] = rows.groupby([*by, "trial"], sort=False)["least"].transform("min")
        near = histories - rows["least"].to_numpy()[:, None] < self.above
        reached = np.where(near.any(axis=1), near.argmax(axis=1) + 1.0, np.inf)
        return {"steps": summarise(rows.assign(steps=reached), [*by, "solver"], steps="median")}


class LinearIterations(Iterations):
    """Linear models."""


class LogisticIterations(Iterations):
    """Logistic models."""

    def model(self, samples, correlation):
        return models.BlockSparseRegression(self.dimension, samples, correlation, self.snr, link="logistic")


class Recovery(SweepFigure):
    """Errors and supports on regularisation paths, the strength chosen on rows that are held out."""

    dimension: Count
    samples: Count
    held_out: ProperFraction
    snr: Axis[Positive]
    correlation: Axis[Correlation]
    penalty: Axis[Penalty]
    points: Count
    fit_steps: Count
    tolerance: Positive

    link: ClassVar[str] = "identity"

    def cell(self, snr, correlation, penalty):
        model = models.BlockSparseRegression(self.dimension, self.samples, correlation, snr, self.held_out, self.link)
        chosen = penalty_of(penalty, 1.0)
        gradient = self.gradient(chosen)
        return model, {
            "AG, authors' screening": self.path(gradient, screening=0.5),
            "AG": self.path(gradient),
            **self.baseline(chosen),
        }

    def gradient(self, penalty) -> solvers.NonconvexAcceleratedGradient:
        """Fits by the proposed method."""
        return solvers.NonconvexAcceleratedGradient(penalty, tolerance=self.tolerance)

    def path(self, descent, **options) -> solvers.RegularisationPath:
        """The path of a descent."""
        return solvers.RegularisationPath(descent, points=self.points, steps=self.fit_steps, **options)

    def baseline(self, penalty) -> dict[str, solvers.RegularisationPath]:
        """What stands for ncvreg: another way to the fits of linear models."""
        return {"coordinate descent": self.path(solvers.CoordinateDescent(penalty, tolerance=self.tolerance))}

    def tables(self, swept):
        rows = swept.frame
        nonzero = 50
        found = rows["power"] * nonzero
        unselected = self.dimension - rows["support_size"]
        rows = rows.assign(
            squared_error=rows["error"] ** 2,
            ppv=1 - rows["false_discovery"],
            npv=1 - (nonzero - found) / unselected,
        )
        by = ["penalty", "correlation", "snr", "solver"]
        columns = dict.fromkeys(("squared_error", "ppv", "npv", "support_size"), "mean")
        return {"recovery": summarise(rows, by, **columns)}


class LinearRecovery(Recovery):
    """Linear models."""


class LogisticRecovery(Recovery):
    """Logistic models, where ncvreg has another penalty."""

    link = "logistic"

    def baseline(self, penalty):
        """As concave as ncvreg's where the curvature of the loss is at its bound, 1/8: it multiplies the slopes' fall by it."""
        rescaled = penalties.SCAD(1.0, a=1 + 8 * 2.7), penalties.MCP(1.0, gamma=8 * 3.0)
        return {"AG, rescaled penalty": self.path(self.gradient(penalties.ChosenPenalty(penalty.choice, rescaled)))}


class Outcome(Section):
    """How features enter, and what is observed."""

    shape: Literal["linear", "squared"]
    link: Literal["identity", "logistic"]


class Screening(SweepFigure):
    """Area under the ROC curve of marginal scores against the features that the outcome depends on."""

    measure = staticmethod(marginal_errors)

    dimension: Count
    samples: Count
    correlation: Correlation
    snr: Positive
    outcome: NamedAxis[Outcome]
    sparsity: Axis[Count]
    points: Count
    bins: Count

    def cell(self, outcome, sparsity):
        kind = self.outcome[outcome]
        model = models.ScreenedFeatures(
            self.dimension, self.samples, sparsity, self.correlation, self.snr, kind.shape, kind.link
        )
        return model, solvers.MarginalScreening("correlation", self.points, self.bins)

    def tables(self, swept):
        names = {"kernel": "kernel MI", "histogram": "histogram MI", "correlation": "Pearson"}
        by = ["outcome", "sparsity"]
        scores = [
            swept.frame[by].assign(score=label, auroc=1 - swept.frame[f"{name}_error"]) for name, label in names.items()
        ]
        return {"scores": summarise(pd.concat(scores, ignore_index=True), [*by, "score"], auroc="mean")}
