"""Hierarchical communities from the leaves up: spectral clustering, refinement, average linkage."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..core import draws
from ..core.fields import Real, Whole, count, leaf
from ..core.linalg import eigh
from ..core.numbers import norm, unit
from ..core.results import Result
from ..core.sizes import capacity
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import Progress
from ..core.units import Scaling
from .clustering import community_edges, k_means, likeliest_labels
from .dendrograms import Dendrogram, average_linkage
from .problem import GraphProblem
from .subspaces import chebyshev_filter, orthonormalised

__all__ = ["BottomUp"]

# Columns of the subspace beyond those wanted, which speed up the last of these.
_SPARE = 4
# Degree of the filter between two orthonormalisations: single precision bears no more than four digits between columns.
_DEGREE = 5
# The end of the damped interval never falls below this share of the edge of the bulk.
_LOWEST_END = 0.5
# Residuals of Ritz vectors, of the largest value, that pass for none.
_RESIDUAL = 0.02


class BottomUpState(eqx.Module):
    """An orthonormal basis of the leading subspace with its Ritz values, in units of the edge of the bulk; words of a key."""

    basis: Float[Array, "nodes width"]
    values: Float[Array, " width"]
    kept: Float[Array, "nodes nodes"] | None
    words: Array
    progress: Progress


class BottomUp(AbstractSolver[GraphProblem, BottomUpState]):
    r"""Finest communities by Bethe-Hessian spectral clustering, merged by average linkage on estimated densities.

    1. *Leaves.* With $\rho = \sum d_i^2 / \sum d_i - 1$ (the spectral radius of the non-backtracking matrix, nearly) the
       informative directions are those in which the Bethe Hessian $H_r = (r^2 - 1) I + D - r A$ is negative at
       $r = \sqrt\rho$. They solve $A x = \mu (D + (\rho - 1) I) x$ with $\mu > 1/\sqrt\rho$. One step is a Chebyshev filter,
       applied to a block of vectors by matrix products alone, an orthonormalisation and a Rayleigh-Ritz projection; the
       filter damps $[-1/\sqrt\rho, b]$, where $b \le 1/\sqrt\rho$ is the least Ritz value of the block, since informative
       directions of finite graphs may lie below that edge and still above the bulk. The rows of the K leading $x$ are
       normalised and clustered by k-means.
    2. *Refinement.* Up to `refinements` times every node moves to its likeliest community (`recover.graphs.clustering`); 0 for none,
       as in the paper, 15 is usual.
    3. *Tree.* Average linkage on $E_{ab} / (s_a s_b)$ (`recover.graphs.dendrograms`).

    A weight counts as so many edges. Where few edges carry most of the weight the leading directions sit on these, and
    `converged`, which is said of the directions, tells nothing of communities: planted ones (4 of 30 nodes, edges with probability
    .5 and .05) are found with log-normal weights of $\sigma = 1$ (adjusted Rand index .93 to 1), and not of $\sigma = 2$
    (.25 to .5 with K known; one community with K estimated), where clipped weights, or none, serve better.

    **Arguments:**

    - `refinements`: sweeps of step 2, at most.
    - `estimate_communities`: K is the number of $\mu$ above $1/\sqrt\rho$, even if the problem knows it. Where it does not K is always
      estimated, and at most the capacity of the problem.
    - `split`: share of the edges that steps 1 and 2 use; the densities of step 3 are those of the other edges (of all, where
      the share is 1). Graph splitting makes the two independent for graphs of bounded degree. `None`: no splitting.
    - `restarts`: of k-means (static).
    - `tolerance`, `patience`: converged when none of the K largest Ritz values moves by more in a step, relative to the largest one
      (with K estimated: none of those beyond the edge).

    Source: M. Dreveton, D. Kuroda, M. Grossglauser and P. Thiran, "When Does Bottom-up Beat Top-down in Hierarchical Community
    Detection?", arXiv:2306.00833 (dreveton2023), whose Bethe Hessian has one r per eigenvector: L. Dall'Amico,
    R. Couillet and N. Tremblay, Journal of Machine Learning Research 22 (2021) (dallamico2021). Refinement is not part of the paper.
    """

    scaling: ClassVar = Scaling()

    refinements: Whole = leaf(0, "count")
    estimate_communities: Bool[Array, ""] = leaf(False, "switch")
    split: Real | None = leaf(None, "share")
    tolerance: Real = leaf(3e-4)
    patience: Whole = leaf(0, "count")
    restarts: int = count(1, default=8)

    def init(self, problem: GraphProblem, key) -> BottomUpState:
        """A random block, and the edges kept for clustering."""
        dtype = problem.observations.dtype
        size = problem.observations.shape[0]
        key_basis, key_split, key_rest = draws.split(key, 3)
        width = min(capacity(problem, "communities") + _SPARE, size)
        basis = draws.normal(key_basis, (size, width)).astype(dtype) * problem.live_nodes.astype(dtype)[:, None]
        kept = None
        if self.split is not None:
            chosen = draws.symmetric_uniform(key_split, size).astype(dtype) < self.split
            kept = jnp.where(chosen, problem.observations, 0)
        # As if all were at the edge of the bulk: where the first filter begins.
        values = jnp.ones(width, dtype)
        return BottomUpState(basis, values, kept, jax.random.key_data(key_rest), Progress.start(dtype))

    def step(self, problem: GraphProblem, state: BottomUpState) -> BottomUpState:
        """One filter, one orthonormalisation, one projection."""
        product = self._product(problem, state)
        end = jnp.clip(state.values[-1], _LOWEST_END, 1)
        centre, half = (end - 1) / 2, (end + 1) / 2
        filtered = chebyshev_filter(lambda block: (product(block) - centre * block) / half, state.basis, _DEGREE)
        basis = orthonormalised(filtered)
        projected = basis.T @ product(basis)
        ascending, vectors = eigh((projected + projected.T) / 2)
        values, basis = ascending[::-1], basis @ vectors[:, ::-1]
        wanted = jnp.arange(values.shape[0], dtype=jnp.int32) < self._communities(problem, values)
        moved = jnp.where(wanted, jnp.abs(values - state.values), 0)
        change = jnp.max(moved) / jnp.maximum(jnp.abs(values[0]), 1e-6)
        return BottomUpState(basis, values, state.kept, state.words, state.progress.update(change, change))

    def status(self, problem: GraphProblem, state: BottomUpState) -> Result:
        """Converged once no wanted Ritz value moves by more than `tolerance`, relative to the largest."""
        return state.progress.status(self.tolerance, self.patience)

    def certificate(self, problem: GraphProblem, state: BottomUpState) -> Certificate:
        r"""The largest residual $\|M u - \mu u\|$ of the wanted Ritz vectors over a share of the largest $|\mu|$."""
        wanted = jnp.arange(state.values.shape[0], dtype=jnp.int32) < self._communities(problem, state.values)
        residuals = norm(self._product(problem, state)(state.basis) - state.basis * state.values[None, :], 0)
        allowed = _RESIDUAL * jnp.maximum(jnp.abs(state.values[0]), 1e-6)
        return Certificate(jnp.max(jnp.where(wanted, residuals, 0)) / allowed, jnp.zeros((), bool))

    def estimate(self, problem: GraphProblem, state: BottomUpState) -> Dendrogram:
        """The tree: leaves by k-means on the rows of the subspace, refined, then merged by average linkage."""
        most = capacity(problem, "communities")
        adjacency, live = self._clustered(problem, state), problem.live_nodes
        scale, _ = _normalisation(adjacency, live)
        communities = self._communities(problem, state.values)
        wanted = jnp.arange(state.basis.shape[1], dtype=jnp.int32) < communities
        rows = unit(jnp.where(wanted[None, :], scale[:, None] * state.basis, 0))
        key = jax.random.wrap_key_data(state.words)
        labels = k_means(rows, live, communities, key, capacity=most, restarts=self.restarts)
        labels = likeliest_labels(adjacency, labels, live, self.refinements, most)
        measured = problem.observations
        if self.split is not None:
            held_out = problem.observations - adjacency
            measured = jnp.where(self.split < 1, held_out, measured)
        edges, sizes = community_edges(measured, labels, live, most)
        return average_linkage(edges, sizes, labels)

    def stats(self, problem: GraphProblem, state: BottomUpState) -> dict[str, Array]:
        """`communities`: how many directions are informative, the estimate of their number. `residual`: the last change."""
        return {"communities": _informative(state.values), "residual": state.progress.residual}

    def _product(self, problem, state):
        """Products of the normalised adjacency matrix, in units of the edge of the bulk, with a block of vectors."""
        adjacency = self._clustered(problem, state)
        scale, edge = _normalisation(adjacency, problem.live_nodes)
        return lambda block: scale[:, None] * (adjacency @ (scale[:, None] * block)) / edge

    def _clustered(self, problem, state):
        return problem.observations if state.kept is None else state.kept

    def _communities(self, problem, values) -> Int[Array, ""]:
        most = capacity(problem, "communities")
        found = jnp.clip(_informative(values), 1, most)
        if problem.communities is None:
            return found
        return jnp.where(self.estimate_communities, found, jnp.minimum(problem.communities, most))


def _informative(values) -> Int[Array, ""]:
    return jnp.sum(values > 1, dtype=jnp.int32)


def _normalisation(adjacency, live):
    r"""$(d_i + \rho - 1)^{-1/2}$, zero on padding, and the edge $1/\sqrt\rho$ of the bulk."""
    degrees = jnp.sum(adjacency, axis=1)
    total = jnp.maximum(jnp.sum(degrees), 1)
    # Below one nothing can be detected; kept positive for graphs of a few edges.
    radius = jnp.maximum(jnp.sum(degrees**2) / total - 1, 1)
    scale = jnp.where(live, 1 / jnp.sqrt(jnp.maximum(degrees + radius - 1, 0.5)), 0)
    return scale, 1 / jnp.sqrt(radius)
