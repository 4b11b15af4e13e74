"""Message passing, iteration by iteration, against its state evolution."""

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers, theory

from ..fields import Count
from ..figure import Figure, Sweep
from .ratios import Ratio, sizes


class Point(pydantic.BaseModel):
    """A problem in the limit: ratios and noise."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    sampling_ratio: Ratio
    relative_sparsity: Ratio
    noise: float = pydantic.Field(ge=0)


class StateEvolution(Figure):
    """Error per iteration of AMP and BayesAMP at a few points."""

    dimension: Count
    points: tuple[Point, ...] = pydantic.Field(min_length=1)
    iterations: Count
    trials: Count

    def sweeps(self) -> dict[str, Sweep]:
        """Every point is a cell; histories are kept."""
        options = {"seed": self.seed, "max_steps": self.iterations, "record_every": 1, "share": "none"}
        return {"points": Sweep(self._cell, {"point": range(len(self.points))}, self.trials, options)}

    def _cell(self, point):
        where = self.points[point]
        samples, sparsity = sizes(self.dimension, where.sampling_ratio, where.relative_sparsity)
        model = models.SparseRegression(self.dimension, samples, sparsity, noise=where.noise)
        density = sparsity / self.dimension
        # Undamped and with a negative tolerance: state evolution predicts the plain iteration, followed to the end.
        return model, {
            "AMP": solvers.AMP(relaxation=1.0, tolerance=-1.0, patience=0),
            "BayesAMP": solvers.BayesAMP(
                density=density, variance=1.0, learn=False, relaxation=1.0, tolerance=-1.0, patience=0
            ),
        }

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Mean squared error over signal power, measured (mean, standard error, quartiles) and predicted."""
        frame = swept["points"].frame
        rows = []
        for number, point in enumerate(self.points):
            for solver, predicted in self._predicted(point).items():
                chosen = frame[(frame.point == number) & (frame.solver == solver)]
                measured = np.stack(chosen.history) ** 2
                rows.append(
                    pd.DataFrame(
                        {
                            "point": number,
                            **point.model_dump(),
                            "solver": solver,
                            "iteration": np.arange(self.iterations + 1),
                            "mean": measured.mean(axis=0),
                            "standard_error": measured.std(axis=0, ddof=1) / np.sqrt(len(measured)),
                            "median": np.median(measured, axis=0),
                            "low": np.quantile(measured, 0.1, axis=0),
                            "high": np.quantile(measured, 0.9, axis=0),
                            "predicted": predicted,
                            "trials": len(measured),
                        }
                    )
                )
        return {"trajectories": pd.concat(rows, ignore_index=True)}

    def _predicted(self, point: Point) -> dict[str, np.ndarray]:
        ratio, sparsity, noise = point.sampling_ratio, point.relative_sparsity, point.noise
        density = ratio * sparsity
        with jax.enable_x64(True):
            multiplier = theory.minimax_threshold(ratio)
            soft = theory.soft_threshold_state_evolution(ratio, sparsity, noise, multiplier, self.iterations)
            bayes = theory.bernoulli_gauss_state_evolution(ratio, sparsity, noise, self.iterations)
        return {"AMP": np.asarray(soft) / density, "BayesAMP": np.asarray(bayes) / density}
