"""The elastic net."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..core.fields import Real, leaf
from .penalties import AbstractMagnitudePenalty

__all__ = ["ElasticNet"]


class ElasticNet(AbstractMagnitudePenalty):
    r"""The absolute value and the square, $p(u) = \lambda \left(\rho |u| + \frac{1 - \rho}{2} u^2\right)$.

    $$\mathrm{prox}(v) = \mathrm{sign}(v)\, \frac{(|v| - \mu\lambda\rho)_+}{1 + \mu\lambda (1 - \rho)} .$$

    - `strength`: $\lambda \ge 0$, a scalar, or an array of the shape of the input.
    - `share`: $\rho$ from 0 (ridge) to 1 (`L1`); `l1_ratio` in scikit-learn.
    - `nonnegative`: restricts $u$ to $u \ge 0$.

    **Raises:** `ValueError` for parameters outside these ranges or not finite.

    Source: Zou and Hastie (zou2005).
    """

    strength: Float[Array | np.ndarray, "..."] = leaf(rule="nonnegative")
    share: Real = leaf(0.5, "closed probability")
    nonnegative: bool = eqx.field(static=True, default=False)

    def magnitude_value(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        """The two parts, summed."""
        strength, share = self._parameters(magnitude)
        return strength * (share * magnitude + (1 - share) / 2 * magnitude**2)

    def shrink(self, magnitude: Float[Array, "..."], step: Float[Array, "..."]) -> Float[Array, "..."]:
        """Soft thresholding, and a factor."""
        strength, share = self._parameters(magnitude)
        return jnp.maximum(magnitude - step * strength * share, 0) / (1 + step * strength * (1 - share))

    def derivative(self, magnitude: Float[Array, "..."]) -> Float[Array, "..."]:
        r"""$\lambda (\rho + (1 - \rho) |u|)$."""
        strength, share = self._parameters(magnitude)
        return strength * (share + (1 - share) * magnitude)

    def _parameters(self, magnitude):
        return jnp.asarray(self.strength, magnitude.dtype), jnp.asarray(self.share, magnitude.dtype)
