"""Functions whose batches a CPU takes one member at a time."""

from collections.abc import Callable

import equinox as eqx
import jax
from jax.custom_batching import custom_vmap


def one_at_a_time_on_cpu(function: Callable) -> Callable:
    """`function` of trees of arrays, which under `vmap` is a loop over the batch on a CPU and a batch elsewhere.

    What the batch shares is not copied. Static arguments are closed over by `function`.
    """
    single = custom_vmap(function)

    @single.def_vmap
    def _rule(axis_size, in_batched, *arguments):
        batched, shared = eqx.partition(arguments, tuple(in_batched))
        found = jax.lax.platform_dependent(
            batched,
            # A further batch meets `single` again inside of the loop.
            cpu=lambda members: jax.lax.map(lambda member: single(*eqx.combine(member, shared)), members),
            default=jax.vmap(lambda member: function(*eqx.combine(member, shared))),
        )
        return found, jax.tree.map(lambda _: True, found)

    return single
