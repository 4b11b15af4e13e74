"""Free discontinuity regression (Gunsilius and Van Dijcke 2023)."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic
from scipy import ndimage

from recover import SurfaceProblem, models, solve, solvers, theory
from recover.surfaces.gridding import cell_centres, grid_means
from recover.surfaces.jumps import Surface, jump_sizes, with_neighbours
from recover.surfaces.model import WAVE_JUMPS
from recover.surfaces.subsampling import subsampled_sizes, subsampling_interval

from .fields import Count, Grid, Nonnegative, Positive
from .figure import Axis, Figure, NamedAxis, Sweep, SweepFigure
from .summaries import summarise

LOCATED = [f"located_{number}" for number in range(1, len(WAVE_JUMPS) + 1)]


class Weights(pydantic.BaseModel):
    """Hyper-parameters of the functional, for scaled outcomes."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    data_weight: Positive
    jump_penalty: Positive


class SurfaceFigure(SweepFigure):
    """Surfaces, each with its own points: instances are large, and few lie side by side in the cache."""

    sharing = "none"

    levels: Count


def fdr(weights: Weights, levels: int, **more) -> solvers.FreeDiscontinuityRegression:
    """Free discontinuity regression with given hyper-parameters."""
    return solvers.FreeDiscontinuityRegression(weights.data_weight, weights.jump_penalty, levels=levels, **more)


def surface(dimension: int, samples: int, noise: float, jump=None, cells=None) -> models.JumpSurface:
    """A planted surface."""
    return models.JumpSurface(dimension, samples, cells=cells, noise=noise, jump=jump)


@eqx.filter_jit
def observed(model: models.JumpSurface, key_points, key):
    """Points, their outcomes, the problem they make and its truth."""
    points = model.design(key_points)
    return points, model.outcomes(key, points), *model.observe(key, points)


@eqx.filter_jit
def _grid_errors(model: models.JumpSurface, keys):
    def one(key):
        problem, truth = model.sample(key)
        return jnp.mean((problem.outcomes(problem.observations) - truth.values) ** 2)

    return jax.lax.map(one, keys)


def grid_error(model: models.JumpSurface, seed: int, trials: int) -> float:
    """Mean squared error of the cell values that an estimate starts from, over instances drawn for it."""
    return float(_grid_errors(model, jax.random.split(jax.random.key(seed), trials)).mean())


def cells_frame(problem: SurfaceProblem, truth: Surface, estimate: Surface, **more) -> pd.DataFrame:
    """One row per cell: its centre `x0`, `x1`, ..., the data, the truth, the estimate, and sizes of jumps in both."""
    centres = np.asarray(cell_centres(truth.values.shape))
    columns = {f"x{axis}": centres[..., axis] for axis in range(centres.shape[-1])}
    data = problem.outcomes(problem.observations)
    columns |= {"data": data, "truth": truth.values, "estimate": estimate.values}
    columns |= {"planted": truth.sizes, "size": estimate.sizes, **more}
    return pd.DataFrame({name: np.asarray(value).reshape(-1) for name, value in columns.items()})


class Picture(Figure):
    """A surface with a jump across a circle or a sphere, and what the boundary looks like as a whole."""

    dimension: Count
    samples: Count
    cells: Count
    noise: Positive
    jump: Positive
    levels: Count
    weights: Weights
    tolerance: Nonnegative
    max_steps: Count

    def predictions(self):
        model = models.JumpSurface(self.dimension, self.samples, self.cells, self.noise, self.jump)
        key = jax.random.key(self.seed)
        points, outcomes, problem, truth = observed(model, key, jax.random.fold_in(key, 1))
        solver = fdr(self.weights, self.levels, tolerance=self.tolerance)
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        cells = cells_frame(problem, truth, estimate)
        jumps = np.asarray(estimate.jumps)
        distance = np.linalg.norm(np.asarray(cell_centres(model.shape))[jumps] + 0.5 / self.cells - 0.5, axis=-1)
        summary = {
            "mse": float(((cells["estimate"] - cells["truth"]) ** 2).mean()),
            "raw_mse": float(((cells["data"] - cells["truth"]) ** 2).mean()),
            "false_negative": float(model.metrics(truth, estimate)["false_negative"]),
            "enclosed": float(_enclosed(jumps)),
            "near_circle": float(np.mean(np.abs(distance - 0.25) <= 2 / self.cells)) if jumps.any() else np.nan,
        }
        cloud = {f"x{axis}": np.asarray(points)[:, axis] for axis in range(self.dimension)}
        return {
            "cells": cells,
            "points": pd.DataFrame({**cloud, "y": np.asarray(outcomes)}),
            "summary": pd.DataFrame([summary]),
        }


def _enclosed(jumps: np.ndarray) -> bool:
    """Whether the jump set separates the centre of the grid from its border: no path of cells gets across."""
    free, _ = ndimage.label(~jumps)
    centre = free[tuple(size // 2 for size in jumps.shape)]
    inner = np.zeros(jumps.shape, bool)
    inner[tuple(slice(1, -1) for _ in jumps.shape)] = True
    # The last row and column belong to no difference, so a corner region counts as the border too.
    return bool(centre != 0 and centre not in np.unique(free[~inner]))


class Line(SurfaceFigure):
    """One dimension: a fit with its band, and where jumps are found.

    A wave with four jumps: how often each is located, and one instance with its conformal band and the exact
    minimiser.
    """

    samples: Count
    noise: Positive
    weights: Weights
    coverage: Positive = 0.95

    def axes(self):
        """One cell, for the rates."""
        return {"samples": [self.samples]}

    def cell(self, samples):
        return surface(1, samples, self.noise), fdr(self.weights, self.levels)

    def tables(self, swept):
        found = [
            swept.frame[["trial"]].assign(
                number=number,
                located=swept.frame[located],
                size=swept.frame[f"size_{number}"].where(swept.frame[located] > 0),
            )
            for number, located in enumerate(LOCATED, 1)
        ]
        return {
            "rates": summarise(pd.concat(found), ["number"], located="rate", size="mean"),
            "steps": summarise(swept, [], steps="mean"),
        }

    def predictions(self):
        model, solver = self.cell(self.samples)
        points, outcomes, problem, truth = self._observed(model, self.seed)
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        exact, _ = theory.mumford_shah_line(problem.observations, self.weights.data_weight, self.weights.jump_penalty)
        fine = np.linspace(0, 1, 2001)
        smooth, jumping = model.parts(jnp.asarray(fine[:, None], jnp.float32))
        jumps = pd.DataFrame(WAVE_JUMPS, columns=["place", "height"])
        # The sum of all jumps on the right end tells by what the wave was scaled.
        scale = np.asarray(model.parts(jnp.ones((1, 1)))[1])[0] / jumps["height"].sum()
        jumps = jumps.assign(number=range(1, len(jumps) + 1), height=scale * jumps["height"].abs())
        return {
            "jumps": jumps,
            "points": pd.DataFrame({"x": np.asarray(points)[:, 0], "y": np.asarray(outcomes)}),
            "cells": cells_frame(problem, truth, estimate, exact=problem.outcomes(exact)),
            "truth": pd.DataFrame({"x": fine, "y": np.asarray(smooth + jumping)}),
            "band": self._conformal(model, solver, points, outcomes),
        }

    def _conformal(self, model, solver, points, outcomes) -> pd.DataFrame:
        """Split conformal half-width of a band for outcomes, and the share of fresh outcomes within it."""
        first = np.arange(len(points)) < len(points) // 2
        used = np.asarray(outcomes)[first]
        problem = SurfaceProblem(
            grid_means(points, outcomes, model.shape, jnp.asarray(first)), lower=used.min(), upper=used.max()
        )
        values = np.asarray(solve(problem, solver, max_steps=self.max_steps).value.values)

        def residuals(where, found):
            cells = np.clip((np.asarray(where)[:, 0] * model.cells).astype(int), 0, model.cells - 1)
            return np.abs(np.asarray(found) - values[cells])

        calibration = np.sort(residuals(points, outcomes)[~first])
        rank = min(int(np.ceil((len(calibration) + 1) * self.coverage)), len(calibration))
        width = float(calibration[rank - 1])
        fresh_points, fresh, _, _ = self._observed(model, self.seed + 1000)
        return pd.DataFrame({"width": [width], "covered": [np.mean(residuals(fresh_points, fresh) <= width)]})

    @staticmethod
    def _observed(model, seed: int):
        return observed(model, jax.random.key(seed), jax.random.key(seed + 1))


class LineTable(SurfaceFigure):
    """One dimension: errors over the number of points, for three settings.

    The number of cells follows the samples, so each number of them is a program.
    """

    samples: Axis[Count]
    noise: Positive
    setting: NamedAxis[Weights]

    def cell(self, samples, setting):
        return surface(1, samples, self.noise), fdr(self.setting[setting], self.levels)

    def tables(self, swept):
        columns = dict.fromkeys(["mse", "false_positive", "false_negative", LOCATED[0]], "mean")
        return {"errors": summarise(swept, ["samples", "setting"], **columns)}


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
    """Two dimensions: errors over points, jump and noise; and further settings that there are numbers to compare with for.

    One setting of the weights for the table, in which only comparisons leave the correction of half a level out.
    """

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


class Plane(Picture):
    """A cone with a jump across a circle. In two dimensions."""


class Space(Picture):
    """A cone with a jump across a sphere. In three dimensions."""


class Sure(SurfaceFigure):
    """Both hyper-parameters by Stein's risk: the candidates are one sweep.

    Stein's estimate next to the true risk, and per instance what its choice costs.

    Both hyper-parameters are traced, and every instance is the same for all candidates.
    """

    samples: Count
    cells: Count
    noise: Positive
    jump: Positive
    probes: Count
    data_weight: Axis[Positive]
    jump_penalty: Axis[Positive]

    def _model(self):
        return surface(2, self.samples, self.noise, self.jump, self.cells)

    def cell(self, data_weight, jump_penalty):
        solver = fdr(Weights(data_weight=data_weight, jump_penalty=jump_penalty), self.levels)
        return self._model(), solvers.SteinRisk(solver, probes=self.probes)

    def tables(self, swept):
        columns = dict.fromkeys(["sure", "mse", "false_positive", "false_negative"], "mean")
        choices = []
        # The risk on scaled outcomes is the error in outcome units over the squared range; the range hardly varies.
        for trial, rows in swept.frame.groupby("trial"):
            regret = rows.loc[rows["sure"].idxmin(), "mse"] / rows["mse"].min()
            correlation = rows["sure"].corr(rows["mse"], method="spearman")
            choices.append({"trial": trial, "regret": regret, "correlation": correlation})
        return {
            "candidates": summarise(swept, ["data_weight", "jump_penalty"], **columns),
            "choices": pd.DataFrame(choices),
        }

    def predictions(self):
        return {"grid": pd.DataFrame({"mse": [grid_error(self._model(), self.seed, self.trials)]})}


# Steps that baselines may take.
_MAX_STEPS = 3000


class Baselines(SurfaceFigure):
    """Free discontinuity regression next to total variation, local linear fits, and segments with their means.

    All on the same instances, every baseline with its best hyper-parameter; one threshold for all but segments,
    which are cut at theirs.
    """

    samples: Count
    cells: Count
    noise: Positive
    jump: Positive
    weights: Weights
    data_weights: Grid
    bandwidths: Grid
    segment_thresholds: Grid
    segment_bandwidth: Positive

    def sweeps(self):
        """One sweep per method."""
        # What counts as a jump, of scaled outcomes.
        threshold = self.weights.jump_penalty**0.5
        methods = {
            "total variation": (functools.partial(solvers.TotalVariation, threshold=threshold), self.data_weights),
            "local linear": (functools.partial(solvers.LocalLinear, threshold=threshold), self.bandwidths),
            "segment, then average": (
                functools.partial(solvers.SegmentThenAverage, self.segment_bandwidth),
                self.segment_thresholds,
            ),
            "FDR": (self._fdr, (1.0,)),
        }
        sweeps = {}
        for name, (method, values) in methods.items():
            options = self.options() if name == "FDR" else self.options(max_steps=_MAX_STEPS)
            sweeps[name] = Sweep(functools.partial(self._cell, method), {"value": values}, self.trials, options)
        return sweeps

    def _fdr(self, value):
        return fdr(self.weights, self.levels)

    def _cell(self, method, value):
        return surface(2, self.samples, self.noise, self.jump, self.cells), method(value)

    def tables(self, swept):
        columns = dict.fromkeys(["mse", "false_positive", "false_negative", "one_step", "one_step_truth"], "mean")
        errors = {name: summarise(table, ["value"], **columns) for name, table in swept.items()}
        best = [rows.loc[[rows["mse"].idxmin()]].assign(method=name) for name, rows in errors.items()]
        return {"best": pd.concat(best, ignore_index=True)}


class KeptJumps(SurfaceFigure):
    """Which jumps are kept: the second of four, over its height and the penalty.

    A low threshold shows what the functional keeps. Jumps and penalties are traced: one program.
    """

    samples: Count
    cells: Count
    noise: Positive
    data_weight: Positive
    threshold: Positive
    factor: Axis[Positive]
    jump_penalty: Axis[Positive]

    def _model(self, factor):
        return surface(1, self.samples, self.noise, factor, self.cells)

    def cell(self, factor, jump_penalty):
        weights = Weights(data_weight=self.data_weight, jump_penalty=jump_penalty)
        return self._model(factor), fdr(weights, self.levels, threshold=self.threshold)

    def tables(self, swept):
        rates = summarise(swept, ["factor", "jump_penalty"], rate=(LOCATED[1], "rate"))
        halves = [
            {"factor": factor, "jump_penalty": _half(rows.sort_values("jump_penalty"))}
            for factor, rows in rates.groupby("factor")
        ]
        return {"rates": rates, "halves": pd.DataFrame(halves)}

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
        smooth, jumping = (np.asarray(part) for part in self._model(factor).parts(cell_centres((points,))))
        values = smooth + jumping
        width = values.max() - values.min() + 4 * self.noise
        return (values - values.min() + 2 * self.noise) / width, jumping / width

    def _exact(self, factor: float) -> float:
        """The largest penalty at which the exact minimiser without noise has a step over the threshold at that jump."""
        values = jnp.asarray(self._scaled(factor, 40 * self.cells)[0].reshape(self.cells, 40).mean(axis=1))
        penalties = np.geomspace(min(self.jump_penalty) / 4, 4 * max(self.jump_penalty), 97)

        def minimiser(penalty):
            return theory.mumford_shah_line(values, self.data_weight, penalty)[0]

        minimisers = np.asarray(jax.vmap(minimiser)(jnp.asarray(penalties, values.dtype)))
        cell = int(WAVE_JUMPS[1][0] * self.cells)
        steps = np.abs(np.diff(minimisers, axis=1))[:, cell - 2 : cell + 2].max(axis=1)
        return float(penalties[steps >= self.threshold].max())


def _half(rows: pd.DataFrame) -> float:
    """The penalty at which a rate that falls with it first is a half, between two in logarithms."""
    logs, share = np.log(rows["jump_penalty"].to_numpy()), rows["rate"].to_numpy()
    below = np.flatnonzero(share < 0.5)
    if len(below) == 0 or below[0] == 0:
        return np.nan
    pair = [below[0], below[0] - 1]
    return float(np.exp(np.interp(0.5, share[pair], logs[pair])))


class Intervals(Figure):
    """Intervals for jump sizes by subsampling.

    Per jump found on a line whether its interval covers its size, planted and as walked without noise; rates per
    instance.
    """

    trials: Count
    max_steps: Count
    levels: Count
    samples: Count
    cells: Count
    noise: Positive
    weights: Weights
    replicates: Count
    sizes: Count
    coverage: Positive = 0.95

    def predictions(self):
        found = [self._instance(trial) for trial in range(self.trials)]
        intervals = pd.concat([rows for rows, _ in found], ignore_index=True)
        for name in ("planted", "noiseless"):
            inside = (intervals["size_low"] <= intervals[name]) & (intervals[name] <= intervals["size_high"])
            intervals[f"covers_{name}"] = inside
        rates = pd.DataFrame({"rate": [rate for _, rate in found]})
        return {
            "intervals": intervals,
            "rates": summarise(rates, [], rate="mean", range=("rate", "median_range")),
            "coverage": summarise(intervals, [], covers_planted="rate", covers_noiseless="rate"),
        }

    def _instance(self, trial: int) -> tuple[pd.DataFrame, float]:
        """One row per jump found, and the rate of convergence."""
        model, solver = surface(1, self.samples, self.noise, cells=self.cells), fdr(self.weights, self.levels)
        key = jax.random.fold_in(jax.random.key(self.seed), trial)
        points, outcomes, problem, truth = observed(model, key, jax.random.fold_in(key, 1))
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        least = 2 * self.cells
        sizes = np.linspace(least, least + 0.1 * self.samples, self.sizes).astype(np.int32)
        draws = (jnp.asarray(sizes), self.replicates, jax.random.fold_in(key, 2), self.max_steps)
        replicates = subsampled_sizes(points, outcomes, model.shape, solver, estimate.jumps, *draws)
        near = np.asarray(estimate.jumps & with_neighbours(truth.jumps))
        cells, planted = _one_per_jump(near, np.asarray(truth.sizes))
        size = np.asarray(estimate.sizes)[cells]
        chosen = np.asarray(replicates)[:, :, cells]
        interval = subsampling_interval(size, chosen, sizes, self.samples, self.coverage)
        noiseless = np.asarray(jump_sizes(truth.values, estimate.jumps))[cells]
        rows = {"trial": trial, "planted": planted, "noiseless": noiseless, "size": size}
        return pd.DataFrame({**rows, "size_low": interval.low, "size_high": interval.high}), interval.rate


def _one_per_jump(near: np.ndarray, planted: np.ndarray) -> tuple[list[int], list[float]]:
    """For every planted jump a detected cell next to it, and its height."""
    cells: dict[int, float] = {}
    for cell in np.flatnonzero(planted):
        candidates = [c for c in (cell, cell - 1, cell + 1) if 0 <= c < len(near) and near[c]]
        if candidates:
            cells[int(candidates[0])] = float(planted[cell])
    return list(cells), list(cells.values())


class Shutdown(SurfaceFigure):
    """A map with a region that is switched off: a stand-in for the paper's application.

    The drop along the boundary, and how well the boundary is found; one of the maps drawn.
    """

    cells: Count
    drop: Axis[float]
    shown: float
    weights: Weights

    def cell(self, drop):
        return models.ShutdownMap(self.cells, drop=drop), fdr(self.weights, self.levels)

    def tables(self, swept):
        columns = dict.fromkeys(["f1", "precision", "recall", "estimated_drop"], "mean")
        return {
            "drops": summarise(swept, ["drop"], **columns),
            "maps": swept.frame[["drop", "trial", "estimated_drop"]],
        }

    def predictions(self):
        model, solver = self.cell(self.shown)
        problem, truth = model.sample(jax.random.key(self.seed))
        estimate = solve(problem, solver, max_steps=self.max_steps).value
        return {"cells": cells_frame(problem, truth, estimate)}
