"""Hierarchical communities from the root down: recursive spectral bisection, all parts of a level at once."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..core import draws
from ..core.fields import Real, count, leaf
from ..core.linalg import eigh, eigvalsh
from ..core.numbers import ratio
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.units import Scaling
from .clustering import two_means
from .dendrograms import Dendrogram
from .problem import GraphProblem
from .subspaces import chebyshev_filter, group_gram, group_orthonormalised

__all__ = ["TopDown"]

# Degree of the filter between two orthonormalisations.
_DEGREE = 5


class TopDownState(eqx.Module):
    """The part of every node (its path of sides as a binary number), what is known of each bisection, and its start.

    `split` and `cuts` are indexed like a heap: the root is 0, the parts of part c are 2 c + 1 and 2 c + 2.
    """

    paths: Int[Array, " nodes"]
    level: Int[Array, ""]
    split: Bool[Array, " parts"]
    cuts: Float[Array, " parts"]
    start: Float[Array, "nodes width"]
    done: Bool[Array, ""]
    finite: Bool[Array, ""]


class TopDown(AbstractSolver[GraphProblem, TopDownState]):
    r"""Bisects the graph, then both parts, and so on, by the second eigenvector of a regularised normalised Laplacian.

    Within a part of $n$ nodes and mean degree $\bar d$ (in the subgraph that it induces)

    $$A_\tau = A + \tau \bar d\, \mathbf{1}\mathbf{1}^\top / n, \qquad M = D_\tau^{-1/2} A_\tau D_\tau^{-1/2},$$

    and the entries of $D_\tau^{-1/2} u$ are cut in two by 2-means, $u$ being the eigenvector of the second largest eigenvalue.
    Parts of a level are disjoint, so that one masked matrix, block-diagonal up to an order of the nodes, holds all of them:
    a Chebyshev filtered block (damping [-1, b], b the least Ritz value of the part's block) is orthonormalised and
    projected within each part, and nothing is ever sliced. One step is one level.

    With `stopping` a part is bisected only if the Bethe Hessian of its subgraph, $H_r$ with $r^2 = \sum d_i^2 / \sum d_i$, has two
    negative eigenvalues on the subspace found; otherwise always, down to `levels` (and parts of two nodes).
    A direct method: after so many levels nothing is left to converge, and no certificate is asked for.
    The dendrogram merges siblings of the densest cut first. Its densities need not fall towards the root: inversions are
    possible.

    **Arguments:**

    - `levels`: at most so many bisections on every path, 2^`levels` leaves (static).
    - `stopping`: whether parts without visible communities are kept whole.
    - `regularisation`: $\tau$.
    - `passes`: filters of degree 5 per level; `width`: vectors of the block (both static).

    Source: T. Li, L. Lei, S. Bhattacharyya, K. Van den Berge, P. Sarkar, P. J. Bickel and E. Levina, "Hierarchical Community
    Detection by Recursive Partitioning", Journal of the American Statistical Association 117 (2022) (li2022), as the
    baseline of M. Dreveton, D. Kuroda, M. Grossglauser and P. Thiran, arXiv:2306.00833 (dreveton2023).
    """

    scaling: ClassVar = Scaling()

    levels: int = count(1)
    stopping: Bool[Array, ""] = leaf(True, "switch")
    regularisation: Real = leaf(0.1, "nonnegative")
    passes: int = count(1, default=10)
    width: int = count(1, default=6)

    def init(self, problem: GraphProblem, key) -> TopDownState:
        """All nodes in one part."""
        dtype, size = problem.observations.dtype, problem.observations.shape[0]
        parts = 2**self.levels - 1
        return TopDownState(
            paths=jnp.zeros(size, jnp.int32),
            level=jnp.zeros((), jnp.int32),
            split=jnp.zeros(parts, bool),
            cuts=jnp.zeros(parts, dtype),
            start=draws.normal(key, (size, self.width)).astype(dtype),
            done=jnp.zeros((), bool),
            finite=jnp.ones((), bool),
        )

    def step(self, problem: GraphProblem, state: TopDownState) -> TopDownState:
        """Bisects all parts of a level, or leaves them whole."""
        live, dtype = problem.live_nodes, problem.observations.dtype
        most = 2 ** (self.levels - 1)
        groups = jax.nn.one_hot(state.paths, most, dtype=dtype) * live.astype(dtype)[:, None]
        inside = (state.paths[:, None] == state.paths[None, :]) & live[:, None]
        adjacency = jnp.where(inside, problem.observations, 0)
        sizes, degrees = jnp.sum(groups, axis=0), jnp.sum(adjacency, axis=1)
        totals = groups.T @ degrees
        position, edge_weight = self._bisecting_coordinate(adjacency, groups, degrees, sizes, totals, state.start)
        side, pair = two_means(position, groups)
        visible = _negative_directions(adjacency, groups, degrees, totals, edge_weight) >= 2
        # A part that was left whole above has no sibling to be told from, and stays whole.
        parent = jnp.arange(most, dtype=jnp.int32)
        heap = 2**state.level - 1 + parent
        alive = parent < 2**state.level
        above = jnp.where(state.level == 0, True, state.split[jnp.clip((heap - 1) // 2, 0)])
        ones, zeros = groups.T @ side, sizes - groups.T @ side
        split = alive & above & (ones > 0) & (zeros > 0) & (sizes > 2) & pair
        split = split & (visible | ~self.stopping)
        side = side * (groups @ split.astype(dtype))
        across = groups.T @ ((adjacency @ side) * (1 - side))
        cuts = ratio(across, jnp.where(split, ones * zeros, 0))
        heap = jnp.where(alive, heap, state.split.shape[0])
        return TopDownState(
            paths=jnp.where(live, 2 * state.paths + side.astype(jnp.int32), 0),
            level=state.level + 1,
            split=state.split.at[heap].set(split, mode="drop"),
            cuts=state.cuts.at[heap].set(cuts, mode="drop"),
            start=state.start,
            done=~jnp.any(split),
            finite=jnp.all(jnp.isfinite(jnp.where(live, degrees + position, 0))),
        )

    def status(self, problem: GraphProblem, state: TopDownState) -> Result:
        """Converged at the last level, or when nothing was bisected."""
        over = state.done | (state.level >= self.levels)
        result = Result.where(over, Result.converged, Result.running)
        return Result.where(state.finite, result, Result.diverged)

    def estimate(self, problem: GraphProblem, state: TopDownState) -> Dendrogram:
        """Merges siblings, those of the densest cut first."""
        depth = jnp.arange(2**self.levels - 1, dtype=jnp.int32) + 1
        level = jnp.floor(jnp.log2(depth.astype(jnp.float32) + 0.5)).astype(jnp.int32)
        number = depth - 2**level
        # A part goes by the first of the leaves that it could have.
        first = number << (self.levels - level)
        second = first + (1 << (self.levels - level - 1))
        size = depth.shape[0]
        children = jnp.minimum(2 * (depth - 1)[:, None] + 1 + jnp.arange(2, dtype=jnp.int32)[None, :], size)

        def merge(waiting, _):
            blocked = jnp.any(jnp.append(waiting, False)[children], axis=1)
            ready = waiting & ~blocked
            chosen = jnp.argmax(jnp.where(ready, state.cuts, -jnp.inf)).astype(jnp.int32)
            active = jnp.any(ready)
            pair = jnp.where(active, jnp.stack([first[chosen], second[chosen]]), 0)
            value = jnp.where(active, state.cuts[chosen], 0)
            return waiting & (jnp.arange(size, dtype=jnp.int32) != chosen), (pair, value)

        _, (merges, similarities) = jax.lax.scan(merge, state.split, None, length=size)
        labels = jnp.where(problem.live_nodes, state.paths << jnp.maximum(self.levels - state.level, 0), 0)
        return Dendrogram(labels, merges, similarities, 1 + jnp.sum(state.split, dtype=jnp.int32))

    def stats(self, problem: GraphProblem, state: TopDownState) -> dict[str, Array]:
        """`communities`: the number of leaves."""
        return {"communities": 1 + jnp.sum(state.split, dtype=jnp.int32)}

    def _bisecting_coordinate(self, adjacency, groups, degrees, sizes, totals, start):
        """The second eigenvector of every part, divided by the root of the degrees; and the subspace it is found in."""
        mean = totals / jnp.maximum(sizes, 1)
        added = self.regularisation * mean
        regular = degrees + groups @ added
        scale = ratio(1, jnp.sqrt(regular))
        trivial = jnp.sqrt(ratio(regular, groups @ (groups.T @ regular)))[:, None]
        uniform = groups @ (added / jnp.maximum(sizes, 1))
        # Eigenvalues of a part without communities fill the interval up to this edge, nearly.
        edge = jnp.clip(2 / jnp.sqrt(jnp.maximum(mean, 1e-6)), 0.05, 0.9)

        def product(block):
            scaled = scale[:, None] * block
            return scale[:, None] * (adjacency @ scaled + uniform[:, None] * (groups @ (groups.T @ scaled)))

        def deflated(block):
            return block - trivial * (groups @ (groups.T @ (trivial * block)))

        def filtered(_, carry):
            block, end = carry
            centre, half = (groups @ ((end - 1) / 2))[:, None], (groups @ ((end + 1) / 2))[:, None]
            half = jnp.where(half > 0, half, 1)
            block = chebyshev_filter(lambda each: (deflated(product(each)) - centre * each) / half, block, _DEGREE)
            block = group_orthonormalised(block, groups)
            projected = group_gram(block, deflated(product(block)), groups)
            ascending, vectors = jax.vmap(eigh)((projected + jnp.swapaxes(projected, 1, 2)) / 2)
            own = (groups @ vectors.reshape(vectors.shape[0], -1)).reshape(-1, *vectors.shape[1:])
            block = jnp.sum(block[:, :, None] * own, axis=1)
            return block, jnp.clip(ascending[:, 0], edge / 2, edge)

        block, _ = jax.lax.fori_loop(0, self.passes, filtered, (deflated(start), edge))
        directions = jnp.concatenate([trivial, block], axis=1) * scale[:, None]
        return scale * block[:, -1], directions


def _negative_directions(adjacency, groups, degrees, totals, directions):
    """How many negative eigenvalues the Bethe Hessian of every part has on a subspace; a lower bound on their number."""
    squares = ratio(groups.T @ degrees**2, totals)
    radius = groups @ squares
    directions = ratio(directions, jnp.sqrt(groups @ (groups.T @ directions**2)))
    image = (radius - 1 + degrees)[:, None] * directions - jnp.sqrt(radius)[:, None] * (adjacency @ directions)
    forms = group_gram(directions, image, groups)
    forms = (forms + jnp.swapaxes(forms, 1, 2)) / 2
    return jnp.sum(jax.vmap(eigvalsh)(forms) < 0, axis=1)
