"""Several processes that share one sweep: the nodes of a GPU cluster, or the hosts of a TPU pod.

Processes that `jax.distributed.initialize` has joined deal the blocks out among themselves and meet in the store, on a
file system that all of them see. Each block is computed by one process on its own devices, so no process waits for another
until the end.
"""

import os
from collections.abc import Sequence
from typing import TypeVar

import jax

ItemT = TypeVar("ItemT")


def alone() -> bool:
    """Whether this process has no fellows."""
    return jax.process_count() == 1


def leading() -> bool:
    """Whether this process is the one that writes what all of them share."""
    return jax.process_index() == 0


def dealt(items: Sequence[ItemT]) -> list[ItemT]:
    """The part of a list held by all processes that falls to this one.

    The tasks of a Slurm array know nothing of each other, so each takes all of it, but begins somewhere else.
    """
    own = list(items[jax.process_index() :: jax.process_count()])
    try:
        task, first, count = (int(os.environ[f"SLURM_ARRAY_TASK_{name}"]) for name in ("ID", "MIN", "COUNT"))
    except (KeyError, ValueError):
        return own
    begin = (task - first) * len(own) // max(count, 1) % max(len(own), 1)
    return own[begin:] + own[:begin]


def meet(where: str) -> None:
    """Waits until every process has come here."""
    if not alone():
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(where)
