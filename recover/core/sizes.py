"""Traced sizes and their capacities.

A size one sweeps (samples, sparsity, rank) is a traced number, so the arrays it measures need a static shape: its
*capacity*, the padded maximum. A module records the capacities of its own sizes when it is built from concrete
numbers; a sweep raises them to the maximum over the cells that share a program. Nobody types them.
"""

import dataclasses
from collections.abc import Mapping
from typing import TypeVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from .leaves import is_concrete

Capacities = tuple[tuple[str, int], ...]
ModuleT = TypeVar("ModuleT", bound=eqx.Module)


def capacities_field():
    """The static field `capacities` of a module with traced sizes."""
    return eqx.field(static=True, repr=False)


def concrete_capacities(**sizes) -> Capacities:
    """The capacities of the given sizes: their own values where these are known now."""
    return tuple(sorted((name, int(np.max(np.asarray(value)))) for name, value in sizes.items() if is_concrete(value)))


def capacity(module: eqx.Module, name: str) -> int:
    """The padded maximum of the traced size `name` of `module`.

    **Raises:** `ValueError` if the module was built from a traced size, whose maximum nobody knows.
    """
    known = dict(module.capacities)
    if name not in known:
        raise ValueError(
            f"{type(module).__name__} was built inside a transformation with a traced `{name}`, so the shape of its "
            f"arrays is unknown. Build it outside from a number, or use `rc.sweep`, which finds the capacity."
        )
    return known[name]


def with_capacities(module: ModuleT, capacities: Mapping[str, int] | None) -> ModuleT:
    """A copy of `module` with `capacities` in place of its own; `None` removes them (for comparing structures)."""
    new = object.__new__(type(module))
    for field in dataclasses.fields(module):
        object.__setattr__(new, field.name, getattr(module, field.name))
    object.__setattr__(new, "capacities", () if capacities is None else tuple(sorted(capacities.items())))
    return new


def row_mask(samples, capacity: int):
    """Boolean mask of the first `samples` of `capacity` padded rows; shape (capacity,)."""
    return jnp.arange(capacity, dtype=jnp.int32) < samples
