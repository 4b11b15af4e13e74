"""The two precisions that a sweep may run in."""

import contextlib
from collections.abc import Iterator
from typing import Literal

import jax

Precision = Literal["float32", "float64"]


@contextlib.contextmanager
def in_precision(precision: Precision) -> Iterator[None]:
    """Where arrays are made in a precision."""
    with jax.enable_x64(precision == "float64"):
        yield
