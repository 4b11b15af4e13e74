"""Bottom-up against top-down hierarchical community detection (Dreveton et al. 2023)."""

import jax
import networkx as nx
import numpy as np
import pandas as pd
import pydantic

from recover import Dendrogram, GraphProblem, models, solve, solvers, theory, trees

from .fields import Count, Counts, Grid, Positive, Share
from .figure import Axis, Figure, NamedAxis, SweepFigure
from .summaries import differences, summarise

BOTTOM_UP, REFINED, TOP_DOWN = "bottom-up", "bottom-up, refined", "top-down"
# Those of the trees with two middle rates.
DEPTHS = (1, 2, 3)
# Sweeps of refinement, at most.
REFINEMENTS = 15


def planted(tree: trees.Tree, size: int, rates) -> models.HierarchicalSBM:
    """The graph whose densities are rates times log N / N."""
    nodes = tree.shape[1] * size
    return models.HierarchicalSBM(tree, size, np.asarray(rates, float) * np.log(nodes) / nodes)


def algorithms(bisection: solvers.TopDown, restarts: int = 8) -> dict:
    """Bottom-up without and with refinement, which share a program, and top-down."""
    return {
        BOTTOM_UP: solvers.BottomUp(restarts=restarts),
        REFINED: solvers.BottomUp(refinements=REFINEMENTS, restarts=restarts),
        TOP_DOWN: bisection,
    }


def informations(rates: np.ndarray, branching: int, nodes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Those of bottom-up and top-down at all depths, in double precision."""
    with jax.enable_x64(True):
        found = (theory.bottom_up_information, theory.top_down_information)
        bottom, top = (np.asarray(information(rates, branching, nodes)) for information in found)
    return bottom, top


def information_over_plane(
    axis, first: float, last: float, branching: int = 2, nodes: int | None = None
) -> pd.DataFrame:
    """Both informations per depth where the middle rates a_1 <= a_2 of a tree of depth three are two values of `axis`."""
    one, two = (grid.reshape(-1) for grid in np.meshgrid(axis, axis, indexing="ij"))
    one, two = one[one <= two], two[one <= two]
    rates = np.stack([np.full_like(one, first), one, two, np.full_like(one, last)], axis=1)
    bottom, top = informations(rates, branching, nodes)
    found = [
        pd.DataFrame({"a_1": one, "a_2": two, "depth": q, "bottom_up": bottom[:, q - 1], "top_down": top[:, q - 1]})
        for q in DEPTHS
    ]
    return pd.concat(found, ignore_index=True)


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
        return {"a_1": list(self.middle), "a_2": list(self.middle)}

    def cell(self, a_1, a_2):
        """Elsewhere there are no communities of depth two."""
        if a_1 >= a_2:
            return None
        tree = trees.balanced_tree(max(DEPTHS), self.branching)
        model = planted(tree, self.size, (self.first, a_1, a_2, self.last))
        return model, algorithms(solvers.TopDown(self.top_down_levels, self.stopping), self.restarts)

    def tables(self, swept):
        points = swept.frame[["solver", "a_1", "a_2", "trial"]]
        depths = [
            points.assign(depth=q, accuracy=swept.frame[f"accuracy_{q}"], exact=swept.frame[f"exact_{q}"])
            for q in DEPTHS
        ]
        long, by = pd.concat(depths, ignore_index=True), ["a_1", "a_2", "depth"]
        # A partition into fewer communities than asked for counts as wrong in differences.
        scored = long.assign(score=long["accuracy"].fillna(0.0))
        return {
            "cells": summarise(long, ["solver", *by], **dict.fromkeys(["accuracy", "exact"], "mean")),
            "differences": differences(scored, by, "score", REFINED, TOP_DOWN),
            "dendrograms": summarise(
                swept, ["solver", "a_1", "a_2"], **dict.fromkeys(["leaves", "inversions"], "mean")
            ),
        }

    def predictions(self):
        lines = np.linspace(min(self.middle), max(self.middle), 61)
        plane = (self.first, self.last, self.branching, self.branching ** max(DEPTHS) * self.size)
        return {
            "lines": information_over_plane(lines, *plane),
            "informations": information_over_plane(self.middle, *plane),
        }


class Thresholds(Figure):
    """Where exact recovery is possible at each depth, and where splitting is guaranteed, by theory alone."""

    first: Positive
    last: Positive
    points: Count
    nodes: Count
    checked: tuple[Positive, Positive]

    def predictions(self):
        axis, ends = np.linspace(self.first, self.last, self.points), (self.first, self.last)
        points = [
            information_over_plane(self.checked, *ends, nodes=nodes).query("a_1 < a_2").assign(densities=name)
            for name, nodes in (("sparse", None), ("Bernoulli", self.nodes))
        ]
        # Two blocks only: the classical threshold.
        pair = np.asarray([2.0, 11.0])
        classical = (np.sqrt(pair[1]) - np.sqrt(pair[0])) ** 2 / 2
        return {
            "plane": information_over_plane(axis, *ends),
            "point": pd.concat(points, ignore_index=True),
            "classical": pd.DataFrame({"information": informations(pair, 2)[0], "classical": [classical]}),
        }


class PhaseDiagram(Plane):
    """The published plane, or one like it. A binary tree, of known depth to top-down."""


class SparsePlane(Plane):
    """The plane at rates at which algorithms differ. A binary tree, of known depth to top-down."""


class TernaryPlane(Plane):
    """The plane where communities have three children each. A ternary tree; top-down bisects, and stops by itself."""


class Robustness(SweepFigure):
    """Trees and communities against the mean degree. Degrees and shares of edges kept are traced: one program."""

    size: Count
    depth: Count
    ratio: float = pydantic.Field(gt=0, lt=0.5)
    degree: Axis[Positive]
    shares: tuple[Share, ...] = pydantic.Field(min_length=1)

    def cell(self, degree):
        tree = trees.balanced_tree(self.depth)
        shape = trees.geometric_densities(1.0, self.ratio, self.depth)
        # Share of all pairs whose common ancestor has each depth.
        pairs = np.asarray([2.0 ** -(level + 1) for level in range(self.depth)] + [2.0**-self.depth])
        nodes = tree.shape[1] * self.size
        model = models.HierarchicalSBM(tree, self.size, shape * degree / (nodes * (pairs @ shape)))
        return model, {f"{share:g}": solvers.BottomUp(split=share) for share in self.shares}

    def tables(self, swept):
        columns = dict.fromkeys(["inversions", *(f"lca_{level}" for level in range(self.depth + 1))], "mean")
        columns |= {"accuracy": (f"accuracy_{self.depth}", "mean"), "exact": (f"exact_{self.depth}", "rate")}
        return {"curves": summarise(swept, ["degree", "solver"], tree_recovered="rate", **columns)}


class Unbalanced(SweepFigure):
    """Deep trees, balanced and not, of one depth and number of units: one program per algorithm."""

    size: Count
    depth: Count
    shape: NamedAxis[Counts]
    ratio: Axis[Positive]
    last: Positive
    top_down_levels: Count
    restarts: Count = 8

    def cell(self, shape, ratio):
        tree = trees.collapsed_tree(trees.balanced_tree(self.depth), self.shape[shape])
        model = planted(tree, self.size, trees.geometric_densities(self.last, ratio, self.depth))
        return model, algorithms(solvers.TopDown(self.top_down_levels, True), self.restarts)

    def tables(self, swept):
        return {
            "curves": summarise(
                swept, ["shape", "solver", "ratio"], **dict.fromkeys(["leaf_accuracy", "leaves", "inversions"], "mean")
            )
        }


class Dendrograms(Figure):
    """One planted graph, and the friendships of a karate club (Zachary 1977), which ship with networkx."""

    size: Count
    max_steps: Count
    branching: Count
    rates: Grid
    top_down_levels: Count
    communities: Count
    network_levels: Count

    def predictions(self):
        tree = trees.balanced_tree(len(self.rates) - 1, self.branching)
        problem, truth = planted(tree, self.size, self.rates).sample(jax.random.key(self.seed))
        estimates = {"planted": truth, **self._solved(problem, solvers.TopDown(self.top_down_levels))}

        graph = nx.karate_club_graph()
        club = np.asarray([graph.nodes[node]["club"] == "Officer" for node in graph], int)
        adjacency = nx.to_numpy_array(graph, weight=None, dtype=np.float32)
        # By the Bethe Hessian of the stopping rule this network would stay whole.
        bisection = solvers.TopDown(self.network_levels, stopping=False)
        found = self._solved(GraphProblem(adjacency, communities=self.communities), bisection)
        peer = nx.community.greedy_modularity_communities(graph, cutoff=2, best_n=2)
        splits = {name: np.asarray(each.cut(2)) for name, each in found.items()}
        splits["greedy modularity"] = np.isin(np.arange(len(club)), list(peer[0]))

        networks = {"planted graph": (estimates, np.asarray(truth.labels)), "karate club": (found, club)}
        merges, labels = [], []
        for network, (dendrograms, groups) in networks.items():
            for name, each in dendrograms.items():
                merges.append(_merges(each).assign(network=network, solver=name))
                leaves = pd.DataFrame({"leaf": np.asarray(each.labels), "planted": groups})
                labels.append(leaves.assign(network=network, solver=name))
        scores = pd.DataFrame({"accuracy": {name: _agreement(sides, club) for name, sides in splits.items()}})
        scores["inversions"] = pd.Series({name: int(each.inversions) for name, each in found.items()})
        return {
            "merges": pd.concat(merges, ignore_index=True),
            "labels": pd.concat(labels, ignore_index=True),
            "scores": scores.rename_axis("solver").reset_index(),
        }

    def _solved(self, problem: GraphProblem, bisection: solvers.TopDown) -> dict[str, Dendrogram]:
        methods = algorithms(bisection)
        return {name: solve(problem, solver, max_steps=self.max_steps).value for name, solver in methods.items()}


def _merges(tree: Dendrogram) -> pd.DataFrame:
    count = int(tree.leaves) - 1
    first, second = np.asarray(tree.merges)[:count].T
    similarity = np.asarray(tree.similarities, float)[:count]
    return pd.DataFrame({"first": first, "second": second, "similarity": similarity})


def _agreement(sides: np.ndarray, club: np.ndarray) -> float:
    """Share of members on the right side of a split in two, whichever side is called the first."""
    agree = float(np.mean((sides == sides[0]) == (club == club[0])))
    return max(agree, 1 - agree)
