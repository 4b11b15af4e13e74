r"""Step rules of first-order methods: how far to go along a (sub)gradient.

A rule maps what the method sees at step $t$ (the sizes of the residuals, the value of its loss, the squared norm of
its direction) to the length $\eta_t$ of the step. Numbers in rules are array leaves, so they can be swept.
"""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.fields import AbstractModule, Real, integer, leaf
from ..core.numbers import ratio as quotient
from ..core.selection import largest_value
from ..core.units import Units
from .problem import MatrixSensingProblem

__all__ = [
    "AbstractStep",
    "ChosenStep",
    "LossStep",
    "MedianStep",
    "PolyakStep",
    "ScheduledStep",
    "as_step",
    "geometric",
    "harmonic",
    "square_root",
]


class AbstractStep(AbstractModule):
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

    def in_units(self, units: Units, weights: Float[Array, "..."]) -> "AbstractStep | None":
        """The rule for a problem in natural units; `None`, as here, where that is not known.

        Numbers of the rules here are those for entries of order one and a truth of about unit norm, whatever the data.
        """
        return None


class ScheduledStep(AbstractStep):
    r"""$\eta_t = \eta\, \rho^t / (1 + c t)^q$: constant, geometric, and the usual diminishing steps.

    The default is constant; `ratio` $\rho$ below 1 is geometric; `rate` $c$ above 0 diminishes, like $1/t$ with
    `power` $q = 1$ and like $1/\sqrt{t}$ with $q = 1/2$.
    """

    initial: Real = leaf(0.1, "positive")
    ratio: Real = leaf(1.0, "share")
    rate: Real = leaf(0.0, "nonnegative")
    power: Real = leaf(1.0, "nonnegative")

    def __call__(self, problem, count, magnitudes, loss, squared_norm):
        """Depends on the number of the step alone."""
        t = count.astype(loss.dtype)
        return self.initial * self.ratio**t / (1 + self.rate * t) ** self.power

    def in_units(self, units, weights):
        """Itself."""
        return self


class LossStep(AbstractStep):
    r"""$\eta_t = \eta f(U_t)$: adapts to the distance where the loss vanishes at the truth, that is without perturbations.

    In units in which the truth has about unit norm, which solvers find by themselves.
    """

    factor: Real = leaf(0.3, "positive")

    def __call__(self, problem, count, magnitudes, loss, squared_norm):
        """The factor times the loss."""
        return self.factor * loss

    def in_units(self, units, weights):
        """Itself."""
        return self


class MedianStep(AbstractStep):
    r"""$\eta_t = \eta\, \mathrm{med}_i |y_i - \langle A_i, X_t \rangle|$: adapts to the distance although a minority of outliers is gross.

    The median of a vector of length $m$ is its order statistic number $\lfloor m/2 \rfloor$ from 0. Units are
    those of `LossStep`.
    """

    factor: Real = leaf(0.3, "positive")

    def __call__(self, problem, count, magnitudes, loss, squared_norm):
        """The factor times the median of the residuals."""
        # Padding has zero magnitude, so it is last when counting from the largest.
        return self.factor * largest_value(magnitudes, problem.samples - problem.samples // 2)

    def in_units(self, units, weights):
        """Itself."""
        return self


class PolyakStep(AbstractStep):
    r"""$\eta_t = (f(U_t) - f_\star) / \|G_t\|_F^2$ with the loss $f_\star$ at the truth: an oracle.

    `target` is $f_\star$; by default what the problem knows as `loss_at_truth`. No step is taken where the loss is below
    the target or the direction vanishes.

    Source: B. T. Polyak, "Minimization of unsmooth functionals", USSR Computational Mathematics and Mathematical Physics 9
    (1969) (polyak1969).
    """

    target: Real | None = leaf(None, "finite")

    def __call__(self, problem, count, magnitudes, loss, squared_norm):
        """The step at which a convex loss with this target would certainly shrink the distance."""
        target = problem.oracle if self.target is None else self.target
        if target is None:
            raise ValueError(
                "PolyakStep: `target` is None and the problem has no `loss_at_truth`; the loss at the solution is needed."
            )
        gap = jnp.maximum(loss - target, 0)
        return quotient(gap, squared_norm)

    def in_units(self, units, weights):
        """Itself where the problem knows the target; a given one is that of a loss whose unit is not known here."""
        return self if self.target is None else None


class ChosenStep(AbstractStep):
    r"""One of several rules, $\eta_t = \eta_t^{(c)}$ with a traced number $c$: a sweep over kinds of rules is one program.

    - `choice`: $c$, from 0 to the number of rules less one.
    - `rules`: what is chosen from; all of them are computed in every step.

    **Raises:** `ValueError` for a number that is none of these.
    """

    choice: Int[Array, ""] = integer(0, most="last")
    rules: tuple[AbstractStep, ...]

    @property
    def last(self) -> int:
        """The number of the last rule."""
        return len(self.rules) - 1

    def __call__(self, problem, count, magnitudes, loss, squared_norm):
        """The length that the chosen rule gives."""
        lengths = [jnp.asarray(rule(problem, count, magnitudes, loss, squared_norm), loss.dtype) for rule in self.rules]
        return jax.lax.select_n(jnp.asarray(self.choice), *lengths)

    def in_units(self, units, weights):
        """With every rule in the other units; `None` where one of them is not known there."""
        rules = [rule.in_units(units, weights) for rule in self.rules]
        known = [rule for rule in rules if rule is not None]
        return ChosenStep(self.choice, tuple(known)) if len(known) == len(rules) else None


def geometric(initial, ratio) -> ScheduledStep:
    r"""Steps $\eta_t = \eta \rho^t$."""
    return ScheduledStep(initial, ratio=ratio)


def harmonic(initial, rate) -> ScheduledStep:
    r"""Steps $\eta_t = \eta / (1 + c t)$."""
    return ScheduledStep(initial, rate=rate)


def square_root(initial, rate=1.0) -> ScheduledStep:
    r"""Steps $\eta_t = \eta / \sqrt{1 + c t}$."""
    return ScheduledStep(initial, rate=rate, power=0.5)


def as_step(value) -> AbstractStep:
    """A rule as it is; a number as a constant step."""
    return value if isinstance(value, AbstractStep) else ScheduledStep(value)
