"""Universality of the l1 transition over designs and coefficient laws (Donoho and Tanner 2009)."""

import itertools

import pydantic

from recover import models, penalties, solvers

from ..fields import Count, Positive, Share
from ..figure import Axis, SweepFigure
from .common import in_relative_sparsity, regression, transition_curves, weak_transition


class Universality(SweepFigure):
    """Boundaries of l1 recovery over multiples of the transition that theory predicts for Gaussian designs."""

    dimension: Count
    ensemble: Axis[str]
    law: Axis[str]
    sampling_ratio: Axis[Share]
    multiple: Axis[Positive]
    below: Positive
    penalty: Positive

    @pydantic.model_validator(mode="after")
    def _possible(self):
        for ensemble, law in itertools.product(self.ensemble, self.law):
            models.SparseRegression(self.dimension, 1, 1, ensemble=ensemble, amplitudes=law)
        return self

    def cell(self, ensemble, law, sampling_ratio, multiple):
        # Knowing that the coefficients are nonnegative is what moves the transition; the solver is told.
        nonnegative = law == "nonnegative"
        relative_sparsity = multiple * weak_transition(sampling_ratio, nonnegative)
        if relative_sparsity > 1:
            return None
        model = regression(self.dimension, sampling_ratio, relative_sparsity, ensemble=ensemble, amplitudes=law)
        # A convex solver, which needs nothing of the design: message passing presumes independent entries.
        return model, solvers.FISTA(penalty=penalties.L1(self.penalty, nonnegative=nonnegative))

    def tables(self, swept):
        fitted = swept.boundary("multiple", below=self.below, seed=self.seed)
        laws = zip(fitted["sampling_ratio"], fitted["law"] == "nonnegative", strict=True)
        return {"boundary": in_relative_sparsity(fitted, (weak_transition(*each) for each in laws))}

    def predictions(self):
        return {"theory": transition_curves()}
