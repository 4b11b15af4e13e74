"""Dendrograms: of a planted tree whose communities have three children each, and of a real network."""

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pandas as pd

from recover import Dendrogram, GraphProblem, Table, solve, solvers, trees
from recover.graphs.partitions import adjusted_mutual_information

from ..fields import Count
from .common import BOTTOM_UP, REFINED, TOP_DOWN, CommunityFigure, Rates, planted

_REFINEMENTS = 15


class Dendrograms(CommunityFigure):
    """One planted graph, and the friendships of a karate club (Zachary 1977), which ship with networkx."""

    branching: Count
    rates: Rates
    top_down_levels: Count
    communities: Count
    network_levels: Count

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Merges of every dendrogram, leaves of the nodes, and scores on the real network."""
        tree = trees.balanced_tree(len(self.rates) - 1, self.branching)
        problem, truth = planted(tree, self.size, self.rates).sample(jax.random.key(self.seed))
        found = {"planted": truth, **self._solved(problem, solvers.TopDown(self.top_down_levels))}
        merges = [_merges("planted graph", name, each) for name, each in found.items()]
        labels = [_labels("planted graph", name, each, np.asarray(truth.labels)) for name, each in found.items()]

        graph = nx.karate_club_graph()
        club = np.asarray([graph.nodes[node]["club"] == "Officer" for node in graph], int)
        adjacency = nx.to_numpy_array(graph, weight=None, dtype=np.float32)
        problem = GraphProblem(adjacency, communities=self.communities)
        # By the Bethe Hessian of the stopping rule this network would stay whole.
        found = self._solved(problem, solvers.TopDown(self.network_levels, stopping=False))
        merges += [_merges("karate club", name, each) for name, each in found.items()]
        labels += [_labels("karate club", name, each, club) for name, each in found.items()]
        scores = []
        for name, each in found.items():
            sides = np.asarray(each.cut(2))
            scores.append(
                _score(graph, name, sides, club, int(each.leaves), np.asarray(each.labels), int(each.inversions))
            )
        peer = nx.community.greedy_modularity_communities(graph, cutoff=2, best_n=2)
        fine = nx.community.greedy_modularity_communities(graph, cutoff=self.communities, best_n=self.communities)
        scores.append(
            _score(
                graph, "greedy modularity", _numbered(peer, len(club)), club, len(fine), _numbered(fine, len(club)), 0
            )
        )
        return {
            "merges": pd.concat(merges, ignore_index=True),
            "labels": pd.concat(labels, ignore_index=True),
            "scores": pd.DataFrame(scores),
        }

    def _solved(self, problem: GraphProblem, bisection: solvers.TopDown) -> dict[str, Dendrogram]:
        methods = {
            BOTTOM_UP: solvers.BottomUp(),
            REFINED: solvers.BottomUp(refinements=_REFINEMENTS),
            TOP_DOWN: bisection,
        }
        return {name: solve(problem, solver, max_steps=self.max_steps).value for name, solver in methods.items()}


def _merges(network: str, solver: str, tree: Dendrogram) -> pd.DataFrame:
    count = int(tree.leaves) - 1
    pairs = np.asarray(tree.merges)[:count]
    values = {"first": pairs[:, 0], "second": pairs[:, 1], "similarity": np.asarray(tree.similarities, float)[:count]}
    return pd.DataFrame({"network": network, "solver": solver, "merge": np.arange(count), **values})


def _labels(network: str, solver: str, tree: Dendrogram, planted: np.ndarray) -> pd.DataFrame:
    found = np.asarray(tree.labels)
    return pd.DataFrame(
        {"network": network, "solver": solver, "node": np.arange(len(found)), "leaf": found, "planted": planted}
    )


def _numbered(communities, size: int) -> np.ndarray:
    labels = np.zeros(size, int)
    for number, members in enumerate(communities):
        labels[list(members)] = number
    return labels


def _counts(first: np.ndarray, second: np.ndarray) -> jax.Array:
    """Table of counts of two partitions."""
    return jnp.asarray(pd.crosstab(first, second).to_numpy(np.float32))


def _score(graph, name, sides, club, leaves, labels, inversions) -> dict:
    agree = float(np.mean((sides == sides[0]) == (club == club[0])))
    parts = [set(np.flatnonzero(labels == label)) for label in np.unique(labels)]
    return {
        "solver": name,
        "leaves": leaves,
        "accuracy": max(agree, 1 - agree),
        "ami": float(adjusted_mutual_information(_counts(club, sides), len(club))),
        "modularity": nx.community.modularity(graph, parts, weight=None),
        "inversions": inversions,
    }
