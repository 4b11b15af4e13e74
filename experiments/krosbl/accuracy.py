"""Error and support recovery over noise, sampling and sparsity."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import theory
from recover.core import with_capacities

from ..fields import Count
from ..figure import Axis
from ..summaries import summarise
from .common import KroneckerFigure, make

LINES = ("snr", "samples", "sparsity")


class Accuracy(KroneckerFigure):
    """Three lines through one point: signal-to-noise ratio, rows of the first matrix, sparsity per mode."""

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
