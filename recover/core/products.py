"""How exactly matrices are multiplied, which accelerators leave open."""

import contextlib
from collections.abc import Iterator

import jax

# Factors are split into two numbers of eight bits each, multiplied by matrix units: a relative error of some 5e-6 where float32
# has 4e-7 (Gaussian matrices, 400 terms). A CPU computes in float32 all the same.
BF16X3 = "BF16_BF16_F32_X3"


@contextlib.contextmanager
def full_products() -> Iterator[None]:
    """Products in full single precision, but for what is traced where `BF16X3` was asked for."""
    if jax.config.jax_default_matmul_precision == BF16X3:
        yield
    else:
        with jax.default_matmul_precision("float32"):
            yield
