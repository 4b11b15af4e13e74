"""Pruning all weights together, layer by layer, or unit by unit."""

import pandas as pd

from recover import Table

from .common import DigitsFigure, summary


class Scopes(DigitsFigure):
    """Every method in every scope: lanes of one program."""

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances."""
        parts = []
        for scope in ("global", "layer", "neuron"):
            methods = self.methods(self.hidden, self.training_pictures, scope)
            methods.pop("SAP(1/2, 1)")
            parts.append(summary(self.trajectories(self.model, methods)).assign(scope=scope))
        return {"curves": pd.concat(parts, ignore_index=True)}
