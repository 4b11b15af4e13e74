"""Bayes-optimal learning of quadratic networks of extensive width (Maillard et al. 2024)."""

from typing import Annotated

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import models, solvers, theory

from .fields import Count, Grid, Nonnegative, Positive, ProperFraction, Section, Share
from .figure import Axis, Figure, SweepFigure
from .summaries import summarise, unrolled

# Points whose Bayes-optimal errors are found side by side, by a compiled function.
_CHUNK = 256
_chunk_error = jax.jit(theory.quadratic_network_mmse)


class Descent(Section):
    """Gradient descent: how many runs are averaged, their steps and momentum."""

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
        return network(self.dimension, self.ratio, sampling, noise), self.descent.build(weight_decay)

    def tables(self, swept):
        # With N independent runs on one instance, errors of averages over k of them are linear in 1/k in expectation; the
        # spread around the average of all determines the slope, and so the errors for k = 1 and for k without bound.
        frame, infinitely_many = swept.frame, -1 / (self.descent.initialisations - 1)
        kinds = {"single run": 1.0, "average over runs": infinitely_many}
        rows = [frame.assign(estimate=kind, error=frame["error"] + k * frame["spread"]) for kind, k in kinds.items()]
        return {"errors": summarise(pd.concat(rows), [*swept.axes, "estimate"], error="mean_spread")}

    def predictions(self):
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


class BayesError(Figure):
    """The Bayes-optimal error; `compared` lists relative width, noise of the linear channel, and samplings."""

    ratios: Grid
    largest_sampling: Positive
    points: Count
    map_sampling: Positive
    map_ratio: Positive
    map_points: Count
    compared: tuple[tuple[Positive, Nonnegative, Grid], ...]

    def predictions(self):
        side = (np.arange(self.map_points) + 0.5) / self.map_points
        # Just below and at the threshold, for the claim that the curves end there.
        ends = recovery_threshold(self.ratios)
        near = {"well_below": 0.9, "below": 0.99, "at": 1.0}
        compared = [(sampling, ratio, noise) for ratio, noise, at in self.compared for sampling in at]
        return {
            "curves": bayes_errors(np.linspace(0, self.largest_sampling, self.points), self.ratios),
            "map": bayes_errors(self.map_sampling * side, self.map_ratio * side),
            "threshold": threshold_line(self.map_ratio),
            "ends": pd.DataFrame({name: bayes_error(share * ends, self.ratios) for name, share in near.items()}),
            "compared": pd.DataFrame({"error": channel_error(*np.transpose(compared))}),
        }


class PhaseDiagram(SweepFigure):
    """GAMP-RIE over samples and width, next to the Bayes-optimal error: one program."""

    dimension: Count
    sampling: Axis[Positive]
    ratio: Axis[Positive]
    below: Positive = pydantic.Field(lt=1)

    def cell(self, sampling, ratio):
        return network(self.dimension, ratio, sampling), solvers.GAMPRIE()

    def tables(self, swept):
        return {
            "errors": summarise(swept, ["sampling", "ratio"], error="mean_spread"),
            "boundary": swept.boundary("sampling", below=self.below, seed=self.seed),
        }

    def predictions(self):
        return {
            "bayes": bayes_errors(self.sampling, self.ratio),
            "contour": pd.DataFrame({"ratio": self.ratio, "predicted": self._contour()}),
            "threshold": threshold_line(1.1 * max(self.ratio)),
        }

    def _contour(self) -> np.ndarray:
        """The samplings at which the Bayes-optimal error is `below`, one per width, by bisection."""
        low, high = np.zeros(len(self.ratio)), recovery_threshold(self.ratio)
        for _ in range(16):
            middle = (low + high) / 2
            above = bayes_error(middle, self.ratio) > self.below
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return middle


class MessagePassing(SweepFigure):
    """GAMP-RIE at two sizes against the Bayes-optimal error, and its iterations against state evolution."""

    dimension: Axis[Count]
    sampling: Axis[Positive]
    noise: Axis[Nonnegative]
    ratio: Positive
    relaxation: Share
    traced_sampling: Positive
    iterations: Count

    def cell(self, dimension, sampling, noise):
        solver = {"GAMP-RIE": solvers.GAMPRIE(relaxation=self.relaxation)}
        if sampling == self.traced_sampling:
            # State evolution predicts the plain iteration.
            solver["plain"] = solvers.GAMPRIE(relaxation=1.0)
        return network(dimension, self.ratio, sampling, noise), solver

    def tables(self, swept):
        damped, plain = (swept.frame[swept.frame["solver"] == name] for name in ("GAMP-RIE", "plain"))
        plain = plain.assign(history=[history[: self.iterations + 1] for history in plain["history"]])
        return {
            "errors": summarise(damped, ["dimension", "noise", "sampling"], error="mean_spread"),
            "trace": summarise(unrolled(plain, 1), ["dimension", "noise", "step"], error="mean_spread"),
        }

    def predictions(self):
        evolution = []
        with jax.enable_x64(True):
            for noise in self.noise:
                channel = theory.quadratic_network_channel_noise(noise, self.ratio)
                point = (self.traced_sampling, self.ratio, channel, self.iterations)
                errors = np.asarray(theory.quadratic_network_state_evolution(*point))
                evolution.append(pd.DataFrame({"noise": noise, "step": np.arange(len(errors)), "evolution": errors}))
        return {
            "bayes": bayes_errors(self.sampling, self.ratio, self.noise),
            "line": bayes_errors(np.linspace(0.02, max(self.sampling), 100), self.ratio, self.noise),
            "evolution": pd.concat(evolution, ignore_index=True),
        }


class GradientDescent(DescentFigure):
    """Gradient descent, and its average over initialisations, with and without noise."""


class NarrowNetworks(Figure):
    """How the Bayes-optimal error over samples per parameter, n / (d m), approaches its limit for narrow networks."""

    ratios: Grid
    largest: Positive
    points: Count
    at: Positive
    at_ratios: Grid

    def predictions(self):
        abscissae, widths = np.linspace(0, self.largest, self.points), np.asarray(self.at_ratios)
        with jax.enable_x64(True):
            limit = np.asarray(theory.narrow_network_mmse(np.r_[abscissae, self.at]))
        there = bayes_error(self.at * widths, widths)
        curves = [
            pd.DataFrame({"ratio": ratio, "samples": abscissae, "error": bayes_error(abscissae * ratio, ratio)})
            for ratio in self.ratios
        ]
        return {
            "curves": pd.concat(curves, ignore_index=True),
            "limit": pd.DataFrame({"samples": abscissae, "error": limit[:-1]}),
            "there": pd.DataFrame({"ratio": widths, "error": there, "limit": limit[-1]}),
        }


class WeightDecay(DescentFigure):
    """Noisy gradient descent with weight decay of several strengths."""


class Trivialisation(DescentFigure):
    """From how many samples on all initialisations reach one point: where their spread falls below a level."""

    below: Positive

    def tables(self, swept):
        return {
            "spread": summarise(swept, ["sampling", "noise"], spread="median"),
            "boundary": swept.boundary("sampling", below=self.below, metric="spread", seed=self.seed),
        }
