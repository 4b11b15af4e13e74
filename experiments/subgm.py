"""The sub-gradient method for robust low-rank recovery from a small start (Ma and Fattahi 2023)."""

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers, theory

from .fields import Count, Positive, ProperFraction, Section
from .figure import Axis, NamedAxis, SweepFigure
from .step_rules import RULES, Step, subgradient_method
from .summaries import summarise, unrolled


class Run(Section):
    """A search rank and an initial scale, and perhaps a step rule."""

    search_rank: Count
    initial_scale: Positive
    step: Step = Step()


class MatrixFigure(SweepFigure):
    """The planted matrix, all of its nonzero eigenvalues equal to one, and runs of a fixed number of steps."""

    dimension: Count
    rank: Count
    corruption: ProperFraction = 0.0
    outlier_scale: Positive | None = None

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if self.rank > self.dimension:
            raise ValueError(f"`rank` is {self.rank}; at most {self.dimension} (the dimension) is allowed")
        return self

    def model(self, samples: int, corruption: float | None = None, **more) -> models.MatrixSensing:
        """The model, with the figure's outliers if it has any."""
        share = self.corruption if corruption is None else corruption
        outliers = {} if self.outlier_scale is None else {"corruption": share, "outlier_scale": self.outlier_scale}
        return models.MatrixSensing(self.dimension, self.rank, samples, **outliers, **more)

    def errors_per_step(self, swept: Table, *by: str) -> pd.DataFrame:
        """Median and extremes over trials of the recorded errors."""
        return summarise(unrolled(swept, self.record_every), [*by, "step"], error="median_range")


def gradient_descent(search_rank: int, initial_scale: float, step: float) -> solvers.FactoredGradientDescent:
    """A run of a fixed number of constant steps on the squared loss."""
    return solvers.FactoredGradientDescent(search_rank, initial_scale, step, tolerance=-1.0, patience=0)


class Convergence(MatrixFigure):
    """Error per step: small and large starts, exact and over-estimated rank. Four runs on the same instances."""

    samples: Count
    search_rank: Axis[Count]
    initial_scale: Axis[Positive]
    step: Step

    def cell(self, search_rank, initial_scale):
        return self.model(self.samples), subgradient_method(search_rank, initial_scale, self.step, RULES)

    def tables(self, swept):
        return {"curves": self.errors_per_step(swept, "search_rank", "initial_scale")}

    def predictions(self):
        norm, smallest = np.sqrt(self.rank), min(self.initial_scale)
        outliers = (self.corruption, self.outlier_scale)
        with jax.enable_x64(True):
            level = float(theory.median_observation(norm, *outliers)) if self.step.rule == "median" else 1.0
            scale = float(theory.sign_scale(norm, *outliers))
            escape = float(theory.escape_steps(smallest, self.step.initial * level, 1.0, norm, scale))
        return {"escape": pd.DataFrame({"initial_scale": [smallest], "step": [escape]})}


class InitialScale(MatrixFigure):
    """Final error against the initial scale, rank over-estimated; a setting is a step rule and a share of outliers."""

    samples: Count
    search_rank: Count
    setting: NamedAxis[Step]
    initial_scale: Axis[Positive]
    corruptions: dict[str, ProperFraction]
    slope_below: Positive

    def cell(self, setting, initial_scale):
        model = self.model(self.samples, self.corruptions[setting])
        return model, subgradient_method(self.search_rank, initial_scale, self.setting[setting], RULES)

    def tables(self, swept):
        small = swept.frame[swept.frame["initial_scale"] <= self.slope_below]
        slopes = [
            {"setting": setting, "trial": trial, "slope": _slope(rows)}
            for (setting, trial), rows in small.groupby(["setting", "trial"], sort=False)
        ]
        return {
            "errors": summarise(swept, ["setting", "initial_scale"], error="median_range"),
            "slopes": summarise(pd.DataFrame(slopes), ["setting"], slope="median_range"),
        }


def _slope(rows: pd.DataFrame) -> float:
    return float(np.polyfit(np.log(rows["initial_scale"]), np.log(rows["error"]), 1)[0])


class SearchRank(MatrixFigure):
    """Final error against the search rank, for a small and a large start."""

    samples: Count
    search_rank: Axis[Count]
    initial_scale: Axis[Positive]
    step: Step

    def cell(self, search_rank, initial_scale):
        return self.model(self.samples), subgradient_method(search_rank, initial_scale, self.step, RULES)

    def tables(self, swept):
        return {"errors": summarise(swept, ["initial_scale", "search_rank"], error="median_range")}


class PhaseDiagram(MatrixFigure):
    """Recovery over samples and the share of outliers; schedules are solvers of every cell: one program."""

    samples: Axis[Count]
    corruption: Axis[ProperFraction]
    search_rank: Count
    initial_scales: dict[str, Positive]
    schedules: dict[str, Step]
    below: Positive

    def cell(self, samples, corruption):
        return self.model(samples, corruption), {
            name: subgradient_method(self.search_rank, self.initial_scales[name], schedule)
            for name, schedule in self.schedules.items()
        }

    def tables(self, swept):
        return {
            "success": swept.success(below=self.below),
            "boundary": swept.boundary("corruption", below=self.below, seed=self.seed),
            "errors": summarise(swept, ["solver", "samples", "corruption"], error="median_range"),
        }

    def predictions(self):
        shares, norm = np.linspace(0, max(self.corruption), 101), np.sqrt(self.rank)
        budgets = []
        with jax.enable_x64(True):
            samples = np.asarray(theory.robust_sample_boundary(shares, self.dimension, self.rank))
            scale = np.asarray(theory.sign_scale(norm, shares, self.outlier_scale))
            for name, schedule in self.schedules.items():
                growth = np.asarray(theory.subgradient_growth(schedule.total(self.max_steps), 1.0, norm, scale))
                needed = np.log(1 / self.initial_scales[name])
                budgets.append(pd.DataFrame({"solver": name, "corruption": shares, "growth": growth, "needed": needed}))
        return {
            "theory": pd.DataFrame({"corruption": shares, "samples": samples}),
            "budgets": pd.concat(budgets, ignore_index=True),
        }


class AgainstLeastSquares(MatrixFigure):
    """Error per step of both losses on the same instances with outliers, at several sample sizes."""

    samples: Axis[Count]
    search_rank: Axis[Count]
    initial_scale: Positive
    step: Step
    gradient_step: Positive

    def cell(self, samples, search_rank):
        return self.model(samples), {
            "sub-gradient": subgradient_method(search_rank, self.initial_scale, self.step),
            "least squares": gradient_descent(search_rank, self.initial_scale, self.gradient_step),
        }

    def tables(self, swept):
        by = ["samples", "search_rank", "solver"]
        return {"curves": self.errors_per_step(swept, *by), "final": swept.frame[[*by, "trial", "error"]]}


class BeyondTheMinimiser(MatrixFigure):
    """Few samples: loss and error from a small and a large start, with the loss at the truth, no minimiser here."""

    samples: Axis[Count]
    search_rank: Count
    initial_scales: dict[str, Positive]
    steps: dict[str, Step]

    def cell(self, samples):
        return self.model(samples), {
            name: subgradient_method(self.search_rank, self.initial_scales[name], step)
            for name, step in self.steps.items()
        }

    def tables(self, swept):
        return {"runs": swept.frame[["solver", "trial", "error", "loss", "loss_at_truth"]]}


class GaussianNoise(MatrixFigure):
    """Error under Gaussian noise; histories are kept for the error of stopping at the best time."""

    samples: Axis[Count]
    noise: Axis[Positive]
    variant: NamedAxis[Run]
    step: Step
    gradient_step: Positive

    def cell(self, samples, noise, variant):
        chosen = self.variant[variant]
        start = (chosen.search_rank, chosen.initial_scale)
        return self.model(samples, noise=noise), {
            "sub-gradient": subgradient_method(*start, self.step),
            "least squares": gradient_descent(*start, self.gradient_step),
        }

    def tables(self, swept):
        frame = swept.frame.assign(least=[float(np.nanmin(history)) for history in swept.frame["history"]])
        by = ["solver", "variant", "samples", "noise"]
        errors = summarise(frame, by, error="median_range", least="median_range")
        with jax.enable_x64(True):
            predicted = theory.least_squares_matrix_error(
                errors["noise"].to_numpy(), self.dimension, self.rank, errors["samples"].to_numpy(float)
            )
        return {"errors": errors.assign(predicted=np.asarray(predicted) / np.sqrt(self.rank))}


class StepRules(MatrixFigure):
    """Error per step for many step rules."""

    samples: Count
    run: NamedAxis[Run]

    def cell(self, run):
        chosen = self.run[run]
        start = (chosen.search_rank, chosen.initial_scale)
        return self.model(self.samples), subgradient_method(*start, chosen.step, RULES)

    def tables(self, swept):
        return {"curves": self.errors_per_step(swept, "run")}


class NoiselessDescent(MatrixFigure):
    """Gradient descent on the squared loss without noise: the same law of small and large starts."""

    samples: Count
    search_rank: Count
    initial_scale: Axis[Positive]
    gradient_step: Positive
    fit_from: Count

    def cell(self, initial_scale):
        return self.model(self.samples), gradient_descent(self.search_rank, initial_scale, self.gradient_step)

    def tables(self, swept):
        return {"curves": self.errors_per_step(swept, "initial_scale")}
