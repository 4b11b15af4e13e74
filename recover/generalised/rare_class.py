"""Ordered classes of which the last is rare."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from ..core import draws
from ..core.checks import is_number, require_name
from ..core.fields import Real, Size, Whole, count, leaf, size
from ..core.leaves import is_concrete
from ..core.model import AbstractModel
from ..core.sizes import capacity, row_mask
from .cumulative_logit import OrdinalCoefficients, class_probabilities
from .ordinal_problem import OrdinalProblem

__all__ = ["PlantedClasses", "RareClass"]

LAWS = ("sparse", "dense")
# Draws before coefficients are taken that do not pass.
_TRIES = 100


class PlantedClasses(eqx.Module):
    """Coefficients, and the inputs at which they are judged; rows that are no data are zero in `present`."""

    coefficients: OrdinalCoefficients
    inputs: Float[Array, "rows dimension"]
    present: Float[Array, " rows"]


class RareClass(AbstractModel[Array, OrdinalProblem, PlantedClasses]):
    r"""$P(y \le k \mid x) = \sigma(\alpha_k + x^\top \sum_{l \le k} \psi_l)$ with $x$ uniform on $[-1, 1]^p$, the last class rare.

    Differences are `sparse`, $\psi_{lj} = \pm \frac12$ with probability `density` and else zero (in the first row always
    $+\frac12$), or `dense`, uniform on $[-\frac12, \frac12]$. They are drawn again, up to a hundred times, until no class has a negative
    probability at any input and every class appears. The error is that of the rare probability at the inputs.

    `samples`, `density`, the law and the intercepts, which say how rare the last class is, are traced.

    Source: the generator of Faletto and Bien (faletto2023, section 4), which draws the inputs again, too.
    """

    dimension: int = count(1)
    samples: Size = size(1)
    intercepts: Float[Array, " boundaries"] = leaf()
    density: Real = leaf(1 / 3, "closed probability")
    law: Whole = leaf()

    def __init__(self, dimension: int, samples, intercepts=(0.0, 3.0, 5.0), density=1 / 3, differences: str = "sparse"):
        r"""**Arguments:**

        - `dimension`: number of inputs $p \ge 1$.
        - `samples`: number of rows $n \ge 1$.
        - `intercepts`: $\alpha_1 < \dots < \alpha_{K - 1}$.
        - `density`: probability that a sparse difference is not zero.
        - `differences`: `"sparse"` or `"dense"`.

        **Raises:** `ValueError` for an impossible number, an unknown name, or intercepts that do not increase.
        """
        require_name("RareClass", "differences", differences, LAWS)
        self.dimension, self.samples, self.density = dimension, samples, density
        given = isinstance(intercepts, (tuple, list)) and is_number(intercepts)
        self.intercepts = np.asarray(intercepts, float) if given else intercepts
        self.law = LAWS.index(differences)

    def check_together(self):
        """Intercepts increase."""
        if is_concrete(self.intercepts):
            known = np.asarray(self.intercepts)
            if known.ndim == 0 or known.shape[-1] < 2 or not np.all(np.diff(known) > 0):
                raise ValueError(f"RareClass: `intercepts` is {known}; at least two numbers that increase are allowed.")

    def design(self, key: Key[Array, ""]) -> Float[Array, "rows dimension"]:
        """The inputs."""
        return 2 * draws.uniform(key, (capacity(self, "samples"), self.dimension)) - 1

    def observe(self, key: Key[Array, ""], design) -> tuple[OrdinalProblem, PlantedClasses]:
        """Coefficients, and a class for every input."""
        rows = capacity(self, "samples")
        present = row_mask(self.samples, rows)
        inputs = jnp.where(present[:, None], design, 0)

        def more(state):
            tries, _, _, good = state
            return ~good & (tries < _TRIES)

        def again(state):
            tries = state[0]
            return tries + 1, *self._drawn(draws.fold_in(key, tries.astype(jnp.uint32)), inputs, present)

        first = (jnp.ones((), jnp.int32), *self._drawn(draws.fold_in(key, jnp.zeros((), jnp.uint32)), inputs, present))
        _, coefficients, classes, _ = jax.lax.while_loop(more, again, first)
        problem = OrdinalProblem(inputs, classes, samples=self.samples)
        return problem, PlantedClasses(coefficients, inputs, present.astype(inputs.dtype))

    def _drawn(
        self, key, inputs: Float[Array, "rows dimension"], present: Bool[Array, " rows"]
    ) -> tuple[OrdinalCoefficients, Float[Array, "rows classes"], Bool[Array, ""]]:
        """Coefficients, classes, and whether they pass."""
        key_support, key_signs, key_values, key_classes = draws.split(key, 4)
        shape = (self.intercepts.shape[-1], self.dimension)
        signs = draws.signs(key_signs, shape).at[0].set(1)
        sparse = jnp.where(draws.uniform(key_support, shape) < self.density, signs / 2, 0)
        dense = draws.uniform(key_values, shape) - 0.5
        differences = jnp.where(self.law == 0, sparse, dense)
        coefficients = OrdinalCoefficients(self.intercepts.astype(differences.dtype), differences)
        shares = class_probabilities(coefficients.logits(inputs))
        # The class whose cumulative probability first exceeds a uniform number.
        level = jnp.cumsum(shares, 1)[:, :-1] <= draws.uniform(key_classes, (len(inputs),))[:, None]
        place = jnp.sum(level, 1, dtype=jnp.int32)
        classes = place[:, None] == jnp.arange(shares.shape[1], dtype=jnp.int32)[None, :]
        classes = classes & present[:, None]
        good = jnp.all((shares >= 0) | ~present[:, None]) & jnp.all(jnp.any(classes, 0))
        return coefficients, classes.astype(inputs.dtype), good

    def error(self, truth: PlantedClasses, estimate: OrdinalCoefficients | PlantedClasses) -> Float[Array, ""]:
        """The mean squared error of the probability of the rare class over the inputs."""
        found = estimate.coefficients if isinstance(estimate, PlantedClasses) else estimate
        apart = found.rare_probability(truth.inputs) - truth.coefficients.rare_probability(truth.inputs)
        return jnp.sum(truth.present * apart**2) / jnp.sum(truth.present)

    def metrics(self, truth: PlantedClasses, estimate) -> dict[str, Float[Array, ""]]:
        """The mean probability of the rare class, `rare_share`."""
        rare = truth.coefficients.rare_probability(truth.inputs)
        return {"rare_share": jnp.sum(truth.present * rare) / jnp.sum(truth.present)}
