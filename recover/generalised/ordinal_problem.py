"""Ordered responses: what a solver may see."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..core.data import as_data, in_one_dtype, require_same_labels
from ..core.fields import integer
from ..core.problem import AbstractRowProblem

__all__ = ["OrdinalProblem"]


class OrdinalProblem(AbstractRowProblem):
    r"""Rows $x_i \in \mathbb{R}^p$ and their ordered classes, as rows of zeros with a single one. Rows from `samples` on are zero."""

    inputs: Float[Array, "rows dimension"]
    observations: Float[Array, "rows classes"]
    samples: Int[Array, ""] = integer(1, most="rows")

    def __init__(self, inputs, observations, *, samples=None):
        """**Arguments:**

        - `inputs`: matrix of shape (n, p), one input a row.
        - `observations`: n classes, whole numbers from 0 on in their order, of which each appears; or a matrix of shape
          (n, classes) with a one in each row.
        - `samples`: how many leading rows are data; all by default.

        **Raises:** `ValueError` when shapes do not fit, a class is missing or a number is impossible, `TypeError` for what is no
        array of real numbers.
        """
        owner = type(self).__name__
        require_same_labels(owner, "inputs", inputs, "observations", observations)
        inputs = as_data(owner, "inputs", inputs, "n p")
        observations = as_data(owner, "observations", observations, "n classes", "n")
        if observations.ndim == 1:
            observations = _one_hot(owner, observations)
        if observations.shape[0] != inputs.shape[0] or observations.shape[1] < 2:
            raise ValueError(
                f"{owner}: `observations` has shape {observations.shape} and `inputs` {inputs.shape}; as many rows, of at "
                "least two classes, are allowed."
            )
        self.inputs, self.observations = in_one_dtype(owner, inputs=inputs, observations=observations)
        self.samples = inputs.shape[0] if samples is None else samples

    @property
    def rows(self) -> int:
        """Padded number of rows (static)."""
        return self.observations.shape[0]


def _one_hot(owner: str, labels) -> Array:
    known = np.asarray(labels)
    classes = np.unique(known)
    if len(classes) < 2 or not np.array_equal(classes, np.arange(len(classes))):
        raise ValueError(
            f"{owner}: `observations` has the classes {classes[:6].tolist()}; 0, 1, ... without a gap, at least two, are allowed."
        )
    return jnp.asarray(known[:, None] == classes[None, :], jnp.zeros(()).dtype)
