"""Clustering points and nodes, for a traced number of clusters."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws

_LEAST = 1e-30
_FAR = 1e30
# Candidates for every new centre.
_CANDIDATES = 3


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

    **Arguments:** `mask` marks the points that count; `count` $K$ is at most `capacity`, which is static, as are the
    numbers of `restarts` and (at most) `iterations`.
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
            one = jax.nn.one_hot(labels, capacity, dtype=points.dtype) * weights[:, None]
            sizes = jnp.sum(one, axis=0)[:, None]
            centres = jnp.where(sizes > 0, one.T @ points / jnp.maximum(sizes, 1), centres)
            again = jnp.argmin(distances(centres), axis=1).astype(jnp.int32)
            return centres, again, jnp.any((again != labels) & mask), step + 1

        labels = jnp.argmin(distances(centres), axis=1).astype(jnp.int32)
        carry = (centres, labels, jnp.asarray(True), jnp.zeros((), jnp.int32))
        centres, labels, *_ = jax.lax.while_loop(lambda carry: carry[2] & (carry[3] < iterations), body, carry)
        return labels, jnp.sum(weights * jnp.min(distances(centres), axis=1))

    labels, inertia = jax.vmap(lambda noise: lloyd(start(noise)), in_axes=1)(gumbel)
    return jnp.where(mask, labels[jnp.argmin(inertia)], 0)


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
