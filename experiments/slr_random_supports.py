"""Sparse linear regression on random supports (Chandrasekaran, Meka and Stavropoulos 2025)."""

from typing import Literal

import jax
import numpy as np
import pandas as pd

from recover import models, solvers, theory
from recover.core import with_capacities

from .fields import Count, Counts, Positive, Section, Share
from .figure import Axis, NamedAxis, SweepFigure
from .prediction_paths import along_path, baselines
from .summaries import summarise


class PredictionFigure(SweepFigure):
    """Instances of one dimension and noise; `rooms` are sizes up to which arrays are padded, so that figures share programs."""

    measure = staticmethod(along_path)
    # Every instance has a matrix of its own in any case, since columns are normalised over its samples.
    sharing = "none"

    dimension: Count
    noise: Positive
    columns_per_nonzero: Count = 2
    rooms: dict[Literal["samples", "sparsity", "columns"], Count]

    def model(self, samples: int, sparsity: int, **kind) -> models.SparsePrediction:
        """The model, padded."""
        model = models.SparsePrediction(self.dimension, samples, sparsity, self.noise, **kind)
        return with_capacities(model, {name: self.rooms[name] for name in ("samples", "sparsity")})

    def preconditioned(self, columns: int) -> solvers.PreconditionedLasso:
        """The solver, padded."""
        return with_capacities(solvers.PreconditionedLasso(columns), {"columns": self.rooms["columns"]})

    def solvers(self, sparsity: int) -> dict:
        """The preconditioned LASSO, and pursuit of three times as many columns as there are."""
        own = self.preconditioned(self.columns_per_nonzero * sparsity)
        pursuit = solvers.OMP(sparsity=3 * sparsity, tolerance=0.0)
        return {"preconditioned": own, "OMP": with_capacities(pursuit, {"sparsity": 3 * self.rooms["sparsity"]})}

    def exact(self, trials: int, name: str, models_by_value: dict) -> pd.DataFrame:
        """LASSO and ridge at every value of an axis: rows as in the other tables, one a solver."""
        found = [baselines(each, trials, self.seed).assign(**{name: at}) for at, each in models_by_value.items()]
        long = pd.concat(found).melt([name, "trial", "strength"], ["lasso", "ridge"], "solver", "best")
        return summarise(long, [name, "solver"], best="median", strength="median")


def errors(swept, *by: str) -> pd.DataFrame:
    """Median errors at the best and at the chosen strength, and of the oracle."""
    columns = {"best": "median", "error": "median", "oracle_error": "median"}
    return summarise(swept, [*by, "solver"], **columns)


class SampleSize(PredictionFigure):
    """Prediction error against the number of samples on an ill-conditioned design."""

    sparsity: Count
    least_distance: Share
    samples: Axis[Count]

    def _model(self, samples):
        return self.model(samples, self.sparsity, design="factor", least_distance=self.least_distance)

    def cell(self, samples):
        return self._model(samples), self.solvers(self.sparsity)

    def tables(self, swept):
        return {"errors": errors(swept, "samples")}

    def predictions(self):
        exact = self.exact(self.trials, "samples", {each: self._model(each) for each in self.samples})
        at = np.geomspace(min(self.samples), max(self.samples), 40)
        with jax.enable_x64(True):
            limit = theory.minimax_error(at, float(self.dimension), float(self.sparsity), self.noise)
            bound = theory.preconditioned_lasso_error(
                at, self.dimension, self.sparsity, self.noise, self.columns_per_nonzero * self.sparsity
            )
        oracle = self.noise**2 * self.sparsity / at
        curves = {"samples": at, "limit": np.asarray(limit), "bound": np.asarray(bound), "oracle": oracle}
        return {"exact": exact, "theory": pd.DataFrame(curves)}


class ConditionNumber(PredictionFigure):
    """Prediction error against the condition number, and the truth's norm with and without preconditioning."""

    samples: Count
    sparsity: Count
    least_distance: Axis[Share]

    def _model(self, least_distance):
        return self.model(self.samples, self.sparsity, design="factor", least_distance=least_distance)

    def cell(self, least_distance):
        return self._model(least_distance), self.solvers(self.sparsity)

    def tables(self, swept):
        rows = swept.frame.assign(condition_number=1 / swept.frame["least_distance"])
        own = rows[rows["solver"] == "preconditioned"]
        norms = own.melt(["condition_number"], ["l1_norm", "dictionary_norm"], "of", "norm")
        return {
            "errors": errors(rows, "condition_number"),
            "norms": summarise(norms, ["of", "condition_number"], norm="median_quartiles"),
        }

    def predictions(self):
        models = {1 / each: self._model(each) for each in self.least_distance}
        return {"exact": self.exact(self.trials, "condition_number", models)}


class Kind(Section):
    """A design, a support and coefficients."""

    design: Literal["iso", "factor", "walk", "pairs"]
    support: Literal["random", "paired"] = "random"
    coefficients: Literal["even", "gaussian"] = "even"
    least_distance: Share = 1e-3


class Designs(PredictionFigure):
    """Every method on every design, with random and adversarial supports, for several numbers of random columns."""

    samples: Count
    sparsity: Count
    kind: NamedAxis[Kind]
    columns: Counts

    def _model(self, kind):
        return self.model(self.samples, self.sparsity, **self.kind[kind].model_dump())

    def cell(self, kind):
        pursuit = self.solvers(self.sparsity)["OMP"]
        return self._model(kind), {**{f"{m} columns": self.preconditioned(m) for m in self.columns}, "OMP": pursuit}

    def tables(self, swept):
        return {"errors": errors(swept, "kind")}

    def predictions(self):
        return {"exact": self.exact(self.trials, "kind", {kind: self._model(kind) for kind in self.kind})}


class Exchangeability(PredictionFigure):
    """How often random columns are nearer to a column of the support than the rest of the support is."""

    samples: Count
    sparsity: Count
    least_distance: Share
    columns: Axis[Count]

    def cell(self, columns):
        model = self.model(self.samples, self.sparsity, design="factor", least_distance=self.least_distance)
        return model, self.preconditioned(columns)

    def tables(self, swept):
        rows = swept.frame.assign(nearer=swept.frame["ratio"] <= 1)
        columns = {"nearer": "rate", "farther": "mean", "ratio": "median_quartiles"}
        return {"shares": summarise(rows, ["columns"], **columns)}

    def predictions(self):
        at = np.arange(min(self.columns), max(self.columns) + 1)
        bound = np.asarray(theory.farther_probability(at, self.sparsity))
        nearer = np.maximum(1 - self.sparsity * bound, 0)
        return {"theory": pd.DataFrame({"columns": at, "farther": bound, "nearer": nearer})}


class PhaseDiagram(PredictionFigure):
    """Share of small prediction errors over samples and sparsity, with and without preconditioning."""

    least_distance: Share
    below: Positive
    samples: Axis[Count]
    sparsity: Axis[Count]
    exact_trials: Count

    def _model(self, samples, sparsity):
        return self.model(samples, sparsity, design="factor", least_distance=self.least_distance)

    def cell(self, samples, sparsity):
        return self._model(samples, sparsity), self.preconditioned(self.columns_per_nonzero * sparsity)

    def tables(self, swept):
        rows = swept.frame.assign(rate=swept.frame["best"] < self.below)
        return {"success": summarise(rows, ["samples", "sparsity"], rate="rate")}

    def predictions(self):
        found = []
        for samples in self.samples:
            for sparsity in self.sparsity:
                rows = baselines(self._model(samples, sparsity), self.exact_trials, self.seed)
                found.append(rows.assign(samples=samples, sparsity=sparsity, rate=rows["lasso"] < self.below))
        return {"lasso": summarise(pd.concat(found), ["samples", "sparsity"], rate="rate")}
