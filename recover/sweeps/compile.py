"""Compiled programs, kept for blocks of the same structure and capacities: the one place where a sweep compiles."""

import functools

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from .content import Hashed
from .layout import Effort
from .loaded_code import forgets
from .program import BlockArguments, ProgramSettings, compiled_block_rows

# On a CPU, the older emitter of kernels compiles most programs in a half to a fourth of the time, and what it makes runs as
# fast but for some (docs/performance.md): right for what runs for seconds, wrong for what runs for minutes.
# JAX 0.11 has the newer one alone, and refuses the option.
_EMITTER = "xla_cpu_use_fusion_emitters"
OPTIONS: dict[Effort, dict[str, bool]] = (
    {"quick": {_EMITTER: False}, "full": {_EMITTER: True}}
    if jax.__version_info__ < (0, 11)
    else {"quick": {}, "full": {}}
)


def program_identity(block: BlockArguments, settings: ProgramSettings, by_trials: bool, devices: tuple) -> tuple:
    """What blocks have in common that are computed by one program."""
    leaves, structure = jtu.tree_flatten(block)
    shapes = tuple((np.shape(leaf), str(jnp.result_type(leaf))) for leaf in leaves)
    return structure, shapes, settings, by_trials, devices, jax.config.jax_enable_x64


def compiled(block: BlockArguments, settings: ProgramSettings, by_trials: bool, devices: tuple):
    """The compiled program for arguments of this structure and shape on these devices; a memo like that of `jax.jit`."""
    return compile_program(Hashed(program_identity(block, settings, by_trials, devices), block))


@functools.lru_cache(maxsize=256)
def compile_program(key: Hashed):
    """Compiles the program of the arguments in `key`, whose identity stands for them; forgets the arguments themselves."""
    settings, by_trials, devices = key.identity[2:5]
    block, key.value = key.value, None
    options = OPTIONS[settings.effort] if devices[0].platform == "cpu" else {}
    return compiled_block_rows.lower(block, settings, by_trials, devices).compile(compiler_options=options)


forgets(compile_program.cache_clear)
