"""The spectrum of a Hessian from products with vectors."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key, PyTree

from ..core import draws
from ..core.linalg import eigh
from ..core.numbers import norm, ratio, unit

__all__ = ["HessianSpectrum", "hessian_spectrum", "hessian_vector_product"]


class HessianSpectrum(eqx.Module):
    r"""Ritz values and vectors of a Hessian from Lanczos' method.

    - `values`: approximate eigenvalues, ascending; the extreme ones converge first. Runs that exhausted the space of
      dimension n fill the rest with NaN.
    - `weights`: squared first components: with them `values` form a Gauss quadrature of the spectral density seen from the
      random start, so they estimate the density when averaged over keys.
    - `residuals`: $\|H v - \theta v\|$ for every Ritz pair: some eigenvalue lies within this distance of the value.
    - `lowest`, `highest`: unit vectors (pytrees like the point) of the extreme values, such as a direction of descent at
      a saddle.
    """

    values: Float[Array, " steps"]
    weights: Float[Array, " steps"]
    residuals: Float[Array, " steps"]
    lowest: PyTree
    highest: PyTree


def hessian_vector_product(loss: Callable[[PyTree], Array], point: PyTree, vector: PyTree) -> PyTree:
    r"""$\nabla^2 f(x)\, v$ for a smooth loss of a pytree of arrays, without forming the Hessian."""
    return jax.jvp(jax.grad(loss), (point,), (vector,))[1]


def hessian_spectrum(
    loss: Callable[[PyTree], Array], point: PyTree, key: Key[Array, ""], steps: int | None = None
) -> HessianSpectrum:
    """Lanczos' method with full reorthogonalisation on the Hessian of `loss` at `point`.

    **Arguments:**

    - `loss`: a twice differentiable function of a pytree of real arrays.
    - `point`: where; any pytree of floating arrays.
    - `key`: of the random start.
    - `steps`: number of Hessian-vector products, at most the number of variables, which is the default up to 100. With
      all of them every eigenvalue that is not repeated is found (one of each repeated one).

    Cost: `steps` products and `steps` squared times the number of variables.

    **Raises:** `ValueError` for a number of steps that is not positive.
    """
    flat, unravel = ravel_pytree(point)
    size = flat.shape[0]
    count = min(100 if steps is None else steps, size)
    if count < 1:
        raise ValueError(f"hessian_spectrum: `steps` is {steps}; an integer of at least 1 is allowed.")

    def product(vector):
        with jax.default_matmul_precision("float32"):
            return ravel_pytree(hessian_vector_product(loss, point, unravel(vector)))[0]

    start = unit(draws.normal(key, (size,)).astype(flat.dtype))
    tiny = jnp.finfo(flat.dtype).eps * 8

    # By hand: `matfree` would be one more dependency for this loop, whose Krylov space may be exhausted before its end.
    def body(carry, index):
        basis, vector, scale = carry
        basis = basis.at[index].set(vector)
        image = product(vector)
        diagonal = jnp.sum(vector * image)
        scale = jnp.maximum(scale, norm(image))
        # Twice is enough (Parlett): one pass leaves components of the order of the rounding over the remainder.
        for _ in range(2):
            image = image - basis.T @ (basis @ image)
        remainder = norm(image)
        remainder = jnp.where(remainder > tiny * scale, remainder, 0)
        return (basis, ratio(image, remainder), scale), (diagonal, remainder)

    carry = (jnp.zeros((count, size), flat.dtype), start, jnp.zeros((), flat.dtype))
    (basis, _, _), (diagonal, off) = jax.lax.scan(body, carry, jnp.arange(count, dtype=jnp.int32))
    # A zero row of the basis: the Krylov space was exhausted before it.
    used = jnp.sum(basis**2, axis=1) > 0.5
    outside = 2 * jnp.max(jnp.abs(diagonal)) + 2 * jnp.max(off) + 1
    inner = jnp.where(used[1:], off[:-1], 0)
    tridiagonal = jnp.diag(jnp.where(used, diagonal, outside)) + jnp.diag(inner, 1) + jnp.diag(inner, -1)
    values, vectors = eigh(tridiagonal)
    # Only the last step that was taken leaves a remainder.
    last = jnp.sum(used, dtype=jnp.int32) - 1
    residuals = off[last] * jnp.abs(vectors[last])
    genuine = jnp.arange(count, dtype=jnp.int32) <= last
    nan = jnp.asarray(jnp.nan, flat.dtype)
    highest = basis.T @ vectors[:, last]
    lowest = basis.T @ vectors[:, 0]
    return HessianSpectrum(
        jnp.where(genuine, values, nan),
        jnp.where(genuine, vectors[0] ** 2, nan),
        jnp.where(genuine, residuals, nan),
        unravel(lowest),
        unravel(highest),
    )
