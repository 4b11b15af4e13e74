"""Universality of the l1 transition over designs and coefficient laws (Donoho and Tanner 2009)."""

import functools

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, penalties, solvers
from recover.operators.ensembles import ENSEMBLES

from ..fields import Count
from ..figure import Figure, Sweep
from .ratios import Ratios, Threshold, sizes, transition_curves, weak_transition


class Universality(Figure):
    """Boundaries of l1 recovery for several ensembles and coefficient laws."""

    dimension: Count
    sampling_ratios: Ratios
    multiples: tuple[Threshold, ...]
    ensembles: tuple[str, ...]
    amplitudes: tuple[str, ...]
    trials: Count
    max_steps: Count
    below: Threshold
    penalty: Threshold

    @pydantic.model_validator(mode="after")
    def _known(self):
        for name in self.ensembles:
            if name not in ENSEMBLES:
                raise ValueError(f"`ensembles` holds {name!r}; allowed: {', '.join(ENSEMBLES)}")
        for name in self.amplitudes:
            if name not in models.AMPLITUDES:
                raise ValueError(f"`amplitudes` holds {name!r}; allowed: {', '.join(models.AMPLITUDES)}")
        for name in self.ensembles:
            models.SparseRegression(self.dimension, 1, 1, ensemble=name)
        return self

    def sweeps(self) -> dict[str, Sweep]:
        """One grid over ensembles, laws, sampling ratios, and multiples of the predicted transition."""
        axes = {
            "ensemble": self.ensembles,
            "amplitudes": self.amplitudes,
            "sampling_ratio": self.sampling_ratios,
            "multiple": self.multiples,
        }
        return {"grid": Sweep(self._cell, axes, self.trials, {"seed": self.seed, "max_steps": self.max_steps})}

    def _cell(self, ensemble, amplitudes, sampling_ratio, multiple):
        # Knowing that the coefficients are nonnegative is what moves the transition; the solver is told.
        nonnegative = amplitudes == "nonnegative"
        transition = _transition(sampling_ratio, nonnegative)
        if multiple * transition > 1:
            return None
        samples, sparsity = sizes(self.dimension, sampling_ratio, multiple * transition)
        model = models.SparseRegression(self.dimension, samples, sparsity, ensemble=ensemble, amplitudes=amplitudes)
        # A convex solver, which needs nothing of the design: message passing presumes independent entries.
        return model, solvers.FISTA(penalty=penalties.L1(self.penalty, nonnegative=nonnegative))

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Boundaries in relative sparsity with the transition that theory predicts for Gaussian designs."""
        boundary = swept["grid"].boundary("multiple", below=self.below, seed=self.seed)
        predicted = np.asarray(
            [
                _transition(ratio, law == "nonnegative")
                for ratio, law in zip(boundary["sampling_ratio"], boundary["amplitudes"], strict=True)
            ]
        )
        for name in ("boundary", "low", "high", "width"):
            boundary[name] = boundary[name] * predicted
        return {
            "boundary": boundary.assign(predicted=predicted),
            "theory": transition_curves(np.linspace(0.05, 0.95, 46)),
        }


@functools.cache
def _transition(sampling_ratio: float, nonnegative: bool) -> float:
    return weak_transition(sampling_ratio, nonnegative)
