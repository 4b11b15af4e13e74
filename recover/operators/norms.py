"""Norms of linear operators that are only known by their products."""

import equinox as eqx
import jax
import jax.flatten_util as jfu
import jax.numpy as jnp
import jax.tree_util as jtu
import lineax as lx
from jaxtyping import Array, Float, Key, UInt32

from ..core.numbers import root
from ..core.units import largest, power_of_two
from .sparse_matrix import SparseMatrix
from .weighted_columns import WeightedColumns

__all__ = ["column_norms", "entry_size", "mean_column_norm", "spectral_norm"]

PRNGKey = Key[Array, ""] | UInt32[Array, "2"]


@eqx.filter_jit
def spectral_norm(operator: lx.AbstractLinearOperator, key: PRNGKey, steps: int = 100) -> Float[Array, ""]:
    r"""The largest singular value, by power iteration on $A^* A$ from a Gaussian start.

    $$v \leftarrow \frac{A^* A v}{\lVert A^* A v \rVert}, \qquad \lVert A \rVert \approx \lVert A v \rVert.$$

    The value approaches from below, so a step size $1 / \lVert A \rVert^2$ taken from it is slightly too long: leave a
    margin where it matters. Gaussian matrices, whose top singular values crowd, are slow: over 66 draws of shapes from
    100 x 400 to 500 x 1000 the worst shortfall was 2.4 % after 30 steps, 2.0 % after 50 and 0.9 % after 100.

    - `operator`: any lineax operator, real or complex.
    - `key`: draws the start.
    - `steps`: a static number of iterations of two products each.

    Pure, and usable under `jit`, `vmap` and `grad`. The zero operator has norm zero; an operator that is not finite
    gives NaN.

    **Raises:** `ValueError` if `steps` is below one.

    Source: Golub and Van Loan (golub2013, section 7.3), on the power method.
    """
    if steps < 1:
        raise ValueError(f"`spectral_norm(steps={steps})`: allowed is an integer of at least 1.")
    adjoint = _adjoint_product(operator)
    unflatten, dtype = _unflatten(operator)

    def normalise(vector):
        norm = jnp.linalg.norm(vector)
        return vector / jnp.where(norm == 0, 1, norm).astype(vector.dtype)

    def step(_, vector):
        return normalise(_flatten(adjoint(operator.mv(unflatten(vector)))))

    start = jax.random.normal(key, (operator.in_size(),), dtype)
    vector = jax.lax.fori_loop(0, steps, step, normalise(start))
    return jnp.linalg.norm(_flatten(operator.mv(unflatten(vector))))


@eqx.filter_jit
def mean_column_norm(
    operator: lx.AbstractLinearOperator, key: PRNGKey | None = None, probes: int = 32
) -> Float[Array, ""]:
    r"""The root mean square norm of the columns, $\lVert A \rVert_F / \sqrt{n}$.

    Exact for `lineax.MatrixLinearOperator` and `SparseMatrix.of`. Otherwise an estimate from random signs $g_p$,

    $$\lVert A \rVert_F^2 \approx \frac{1}{P} \sum_{p=1}^{P} \lVert A g_p \rVert^2,$$

    whose square is unbiased.

    - `operator`: any lineax operator, real or complex.
    - `key`: draws the probes; not needed for a matrix.
    - `probes`: a static number $P$ of products.

    **Raises:** `ValueError` if `key` is missing and needed, or `probes` is below one.

    Source: Hutchinson (hutchinson1989).
    """
    if isinstance(operator, (lx.MatrixLinearOperator, SparseMatrix)):
        entries = operator.values if isinstance(operator, SparseMatrix) else operator.matrix
        # The squares of entries may overflow, or vanish.
        scale = power_of_two(largest(entries))
        return scale * (jnp.linalg.norm(entries / scale.astype(entries.dtype)) / operator.in_size() ** 0.5)
    if key is None:
        raise ValueError(
            f"`mean_column_norm(key=None)` of a {type(operator).__name__}: a key is needed to draw probes; only a "
            "`lineax.MatrixLinearOperator` does without."
        )
    if probes < 1:
        raise ValueError(f"`mean_column_norm(probes={probes})`: allowed is an integer of at least 1.")
    unflatten, dtype = _unflatten(operator)
    signs = jax.random.rademacher(key, (probes, operator.in_size()), jnp.int8).astype(dtype)
    images = jax.vmap(lambda probe: _flatten(operator.mv(unflatten(probe))))(signs)
    return jnp.linalg.norm(images) / (probes * operator.in_size()) ** 0.5


def column_norms(operator: lx.AbstractLinearOperator, unit: Float[Array, ""]) -> Float[Array, " columns"] | None:
    r"""The norms of all columns, divided by `unit`, which keeps their squares in range; `None` where the operator holds no matrix.

    Read off matrices alone, also with weighted rows or columns: the squares of a matrix that many problems share are shared.
    """
    squares = _squared_columns(operator, None, unit)
    return None if squares is None else root(squares)


def entry_size(operator: lx.AbstractLinearOperator) -> Float[Array, ""] | None:
    """The root mean square of the entries of a matrix in its rows that are not zero; `None` where there is no matrix."""
    match operator:
        case lx.MatrixLinearOperator():
            scale = power_of_two(largest(operator.matrix))
            squares = jnp.sum(jnp.abs(operator.matrix / scale) ** 2, axis=1)
            return scale * _root_mean(squares / operator.in_size())
        case lx.TaggedLinearOperator():
            return entry_size(operator.operator)
        case lx.ComposedLinearOperator(operator1=lx.DiagonalLinearOperator(diagonal=weights)):
            size = entry_size(operator.operator2)
            return None if size is None else size * _root_mean(jnp.abs(weights) ** 2)
    return None


def _root_mean(squares: Float[Array, " rows"]) -> Float[Array, ""]:
    """The root of the mean of the squares that are not zero."""
    present = jnp.sum(squares > 0).astype(squares.dtype)
    return jnp.sqrt(jnp.sum(squares) / jnp.maximum(present, 1))


def _squared_columns(operator, rows, unit):
    match operator:
        case lx.MatrixLinearOperator():
            squares = jnp.abs(operator.matrix / unit) ** 2
            return jnp.sum(squares, axis=0) if rows is None else rows @ squares
        case lx.TaggedLinearOperator():
            return _squared_columns(operator.operator, rows, unit)
        case lx.ComposedLinearOperator(operator1=lx.DiagonalLinearOperator(diagonal=weights)):
            rows = jnp.abs(weights) ** 2 * (1 if rows is None else rows)
            return _squared_columns(operator.operator2, rows, unit)
        case WeightedColumns():
            squares = _squared_columns(operator.operator, rows, unit)
            return None if squares is None else jnp.abs(operator.weights) ** 2 * squares
    return None


def _adjoint_product(operator):
    """The product with the Hermitian adjoint."""
    if not any(jnp.issubdtype(leaf.dtype, jnp.complexfloating) for leaf in jtu.tree_leaves(operator.out_structure())):
        return lx.conj(operator.transpose()).mv
    # Structured operators have no conjugate of their own.
    transpose, conjugate = operator.transpose(), lambda tree: jtu.tree_map(jnp.conj, tree)
    return lambda vector: conjugate(transpose.mv(conjugate(vector)))


def _unflatten(operator):
    """How to turn a flat vector into an input of the operator, and the dtype of that vector."""
    flat, unflatten = eqx.filter_eval_shape(jfu.ravel_pytree, operator.in_structure())
    return unflatten, flat.dtype


def _flatten(tree):
    return jfu.ravel_pytree(tree)[0]
