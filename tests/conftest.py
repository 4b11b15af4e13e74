"""Strict numerics for every test: no silent promotion of dtypes or ranks."""

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def getkey(request):
    """Fresh keys, the same ones in every run of a test."""
    seed = sum(request.node.nodeid.encode())
    keys = iter(jax.random.split(jax.random.key(seed), 100))
    return lambda: next(keys)
