"""Penalties and constraints that couple the entries of an array, or bound them."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ..core.fields import Real, leaf
from ..core.leaves import is_concrete
from ..core.numbers import norm, ratio, root
from .proximable import AbstractArrayPenalty

__all__ = ["Box", "GroupL1", "NuclearNorm", "Simplex"]

# A point is on a constraint where rounding alone keeps it off: in roots of the rounding unit.
_ROUNDING = 10.0


class Box(AbstractArrayPenalty):
    r"""The constraint $l \le x \le u$, entry by entry; `Box(0, inf)` is nonnegativity.

    - `lower`, `upper`: $l$ and $u$, scalars or arrays of the shape of the input, perhaps infinite.

    **Raises:** `ValueError` where the lower bound exceeds the upper one.
    """

    lower: Float[Array | np.ndarray, "..."] = leaf(0.0)
    upper: Float[Array | np.ndarray, "..."] = leaf(1.0)

    def check_together(self):
        """The bounds are in order."""
        if is_concrete(self.lower) and is_concrete(self.upper) and not np.all(self.lower <= self.upper):
            raise ValueError(f"Box: `lower` is {self.lower} and `upper` {self.upper}; lower <= upper is allowed.")

    def value(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Zero within the bounds, else infinite."""
        lower, upper = self._bounds(x)
        return _outside(jnp.any((x < lower) | (x > upper)), x)

    def proximal(self, v: Float[Array, "..."], step: ArrayLike) -> Float[Array, "..."]:
        """The projection."""
        return jnp.clip(v, *self._bounds(v))

    def _bounds(self, x):
        return jnp.asarray(self.lower, x.dtype), jnp.asarray(self.upper, x.dtype)


class Simplex(AbstractArrayPenalty):
    r"""The constraint $x \ge 0$, $\sum_i x_i = s$, along the last axis.

    The projection is $(v - \theta)_+$ with the $\theta$ for which the sum is $s$, found by sorting.

    - `total`: $s > 0$.

    **Raises:** `ValueError` for a total that is not positive.

    Source: Duchi, Shalev-Shwartz, Singer and Chandra (duchi2008, Figure 1).
    """

    total: Real = leaf(1.0, "positive")

    def value(self, x: Float[Array, "*batch size"]) -> Float[Array, ""]:
        """Zero on the simplex, up to the root of the rounding unit in the sum, else infinite."""
        total = jnp.asarray(self.total, x.dtype)
        allowed = total * _ROUNDING * jnp.finfo(x.dtype).eps ** 0.5
        return _outside(jnp.any(x < 0) | jnp.any(jnp.abs(jnp.sum(x, -1) - total) > allowed), x)

    def proximal(self, v: Float[Array, "*batch size"], step: ArrayLike) -> Float[Array, "*batch size"]:
        """The projection."""
        # The same for all entries, and the sums are of numbers near those that count.
        v = v - jnp.max(v, -1, keepdims=True)
        descending = -jnp.sort(-v, axis=-1)
        excess = jnp.cumsum(descending, axis=-1) - jnp.asarray(self.total, v.dtype)
        counts = jnp.broadcast_to(jnp.arange(1, v.shape[-1] + 1, dtype=v.dtype), v.shape)
        kept = jnp.sum(descending * counts > excess, axis=-1, keepdims=True, dtype=jnp.int32)
        level = jnp.take_along_axis(excess / counts, kept - 1, axis=-1)
        return jnp.maximum(v - level, 0)


class GroupL1(AbstractArrayPenalty):
    r"""The sum of Euclidean norms of groups of entries, $p(x) = \sum_g \lambda_g \|x_g\|$.

    $$\mathrm{prox}(v)_g = \left(1 - \mu\lambda_g / \|v_g\|\right)_+ v_g .$$

    - `strength`: $\lambda \ge 0$, a scalar, or one for each group.
    - `groups`: the group of every entry, an array of integers from 0 of the shape of the input; without it groups are along the
      last axis: the rows of a matrix, or all of a vector.

    **Raises:** `ValueError` for a strength that is negative or not finite, or negative groups.

    Source: Yuan and Lin (yuan2006).
    """

    strength: Float[Array | np.ndarray, "..."] = leaf(rule="nonnegative")
    groups: Int[Array | np.ndarray, "..."] | None = leaf(None)

    def check_together(self):
        """Groups are numbered from zero."""
        if is_concrete(self.groups) and self.groups.size and np.min(self.groups) < 0:
            raise ValueError("GroupL1: `groups` has a negative number; integers from 0 are allowed.")

    def value(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """The norms of the groups, weighted and summed."""
        strength = jnp.asarray(self.strength, x.dtype)
        norms = self._norms(x)
        return jnp.sum(jnp.broadcast_to(self._of_groups(strength, norms), norms.shape) * norms)

    def proximal(self, v: Float[Array, "..."], step: ArrayLike) -> Float[Array, "..."]:
        """Each group is shortened, or sent to zero."""
        norms = self._norms(v)
        threshold = step * self._of_groups(jnp.asarray(self.strength, v.dtype), norms)
        factors = jnp.maximum(1 - ratio(threshold, norms, jnp.inf), 0)
        return v * (factors[..., None] if self.groups is None else factors[self.groups])

    def _norms(self, x):
        if self.groups is None:
            return norm(x, -1)
        return root(jax.ops.segment_sum(jnp.ravel(x) ** 2, jnp.ravel(self.groups), num_segments=x.size))

    def _of_groups(self, strength, norms):
        """Strengths of the groups; there may be fewer groups than entries."""
        if self.groups is None or strength.ndim == 0:
            return strength
        return jnp.zeros_like(norms).at[: strength.size].set(strength)


class NuclearNorm(AbstractArrayPenalty):
    r"""The sum of singular values of a matrix, $p(X) = \lambda \|X\|_*$; its proximal map thresholds them.

    - `strength`: $\lambda \ge 0$.

    **Raises:** `ValueError` for a strength that is negative or not finite.

    Source: Cai, Candès and Shen (cai2010, Theorem 2.1).
    """

    strength: Real = leaf(rule="nonnegative")

    def value(self, x: Float[Array, "rows columns"]) -> Float[Array, ""]:
        """The singular values, summed."""
        return jnp.asarray(self.strength, x.dtype) * jnp.sum(jnp.linalg.svd(x, compute_uv=False))

    def proximal(self, v: Float[Array, "rows columns"], step: ArrayLike) -> Float[Array, "rows columns"]:
        """Singular values less step times strength, and none below zero."""
        return _shrunk(v, jnp.asarray(step, v.dtype) * jnp.asarray(self.strength, v.dtype))


@jax.custom_jvp
def _shrunk(matrix, threshold):
    left, values, right = jnp.linalg.svd(matrix, full_matrices=False)
    return (left * jnp.maximum(values - threshold, 0)[None]) @ right


@_shrunk.defjvp
def _(primals, tangents):
    """By divided differences, which stay finite where singular values are equal or zero."""
    (matrix, threshold), (moved, lifted) = primals, tangents
    left, values, right = jnp.linalg.svd(matrix, full_matrices=False)
    shrunk = jnp.maximum(values - threshold, 0)
    kept = (values > threshold).astype(matrix.dtype)
    inner = left.T @ moved @ right.T
    apart, total = values[:, None] - values[None], values[:, None] + values[None]
    between = (kept[:, None] + kept[None]) / 2
    close = jnp.abs(apart) <= jnp.finfo(matrix.dtype).eps ** 0.5 * values[0]
    differences = jnp.where(close, between, (shrunk[:, None] - shrunk[None]) / jnp.where(close, 1, apart))
    quotients = ratio(shrunk[:, None] + shrunk[None], total)
    even, odd = (inner + inner.T) / 2, (inner - inner.T) / 2
    shares = ratio(shrunk, values)
    inside = left @ (differences * even + quotients * odd) @ right
    rows = (moved - left @ (left.T @ moved)) @ (right.T * shares[None]) @ right
    columns = (left * shares[None]) @ (left.T @ moved - inner @ right)
    tangent = inside + rows + columns - lifted * ((left * kept[None]) @ right)
    return (left * shrunk[None]) @ right, tangent


def _outside(violated, x):
    return jnp.where(violated, jnp.inf, 0).astype(x.dtype)
