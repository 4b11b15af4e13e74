"""Factorisations of many small matrices, safe under `vmap` on every platform.

On a CPU, LAPACK kernels of jaxlib (0.10.2 for one) hand parts of a batch to the pool of threads that they run on themselves, and wait
for them. As many of them at a time as the pool has threads - the modes of one program, or two programs side by side
on two cores - wait for each other for ever. Single matrices are not handed on, so on a CPU a batch is taken one
matrix at a time; elsewhere it stays a batch.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float, Inexact


def eigh(matrix: Inexact[Array, "... n n"]) -> tuple[Float[Array, "... n"], Inexact[Array, "... n n"]]:
    """Eigenvalues in ascending order and eigenvectors of Hermitian matrices, which may be batches."""
    return _eigh(matrix)


def eigvalsh(matrix: Inexact[Array, "... n n"]) -> Float[Array, "... n"]:
    """Eigenvalues of Hermitian matrices in ascending order."""
    return _eigvalsh(matrix)


def positive_definite_inverse(matrix: Inexact[Array, "... n n"]) -> Inexact[Array, "... n n"]:
    """The inverses of Hermitian positive definite matrices, through their Cholesky factors; NaN for others."""
    return _positive_definite_inverse(matrix)


def _one_at_a_time_on_cpu(factorise: Callable) -> Callable:
    @custom_vmap
    def batched(matrices):
        leading, size = matrices.shape[:-2], matrices.shape[-1]
        if not leading:
            return factorise(matrices)
        flat = matrices.reshape(-1, size, size)
        found = jax.lax.platform_dependent(
            flat, cpu=lambda given: jax.lax.map(factorise, given), default=jax.vmap(factorise)
        )
        return jax.tree.map(lambda each: each.reshape(*leading, *each.shape[1:]), found)

    @batched.def_vmap
    def _rule(axis_size, in_batched, matrices):
        # A batch of batches is a larger batch.
        result = batched(matrices)
        return result, jax.tree.map(lambda _: True, result)

    return batched


def _inverse(matrix):
    factor = jnp.linalg.cholesky(matrix)
    identity = jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    half = jax.scipy.linalg.solve_triangular(factor, identity, lower=True)
    return half.conj().T @ half


# Plain tuples, where JAX returns named ones, keep the structure of both branches the same.
_eigh = _one_at_a_time_on_cpu(lambda matrix: tuple(jnp.linalg.eigh(matrix)))
_eigvalsh = _one_at_a_time_on_cpu(jnp.linalg.eigvalsh)
_positive_definite_inverse = _one_at_a_time_on_cpu(_inverse)
