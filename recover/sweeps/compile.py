"""Compiled programs, kept for blocks of the same structure and shape: the one place where a sweep compiles."""

import functools

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from .content import Hashed
from .loaded_code import forgets
from .program import ProgramSettings, compiled_block_rows


def compiled(arguments, settings: ProgramSettings, devices: tuple):
    """The compiled program for arguments of this structure and shape on these devices; a memo like that of `jax.jit`."""
    leaves, structure = jtu.tree_flatten(arguments)
    shapes = tuple((np.shape(leaf), str(jnp.result_type(leaf))) for leaf in leaves)
    return compile_program(Hashed((structure, shapes, settings, devices, jax.config.jax_enable_x64), arguments))


@functools.lru_cache(maxsize=256)
def compile_program(key: Hashed):
    """Compiles the program of the arguments in `key`, whose identity stands for them; forgets the arguments themselves."""
    settings, devices = key.identity[2:4]
    arguments, key.value = key.value, None
    return compiled_block_rows.lower(*arguments, jnp.asarray(1, jnp.int32), settings, devices).compile()


forgets(compile_program.cache_clear)
