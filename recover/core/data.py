"""Data that people bring, as arrays that solvers read: one policy for every problem.

Half precision becomes single, integers and booleans become floats where the data are real, byte orders and object arrays
are converted, data frames, series, labelled arrays and sparse matrices are read as arrays. What is no such array is
refused by the name of the argument, with its value and what is allowed. Values that are traced are not looked at.
"""

import math

import jax
import jax.core
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array

from .checks import RULES, Rule, check
from .leaves import complex_dtype, floating_dtype, is_concrete

# Most entries that a sparse matrix is made dense for, where a problem keeps its data dense: 1 GiB in single precision.
MOST_DENSE = 2**28
_SHOWN = 40


def as_data(owner: str, name: str, value, *axes: str, complex_allowed: bool = False, finite: bool = True):
    """An array of numbers of the allowed shapes, in native byte order; NumPy where it was given as anything else but JAX.

    **Arguments:**

    - `owner`, `name`: the class and the argument, for messages.
    - `value`: what was given.
    - `axes`: the shapes allowed, each as the names of its axes, `"rows columns"`; `"..."` is any number of axes.
    - `complex_allowed`: whether complex numbers are taken.
    - `finite`: whether every entry must be finite.

    **Raises:** `TypeError` for what is no array of (real) numbers, `ValueError` for a wrong shape, an empty array, or an entry
    that is not finite.
    """
    array = _array(owner, name, value)
    if not complex_allowed:
        refuse_complex(owner, name, array.dtype)
    fits = [_fits(each, array.ndim) for each in axes]
    if not any(fits) or 0 in array.shape:
        written = " or ".join(f"({_written(each)})" for each in axes)
        empty = ", no axis empty," if 0 in array.shape else ""
        raise ValueError(f"{owner}: `{name}` has shape {array.shape}; {written}{empty} is allowed.")
    if finite:
        require_finite(owner, name, array)
    return array


def in_one_dtype(owner: str, *, like=(), **arrays) -> list[Array]:
    """Arrays in the one dtype that computations with all of them use: the widest of theirs, single precision at least.

    Complex if one of them is. `like` holds further arrays, whose dtypes count.

    **Raises:** `ValueError` for numbers that are finite and leave the range of that dtype.
    """
    real = floating_dtype(like, list(arrays.values()))
    leaves = [*jtu.tree_leaves(like), *arrays.values()]
    dtype = complex_dtype(real) if any(jnp.issubdtype(each.dtype, jnp.complexfloating) for each in leaves) else real
    return [in_dtype(owner, name, array, dtype) for name, array in arrays.items()]


def in_dtype(owner: str, name: str, array, dtype) -> Array:
    """An array cast to `dtype`.

    **Raises:** `ValueError` for numbers that are finite and leave the range of `dtype`.
    """
    if isinstance(array, np.ndarray) and array.dtype.kind in "fc":
        with np.errstate(over="ignore", under="ignore"):
            cast = array.astype(dtype, copy=False)
        lost = np.isfinite(array) & ~np.isfinite(cast)
        # Subnormal numbers are zeros to a processor in a hurry.
        vanished = np.any(array) and not np.any(np.abs(cast) >= np.finfo(dtype).tiny)
        if np.any(lost) or vanished:
            index = np.unravel_index(np.argmax(np.abs(array)), array.shape)
            raise ValueError(
                f"{owner}: `{name}` holds {array[index]:.3g}, which {np.dtype(dtype).name} cannot; rescale the data, or "
                "allow double precision by `jax.config.update('jax_enable_x64', True)`."
            )
        array = cast
    return jnp.asarray(array).astype(dtype)


def number(owner: str, name: str, value, rule: str | Rule, dtype) -> Array | None:
    """One number in `dtype`, checked against a rule of `recover.core.checks`; `None` stays.

    **Raises:** `ValueError` naming the owner, the argument, its value and what is allowed.
    """
    if value is None:
        return None
    check(owner, name, value, rule)
    if np.ndim(value) != 0:
        allowed = RULES[rule].allowed if isinstance(rule, str) else rule.allowed
        raise ValueError(f"{owner}: `{name}` has shape {np.shape(value)}; {allowed} is allowed.")
    return jnp.asarray(value, dtype)


def as_mask(owner: str, name: str, value, *shapes: tuple[int, ...]):
    """Truth values of one of the allowed shapes; NumPy where they were given as anything else but JAX.

    **Raises:** `TypeError` for what is no array of numbers, `ValueError` for another shape, or numbers other than 0 and 1.
    """
    mask = as_data(owner, name, value, "...")
    if mask.shape not in shapes or (is_concrete(mask) and not np.isin(np.asarray(mask), (0, 1)).all()):
        allowed = " or ".join(map(str, shapes))
        raise ValueError(
            f"{owner}: `{name}` has shape {mask.shape} and is {shown(mask)}; truth values of shape {allowed} are allowed."
        )
    return mask.astype(bool)


def as_sizes(owner: str, name: str, value, count: int | None, allowed: str) -> tuple[int, ...]:
    """Positive integers, for instance the sides of an image, as Python ones; `count` of them, or any number but zero.

    **Raises:** `ValueError` naming the owner, the argument, its value and what is allowed.
    """
    sizes = (
        tuple(value) if isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1) else ()
    )
    whole = all(isinstance(each, (int, np.integer)) and not isinstance(each, bool) and each >= 1 for each in sizes)
    if not sizes or not whole or count not in (None, len(sizes)):
        raise ValueError(f"{owner}: `{name}` is {shown(value)}; {allowed}.")
    return tuple(int(each) for each in sizes)


def refuse_complex(owner: str, name: str, dtype) -> None:
    """Raises `TypeError` for a complex dtype."""
    if jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(f"{owner}: `{name}` is {np.dtype(dtype).name}; real data is expected.")


def require_finite(owner: str, name: str, array) -> None:
    """Raises `ValueError` where an entry of a concrete array is not finite, saying how many and where the first is."""
    if not is_concrete(array) or not jnp.issubdtype(array.dtype, jnp.inexact):
        return
    if isinstance(array, jax.Array):
        if not array.is_fully_addressable or _all_finite_on_device(array):
            return
        # The short floats of JAX are known to NumPy by name only.
        array = np.asarray(array.astype(jnp.float32) if jnp.finfo(array.dtype).bits < 32 else array)
    holes = ~np.isfinite(array.astype(np.float32) if array.dtype.kind == "V" else array)
    if np.any(holes):
        first = tuple(int(each) for each in np.unravel_index(int(np.argmax(holes)), holes.shape))
        raise ValueError(
            f"{owner}: `{name}` is not finite in {int(holes.sum())} of {holes.size} entries, the first at {first} is "
            f"{array[first]}; finite numbers are allowed."
        )


def is_sparse(value) -> bool:
    """Whether `value` is a sparse matrix of SciPy or of `jax.experimental.sparse`."""
    home = type(value).__module__
    # Operators of `scipy.sparse.linalg` have a shape, and no entries.
    return home.startswith(("scipy.sparse", "jax.experimental.sparse")) and (
        hasattr(value, "shape") and (hasattr(value, "toarray") or hasattr(value, "todense"))
    )


def require_same_labels(owner: str, name: str, value, other_name: str, other) -> None:
    """Raises `ValueError` where the rows of two frames or series of pandas have labels that differ.

    Arrays have no labels, and what has none fits anything.
    """
    first, second = _labels(value), _labels(other)
    if first is not None and second is not None and len(first) == len(second) and not first.equals(second):
        raise ValueError(
            f"{owner}: the rows of `{name}` and of `{other_name}` have different labels, from {first[0]!r} and from "
            f"{second[0]!r} on; equal indexes in equal order are allowed. Align them, or give `.to_numpy()`."
        )


def shown(value) -> str:
    """A value in a message: its type, and its beginning."""
    text = " ".join(repr(value).split())
    text = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return text if value is None else f"{text}, a {type(value).__name__}"


def _labels(value):
    return getattr(value, "index", None) if type(value).__module__.startswith("pandas") else None


def _written(axes: str) -> str:
    names = axes.split()
    return ", ".join(names) + ("," if len(names) == 1 and names != ["..."] else "")


def _fits(axes: str, ndim: int) -> bool:
    names = axes.split()
    return ndim >= len(names) - 1 if "..." in names else ndim == len(names)


def _all_finite_on_device(array) -> bool:
    # Concrete also while something else is traced.
    with jax.ensure_compile_time_eval():
        return bool(jnp.all(jnp.isfinite(array)))


def _array(owner: str, name: str, value):
    """An array of numbers, JAX's or NumPy's."""
    if isinstance(value, jax.Array):
        if jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            raise TypeError(f"{owner}: `{name}` is {shown(value)}; numbers are allowed.")
        return value
    if is_sparse(value):
        return _dense(owner, name, value)
    if isinstance(value, np.ma.MaskedArray) and np.any(np.ma.getmaskarray(value)):
        raise ValueError(
            f"{owner}: `{name}` has {int(np.ma.getmaskarray(value).sum())} masked entries; data without gaps are allowed."
        )
    if any(isinstance(each, jax.core.Tracer) for each in _entries(value)):
        return jnp.asarray(value)
    try:
        array = _from_pandas(value) if type(value).__module__.startswith("pandas") else np.asarray(value)
        array = _numbers(array)
    except (TypeError, ValueError, OverflowError):
        ragged = isinstance(value, (list, tuple)) and len({np.size(each) for each in value}) > 1
        reason = "parts of different lengths" if ragged else "no array of numbers"
        raise TypeError(f"{owner}: `{name}` is {shown(value)}: {reason}; an array of numbers is allowed.") from None
    return array


def _entries(value):
    """What a list holds, to find what is traced in there."""
    return jtu.tree_leaves(value) if isinstance(value, (list, tuple)) and len(value) < 10_000 else ()


def _from_pandas(value) -> np.ndarray:
    array = value.to_numpy()
    # Columns of nullable types make an array of objects, whose gaps are no numbers.
    return value.to_numpy(dtype=float, na_value=np.nan) if array.dtype == object else array


def _numbers(array: np.ndarray) -> np.ndarray:
    """The array in a numeric dtype and native byte order.

    **Raises:** `TypeError` or `ValueError` for what is no number.
    """
    if array.dtype == object:
        if any(isinstance(each, (str, bytes)) for each in array.ravel()):
            raise TypeError
        if array.ndim == 0 and array.item() is None:
            raise TypeError
        kinds = {isinstance(each, (complex, np.complexfloating)) for each in array.ravel()}
        array = array.astype(complex if True in kinds else float)
    if array.dtype.kind not in "biufc" and not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError
    if array.dtype.kind in "fc" and array.dtype.itemsize > (16 if array.dtype.kind == "c" else 8):
        array = array.astype(complex if array.dtype.kind == "c" else float)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _dense(owner: str, name: str, value):
    if math.prod(value.shape) > MOST_DENSE:
        raise ValueError(
            f"{owner}: `{name}` is a sparse matrix of shape {tuple(value.shape)}, which is kept dense here; at most "
            f"{MOST_DENSE:,} entries are allowed."
        )
    return value.todense() if hasattr(value, "todense") and not hasattr(value, "toarray") else value.toarray()
