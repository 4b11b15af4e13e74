"""Methods called as one program: operation by operation, each would be compiled by itself."""

import equinox as eqx


def compiled(method, *arguments):
    """What a method returns; compiled once for arguments of one structure and shape, whatever it is bound to."""
    return eqx.filter_jit(method)(*arguments)
