"""Structured against unstructured Bayesian learning and pursuit, at a size that the unstructured one can afford."""

import time

import jax
import pandas as pd

from recover import Table, models, solve

from ..fields import Count
from ..figure import Figure, Sweep
from .settings import SolverNames, make, summary


class AgainstSBL(Figure):
    """Error over the signal-to-noise ratio with known and learnt noise variance; seconds of a single solve."""

    dimension: Count
    rows: tuple[Count, Count, Count]
    sparsity: Count
    snrs: tuple[float, ...]
    solvers: SolverNames
    trials: Count
    max_steps: Count
    timed_dimension: Count
    timed_rows: tuple[Count, Count, Count]
    timed: SolverNames
    repeats: Count

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep; greedy solvers know the noise in neither case."""
        axes = {"snr": self.snrs, "noise": ("known", "unknown")}
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, snr, noise):
        model = models.KroneckerSparse((self.dimension,) * 3, self.rows, self.sparsity, snr=float(snr))
        return model, make(self.solvers, self.sparsity**3, learn_noise=noise == "unknown")

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Summaries, and the fastest of several solves of one instance per solver."""
        cells = summary(swept["grid"].frame, ["snr", "noise", "solver"], seed=self.seed)
        return {"cells": cells, "times": self._times()}

    def _times(self) -> pd.DataFrame:
        # In single precision rounding of its large covariance keeps cSBL from converging, which would cost it time.
        with jax.enable_x64(True):
            return self._double_precision_times()

    def _double_precision_times(self) -> pd.DataFrame:
        model = models.KroneckerSparse(
            (self.timed_dimension,) * 3, self.timed_rows, self.sparsity, snr=float(self.snrs[-1])
        )
        problem, truth = model.sample(jax.random.key(self.seed))
        rows = []
        for name, solver in make(self.timed, self.sparsity**3).items():
            seconds = []
            # A solve of one step compiles and is not counted.
            jax.block_until_ready(solve(problem, solver, max_steps=1))
            for _ in range(self.repeats):
                started = time.perf_counter()
                solution = jax.block_until_ready(solve(problem, solver, max_steps=self.max_steps))
                seconds.append(time.perf_counter() - started)
            steps = int(solution.stats["steps"])
            error = float(model.error(truth, solution.value))
            rows.append({"solver": name, "seconds": min(seconds), "steps": steps, "error": error})
        return pd.DataFrame(rows)
