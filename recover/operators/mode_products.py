r"""Products with $A_1 \otimes \dots \otimes A_p$, one mode of a tensor at a time.

A vector of size $n_1 \cdots n_p$ is a tensor of shape $(n_1, \dots, n_p)$, the last index running fastest, so that
$(A_1 \otimes \dots \otimes A_p)\,\mathrm{vec}(X)$ is $\mathrm{vec}$ of the tensor in which every $A_i$ multiplies mode $i$.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Shaped


def mode_products(factors: Sequence[Shaped[Array, "_ _"]], tensor: Shaped[Array, "..."]) -> Shaped[Array, "..."]:
    """Multiplies mode i of the tensor by `factors[i]` of shape (rows_i, size of mode i), for all modes."""
    for factor in factors:
        # Contracting the first axis and appending the result turns the axes by one: after all modes they are in place.
        tensor = jnp.tensordot(tensor, factor, axes=((0,), (1,)))
    return tensor


def outer(vectors: Sequence[Shaped[Array, "_"]]) -> Shaped[Array, "..."]:
    r"""The tensor with entries $v_1[i] v_2[j] \\cdots$, one axis per vector."""
    tensor = vectors[0]
    for vector in vectors[1:]:
        tensor = tensor[..., None] * vector.reshape((1,) * tensor.ndim + (-1,))
    return tensor


def contract_others(
    tensor: Shaped[Array, "..."], vectors: Sequence[Shaped[Array, "_"]], mode: int
) -> Shaped[Array, "_"]:
    """Sums the tensor against the vector of every mode but one; shape (size of `mode`,)."""
    for axis in reversed(range(len(vectors))):
        if axis != mode:
            tensor = jnp.tensordot(tensor, vectors[axis], axes=((axis,), (0,)))
    return tensor


def adjoints(factors: Sequence[Shaped[Array, "_ _"]]) -> tuple[Shaped[Array, "_ _"], ...]:
    """The conjugate transpose of every factor."""
    return tuple(factor.conj().T for factor in factors)


def weighted_gram(factors: Sequence[Shaped[Array, "_ _"]], weights: Shaped[Array, "..."]) -> Shaped[Array, "rows rows"]:
    r"""$H \operatorname{diag}(w) H^*$ for $H = A_1 \otimes \dots \otimes A_p$, without $H$.

    The products $A_i[a, n] \overline{A_i[b, n]}$ of a mode are few, so the weights are contracted mode by mode: about
    $(m_1 \cdots m_p)^2 n_p$ operations, where a dense product needs $(m_1 \cdots m_p)^2 n_1 \cdots n_p$.
    """
    rows = [factor.shape[0] for factor in factors]
    tensor = mode_products([_pairs(factor) for factor in factors], weights)
    tensor = tensor.reshape([size for count in rows for size in (count, count)])
    order = [*range(0, 2 * len(rows), 2), *range(1, 2 * len(rows), 2)]
    return tensor.transpose(order).reshape(math.prod(rows), math.prod(rows))


def quadratic_forms(
    factors: Sequence[Shaped[Array, "_ _"]], matrix: Shaped[Array, "rows rows"]
) -> Shaped[Array, "..."]:
    r"""$h_n^* P h_n$ for every column $h_n$ of $H = A_1 \otimes \dots \otimes A_p$ and a Hermitian $P$, as a real tensor."""
    rows = [factor.shape[0] for factor in factors]
    order = [axis for mode in range(len(rows)) for axis in (mode, mode + len(rows))]
    tensor = matrix.reshape([*rows, *rows]).transpose(order).reshape([count**2 for count in rows])
    return mode_products([_pairs(factor).conj().T for factor in factors], tensor).real


def _pairs(factor: Shaped[Array, "rows columns"]) -> Shaped[Array, "pairs columns"]:
    r"""$A[a, n] \\overline{A[b, n]}$ with the pair (a, b) as one index."""
    return (factor[:, None, :] * factor.conj()[None, :, :]).reshape(-1, factor.shape[1])
