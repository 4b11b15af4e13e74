"""Blind gain calibration by projected gradient descent (Cambareri and Jacques 2018)."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Calibration, CalibrationProblem, Table, models, solve, solvers, theory
from recover.bilinear.model import cosine_basis
from recover.core import draws
from recover.operators import RedrawnMatrix

from .fields import Count, Positive, ProperFraction, Section
from .figure import Axis, Figure, NamedAxis, SweepFigure
from .photographs import image_row, photograph
from .summaries import differences, summarise, unrolled


def oversampled(rows: pd.DataFrame, dimension: int) -> pd.DataFrame:
    """The rows with the number of equations over the number of unknowns, m p / (n + m - 1)."""
    unknowns = dimension + rows["sensors"] - 1
    return rows.assign(oversampling=rows["sensors"] * rows["snapshots"] / unknowns)


def threshold(swept: Table, rows: pd.DataFrame, by: Sequence[str], below: float, seed: int) -> pd.DataFrame:
    """Where success crosses one half in the column `oversampling` of rows of a sweep, per solver and value of `by`."""
    rows = rows.assign(octaves=np.log2(rows["oversampling"]))
    table = dataclasses.replace(swept, frame=rows, axes={name: [] for name in ("octaves", *by)})
    fitted = table.boundary("octaves", below=below, seed=seed)
    return fitted.assign(**{name: 2.0 ** fitted[name] for name in ("boundary", "low", "high")})


def decibels(error) -> np.ndarray:
    """Reconstruction signal-to-noise ratio of a relative error; at the smallest error, that of rounding."""
    return -20 * np.log10(np.maximum(np.asarray(error, float), np.finfo(np.float32).eps))


class PhaseTransition(SweepFigure):
    """Success of BC-PGD, and where it crosses one half in equations per unknown: one program."""

    dimension: Count
    gain_spread: Axis[ProperFraction]
    sensors: Axis[Count]
    snapshots: Axis[Count]
    most: Positive
    least_snapshots: Count
    tolerance: Positive
    below: Positive

    def cell(self, gain_spread, sensors, snapshots):
        # Cells far above the transition only cost memory.
        if sensors * snapshots > self.most * (self.dimension + sensors):
            return None
        model = models.BlindCalibration(self.dimension, sensors, snapshots, gain_spread)
        return model, solvers.BlindCalibrationPGD(tolerance=self.tolerance)

    def tables(self, swept):
        rows = oversampled(swept.frame, self.dimension)
        rows = rows[rows["snapshots"] >= self.least_snapshots]
        found = {"boundary": ["gain_spread"], "boundary_by_sensors": ["gain_spread", "sensors"]}
        return {
            "success": oversampled(swept.success(below=self.below), self.dimension),
            **{name: threshold(swept, rows, by, self.below, self.seed) for name, by in found.items()},
        }


# Paths are drawn at every so many iterations.
_SHOWN = 4


class Convergence(SweepFigure):
    """Squared distance Δ to the truth per iteration of line searches and of fixed steps."""

    dimension: Count
    sensors: Count
    snapshots: Count
    gain_spread: Axis[ProperFraction]
    step_sizes: tuple[Positive, ...]
    target: Positive

    def cell(self, gain_spread):
        model = models.BlindCalibration(self.dimension, self.sensors, self.snapshots, gain_spread, measure="distance")
        fixed = {f"{size:g}": size for size in self.step_sizes}
        # A line search ignores the step; given one, it is the program of the fixed ones.
        return model, {
            name: solvers.BlindCalibrationPGD(size, tolerance=0.0, patience=0, line_search=name not in fixed)
            for name, size in {"line search": 1.0, **fixed}.items()
        }

    def tables(self, swept):
        distances = np.stack(swept.frame["history"].to_list()) ** 2
        distances = np.where(np.isfinite(distances), distances, np.inf)
        by = ["gain_spread", "solver"]
        paths = unrolled(swept.frame.assign(history=list(distances[:, ::_SHOWN])), _SHOWN, value="distance")
        return {
            "paths": summarise(paths, [*by, "step"], distance="median_deciles"),
            "runs": swept.frame[[*by, "trial"]].assign(**_measured(distances, self.target)),
        }

    def predictions(self):
        # Centred uniform numbers rescaled to their largest entry: the largest of m is about 1 - 1 / (m + 1).
        variances = np.asarray(self.gain_spread) ** 2 / 3 * (1 + 2 / (self.sensors + 1))
        with jax.enable_x64(True):
            start = theory.calibration_start_error(self.dimension, self.sensors, self.snapshots, variances)
        return {"start": pd.DataFrame({"gain_spread": self.gain_spread, "distance": np.asarray(start)})}


def _measured(distances: np.ndarray, target: float) -> dict[str, np.ndarray]:
    """Start, iterations to the target, and a straight line in the logarithm from a tenth of the start down to there."""
    steps = np.arange(distances.shape[1])
    reached = (distances <= target).any(axis=1)
    last = np.argmax(distances <= target, axis=1)
    first = np.argmax(distances <= distances[:, :1] / 10, axis=1)
    fitted = (steps >= first[:, None]) & (steps <= last[:, None])
    count = np.where(reached & (last - first > 1), fitted.sum(axis=1), np.nan)
    logs = np.log(np.where(fitted & reached[:, None], distances, 1.0))

    def mean(values):
        return np.where(fitted, values, 0.0).sum(axis=1) / count

    at, level = steps - mean(steps[None, :])[:, None], logs - mean(logs)[:, None]
    slope = mean(at * level) / mean(at**2)
    return {
        "start": distances[:, 0],
        "iterations": np.where(reached, last, np.nan),
        "contraction": np.exp(slope),
        "straightness": slope * mean(at * level) / mean(level**2),
    }


class Prior(Section):
    """Dimensions of the subspaces of signals and gains."""

    signal: Count
    gains: Count


class SubspacePriors(SweepFigure):
    """Success with and without subspace priors on signal and gains, on the same instances."""

    dimension: Count
    prior: NamedAxis[Prior]
    sensors: Axis[Count]
    snapshots: Axis[Count]
    gain_spread: ProperFraction
    tolerance: Positive
    below: Positive

    @pydantic.model_validator(mode="after")
    def _possible(self):
        for name, prior in self.prior.items():
            if prior.signal > self.dimension:
                raise ValueError(f"`prior.{name}.signal` is {prior.signal}; at most {self.dimension} is allowed")
        return self

    def cell(self, prior, sensors, snapshots):
        chosen = self.prior[prior]
        if chosen.gains > sensors:
            return None
        known = {"signal_dimension": chosen.signal, "gain_dimension": chosen.gains}
        model = models.BlindCalibration(self.dimension, sensors, snapshots, self.gain_spread, **known)
        return model, {
            "with priors": solvers.BlindCalibrationPGD(tolerance=self.tolerance),
            "without priors": solvers.BlindCalibrationPGD(tolerance=self.tolerance, priors=False),
        }

    def tables(self, swept):
        return {
            "success": self._counted(swept.success(below=self.below)),
            "boundary": threshold(swept, self._counted(swept.frame), [], self.below, self.seed),
        }

    def _counted(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with equations per unknown, as the solver of each counts them."""
        known = rows["prior"].map({name: prior.signal + prior.gains for name, prior in self.prior.items()})
        unknowns = np.where(rows["solver"] == "with priors", known, self.dimension + rows["sensors"]) - 1
        return rows.assign(oversampling=rows["sensors"] * rows["snapshots"] / unknowns)


SOLVERS = {
    "oracle": solvers.OracleLeastSquares,
    "BC-PGD": solvers.BlindCalibrationPGD,
    "ALS": solvers.BlindCalibrationALS,
    "linear": solvers.BlindCalibrationLinear,
    "uncalibrated": solvers.UncalibratedLeastSquares,
}


class Noise(SweepFigure):
    """Signal-to-noise ratios of reconstructions over that of the data, and the loss to the oracle."""

    dimension: Count
    sensors: Count
    snapshots: Count
    gain_spread: ProperFraction
    signal_to_noise: Axis[float]
    tolerance: Positive

    def cell(self, signal_to_noise):
        sizes = (self.dimension, self.sensors, self.snapshots, self.gain_spread)
        model = models.BlindCalibration(*sizes, snr=signal_to_noise, reveal_gains=True)
        return model, {name: kind(tolerance=self.tolerance) for name, kind in SOLVERS.items()}

    def tables(self, swept):
        ratios = {name: decibels(swept.frame[f"{name}_error"]) for name in ("signal", "gain")}
        rows = swept.frame.assign(**ratios)
        return {
            "ratios": summarise(rows, ["solver", "signal_to_noise"], signal="mean", gain="mean"),
            "loss": differences(rows, ["signal_to_noise"], "signal", "oracle"),
        }


class Imaging(Figure):
    """A photograph and a smooth map of gains from snapshots by random masks that are never stored."""

    size: Count
    array: Count
    snapshots: Count
    prior_snapshots: Count
    gain_spread: ProperFraction
    frequencies: Count
    max_steps: Count
    tolerance: Positive

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if 512 % self.size:
            raise ValueError(f"`size` is {self.size}; a divisor of 512, the side of the photograph, is allowed")
        if self.frequencies > self.array:
            raise ValueError(f"`frequencies` is {self.frequencies}; at most {self.array} (the array) is allowed")
        return self

    def predictions(self):
        descent, plain = (SOLVERS[name](tolerance=self.tolerance) for name in ("BC-PGD", "uncalibrated"))
        methods = {
            "uncalibrated": (plain, self.snapshots, False),
            "BC-PGD": (descent, self.snapshots, False),
            "BC-PGD, gain prior": (descent, self.prior_snapshots, True),
        }
        images = []
        for method, (solver, snapshots, prior) in methods.items():
            problem, truth = self._expose(snapshots, prior)
            solution = solve(problem, solver, max_steps=self.max_steps)
            unknowns = self.size**2 + (self.frequencies**2 if prior else self.array**2) - 1
            equations, steps = self.array**2 * snapshots, int(solution.stats["steps"])
            sizes = {"snapshots": snapshots, "equations": equations, "oversampling": equations / unknowns}
            if not images:
                images.extend(self._rows("truth", truth, truth))
            images.extend({**row, **sizes, "steps": steps} for row in self._rows(method, solution.value, truth))
        return {"images": pd.DataFrame(images)}

    def _expose(self, snapshots: int, prior: bool) -> tuple[CalibrationProblem, Calibration]:
        """Snapshots of a picture by a square array of sensors with smooth gains, each sensor through its own random mask.

        Masks of signs are drawn again in every product. The gains are one plus a random combination of the cosines of
        lowest frequency over the array; with `prior` the problem knows their subspace.
        """
        key_masks, key_gains = jax.random.split(jax.random.key(self.seed))
        operator = RedrawnMatrix(key_masks, snapshots, self.array**2, self.size**2, "signs")
        # Products of cosines along both sides of the array: orthonormal columns.
        wave = cosine_basis(jnp.asarray(self.array, jnp.int32), self.array, self.frequencies)
        basis = jnp.einsum("ia,jb->ijab", wave, wave).reshape(self.array**2, self.frequencies**2)
        excess = basis @ draws.normal(key_gains, (self.frequencies**2,)).at[0].set(0.0)
        gains = 1 + self.gain_spread * excess / jnp.max(jnp.abs(excess))
        signal = jnp.asarray(photograph(self.size), gains.dtype).reshape(-1)
        signal = signal / jnp.linalg.norm(signal)
        clean = jax.jit(lambda operator, x: operator.mv(x))(operator, signal).reshape(snapshots, -1)
        known = {"gain_spread": self.gain_spread, "gain_basis": basis if prior else None}
        return CalibrationProblem(operator, gains[None, :] * clean, **known), Calibration(signal, gains)

    def _rows(self, method: str, found: Calibration, truth: Calibration) -> list[dict]:
        """The picture and the map of gains, each with its reconstruction signal-to-noise ratio."""
        rows = []
        scale = np.linalg.norm(photograph(self.size))
        for what, factor in (("signal", scale), ("gains", 1.0)):
            pixels, true = (np.asarray(getattr(pair, what), float) for pair in (found, truth))
            side, ratio = round(pixels.size**0.5), decibels(np.linalg.norm(pixels - true) / np.linalg.norm(true))
            rows.append(image_row(factor * pixels.reshape(side, side), method=method, what=what, decibels=float(ratio)))
        return rows


class Baselines(SweepFigure):
    """Success of four blind methods near the counting limit, without noise."""

    dimension: Count
    gain_spread: Axis[ProperFraction]
    sensors: Axis[Count]
    snapshots: Axis[Count]
    tolerance: Positive
    below: Positive

    def cell(self, gain_spread, sensors, snapshots):
        if not 0.6 < sensors * snapshots / (self.dimension + sensors - 1) < 3.2:
            return None
        model = models.BlindCalibration(self.dimension, sensors, snapshots, gain_spread)
        return model, {
            "BC-PGD": solvers.BlindCalibrationPGD(tolerance=self.tolerance),
            "BC-PGD, no box": solvers.BlindCalibrationPGD(tolerance=self.tolerance, projection=False),
            "ALS": solvers.BlindCalibrationALS(tolerance=self.tolerance),
            "linear": solvers.BlindCalibrationLinear(),
        }

    def tables(self, swept):
        rows = oversampled(swept.frame.assign(solved=swept.frame["error"] < self.below), self.dimension)
        wide = rows.pivot(index=[*swept.axes, "trial"], columns="solver", values="solved")
        box, free = wide["BC-PGD"], wide["BC-PGD, no box"]
        counts = {"instances": len(wide), "box_only": (box & ~free).sum(), "no_box_only": (free & ~box).sum()}
        by = ["solver", *swept.axes, "oversampling"]
        return {"success": summarise(rows, by, rate=("solved", "rate")), "box": pd.DataFrame([counts])}
