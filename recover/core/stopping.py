"""When an iteration has done its work, has stopped improving, or has gone wrong."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Inexact, Int

from .numbers import norm, ratio
from .results import Result

# A solver is only said to improve when its best value falls by at least this share.
_IMPROVEMENT = 0.01
# Both measures are relative to the data, so a value this large means the iteration is running away.
_BLOW_UP = 1e6
# What is left of the way, in last steps, where steps shrink by a few per cent.
_LEFT = 30


class Progress(eqx.Module):
    """Two scale-free scalars of an iteration, with the memory that detects a stall.

    `residual` measures how well the data are explained (for instance ||y - A x|| / ||y||) and `change` how much the
    last step moved (||x+ - x|| / ||x+||). A step improves if it lowers the best residual seen so far by one per cent.
    """

    residual: Float[Array, ""]
    change: Float[Array, ""]
    best: Float[Array, ""]
    since: Int[Array, ""]

    @staticmethod
    def start(dtype) -> "Progress":
        """Before the first step: nothing explained, everything still to move."""
        infinity = jnp.asarray(jnp.inf, dtype)
        return Progress(jnp.ones((), dtype), infinity, infinity, jnp.zeros((), jnp.int32))

    def update(self, residual: Float[Array, ""], change: Float[Array, ""]) -> "Progress":
        """The progress after a step that left `residual` and moved by `change`."""
        improved = residual < (1 - _IMPROVEMENT) * self.best
        return Progress(
            residual=residual,
            change=change,
            best=jnp.where(improved, residual, self.best),
            since=jnp.where(improved, 0, self.since + 1),
        )

    def slow_update(self, residual: Float[Array, ""], change: Float[Array, ""]) -> "Progress":
        """The same where steps shrink slowly, so that what is left is many times the last one: its length counts thirty times."""
        return self.update(residual, _LEFT * change)

    def status(self, tolerance: Float[Array, ""], patience: Int[Array, ""]) -> Result:
        """Converged once `residual` or `change` is at most `tolerance`; stalled after `patience` steps without improvement.

        A tolerance of zero never stops a solver early unless it has reached an exact fixed point and a patience of
        zero switches the stall test off, so `tolerance=-1, patience=0` runs a fixed number of steps.
        """
        converged = (self.residual <= tolerance) | (self.change <= tolerance)
        stalled = (patience > 0) & (self.since >= patience)
        wild = ~jnp.isfinite(self.residual) | (self.residual > _BLOW_UP) | jnp.isnan(self.change)
        result = Result.where(stalled, Result.stalled, Result.running)
        result = Result.where(converged, Result.converged, result)
        return Result.where(wild, Result.diverged, result)


def by_change(change: Float[Array, ""], tolerance: Float[ArrayLike, ""]) -> Result:
    """Converged once the last step's change is at most `tolerance`, diverged if it is no number."""
    result = Result.where(change <= jnp.asarray(tolerance, change.dtype), Result.converged, Result.running)
    return Result.where(jnp.isnan(change), Result.diverged, result)


def relative_norm(difference: Inexact[Array, "..."], reference: Inexact[Array, "..."]) -> Float[Array, ""]:
    """||difference|| / ||reference||, zero when both vanish and infinite when only the reference does."""
    change = norm(difference)
    return ratio(change, norm(reference), jnp.where(change > 0, jnp.inf, change))
