"""Error and support recovery over noise, sampling and sparsity."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import Table, models, theory
from recover.core.sizes import with_capacities

from ..fields import Count
from ..figure import Figure, Sweep
from .settings import SolverNames, instance_seconds, make, summary

LINES = ("snr", "samples", "sparsity")


class Accuracy(Figure):
    """Three lines through one point: signal-to-noise ratio, rows of the first matrix, sparsity per mode."""

    dimension: Count
    other_rows: tuple[Count, Count]
    snr: float
    samples: Count
    sparsity: Count
    snrs: tuple[float, ...]
    sample_line: tuple[Count, ...]
    sparsity_line: tuple[Count, ...]
    solvers: SolverNames
    trials: Count
    max_steps: Count
    oracle_trials: Count

    def sweeps(self) -> dict[str, Sweep]:
        """One sweep: points off the three lines are left out."""
        axes = {
            "snr": sorted({*self.snrs, self.snr}),
            "samples": sorted({*self.sample_line, self.samples}),
            "sparsity": sorted({*self.sparsity_line, self.sparsity}),
        }
        return {"lines": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, snr, samples, sparsity):
        if not self._lines(snr, samples, sparsity):
            return None
        return self._model(snr, samples, sparsity), make(self.solvers, sparsity**3)

    def _model(self, snr, samples, sparsity):
        return models.KroneckerSparse((self.dimension,) * 3, (samples, *self.other_rows), sparsity, snr=float(snr))

    def _lines(self, snr, samples, sparsity) -> list[str]:
        """The lines that a point lies on."""
        point = {"snr": snr == self.snr, "samples": samples == self.samples, "sparsity": sparsity == self.sparsity}
        listed = {
            "snr": snr in self.snrs,
            "samples": samples in self.sample_line,
            "sparsity": sparsity in self.sparsity_line,
        }
        return [line for line in LINES if listed[line] and all(point[other] for other in LINES if other != line)]

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Summaries per line, solver and point, the oracle's error along the lines, and times."""
        cells = summary(swept["lines"].frame, [*LINES, "solver"], seed=self.seed)
        cells = self._by_line(cells)
        points = cells[[*LINES]].drop_duplicates()
        oracle = [
            {**point, "solver": "oracle least squares", **self._oracle(**point)} for point in points.to_dict("records")
        ]
        cells["ratio"] = cells["samples"] * np.prod(self.other_rows) / self.dimension**3
        oracle = self._by_line(pd.DataFrame(oracle))
        oracle["ratio"] = oracle["samples"] * np.prod(self.other_rows) / self.dimension**3
        return {"cells": cells, "oracle": oracle, "times": instance_seconds(swept["lines"])}

    def _by_line(self, table: pd.DataFrame) -> pd.DataFrame:
        rows = []
        for row in table.to_dict("records"):
            rows += [{"line": line, **row} for line in self._lines(*(row[name] for name in LINES))]
        return pd.DataFrame(rows)

    def _oracle(self, snr, samples, sparsity) -> dict[str, float]:
        model = self._model(snr, int(samples), int(sparsity))
        capacities = {f"samples_{mode}": rows for mode, rows in enumerate((max(self.sample_line), *self.other_rows))}
        keys = jax.random.split(jax.random.key(self.seed), self.oracle_trials)
        errors = np.asarray(_oracle_errors(with_capacities(model, capacities), keys))
        return {"mean": float(errors.mean()), "median": float(np.median(errors))}


@eqx.filter_jit
def _oracle_errors(model, keys):
    def error(key):
        problem, truth = model.sample(key)
        supports = [jnp.any(truth != 0, axis=tuple(a for a in range(3) if a != mode)) for mode in range(3)]
        return theory.oracle_least_squares_error(problem.factors, supports, problem.noise) / jnp.sum(truth**2)

    return jax.vmap(error)(keys)
