"""Bias adaptation in the form that is analysed: neurons that do not meet, on the sphere, with quantiles for biases."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ..core.fields import Real, Size, count, integer, leaf, size
from ..core.leaves import floating_dtype
from ..core.numbers import norm, unit
from ..core.results import Result
from ..core.sizes import capacity, row_mask
from ..core.solver import AbstractSolver
from ..core.stopping import by_change
from ..core.units import Scaling
from .autoencoders.controls import geometric_targets, upper_quantile
from .autoencoders.encoders import uniform_directions
from .problem import AbstractActivations

__all__ = ["SphericalBiasAdaptation"]


class SphericalState(eqx.Module):
    """Unit rows, which of them there are, steps taken, and the largest move of a row in the last step."""

    rows: Float[Array, "width dimension"]
    present: Bool[Array, " width"]
    steps: Int[Array, ""]
    change: Float[Array, ""]


class SphericalBiasAdaptation(AbstractSolver[AbstractActivations, SphericalState]):
    r"""Thresholded power iterations of every neuron by itself.

    $$q_m \leftarrow (1 - p_m)\text{-quantile of } \{w_m^\top x_l\}, \qquad
      w_m \leftarrow \frac{g_m}{\|g_m\|}, \quad g_m = \sum_l (w_m^\top x_l - q_m)_+ \, x_l,$$

    from uniform points of the sphere: no learning rate, no decoder, no interaction. Neurons are split evenly into `groups` with
    target frequencies $p_m$ in geometric progression from `highest` to `lowest` (equal by default). Quantiles are bisected on
    counts, so all numbers are traced; `batch` rows are taken per step (static), and neurons are worked off `chunk` at a time.

    Give the model `samples=batch` to see the same rows in every step, as in the analysis. Stops after its budget, or when no
    row moves by more than `tolerance`: steps have no length that could be small, so such rows are a fixed point without further
    certificate.

    Source: the "modified bias adaptation" of Chen et al. (chen2025; spherical steps, one fixed target); this form, which small output
    scales lead to, is inferred.

    **Arguments:**

    - `width`: number of neurons.
    - `highest`, `lowest`: extreme target frequencies.
    - `groups`: number of groups.
    - `batch`, `chunk`: rows per step, and neurons at a time (static).
    - `tolerance`: of the largest move of a row.

    **Raises:** `ValueError` for an impossible number.
    """

    scaling: ClassVar = Scaling()

    width: Size = size(1)
    highest: Real = leaf(rule="probability")
    lowest: Real | None = leaf(None, "probability")
    groups: Int[Array, ""] = integer(1, default=1)
    batch: int = count(1, default=4096)
    chunk: int = count(1, default=64)
    tolerance: Real = leaf(0.0, "nonnegative")

    def init(self, problem: AbstractActivations, key: Key[Array, ""]) -> SphericalState:
        """Uniform points of the sphere."""
        present = row_mask(self.width, capacity(self, "width"))
        dtype = floating_dtype(problem)
        rows = uniform_directions(key, present, problem.coordinates, dtype)
        return SphericalState(rows, present, jnp.zeros((), jnp.int32), jnp.asarray(jnp.inf, dtype))

    def step(self, problem: AbstractActivations, state: SphericalState) -> SphericalState:
        """One power iteration of every neuron."""
        inputs = problem.batch(state.steps, self.batch)
        lowest = self.highest if self.lowest is None else self.lowest
        share = geometric_targets(state.present, self.groups, self.highest, lowest)

        def improved(rows, share):
            projections = inputs @ rows.T
            excess = jax.nn.relu(projections - upper_quantile(projections, share)[None, :])
            return unit(excess.T @ inputs)

        width, dimension = state.rows.shape
        pieces = -(-width // self.chunk)
        padding = pieces * self.chunk - width
        padded = jnp.pad(state.rows, ((0, padding), (0, 0))).reshape(pieces, self.chunk, dimension)
        shares = jnp.pad(share, (0, padding), constant_values=0.5).reshape(pieces, self.chunk)
        rows = jax.lax.map(lambda piece: improved(*piece), (padded, shares)).reshape(-1, dimension)[:width]
        rows = jnp.where(state.present[:, None], rows, 0)
        change = jnp.max(norm(rows - state.rows, axis=1))
        return SphericalState(rows, state.present, state.steps + 1, change)

    def status(self, problem: AbstractActivations, state: SphericalState) -> Result:
        """By the largest move of a row."""
        return by_change(state.change, self.tolerance)

    def estimate(self, problem: AbstractActivations, state: SphericalState) -> Float[Array, "width dimension"]:
        """The unit rows; zero for neurons that are padding."""
        return state.rows
