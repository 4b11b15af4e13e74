"""Sparsity in misspecified linear bandits (Dong and Yang 2023)."""

from typing import Literal

import numpy as np
import pandas as pd

from recover import models, solvers, theory
from recover.bandits.nets import FIBONACCI_RADIUS
from recover.core import with_capacities

from .fields import Count, Positive, Share
from .figure import Axis, SweepFigure
from .random_search import random_gap
from .summaries import summarise, tidied


class NetFigure(SweepFigure):
    """Random unit features, and nets as fine as the misspecification; `rooms` are sizes that programs are padded to."""

    measure = staticmethod(random_gap)
    sharing = "none"

    actions: Count
    sparsity: Literal[2, 3]
    dimension: Axis[Count]
    misspecification: Axis[Share]
    rooms: dict[Literal["dimension", "actions", "points"], Count]

    def points(self, misspecification) -> int:
        """The size of the net."""
        return int(theory.net_points(misspecification, self.sparsity))

    def model(self, dimension, misspecification) -> models.MisspecifiedBandit:
        """The model, padded."""
        model = models.MisspecifiedBandit(dimension, self.actions, self.sparsity, misspecification)
        return with_capacities(model, {name: self.rooms[name] for name in ("dimension", "actions")})

    def nets(self, misspecification) -> dict:
        """The whole net and its elimination, padded."""
        points, room = self.points(misspecification), {"points": self.rooms["points"]}
        whole = solvers.SparseNet(self.sparsity, points)
        own = solvers.SparseElimination(self.sparsity, points)
        return {"net": with_capacities(whole, room), "elimination": with_capacities(own, room)}

    def predictions(self):
        grid = np.meshgrid(self.dimension, self.misspecification, indexing="ij")
        points = np.asarray(theory.net_points(grid[1], self.sparsity), float)
        radius = np.pi / points if self.sparsity == 2 else FIBONACCI_RADIUS / np.sqrt(points)
        gap = np.asarray(theory.net_gap(radius, grid[1])) / grid[1]
        found = {"bound": np.asarray(theory.net_queries(grid[0], self.sparsity, grid[1])), "gap_bound": gap}
        return {"theory": tidied(found, dimension=self.dimension, misspecification=self.misspecification)}


class Gap(NetFigure):
    """The gap over the misspecification, against the dimension."""

    queries_per_dimension: Count = 6

    def cell(self, dimension, misspecification):
        budget = self.queries_per_dimension * dimension
        others = {
            "design": solvers.DesignLeastSquares(budget),
            "lasso": solvers.BanditLasso(budget),
            "oracle": solvers.DesignLeastSquares(budget, "support"),
        }
        return self.model(dimension, misspecification), {**self.nets(misspecification), **others}

    def tables(self, swept):
        rows = swept.frame.assign(largest=swept.frame["gap"])
        columns = {"gap": "mean", "largest": "median_range", "queries": "mean", "random_gap": "mean"}
        return {"gaps": summarise(rows, ["misspecification", "dimension", "solver"], **columns)}


class QueryCount(NetFigure):
    """Different actions that the net queries, whole and by elimination."""

    def cell(self, dimension, misspecification):
        return self.model(dimension, misspecification), self.nets(misspecification)

    def tables(self, swept):
        return {"counts": summarise(swept, ["misspecification", "dimension", "solver"], queries="mean", gap="mean")}


class Needle(SweepFigure):
    """How often a hidden needle is found, against the share of actions that were queried."""

    sharing = "none"

    dimension: Count
    actions: Count
    budget: Axis[Count]
    tolerance: Positive = 0.5
    sizes: tuple[tuple[Count, Count], ...]

    def cell(self, budget):
        tried = {
            "random": solvers.RandomSearch(budget),
            "design": solvers.DesignLeastSquares(budget, tolerance=self.tolerance),
            "lasso": solvers.BanditLasso(budget),
        }
        return models.HiddenNeedle(self.dimension, self.actions), tried

    def tables(self, swept):
        rows = swept.frame
        found, share = rows["error"] < 0.5, rows["queries"] / self.actions
        rows = rows.assign(share=share, found=found, excess=found - share)
        return {"found": summarise(rows, ["solver", "budget"], found="rate", share="mean", excess="mean")}

    def predictions(self):
        rows = []
        for dimension, actions in self.sizes:
            signs = np.random.default_rng(self.seed).choice(np.float32([-1, 1]), (actions, dimension))
            products = signs @ signs.T
            np.fill_diagonal(products, 0)
            predicted = float(theory.sign_coherence(dimension, actions))
            coherence = float(np.abs(products).max()) / dimension
            rows.append({"dimension": dimension, "actions": actions, "coherence": coherence, "predicted": predicted})
        return {"coherence": pd.DataFrame(rows)}
