"""Message passing, iteration by iteration, against its state evolution."""

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import solvers, theory

from ..fields import Count, Nonnegative, Share
from ..figure import NamedAxis, SweepFigure
from ..summaries import summarise, unrolled
from .common import regression


class Point(pydantic.BaseModel):
    """A problem in the limit: ratios and noise."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    sampling_ratio: Share
    relative_sparsity: Share
    noise: Nonnegative


class StateEvolution(SweepFigure):
    """Mean squared error over signal power per iteration of AMP and BayesAMP, measured and predicted."""

    sharing = "none"

    dimension: Count
    point: NamedAxis[Point]

    def cell(self, point):
        where = self.point[point]
        model = regression(self.dimension, where.sampling_ratio, where.relative_sparsity, noise=where.noise)
        # Undamped and with a negative tolerance: state evolution predicts the plain iteration, followed to the end.
        plain = {"relaxation": 1.0, "tolerance": -1.0, "patience": 0}
        known = {"density": int(model.sparsity) / self.dimension, "variance": 1.0, "learn": False}
        return model, {"AMP": solvers.AMP(**plain), "BayesAMP": solvers.BayesAMP(**known, **plain)}

    def tables(self, swept):
        assert self.record_every is not None
        steps = unrolled(swept, self.record_every)
        steps = steps.assign(mse=steps["error"] ** 2)
        return {"measured": summarise(steps, ["point", "solver", "step"], mse="mean")}

    def predictions(self):
        found = []
        for name, point in self.point.items():
            ratio, sparsity, noise = point.sampling_ratio, point.relative_sparsity, point.noise
            with jax.enable_x64(True):
                threshold = theory.minimax_threshold(ratio)
                soft = theory.soft_threshold_state_evolution(ratio, sparsity, noise, threshold, self.max_steps)
                bayes = theory.bernoulli_gauss_state_evolution(ratio, sparsity, noise, self.max_steps)
            for solver, errors in (("AMP", soft), ("BayesAMP", bayes)):
                predicted = np.asarray(errors) / (ratio * sparsity)
                row = {"point": name, "solver": solver, "step": np.arange(len(predicted)), "predicted": predicted}
                found.append(pd.DataFrame(row))
        return {"predicted": pd.concat(found, ignore_index=True)}
