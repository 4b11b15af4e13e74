"""One policy for data that people bring: what is converted, what is refused, and what the message says."""

import decimal

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from jax.experimental import sparse

from recover.core.data import as_data, as_mask, in_one_dtype, number, require_same_labels

MATRIX = np.arange(6.0).reshape(2, 3) - 2


def read(value, *axes, **options):
    (found,) = in_one_dtype("Owner", value=as_data("Owner", "value", value, *(axes or ("rows columns",)), **options))
    return found


CONTAINERS = {
    "bfloat16": lambda matrix: jnp.asarray(matrix, jnp.bfloat16),
    "big-endian": lambda matrix: matrix.astype(">f8"),
    "big-endian integers": lambda matrix: matrix.astype(">i4"),
    "booleans": lambda matrix: matrix.astype(bool),
    "decimals": lambda matrix: [[decimal.Decimal(int(each)) for each in row] for row in matrix],
    "frame": lambda matrix: pd.DataFrame(matrix),
    "frame of nullable integers": lambda matrix: pd.DataFrame(matrix.astype(int)).astype("Int64"),
    "half": lambda matrix: matrix.astype(np.float16),
    "half of JAX": lambda matrix: jnp.asarray(matrix, jnp.float16),
    "int8": lambda matrix: matrix.astype(np.int8),
    "list": lambda matrix: matrix.tolist(),
    "list of arrays": lambda matrix: [jnp.asarray(row) for row in matrix],
    "long double": lambda matrix: matrix.astype(np.longdouble),
    "masked without masks": lambda matrix: np.ma.masked_array(matrix),
    "objects": lambda matrix: matrix.astype(object),
    "read-only": lambda matrix: np.broadcast_to(matrix, matrix.shape),
    "sparse": lambda matrix: sp.csr_array(matrix),
    "sparse of JAX": lambda matrix: sparse.BCOO.fromdense(jnp.asarray(matrix)),
    "transposed": lambda matrix: np.asfortranarray(matrix),
}


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_whatever_holds_numbers_is_read(name):
    expected = MATRIX != 0 if name == "booleans" else MATRIX
    found = read(CONTAINERS[name](MATRIX))
    assert isinstance(found, jax.Array)
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(found, expected)


def test_labelled_arrays_are_read():
    xarray = pytest.importorskip("xarray")
    np.testing.assert_array_equal(read(xarray.DataArray(MATRIX, dims=("a", "b"))), MATRIX)


def test_double_precision_is_kept_where_it_is_on():
    with jax.enable_x64(True):
        assert read(MATRIX).dtype == read(MATRIX.astype(int)).dtype == jnp.float64
        assert read(MATRIX.astype(np.float32)).dtype == read(MATRIX.astype(np.float16)).dtype == jnp.float32


def test_complex_data_are_taken_where_they_are_allowed():
    found = read((MATRIX * 1j).astype(object), complex_allowed=True)
    assert found.dtype == jnp.complex64
    np.testing.assert_array_equal(found, MATRIX * 1j)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (None, TypeError, "`value` is None: no array of numbers"),
        ("abc", TypeError, "`value` is 'abc', a str: no array of numbers"),
        ([["1.5"]], TypeError, "no array of numbers"),
        (np.array([["1.5", 2]], object), TypeError, "no array of numbers"),
        ([[1.0], [2.0, 3.0]], TypeError, "parts of different lengths"),
        (np.array([["2020-01-01"]], "M8[D]"), TypeError, "no array of numbers"),
        (pd.DataFrame({"a": ["x"]}), TypeError, "no array of numbers"),
        (object(), TypeError, "no array of numbers"),
        (MATRIX * 1j, TypeError, "`value` is complex128; real data is expected"),
        (MATRIX[0], ValueError, r"has shape \(3,\); \(rows, columns\) is allowed"),
        (MATRIX[:0], ValueError, r"has shape \(0, 3\); \(rows, columns\), no axis empty, is allowed"),
        (
            np.where(MATRIX > 1, np.nan, MATRIX),
            ValueError,
            r"not finite in 2 of 6 entries, the first at \(1, 1\) is nan",
        ),
        (
            jnp.asarray(MATRIX).at[0, 1].set(jnp.inf),
            ValueError,
            r"not finite in 1 of 6 entries, the first at \(0, 1\) is inf",
        ),
        (pd.DataFrame({"a": [1, None]}, dtype="Int64"), ValueError, "not finite in 1 of 2"),
        ([[1.0, None]], ValueError, "not finite in 1 of 2"),
        (np.ma.masked_less(MATRIX, 0), ValueError, "2 masked entries"),
        (MATRIX * 1e300, ValueError, "holds 3e[+]300, which float32 cannot; rescale"),
        (MATRIX * 1e-300, ValueError, "holds 3e-300, which float32 cannot; rescale"),
        (sp.csr_array((10**5, 10**5)), ValueError, "kept dense here; at most 268,435,456 entries"),
        (jax.random.key(0), TypeError, "numbers are allowed"),
    ],
)
def test_what_is_no_data_is_refused_by_name(value, error, message):
    with pytest.raises(error, match=f"Owner: .*{message}"):
        read(value)


def test_traced_values_are_not_looked_at():
    def total(matrix, constant):
        both = [read(matrix, finite=True), read([[matrix[0, 0]], [matrix[0, 1]]])]
        # What is known while something is traced is checked.
        with pytest.raises(ValueError, match="not finite"):
            read(constant)
        return sum(each.sum() for each in both)

    known = jnp.full((1, 1), jnp.nan)
    assert jnp.isnan(jax.jit(lambda matrix: total(matrix, known))(jnp.full((1, 2), jnp.nan)))


def test_masks_are_truth_values():
    assert as_mask("Owner", "known", [1, 0], (2,)).tolist() == [True, False]
    for value in ([1, 2], [True], [[True, False]]):
        with pytest.raises(ValueError, match=r"Owner: `known` has shape .* truth values of shape"):
            as_mask("Owner", "known", value, (2,))


def test_numbers_are_single_and_within_their_rule():
    assert number("Owner", "noise", 1, "positive", jnp.float32).dtype == jnp.float32
    assert number("Owner", "noise", None, "positive", jnp.float32) is None
    for value, message in [
        (-1, "-1; a positive number"),
        ("much", "'much'; a positive"),
        ([1.0, 2.0], r"shape \(2,\); a positive"),
        (1j, "1j; a positive"),
        (float("nan"), "nan; a positive"),
        ([[1], [1, 2]], "a positive number"),
    ]:
        with pytest.raises(ValueError, match=f"Owner: `noise` .*{message}"):
            number("Owner", "noise", value, "positive", jnp.float32)


def test_rows_of_frames_have_equal_labels():
    first = pd.Series([1.0, 2.0], index=["a", "b"])
    require_same_labels("Owner", "x", first, "y", np.ones(2))
    with pytest.raises(
        ValueError, match=r"Owner: the rows of `x` and of `y` have different labels, from 'a' and from 'b'"
    ):
        require_same_labels("Owner", "x", first, "y", first[::-1])
