"""Penalties that favour sparse vectors, with their exact proximal maps."""

import abc
import math
import numbers
from collections.abc import Callable

import equinox as eqx
import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Inexact, Int

from ..core.checks import Rule
from ..core.data import shown
from ..core.fields import integer, leaf
from ..core.leaves import floating_dtype
from ..core.units import Units
from .proximable import AbstractArrayPenalty

__all__ = ["L1", "LQ", "MCP", "SCAD", "AbstractMagnitudePenalty", "AbstractPenalty", "ChosenPenalty", "as_penalty"]


class AbstractPenalty(AbstractArrayPenalty):
    r"""A penalty $P(x) = \sum_i p(x_i)$ of a real vector or array $x$."""

    @abc.abstractmethod
    def value(self, x: Inexact[Array, "..."]) -> Float[Array, ""]:
        """The penalty, summed over coordinates."""

    @abc.abstractmethod
    def proximal(self, v: Inexact[Array, "..."], step: ArrayLike) -> Inexact[Array, "..."]:
        r"""A global minimiser of $\frac12 (u - v)^2 + \text{step} \cdot p(u)$ over $u$, coordinate by coordinate."""

    @abc.abstractmethod
    def derivative(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""The slope $p'(|x|)$ at a magnitude: the weights of a local linear approximation."""

    def in_units(self, units: Units, weights: Float[Array, "..."]) -> "AbstractPenalty":
        r"""The penalty $p(u w x) / u^2$ of a problem whose columns were multiplied by $w$ and its observations divided by $u$."""
        return RescaledPenalty(self, weights, units.observations)


class RescaledPenalty(AbstractPenalty):
    r"""A penalty in other units, $x \mapsto \sum_i p(u w_i x_i) / u^2$.

    $$\mathrm{prox}(v) = \mathrm{prox}_{\mu w^2 p}(u w v) / (u w).$$
    """

    penalty: AbstractPenalty
    weights: Float[Array, "..."]
    observations: Float[Array, ""]

    def value(self, x: Inexact[Array, "..."]) -> Float[Array, ""]:
        """The penalty, summed over coordinates."""
        return self.penalty.value(self._scale * x) / self.observations / self.observations

    def proximal(self, v: Inexact[Array, "..."], step: ArrayLike) -> Inexact[Array, "..."]:
        """The minimiser in each coordinate."""
        return self.penalty.proximal(self._scale * v, step * self.weights**2) / self._scale

    def derivative(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        """The slope at a magnitude."""
        return self.penalty.derivative(self._scale * magnitude) * self.weights / self.observations

    @property
    def _scale(self) -> Float[Array, "..."]:
        return self.observations * self.weights


class ChosenPenalty(AbstractPenalty):
    r"""One of several penalties, $p = p_c$ with a traced number $c$: a sweep over kinds of penalty is one program.

    Where lanes lie side by side all penalties are computed in each, so they should be about as cheap as each other.

    - `choice`: $c$, from 0 to the number of penalties less one.
    - `penalties`: what is chosen from.

    **Raises:** `ValueError` for a number that is none of these.
    """

    choice: Int[Array, ""] = integer(0, most="last")
    penalties: tuple[AbstractPenalty, ...]

    @property
    def last(self) -> int:
        """The number of the last penalty."""
        return len(self.penalties) - 1

    def chosen(self, function: Callable[[AbstractPenalty], Array]) -> Array:
        """What a function of a penalty is for the chosen one."""
        return jax.lax.select_n(jnp.asarray(self.choice), *map(function, self.penalties))

    def value(self, x: Inexact[Array, "..."]) -> Float[Array, ""]:
        """The chosen penalty, summed over coordinates."""
        return self.chosen(lambda penalty: penalty.value(x))

    def proximal(self, v: Inexact[Array, "..."], step: ArrayLike) -> Inexact[Array, "..."]:
        """The minimiser in each coordinate, for the chosen penalty."""
        return self.chosen(lambda penalty: penalty.proximal(v, step))

    def derivative(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        """The slope of the chosen penalty at a magnitude."""
        return self.chosen(lambda penalty: penalty.derivative(magnitude))

    def in_units(self, units: Units, weights: Float[Array, "..."]) -> "ChosenPenalty":
        """With each penalty in the other units."""
        return ChosenPenalty(self.choice, tuple(penalty.in_units(units, weights) for penalty in self.penalties))


class AbstractMagnitudePenalty(AbstractPenalty):
    r"""A penalty of magnitudes, $p(u) = p(|u|)$ with $p$ nondecreasing and $p(0) = 0$, perhaps on $u \ge 0$ only.

    Subclasses write `magnitude_value`, `shrink` and `derivative` for magnitudes; signs and the constraint
    `nonnegative` are added here. With `nonnegative=True` the value is infinite as soon as one coordinate is negative,
    and the proximal map is that of $\max(v, 0)$, because a negative input is best sent to zero.

    Parameters are cast to the dtype of the input, so float32 stays float32. A coordinate that is not a number stays
    so, lest a solver that diverges look as if it had converged to zero.
    """

    nonnegative: eqx.AbstractVar[bool]

    @abc.abstractmethod
    def magnitude_value(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        """The penalty of each magnitude."""

    @abc.abstractmethod
    def shrink(self, magnitude: Float[Array, "..."], step: Float[Array, "..."]) -> Float[Array, "..."]:
        """The proximal map of each magnitude."""

    def value(self, x: Inexact[Array, "..."]) -> Float[Array, ""]:
        """The penalty, summed over coordinates."""
        values = self.magnitude_value(jnp.abs(x))
        if self.nonnegative:
            values = jnp.where(x < 0, jnp.inf, values)
        return jnp.sum(values)

    def proximal(self, v: Inexact[Array, "..."], step: ArrayLike) -> Inexact[Array, "..."]:
        """The minimiser in each coordinate; `step` is a scalar or has the shape of `v`, and may be any number >= 0."""
        step = jnp.asarray(step, floating_dtype(v))
        if self.nonnegative:
            if jnp.iscomplexobj(v):
                raise TypeError(
                    f"{type(self).__name__}: `nonnegative` is True, but the data are complex; False is allowed."
                )
            return self.shrink(jnp.maximum(v, 0), step)
        return jnp.sign(v) * self.shrink(jnp.abs(v), step)


def _above(least: int) -> Rule:
    return Rule(f"a finite number greater than {least}", lambda value: (value > least) & np.isfinite(value))


class L1(AbstractMagnitudePenalty):
    r"""The absolute value, whose proximal map is soft thresholding.

    $$p(u) = \lambda |u|, \qquad \mathrm{prox}(v) = \mathrm{sign}(v)\, (|v| - \mu\lambda)_+ .$$

    - `strength`: $\lambda \ge 0$, a scalar, or an array of the shape of the input (weights).
    - `nonnegative`: restricts $u$ to $u \ge 0$.

    **Raises:** `ValueError` for a strength that is negative or not finite.

    Source: Tibshirani (tibshirani1996).
    """

    strength: Float[Array | np.ndarray, "..."] = leaf(rule="nonnegative")
    nonnegative: bool = eqx.field(static=True, default=False)

    def magnitude_value(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""$\lambda |u|$."""
        return jnp.asarray(self.strength, magnitude.dtype) * magnitude

    def shrink(self, magnitude: Float[Array, "..."], step: Float[Array, "..."]) -> Float[Array, "..."]:
        """Soft thresholding."""
        return jnp.maximum(magnitude - step * jnp.asarray(self.strength, magnitude.dtype), 0)

    def derivative(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""$\lambda$ everywhere."""
        return jnp.broadcast_to(jnp.asarray(self.strength, magnitude.dtype), magnitude.shape)

    def in_units(self, units: Units, weights: Float[Array, "..."]) -> "L1":
        r"""With the strength $\lambda w / u$."""
        return L1(self.strength * weights / units.observations, self.nonnegative)


class LQ(AbstractMagnitudePenalty):
    r"""The power $|u|^q$ for the exponents whose proximal map has a closed form.

    $$p(u) = \lambda |u|^q, \qquad q \in \{0, \tfrac12, \tfrac23\}, \qquad |u|^0 = [u \ne 0].$$

    With $t = \mu\lambda$ the proximal map is zero up to a threshold and jumps there:

    - $q = 0$: hard thresholding at $\sqrt{2t}$;
    - $q = \frac12$: threshold $\frac32 t^{2/3}$, then $\frac23 v \left(1 + \cos\left(\frac{2\pi}{3} -
      \frac23 \arccos\left(\frac{t}{4} (|v|/3)^{-3/2}\right)\right)\right)$;
    - $q = \frac23$: threshold $2 (\frac23 t)^{3/4}$, then $\mathrm{sign}(v) \left(\frac12\left(A +
      \sqrt{2|v|/A - A^2}\right)\right)^3$ with $A = \frac{2}{\sqrt3} (2t)^{1/4} \cosh^{1/2}(\phi/3)$,
      $\cosh\phi = \frac{27}{16} v^2 (2t)^{-3/2}$.

    - `strength`: $\lambda \ge 0$, a scalar, or an array of the shape of the input.
    - `exponent`: $q$, static; one of 0, 1/2, 2/3.
    - `nonnegative`: restricts $u$ to $u \ge 0$.

    At magnitude zero the derivative is infinite (also for $q = 0$, whose slope is zero elsewhere): a local linear
    approximation keeps such a coordinate at zero for ever.

    **Raises:** `ValueError` for a strength that is negative or not finite, or another exponent.

    Sources: Xu, Chang, Xu and Zhang (xu2012) for $q = 1/2$; Cao, Sun and Xu (cao2013) for $q = 2/3$. Both write the
    quadratic without the factor 1/2, hence their $\lambda$ is $2t$ here.
    """

    strength: Float[Array | np.ndarray, "..."] = leaf(rule="nonnegative")
    exponent: float = eqx.field(static=True, converter=float)
    nonnegative: bool = eqx.field(static=True, default=False)

    def check_together(self):
        """The exponent is one of those with a closed form."""
        if self.exponent not in (0.0, 1 / 2, 2 / 3):
            raise ValueError(
                f"LQ: `exponent` is {self.exponent}; 0, 1/2 or 2/3 is allowed, which have a closed form (for 1 use `L1`)."
            )

    def magnitude_value(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""$\lambda |u|^q$."""
        # The inner `where` keeps the infinite slope at zero out of the gradient, which would turn into NaN.
        powers = jnp.power(jnp.where(magnitude == 0, 1, magnitude), self.exponent)
        return jnp.asarray(self.strength, magnitude.dtype) * jnp.where(magnitude == 0, 0, powers)

    def shrink(self, magnitude: Float[Array, "..."], step: Float[Array, "..."]) -> Float[Array, "..."]:
        """Thresholding with a jump; at the threshold itself, where two minimisers tie, zero."""
        weight = step * jnp.asarray(self.strength, magnitude.dtype)
        if self.exponent == 0:
            return jnp.where(magnitude <= jnp.sqrt(2 * weight), 0, magnitude)
        ratio, threshold = {
            1 / 2: (_half_ratio, 1.5 * jnp.power(weight, 2 / 3)),
            2 / 3: (_two_thirds_ratio, 2 * jnp.power(2 / 3 * weight, 3 / 4)),
        }[self.exponent]
        # `<=` rather than `>`, so that NaN counts as kept.
        dropped = magnitude <= threshold
        kept = jnp.where(dropped, 1, magnitude)
        # Scaled by the magnitude the problem has one parameter, small on the kept side: nothing over- or underflows.
        relative = jnp.where(dropped, 0, weight) / kept / jnp.power(kept, 1 - self.exponent)
        return jnp.where(dropped, 0, kept * _newton(self.exponent, ratio(relative), relative))

    def derivative(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""$\lambda q |u|^{q - 1}$, infinite at zero."""
        slopes = self.exponent * jnp.power(jnp.where(magnitude == 0, 1, magnitude), self.exponent - 1)
        slopes = jnp.asarray(self.strength, magnitude.dtype) * slopes
        return jnp.where(magnitude == 0, jnp.inf, slopes)


def _half_ratio(relative):
    angle = jnp.arccos(3 * math.sqrt(3) / 4 * relative)
    return 2 / 3 * (1 + jnp.cos(2 / 3 * (math.pi - angle)))


def _two_thirds_ratio(relative):
    # Below eps**2 the answer is 1 to the last digit, and the argument of arccosh would overflow.
    doubled = 2 * jnp.maximum(relative, jnp.finfo(relative.dtype).eps ** 2)
    angle = jnp.arccosh(27 / 16 * jnp.power(doubled, -3 / 2))
    root = 2 / math.sqrt(3) * jnp.power(doubled, 1 / 4) * jnp.sqrt(jnp.cosh(angle / 3))
    return jnp.power((root + jnp.sqrt(2 / root - root**2)) / 2, 3)


def _newton(exponent, ratio, relative):
    """One Newton step on u - 1 + relative * q * u**(q - 1) = 0: the closed forms lose digits in arccos and arccosh."""
    slope = relative * exponent * jnp.power(ratio, exponent - 1)
    return ratio - (ratio - 1 + slope) / (1 - (1 - exponent) * slope / ratio)


class SCAD(AbstractMagnitudePenalty):
    r"""The smoothly clipped absolute deviation: slope $\lambda$ at first, then falling to zero at $a\lambda$.

    $$p'(u) = \lambda \ (u \le \lambda), \qquad \frac{a\lambda - u}{a - 1} \ (\lambda < u \le a\lambda), \qquad
    0 \ (u > a\lambda).$$

    The proximal map with step $\mu$ is, for $\mu < a - 1$,

    $$(|v| - \mu\lambda)_+ \ (|v| \le (1 + \mu)\lambda), \qquad
    \lambda + \frac{(a - 1)(|v| - (1 + \mu)\lambda)}{a - 1 - \mu} \ (|v| \le a\lambda), \qquad |v| \text{ beyond},$$

    with the sign of $v$. For $\mu \ge a - 1$ the middle piece is concave and holds no minimiser: comparing the
    objective of the outer pieces gives $(|v| - \mu\lambda)_+$ up to the threshold $\frac12 (a + 1 + \mu)\lambda$, or
    $\sqrt{(a + 1)\mu}\,\lambda$ if $\mu > a + 1$, and $v$ beyond. So the minimiser is global for every step.

    - `strength`: $\lambda \ge 0$, a scalar, or an array of the shape of the input.
    - `a`: greater than 2; as it grows the penalty tends to `L1`.
    - `nonnegative`: restricts $u$ to $u \ge 0$.

    **Raises:** `ValueError` for parameters outside these ranges or not finite.

    Source: Fan and Li (fan2001), for the penalty and its map at $\mu = 1$.
    """

    strength: Float[Array | np.ndarray, "..."] = leaf(rule="nonnegative")
    a: Float[Array | np.ndarray, "..."] = leaf(3.7, _above(2))
    nonnegative: bool = eqx.field(static=True, default=False)

    def magnitude_value(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""The integral of the slope; $(a + 1)\lambda^2 / 2$ from $a\lambda$ on."""
        strength, a = self._parameters(magnitude)
        bend = jnp.clip(magnitude, strength, a * strength) - strength
        return strength * jnp.minimum(magnitude, a * strength) - bend**2 / (2 * (a - 1))

    def shrink(self, magnitude: Float[Array, "..."], step: Float[Array, "..."]) -> Float[Array, "..."]:
        """The pieces above; at a jump, where two minimisers tie, the smaller."""
        strength, a = self._parameters(magnitude)
        convex = step < a - 1
        jump = jnp.where(step <= a + 1, (a + 1 + step) / 2, jnp.sqrt((a + 1) * step)) * strength
        soft_until = jnp.where(convex, (1 + step) * strength, jump)
        soft = jnp.maximum(magnitude - step * strength, 0)
        gap = jnp.where(convex, a - 1 - step, 1)
        middle = jnp.minimum(strength + (magnitude - (1 + step) * strength) * (a - 1) / gap, magnitude)
        beyond = jnp.where(convex & (magnitude <= a * strength), middle, magnitude)
        return jnp.where(magnitude <= soft_until, soft, beyond)

    def derivative(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""$\min(\lambda, (a\lambda - |u|)_+ / (a - 1))$."""
        strength, a = self._parameters(magnitude)
        return jnp.minimum(strength, jnp.maximum(a * strength - magnitude, 0) / (a - 1))

    def _parameters(self, magnitude):
        return jnp.asarray(self.strength, magnitude.dtype), jnp.asarray(self.a, magnitude.dtype)


class MCP(AbstractMagnitudePenalty):
    r"""The minimax concave penalty: the slope falls from $\lambda$ to zero at $\gamma\lambda$.

    $$p'(u) = (\lambda - u / \gamma)_+ .$$

    The proximal map with step $\mu$ is, for $\mu < \gamma$,

    $$\frac{(|v| - \mu\lambda)_+}{1 - \mu/\gamma} \ (|v| \le \gamma\lambda), \qquad |v| \text{ beyond},$$

    with the sign of $v$ (firm thresholding). For $\mu \ge \gamma$ the penalised piece is concave, and comparing its
    end, zero, with $v$ gives hard thresholding at $\sqrt{\gamma\mu}\,\lambda$. So the minimiser is global for every
    step.

    - `strength`: $\lambda \ge 0$, a scalar, or an array of the shape of the input.
    - `gamma`: greater than 1; as it grows the penalty tends to `L1`.
    - `nonnegative`: restricts $u$ to $u \ge 0$.

    **Raises:** `ValueError` for parameters outside these ranges or not finite.

    Source: Zhang (zhang2010).
    """

    strength: Float[Array | np.ndarray, "..."] = leaf(rule="nonnegative")
    gamma: Float[Array | np.ndarray, "..."] = leaf(3.0, _above(1))
    nonnegative: bool = eqx.field(static=True, default=False)

    def magnitude_value(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""The integral of the slope; $\gamma\lambda^2 / 2$ from $\gamma\lambda$ on."""
        strength, gamma = self._parameters(magnitude)
        penalised = jnp.minimum(magnitude, gamma * strength)
        return strength * penalised - penalised**2 / (2 * gamma)

    def shrink(self, magnitude: Float[Array, "..."], step: Float[Array, "..."]) -> Float[Array, "..."]:
        """The pieces above; at a jump, where two minimisers tie, zero."""
        strength, gamma = self._parameters(magnitude)
        convex = step < gamma
        gap = jnp.where(convex, gamma - step, 1)
        firm = jnp.minimum(jnp.maximum(magnitude - step * strength, 0) * gamma / gap, magnitude)
        penalised_until = jnp.where(convex, gamma, jnp.sqrt(gamma * step)) * strength
        return jnp.where(magnitude <= penalised_until, jnp.where(convex, firm, 0), magnitude)

    def derivative(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""$(\lambda - |u| / \gamma)_+$."""
        strength, gamma = self._parameters(magnitude)
        return jnp.maximum(strength - magnitude / gamma, 0)

    def _parameters(self, magnitude):
        return jnp.asarray(self.strength, magnitude.dtype), jnp.asarray(self.gamma, magnitude.dtype)


def as_penalty(penalty) -> AbstractPenalty:
    """Reads a scalar as the strength of an `L1` penalty; a penalty stays itself; anything else is a `TypeError`."""
    if isinstance(penalty, AbstractPenalty):
        return penalty
    is_number = isinstance(penalty, numbers.Real) and not isinstance(penalty, bool)
    is_scalar_array = isinstance(penalty, (jax.Array, np.ndarray)) and penalty.ndim == 0
    if is_number or (is_scalar_array and jnp.issubdtype(penalty.dtype, np.number)):
        return L1(strength=penalty)
    raise TypeError(
        f"`penalty` is {shown(penalty)}; a number of at least 0, the strength of `L1`, or a penalty such as `L1`, `LQ`, `SCAD` "
        "or `MCP` is allowed."
    )
