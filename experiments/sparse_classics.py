"""The classics of sparse recovery: phase transitions, state evolution, universality, structured operators."""

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable
from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pandas as pd
import pydantic

from recover import LinearProblem, models, penalties, solve, solvers, theory
from recover.core import draws, with_capacities
from recover.operators import SubsampledHadamard, WaveletSynthesis
from recover.sparse.denoisers import default_threshold

from .fields import Count, Grid, Nonnegative, Positive, Section, Share
from .figure import Axis, Figure, NamedAxis, Sweep, SweepFigure
from .measures import certified
from .photographs import image_row, photograph
from .summaries import differences, summarise, unrolled


def regression(dimension: int, sampling_ratio: float, relative_sparsity: float, **law) -> models.SparseRegression:
    """The model whose samples and nonzero coefficients, at least one each, are nearest to the given ratios."""
    samples = max(1, round(sampling_ratio * dimension))
    sparsity = min(max(1, round(relative_sparsity * samples)), dimension)
    return models.SparseRegression(dimension, samples, sparsity, **law)


def message_passing(model: models.SparseRegression, **options) -> solvers.AMP:
    """AMP with the threshold that is minimax for the model's sampling ratio.

    It is AMP's own default; as a number it is a leaf like the thresholds of other figures, which then share programs.
    """
    return solvers.AMP(threshold=_minimax_threshold(int(model.samples) / model.dimension), **options)


@functools.cache
def weak_transition(sampling_ratio: float, nonnegative: bool = False) -> float:
    """The Donoho-Tanner weak transition at one sampling ratio."""
    with jax.enable_x64(True):
        return float(theory.donoho_tanner_weak(np.float64(sampling_ratio), nonnegative=nonnegative))


def in_relative_sparsity(fitted: pd.DataFrame, transitions: Iterable[float]) -> pd.DataFrame:
    """Boundaries that were fitted in multiples of predicted transitions, in relative sparsity."""
    at = np.asarray(list(transitions))
    ends = {name: fitted[column] * at for name, column in (("boundary_low", "low"), ("boundary_high", "high"))}
    scaled = {name: fitted[name] * at for name in ("boundary", "width")}
    return fitted.drop(columns=["low", "high"]).assign(**scaled, **ends, transition=at)


def transition_curves() -> pd.DataFrame:
    """Relative sparsities at the transitions of noiseless phase diagrams, one column per curve."""
    ratios = np.linspace(0.05, 0.95, 46)
    with jax.enable_x64(True):
        curves = {
            "Donoho-Tanner": theory.donoho_tanner_weak(ratios),
            "Donoho-Tanner, nonnegative": theory.donoho_tanner_weak(ratios, nonnegative=True),
            "spinodal": theory.spinodal(ratios),
        }
    return pd.DataFrame({"sampling_ratio": ratios, **{name: np.asarray(values) for name, values in curves.items()}})


Solver = Literal[
    "AMP", "BayesAMP", "FISTA", "ReweightedL1", "IHT", "NormalizedIHT", "HTP", "CoSaMP", "SubspacePursuit", "OMP"
]


class PhaseDiagram(SweepFigure):
    """Success over sampling and sparsity; `solvers` have step budgets, `max_steps` is AMP's near its transition."""

    dimension: Count
    sampling_ratio: Axis[Share]
    relative_sparsity: Axis[Share]
    solvers: dict[Solver, Count]
    amplitudes: Literal["gaussian", "signs", "uniform", "nonnegative"]
    below: Positive
    amp_dimension: Count
    amp_sampling_ratios: tuple[Share, ...]
    amp_multiples: Grid
    amp_trials: Count

    def sweeps(self):
        grids = {
            name: Sweep(functools.partial(self._cell, name), self.axes(), self.trials, self.options(max_steps=steps))
            for name, steps in self.solvers.items()
        }
        axes = {"sampling_ratio": self.amp_sampling_ratios, "multiple": self.amp_multiples}
        return {**grids, "band": Sweep(self._band_cell, axes, self.amp_trials, self.options())}

    def _cell(self, name, sampling_ratio, relative_sparsity):
        model = regression(self.dimension, sampling_ratio, relative_sparsity, amplitudes=self.amplitudes)
        return model, message_passing(model) if name == "AMP" else getattr(solvers, name)()

    def _band_cell(self, sampling_ratio, multiple):
        sparsity = multiple * weak_transition(sampling_ratio)
        model = regression(self.amp_dimension, sampling_ratio, sparsity, amplitudes=self.amplitudes)
        return model, message_passing(model)

    def tables(self, swept):
        grids = [swept[name] for name in self.solvers]
        joined = dataclasses.replace(grids[0], frame=pd.concat([grid.frame for grid in grids], ignore_index=True))
        band = swept["band"].boundary("multiple", below=self.below, seed=self.seed)
        return {
            "success": joined.success(below=self.below),
            "boundary": joined.boundary("relative_sparsity", below=self.below, seed=self.seed),
            "band": in_relative_sparsity(band, map(weak_transition, band["sampling_ratio"])),
        }

    def predictions(self):
        return {"theory": transition_curves()}


class CertifiedSuccess(SweepFigure):
    """What AMP recovers, and of what a dual vector proves that it is the shortest vector that fits."""

    measure = staticmethod(certified)

    dimension: Count
    sampling_ratio: Axis[Share]
    relative_sparsity: Axis[Share]
    below: Positive

    def cell(self, sampling_ratio, relative_sparsity):
        model = regression(self.dimension, sampling_ratio, relative_sparsity)
        return model, message_passing(model)

    def tables(self, swept):
        rows = swept.frame
        proved, right = rows["unproved"] == 0, rows["error"] < self.below
        wrong = proved & (rows["proved_error"] >= self.below)
        counts = rows[["trial"]].assign(right=right, both=proved & right, wrong=wrong).groupby("trial")
        at = {"below": 0.5, "metric": "unproved"}
        return {
            "recovered": swept.success(below=self.below),
            "proved": swept.success(**at),
            "boundary": swept.boundary("relative_sparsity", seed=self.seed, **at),
            "counts": counts[["right", "both", "wrong"]].sum().reset_index(),
        }

    def predictions(self):
        return {"theory": transition_curves()}


class Universality(SweepFigure):
    """Boundaries of l1 recovery, in multiples of the Gaussian prediction, over designs and laws of coefficients."""

    dimension: Count
    ensemble: Axis[str]
    law: Axis[str]
    sampling_ratio: Axis[Share]
    multiple: Axis[Positive]
    below: Positive
    penalty: Positive

    @pydantic.model_validator(mode="after")
    def _possible(self):
        for ensemble, law in itertools.product(self.ensemble, self.law):
            models.SparseRegression(self.dimension, 1, 1, ensemble=ensemble, amplitudes=law)
        return self

    def cell(self, ensemble, law, sampling_ratio, multiple):
        # Knowing that the coefficients are nonnegative is what moves the transition; the solver is told.
        nonnegative = law == "nonnegative"
        relative_sparsity = multiple * weak_transition(sampling_ratio, nonnegative)
        if relative_sparsity > 1:
            return None
        model = regression(self.dimension, sampling_ratio, relative_sparsity, ensemble=ensemble, amplitudes=law)
        # A convex solver, which needs nothing of the design: message passing presumes independent entries.
        signs = tuple(penalties.L1(self.penalty, nonnegative=each) for each in (False, True))
        return model, solvers.FISTA(penalty=penalties.ChosenPenalty(int(nonnegative), signs))

    def tables(self, swept):
        fitted = swept.boundary("multiple", below=self.below, seed=self.seed)
        laws = zip(fitted["sampling_ratio"], fitted["law"] == "nonnegative", strict=True)
        return {"boundary": in_relative_sparsity(fitted, (weak_transition(*each) for each in laws))}

    def predictions(self):
        return {"theory": transition_curves()}


class Point(Section):
    """A problem in the limit: ratios and noise."""

    sampling_ratio: Share
    relative_sparsity: Share
    noise: Nonnegative


class StateEvolution(SweepFigure):
    """Mean squared error over signal power per iteration of AMP and BayesAMP, measured and predicted."""

    sharing = "none"

    dimension: Count
    point: NamedAxis[Point]

    def cell(self, point):
        where = self.point[point]
        model = regression(self.dimension, where.sampling_ratio, where.relative_sparsity, noise=where.noise)
        # Undamped and with a negative tolerance: state evolution predicts the plain iteration, followed to the end.
        plain = {"relaxation": 1.0, "tolerance": -1.0, "patience": 0}
        known = {"density": int(model.sparsity) / self.dimension, "variance": 1.0, "learn": False}
        return model, {"AMP": message_passing(model, **plain), "BayesAMP": solvers.BayesAMP(**known, **plain)}

    def tables(self, swept):
        steps = unrolled(swept, self.record_every)
        steps = steps.assign(mse=steps["error"] ** 2)
        return {"measured": summarise(steps, ["point", "solver", "step"], mse="mean")}

    def predictions(self):
        found = []
        for name, point in self.point.items():
            ratio, sparsity, noise = point.sampling_ratio, point.relative_sparsity, point.noise
            with jax.enable_x64(True):
                threshold = theory.minimax_threshold(ratio)
                soft = theory.soft_threshold_state_evolution(ratio, sparsity, noise, threshold, self.max_steps)
                bayes = theory.bernoulli_gauss_state_evolution(ratio, sparsity, noise, self.max_steps)
            for solver, errors in (("AMP", soft), ("BayesAMP", bayes)):
                predicted = np.asarray(errors) / (ratio * sparsity)
                row = {"point": name, "solver": solver, "step": np.arange(len(predicted)), "predicted": predicted}
                found.append(pd.DataFrame(row))
        return {"predicted": pd.concat(found, ignore_index=True)}


class FiniteSize(SweepFigure):
    """Success of AMP across the transition at one sampling ratio; each dimension is a program of its own.

    `rooms` are sampling ratios up to which a dimension is padded: with those of other figures it shares their programs.
    """

    dimension: Axis[Count]
    multiple: Axis[Positive]
    sampling_ratio: Share
    below: Positive
    rooms: dict[Count, Share] = pydantic.Field(default_factory=dict)

    def cell(self, dimension, multiple):
        model = regression(dimension, self.sampling_ratio, multiple * weak_transition(self.sampling_ratio))
        solver = message_passing(model)
        room = round(self.rooms.get(dimension, 0) * dimension)
        return with_capacities(model, {"samples": max(room, int(model.samples))}), solver

    def tables(self, swept):
        transition = weak_transition(self.sampling_ratio)
        rows = swept.frame.assign(
            solved=swept.frame["error"] < self.below, relative_sparsity=swept.frame["multiple"] * transition
        )
        fitted = swept.boundary("multiple", below=self.below, seed=self.seed)
        return {
            "success": summarise(rows, ["dimension", "relative_sparsity"], rate=("solved", "rate")),
            "boundary": in_relative_sparsity(fitted, [transition] * len(fitted)),
        }


class NoiseGrid(SweepFigure):
    """Error of AMP in units of the noise over sample size x sparsity x noise, one sweep, and its prediction."""

    dimension: Count
    sampling_ratio: Axis[Share]
    relative_sparsity: Axis[Share]
    noise: Axis[Positive]

    def cell(self, sampling_ratio, relative_sparsity, noise):
        model = regression(self.dimension, sampling_ratio, relative_sparsity, noise=noise)
        return model, solvers.AMP(threshold=_threshold_for_density(int(model.sparsity) / self.dimension))

    def tables(self, swept):
        rows = swept.frame.assign(sensitivity=swept.frame["mse"] / swept.frame["noise"] ** 2)
        return {"cells": summarise(rows, swept.axes, sensitivity="median_quartiles")}

    def predictions(self):
        ratio, sparsity = np.asarray(list(itertools.product(self.sampling_ratio, self.relative_sparsity))).T
        with jax.enable_x64(True):
            minimax = np.asarray(theory.noise_sensitivity(ratio, sparsity))
            transition = np.asarray(theory.donoho_tanner_weak(ratio))
        cells = {"sampling_ratio": ratio, "relative_sparsity": sparsity, "minimax": minimax, "transition": transition}
        return {"minimax": pd.DataFrame(cells), "theory": transition_curves()}


@functools.cache
def _minimax_threshold(sampling_ratio: float) -> float:
    """AMP's own threshold at a sampling ratio."""
    with jax.enable_x64(True):
        return float(default_threshold(np.float64(sampling_ratio)))


@functools.cache
def _threshold_for_density(density: float) -> float:
    """The threshold that is minimax for coefficients of this density, as the theory of noise sensitivity assumes.

    At the transition the minimax risk equals the sampling ratio, so the threshold for a density is that of the
    sampling ratio at which the density is critical.
    """
    with jax.enable_x64(True):
        return float(theory.minimax_threshold(theory.minimax_risk(np.float64(density))))


class Photograph(Figure):
    """A photograph from randomised Hadamard measurements, recovered in a wavelet basis at several ratios."""

    size: Count
    wavelet: str
    levels: Count
    sampling_ratios: tuple[Share, ...]
    noise: Positive
    penalty: Positive
    max_steps: Count

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if self.size & (self.size - 1) or self.size > 512:
            raise ValueError(f"`size` is {self.size}; a power of two is allowed, at most 512 (the photograph)")
        WaveletSynthesis((self.size, self.size), self.wavelet, self.levels)
        return self

    def predictions(self):
        truth = photograph(self.size)
        images = [image_row(truth, solver="photograph", sampling_ratio=1.0, psnr=np.inf)]
        kinds = {"AMP": solvers.AMP(), "FISTA": solvers.FISTA(penalty=self.penalty)}
        for number, ratio in enumerate(self.sampling_ratios):
            problem, synthesis = self._sense(jax.random.fold_in(jax.random.key(self.seed), number), truth, ratio)
            found = {name: solve(problem, kind, max_steps=self.max_steps).value for name, kind in kinds.items()}
            found["least norm"] = ratio * problem.adjoint(problem.observations)
            for name, value in found.items():
                estimate = np.asarray(synthesis.mv(value)).reshape(truth.shape) + truth.mean()
                psnr = -10 * np.log10(np.mean((np.clip(estimate, 0, 1) - truth) ** 2))
                images.append(image_row(estimate, solver=name, sampling_ratio=ratio, psnr=psnr))
        return {"images": pd.DataFrame(images)}

    def _sense(self, key, picture: np.ndarray, ratio: float) -> tuple[LinearProblem, WaveletSynthesis]:
        """Observations of a picture (its mean apart) through random rows of a sign-randomised Hadamard transform.

        The unknowns of the problem are wavelet coefficients; the synthesis turns them into pixels.
        """
        dimension, samples = picture.size, round(ratio * picture.size)
        key_rows, key_signs, key_noise = jax.random.split(key, 3)
        synthesis = WaveletSynthesis(picture.shape, self.wavelet, self.levels)
        rows = SubsampledHadamard(draws.random_order(key_rows, dimension)[:samples], dimension)
        signs = lx.DiagonalLinearOperator(draws.signs(key_signs, (dimension,)))
        scale = lx.DiagonalLinearOperator(jnp.full(samples, (dimension / samples) ** 0.5))
        operator = scale @ rows @ signs @ synthesis
        pixels = jnp.asarray(picture - picture.mean()).reshape(-1)
        observations = eqx.filter_jit(lambda x: operator.mv(synthesis.T.mv(x)))(pixels)
        observations = observations + self.noise * draws.normal(key_noise, (samples,))
        return LinearProblem(operator, observations, noise=self.noise, column_norm=1.0), synthesis


Correlation = Annotated[float, pydantic.Field(gt=-1, lt=1)]
Name = Literal["l1", "SCAD", "MCP", "l1/2", "l0"]


class NonconvexPenalties(SweepFigure):
    """Nonconvex penalties against l1 on correlated designs, all numbers traced."""

    dimension: Count
    samples: Count
    sparsity: Count
    noise: Positive
    correlation: Axis[Correlation]
    strength: Axis[Positive]
    penalties: tuple[Name, ...]

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if self.sparsity > self.dimension:
            raise ValueError(f"`sparsity` is {self.sparsity}; at most {self.dimension} (the dimension) is allowed")
        return self

    def cell(self, correlation, strength):
        law = {"amplitudes": "signs", "ensemble": "correlated", "correlation": correlation}
        model = models.SparseRegression(self.dimension, self.samples, self.sparsity, noise=self.noise, **law)
        # Strengths are in units of the universal threshold for columns of unit norm.
        level = strength * self.noise * np.sqrt(2 * np.log(self.dimension))
        return model, {
            name: solvers.ProximalGradient(_penalty(name, level), accelerated=True) for name in self.penalties
        }

    def tables(self, swept):
        by = ["correlation", "solver", "strength"]
        best = summarise(swept, by, error="mean", false_discovery="mean", power="mean")
        best = best.loc[best.groupby(by[:2], sort=False)["error"].idxmin()]
        # Paired over trials: every penalty sees the same instances.
        rows = best[by].merge(swept.frame, on=by)
        return {"best": best, "gain": differences(rows, ["correlation"], "error", "l1")}


# Penalties whose proximal maps cost about the same share a program, which computes all of them.
_ALIKE: tuple[tuple[Name, ...], ...] = (("l1", "SCAD", "MCP"), ("l1/2", "l0"))


def _penalty(name: Name, level: float) -> penalties.ChosenPenalty:
    # An l_q penalty thresholds at a level that grows with a power of its strength; match the levels, so that a strength
    # means the same size of coefficient for every penalty.
    made = {
        "l1": penalties.L1(level),
        "SCAD": penalties.SCAD(level),
        "MCP": penalties.MCP(level),
        "l1/2": penalties.LQ((level / 1.5) ** 1.5, exponent=0.5),
        "l0": penalties.LQ(level**2 / 2, exponent=0.0),
    }
    alike = next(names for names in _ALIKE if name in names)
    return penalties.ChosenPenalty(alike.index(name), tuple(made[each] for each in alike))


class SupportRecovery(SweepFigure):
    """How often the lasso finds the signed support over n / (2 k log(p - k)), and where it crosses one half."""

    dimension: Axis[Count]
    control: Axis[Positive]
    amplitude: Positive
    noise: Positive

    def cell(self, dimension, control):
        sparsity = math.ceil(0.4 * dimension**0.75)
        samples = max(2, round(control * 2 * sparsity * math.log(dimension - sparsity)))
        level = 2 * self.noise**2 * math.log(sparsity) * math.log(dimension - sparsity) / samples
        # The regression convention X ~ N(0, 1), coefficients +-amplitude, objective |y - X b|^2 / (2 n) + penalty |b|_1
        # becomes ours (columns of unit norm, signs +-1) when y is divided by amplitude sqrt(n).
        noise = self.noise / (self.amplitude * math.sqrt(samples))
        model = models.SparseRegression(dimension, samples, sparsity, noise=noise, amplitudes="signs")
        return model, solvers.FISTA(penalty=math.sqrt(level) / self.amplitude)

    def tables(self, swept):
        missed = dataclasses.replace(swept, frame=swept.frame.assign(missed=1 - swept.frame["signed_support"]))
        return {
            "success": summarise(swept, ["dimension", "control"], rate=("signed_support", "rate")),
            "boundary": missed.boundary("control", below=0.5, metric="missed", seed=self.seed),
        }
