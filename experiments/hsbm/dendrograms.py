"""Dendrograms: of a planted tree whose communities have three children each, and of a real network."""

import jax
import networkx as nx
import numpy as np
import pandas as pd

from recover import Dendrogram, GraphProblem, solve, solvers, trees

from ..fields import Count, Grid
from ..figure import Figure
from .common import algorithms, planted


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
        scores = [{"solver": name, "accuracy": _agreement(sides, club)} for name, sides in splits.items()]
        inversions = {name: int(each.inversions) for name, each in found.items()}
        return {
            "merges": pd.concat(merges, ignore_index=True),
            "labels": pd.concat(labels, ignore_index=True),
            "scores": pd.DataFrame(scores).assign(inversions=lambda rows: rows["solver"].map(inversions)),
        }

    def _solved(self, problem: GraphProblem, bisection: solvers.TopDown) -> dict[str, Dendrogram]:
        methods = algorithms(bisection)
        return {name: solve(problem, solver, max_steps=self.max_steps).value for name, solver in methods.items()}


def _merges(tree: Dendrogram) -> pd.DataFrame:
    count = int(tree.leaves) - 1
    first, second = np.asarray(tree.merges)[:count].T
    similarity = np.asarray(tree.similarities, float)[:count]
    return pd.DataFrame({"merge": np.arange(count), "first": first, "second": second, "similarity": similarity})


def _agreement(sides: np.ndarray, club: np.ndarray) -> float:
    """Share of members on the right side of a split in two, whichever side is called the first."""
    agree = float(np.mean((sides == sides[0]) == (club == club[0])))
    return max(agree, 1 - agree)
