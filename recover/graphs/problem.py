"""What a solver may see of a network: who is linked with whom."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..core.checks import require_integer
from ..core.data import as_data, in_one_dtype, shown
from ..core.leaves import is_concrete
from ..core.numbers import ratio
from ..core.problem import AbstractProblem
from ..core.sizes import row_mask
from ..core.units import Units, largest, power_of_two
from .dendrograms import Dendrogram

__all__ = ["GraphProblem"]

# Entries that differ by less than this share of the largest one are taken to be equal.
_ROUNDING = 1e-6
# Largest number of communities looked for where none is given.
_MOST = 16


class GraphProblem(AbstractProblem):
    """An undirected graph on `nodes` nodes, whose communities are sought.

    Rows and columns of `observations`, the symmetric matrix of edges (or of their weights) without loops, from `nodes` on are
    padding and zero. Isolated nodes are allowed.
    """

    observations: Float[Array, "nodes nodes"]
    nodes: Int[Array, ""]
    communities: Int[Array, ""] | None

    def __init__(
        self,
        observations,
        *,
        nodes=None,
        communities=None,
        capacity: int | None = None,
    ):
        """**Arguments:**

        - `observations`: the adjacency matrix, of shape (N, N): an array, a frame of pandas whose columns are labelled as its
          rows, a sparse matrix (made dense); or an undirected graph of networkx, whose nodes keep their order and whose
          edges weigh their attribute `weight`, one without. Symmetric up to rounding; the mean with the transpose is used.
        - `nodes`: how many leading rows are nodes; all by default.
        - `communities`: number of finest communities, if it is known.
        - `capacity`: the most communities that solvers look for (static); by default `communities`, or else 16.

        **Raises:** `ValueError` when the matrix is not square, symmetric, nonnegative, finite and free of loops, or a number is
        impossible; `TypeError` for complex data and for what is no matrix or graph.
        """
        owner = type(self).__name__
        matrix = as_data(owner, "observations", _adjacency(owner, observations), "N N")
        if matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"{owner}: `observations` has shape {matrix.shape}; (N, N) is allowed.")
        (matrix,) = in_one_dtype(owner, observations=_checked(owner, matrix))
        require_integer(owner, "nodes", nodes, 1, matrix.shape[0], "the rows")
        require_integer(owner, "communities", communities, 1, matrix.shape[0], "the rows")
        require_integer(owner, "capacity", capacity, 1)
        if capacity is None:
            capacity = int(np.asarray(communities)) if is_concrete(communities) else min(_MOST, matrix.shape[0])
        self.observations = matrix
        self.nodes = jnp.asarray(matrix.shape[0] if nodes is None else nodes, jnp.int32)
        self.communities = None if communities is None else jnp.asarray(communities, jnp.int32)
        self.capacities = (("communities", int(capacity)),)

    @property
    def live_nodes(self) -> Bool[Array, " nodes"]:
        """True for nodes, false for padding."""
        return row_mask(self.nodes, self.observations.shape[0])

    @property
    def mask(self) -> Bool[Array, "nodes nodes"]:
        """Which entries are data: those of pairs of different nodes, each pair twice."""
        live = self.live_nodes
        return live[:, None] & live[None, :] & ~jnp.eye(live.shape[0], dtype=bool)

    @property
    def count(self) -> Float[Array, ""]:
        """Number of entries that are data, N (N - 1) for N nodes."""
        nodes = self.nodes.astype(self.observations.dtype)
        return nodes * (nodes - 1)

    @property
    def degrees(self) -> Float[Array, " nodes"]:
        """Sums of the weights of the edges of every node."""
        return jnp.sum(self.observations, axis=1)

    def units(self) -> Units:
        r"""The unit in which the sum of the squares of the weights is their sum: exactly 1 for edges without weights.

        In it the Bethe Hessian of a graph with random weights, $r^2 I + \sum_k w_{ik}^2 - r A$, is nearly the one of the degrees.
        """
        scale = power_of_two(largest(self.observations))
        weights = self.observations / scale
        unit = scale * ratio(jnp.sum(weights**2), jnp.sum(weights), 1)
        return Units(jnp.ones_like(unit), jnp.where(jnp.isfinite(unit) & (unit > 0), unit, 1))

    def in_units(self, units: Units, columns: bool) -> "GraphProblem":
        """The weights in their unit."""
        return eqx.tree_at(lambda problem: problem.observations, self, self.observations / units.observations)

    def restored(self, value: Dendrogram, units: Units) -> Dendrogram:
        """Densities of edges in the unit of the weights as they were given."""
        return eqx.tree_at(lambda tree: tree.similarities, value, value.similarities * units.observations)

    def unrestored(self, value: Dendrogram, units: Units) -> Dendrogram:
        """The inverse of `restored`."""
        return eqx.tree_at(lambda tree: tree.similarities, value, value.similarities / units.observations)


def _adjacency(owner: str, graph):
    """The matrix of a graph of networkx; anything else as it is, a frame with its labels checked."""
    home = type(graph).__module__
    if home.startswith("networkx"):
        import networkx

        if not isinstance(graph, networkx.Graph) or graph.is_directed():
            raise TypeError(
                f"{owner}: `observations` is {shown(graph)}; an undirected graph is allowed: `graph.to_undirected()`."
            )
        if not graph:
            raise ValueError(f"{owner}: `observations` is a graph without nodes; at least one node is allowed.")
        try:
            return networkx.to_numpy_array(graph)
        except (TypeError, ValueError):
            raise TypeError(f"{owner}: `observations` has an edge whose `weight` is no number.") from None
    if home.startswith("pandas") and graph.ndim == 2 and not graph.index.equals(graph.columns):
        raise ValueError(
            f"{owner}: `observations` is a frame whose rows and columns are labelled differently; equal labels in equal order "
            "are allowed, or an array: `.to_numpy()`."
        )
    return graph


def _checked(owner: str, matrix):
    """The matrix, symmetric to the last bit where it was up to rounding.

    **Raises:** `ValueError` for a matrix whose values are known and are no weights of an undirected graph without loops.
    """
    if not is_concrete(matrix):
        return matrix
    entries = np.asarray(matrix)
    entries = entries.astype(entries.dtype if entries.dtype.kind == "f" and entries.dtype.itemsize > 2 else np.float64)
    distance = np.abs(entries - entries.T)
    index = tuple(int(each) for each in np.unravel_index(int(np.argmax(distance)), distance.shape))
    allowed = "a symmetric matrix of weights of at least 0 without loops is allowed."
    if distance[index] > _ROUNDING * np.max(np.abs(entries)):
        raise ValueError(
            f"{owner}: `observations` is not symmetric: entries {index} and {index[::-1]} are {entries[index]:.6g} and "
            f"{entries[index[::-1]]:.6g}, which differ by {distance[index]:.2g}; {allowed}"
        )
    if np.any(np.diagonal(entries) != 0):
        node = int(np.argmax(np.diagonal(entries) != 0))
        raise ValueError(
            f"{owner}: `observations` has a loop: entry {(node, node)} is {entries[node, node]:.6g}; {allowed}"
        )
    if np.any(entries < 0):
        lowest = tuple(int(each) for each in np.unravel_index(int(np.argmin(entries)), entries.shape))
        raise ValueError(f"{owner}: `observations` is {entries[lowest]:.6g} at {lowest}; {allowed}")
    return (entries + entries.T) / 2 if distance[index] > 0 else matrix
