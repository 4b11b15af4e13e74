r"""What first-order methods of phase retrieval descend: rules for the weights of the rows, and their steps.

A step is $x \leftarrow x - \frac{\mu_t}{m} A^* g$ with $g_i$ a function of $z_i = (A x)_i$ and of the modulus $b_i$; numbers in rules are
array leaves, so they can be swept. Units are those of entries of mean square one, in which $\overline{b^2}$ estimates $\|x_0\|^2$.
"""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Int

from ..core.checks import require_name
from ..core.fields import AbstractModule, Real, Whole, integer, leaf
from ..core.numbers import norm, ratio
from .phases import modulus, phase, times
from .problem import PhaselessProblem

__all__ = [
    "LOSSES",
    "AbstractPhaselessLoss",
    "AmplitudeLoss",
    "ChosenLoss",
    "IntensityLoss",
    "ReweightedAmplitudeLoss",
    "TruncatedAmplitudeLoss",
    "TruncatedPoissonLoss",
    "as_loss",
]


class AbstractPhaselessLoss(AbstractModule):
    r"""A rule for $g$ and for the step $\mu_t$."""

    @abc.abstractmethod
    def slopes(
        self, problem: PhaselessProblem, x: Inexact[Array, " dimension"], z: Inexact[Array, " rows"]
    ) -> Inexact[Array, " rows"]:
        """The vector g at x, with z = A x."""

    @abc.abstractmethod
    def step(self, problem: PhaselessProblem, number: Int[Array, ""]) -> Float[Array, ""]:
        """The length of a step, by its number from 0 on."""


class IntensityLoss(AbstractPhaselessLoss):
    r"""Wirtinger flow: $g = (|z|^2 - b^2) z / \overline{b^2}$, of $\frac1{4m} \sum_i (|z_i|^2 - b_i^2)^2$ (candes2015).

    $\mu_t = \min(1 - e^{-(t + 1) / \tau}, \mu)$ with $\tau$ = `delay`.
    """

    step_size: Real = leaf(0.2, "positive")
    delay: Real = leaf(330.0, "positive")

    def slopes(self, problem, x, z):
        """The excess of the intensities times the products."""
        excess = modulus(z) ** 2 - problem.observations**2
        return times(excess * ratio(1, problem.power), z)

    def step(self, problem, number):
        """It grows with the number of the step."""
        time = (number + 1).astype(problem.observations.dtype)
        return jnp.minimum(-jnp.expm1(-time / self.delay), self.step_size)


class TruncatedPoissonLoss(AbstractPhaselessLoss):
    r"""Truncated Wirtinger flow: $g = 2 (|z|^2 - b^2) / \bar z$ for rows that are neither small nor surprising (chen2017).

    Those with $\alpha_- \le |z| / \|x\| \le \alpha_+$ and $||z|^2 - b^2| \le \alpha_h K |z| / \|x\|$, $K$ the mean of
    $||z|^2 - b^2|$: `lower`, `upper` and `surprise`.
    """

    step_size: Real = leaf(0.2, "positive")
    lower: Real = leaf(0.3, "positive")
    upper: Real = leaf(5.0, "positive")
    surprise: Real = leaf(5.0, "positive")

    def slopes(self, problem, x, z):
        """Of the rows that are kept."""
        size = modulus(z)
        excess = size**2 - problem.observations**2
        relative = size * ratio(1, norm(x))
        mean = jnp.sum(jnp.abs(excess)) / problem.count
        kept = (
            (relative >= self.lower) & (relative <= self.upper) & (jnp.abs(excess) <= self.surprise * mean * relative)
        )
        return times(jnp.where(kept, 2 * excess * ratio(1, size**2), 0), z)

    def step(self, problem, number):
        """Constant."""
        return self.step_size


class AmplitudeLoss(AbstractPhaselessLoss):
    r"""Amplitude flow: $g = z - b\, z / |z|$, of $\frac1{2m} \sum_i (|z_i| - b_i)^2$ (wang2018).

    The step is by default 0.6 of real and 1 of complex data.
    """

    step_size: Real | None = leaf(None, "positive")

    def slopes(self, problem, x, z):
        """The products less those with the given moduli."""
        return z - times(problem.observations, phase(z))

    def step(self, problem, number):
        """Constant, by the field."""
        return _of_field(self.step_size, problem, 0.6, 1.0)


class TruncatedAmplitudeLoss(AbstractPhaselessLoss):
    r"""Truncated amplitude flow: that for rows with $|z| \ge b / (1 + \gamma)$, `threshold` (wang2018); steps as there."""

    step_size: Real | None = leaf(None, "positive")
    threshold: Real = leaf(0.7, "positive")

    def slopes(self, problem, x, z):
        """Of the rows that are kept."""
        kept = modulus(z) * (1 + self.threshold) >= problem.observations
        return jnp.where(kept, z - times(problem.observations, phase(z)), 0)

    def step(self, problem, number):
        """Constant, by the field."""
        return _of_field(self.step_size, problem, 0.6, 1.0)


class ReweightedAmplitudeLoss(AbstractPhaselessLoss):
    r"""Reweighted amplitude flow: that times $|z| / (|z| + \beta b)$, `offset` (wang2017).

    By default the step is 2 and the offset 10 of real data, and both are 5 of complex data: there the authors' 10 takes twice
    the steps.
    """

    step_size: Real | None = leaf(None, "positive")
    offset: Real | None = leaf(None, "positive")

    def slopes(self, problem, x, z):
        """With weights."""
        size = modulus(z)
        offset = _of_field(self.offset, problem, 10.0, 5.0)
        weight = size * ratio(1, size + offset * problem.observations)
        return times(weight, z - times(problem.observations, phase(z)))

    def step(self, problem, number):
        """Constant, by the field."""
        return _of_field(self.step_size, problem, 2.0, 5.0)


class ChosenLoss(AbstractPhaselessLoss):
    """One of several rules with a traced number: a sweep over kinds of rules is one program. All are computed in every step.

    - `choice`: from 0 to the number of rules less one.
    - `losses`: what is chosen from.

    **Raises:** `ValueError` for a number that is none of these.
    """

    choice: Whole = integer(0, most="last")
    losses: tuple[AbstractPhaselessLoss, ...]

    @property
    def last(self) -> int:
        """The number of the last rule."""
        return len(self.losses) - 1

    def slopes(self, problem, x, z):
        """Of the rule that is chosen."""
        return jax.lax.select_n(jnp.asarray(self.choice), *(each.slopes(problem, x, z) for each in self.losses))

    def step(self, problem, number):
        """Of the rule that is chosen."""
        steps = [jnp.asarray(each.step(problem, number), problem.observations.dtype) for each in self.losses]
        return jax.lax.select_n(jnp.asarray(self.choice), *steps)


LOSSES = {
    "intensity": IntensityLoss,
    "truncated poisson": TruncatedPoissonLoss,
    "amplitude": AmplitudeLoss,
    "truncated amplitude": TruncatedAmplitudeLoss,
    "reweighted amplitude": ReweightedAmplitudeLoss,
}


def as_loss(loss) -> AbstractPhaselessLoss:
    """A rule as it is; the one of a name with its defaults.

    **Raises:** `ValueError` for an unknown name.
    """
    if isinstance(loss, str):
        require_name("PhaselessFlow", "loss", loss, LOSSES)
        return LOSSES[loss]()
    return loss


def _of_field(given, problem: PhaselessProblem, real: float, complex_: float) -> Float[Array, ""]:
    if given is not None:
        return given
    return jnp.asarray(complex_ if problem.complex_data else real, problem.observations.dtype)
