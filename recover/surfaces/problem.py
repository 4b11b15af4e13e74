"""What a solver may see of a surface: one value per cell of a regular grid, with its scale."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..core.data import as_data, in_one_dtype, number, require_finite
from ..core.fields import Real, leaf
from ..core.leaves import is_concrete
from ..core.problem import AbstractProblem
from .jumps import Surface

__all__ = ["SurfaceProblem"]


class SurfaceProblem(AbstractProblem):
    r"""Values of an unknown function on the cells of a regular grid over $d$ axes, with jumps wherever it likes.

    `observations` are scaled, $y = (Y - \ell) / (u - \ell)$ with the bounds $\ell < u$ of the outcomes, so that
    hyper-parameters mean the same for every unit of measurement; `outcomes` undoes the scaling, and estimates are made in the
    units of the outcomes. Cells have the side `spacing` along every axis; the longest side of the grid has length one unless
    told otherwise. Nothing is padding.
    """

    observations: Float[Array, "*cells"]
    lower: Real
    upper: Real
    spacing: Real = leaf(rule="positive")

    def __init__(self, values, *, lower=None, upper=None, spacing=None):
        r"""**Arguments:**

        - `values`: array with one axis of at least two cells per dimension: means of outcomes, holes filled
          (`recover.surfaces.gridding.grid_means` makes one from scattered points).
        - `lower`, `upper`: the outcomes that become 0 and 1; the extremes of `values` by default.
        - `spacing`: side of a cell; one over the longest side by default.

        **Raises:** `ValueError` for a grid without axes or with an axis shorter than two cells, holes, bounds that are not in
        order or an impossible spacing; `TypeError` for complex data and for what is no array of numbers.
        """
        owner = type(self).__name__
        values = as_data(owner, "values", values, "...", finite=False)
        if values.ndim == 0 or min(values.shape) < 2:
            raise ValueError(f"{owner}: `values` has shape {values.shape}; at least two cells per axis are allowed.")
        try:
            require_finite(owner, "values", values)
        except ValueError as error:
            message = "Holes are filled by `recover.surfaces.gridding.fill_empty(values, known)`."
            raise ValueError(f"{error} {message}") from None
        (values,) = in_one_dtype(owner, values=values)
        dtype = values.dtype
        self.lower = jnp.min(values) if lower is None else number(owner, "lower", lower, "finite", dtype)
        self.upper = jnp.max(values) if upper is None else number(owner, "upper", upper, "finite", dtype)
        if is_concrete(lower) and is_concrete(upper) and np.asarray(lower) > np.asarray(upper):
            raise ValueError(f"{owner}: `lower` is {lower} and `upper` is {upper}; lower <= upper is allowed.")
        spacing = 1 / max(values.shape) if spacing is None else spacing
        self.spacing = number(owner, "spacing", spacing, "positive", dtype)
        self.observations = (values - self.lower) / self.range

    @property
    def mask(self) -> Bool[Array, "*cells"]:
        """All cells are data."""
        return jnp.ones(self.cells, bool)

    @property
    def count(self) -> Real:
        """Number of cells, as a real number."""
        return jnp.asarray(self.observations.size, self.observations.dtype)

    def forward(self, x: Surface) -> Float[Array, "*cells"]:
        """The scaled values of a surface in the units of the outcomes."""
        return (x.values - self.lower) / self.range

    @property
    def range(self) -> Real:
        """The outcomes' range, one where it vanishes."""
        width = self.upper - self.lower
        return jnp.where(width > 0, width, 1)

    @property
    def cells(self) -> tuple[int, ...]:
        """Numbers of cells per axis (static)."""
        return self.observations.shape

    def outcomes(self, scaled: Float[Array, "*cells"]) -> Float[Array, "*cells"]:
        """Scaled values in the units of the outcomes; where these are all one value, that."""
        return self.lower + jnp.where(self.upper > self.lower, self.range, 0) * scaled
