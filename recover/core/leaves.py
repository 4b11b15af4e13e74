"""Array leaves: how Python numbers become traced, sweepable fields.

A Python float stored in a module is static under `jax.jit`, so every new value compiles again. A NumPy scalar array
is traced, and costs microseconds to make, so a grid of ten thousand modules is built in a fraction of a second.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

# What is seen at once to be concrete: a large grid asks a million times.
_KNOWN = frozenset([np.ndarray, bool, float, int, str])


def as_leaf(value):
    """Turns a Python or NumPy number into a NumPy scalar array; arrays, tracers and `None` pass through.

    **Raises:** `ValueError` for an integer, or an array of them, that does not fit into 32 bits.
    """
    array = as_wide_leaf(value)
    check_width(array, "as_leaf: `value`")
    return array


def as_wide_leaf(value):
    """`as_leaf` for a field whose owner checks the width of integers, and can say which field it is."""
    kind = type(value)
    if kind is np.ndarray or kind is float:
        return np.asarray(value)
    if value is None or isinstance(value, (jax.Array, np.ndarray)):
        return value
    array = np.asarray(value)
    # Integers are counts; one width keeps them apart from the precision of the run.
    fits = np.issubdtype(array.dtype, np.integer) and array.ndim == 0 and -(2**31) <= int(array) < 2**31
    return array.astype(np.int32) if fits else array


def as_real_leaf(value):
    """`as_wide_leaf` for a field that holds a real number: integers are taken as floats, so that both are the same program."""
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))
    return np.asarray(float(value)) if is_integer else as_wide_leaf(value)


def check_width(value, name: str) -> None:
    """Refuses integers that JAX, which computes with 32 bits, would cut without a word.

    **Raises:** `ValueError` that names what holds the number, the number, and what is allowed.
    """
    if not is_wide(value) or value.size == 0:
        return
    least, most = (0, 2**32 - 1) if value.dtype.kind == "u" else (-(2**31), 2**31 - 1)
    for entry in value.flat if value.dtype == object else (value.min(), value.max()):
        if isinstance(entry, (int, np.integer)) and not least <= entry <= most:
            raise ValueError(
                f"{name} is {entry}; integers from {least} to {most} are allowed, and larger numbers as floats."
            )


def is_wide(value) -> bool:
    """Whether a value is an array that may hold integers of more than 32 bits."""
    if not isinstance(value, np.ndarray):
        return False
    kind = value.dtype.kind
    return kind == "O" or (kind in "iu" and value.dtype.itemsize > 4)


def leaf(**kwargs):
    """A module field that is traced (never static), whatever number it is given.

    Where the default is a float, integers are taken as floats: `IHT(step_size=1)` is `IHT(step_size=1.0)`.
    """
    converter = as_real_leaf if isinstance(kwargs.get("default"), float) else as_leaf
    return eqx.field(converter=converter, **kwargs)


def is_concrete(value) -> bool:
    """Whether `value` can be inspected now: not a tracer, not an abstract shape."""
    return type(value) in _KNOWN or (
        not isinstance(value, (jax.core.Tracer, jax.ShapeDtypeStruct)) and value is not None
    )


def floating_dtype(*trees: PyTree) -> np.dtype:
    """The real floating dtype that computations on `trees` use: the widest of their inexact leaves, JAX's default without.

    Single precision at least: counts, squares and tolerances of the solvers do not fit into half.
    """
    dtypes = [
        jax.dtypes.canonicalize_dtype(leaf.dtype)
        for leaf in jtu.tree_leaves(trees)
        if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.inexact)
    ]
    if not dtypes:
        return jnp.zeros(()).dtype
    widest = max((np.dtype(jnp.finfo(dtype).dtype) for dtype in dtypes), key=lambda dtype: dtype.itemsize)
    return widest if widest.itemsize >= 4 else np.dtype(np.float32)


def complex_dtype(real) -> np.dtype:
    """The complex dtype whose parts have the given real one."""
    return np.dtype(np.complex128 if np.dtype(real) == np.float64 else np.complex64)


def cast_floating(tree: PyTree, dtype) -> PyTree:
    """Casts every real floating leaf of `tree` to `dtype` and every integer leaf to JAX's own integer width."""

    def cast(value):
        if not hasattr(value, "dtype"):
            return value
        if jnp.issubdtype(value.dtype, jnp.floating):
            return jnp.asarray(value, dtype)
        if isinstance(value, (np.ndarray, np.generic)):
            check_width(np.asarray(value), "an array")
            return jnp.asarray(value)
        return value

    return jtu.tree_map(cast, tree)


def all_finite(tree: PyTree) -> Array:
    """Whether every inexact entry of `tree` is finite; a scalar boolean."""
    checks = [jnp.all(jnp.isfinite(leaf)) for leaf in jtu.tree_leaves(eqx.filter(tree, eqx.is_inexact_array))]
    return jnp.all(jnp.stack(checks)) if checks else jnp.asarray(True)
