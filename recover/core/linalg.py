"""Factorisations of one matrix that are safe under `vmap` on every platform.

On a CPU, LAPACK kernels of jaxlib (0.10.2 for one) hand parts of a batch to the pool of threads that they run on themselves, and wait
for them. As many of them at a time as the pool has threads - the modes of one program, or two programs side by side
on two cores - wait for each other for ever. Single matrices are not handed on, so on a CPU a batch is taken one
matrix at a time; elsewhere it stays a batch.
"""

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Float, Inexact


def one_at_a_time_on_cpu(function: Callable) -> Callable:
    """`function` of trees of arrays, which under `vmap` is a loop over the batch on a CPU and a batch elsewhere.

    What the batch shares is not copied. Static arguments are closed over by `function`.
    """
    single = custom_vmap(function)

    @single.def_vmap
    def _rule(axis_size, in_batched, *arguments):
        batched, shared = eqx.partition(arguments, tuple(in_batched))
        found = jax.lax.platform_dependent(
            batched,
            # A further batch meets `single` again inside of the loop.
            cpu=lambda members: jax.lax.map(lambda member: single(*eqx.combine(member, shared)), members),
            default=jax.vmap(lambda member: function(*eqx.combine(member, shared))),
        )
        return found, jax.tree.map(lambda _: True, found)

    return single


# Plain tuples, where JAX returns named ones, keep the structure of both branches the same.
@one_at_a_time_on_cpu
def eigh(matrix: Inexact[Array, "n n"]) -> tuple[Float[Array, " n"], Inexact[Array, "n n"]]:
    """Eigenvalues in ascending order and eigenvectors of a Hermitian matrix."""
    return tuple(jnp.linalg.eigh(matrix))


@one_at_a_time_on_cpu
def eigvalsh(matrix: Inexact[Array, "n n"]) -> Float[Array, " n"]:
    """Eigenvalues of a Hermitian matrix in ascending order."""
    return jnp.linalg.eigvalsh(matrix)


@one_at_a_time_on_cpu
def svd(matrix: Inexact[Array, "rows columns"]) -> tuple[Array, Array, Array]:
    """Thin singular value decomposition: left vectors, values in descending order, right vectors as rows."""
    return tuple(jnp.linalg.svd(matrix, full_matrices=False))


@one_at_a_time_on_cpu
def qr(matrix: Inexact[Array, "rows columns"]) -> tuple[Array, Array]:
    """The thin decomposition $A = Q R$: orthonormal columns and an upper triangle."""
    return tuple(jnp.linalg.qr(matrix))


@one_at_a_time_on_cpu
def triangular_factor(matrix: Inexact[Array, "rows columns"]) -> Array:
    """The triangular factor of the thin orthogonal-triangular decomposition alone."""
    return jnp.linalg.qr(matrix, mode="r")


@one_at_a_time_on_cpu
def cholesky(matrix: Inexact[Array, "n n"]) -> Inexact[Array, "n n"]:
    """The lower triangular factor of a Hermitian positive definite matrix; NaN for others."""
    return jnp.linalg.cholesky(matrix)


@one_at_a_time_on_cpu
def solve(matrix: Inexact[Array, "n n"], right: Inexact[Array, "n k"]) -> Inexact[Array, "n k"]:
    """The inverse of a square matrix times a matrix."""
    return jnp.linalg.solve(matrix, right)


@one_at_a_time_on_cpu
def positive_definite_inverse(matrix: Inexact[Array, "n n"]) -> Inexact[Array, "n n"]:
    """The inverse of a Hermitian positive definite matrix, through its Cholesky factor; NaN for others."""
    factor = jnp.linalg.cholesky(matrix)
    identity = jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    half = jax.scipy.linalg.solve_triangular(factor, identity, lower=True)
    return half.conj().T @ half


def solve_triangular(
    factor: Inexact[Array, "n n"], right: Inexact[Array, "n ..."], *, lower: bool = False, transposed: bool = False
) -> Inexact[Array, "n ..."]:
    """The inverse of a triangular matrix, or of its transpose, times a vector or matrix."""
    return _triangular_solver(lower, transposed)(factor, right)


def cholesky_solve(factor: Inexact[Array, "n n"], right: Inexact[Array, "n ..."]) -> Inexact[Array, "n ..."]:
    """The inverse of a real matrix with the given lower Cholesky factor, times a vector or matrix."""
    return solve_triangular(factor, solve_triangular(factor, right, lower=True), lower=True, transposed=True)


@functools.cache
def _triangular_solver(lower: bool, transposed: bool) -> Callable:
    solve = functools.partial(jax.scipy.linalg.solve_triangular, trans=int(transposed), lower=lower)
    return one_at_a_time_on_cpu(lambda factor, right: solve(factor, right))
