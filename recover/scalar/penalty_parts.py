r"""Parts of penalties: their strength, and the split $p(x) = \lambda |x| + c(x)$ into an l1 part and a smooth concave remainder."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from ..core.adjoint import Optimality
from .penalties import L1, MCP, SCAD, AbstractPenalty, ChosenPenalty, RescaledPenalty


def boosted(penalty: AbstractPenalty, boost) -> AbstractPenalty:
    """The penalty with its strength, if it has one, times `boost`."""
    if isinstance(penalty, RescaledPenalty):
        return eqx.tree_at(lambda penalty: penalty.penalty, penalty, boosted(penalty.penalty, boost))
    if isinstance(penalty, ChosenPenalty):
        return ChosenPenalty(penalty.choice, tuple(boosted(each, boost) for each in penalty.penalties))
    if not hasattr(penalty, "strength"):
        return penalty
    return eqx.tree_at(lambda penalty: penalty.strength, penalty, penalty.strength * boost)


def slope_at_zero(penalty: AbstractPenalty, x: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$\lambda = p'(0+)$ of every coordinate: the strength of the l1 part."""
    return penalty.derivative(jnp.zeros_like(x))


def signed_slope(penalty: AbstractPenalty, x: Float[Array, "..."], signs: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$p'(x) = \mathrm{sign}(x)\, p'(|x|)$ for coordinates of the signs given, and zero where these are zero."""
    return signs * penalty.derivative(jnp.where(signs == 0, 1, signs * x))


def stationary(
    slope: Callable[[Array], Array], penalty: Callable[[], AbstractPenalty], x: Inexact[Array, " size"], definite: bool
) -> Optimality:
    r"""What makes coefficients minimise $f + p$ on their support: $\partial_j f(x) + \mathrm{sign}(x_j)\, p'(|x_j|) = 0$; `slope` is $\nabla f$."""
    signs = jnp.sign(x)

    def residual(x):
        return slope(x) + signed_slope(penalty(), x, signs)

    return Optimality(x, residual, free=signs != 0, definite=definite)


def concave_gradient(penalty: AbstractPenalty, x: Float[Array, "..."]) -> Float[Array, "..."]:
    r"""$c'(x) = \mathrm{sign}(x)\,(p'(|x|) - \lambda)$, which is Lipschitz with the constant `concavity`."""
    return jnp.sign(x) * (penalty.derivative(jnp.abs(x)) - slope_at_zero(penalty, x))


def concavity(penalty: AbstractPenalty) -> Float[Array, "..."]:
    r"""The least $\kappa$ for which $p(x) + \kappa x^2 / 2$ is convex: 0 for `L1`, $1/(a - 1)$ for `SCAD`, $1/\gamma$ for `MCP`.

    **Raises:** `ValueError` for penalties without one, whose slope at zero is infinite.
    """
    match penalty:
        case L1():
            return jnp.zeros(())
        case SCAD():
            return jnp.asarray(1 / (penalty.a - 1))
        case MCP():
            return jnp.asarray(1 / penalty.gamma)
        case ChosenPenalty():
            return penalty.chosen(concavity)
        case RescaledPenalty():
            return concavity(penalty.penalty) * penalty.weights**2
    raise ValueError(
        f"`penalty` is a {type(penalty).__name__}; L1, SCAD or MCP is allowed, whose concave part is smooth."
    )
