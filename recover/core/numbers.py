"""Norms and quotients that have a value and a gradient at zero."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Inexact

Axis = int | tuple[int, ...] | None


def squared_norm(x: Inexact[Array, "..."], axis: Axis = None, *, keepdims: bool = False) -> Inexact[Array, "..."]:
    r"""$\|x\|^2 = \sum_i |x_i|^2$, real, over all entries or along `axis`."""
    squares = jnp.real(x) ** 2 + jnp.imag(x) ** 2 if jnp.iscomplexobj(x) else x**2
    return jnp.sum(squares, axis=axis, keepdims=keepdims)


def norm(x: Inexact[Array, "..."], axis: Axis = None, *, keepdims: bool = False) -> Inexact[Array, "..."]:
    r"""The Euclidean norm $\|x\|$ over all entries or along `axis`; its gradient at zero is zero, not NaN."""
    square = squared_norm(x, axis, keepdims=keepdims)
    zero = square == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, square)))


@jax.custom_jvp
def root(x: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
    r"""$\sqrt x$; its gradient at zero is zero, not infinite."""
    return jnp.sqrt(x)


@root.defjvp
def _root_jvp(primals, tangents):
    (x,), (moved,) = primals, tangents
    value = root(x)
    return value, ratio(moved, 2 * value)


def real_product(x: Inexact[Array, "..."], y: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
    r"""$\mathrm{Re}(\bar x y)$, entry by entry: what sums to the inner product of complex vectors as vectors of reals."""
    return jnp.real(jnp.conj(x) * y) if jnp.iscomplexobj(x) else x * y


def ratio(numerator: ArrayLike, denominator: Inexact[Array, "..."], otherwise: ArrayLike = 0) -> Inexact[Array, "..."]:
    """The quotient, and `otherwise` where the denominator is zero; there its gradient is zero, not NaN."""
    zero = denominator == 0
    return jnp.where(zero, otherwise, numerator / jnp.where(zero, 1, denominator))


def unit(x: Inexact[Array, "..."], axis: Axis = -1) -> Inexact[Array, "..."]:
    r"""$x / \|x\|$ along `axis` (rows by default; 0 for the columns of a matrix, `None` for all entries); zero stays zero."""
    return ratio(x, norm(x, axis, keepdims=True).astype(x.dtype))
