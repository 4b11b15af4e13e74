"""What a solver may see of a classification problem: inputs and labels."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from ..core.fields import integer
from ..core.leaves import floating_dtype
from ..core.problem import AbstractProblem
from ..core.sizes import row_mask

__all__ = ["ClassificationProblem"]


class ClassificationProblem(AbstractProblem):
    r"""Rows $x_i \in \mathbb{R}^d$ and their classes, as rows of zeros with a single one.

    Rows from `samples` on are padding, zero in `observations`. Inputs are never masked, so that lanes with different
    numbers of samples share them: solvers do not look at those rows.
    """

    inputs: Float[Array, "rows dimension"]
    observations: Float[Array, "rows classes"]
    samples: Int[Array, ""] = integer(1, most="_rows", meaning="")

    def __init__(
        self,
        inputs: Shaped[Array | np.ndarray, "..."],
        observations: Shaped[Array | np.ndarray, "..."],
        *,
        samples=None,
    ):
        """**Arguments:**

        - `inputs`: matrix of shape (n, d), one input per row.
        - `observations`: matrix of shape (n, classes), a one in each row at its class, or n integer classes.
        - `samples`: how many leading rows are data; all by default.

        **Raises:** `ValueError` when shapes do not fit.
        """
        inputs, observations = jnp.asarray(inputs), jnp.asarray(observations)
        if observations.ndim == 1 and jnp.issubdtype(observations.dtype, jnp.integer):
            observations = jax.nn.one_hot(observations, int(observations.max()) + 1)
        if inputs.ndim != 2 or observations.ndim != 2 or observations.shape[0] != inputs.shape[0]:
            raise ValueError(
                "ClassificationProblem: `inputs` and `observations` have shapes "
                f"{inputs.shape} and {observations.shape}; (n, d) and (n, classes) are allowed."
            )
        dtype = floating_dtype(inputs)
        self.inputs, self.observations = inputs.astype(dtype), observations.astype(dtype)
        self.samples = jnp.asarray(inputs.shape[0] if samples is None else samples)

    @property
    def _rows(self) -> int:
        return self.inputs.shape[0]

    @property
    def mask(self) -> Bool[Array, "rows 1"]:
        """Which rows are data."""
        return row_mask(self.samples, self._rows)[:, None]

    @property
    def count(self) -> Float[Array, ""]:
        """Number of rows that are data, `samples` as a real number."""
        return self.samples.astype(self.observations.dtype)

    @property
    def dimension(self) -> int:
        """Length of the inputs (static)."""
        return self.inputs.shape[1]

    @property
    def classes(self) -> int:
        """Number of classes (static)."""
        return self.observations.shape[1]
