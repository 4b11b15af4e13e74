import jax
import jax.numpy as jnp
import numpy as np

from recover.factorisations import eigh, eigvalsh, positive_definite_inverse


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


def test_kernels_of_a_cpu_never_see_a_batch():
    # A kernel that hands a batch on waits for threads that may all be waiting themselves.
    for function in (eigh, eigvalsh, positive_definite_inverse):
        text = jax.jit(jax.vmap(jax.vmap(function))).lower(matrices((2, 3, 4, 4))).as_text()
        kernels = [line for line in text.splitlines() if "lapack_" in line]
        assert kernels
        assert all("4x4xf32" in line and "x4x4xf32" not in line for line in kernels), kernels
