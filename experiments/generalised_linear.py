"""The canon of generalised linear models: message passing against state evolution, and where logistic estimates exist."""

import functools
from typing import ClassVar, Literal

import jax
import numpy as np
import pandas as pd

from recover import channels, models, priors, solvers, theory

from .fields import Count, Grid, Nonnegative, Positive
from .figure import Axis, Sweep, SweepFigure
from .summaries import crossing, summarise

CHANNELS = {
    "sign": channels.SignChannel(),
    "logistic": channels.LogisticChannel(2.0),
    "Poisson": channels.PoissonChannel(),
}


class ChannelFigure(SweepFigure):
    """Message passing on Gaussian designs; numbers of rows are traced."""

    dimension: Count
    relaxation: Positive = 1.0

    def point(self, channel, prior, ratio):
        """The model with that many observations for every unknown, and message passing."""
        samples = round(ratio * self.dimension)
        model = models.ChannelRegression(self.dimension, samples, channel, prior)
        return model, solvers.GAMP(self.relaxation)


class MessagePassing(ChannelFigure):
    """Overlap over the number of observations for three channels: a sweep each."""

    ratios: dict[Literal["sign", "logistic", "Poisson"], Grid]
    points: Count
    many: Grid

    def sweeps(self):
        return {
            name: Sweep(functools.partial(self._cell, name), {"ratio": values}, self.trials, self.options())
            for name, values in self.ratios.items()
        }

    def _cell(self, name, ratio):
        return self.point(CHANNELS[name], priors.SphericalPrior(), ratio)

    def tables(self, swept):
        rows = pd.concat([table.frame.assign(channel=name) for name, table in swept.items()], ignore_index=True)
        return {"overlaps": summarise(rows, ["channel", "ratio"], overlap="mean", steps="mean")}

    def predictions(self):
        found = []
        with jax.enable_x64(True):
            normal = priors.SphericalPrior()
            for name, values in self.ratios.items():
                at = np.unique([*values, *np.geomspace(min(values), max(values), self.points)])
                overlap = np.asarray(theory.fixed_overlap(normal, CHANNELS[name], sampling=at))
                found.append(pd.DataFrame({"channel": name, "ratio": at, "predicted": overlap}))
            many = np.asarray(self.many)
            overlap = np.asarray(theory.fixed_overlap(normal, CHANNELS["sign"], sampling=many))
            error = pd.DataFrame({"ratio": many, "scaled": many * np.arccos(np.sqrt(overlap)) / np.pi})
        return {"predicted": pd.concat(found, ignore_index=True), "generalisation": error}


class Perceptron(ChannelFigure):
    """Overlap of message passing with a vector of signs, seen through signs, over the number of observations."""

    ratio: Axis[Positive]
    jump: tuple[Positive, Positive]
    points: Count

    def cell(self, ratio):
        return self.point(CHANNELS["sign"], priors.RademacherPrior(), ratio)

    def tables(self, swept):
        return {"overlaps": summarise(swept, ["ratio"], overlap="median_range")}

    def predictions(self):
        at = np.unique([*self.ratio, *self.jump, *np.linspace(min(self.ratio), max(self.ratio), self.points)])
        with jax.enable_x64(True):
            law = priors.RademacherPrior(), CHANNELS["sign"]
            algorithm, informed = (
                np.asarray(theory.fixed_overlap(*law, sampling=at, start=start)) for start in (1e-4, 0.9999)
            )
        return {"predicted": pd.DataFrame({"ratio": at, "predicted": algorithm, "informed": informed})}


class Existence(SweepFigure):
    """Share of data with a maximum-likelihood estimate of logistic regression, over unknowns per row and signal."""

    measured: ClassVar[float] = 0.5

    dimension: Count
    signal: Axis[Nonnegative]
    share: Axis[Positive]
    points: Count

    def cell(self, signal, share):
        channel = channels.LogisticChannel(signal)
        model = models.ChannelRegression(self.dimension, round(self.dimension / share), channel)
        return model, solvers.SeparatingHyperplane()

    def tables(self, swept):
        rows = swept.frame.assign(exists=swept.frame["separated"] < self.measured)
        existence = summarise(rows, ["signal", "share"], exists="rate")
        half = [
            {"signal": at, "half": crossing(each["share"], 1 - each["exists"], 0.5)}
            for at, each in existence.groupby("signal", sort=False)
        ]
        return {"existence": existence, "transitions": pd.DataFrame(half)}

    def predictions(self):
        at = np.unique([*self.signal, *np.linspace(min(self.signal), max(self.signal), self.points)])
        with jax.enable_x64(True):
            return {"curve": pd.DataFrame({"signal": at, "limit": np.asarray(_boundary(at))})}


class Bias(SweepFigure):
    """Slope on the truth and spread of the maximum-likelihood estimate of logistic regression, over unknowns per row."""

    dimension: Count
    signal: Axis[Positive]
    share: Axis[Positive]
    points: Count

    def cell(self, signal, share):
        channel = channels.LogisticChannel(signal)
        model = models.ChannelRegression(self.dimension, round(self.dimension / share), channel)
        return model, solvers.MaximumLikelihood()

    def tables(self, swept):
        rows = swept.frame
        # Columns of the model have variance 1/p and coefficients variance one: spreads are those of unit columns.
        across = np.sqrt((rows["overlap"] / rows["cosine"]) ** 2 - rows["overlap"] ** 2)
        rows = rows.assign(slope=rows["overlap"], spread=across * rows["signal"] / np.sqrt(rows["share"]))
        return {"estimates": summarise(rows, ["signal", "share"], slope="mean", spread="mean")}

    def predictions(self):
        at = np.unique([*self.share, *np.linspace(min(self.share), max(self.share), self.points)])
        signal, share = (each.ravel() for each in np.meshgrid(self.signal, at, indexing="ij"))
        with jax.enable_x64(True):
            law = np.asarray(_law(share, signal))
        found = {"signal": signal, "share": share, "predicted_slope": law[:, 0], "predicted_spread": law[:, 1]}
        return {"predicted": pd.DataFrame(found)}


_boundary = jax.jit(theory.logistic_existence_threshold)
_law = jax.jit(theory.logistic_likelihood_law)
