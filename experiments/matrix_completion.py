"""The canon of matrix completion: convex, factored, Riemannian and reweighted methods on the same masks."""

from collections.abc import Mapping
from typing import Literal

import jax
import numpy as np
import pandas as pd

from recover import initialisers, models, solvers, theory

from .fields import Count, Nonnegative, Positive, Section, Share
from .figure import Axis, SweepFigure
from .patterns import pattern
from .summaries import crossing, summarise, unrolled

Algorithm = Literal["IRLS", "RGD", "ASD", "ScaledASD", "AltMin", "ScaledGD", "GD", "NIHT", "SVP", "nuclear", "SVT"]


class Method(Section):
    """An algorithm, and the range of sampling in which it is run."""

    algorithm: Algorithm
    least: Nonnegative = 0.0
    most: Positive = 1e6
    step: Positive = 0.5

    def build(self, rank: int, tolerance: float, entries: int) -> solvers.AbstractSolver:
        """The solver for a rank; `entries` bounds those that are known. Pairs of algorithms are one program each."""
        known = {"tolerance": tolerance}
        match self.algorithm:
            case "IRLS":
                # Steps that change nothing for long have found another matrix.
                return solvers.MatrixIRLS(rank, patience=25, entries=entries, **known)
            case "RGD":
                return solvers.RiemannianGradientDescent(rank, **known)
            case "ASD" | "ScaledASD":
                return solvers.AlternatingSteepestDescent(rank, self.algorithm == "ScaledASD", **known)
            case "AltMin":
                return solvers.AlternatingMinimisation(rank, **known)
            case "NIHT" | "SVP":
                return solvers.SingularValueProjection(rank, self.algorithm == "NIHT", **known)
            case "nuclear" | "SVT":
                return solvers.NuclearNormCompletion("svt" if self.algorithm == "SVT" else "admm", **known)
        start = initialisers.TruncatedSpectralFactors(np.inf)
        options = {"initial_scale": 1.0, "step": self.step, "start": start, "patience": 0, **known}
        if self.algorithm == "GD":
            return solvers.FactoredGradientDescent(rank, **options)
        return solvers.ScaledGD(rank, ridge=0.0, **options)


class CompletionFigure(SweepFigure):
    """Square matrices of low rank; samples, rank, condition number and noise are traced."""

    measure = staticmethod(pattern)

    dimension: Count
    below: Positive = 1e-3
    tolerance: Positive = 1e-6

    def freedom(self, rank: int) -> int:
        """Degrees of freedom."""
        return rank * (2 * self.dimension - rank)

    def model(self, rank: int, oversampling: float, **law) -> models.MatrixCompletion:
        """With so many known entries for every degree of freedom."""
        samples = min(round(oversampling * self.freedom(rank)), self.dimension**2)
        return models.MatrixCompletion(self.dimension, rank, samples, **law)

    def built(self, methods: Mapping[str, Method], rank: int, oversampling: float) -> dict[str, solvers.AbstractSolver]:
        """The methods that are run at that sampling."""
        found = {}
        for name, method in methods.items():
            if method.least <= oversampling <= method.most:
                entries = min(round(method.most * self.freedom(rank)), self.dimension**2)
                found[name] = method.build(rank, self.tolerance, entries)
        return found


def transitions(success: pd.DataFrame, by: list[str], column: str = "oversampling") -> pd.DataFrame:
    """Where success rates first reach one half, interpolated; infinite where they do not."""
    found = [
        dict(zip(by, names, strict=True), transition=crossing(rows[column], rows["solved"], 0.5))
        for names, rows in success.groupby(by, sort=False)
    ]
    return pd.DataFrame(found)


class SamplingFigure(CompletionFigure):
    """Success and error over the number of known entries, for all methods on the same masks."""

    rank: Count
    condition_number: Positive
    fewest: Count
    oversampling: Axis[Positive]
    methods: dict[str, Method]

    def cell(self, oversampling):
        law = {"condition_number": self.condition_number, "fewest": self.fewest}
        return self.model(self.rank, oversampling, **law), self.built(self.methods, self.rank, oversampling)

    def tables(self, swept):
        rows = swept.frame.assign(solved=swept.frame["error"] < self.below)
        columns = {"solved": "rate", "error": "median_quartiles", "redraws": "mean"}
        success = summarise(rows, ["solver", "oversampling"], **columns)
        return {"success": success, "transitions": transitions(success, ["solver"])}

    def predictions(self):
        with jax.enable_x64(True):
            n, r = float(self.dimension), float(self.rank)
            lines = {
                "coverage": theory.coverage_samples(n, n, r),
                "nuclear": n**2 * theory.nuclear_norm_dimension(r / n),
            }
            return {"lines": pd.DataFrame([{k: float(v) / self.freedom(self.rank) for k, v in lines.items()}])}


class Success(SamplingFigure):
    """For a small condition number."""


class IllConditioned(SamplingFigure):
    """For a large condition number."""


class Conditioning(CompletionFigure):
    """Steps to an accurate answer over the condition number, in double precision."""

    rank: Count
    oversampling: Positive
    accurate: Positive
    condition_number: Axis[Positive]
    methods: dict[str, Method]

    def cell(self, condition_number):
        law = {"condition_number": condition_number, "spectrum": "linear"}
        return self.model(self.rank, self.oversampling, **law), self.built(self.methods, self.rank, self.oversampling)

    def tables(self, swept):
        errors = unrolled(swept, self.record_every)
        keys = ["solver", "condition_number", "trial"]
        reached = errors[errors["error"] <= self.accurate].groupby(keys, sort=False)["step"].min()
        everyone = pd.MultiIndex.from_frame(swept.frame[keys])
        steps = reached.reindex(everyone).fillna(np.inf).reset_index()
        return {"steps": summarise(steps, keys[:2], step="median_quartiles")}


class PhaseMap(CompletionFigure):
    """Success over the rank and the share of entries that are known."""

    rank: Axis[Count]
    share: Axis[Share]
    methods: dict[str, Method]

    def cell(self, rank, share):
        oversampling = share * self.dimension**2 / self.freedom(rank)
        return self.model(rank, oversampling), self.built(self.methods, rank, oversampling)

    def tables(self, swept):
        rows = swept.frame.assign(solved=swept.frame["error"] < self.below)
        rows["rank_share"] = rows["rank"] / self.dimension
        success = summarise(rows, ["solver", "rank", "rank_share", "share"], solved="rate")
        return {"success": success, "transitions": transitions(success, ["solver", "rank"], "share")}

    def predictions(self):
        with jax.enable_x64(True):
            found = [
                {
                    "rank": rank,
                    "rank_share": rank / self.dimension,
                    "freedom": self.freedom(rank) / self.dimension**2,
                    "nuclear": float(theory.nuclear_norm_dimension(rank / self.dimension)),
                }
                for rank in range(1, max(self.rank) + 1)
            ]
        return {"lines": pd.DataFrame(found)}


class SamplingLimit(CompletionFigure):
    """Success of reweighting on patterns as they come, and which of them have enough entries in every row and column."""

    rank: Count
    oversampling: Axis[Positive]
    method: Method

    def cell(self, oversampling):
        model = self.model(self.rank, oversampling, condition_number=2.0)
        return model, self.built({"IRLS": self.method}, self.rank, oversampling)

    def tables(self, swept):
        rows = swept.frame
        rows = rows.assign(solved=rows["error"] < self.below, covered=rows["poorest"] >= self.rank)
        rows["agrees"] = rows["solved"] == rows["covered"]
        return {"success": summarise(rows, ["oversampling"], solved="rate", covered="rate", agrees="rate")}

    def predictions(self):
        with jax.enable_x64(True):
            n, r = float(self.dimension), float(self.rank)
            samples = [round(each * self.freedom(self.rank)) for each in self.oversampling]
            found = [float(theory.coverage_probability(n, n, float(each), r)) for each in samples]
        return {"coverage": pd.DataFrame({"oversampling": self.oversampling, "predicted": found})}


class Noise(CompletionFigure):
    """Error over the noise, and that of least squares over matrices of the rank."""

    rank: Count
    fewest: Count
    method: Method
    oversampling: Axis[Positive]
    noise: Axis[Positive]

    def cell(self, oversampling, noise):
        model = self.model(self.rank, oversampling, condition_number=2.0, noise=noise, fewest=self.fewest)
        return model, self.built({"fit": self.method}, self.rank, oversampling)

    def tables(self, swept):
        rows = swept.frame.assign(square=swept.frame["error"] ** 2)
        errors = summarise(rows, ["oversampling", "noise"], square="mean")
        for end in ("", "_low", "_high"):
            errors[f"error{end}"] = np.sqrt(np.maximum(errors[f"square{end}"], 0))
        at = errors["oversampling"].to_numpy() * self.freedom(self.rank)
        with jax.enable_x64(True):
            n, r = float(self.dimension), float(self.rank)
            predicted = np.asarray(theory.completion_error(errors["noise"].to_numpy(), n, n, r, at))
        return {"errors": errors.assign(predicted=predicted)}


class Order(CompletionFigure):
    """Error of reweighting at every step, and the order with which it falls at the end."""

    rank: Count
    condition_number: Positive
    oversampling: Axis[Positive]
    floor: Positive
    method: Method

    def cell(self, oversampling):
        model = self.model(self.rank, oversampling, condition_number=self.condition_number, fewest=self.rank + 1)
        return model, self.built({"IRLS": self.method}, self.rank, oversampling)

    def tables(self, swept):
        errors = unrolled(swept, self.record_every)
        orders = [
            {"oversampling": at, "order": _order(rows["error"].to_numpy(), self.floor)}
            for (at, _), rows in errors.groupby(["oversampling", "trial"], sort=False)
        ]
        curves = summarise(errors, ["oversampling", "step"], error="median_quartiles")
        return {"curves": curves, "orders": summarise(pd.DataFrame(orders), ["oversampling"], order="median")}


def _order(errors: np.ndarray, floor: float) -> float:
    """The order of convergence by the last three errors above a floor; none where it is not reached."""
    above = errors[: np.argmax(errors < floor)] if np.any(errors < floor) else errors[:0]
    if len(above) < 3:
        return -np.inf
    first, second, third = np.log(above[-3:])
    return float((third - second) / (second - first))
