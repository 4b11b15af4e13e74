"""GAMP-RIE at two sizes against the Bayes-optimal error, and its iterations against state evolution."""

import jax
import numpy as np
import pandas as pd

from recover import solvers, theory

from ..fields import Count, Nonnegative, Positive, ProperFraction
from ..figure import Axis, SweepFigure
from ..summaries import summarise, unrolled
from .common import bayes_errors, network


class MessagePassing(SweepFigure):
    """One program per dimension; samples, noise and damping are traced."""

    dimension: Axis[Count]
    sampling: Axis[Positive]
    noise: Axis[Nonnegative]
    ratio: Positive
    damping: ProperFraction
    traced_sampling: Positive
    iterations: Count

    def cell(self, dimension, sampling, noise):
        solver = {"GAMP-RIE": solvers.GAMPRIE(damping=self.damping)}
        if sampling == self.traced_sampling:
            # State evolution predicts the plain iteration.
            solver["undamped"] = solvers.GAMPRIE(damping=0.0)
        return network(dimension, self.ratio, sampling, noise), solver

    def tables(self, swept):
        damped, plain = (swept.frame[swept.frame["solver"] == name] for name in ("GAMP-RIE", "undamped"))
        plain = plain.assign(history=[history[: self.iterations + 1] for history in plain["history"]])
        return {
            "errors": summarise(damped, ["dimension", "noise", "sampling"], error="mean_spread"),
            "trace": summarise(unrolled(plain, 1), ["dimension", "noise", "step"], error="mean_spread"),
        }

    def predictions(self):
        evolution = []
        with jax.enable_x64(True):
            for noise in self.noise:
                channel = theory.quadratic_network_channel_noise(noise, self.ratio)
                point = (self.traced_sampling, self.ratio, channel, self.iterations)
                errors = np.asarray(theory.quadratic_network_state_evolution(*point))
                evolution.append(pd.DataFrame({"noise": noise, "step": np.arange(len(errors)), "evolution": errors}))
        return {
            "bayes": bayes_errors(self.sampling, self.ratio, self.noise),
            "line": bayes_errors(np.linspace(0.02, max(self.sampling), 100), self.ratio, self.noise),
            "evolution": pd.concat(evolution, ignore_index=True),
        }
