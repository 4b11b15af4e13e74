"""What an estimate for a target task is."""

import equinox as eqx
from jaxtyping import Array, Float


class TargetFit(eqx.Module):
    """A basis of orthonormal columns in which the target is thought to lie, and coefficients of the target."""

    basis: Float[Array, "dimension rank"]
    target: Float[Array, " dimension"]
