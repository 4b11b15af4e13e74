"""Factorisations of one matrix that are safe under `vmap` on every platform.

On a CPU, LAPACK kernels of jaxlib (0.10.2 for one) hand parts of a batch to the pool of threads that they run on themselves, and wait
for them. As many of them at a time as the pool has threads - the modes of one program, or two programs side by side
on two cores - wait for each other for ever. Single matrices are not handed on, so on a CPU a batch is taken one
matrix at a time; elsewhere it stays a batch. Derivatives, which JAX does not take through such loops in reverse, are products of
matrices alone.
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


def derived(rule: Callable) -> Callable[[Callable], Callable]:
    """Gives a function its derivative, `rule(output, arguments, tangents)`, which is linear in the tangents."""

    def decorate(function: Callable) -> Callable:
        outer = functools.wraps(function)(lambda *arguments: function(*arguments))
        known = jax.custom_jvp(outer)

        @known.defjvp
        def _rule(arguments, tangents):
            output = known(*arguments)
            return output, rule(output, arguments, tangents)

        return known

    return decorate


def _adjoint(matrix: Inexact[Array, "n m"]) -> Inexact[Array, "m n"]:
    return matrix.conj().T


def _hermitian(matrix: Inexact[Array, "n n"]) -> Inexact[Array, "n n"]:
    return (matrix + _adjoint(matrix)) / 2


def _moved_eigh(output, _, tangents):
    values, vectors = output
    rotated = _adjoint(vectors) @ _hermitian(tangents[0]) @ vectors
    gaps = values[None, :] - values[:, None]
    inverse = jnp.where(jnp.eye(len(values), dtype=bool), 0, 1 / (gaps + jnp.eye(len(values), dtype=gaps.dtype)))
    return jnp.real(jnp.diagonal(rotated)), vectors @ (inverse.astype(rotated.dtype) * rotated)


def _moved_qr(output, _, tangents):
    basis, triangle = output
    if triangle.shape[0] != triangle.shape[1]:
        raise NotImplementedError("qr: a matrix with more columns than rows has no derivative.")
    scaled = tangents[0] @ solve_triangular(triangle, jnp.eye(len(triangle), dtype=triangle.dtype))
    inside = _adjoint(basis) @ scaled
    lower = jnp.tril(inside, -1)
    turned = lower - _adjoint(lower)
    if jnp.iscomplexobj(inside):
        diagonal = jnp.diagonal(inside)
        turned = turned + jnp.diag(diagonal - jnp.real(diagonal).astype(inside.dtype))
    return basis @ (turned - inside) + scaled, (inside - turned) @ triangle


def _moved_cholesky(factor, _, tangents):
    inverse = solve_triangular(factor, jnp.eye(len(factor), dtype=factor.dtype), lower=True)
    inside = inverse @ _hermitian(tangents[0]) @ _adjoint(inverse)
    return factor @ (jnp.tril(inside, -1) + jnp.diag(jnp.diagonal(inside) / 2))


def _moved_solve(found, arguments, tangents):
    matrix, _ = arguments
    inverse = solve(matrix, jnp.eye(len(matrix), dtype=matrix.dtype))
    return inverse @ (tangents[1] - tangents[0] @ found)


def _moved_inverse(inverse, _, tangents):
    return -inverse @ _hermitian(tangents[0]) @ inverse


# Plain tuples, where JAX returns named ones, keep the structure of both branches the same.
@derived(_moved_eigh)
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


@derived(_moved_qr)
@one_at_a_time_on_cpu
def qr(matrix: Inexact[Array, "rows columns"]) -> tuple[Array, Array]:
    """The thin decomposition $A = Q R$: orthonormal columns and an upper triangle."""
    return tuple(jnp.linalg.qr(matrix))


@one_at_a_time_on_cpu
def triangular_factor(matrix: Inexact[Array, "rows columns"]) -> Array:
    """The triangular factor of the thin orthogonal-triangular decomposition alone."""
    return jnp.linalg.qr(matrix, mode="r")


@derived(_moved_cholesky)
@one_at_a_time_on_cpu
def cholesky(matrix: Inexact[Array, "n n"]) -> Inexact[Array, "n n"]:
    """The lower triangular factor of a Hermitian positive definite matrix; NaN for others."""
    return jnp.linalg.cholesky(matrix)


@derived(_moved_solve)
@one_at_a_time_on_cpu
def solve(matrix: Inexact[Array, "n n"], right: Inexact[Array, "n k"]) -> Inexact[Array, "n k"]:
    """The inverse of a square matrix times a matrix."""
    return jnp.linalg.solve(matrix, right)


@derived(_moved_inverse)
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
    """The inverse of a Hermitian matrix with the given lower Cholesky factor, times a vector or matrix."""
    halfway = jnp.conj(solve_triangular(factor, right, lower=True))
    return jnp.conj(solve_triangular(factor, halfway, lower=True, transposed=True))


@functools.cache
def _triangular_solver(lower: bool, transposed: bool) -> Callable:
    solve = functools.partial(jax.scipy.linalg.solve_triangular, trans=int(transposed), lower=lower)

    def moved(found, arguments, tangents):
        factor, _ = arguments
        inverse = solve_triangular(factor, jnp.eye(len(factor), dtype=factor.dtype), lower=lower, transposed=transposed)
        turned = jnp.tril(tangents[0]) if lower else jnp.triu(tangents[0])
        return inverse @ (tangents[1] - (turned.T if transposed else turned) @ found)

    return derived(moved)(one_at_a_time_on_cpu(lambda factor, right: solve(factor, right)))
