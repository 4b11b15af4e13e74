"""Kronecker-structured sparse Bayesian learning (He and Joseph)."""

import functools
import time
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solve, solvers, theory
from recover.core import with_capacities
from recover.core.solve import run

from .fields import Count, Positive
from .figure import Axis, Figure, Sweep, SweepFigure
from .summaries import summarise, unrolled

# The public code starts all variances at one.
START = 1.0

_BAYESIAN = {
    "SVD-KroSBL": solvers.SVDKroSBL,
    "AM-KroSBL": solvers.AMKroSBL,
    "KSBL": functools.partial(solvers.AMKroSBL, passes=1),
    "cSBL": solvers.UnstructuredSBL,
}

SolverNames = tuple[Literal["SVD-KroSBL", "AM-KroSBL", "KSBL", "cSBL", "KOMP", "KOMP, known sparsity", "OMP"], ...]
Noise = Literal["known", "unknown"]
LINES = ("snr", "samples", "sparsity")


def make(names: SolverNames, sparsity: int, own: dict | None = None, **options) -> dict[str, solvers.AbstractSolver]:
    """Solvers by name; `options` go to the Bayesian ones, and `own[name]` to one of them."""
    made = {
        "KOMP": solvers.KroneckerOMP(most=10, normalise=False),
        "KOMP, known sparsity": solvers.KroneckerOMP(most=0, normalise=True),
        "OMP": solvers.Raveled(solvers.OMP(sparsity=sparsity**3)),
    }
    for name, kind in _BAYESIAN.items():
        made[name] = kind(initial_variance=START, **{**options, **(own or {}).get(name, {})})
    return {name: made[name] for name in names}


class KroneckerFigure(SweepFigure):
    """Vectors of three modes of one size, whose support is a product."""

    dimension: Count
    solvers: SolverNames

    def model(self, rows: tuple[int, int, int], sparsity: int, snr: float, **more) -> models.KroneckerSparse:
        return models.KroneckerSparse((self.dimension,) * 3, rows, sparsity, snr=float(snr), **more)


class Accuracy(KroneckerFigure):
    """Three lines through one point: over the signal-to-noise ratio, rows of the first matrix, sparsity per mode."""

    snr: Axis[float]
    samples: Axis[Count]
    sparsity: Axis[Count]
    through: dict[str, int | float]
    other_rows: tuple[Count, Count]
    oracle_trials: Count

    def cell(self, **point):
        if sum(point[name] != self.through[name] for name in LINES) > 1:
            return None
        return self._model(**point), make(self.solvers, point["sparsity"])

    def tables(self, swept):
        columns = {"error": "mean", "median": ("error", "median"), "support_recovery": "mean"}
        return {"cells": self._by_line(summarise(swept, [*LINES, "solver"], **columns))}

    def predictions(self):
        points = [{**self.through, line: value} for line in LINES for value in getattr(self, line)]
        return {"oracle": self._by_line(pd.DataFrame([self._oracle(**point) for point in points]).drop_duplicates())}

    def _model(self, snr, samples, sparsity):
        return self.model((samples, *self.other_rows), sparsity, snr)

    def _by_line(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows on each of the lines; those of the common point are on all of them."""
        table = table.assign(ratio=table["samples"] * np.prod(self.other_rows) / self.dimension**3)
        parts = []
        for line in LINES:
            on_it = [table[other] == self.through[other] for other in LINES if other != line]
            parts.append(table[np.logical_and(*on_it)].assign(line=line))
        return pd.concat(parts).sort_values(list(LINES), ignore_index=True)

    def _oracle(self, **point) -> dict:
        capacities = {f"samples_{mode}": rows for mode, rows in enumerate((max(self.samples), *self.other_rows))}
        keys = jax.random.split(jax.random.key(self.seed), self.oracle_trials)
        errors = np.asarray(_oracle_errors(with_capacities(self._model(**point), capacities), keys))
        return {**point, "error": errors.mean(), "median": np.median(errors)}


@eqx.filter_jit
def _oracle_errors(model, keys):
    def error(key):
        problem, truth = model.sample(key)
        return theory.oracle_least_squares_error(problem.factors, supports(truth), problem.noise) / jnp.sum(truth**2)

    return jax.vmap(error)(keys)


def supports(truth) -> list:
    """The support of every mode."""
    return [(truth != 0).any(axis=tuple(other for other in range(3) if other != mode)) for mode in range(3)]


class AgainstSBL(KroneckerFigure):
    """Structured against unstructured learning, which affords this size, and pursuit, which never knows the noise."""

    rows: tuple[Count, Count, Count]
    sparsity: Count
    snr: Axis[float]
    noise: Axis[Noise] = ("known", "unknown")
    timed_dimension: Count
    timed_rows: tuple[Count, Count, Count]
    timed: SolverNames
    repeats: Count

    def cell(self, snr, noise):
        model = self.model(self.rows, self.sparsity, snr)
        return model, make(self.solvers, self.sparsity, learn_noise=noise == "unknown")

    def tables(self, swept):
        columns = {"median": ("error", "median"), "support_recovery": "mean"}
        return {"cells": summarise(swept, ["snr", "noise", "solver"], **columns)}

    def predictions(self):
        # In single precision rounding of its large covariance keeps cSBL from converging, which would cost it time.
        with jax.enable_x64(True):
            sizes = (self.timed_dimension,) * 3, self.timed_rows, self.sparsity
            problem, _ = models.KroneckerSparse(*sizes, snr=self.snr[-1]).sample(jax.random.key(self.seed))
            times = [(name, self._seconds(problem, each)) for name, each in make(self.timed, self.sparsity).items()]
        return {"times": pd.DataFrame(times, columns=["solver", "seconds"])}

    def _seconds(self, problem, solver) -> float:
        """The fastest of several solves of one instance."""
        seconds = []
        # A solve of one step compiles and is not counted.
        for steps in (1, *[self.max_steps] * self.repeats):
            started = time.perf_counter()
            jax.block_until_ready(solve(problem, solver, max_steps=steps))
            seconds.append(time.perf_counter() - started)
        return min(seconds[1:])


class Trajectories(KroneckerFigure):
    """Histories of the error of solvers none of which stops before the budget is spent."""

    rows: tuple[Count, Count, Count]
    sparsity: Count
    snr: float
    inner_tolerance: float = pydantic.Field(gt=0)

    def made(self, **options) -> dict:
        own = {"AM-KroSBL": {"inner_tolerance": self.inner_tolerance}}
        return make(self.solvers, self.sparsity, own, tolerance=-1.0, **options)

    @property
    def shown(self) -> np.ndarray:
        """Steps that are evenly spaced on a logarithmic axis."""
        return np.unique(np.r_[0, np.geomspace(1, self.max_steps, 120).astype(int)])

    def curves(self, swept: Table, axis: str) -> pd.DataFrame:
        """Median and extremes over trials of the error per step."""
        rows = unrolled(swept.frame.assign(history=[history[self.shown] for history in swept.frame["history"]]), 1)
        return summarise(rows.assign(step=self.shown[rows["step"]]), [axis, "solver", "step"], error="median_range")


class Convergence(Trajectories):
    """Error per step without and with pruning, which is traced: one program per solver."""

    pruning: Axis[Literal["none", "default"]] = ("none", "default")

    def cell(self, pruning):
        made = self.made(prune=0.0) if pruning == "none" else self.made()
        return self.model(self.rows, self.sparsity, self.snr), made

    def tables(self, swept):
        errors = np.stack(swept.frame["history"].to_list())[:, self.shown]
        above = errors > 2 * errors[:, -1:]
        # The last step above the threshold, so that a dip on the way does not count.
        last = self.shown[above.shape[1] - 1 - np.argmax(above[:, ::-1], axis=1)]
        reached = {"final": errors[:, -1], "steps_to_twice_final": np.where(above.any(axis=1), last + 1, 0)}
        rows = swept.frame[["pruning", "solver", "trial"]].assign(**reached)
        return {"curves": self.curves(swept, "pruning"), "reached": rows}


class NoiseVariance(Trajectories):
    """Error per step with the noise variance known and learnt, which is traced: one program per solver."""

    noise: Axis[Noise] = ("known", "unknown")

    def cell(self, noise):
        # As in the public code: independent values on a support that is a product.
        model = self.model(self.rows, self.sparsity, self.snr, amplitudes="independent")
        return model, self.made(prune=0.0, learn_noise=noise == "unknown")

    def tables(self, swept):
        return {"curves": self.curves(swept, "noise"), "final": swept.frame[["noise", "solver", "trial", "error"]]}


class UnknownNoise(KroneckerFigure):
    """A line over the rows of the first matrix with the noise variance learnt, and seconds of the batched programs."""

    samples: Axis[Count]
    other_rows: tuple[Count, Count]
    sparsity: Count
    snr: float
    prune: dict[str, Positive]

    def cell(self, samples):
        own = {name: {"prune": share} for name, share in self.prune.items()}
        model = self.model((samples, *self.other_rows), self.sparsity, self.snr)
        return model, make(self.solvers, self.sparsity, own, learn_noise=True)

    def tables(self, swept):
        cells = summarise(swept, ["samples", "solver"], error="mean", support_recovery="mean")
        ratio = cells["samples"] * np.prod(self.other_rows) / self.dimension**3
        # Solvers of one program share its time.
        seconds = swept.provenance["run_seconds"] / swept.frame.groupby("block").size()
        rows = swept.frame.assign(seconds=swept.frame["block"].map(seconds))
        return {"cells": cells.assign(ratio=ratio), "times": rows.groupby("solver")["seconds"].mean().reset_index()}


class RankOne(Figure):
    """How fast the posterior energies d become a Kronecker product without noise, and variances of one instance."""

    dimension: Count
    rows: tuple[Count, Count, Count]
    sparsity: Count
    trials: Count
    steps: tuple[int, ...]

    def tables(self, swept):
        ratios, variances = [], []
        # In double precision the ratios can be followed to rounding.
        with jax.enable_x64(True):
            model = models.KroneckerSparse((self.dimension,) * 3, self.rows, self.sparsity)
            made = make(("SVD-KroSBL", "AM-KroSBL"), self.sparsity, prune=0.0, tolerance=-1.0)
            for name, solver in made.items():
                for step in self.steps:
                    energies, found, truth = _states(model, solver, self.trials, self.seed, jnp.asarray(step))
                    ratios.append(_ratios(np.asarray(energies)).assign(solver=name, step=step))
                for mode, (values, true) in enumerate(zip(found, supports(np.asarray(truth[0])), strict=True), 1):
                    shares = pd.DataFrame({"share": np.asarray(values[0]) / np.max(values[0]), "true": true})
                    variances.append(shares.assign(solver=name, mode=mode, index=np.arange(self.dimension)))
        ranges = {"first": "median_range", "second": "median_range", "median": ("first", "median")}
        return {
            "ratios": summarise(pd.concat(ratios), ["solver", "step"], **ranges),
            "variances": pd.concat(variances, ignore_index=True),
        }


@eqx.filter_jit
def _states(model, solver, trials: int, seed: int, steps):
    def solve(key):
        problem, truth = model.sample(key)
        state = run(problem, solver, key, steps).state
        return state.posterior.energies, state.variances, truth

    return jax.vmap(solve)(jax.random.split(jax.random.key(seed), trials))


def _ratios(energies: np.ndarray) -> pd.DataFrame:
    """Second over first singular value of the two successive unfoldings, one row per trial."""
    count, size = energies.shape[:2]
    _, values, right = np.linalg.svd(energies.reshape(count, size, -1), full_matrices=False)
    rest = np.linalg.svd(right[:, 0].reshape(count, size, -1), compute_uv=False)
    return pd.DataFrame({"first": values[:, 1] / values[:, 0], "second": rest[:, 1] / rest[:, 0]})


class IRS(SweepFigure):
    """Channels over a reflecting surface. Solvers whose steps are cubic in the observations see fewer instances."""

    patterns: Count
    pilots: Count
    spread: Count
    snr: Axis[float]
    couplings: tuple[Positive, ...]
    unstructured_snrs: tuple[float, ...]
    unstructured_trials: Count
    unstructured_max_steps: Count

    def sweeps(self):
        options = self.options(max_steps=self.unstructured_max_steps)
        return {
            "kronecker": Sweep(self.cell, self.axes(), self.trials, self.options()),
            "unstructured": Sweep(self._slow, {"snr": self.unstructured_snrs}, self.unstructured_trials, options),
        }

    def cell(self, snr):
        made = {
            "SVD-KroSBL": solvers.SVDKroSBL(prune=np.zeros(3), initial_variance=START),
            "AM-KroSBL": solvers.AMKroSBL(prune=np.full(3, 1e-3), initial_variance=START),
        }
        options = {"prune": np.asarray([1e-2, 1e-1, 1e-2]), "initial_variance": START}
        for coupling in self.couplings:
            made[f"PC-KroSBL {coupling:g}"] = solvers.ClusteredKroSBL(coupling=coupling, **options)
        return self._model(snr), made

    def _slow(self, snr):
        return self._model(snr), {
            "cSBL": solvers.UnstructuredSBL(prune=1e-4, initial_variance=START),
            "PC-SBL": solvers.UnstructuredSBL(coupling=0.9, shape=0.5, rate=1e-4, initial_variance=START),
        }

    def _model(self, snr):
        return models.IRSChannel(self.patterns, self.pilots, float(snr), self.spread)

    def tables(self, swept):
        rows = pd.concat([table.frame for table in swept.values()])
        means = dict.fromkeys(("error", "symbol_error", "spectral_efficiency", "spectral_efficiency_known"), "mean")
        return {"cells": summarise(rows, ["snr", "solver"], median=("error", "median"), **means)}
