"""What a solver may see of a network: who is linked with whom."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from ..core.checks import require_integer
from ..core.leaves import floating_dtype, is_concrete
from ..core.problem import AbstractProblem
from ..core.sizes import row_mask

__all__ = ["GraphProblem"]

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
        observations: Shaped[Array | np.ndarray, "..."],
        *,
        nodes=None,
        communities=None,
        capacity: int | None = None,
    ):
        """**Arguments:**

        - `observations`: the adjacency matrix, of shape (N, N); NumPy or JAX.
        - `nodes`: how many leading rows are nodes; all by default.
        - `communities`: number of finest communities, if it is known.
        - `capacity`: the most communities that solvers look for (static); by default `communities`, or else 16.

        **Raises:** `ValueError` when the matrix is not square, symmetric, nonnegative and free of loops, or a number is impossible.
        """
        matrix = jnp.asarray(observations)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"GraphProblem: `observations` has shape {matrix.shape}; (N, N) is allowed.")
        if is_concrete(observations):
            entries = np.asarray(observations)
            if np.any(entries != entries.T) or np.any(np.diagonal(entries) != 0) or np.any(entries < 0):
                raise ValueError(
                    "GraphProblem: `observations` is not symmetric, has a negative entry or one on the diagonal; a symmetric "
                    "matrix of weights of at least 0 without loops is allowed."
                )
        require_integer("GraphProblem", "nodes", nodes, 1, matrix.shape[0], "the rows")
        require_integer("GraphProblem", "communities", communities, 1, matrix.shape[0], "the rows")
        if capacity is None:
            capacity = int(np.asarray(communities)) if is_concrete(communities) else min(_MOST, matrix.shape[0])
        self.observations = matrix.astype(floating_dtype(matrix))
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
