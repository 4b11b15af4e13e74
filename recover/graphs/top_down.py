"""Hierarchical communities from the root down: recursive spectral bisection, all parts of a level at once."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..core import draws
from ..core.checks import require
from ..core.leaves import leaf
from ..core.linalg import eigh, eigvalsh
from ..core.results import Result
from ..core.solver import AbstractSolver
from .dendrograms import Dendrogram
from .problem import GraphProblem
from .subspaces import chebyshev_filter, group_gram, group_orthonormalised

__all__ = ["TopDown"]

# Degree of the filter between two orthonormalisations.
_DEGREE = 5
# Lloyd iterations on a line from a good start; two or three usually suffice.
_LLOYD = 10


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
    The dendrogram merges siblings of the densest cut first. Its densities need not fall towards the root: inversions are
    possible.

    **Arguments:**

    - `levels`: at most so many bisections on every path, 2^`levels` leaves (static).
    - `stopping`: whether parts without visible communities are kept whole.
    - `regularisation`: $\tau$.
    - `passes`: filters of degree 5 per level; `width`: vectors of the block (both static).

    Source: Dreveton, Kuroda, Grossglauser and Thiran, arXiv:2306.00833 (the baseline of their experiments); Li, Lei, Bhattacharyya
    et al., "Hierarchical community detection by recursive partitioning" (2020).
    """

    levels: int = eqx.field(static=True)
    stopping: Bool[Array, ""] = leaf(default=True)
    regularisation: Float[Array, ""] = leaf(default=0.1)
    passes: int = eqx.field(static=True, default=10)
    width: int = eqx.field(static=True, default=6)

    def __check_init__(self):
        require(self, levels="positive count", regularisation="nonnegative")
        require(self, passes="positive count", width="positive count")

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

    @eqx.filter_jit
    def step(self, problem: GraphProblem, state: TopDownState) -> TopDownState:
        """Bisects all parts of a level."""
        mask, dtype = problem.mask, problem.observations.dtype
        most = 2 ** (self.levels - 1)
        groups = jax.nn.one_hot(state.paths, most, dtype=dtype) * mask.astype(dtype)[:, None]
        inside = (state.paths[:, None] == state.paths[None, :]) & mask[:, None]
        adjacency = jnp.where(inside, problem.observations, 0)
        sizes, degrees = jnp.sum(groups, axis=0), jnp.sum(adjacency, axis=1)
        totals = groups.T @ degrees
        position, edge_weight = self._bisecting_coordinate(adjacency, groups, degrees, sizes, totals, state.start)
        side, pair = _two_means(position, groups)
        visible = _negative_directions(adjacency, groups, degrees, totals, edge_weight) >= 2
        # A part that was left whole above has no sibling to be told from, and stays whole.
        parent = jnp.arange(most, dtype=jnp.int32)
        heap = 2**state.level - 1 + parent
        alive = parent < 2**state.level
        above = jnp.where(state.level == 0, True, state.split[jnp.clip((heap - 1) // 2, 0)])
        ones, zeros = groups.T @ side, sizes - groups.T @ side
        split = alive & above & (ones > 0) & (zeros > 0) & (sizes > 2) & pair
        split = split & (visible | ~jnp.asarray(self.stopping))
        side = side * (groups @ split.astype(dtype))
        across = groups.T @ ((adjacency @ side) * (1 - side))
        cuts = jnp.where(split, across / jnp.where(split, ones * zeros, 1), 0)
        heap = jnp.where(alive, heap, state.split.shape[0])
        return TopDownState(
            paths=jnp.where(mask, 2 * state.paths + side.astype(jnp.int32), 0),
            level=state.level + 1,
            split=state.split.at[heap].set(split, mode="drop"),
            cuts=state.cuts.at[heap].set(cuts, mode="drop"),
            start=state.start,
            done=~jnp.any(split),
            finite=jnp.all(jnp.isfinite(jnp.where(mask, degrees + position, 0))),
        )

    def status(self, problem: GraphProblem, state: TopDownState) -> Result:
        """Converged at the last level, or when nothing was bisected."""
        over = state.done | (state.level >= self.levels)
        result = Result.where(over, Result.converged, Result.running)
        return Result.where(state.finite, result, Result.diverged)

    @eqx.filter_jit
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
        labels = jnp.where(problem.mask, state.paths << jnp.maximum(self.levels - state.level, 0), 0)
        return Dendrogram(labels, merges, similarities, 1 + jnp.sum(state.split, dtype=jnp.int32))

    def stats(self, problem: GraphProblem, state: TopDownState) -> dict[str, Array]:
        """`communities`: the number of leaves."""
        return {"communities": 1 + jnp.sum(state.split, dtype=jnp.int32)}

    def _bisecting_coordinate(self, adjacency, groups, degrees, sizes, totals, start):
        """The second eigenvector of every part, divided by the root of the degrees; and the subspace it is found in."""
        dtype = adjacency.dtype
        mean = totals / jnp.maximum(sizes, 1)
        added = jnp.asarray(self.regularisation, dtype) * mean
        regular = degrees + groups @ added
        live = regular > 0
        scale = jnp.where(live, 1 / jnp.sqrt(jnp.where(live, regular, 1)), 0)
        volume = groups @ (groups.T @ regular)
        trivial = jnp.sqrt(jnp.where(live, regular / jnp.where(volume > 0, volume, 1), 0))[:, None]
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


def _two_means(position, groups):
    """One for nodes in the upper of the two clusters of their part, from a start at the signs; and whether both exist."""

    def lloyd(_, side):
        ones = groups.T @ side
        zeros = jnp.sum(groups, axis=0) - ones
        upper = (groups.T @ (side * position)) / jnp.maximum(ones, 1)
        lower = (groups.T @ ((1 - side) * position)) / jnp.maximum(zeros, 1)
        again = (position > groups @ ((upper + lower) / 2)).astype(position.dtype)
        both = groups @ ((ones > 0) & (zeros > 0)).astype(position.dtype)
        return jnp.where(both > 0, again, side)

    side = jax.lax.fori_loop(0, _LLOYD, lloyd, (position > 0).astype(position.dtype))
    side = side * jnp.sum(groups, axis=1)
    ones = groups.T @ side
    return side, (ones > 0) & (ones < jnp.sum(groups, axis=0))


def _negative_directions(adjacency, groups, degrees, totals, directions):
    """How many negative eigenvalues the Bethe Hessian of every part has on a subspace; a lower bound on their number."""
    squares = (groups.T @ degrees**2) / jnp.where(totals > 0, totals, 1)
    radius = groups @ squares
    lengths = jnp.sqrt(groups @ (groups.T @ directions**2))
    directions = directions / jnp.where(lengths > 0, lengths, 1)
    image = (radius - 1 + degrees)[:, None] * directions - jnp.sqrt(radius)[:, None] * (adjacency @ directions)
    forms = group_gram(directions, image, groups)
    forms = (forms + jnp.swapaxes(forms, 1, 2)) / 2
    return jnp.sum(jax.vmap(eigvalsh)(forms) < 0, axis=1)
