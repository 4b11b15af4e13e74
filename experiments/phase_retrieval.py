"""The canon of phase retrieval: starts, flows, projections, message passing and PhaseMax on the same instances."""

import abc
import functools
from collections.abc import Mapping
from typing import Literal

import jax
import numpy as np
import pandas as pd

from recover import Table, initialisers, models, phaseless_losses, solvers, theory

from .fields import Count, Grid, Positive, Section, Share
from .figure import Axis, Sweep, SweepFigure
from .summaries import crossing, summarise, unrolled

STARTS = {
    "plain": initialisers.SpectralStart(),
    "truncated": initialisers.TruncatedSpectralStart(),
    "orthogonality promoting": initialisers.OrthogonalityPromotingStart(),
    "weighted": initialisers.WeightedSpectralStart(),
    "minimal threshold": initialisers.MinimalThresholdStart(),
    "optimal": initialisers.OptimalSpectralStart(),
    "random": initialisers.RandomSignal(),
}
LOSSES = {
    "WF": phaseless_losses.IntensityLoss(),
    "TWF": phaseless_losses.TruncatedPoissonLoss(),
    "AF": phaseless_losses.AmplitudeLoss(),
    "TAF": phaseless_losses.TruncatedAmplitudeLoss(),
    "RAF": phaseless_losses.ReweightedAmplitudeLoss(),
}
PROJECTIONS = {"AltMin": "error reduction", "RAAR": "raar"}
Field = Literal["real", "complex"]
Start = Literal["plain", "truncated", "orthogonality promoting", "weighted", "minimal threshold", "optimal", "random"]


class Method(Section):
    """An algorithm and its start. All starts, and all flows, are choices in one program."""

    algorithm: Literal["WF", "TWF", "AF", "TAF", "RAF", "AltMin", "RAAR"]
    start: Start

    def build(self, **options) -> solvers.AbstractSolver:
        """The solver; options are its stopping rule."""
        start = chosen_start(self.start)
        if self.algorithm in PROJECTIONS:
            return solvers.PhaselessProjections(PROJECTIONS[self.algorithm], start, **options)
        loss = phaseless_losses.ChosenLoss(list(LOSSES).index(self.algorithm), tuple(LOSSES.values()))
        return solvers.PhaselessFlow(loss, start, **options)


def chosen_start(name: str) -> initialisers.ChosenStart:
    """A start as a choice among all."""
    return initialisers.ChosenStart(list(STARTS).index(name), tuple(STARTS.values()))


class PhaseFigure(SweepFigure):
    """Signals seen through Gaussian matrices; sizes and noise are traced."""

    dimension: Count
    below: Positive = 1e-3

    def model(self, ratio: float, field: str = "complex", **law) -> models.PhaseRetrieval:
        """The model with that many observations for every unknown."""
        return models.PhaseRetrieval(self.dimension, round(ratio * self.dimension), field, **law)


class FieldsFigure(PhaseFigure):
    """Solvers over the number of observations, for real and for complex data: a sweep each."""

    ratios: dict[Field, Grid]

    def sweeps(self):
        return {
            field: Sweep(functools.partial(self._cell, field), {"ratio": values}, self.trials, self.options())
            for field, values in self.ratios.items()
        }

    def _cell(self, field, ratio):
        return self.model(ratio, field), self.solvers()

    @abc.abstractmethod
    def solvers(self) -> dict[str, solvers.AbstractSolver]:
        """The solvers of every cell, by name."""

    def joined(self, swept: Mapping[str, Table]) -> pd.DataFrame:
        """The rows of the sweeps over both fields, with whether they are solved."""
        frame = pd.concat([table.frame.assign(field=name) for name, table in swept.items()], ignore_index=True)
        return frame.assign(solved=frame["error"] < self.below)


def transitions(success: pd.DataFrame, by: list[str], column: str = "ratio") -> pd.DataFrame:
    """Where success rates first reach one half, interpolated; infinite where they do not."""
    found = [
        dict(zip(by, names, strict=True), transition=crossing(rows[column], rows["solved"], 0.5))
        for names, rows in success.groupby(by, sort=False)
    ]
    return pd.DataFrame(found)


class Success(FieldsFigure):
    """Success over the number of observations, for algorithms with their starts."""

    methods: dict[str, Method]

    def solvers(self):
        return {name: method.build() for name, method in self.methods.items()}

    def tables(self, swept):
        rows = self.joined(swept)
        success = summarise(rows, ["field", "solver", "ratio"], solved="rate", steps="median_quartiles")
        return {"success": success, "transitions": transitions(success, ["field", "solver"])}


class SpectralStarts(FieldsFigure):
    """Squared cosine of starts and signal over the number of observations, and its prediction."""

    starts: tuple[Start, ...]
    points: Count

    def solvers(self):
        return {name: solvers.PhaselessStart(chosen_start(name)) for name in self.starts}

    def tables(self, swept):
        rows = self.joined(swept).rename(columns={"solver": "start"})
        return {"overlaps": summarise(rows, ["field", "start", "ratio"], overlap="mean")}

    def predictions(self):
        found = []
        with jax.enable_x64(True):
            for field, values in self.ratios.items():
                at = np.unique([*values, *np.geomspace(min(values), max(values), self.points)])
                for name in self.starts:
                    if getattr(STARTS[name], "bounded", False):
                        overlap = theory.spectral_overlap(at, STARTS[name], complex_data=field == "complex")
                        row = {"field": field, "start": name, "ratio": at, "predicted": np.asarray(overlap)}
                        found.append(pd.DataFrame(row))
        return {"predicted": pd.concat(found, ignore_index=True)}


class MessagePassing(FieldsFigure):
    """Overlap and success of message passing over the number of observations, and state evolution."""

    points: Count

    def solvers(self):
        return {"GAMP": solvers.PhaselessGAMP()}

    def tables(self, swept):
        rows = self.joined(swept)
        found = summarise(rows, ["field", "ratio"], overlap="median_quartiles", solved="rate")
        return {"overlaps": found, "transitions": transitions(found, ["field"])}

    def predictions(self):
        found, limits = [], []
        with jax.enable_x64(True):
            for field, values in self.ratios.items():
                known = {"complex_data": field == "complex"}
                at = np.unique([*values, *np.linspace(min(values), max(values), self.points)])
                overlap = np.asarray(theory.phaseless_overlap(at, **known))
                found.append(pd.DataFrame({"field": field, "ratio": at, "predicted": overlap}))
                limits.append({"field": field, "threshold": float(theory.phaseless_recovery_threshold(**known))})
        return {"predicted": pd.concat(found, ignore_index=True), "limits": pd.DataFrame(limits)}


class Convergence(PhaseFigure):
    """Error at every step, in double precision."""

    ratio: Positive
    methods: dict[str, Method]
    accurate: Positive

    def sweeps(self):
        # An axis of one value: methods are solvers of one cell.
        return Sweep(self.cell, {"ratio": [self.ratio]}, self.trials, self.options())

    def cell(self, ratio):
        return self.model(ratio), {
            name: method.build(tolerance=-1.0, patience=0) for name, method in self.methods.items()
        }

    def tables(self, swept):
        steps = unrolled(swept, self.record_every)
        levels = {"half": self.accurate**0.5 * 0.1**0.5, "accurate": self.accurate, "coarse": 0.1}
        reached = [
            {"solver": solver, "trial": trial, **{name: _first(rows, level) for name, level in levels.items()}}
            for (solver, trial), rows in steps.groupby(["solver", "trial"], sort=False)
        ]
        columns = dict.fromkeys(levels, "median")
        return {
            "curves": summarise(steps, ["solver", "step"], error="median_quartiles"),
            "reached": summarise(pd.DataFrame(reached), ["solver"], **columns),
        }


def _first(rows: pd.DataFrame, level: float) -> float:
    """The first step with an error of at most a level."""
    there = rows["step"][rows["error"] <= level]
    return float(there.min()) if len(there) else np.inf


class Noise(PhaseFigure):
    """Error of amplitude flow over the noise, and what knowing the phases would be worth."""

    ratio: Axis[Positive]
    noise: Axis[Positive]

    def cell(self, ratio, noise):
        method = Method(algorithm="AF", start="minimal threshold")
        return self.model(ratio, noise=noise), method.build(tolerance=-1.0, patience=0)

    def tables(self, swept):
        errors = summarise(swept, ["ratio", "noise"], error="mean")
        with jax.enable_x64(True):
            at = errors["noise"].to_numpy(), errors["ratio"].to_numpy()
            fit, oracle = (np.asarray(theory.phaseless_error(*at, True, oracle=each)) for each in (False, True))
        return {"errors": errors.assign(predicted=fit, oracle=oracle)}


class PhaseMaxTransition(PhaseFigure):
    """Success of PhaseMax over the quality of the anchor, around the predicted transition."""

    cosine: Axis[Share]
    multiple: Axis[Positive]

    def cell(self, cosine, multiple):
        with jax.enable_x64(True):
            threshold = float(theory.phasemax_threshold(np.float64(cosine)))
        model = self.model(multiple * threshold, "real", reveal_signal=True)
        return model, solvers.PhaseMax(initialisers.CorrelatedStart(cosine))

    def tables(self, swept):
        rows = swept.frame.assign(solved=swept.frame["error"] < self.below)
        success = summarise(rows, ["cosine", "multiple"], solved="rate")
        return {"success": success, "transitions": transitions(success, ["cosine"], "multiple")}


class CodedDiffraction(PhaseFigure):
    """Success over the number of patterns, for algorithms with their starts."""

    patterns: Axis[Count]
    methods: dict[str, Method]

    def cell(self, patterns):
        model = self.model(patterns, ensemble="octanary")
        return model, {name: method.build() for name, method in self.methods.items()}

    def tables(self, swept):
        rows = swept.frame.assign(solved=swept.frame["error"] < self.below)
        return {"success": summarise(rows, ["solver", "patterns"], solved="rate")}
