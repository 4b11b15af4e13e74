"""Pruning all weights together, layer by layer, or unit by unit."""

from typing import Literal

import jax.numpy as jnp

from recover import pq_index

from ..figure import Axis
from .common import DigitsFigure, measured


def measured_by_layer(model, truth, problem, solver, state):
    """What is measured of every network, and remaining share and index of its first and its last layer."""
    weights = solver.estimate(problem, state).weights
    found = measured(model, truth, problem, solver, state)
    for name, weight in (("first", weights[0].reshape(-1)), ("last", weights[-1].reshape(-1))):
        live = weight != 0
        found[f"trained_remaining_{name}"] = jnp.mean(live.astype(weight.dtype))
        found[f"trained_pqi_half_{name}"] = pq_index(weight, 0.5, 1.0, live)
    return found


class Scopes(DigitsFigure):
    """Every method in every scope: lanes of one program."""

    measure = measured_by_layer

    scope: Axis[Literal["global", "layer", "neuron"]] = ("global", "layer", "neuron")

    def cell(self, scope):
        model, methods = super().cell(scope)
        methods.pop("SAP(1/2, 1)")
        return model, methods

    def tables(self, swept):
        layers = ("remaining_first", "remaining_last", "pqi_half_first")
        return {"curves": self.curves(swept, "remaining", "live", "accuracy", *layers)}
