r"""State evolution of Bayes-optimal message passing for any separable prior and any channel, $y_i \sim P(\cdot \mid (A x)_i)$.

Entries of $x$ have $E x^2 = 1$, of $A$ variance $1/n$, and $\alpha = m / n$. Overlaps are $q = E[\hat x x]$, the mean squared error
is $1 - q$.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval
from .channels import AbstractChannel
from .priors import AbstractPrior

__all__ = ["fixed_overlap", "state_evolution"]

# Overlaps at which the map of state evolution is compared with the identity: fine near both ends.
_GRID = np.concatenate([np.geomspace(1e-4, 0.02, 24), np.linspace(0.025, 0.97, 150), 1 - np.geomspace(0.028, 1e-4, 40)])
_DESIGNS = ("gaussian",)


def state_evolution(
    prior: AbstractPrior,
    channel: AbstractChannel,
    ensemble: str = "gaussian",
    *,
    sampling: Real[ArrayLike, "..."] = 1.0,
    steps: int = 50,
    start: Real[ArrayLike, "..."] = 1e-4,
) -> Float[Array, "... {steps}+1"]:
    r"""The overlap of message passing after 0, 1, ..., `steps` iterations,

    $$\hat q_t = \alpha\, J(q_t), \qquad q_{t+1} = F(\hat q_t),$$

    with $J$ what an observation of the channel tells (`recover.channels`) and $F$ the overlap of the prior's posterior mean
    (`recover.priors`). Sparse regression is `GaussianChannel`, phase retrieval `PhaselessChannel`, a spiked matrix
    `RankOneChannel` at a sampling of one.

    **Arguments:**

    - `prior`, `channel`: objects, whose numbers are traced.
    - `ensemble`: law of the design; `"gaussian"` for independent entries of any law, which is all there is.
    - `sampling`: $\alpha > 0$.
    - `steps`: number of iterations (static).
    - `start`: $q_0 \in [0, 1]$, small without knowledge and near one from the truth.

    **Returns:** overlaps, in shape `(..., steps + 1)`.

    **Raises:** `ValueError` for another ensemble and for concrete numbers out of range.

    Sources: Rangan (rangan2011); Barbier et al. (barbier2019), who prove that one of the fixed points is the Bayes-optimal overlap.
    """
    sampling, start = _numbers(ensemble, sampling, start)
    return _trajectory(prior, channel, sampling, start, steps)


def fixed_overlap(
    prior: AbstractPrior,
    channel: AbstractChannel,
    ensemble: str = "gaussian",
    *,
    sampling: Real[ArrayLike, "..."] = 1.0,
    start: Real[ArrayLike, "..."] = 1e-4,
) -> Float[Array, "..."]:
    r"""The overlap at which `state_evolution` from a start comes to rest.

    The first crossing of $F(\alpha J(q))$ and $q$ above the start where the map raises it there, else the first below, interpolated
    on 214 overlaps between $10^{-4}$ and $1 - 10^{-4}$; beyond their ends zero and one. Arguments and errors as of `state_evolution`.
    """
    sampling, start = _numbers(ensemble, sampling, start)
    return _fixed(prior, channel, sampling, start)


def _numbers(ensemble, sampling, start):
    if ensemble not in _DESIGNS:
        raise ValueError(f"state_evolution: `ensemble` is {ensemble!r}; 'gaussian' is allowed.")
    require_interval("sampling", sampling, 0, math.inf, closed="neither")
    require_interval("start", start, 0, 1, closed="both")
    return jnp.broadcast_arrays(*as_floats(sampling, start))


@eqx.filter_jit
def _trajectory(prior, channel, sampling, start, steps: int):
    # Channels without noise tell all of what is known.
    most = 1 - jnp.finfo(sampling.dtype).eps

    def one(sampling, start):
        def step(q, _):
            following = jnp.clip(prior.overlap(sampling * channel.precision(jnp.minimum(q, most))), 0, most)
            return following, following

        overlaps = jax.lax.scan(step, start, None, length=steps)[1]
        return jnp.concatenate([start[None], overlaps])

    return jnp.vectorize(one, signature="(),()->(t)")(sampling, start)


@eqx.filter_jit
def _fixed(prior, channel, sampling, start):
    grid = jnp.asarray(_GRID, sampling.dtype)
    told = jax.lax.map(channel.precision, grid)

    def one(sampling, start):
        gain = jax.lax.map(prior.overlap, sampling * told) - grid
        rises = jnp.interp(start, grid, gain) > 0
        up, down = (grid >= start) & (gain <= 0), (grid <= start) & (gain >= 0)
        above, below = jnp.argmax(up), len(grid) - 1 - jnp.argmax(down[::-1])
        place = jnp.where(rises, above, below + 1)
        last = jnp.clip(place - 1, 0, len(grid) - 2)
        share = gain[last] / jnp.where(gain[last] == gain[last + 1], 1, gain[last] - gain[last + 1])
        between = grid[last] + jnp.clip(share, 0, 1) * (grid[last + 1] - grid[last])
        return jnp.where(rises, jnp.where(jnp.any(up), between, 1), jnp.where(jnp.any(down), between, 0))

    return jnp.vectorize(one)(sampling, start)
