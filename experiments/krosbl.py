"""Kronecker-structured sparse Bayesian learning (He and Joseph)."""

import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

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


def make(
    names: Sequence[str], sparsity: int, own: Mapping[str, Any] | None = None, **options
) -> dict[str, solvers.AbstractSolver]:
    """Solvers by name; `options` go to the Bayesian ones, and `own[name]` to one of them."""
    pursuits = {
        "KOMP": solvers.KroneckerOMP(most=10, normalise=False),
        "KOMP, known sparsity": solvers.KroneckerOMP(most=0, normalise=True),
        "OMP": solvers.Raveled(solvers.OMP(sparsity=sparsity**3)),
    }
    made = {}
    for name in names:
        if name in pursuits:
            made[name] = pursuits[name]
        else:
            made[name] = _BAYESIAN[name](initial_variance=START, **options, **(own or {}).get(name, {}))
    return made


class KroneckerFigure(SweepFigure):
    """Vectors of three modes of one size, whose support is a product."""

    dimension: Count
    solvers: SolverNames

    def model(self, rows: tuple[int, int, int], sparsity: int, snr: float, **more) -> models.KroneckerSparse:
        """The model, with the figure's size."""
        return models.KroneckerSparse((self.dimension,) * 3, rows, sparsity, snr=float(snr), **more)


LINES = ("snr", "samples", "sparsity")


class Accuracy(KroneckerFigure):
    """Error and support recovery over noise, sampling and sparsity.

    Three lines through one point: signal-to-noise ratio, rows of the first matrix, sparsity per mode.
    """

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
        by = [*LINES, "solver"]
        options = {"median": ("error", "median"), "support_recovery": "mean"}
        return {"cells": self._by_line(summarise(swept, by, error="mean", **options))}

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
        return {**point, "error": float(errors.mean()), "median": float(np.median(errors))}


@eqx.filter_jit
def _oracle_errors(model, keys):
    def error(key):
        problem, truth = model.sample(key)
        supports = [jnp.any(truth != 0, axis=tuple(a for a in range(3) if a != mode)) for mode in range(3)]
        return theory.oracle_least_squares_error(problem.factors, supports, problem.noise) / jnp.sum(truth**2)

    return jax.vmap(error)(keys)


class AgainstSBL(KroneckerFigure):
    """Structured against unstructured Bayesian learning and pursuit, at a size that the unstructured one can afford.

    Error over the signal-to-noise ratio, noise variance known and learnt; greedy solvers know it in neither case.
    """

    rows: tuple[Count, Count, Count]
    sparsity: Count
    snr: Axis[float]
    noise: Axis[Noise] = ("known", "unknown")
    timed_dimension: Count
    timed_rows: tuple[Count, Count, Count]
    timed: SolverNames
    repeats: Count

    def cell(self, snr, noise):
        made = make(self.solvers, self.sparsity, learn_noise=noise == "unknown")
        return self.model(self.rows, self.sparsity, snr), made

    def tables(self, swept):
        by = ["snr", "noise", "solver"]
        return {"cells": summarise(swept, by, median=("error", "median"), support_recovery="mean")}

    def predictions(self):
        # In single precision rounding of its large covariance keeps cSBL from converging, which would cost it time.
        with jax.enable_x64(True):
            dimensions = (self.timed_dimension,) * 3
            model = models.KroneckerSparse(dimensions, self.timed_rows, self.sparsity, snr=float(self.snr[-1]))
            problem, _ = model.sample(jax.random.key(self.seed))
            made = make(self.timed, self.sparsity)
            times = {name: self._seconds(problem, solver) for name, solver in made.items()}
        return {"times": pd.DataFrame({"solver": list(times), "seconds": list(times.values())})}

    def _seconds(self, problem, solver) -> float:
        """The fastest of several solves of one instance."""
        # A solve of one step compiles and is not counted.
        jax.block_until_ready(solve(problem, solver, max_steps=1))
        seconds = []
        for _ in range(self.repeats):
            started = time.perf_counter()
            jax.block_until_ready(solve(problem, solver, max_steps=self.max_steps))
            seconds.append(time.perf_counter() - started)
        return min(seconds)


class Trajectories(KroneckerFigure):
    """Histories of the error of solvers none of which stops before the budget is spent."""

    rows: tuple[Count, Count, Count]
    sparsity: Count
    snr: float
    inner_tolerance: float = pydantic.Field(gt=0)

    def made(self, **options) -> dict:
        """The solvers."""
        own = {"AM-KroSBL": {"inner_tolerance": self.inner_tolerance}}
        return make(self.solvers, self.sparsity, own, tolerance=-1.0, **options)

    def thinned(self, swept: Table) -> tuple[np.ndarray, pd.DataFrame]:
        """Steps that are evenly spaced on a logarithmic axis, and rows whose histories hold only those."""
        steps = np.unique(np.r_[0, np.geomspace(1, self.max_steps, 120).astype(int)])
        return steps, swept.frame.assign(history=[history[steps] for history in swept.frame["history"]])

    def curves(self, swept: Table, axis: str) -> pd.DataFrame:
        """Median and extremes over trials of the error per step."""
        steps, frame = self.thinned(swept)
        rows = unrolled(frame, 1)
        return summarise(rows.assign(step=steps[rows["step"]]), [axis, "solver", "step"], error="median_range")


class Convergence(Trajectories):
    """Error per step of expectation maximisation, with and without pruning.

    Pruning is traced: one program per solver.
    """

    pruning: Axis[Literal["none", "default"]] = ("none", "default")

    def cell(self, pruning):
        options = {"prune": 0.0} if pruning == "none" else {}
        return self.model(self.rows, self.sparsity, self.snr), self.made(**options)

    def tables(self, swept):
        steps, frame = self.thinned(swept)
        errors = np.stack(frame["history"].to_list())
        above = errors > 2 * errors[:, -1:]
        # The last step above the threshold, so that a dip on the way does not count.
        last = steps[above.shape[1] - 1 - np.argmax(above[:, ::-1], axis=1)]
        reached = frame[["pruning", "solver", "trial"]].assign(
            final=errors[:, -1], steps_to_twice_final=np.where(above.any(axis=1), last + 1, 0)
        )
        return {"curves": self.curves(swept, "pruning"), "reached": reached}


class NoiseVariance(Trajectories):
    """Known against learnt noise variance.

    Trajectories with the noise variance known, and learnt from the data. Learning is traced: one program per
    solver.
    """

    noise: Axis[Noise] = ("known", "unknown")

    def cell(self, noise):
        # As in the public code: independent values on a support that is a product.
        model = self.model(self.rows, self.sparsity, self.snr, amplitudes="independent")
        return model, self.made(prune=0.0, learn_noise=noise == "unknown")

    def tables(self, swept):
        return {"curves": self.curves(swept, "noise"), "final": swept.frame[["noise", "solver", "trial", "error"]]}


# Learning the noise, the public code halves the pruning of its own methods.
_PRUNE = {"AM-KroSBL": 5e-3, "SVD-KroSBL": 5e-4, "KSBL": 1e-2, "cSBL": 1e-3}


class UnknownNoise(KroneckerFigure):
    """Error and support recovery over the sampling ratio when the noise variance is learnt.

    A line over the rows of the first matrix, with seconds per instance of the batched programs.
    """

    samples: Axis[Count]
    other_rows: tuple[Count, Count]
    sparsity: Count
    snr: float

    def cell(self, samples):
        own = {name: {"prune": share} for name, share in _PRUNE.items()}
        made = make(self.solvers, self.sparsity, own, learn_noise=True)
        return self.model((samples, *self.other_rows), self.sparsity, self.snr), made

    def tables(self, swept):
        cells = summarise(swept, ["samples", "solver"], error="mean", support_recovery="mean")
        ratio = cells["samples"] * np.prod(self.other_rows) / self.dimension**3
        # Solvers of one program share its time.
        seconds = swept.provenance["run_seconds"] / swept.frame.groupby("block").size()
        rows = swept.frame.assign(seconds=swept.frame["block"].map(seconds))
        return {"cells": cells.assign(ratio=ratio), "times": rows.groupby("solver")["seconds"].mean().reset_index()}


_SOLVERS = {"SVD-KroSBL": solvers.SVDKroSBL, "AM-KroSBL": solvers.AMKroSBL}


class RankOne(Figure):
    """How fast the posterior energies become a Kronecker product.

    Singular values of the unfoldings of d without noise, and the variances at the end of one instance.
    """

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
            for name, kind in _SOLVERS.items():
                solver = kind(initial_variance=1.0, prune=0.0, tolerance=-1.0)
                for step in self.steps:
                    energies, found, truth = _states(model, solver, self.trials, self.seed, jnp.asarray(step))
                    ratios.append(_ratios(np.asarray(energies)).assign(solver=name, step=step))
                for mode, values in enumerate(found):
                    true = np.asarray(truth[0] != 0).any(axis=tuple(a for a in range(3) if a != mode))
                    shares = pd.DataFrame({"share": np.asarray(values[0]) / np.max(values[0]), "true": true})
                    variances.append(shares.assign(solver=name, mode=mode + 1, index=np.arange(self.dimension)))
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
    """Channel estimation over a reflecting surface.

    Error, symbol errors and spectral efficiency over the signal-to-noise ratio.

    The two solvers whose steps are cubic in the number of observations see fewer instances.
    """

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
        metrics = ("error", "symbol_error", "spectral_efficiency", "spectral_efficiency_known")
        options = {"median": ("error", "median"), **dict.fromkeys(metrics, "mean")}
        return {"cells": summarise(rows, ["snr", "solver"], **options)}
