"""A tensor with Kronecker-structured sparse support, seen through a Kronecker product."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.checks import require_integer, require_name
from ..core.data import as_sizes
from ..core.fields import Real, Whole, leaf
from ..core.leaves import as_leaf
from ..core.model import AbstractModel
from ..core.numbers import ratio, squared_norm
from ..core.sizes import capacity, concrete_capacities, row_mask
from ..operators.mode_products import mode_products, outer
from .problem import KroneckerProblem

__all__ = ["KroneckerSparse"]

KRONECKER_AMPLITUDES = ("kronecker", "independent")
# An entry counts as found when it exceeds this share of the largest estimated one.
_FOUND = 1e-3

Factors = tuple[Float[Array, "_ _"], ...]


class KroneckerSparse(AbstractModel[Factors, KroneckerProblem, Array]):
    r"""$y = (A_1 \otimes \dots \otimes A_p)\, x + w$ with the support of $x$ a Kronecker product of small supports.

    The entries of $A_i \in \mathbb{R}^{m_i \times n_i}$ are $N(0, 1)$; columns are not normalised. Mode $i$ has a uniformly random support
    of size $k_i$. With `amplitudes="kronecker"` the values are $x = x_1 \otimes \dots \otimes x_p$ with $N(0, 1)$ entries on the supports,
    with `"independent"` they are independent $N(0, 1)$ on the product of the supports. The noise is Gaussian with
    variance $\|H x\|^2 / (m\, 10^{\mathrm{snr}/10})$, that is, `snr` decibels for every single instance.

    Row counts, sparsities, `snr` and the law of the values are traced. Rows of a smaller count are the first rows of a larger.
    The truth is the tensor $x$; there is no ambiguity.

    Source: Y. He and G. Joseph, "Bayesian Algorithms for Kronecker-structured Sparse Vector Recovery With Application to
    IRS-MIMO Channel Estimation", IEEE Transactions on Signal Processing (2024) (he2024), and the public code of its authors.
    """

    dimensions: tuple[int, ...] = eqx.field(static=True)
    samples: tuple[Int[Array, ""], ...]
    sparsity: tuple[Int[Array, ""], ...]
    snr: Real = leaf(rule="decibels")
    # A traced choice: both laws share one program, since drawing each costs nothing next to a design.
    law: Whole = leaf()

    def __init__(self, dimensions, samples, sparsity, snr=np.inf, amplitudes: str = "kronecker"):
        r"""**Arguments:**

        - `dimensions`: the mode sizes $n_i$, a tuple.
        - `samples`: the row counts $m_i$, one per mode.
        - `sparsity`: the support sizes $k_i$, one per mode or one for all.
        - `snr`: signal-to-noise ratio in decibels; infinite without noise.
        - `amplitudes`: `"kronecker"` or `"independent"`.

        **Raises:** `ValueError` for an impossible size or an unknown law.
        """
        self.dimensions = as_sizes(
            "KroneckerSparse", "dimensions", dimensions, None, "positive integers, one per mode, are allowed"
        )
        modes = len(self.dimensions)
        sparsity = tuple(sparsity) if _is_several(sparsity) else (sparsity,) * modes
        samples = tuple(samples) if _is_several(samples) else (samples,)
        for name, values in (("samples", samples), ("sparsity", sparsity)):
            if len(values) != modes:
                raise ValueError(f"KroneckerSparse: `{name}` is {values}; {modes} integers, one per mode, are allowed.")
            for mode, value in enumerate(values):
                most = self.dimensions[mode] if name == "sparsity" else None
                require_integer("KroneckerSparse", name, value, 1, most, "the mode size")
        require_name("KroneckerSparse", "amplitudes", amplitudes, KRONECKER_AMPLITUDES)
        self.samples = tuple(as_leaf(value) for value in samples)
        self.sparsity = tuple(as_leaf(value) for value in sparsity)
        self.snr, self.law = snr, KRONECKER_AMPLITUDES.index(amplitudes)
        self.capacities = concrete_capacities(**{f"samples_{mode}": value for mode, value in enumerate(samples)})

    def design(self, key: Key[Array, ""]) -> Factors:
        """One matrix per mode, of shape (capacity of its row count, mode size)."""
        rows = [capacity(self, f"samples_{mode}") for mode in range(len(self.dimensions))]
        shape = (max(rows), max(self.dimensions))
        # One batched draw compiles in a third of the time of one per mode.
        blocks = jax.vmap(lambda each: draws.normal(each, shape))(draws.split(key, len(rows)))
        return tuple(blocks[mode, : rows[mode], :size] for mode, size in enumerate(self.dimensions))

    def observe(self, key: Key[Array, ""], design: Factors) -> tuple[KroneckerProblem, Float[Array, "..."]]:
        """A sparse tensor and its noisy observations; the truth is the tensor."""
        masks = [row_mask(rows, factor.shape[0]) for rows, factor in zip(self.samples, design, strict=True)]
        factors = tuple(jnp.where(mask[:, None], factor, 0) for mask, factor in zip(masks, design, strict=True))
        # Compiling a draw takes longer than a solver's step: one holds all that no capacity measures.
        key_signal, key_noise = draws.split(key)
        splits = np.cumsum([*self.dimensions, *self.dimensions])
        numbers = draws.normal(key_signal, (int(splits[-1]) + math.prod(self.dimensions),))
        *pieces, free = jnp.split(numbers, splits)
        modes = len(self.dimensions)
        structured, free = outer(pieces[:modes]), free.reshape(self.dimensions)
        supports = [
            jnp.argsort(jnp.argsort(scores)).astype(jnp.int32) < nonzeros
            for scores, nonzeros in zip(pieces[modes:], self.sparsity, strict=True)
        ]
        support = outer(_zeros_and_ones(structured.dtype, supports)) > 0
        truth = jnp.where(support, jnp.where(self.law == 0, structured, free), 0)
        signal = mode_products(factors, truth)
        live = outer(_zeros_and_ones(structured.dtype, masks))
        observed = jnp.sum(live)
        noise = jnp.sqrt(squared_norm(signal) / observed * 10.0 ** (-self.snr / 10))
        observations = signal + noise * live * draws.normal_tensor(key_noise, signal.shape)
        problem = KroneckerProblem(
            factors,
            observations,
            samples=observed.astype(jnp.int32),
            noise=noise,
            mode_sparsity=jnp.stack(self.sparsity),
        )
        return problem, truth

    @property
    def amplitudes(self) -> str:
        """Name of the law of the values."""
        return KRONECKER_AMPLITUDES[int(self.law)]

    def error(self, truth: Float[Array, "..."], estimate: Float[Array, "..."]) -> Float[Array, ""]:
        r"""Squared relative error $\|\hat x - x\|^2 / \|x\|^2$ (NMSE)."""
        return normalised_square_error(truth, estimate)

    def metrics(self, truth: Float[Array, "..."], estimate: Float[Array, "..."]) -> dict[str, Float[Array, ""]]:
        """The overlap of the supports, `support_recovery`."""
        return {"support_recovery": support_recovery(truth, estimate)}


def normalised_square_error(truth: Array, estimate: Array) -> Float[Array, ""]:
    r"""$\|\hat x - x\|^2 / \|x\|^2$ for real or complex tensors; $\|\hat x\|^2$ when the truth is zero."""
    miss = squared_norm(estimate - truth)
    return ratio(miss, squared_norm(truth), miss)


def support_recovery(truth: Array, estimate: Array) -> Float[Array, ""]:
    r"""$|\hat S \cap S| / |\hat S \cup S|$, with $\hat S$ the entries larger than $10^{-3} \max |\hat x|$; 1 when both are empty."""
    sizes = jnp.abs(estimate)
    found, true = sizes > _FOUND * jnp.max(sizes), truth != 0
    both, either = jnp.sum(found & true), jnp.sum(found | true)
    return jnp.where(either > 0, both / jnp.maximum(either, 1), 1).astype(sizes.dtype)


def _is_several(sizes) -> bool:
    return isinstance(sizes, (tuple, list)) or getattr(sizes, "ndim", 0) == 1


def _zeros_and_ones(dtype, masks):
    """Masks as vectors of zeros and ones."""
    return [mask.astype(dtype) for mask in masks]
