r"""Step rules of first-order methods: how far to go along a (sub)gradient.

A rule maps what the method sees at step $t$ (the sizes of the residuals, the value of its loss, the squared norm of
its direction) to the length $\eta_t$ of the step. Numbers in rules are array leaves, so they can be swept.
"""

import abc

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..core.leaves import as_real_leaf, is_concrete, leaf
from ..core.selection import largest_value
from .problem import MatrixSensingProblem

__all__ = [
    "AbstractStep",
    "LossStep",
    "MedianStep",
    "PolyakStep",
    "ScheduledStep",
    "as_step",
    "geometric",
    "harmonic",
    "square_root",
]


class AbstractStep(eqx.Module):
    """A rule for the length of a step."""

    @abc.abstractmethod
    def __call__(
        self,
        problem: MatrixSensingProblem,
        count: Int[Array, ""],
        magnitudes: Float[Array, " observations"],
        loss: Float[Array, ""],
        squared_norm: Float[Array, ""],
    ) -> Float[Array, ""]:
        """The length of step number `count` (from 0), given |residuals|, the loss and the direction's squared norm."""


class ScheduledStep(AbstractStep):
    r"""$\eta_t = \eta\, \rho^t / (1 + c t)^q$: constant, geometric, and the usual diminishing steps.

    The default is constant; `ratio` $\rho$ below 1 is geometric; `rate` $c$ above 0 diminishes, like $1/t$ with
    `power` $q = 1$ and like $1/\sqrt{t}$ with $q = 1/2$.
    """

    initial: Float[Array, ""] = leaf(default=0.1)
    ratio: Float[Array, ""] = leaf(default=1.0)
    rate: Float[Array, ""] = leaf(default=0.0)
    power: Float[Array, ""] = leaf(default=1.0)

    def __check_init__(self):
        _require(self, "initial", "a positive number", lambda v: v > 0)
        _require(self, "ratio", "a number in (0, 1]", lambda v: (v > 0) & (v <= 1))
        _require(self, "rate", "a number of at least 0", lambda v: v >= 0)
        _require(self, "power", "a number of at least 0", lambda v: v >= 0)

    def __call__(self, problem, count, magnitudes, loss, squared_norm):
        """Depends on the number of the step alone."""
        t = count.astype(loss.dtype)
        return self.initial * self.ratio**t / (1 + self.rate * t) ** self.power


class LossStep(AbstractStep):
    r"""$\eta_t = \eta f(U_t)$: adapts to the distance where the loss vanishes at the truth, that is without perturbations.

    It has the units of the observations: divide `factor` by their scale when the truth does not have unit norm.
    """

    factor: Float[Array, ""] = leaf(default=0.3)

    def __check_init__(self):
        _require(self, "factor", "a positive number", lambda v: v > 0)

    def __call__(self, problem, count, magnitudes, loss, squared_norm):
        """Proportional to the loss."""
        return self.factor * loss


class MedianStep(AbstractStep):
    r"""$\eta_t = \eta\, \mathrm{med}_i |y_i - \langle A_i, X_t \rangle|$: adapts to the distance although a minority of outliers is gross.

    The median of a vector of length $m$ is its order statistic number $\lfloor m/2 \rfloor$ from 0. It has the units
    of the observations, as `LossStep`.
    """

    factor: Float[Array, ""] = leaf(default=0.3)

    def __check_init__(self):
        _require(self, "factor", "a positive number", lambda v: v > 0)

    def __call__(self, problem, count, magnitudes, loss, squared_norm):
        """Proportional to the median residual."""
        # Padding has zero magnitude, so it is last when counting from the largest.
        return self.factor * largest_value(magnitudes, problem.samples - problem.samples // 2)


class PolyakStep(AbstractStep):
    r"""$\eta_t = (f(U_t) - f_\star) / \|G_t\|_F^2$ with the loss $f_\star$ at the truth (Polyak 1969): an oracle.

    `target` is $f_\star$; by default what the problem knows as `loss_at_truth`. No step is taken where the loss is below
    the target or the direction vanishes.
    """

    target: Float[Array, ""] | None = eqx.field(default=None, converter=as_real_leaf)

    def __call__(self, problem, count, magnitudes, loss, squared_norm):
        """The step at which a convex loss with this target would certainly shrink the distance."""
        target = problem.loss_at_truth if self.target is None else self.target
        if target is None:
            raise ValueError(
                "PolyakStep: `target` is None and the problem has no `loss_at_truth`; the loss at the solution is needed."
            )
        gap = jnp.maximum(loss - target, 0)
        return jnp.where(squared_norm > 0, gap / jnp.where(squared_norm > 0, squared_norm, 1), 0)


def geometric(initial, ratio) -> ScheduledStep:
    r"""$\eta \rho^t$."""
    return ScheduledStep(initial, ratio=ratio)


def harmonic(initial, rate) -> ScheduledStep:
    r"""$\eta / (1 + c t)$."""
    return ScheduledStep(initial, rate=rate)


def square_root(initial, rate=1.0) -> ScheduledStep:
    r"""$\eta / \sqrt{1 + c t}$."""
    return ScheduledStep(initial, rate=rate, power=0.5)


def as_step(value) -> AbstractStep:
    """A rule as it is; a number as a constant step."""
    return value if isinstance(value, AbstractStep) else ScheduledStep(value)


def _require(owner, name: str, allowed: str, holds) -> None:
    value = getattr(owner, name)
    if is_concrete(value) and not np.all(holds(np.asarray(value)) & np.isfinite(value)):
        raise ValueError(f"{type(owner).__name__}: `{name}` is {value}; {allowed} is allowed.")
