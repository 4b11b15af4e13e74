"""Structured against unstructured Bayesian learning and pursuit, at a size that the unstructured one can afford."""

import time

import jax
import pandas as pd

from recover import models, solve

from ..fields import Count
from ..figure import Axis
from ..summaries import summarise
from .common import KroneckerFigure, Noise, SolverNames, make


class AgainstSBL(KroneckerFigure):
    """Error over the signal-to-noise ratio, noise variance known and learnt; greedy solvers know it in neither case."""

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
