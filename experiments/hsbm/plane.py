"""What the planes of the two middle densities of a tree of depth three share: bottom-up and top-down over one sweep."""

import numpy as np
import pandas as pd
import pydantic

from recover import solvers, trees

from ..fields import Count, Grid, Positive
from ..figure import SweepFigure
from ..summaries import differences, summarise
from .common import DEPTHS, REFINED, TOP_DOWN, algorithms, information_over_plane, planted

_LINE_POINTS = 61


class Plane(SweepFigure):
    """Rates are traced: the whole plane is one program per algorithm."""

    size: Count
    branching: Count = pydantic.Field(ge=2)
    first: Positive
    last: Positive
    middle: Grid
    top_down_levels: Count
    stopping: bool
    restarts: Count = 8

    def axes(self):
        """Both middle rates."""
        return {"a_1": list(self.middle), "a_2": list(self.middle)}

    def cell(self, a_1, a_2):
        """Elsewhere there are no communities of depth two."""
        if a_1 >= a_2:
            return None
        tree = trees.balanced_tree(max(DEPTHS), self.branching)
        model = planted(tree, self.size, (self.first, a_1, a_2, self.last))
        return model, algorithms(solvers.TopDown(self.top_down_levels, self.stopping), self.restarts)

    def tables(self, swept):
        frame, by = swept.frame, ["a_1", "a_2", "depth"]
        depths = [
            frame[["solver", "a_1", "a_2", "trial"]].assign(
                depth=depth, accuracy=frame[f"accuracy_{depth}"], exact=frame[f"exact_{depth}"]
            )
            for depth in DEPTHS
        ]
        long = pd.concat(depths, ignore_index=True)
        # A partition into fewer communities than asked for counts as wrong in differences.
        scored = long.assign(score=long["accuracy"].fillna(0.0))
        most = ("inversions", "median_range")
        return {
            "cells": summarise(long, ["solver", *by], accuracy="mean", exact="mean"),
            "differences": differences(scored, by, "score", REFINED, TOP_DOWN),
            "dendrograms": summarise(swept, ["solver", "a_1", "a_2"], leaves="mean", inversions="mean", most=most),
        }

    def predictions(self):
        lines = np.linspace(min(self.middle), max(self.middle), _LINE_POINTS)
        plane = (self.first, self.last, self.branching, self.branching ** max(DEPTHS) * self.size)
        return {
            "lines": information_over_plane(lines, *plane),
            "informations": information_over_plane(self.middle, *plane),
        }
