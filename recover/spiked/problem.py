"""Symmetric matrices and tensors in which one direction is hidden: what a solver may see."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..core.data import as_data, in_dtype, in_one_dtype, number
from ..core.leaves import is_concrete
from ..core.problem import AbstractProblem
from ..scalar.priors import AbstractPrior

__all__ = ["SpikedProblem"]

# Entries that differ by less than this share of the largest one are taken to be equal.
_ROUNDING = 1e-5


class SpikedProblem(AbstractProblem):
    r"""A symmetric matrix or tensor of order three, $Y = \lambda\, v^{\otimes k} + \sqrt{k / n}\, \mathrm{Sym}(G)$ with $\|v\| = 1$.

    $\mathrm{Sym}$ is the mean over permutations of the axes and $G$ standard normal: for $k = 2$ off-diagonal entries have variance
    $1 / n$, so that the spectrum of the noise ends at 2. Estimates are of $x = \sqrt n\, v$, in any scale; for $k = 2$ of either sign.
    Tensors need not be symmetric for power iteration and unfolding, which contract all axes but the first.

    - `observations`: $Y$, of shape (n,) * k.
    - `signal_strength`: $\lambda$, and `prior`, the law of entries of $x$ (of `recover.priors`): what an analyst may know.
      Message passing needs both.
    - `known_signal`: $x$, where it is known besides. Only starts that say so read it; it is the `oracle`.

    **Raises:** `ValueError` for data that are no symmetric matrix or cubic tensor of order three, an entry that is not finite, or an impossible number.
    """

    observations: Float[Array, "..."]
    signal_strength: Float[Array, ""] | None
    prior: AbstractPrior | None

    def __init__(self, observations, *, signal_strength=None, prior=None, known_signal=None):
        owner = type(self).__name__
        cubic = getattr(observations, "ndim", 2) == 3
        found = as_data(owner, "observations", observations, "n n n" if cubic else "n n")
        if len(set(found.shape)) != 1:
            raise ValueError(f"{owner}: `observations` has shape {found.shape}; (n, n) or (n, n, n) is allowed.")
        (found,) = in_one_dtype(owner, observations=found)
        if not cubic and is_concrete(found):
            entries = np.asarray(found, float)
            apart = np.max(np.abs(entries - entries.T))
            if apart > _ROUNDING * np.max(np.abs(entries)):
                raise ValueError(
                    f"{owner}: `observations` is not symmetric: opposite entries differ by up to {apart:.3g}; a symmetric "
                    "matrix is allowed."
                )
        self.observations = found
        strength = signal_strength
        self.signal_strength = (
            None if strength is None else number(owner, "signal_strength", strength, "nonnegative", found.dtype)
        )
        self.prior = prior
        self.oracle = None
        if known_signal is not None:
            signal = as_data(owner, "known_signal", known_signal, "n")
            if signal.shape != found.shape[:1]:
                raise ValueError(
                    f"{owner}: `known_signal` has shape {signal.shape}; {found.shape[:1]}, an entry for every row of "
                    "`observations`, is allowed."
                )
            self.oracle = in_dtype(owner, "known_signal", signal, found.dtype)

    @property
    def order(self) -> int:
        """The number $k$ of axes (static)."""
        return self.observations.ndim

    @property
    def dimension(self) -> int:
        """The number $n$ of entries of the unknown (static)."""
        return self.observations.shape[0]

    @property
    def mask(self) -> Bool[Array, ""]:
        """All entries are data."""
        return jnp.ones((), bool)

    @property
    def count(self) -> Float[Array, ""]:
        """The number of entries."""
        return jnp.asarray(self.observations.size, self.observations.dtype)

    def contracted(self, x: Float[Array, " n"]) -> Float[Array, " n"]:
        r"""$Y(x, \dots, x)$ with one axis left: for a matrix the product."""
        found = self.observations
        for _ in range(self.order - 1):
            found = found @ x
        return found

    def spectral_product(self, x: Float[Array, " n"]) -> Float[Array, " n"]:
        r"""The product with $Y$, or with $M M^\top$ for the unfolding $M$ of a tensor, of shape $(n, n^2)$."""
        if self.order == 2:
            return self.observations @ x
        unfolded = self.observations.reshape(self.dimension, -1)
        return unfolded @ (x @ unfolded)
