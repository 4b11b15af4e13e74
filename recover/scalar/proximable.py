"""What a proximal method needs of a penalty."""

import abc

from jaxtyping import Array, ArrayLike, Float, PyTree

from ..core.fields import AbstractModule

__all__ = ["AbstractArrayPenalty", "AbstractProximable"]


class AbstractProximable(AbstractModule):
    r"""A function $p$, perhaps infinite somewhere, that has a proximal map: derive from it for a penalty of your own.

    In a `CompositeProblem` it is given the whole of what it stands for: the unknown, or the part of it in its place.
    """

    @abc.abstractmethod
    def value(self, x: PyTree) -> Float[Array, ""]:
        """$p(x)$, infinite outside of a constraint."""

    @abc.abstractmethod
    def proximal(self, v: PyTree, step: ArrayLike) -> PyTree:
        r"""A minimiser of $\frac12 \|u - v\|^2 + \text{step} \cdot p(u)$ over $u$: for a constraint the projection."""


class AbstractArrayPenalty(AbstractProximable):
    """A penalty of one real array; of a pytree the sum over its arrays."""
