"""Clustering points and nodes, for a traced number of clusters."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws

_LEAST = 1e-30
_FAR = 1e30
# Candidates for every new centre.
_CANDIDATES = 3
# Lloyd iterations on a line from a good start; two or three usually suffice.
_LLOYD = 10


def k_means(
    points: Float[Array, "nodes dimension"],
    mask: Bool[Array, " nodes"],
    count: Int[Array, ""],
    key: Key[Array, ""],
    *,
    capacity: int,
    restarts: int = 8,
    iterations: int = 30,
) -> Int[Array, " nodes"]:
    r"""Labels that (nearly) minimise $\sum_i \min_{k < K} \|x_i - c_k\|^2$, the best of several Lloyd iterations.

    Starts are drawn by greedy k-means++: of a few candidates, drawn with probability proportional to the squared distance
    from the nearest centre (the largest Gumbel perturbed logarithms), the one that lowers the sum the most becomes a
    centre. A centre that loses all its points stays where it is.

    **Arguments:**

    - `points`: $x_i$, one per row.
    - `mask`: which points count; the others have label 0.
    - `count`: $K$, at most `capacity` (static).
    - `key`: of the draws of all starts.
    - `restarts`, `iterations`: how many starts, and at most how many Lloyd iterations from each (static).
    """
    nodes = points.shape[0]
    weights = mask.astype(points.dtype)
    squares = jnp.sum(points**2, axis=1)
    index = jnp.arange(capacity, dtype=jnp.int32)
    uniform = draws.uniform(key, (nodes, restarts, capacity)).astype(points.dtype)
    gumbel = -jnp.log(-jnp.log(jnp.clip(uniform, 1e-7, 1 - 1e-7)))

    def distances(centres):
        apart = squares[:, None] - 2 * points @ centres.T + jnp.sum(centres**2, axis=1)[None, :]
        return jnp.maximum(jnp.where(index[None, :] < count, apart, jnp.inf), 0)

    def start(noise):
        def choose(centres_nearest, step):
            centres, nearest = centres_nearest
            score = jnp.where(mask, jnp.log(nearest + _LEAST) + noise[:, step], -jnp.inf)
            candidates = points[jax.lax.top_k(score, min(_CANDIDATES, nodes))[1]]
            apart = squares[:, None] - 2 * points @ candidates.T + jnp.sum(candidates**2, axis=1)[None, :]
            after = jnp.minimum(nearest[:, None], jnp.maximum(apart, 0))
            # The first centre has nothing to be better than.
            best = jnp.where(step == 0, 0, jnp.argmin(weights @ after))
            return (centres.at[step].set(candidates[best]), after[:, best]), None

        first = (jnp.zeros((capacity, points.shape[1]), points.dtype), jnp.full(nodes, _FAR, points.dtype))
        return jax.lax.scan(choose, first, index)[0][0]

    def lloyd(centres):
        def body(carry):
            centres, labels, _, step = carry
            means, sizes = _cluster_means(
                points, jax.nn.one_hot(labels, capacity, dtype=points.dtype) * weights[:, None]
            )
            centres = jnp.where(sizes[:, None] > 0, means, centres)
            again = jnp.argmin(distances(centres), axis=1).astype(jnp.int32)
            return centres, again, jnp.any((again != labels) & mask), step + 1

        labels = jnp.argmin(distances(centres), axis=1).astype(jnp.int32)
        carry = (centres, labels, jnp.asarray(True), jnp.zeros((), jnp.int32))
        centres, labels, *_ = jax.lax.while_loop(lambda carry: carry[2] & (carry[3] < iterations), body, carry)
        return labels, jnp.sum(weights * jnp.min(distances(centres), axis=1))

    labels, inertia = jax.vmap(lambda noise: lloyd(start(noise)), in_axes=1)(gumbel)
    return jnp.where(mask, labels[jnp.argmin(inertia)], 0)


def two_means(
    position: Float[Array, " nodes"], groups: Float[Array, "nodes groups"]
) -> tuple[Float[Array, " nodes"], Bool[Array, " groups"]]:
    """2-means on a line within every group of nodes at once, by Lloyd iterations from a start at the signs.

    **Arguments:**

    - `position`: of every node on the line of its group.
    - `groups`: one where a node lies in a group; rows of zeros are padding.

    **Returns:** one for nodes in the upper cluster of their group and zero for others; and whether both clusters of a
    group have nodes.
    """

    def lloyd(_, side):
        upper, ones = _cluster_means(position, groups * side[:, None])
        lower, zeros = _cluster_means(position, groups * (1 - side)[:, None])
        again = (position > groups @ ((upper + lower) / 2)).astype(position.dtype)
        both = groups @ ((ones > 0) & (zeros > 0)).astype(position.dtype)
        return jnp.where(both > 0, again, side)

    side = jax.lax.fori_loop(0, _LLOYD, lloyd, (position > 0).astype(position.dtype))
    side = side * jnp.sum(groups, axis=1)
    ones = groups.T @ side
    return side, (ones > 0) & (ones < jnp.sum(groups, axis=0))


def _cluster_means(
    points: Float[Array, "nodes *dimension"], members: Float[Array, "nodes clusters"]
) -> tuple[Float[Array, "clusters *dimension"], Float[Array, " clusters"]]:
    """The mean of the points of every cluster (zero without any) and their number, from a matrix of zeros and ones."""
    sizes = jnp.sum(members, axis=0)
    divisors = jnp.maximum(sizes, 1).reshape(-1, *[1] * (points.ndim - 1))
    return members.T @ points / divisors, sizes


def community_edges(
    adjacency: Float[Array, "nodes nodes"], labels: Int[Array, " nodes"], mask: Bool[Array, " nodes"], capacity: int
) -> tuple[Float[Array, "capacity capacity"], Float[Array, " capacity"]]:
    """Weight of the edges between every two communities (twice that of the inner ones on the diagonal), and their sizes."""
    one = jax.nn.one_hot(labels, capacity, dtype=adjacency.dtype) * mask.astype(adjacency.dtype)[:, None]
    return one.T @ (adjacency @ one), jnp.sum(one, axis=0)


def likeliest_labels(
    adjacency: Float[Array, "nodes nodes"],
    labels: Int[Array, " nodes"],
    mask: Bool[Array, " nodes"],
    sweeps: Int[Array, ""],
    capacity: int,
) -> Int[Array, " nodes"]:
    r"""Moves every node to the community that its edges make most likely, all at once, until none moves.

    $$z_i \leftarrow \arg\max_k \sum_l \Big[ n_{il} \log \frac{\hat P_{kl}}{1 - \hat P_{kl}} + s_l^{(i)} \log(1 - \hat P_{kl}) \Big],
      \qquad \hat P_{kl} = \frac{E_{kl} + 1/2}{\mathrm{pairs}_{kl} + 1},$$

    with $n_{il}$ the edges from node i to community l and $s_l^{(i)}$ its size without node i. At most `sweeps` times; edges
    of other weight than one count by their weight, and densities are kept below one.
    """
    weights = mask.astype(adjacency.dtype)[:, None]

    def sweep(carry):
        labels, _, step = carry
        one = jax.nn.one_hot(labels, capacity, dtype=adjacency.dtype) * weights
        towards = adjacency @ one
        edges, sizes = one.T @ towards, jnp.sum(one, axis=0)
        pairs = sizes[:, None] * (sizes[None, :] - jnp.eye(capacity, dtype=sizes.dtype))
        density = jnp.clip((edges + 0.5) / (pairs + 1), 1e-6, 1 - 1e-4)
        absent = jnp.log1p(-density)
        scores = towards @ (jnp.log(density) - absent).T + (sizes[None, :] - one) @ absent.T
        scores = jnp.where(sizes[None, :] > 0, scores, -jnp.inf)
        again = jnp.where(mask, jnp.argmax(scores, axis=1).astype(jnp.int32), 0)
        return again, jnp.any(again != labels), step + 1

    start = (labels, jnp.asarray(True), jnp.zeros((), jnp.int32))
    return jax.lax.while_loop(lambda carry: carry[1] & (carry[2] < sweeps), sweep, start)[0]
