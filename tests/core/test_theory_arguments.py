"""Numbers of theory functions: what is none is named, what is left out is not looked at."""

import jax
import jax.numpy as jnp
import pytest

from recover.core.theory_arguments import as_floats, require_interval


def test_what_is_no_number_is_refused():
    for value in ("much", 1j, [1.0, [2.0]], {"a": 1}):
        with pytest.raises(TypeError, match=r"a theory function's argument is .*; real numbers are allowed"):
            as_floats(1.0, value)
        with pytest.raises(TypeError, match=r"ratio is .*; real numbers are allowed"):
            require_interval("ratio", value, 0, 1)


def test_what_is_left_out_or_traced_is_not_looked_at():
    require_interval("ratio", None, 0, 1)
    assert jax.jit(lambda x: as_floats(x, 2)[0] + 1)(jnp.asarray(2.0)) == 3
