import functools

import jax.numpy as jnp
import numpy as np

from recover.theory import oracle_least_squares_error


def test_oracle_error_is_that_of_the_dense_product():
    generator = np.random.default_rng(0)
    factors = [generator.normal(size=shape) for shape in ((5, 6), (4, 5), (3, 4))]
    supports = [np.isin(np.arange(n), chosen) for n, chosen in ((6, (1, 4, 5)), (5, (0, 2)), (4, (3,)))]
    H = functools.reduce(np.kron, [A[:, mask] for A, mask in zip(factors, supports, strict=True)])
    found = oracle_least_squares_error(
        [jnp.asarray(A, jnp.float32) for A in factors], [jnp.asarray(mask) for mask in supports], jnp.float32(0.3)
    )
    np.testing.assert_allclose(found, 0.09 * np.trace(np.linalg.inv(H.T @ H)), rtol=1e-4)


def test_too_few_rows_leave_the_oracle_without_a_bound():
    factors = [jnp.ones((1, 3), jnp.float32) * jnp.asarray([[1.0, 2.0, 3.0]], jnp.float32)]
    support = [jnp.asarray([True, True, False])]
    assert float(oracle_least_squares_error(factors, support, jnp.float32(1.0))) > 1e5
