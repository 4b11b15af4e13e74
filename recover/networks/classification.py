"""What a solver may see of a classification problem: inputs and labels."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..core.checks import require_integer
from ..core.data import MOST_DENSE, as_data, in_one_dtype, require_same_labels, shown
from ..core.fields import integer
from ..core.leaves import is_concrete
from ..core.problem import AbstractProblem
from ..core.sizes import row_mask
from ..core.units import Units, exact_unit_of, root_mean_square
from .network import Network

__all__ = ["ClassificationProblem"]


# Shares of classes sum to one up to this.
_ROUNDING = 1e-3
# Root mean squares of inputs that count as one.
_ORDINARY = (0.25, 4.0)


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
        inputs,
        observations,
        *,
        samples=None,
    ):
        """**Arguments:**

        - `inputs`: matrix of shape (n, d), one input per row.
        - `observations`: matrix of shape (n, classes), a one in each row at its class (or shares of classes, which sum to one), or
          n whole numbers: classes from 0 on, or the two labels -1 and 1, which become the classes 0 and 1.
        - `samples`: how many leading rows are data; all by default.

        **Raises:** `ValueError` when shapes do not fit, an entry is not finite or a number is impossible, `TypeError` for
        complex data and for what is no array of numbers.
        """
        owner = type(self).__name__
        require_same_labels(owner, "inputs", inputs, "observations", observations)
        inputs = as_data(owner, "inputs", inputs, "n d")
        observations = as_data(owner, "observations", observations, "n classes", "n")
        if observations.shape[0] != inputs.shape[0]:
            raise ValueError(
                f"{owner}: `inputs` and `observations` have shapes {inputs.shape} and {observations.shape}; (n, d) and "
                "(n, classes) are allowed."
            )
        require_integer(owner, "samples", samples, 1, inputs.shape[0], "the number of rows")
        observations = (
            _one_hot(owner, observations) if observations.ndim == 1 else _checked(owner, observations, samples)
        )
        (self.inputs,) = in_one_dtype(owner, inputs=inputs)
        self.observations = jnp.asarray(observations).astype(self.inputs.dtype)
        self.samples = inputs.shape[0] if samples is None else samples

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
        return jnp.asarray(self.samples, self.observations.dtype)

    def units(self) -> Units:
        """The root mean square of the inputs, for which random weights and learning rates are made."""
        size = root_mean_square(self.inputs)
        return Units(exact_unit_of(size, *_ORDINARY), jnp.ones_like(size))

    def in_units(self, units: Units, columns: bool) -> "ClassificationProblem":
        """The inputs in their unit."""
        return eqx.tree_at(lambda problem: problem.inputs, self, self.inputs / units.operator)

    def restored(self, value: Network, units: Units) -> Network:
        """The network for the inputs as they were given, whose first weights differ."""
        return eqx.tree_at(lambda network: network.weights[0], value, value.weights[0] / units.operator)

    def unrestored(self, value: Network | tuple[Array, Array], units: Units) -> Network | tuple[Array, Array]:
        """The inverse of `restored`; of data that were held back to test with, a pair, the inputs in `units`."""
        if not isinstance(value, Network):
            inputs, classes = value
            return inputs / units.operator, classes
        return eqx.tree_at(lambda network: network.weights[0], value, value.weights[0] * units.operator)

    @property
    def dimension(self) -> int:
        """Length of the inputs (static)."""
        return self.inputs.shape[1]

    @property
    def classes(self) -> int:
        """Number of classes (static)."""
        return self.observations.shape[1]


def _one_hot(owner: str, labels):
    """Rows of zeros with a one at the class."""
    allowed = "whole numbers from 0 on, or -1 and 1, are allowed"
    if not is_concrete(labels):
        raise ValueError(
            f"{owner}: `observations` are traced labels, whose number of classes is unknown; give (n, classes)."
        )
    found = np.asarray(labels).astype(np.float64)
    values = np.unique(found)
    if np.array_equal(values, (-1, 1)):
        found = (found + 1) / 2
    elif values[0] < 0 or np.any(values != np.floor(values)):
        wrong = values[0] if values[0] < 0 else values[values != np.floor(values)][0]
        raise ValueError(f"{owner}: `observations` holds the label {wrong:g}; {allowed}.")
    classes = int(found.max()) + 1
    if classes * len(found) > MOST_DENSE:
        raise ValueError(
            f"{owner}: `observations` holds the label {classes - 1}, which makes {classes} classes for {len(found)} rows; "
            "number the classes from 0 on."
        )
    return jax.nn.one_hot(found.astype(np.int32), classes)


def _checked(owner: str, classes, samples):
    """Rows that are shares of classes; those past `samples` may be zero."""
    if is_concrete(classes) and (samples is None or is_concrete(samples)):
        shares = np.asarray(classes).astype(np.float64)
        rows = shares if samples is None else shares[: int(np.max(samples))]
        wrong = np.any(rows < 0, axis=1) | (np.abs(rows.sum(axis=1) - 1) > _ROUNDING)
        if np.any(wrong):
            first = int(np.argmax(wrong))
            raise ValueError(
                f"{owner}: `observations` is {shown(rows[first].tolist())} in row {first}; shares of classes, at least 0 and "
                "of sum 1, are allowed."
            )
    return classes
