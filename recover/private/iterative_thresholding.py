"""Sparse regression in rounds, in each of which other users send one private message: a gradient."""

import math

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.checks import require_name
from ..core.fields import Real, Whole, integer, leaf
from ..core.numbers import norm, ratio, unit
from ..core.results import Result
from ..core.selection import hard_threshold
from ..core.solver import AbstractSolver
from ..scalar.proximal import soft_threshold
from .mechanisms import ball_mechanism_scale
from .problem import MomentProblem, UserProblem

__all__ = ["PrivateIHT"]

KINDS = ("hard", "soft")


class PrivateIHTState(eqx.Module):
    """Coefficients after some rounds, and the key of the messages."""

    x: Float[Array, " dimension"]
    key: Key[Array, ""]
    iteration: Int[Array, ""]


def randomised(
    key: Key[Array, ""], vectors: Float[Array, "users columns"], radius: Float[Array, ""], epsilon: Float[Array, ""]
) -> Float[Array, "users columns"]:
    r"""Messages of norm $r B$ whose means are `vectors`, of norm at most $r$: $\varepsilon$-private, one a row.

    $v$ becomes $u = \pm v / \|v\|$, positive with probability $\frac12 + \frac{\|v\|}{2 r}$; $w$ is uniform on the sphere, and the message $r B w$ or
    $- r B w$, the one on the side of $u$ with probability $e^\varepsilon / (e^\varepsilon + 1)$. Rows of norm zero give a message of zero mean.

    Source: Duchi, Jordan and Wainwright (duchi2018, Section 4.2.3).
    """
    key_sphere, key_coins = draws.split(key)
    rows, columns = vectors.shape
    sphere = unit(draws.normal(key_sphere, (rows, columns)))
    coins = draws.uniform(key_coins, (rows, 2))
    lengths = norm(vectors, 1)
    flipped = coins[:, 0] >= 0.5 + lengths / (2 * radius)
    truthful = coins[:, 1] < 1 / (1 + jnp.exp(-epsilon))
    side = jnp.sum(sphere * vectors, axis=1) >= 0
    kept = (side ^ flipped) == truthful
    scale = radius * ball_mechanism_scale(epsilon, columns).astype(vectors.dtype)
    return scale * jnp.where(kept[:, None], sphere, -sphere)


class PrivateIHT(AbstractSolver[MomentProblem | UserProblem, PrivateIHTState]):
    r"""Sequentially interactive locally private sparse regression: $\lceil \log n \rceil$ rounds with users of their own.

    $$\theta_{t + 1} = P\Big(H_{k'}\big(\theta_t - \tfrac1m \textstyle\sum_{i \in B_t} R(g_i)\big)\Big), \qquad g_i = x_i (\langle x_i, \theta_t \rangle - y_i),$$

    with $x_i$ and $y_i$ clipped at $\tau$, batches of $m = \lfloor n / \lceil \log n \rceil \rfloor$ users, the randomizer $R$ of the ball of radius $r = \sqrt d \, \tau (\sqrt{k'} \tau + \tau)$
    that holds all $g_i$ (`recover.theory.ball_mechanism_scale`), hard thresholding $H_{k'}$ and the projection $P$ to the unit ball. Each user
    sends one message, so the protocol is $\varepsilon$-private, without a $\delta$: not to be compared at the same $\varepsilon$ with `PrivateThresholding`
    without saying so. With `thresholding="soft"` whole gradients are shortened to $r = \sqrt d \, \tau$ instead, and $H$ is soft thresholding at
    $\sqrt{2 \log d}$ times the standard deviation of the noise. `sparsity` is $k'$, $8 k$ in theory, $2 k$ is better.

    On a `UserProblem` every message is drawn. On a `MomentProblem` their mean is: since every message has norm $r B$ and a uniform direction
    of either sign, $R R^\top$ has mean $(r B)^2 I / d$ whatever the data, and the mean over $m$ users is Gaussian around $S \theta_t - b$ with covariance $(r B)^2 I / (d m)$;
    the square of its own mean, at most a share $d / B^2$ of it, is not subtracted.

    Source: Zhu, Ding, Aggarwal, Xu and Wang (zhu2024, Algorithm 2) by way of a public implementation; the soft variant is from there.
    """

    epsilon: Real = leaf(rule="positive")
    sparsity: Int[Array, ""] = integer(1)
    kind: Whole = leaf()

    def __init__(self, epsilon, sparsity, *, thresholding: str = "hard"):
        r"""**Arguments:**

        - `epsilon` $> 0$: the budget of a user.
        - `sparsity`: $k' \ge 1$.
        - `thresholding`: `"hard"` or `"soft"`.

        **Raises:** `ValueError` for an impossible number or an unknown name.
        """
        require_name("PrivateIHT", "thresholding", thresholding, KINDS)
        self.epsilon, self.sparsity, self.kind = epsilon, sparsity, KINDS.index(thresholding)

    def radius(self, problem: MomentProblem | UserProblem) -> Float[Array, ""]:
        """The largest norm of what a user is asked for."""
        level, width = problem.level, jnp.asarray(_width(problem), problem.observations.dtype)
        kept = jnp.sqrt(self.sparsity.astype(level.dtype))
        hard = jnp.sqrt(width) * level * (kept * level + level)
        return jnp.where(self.kind == 0, hard, jnp.sqrt(width) * level)

    def init(self, problem: MomentProblem | UserProblem, key: Key[Array, ""]) -> PrivateIHTState:
        """Coefficients of zero."""
        x = jnp.zeros(problem.dimension, problem.observations.dtype)
        return PrivateIHTState(x, key, jnp.zeros((), jnp.int32))

    def step(self, problem: MomentProblem | UserProblem, state: PrivateIHTState) -> PrivateIHTState:
        """One round."""
        key = draws.fold_in(state.key, state.iteration)
        batch = jnp.floor(problem.users / _rounds(problem))
        radius, width = self.radius(problem), jnp.asarray(_width(problem), state.x.dtype)
        scale = radius * ball_mechanism_scale(self.epsilon, width).astype(state.x.dtype)
        noise = scale / jnp.sqrt(width * batch)
        if isinstance(problem, UserProblem):
            gradient = self._mean_message(problem, state, key, batch, radius)
        else:
            drawn = jnp.where(problem.mask, draws.normal(key, state.x.shape), 0)
            gradient = problem.forward(state.x) - problem.observations + noise * drawn.astype(state.x.dtype)
        moved = state.x - gradient
        hard = hard_threshold(moved, self.sparsity)
        soft = soft_threshold(moved, jnp.sqrt(2 * jnp.log(width)) * noise)
        x = jnp.where(self.kind == 0, hard, soft)
        return PrivateIHTState(x / jnp.maximum(1, norm(x)), state.key, state.iteration + 1)

    def _mean_message(self, problem: UserProblem, state, key, batch, radius) -> Float[Array, " dimension"]:
        """The mean of the messages of the users whose turn it is."""
        rows, dtype = problem.rows, state.x.dtype
        place = jnp.arange(_largest_batch(rows), dtype=jnp.int32)
        users = jnp.minimum(state.iteration * batch.astype(jnp.int32) + place, rows - 1)
        level = problem.level
        features = jnp.clip(problem.operator.as_matrix()[users], -level, level)
        residuals = features @ state.x - jnp.clip(problem.observations[users], -level, level)
        scores = features * residuals[:, None]
        scores = scores * jnp.minimum(1, ratio(radius, norm(scores, 1, keepdims=True), 1))
        messages = randomised(key, scores, radius, jnp.asarray(self.epsilon, dtype)).astype(dtype)
        return jnp.sum(jnp.where((place < batch.astype(jnp.int32))[:, None], messages, 0), axis=0) / batch

    def status(self, problem: MomentProblem | UserProblem, state: PrivateIHTState) -> Result:
        """Converged after the last round."""
        result = Result.where(
            state.iteration.astype(state.x.dtype) >= _rounds(problem), Result.converged, Result.running
        )
        sound = jnp.all(jnp.isfinite(state.x)) & jnp.all(jnp.isfinite(problem.observations))
        return Result.where(sound, result, Result.diverged)

    def estimate(self, problem: MomentProblem | UserProblem, state: PrivateIHTState) -> Float[Array, " dimension"]:
        """The coefficients."""
        return state.x


def _width(problem: MomentProblem | UserProblem):
    return problem.dimension if isinstance(problem, UserProblem) else problem.count


def _rounds(problem: MomentProblem | UserProblem) -> Float[Array, ""]:
    return jnp.ceil(jnp.log(problem.users))


def _largest_batch(rows: int) -> int:
    """The largest batch of at most so many users: it grows with their number, but for jumps of the number of rounds."""
    return rows // max(1, math.ceil(math.log(rows)) - 1)
