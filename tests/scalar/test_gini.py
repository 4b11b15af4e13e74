import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc


@pytest.mark.parametrize("size", [9, 40])
def test_gini_index_is_the_mean_absolute_difference(size):
    """By pairs where entries are few, else by sorting."""
    rng = np.random.default_rng(2)
    w, live = rng.normal(size=(size, 3)).astype(np.float32), rng.uniform(size=size) < 0.7
    a = np.abs(w[live])
    expected = np.abs(a[:, None] - a).mean((0, 1)) / (2 * a.mean(0))
    index = jax.jit(rc.gini_index)
    np.testing.assert_allclose(index(jnp.asarray(w), jnp.asarray(live)), expected, rtol=1e-4)
    assert index(jnp.asarray(w[:, 0]), jnp.asarray(live)) == pytest.approx(expected[0], rel=1e-4)
    assert index(jnp.zeros(size)) == 0
