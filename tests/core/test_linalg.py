import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover.core import linalg as factorisations
from recover.core.linalg import eigh, eigvalsh, positive_definite_inverse


def matrices(shape, seed=0):
    roots = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return jnp.asarray(roots @ np.swapaxes(roots, -1, -2) + np.eye(shape[-1], dtype=np.float32))


def test_batches_of_batches_are_factored_one_by_one():
    given = matrices((2, 3, 4, 4))
    values, vectors = jax.jit(jax.vmap(jax.vmap(eigh)))(given)
    np.testing.assert_allclose(
        np.einsum("...ij,...j,...kj->...ik", vectors, values, vectors), given, atol=1e-5 * float(jnp.max(given))
    )
    np.testing.assert_allclose(jax.vmap(jax.vmap(eigvalsh))(given), np.linalg.eigvalsh(given), rtol=1e-4)
    np.testing.assert_allclose(jax.vmap(positive_definite_inverse)(given[0]), np.linalg.inv(given[0]), atol=1e-5)
    np.testing.assert_allclose(eigh(given[0, 0])[0], values[0, 0], rtol=1e-5)


@pytest.mark.parametrize("name", ["qr", "svd", "cholesky", "triangular_factor"])
def test_factors_multiply_to_the_matrix(name):
    given = matrices((3, 4, 4))
    found = jax.vmap(getattr(factorisations, name))(given)
    if name == "qr":
        product = found[0] @ found[1]
    elif name == "svd":
        product = jnp.einsum("bij,bj,bjk->bik", *found)
    elif name == "cholesky":
        product = found @ jnp.swapaxes(found, 1, 2)
    else:
        product, given = jnp.swapaxes(found, 1, 2) @ found, jnp.swapaxes(given, 1, 2) @ given
    np.testing.assert_allclose(product, given, atol=2e-6 * float(jnp.max(given)))


@pytest.mark.parametrize("shape", [(4,), (4, 2)])
def test_solves_with_a_shared_or_an_own_matrix(shape):
    given, right = (
        matrices((3, 4, 4)),
        jnp.asarray(np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)),
    )
    columns = np.asarray(right).reshape(3, 4, -1)
    exact = np.linalg.solve(np.asarray(given), columns).reshape(right.shape)
    factors = jax.vmap(factorisations.cholesky)(given)
    np.testing.assert_allclose(jax.vmap(factorisations.cholesky_solve)(factors, right), exact, atol=1e-4)
    shared = jax.vmap(functools.partial(factorisations.cholesky_solve, factors[0]))(right)
    np.testing.assert_allclose(shared[0], exact[0], atol=1e-4)
    if len(shape) == 2:
        np.testing.assert_allclose(jax.vmap(factorisations.solve)(given, right), exact, atol=1e-4)


def test_kernels_of_a_cpu_never_see_a_batch():
    # A kernel that hands a batch on waits for threads that may all be waiting themselves.
    def solved(matrix):
        return factorisations.solve(matrix, matrix), factorisations.solve_triangular(matrix, matrix)

    names = ("eigh", "eigvalsh", "positive_definite_inverse", "qr", "svd", "cholesky", "triangular_factor")
    for function in (*(getattr(factorisations, name) for name in names), solved):
        text = jax.jit(jax.vmap(jax.vmap(function))).lower(matrices((2, 3, 4, 4))).as_text()
        kernels = [line for line in text.splitlines() if "lapack_" in line or "blas_" in line]
        assert kernels
        assert all("4x4xf32" in line and "x4x4xf32" not in line for line in kernels), kernels


@pytest.mark.parametrize("name", ["cholesky", "eigh", "positive_definite_inverse", "qr", "solve", "solve_triangular"])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_derivatives_are_those_of_jax(name, dtype, float64):
    random = np.random.default_rng(5)

    def drawn(*shape):
        return (random.normal(size=shape) + (1j * random.normal(size=shape) if dtype == np.complex128 else 0)).astype(
            dtype
        )

    def plain(*given):
        match name:
            case "positive_definite_inverse":
                return jnp.linalg.inv((given[0] + given[0].conj().T) / 2)
            case "solve_triangular":
                return jax.scipy.linalg.solve_triangular(*given, lower=True, trans=1)
            case _:
                return getattr(jnp.linalg, name)(*given)

    def ours(*given):
        options = {"lower": True, "transposed": True} if name == "solve_triangular" else {}
        return getattr(factorisations, name)(*given, **options)

    def value(function):
        def weighed(*given):
            # Of what does not depend on the phases of eigenvectors.
            return sum(
                jnp.sum(jnp.cos(jnp.arange(leaf.size)).reshape(leaf.shape) * jnp.abs(leaf) ** 2)
                for leaf in jax.tree.leaves(function(*given))
            )

        return weighed

    root = drawn(3, 4, 4)
    definite = root @ np.swapaxes(root.conj(), -1, -2) + np.eye(4)
    given = (definite, drawn(3, 4, 2)) if name.startswith("solve") else (drawn(3, 6, 4) if name == "qr" else definite,)
    places = tuple(range(len(given)))
    for one, other in zip(*(jax.vmap(jax.grad(value(each), places))(*given) for each in (ours, plain)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10)
    _, moved = jax.jvp(jax.vmap(value(ours)), given, given)
    np.testing.assert_allclose(moved, jax.jvp(jax.vmap(value(plain)), given, given)[1], rtol=1e-8, atol=1e-10)
