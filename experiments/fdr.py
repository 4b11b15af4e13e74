"""Free discontinuity regression (Gunsilius and Van Dijcke 2023)."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import SurfaceProblem, models, solve, solvers, theory
from recover.core.sizes import with_capacities
from recover.surfaces.conformal import conformal_band
from recover.surfaces.gridding import cell_centres
from recover.surfaces.jumps import Surface, enclosed, jump_sizes, with_neighbours
from recover.surfaces.model import WAVE_JUMPS
from recover.surfaces.subsampling import subsampled_sizes, subsampling_interval

from .fields import Count, Counts, Grid, Nonnegative, Positive, Section
from .figure import Axis, Figure, NamedAxis, Sweep, SweepFigure
from .summaries import crossing, summarise

LOCATED = [f"located_{number}" for number in range(1, len(WAVE_JUMPS) + 1)]
# Levels that the estimate is moved down by.
CORRECTION = 0.5
RATES = ["mse", "false_positive", "false_negative"]


class Weights(Section):
    """Hyper-parameters of the functional, for scaled outcomes."""

    data_weight: Positive
    jump_penalty: Positive

    def fdr(self, levels: int, threshold: float | None = None, **more) -> solvers.FreeDiscontinuityRegression:
        """Free discontinuity regression with these. A threshold is always given: without one it is another program."""
        threshold = self.jump_penalty**0.5 if threshold is None else threshold
        weights = self.data_weight, self.jump_penalty
        return solvers.FreeDiscontinuityRegression(*weights, levels=levels, threshold=threshold, **more)


class Planted(Figure):
    """A planted surface: a wave on a line, or a cone in more dimensions."""

    dimension: Count = 2
    samples: Count
    cells: Count | None = None
    noise: Positive
    jump: Positive | None = None
    levels: Count
    max_steps: Count

    def model(self, jump: float | None = None) -> models.JumpSurface:
        """The surface, with the figure's jump if no other is given."""
        return models.JumpSurface(self.dimension, self.samples, self.cells, self.noise, jump or self.jump)


class SurfaceFigure(SweepFigure):
    """Surfaces, each with its own points: instances are large, and few lie side by side in the cache.

    There is room for `capacity` points: figures that agree on it, and on cells and levels, share a program.
    """

    sharing = "none"

    capacity: Count | None = None

    def roomy(self, model: models.JumpSurface) -> models.JumpSurface:
        """The surface with room for as many points."""
        return model if self.capacity is None else with_capacities(model, {"samples": self.capacity})


@eqx.filter_jit
def observed(model: models.JumpSurface, key_points, key):
    """Points, their outcomes, the problem they make and its truth."""
    points = model.design(key_points)
    return points, model.outcomes(key, points), *model.observe(key, points)


@eqx.filter_jit
def grid_error(model: models.JumpSurface, seed: int, trials: int):
    """Mean squared error of the cell values that an estimate starts from, over instances drawn for it."""

    def error(key):
        problem, truth = model.sample(key)
        return jnp.mean((problem.outcomes(problem.observations) - truth.values) ** 2)

    return jax.lax.map(error, jax.random.split(jax.random.key(seed), trials)).mean()


def cells_frame(problem: SurfaceProblem, truth: Surface, estimate: Surface, **more) -> pd.DataFrame:
    """One row per cell: its centre `x0`, `x1`, ..., the data, the truth, the estimate, and sizes of jumps found."""
    centres = np.asarray(cell_centres(truth.values.shape))
    columns = {f"x{axis}": centres[..., axis] for axis in range(centres.shape[-1])}
    data = problem.outcomes(problem.observations)
    columns |= {"data": data, "truth": truth.values, "estimate": estimate.values, "size": estimate.sizes, **more}
    return pd.DataFrame({name: np.asarray(value).reshape(-1) for name, value in columns.items()})


class Picture(Planted):
    """A surface with a jump across a circle or a sphere, and what the boundary looks like as a whole."""

    weights: Weights
    tolerance: Nonnegative

    def predictions(self):
        model, key = self.model(), jax.random.key(self.seed)
        points, outcomes, problem, truth = observed(model, key, jax.random.fold_in(key, 1))
        solver = self.weights.fdr(self.levels, tolerance=self.tolerance)
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        missed = float(model.metrics(truth, estimate)["false_negative"])
        cloud = {f"x{axis}": np.asarray(points)[:, axis] for axis in range(self.dimension)}
        return {
            "cells": cells_frame(problem, truth, estimate),
            "points": pd.DataFrame({**cloud, "y": np.asarray(outcomes)}),
            "summary": pd.DataFrame({"false_negative": [missed], "enclosed": [float(enclosed(estimate.jumps))]}),
        }


class Plane(Picture):
    """A cone with a jump across a circle. In two dimensions."""


class Space(Picture):
    """A cone with a jump across a sphere. In three dimensions."""


class Line(Planted, SurfaceFigure):
    """A wave with four jumps: how often each is located, and one instance with its band and the exact minimiser."""

    weights: Weights
    coverage: Positive = 0.95

    def axes(self):
        """One cell, for the rates."""
        return {"samples": [self.samples]}

    def cell(self, samples):
        return self.roomy(self.model()), self.weights.fdr(self.levels)

    def tables(self, swept):
        found = []
        for number, located in enumerate(LOCATED, 1):
            size = swept.frame[f"size_{number}"].where(swept.frame[located] > 0)
            found.append(pd.DataFrame({"number": number, "located": swept.frame[located], "size": size}))
        return {
            "rates": summarise(pd.concat(found), ["number"], located="rate", size="mean"),
            "steps": summarise(swept, [], **dict.fromkeys(["steps"], "mean")),
        }

    def predictions(self):
        model, solver = self.model(), self.weights.fdr(self.levels)
        points, outcomes, problem, truth = self._observed(self.seed)
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        exact, _ = theory.mumford_shah_line(problem.observations, self.weights.data_weight, self.weights.jump_penalty)
        band = conformal_band(points, outcomes, model.shape, solver, self.coverage, self.max_steps)
        fresh = band.residuals(*self._observed(self.seed + 1000)[:2])
        fine = np.linspace(0, 1, 2001)
        smooth, jumping = model.parts(jnp.asarray(fine[:, None], jnp.float32))
        jumps = pd.DataFrame(WAVE_JUMPS, columns=["place", "height"])
        # The sum of all jumps on the right end tells by what the wave was scaled.
        scale = np.asarray(model.parts(jnp.ones((1, 1)))[1])[0] / jumps["height"].sum()
        return {
            "jumps": jumps.assign(number=range(1, len(jumps) + 1), height=scale * jumps["height"].abs()),
            "points": pd.DataFrame({"x": np.asarray(points)[:, 0], "y": np.asarray(outcomes)}),
            "cells": cells_frame(problem, truth, estimate, exact=problem.outcomes(exact)),
            "truth": pd.DataFrame({"x": fine, "y": np.asarray(smooth + jumping)}),
            "band": pd.DataFrame({"width": [float(band.width)], "covered": [float(np.mean(fresh <= band.width))]}),
        }

    def _observed(self, seed: int):
        return observed(self.model(), jax.random.key(seed), jax.random.key(seed + 1))


class LineTable(SurfaceFigure):
    """Errors over the number of points. Cells follow the samples, so each number of them is a program."""

    samples: Axis[Count]
    noise: Positive
    levels: Count
    setting: NamedAxis[Weights]

    def cell(self, samples, setting):
        model = models.JumpSurface(1, samples, noise=self.noise)
        return self.roomy(model), self.setting[setting].fdr(self.levels)

    def tables(self, swept):
        return {"errors": summarise(swept, ["samples", "setting"], **dict.fromkeys([*RATES, LOCATED[0]], "mean"))}


class Further(Weights):
    """Weights that are tried at one number of points, where noise and jump are those of the comparison."""

    samples: Count


class PlaneTable(SurfaceFigure):
    """Errors over points, jump and noise; where there are numbers to compare with, also at further settings."""

    samples: Axis[Count]
    noise: Axis[Positive]
    jump_deviations: Axis[Positive]
    levels: Counts
    weights: Weights
    further: tuple[Further, ...]
    compared_noise: Positive
    compared_jump: Positive

    def axes(self):
        """Besides those of the table, the setting, of which the table's comes first, and the correction."""
        return {**super().axes(), "setting": range(len(self._settings)), "shift": [CORRECTION, 0.0]}

    @property
    def _settings(self) -> list[Weights]:
        return [self.weights, *self.further]

    def cell(self, samples, noise, jump_deviations, setting, shift):
        weights = self._settings[setting]
        compared = (noise, jump_deviations) == (self.compared_noise, self.compared_jump)
        if isinstance(weights, Further) and not (compared and weights.samples == samples):
            return None
        if shift != CORRECTION and not (compared and samples == self.samples[0]):
            return None
        levels = dict(zip(self.samples, self.levels, strict=True))[samples]
        return models.JumpSurface(2, samples, None, noise, jump_deviations), weights.fdr(levels, shift=shift)

    def tables(self, swept):
        columns = [*RATES, "jump_bias", "jump_mse", "one_step", "one_step_truth", "undecided"]
        errors = summarise(swept, list(swept.axes), **dict.fromkeys(columns, "mean"))
        weights = [self._settings[setting].model_dump(exclude={"samples"}) for setting in errors["setting"]]
        return {"errors": pd.concat([errors, pd.DataFrame(weights)], axis=1)}

    def predictions(self):
        cells = pd.MultiIndex.from_product(super().axes().values(), names=super().axes()).to_frame(index=False)
        planted = [
            models.JumpSurface(2, row.samples, None, row.noise, row.jump_deviations) for row in cells.itertuples()
        ]
        errors = [float(grid_error(model, self.seed, self.trials)) for model in planted]
        return {"grid": cells.assign(height=[float(model.height) for model in planted], grid_mse=errors)}


class Sure(Planted, SurfaceFigure):
    """Both hyper-parameters, which are traced, by Stein's risk, and per instance what that choice costs."""

    probes: Count
    data_weight: Axis[Positive]
    jump_penalty: Axis[Positive]

    def cell(self, **weights):
        return self.model(), solvers.SteinRisk(Weights(**weights).fdr(self.levels), probes=self.probes)

    def tables(self, swept):
        choices = []
        # The risk on scaled outcomes is the error in outcome units over the squared range; the range hardly varies.
        for trial, rows in swept.frame.groupby("trial"):
            regret = rows.loc[rows["sure"].idxmin(), "mse"] / rows["mse"].min()
            correlation = rows["sure"].corr(rows["mse"], method="spearman")
            choices.append({"trial": trial, "regret": regret, "correlation": correlation})
        candidates = summarise(swept, ["data_weight", "jump_penalty"], **dict.fromkeys(["sure", *RATES], "mean"))
        return {"candidates": candidates, "choices": pd.DataFrame(choices)}

    def predictions(self):
        return {"grid": pd.DataFrame({"mse": [float(grid_error(self.model(), self.seed, self.trials))]})}


class Baselines(Planted, SurfaceFigure):
    """Other methods on the same instances with their best hyper-parameters; one threshold for all but segments."""

    weights: Weights
    data_weights: Grid
    bandwidths: Grid
    segment_thresholds: Grid
    segment_bandwidth: Positive
    baseline_steps: Count

    def sweeps(self):
        # What counts as a jump, of scaled outcomes.
        threshold = self.weights.jump_penalty**0.5
        segments = functools.partial(solvers.SegmentThenAverage, self.segment_bandwidth)
        methods = {
            "total variation": (functools.partial(solvers.TotalVariation, threshold=threshold), self.data_weights),
            "local linear": (functools.partial(solvers.LocalLinear, threshold=threshold), self.bandwidths),
            "segment, then average": (segments, self.segment_thresholds),
        }
        slow = self.options(max_steps=self.baseline_steps)
        sweeps = {
            name: Sweep(functools.partial(self.cell, method=method), {"value": values}, self.trials, slow)
            for name, (method, values) in methods.items()
        }
        return {**sweeps, "FDR": Sweep(self.cell, {"value": (1.0,)}, self.trials, self.options())}

    def cell(self, value, method=None):
        return self.model(), self.weights.fdr(self.levels) if method is None else method(value)

    def tables(self, swept):
        best = []
        for name, table in swept.items():
            errors = summarise(table, ["value"], **dict.fromkeys([*RATES, "one_step", "one_step_truth"], "mean"))
            best.append(errors.loc[[errors["mse"].idxmin()]].assign(method=name))
        return {"best": pd.concat(best, ignore_index=True)}


class KeptJumps(Planted, SurfaceFigure):
    """When the second of four jumps is kept, over height and penalty (one program), by the functional: a low threshold."""

    data_weight: Positive
    threshold: Positive
    factor: Axis[Positive]
    jump_penalty: Axis[Positive]

    def cell(self, factor, jump_penalty):
        weights = Weights(data_weight=self.data_weight, jump_penalty=jump_penalty)
        return self.roomy(self.model(factor)), weights.fdr(self.levels, threshold=self.threshold)

    def tables(self, swept):
        rates = summarise(swept, ["factor", "jump_penalty"], rate=(LOCATED[1], "rate"))
        # The largest penalty at which half are kept; none where they are kept at none.
        halves = [
            {"factor": factor, "jump_penalty": 1 / crossing(1 / rows["jump_penalty"], rows["rate"], 0.5)}
            for factor, rows in rates.groupby("factor")
        ]
        return {"rates": rates, "halves": pd.DataFrame(halves).replace(0.0, np.nan)}

    def predictions(self):
        jumps = []
        for factor in self.factor:
            # Height of the second jump on scaled outcomes.
            height = float(np.sort(np.abs(np.diff(self._scaled(factor, 2001)[1])))[-3])
            rule = float(theory.largest_kept_penalty(height, self.data_weight))
            jumps.append({"factor": factor, "height": height, "exact": self._exact(factor), "rule": rule})
        return {"jumps": pd.DataFrame(jumps)}

    def _scaled(self, factor: float, points: int) -> tuple[np.ndarray, np.ndarray]:
        """The function on a grid, scaled as outcomes with noise of two deviations on both sides would be; its jumps alike."""
        smooth, jumping = (np.asarray(part) for part in self.model(factor).parts(cell_centres((points,))))
        values = smooth + jumping
        width = values.max() - values.min() + 4 * self.noise
        return (values - values.min() + 2 * self.noise) / width, jumping / width

    def _exact(self, factor: float) -> float:
        """The largest penalty at which the exact minimiser without noise has a step over the threshold at that jump."""
        model = self.model(factor)
        values = jnp.asarray(self._scaled(factor, 40 * model.cells)[0].reshape(model.cells, 40).mean(axis=1))
        penalties = np.geomspace(min(self.jump_penalty) / 4, 4 * max(self.jump_penalty), 97)
        over_penalties = jax.vmap(theory.mumford_shah_line, in_axes=(None, None, 0))
        minimisers = np.asarray(over_penalties(values, self.data_weight, jnp.asarray(penalties, values.dtype))[0])
        cell = int(WAVE_JUMPS[1][0] * model.cells)
        steps = np.abs(np.diff(minimisers, axis=1))[:, cell - 2 : cell + 2].max(axis=1)
        return float(penalties[steps >= self.threshold].max())


class Intervals(Planted):
    """Intervals for sizes of the jumps found on a line: whether they cover sizes as planted, and as walked without noise."""

    trials: Count
    weights: Weights
    replicates: Count
    sizes: Count
    coverage: Positive = 0.95

    def predictions(self):
        found = [self._instance(trial) for trial in range(self.trials)]
        intervals = pd.concat([rows for rows, _ in found], ignore_index=True)
        for name in ("planted", "noiseless"):
            intervals[f"covers_{name}"] = intervals[name].between(intervals["size_low"], intervals["size_high"])
        rates = pd.DataFrame({"rate": [rate for _, rate in found]})
        return {
            "intervals": intervals,
            "rates": summarise(rates, [], rate="mean", range=("rate", "median_range")),
            "coverage": summarise(intervals, [], covers_planted="rate", covers_noiseless="rate"),
        }

    def _instance(self, trial: int) -> tuple[pd.DataFrame, float]:
        """One row per jump found, and the rate of convergence."""
        model, solver = self.model(), self.weights.fdr(self.levels)
        key = jax.random.fold_in(jax.random.key(self.seed), trial)
        points, outcomes, problem, truth = observed(model, key, jax.random.fold_in(key, 1))
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        sizes = (2 * model.cells + np.linspace(0, 0.1 * self.samples, self.sizes)).astype(np.int32)
        draws = (jnp.asarray(sizes), self.replicates, jax.random.fold_in(key, 2), self.max_steps)
        replicates = subsampled_sizes(points, outcomes, model.shape, solver, estimate.jumps, *draws)
        # For every planted jump the cell that it is found in, its own or a neighbour.
        planted = np.flatnonzero(np.asarray(truth.sizes))
        cells = planted[:, None] + np.asarray([0, -1, 1])
        hits = np.asarray(estimate.jumps & with_neighbours(truth.jumps))[cells]
        found = cells[np.arange(len(cells)), hits.argmax(axis=1)][hits.any(axis=1)]
        size = np.asarray(estimate.sizes)[found]
        ends = subsampling_interval(size, np.asarray(replicates)[:, :, found], sizes, self.samples, self.coverage)
        noiseless = np.asarray(jump_sizes(truth.values, estimate.jumps))[found]
        heights = np.asarray(truth.sizes)[planted[hits.any(axis=1)]]
        rows = {"trial": trial, "planted": heights, "noiseless": noiseless, "size": size}
        return pd.DataFrame({**rows, "size_low": ends.low, "size_high": ends.high}), ends.rate


class Shutdown(SurfaceFigure):
    """A map with a region that is switched off, a stand-in for the paper's application: drop and boundary found."""

    cells: Count
    levels: Count
    drop: Axis[float]
    shown: float
    weights: Weights

    def cell(self, drop):
        return models.ShutdownMap(self.cells, drop=drop), self.weights.fdr(self.levels)

    def tables(self, swept):
        return {
            "drops": summarise(
                swept, ["drop"], **dict.fromkeys(["f1", "precision", "recall", "estimated_drop"], "mean")
            ),
            "maps": swept.frame[["drop", "trial", "estimated_drop"]],
        }

    def predictions(self):
        model, solver = self.cell(self.shown)
        problem, truth = model.sample(jax.random.key(self.seed))
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        return {"cells": cells_frame(problem, truth, estimate)}
