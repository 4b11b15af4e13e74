"""The precisions that a sweep may run in."""

import contextlib
from collections.abc import Iterator
from typing import Literal

import jax

from ..core.products import BF16X3

Precision = Literal["float32", "float32/bf16x3", "float64"]
# How matrices are multiplied, by precision. What comes after a slash is about products alone; all else is in that dtype.
PRODUCTS: dict[str, str] = {"float32": "float32", "float32/bf16x3": BF16X3, "float64": "float32"}


@contextlib.contextmanager
def in_precision(precision: Precision) -> Iterator[None]:
    """Where arrays are made in a precision."""
    with jax.enable_x64(precision == "float64"):
        yield
