import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover import theory


@pytest.mark.parametrize(("share", "scale"), [(0.0, 0.0), (0.25, 0.5)])
def test_oracle_is_the_error_of_least_squares(share, scale):
    generator = np.random.default_rng(0)
    channels, pixels, noise = 40, 20000, 0.05
    # Rows are exchangeable, as the prediction spreads the outliers evenly over them.
    endmembers = generator.uniform(0.1, 1, (channels, 3))
    levels = np.sqrt(noise**2 + scale**2 * (generator.uniform(size=(channels, pixels)) < share))
    errors = np.linalg.pinv(endmembers) @ (levels * generator.standard_normal((channels, pixels)))
    with jax.enable_x64(True):
        found = theory.unmixing_oracle_error(jnp.asarray(endmembers), jnp.asarray(noise), share, scale)
    np.testing.assert_allclose(found, np.sqrt(np.mean(errors**2)), rtol=0.02)


def test_dependent_endmembers_cannot_be_told_apart():
    assert theory.unmixing_oracle_error(jnp.zeros((5, 2)), jnp.asarray(0.1)) == jnp.inf
