"""What every problem is: observations, which of them are data, and what an unknown would have given."""

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped

from .fields import AbstractModule
from .leaves import floating_dtype
from .sizes import row_mask

if TYPE_CHECKING:
    from .solver import AbstractSolver
    from .units import Units


class AbstractProblem(AbstractModule):
    """What a solver may see: data and what an analyst may be assumed to know, never the truth.

    One vocabulary for all: the data are `observations`, of which `mask` are no padding and `count` is the number;
    `forward(x)` is what they would be for the unknown `x` without noise, `residual(x)` what it leaves unexplained, and
    `adjoint(z)` the transpose of a linear `forward`. What an oracle baseline may know besides (gains, the loss at the
    truth) is in `oracle`, which no other solver reads.
    """

    observations: eqx.AbstractVar[Array]
    oracle: PyTree = eqx.field(default=None, kw_only=True)

    @property
    @abc.abstractmethod
    def mask(self) -> Shaped[Array, "..."]:
        """Which observations are data and no padding; broadcasts against `observations`."""

    @property
    @abc.abstractmethod
    def count(self) -> Shaped[Array, ""]:
        """Number of observations that are data, in their (real) dtype."""

    def forward(self, x: PyTree) -> Array:
        """The observations of `x` without noise, zero where they are padding.

        **Raises:** `NotImplementedError` for a problem that is not given by a map of an unknown.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `forward`: its data are no function of one unknown.")

    def adjoint(self, z: Array) -> PyTree:
        """The transpose (complex: the adjoint) of `forward`, applied to one number per observation.

        **Raises:** `NotImplementedError` for a problem whose `forward` is not linear.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `adjoint`: `forward` is not linear.")

    def residual(self, x: PyTree) -> Array:
        """Observations minus `forward(x)`."""
        return self.observations - self.forward(x)

    def require_taken(self, where: str, solver: "AbstractSolver") -> None:
        """Raises `TypeError` for a solver of problems of this kind that does not take these data; all do, here."""
        return None

    def units(self) -> "Units | None":
        """The units in which the data are of order one; `None` for problems that are solved in their own."""
        return None

    def in_units(self, units: "Units", columns: bool) -> "AbstractProblem":
        """The same problem with its data divided by `units`, and with columns of one norm if `columns` and theirs differ.

        **Raises:** `NotImplementedError` for a problem without units.
        """
        raise NotImplementedError(f"{type(self).__name__} has no units.")

    def weights(self, units: "Units") -> Array:
        """By what `in_units` multiplied the operator, or its columns."""
        return 1 / units.operator

    def restored(self, value: PyTree, units: "Units") -> PyTree:
        """An estimate of a problem that `in_units` made, in the units of the problem that it was made of."""
        raise NotImplementedError(f"{type(self).__name__} has no units.")

    def unrestored(self, value: PyTree, units: "Units") -> PyTree:
        """The inverse of `restored`."""
        raise NotImplementedError(f"{type(self).__name__} has no units.")


class AbstractLossProblem(AbstractProblem):
    """A loss of an unknown, given as a whole: the problem has no observations of its own, and a point to start from."""

    loss: eqx.AbstractVar[Callable[[PyTree], Array]]
    start: eqx.AbstractVar[PyTree]

    @property
    def observations(self) -> Float[Array, "0"]:
        """An empty vector: the loss holds what data there are."""
        return jnp.zeros(0, floating_dtype(self.start))

    @property
    def mask(self) -> Bool[Array, "0"]:
        """An empty mask."""
        return jnp.zeros(0, bool)

    @property
    def count(self) -> Float[Array, ""]:
        """Zero, the number of observations."""
        return jnp.zeros((), floating_dtype(self.start))


class AbstractRowProblem(AbstractProblem):
    """A problem whose observations are rows, of which the first `samples` are data and the others padding."""

    samples: eqx.AbstractVar[Int[Array, ""]]

    @property
    def mask(self) -> Bool[Array, " rows"]:
        """Which rows are data."""
        return row_mask(self.samples, self.observations.shape[0])

    @property
    def count(self) -> Float[Array, ""]:
        """Number of rows that are data, `samples` as a real number."""
        return self.samples.astype(floating_dtype(self.observations))
