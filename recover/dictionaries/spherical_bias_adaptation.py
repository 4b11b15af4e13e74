"""Bias adaptation in the form that is analysed: neurons that do not meet, on the sphere, with quantiles for biases."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ..core.checks import require_integer, require_number
from ..core.leaves import as_leaf, as_real_leaf
from ..core.results import Result
from ..core.sizes import Capacities, capacities_field, capacity, concrete_capacities, row_mask
from ..core.solver import AbstractSolver
from ..core.stopping import by_change
from .autoencoders.activations import ReLU
from .autoencoders.controls import geometric_targets, upper_quantile
from .autoencoders.encoders import TiedEncoder
from .directions import unit_rows
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
    row moves by more than `tolerance`.

    Source: the "modified bias adaptation" of arXiv:2506.14002 (spherical steps, one fixed target); this form, which small output
    scales lead to, is inferred.
    """

    width: Int[Array, ""]
    highest: Float[Array, ""]
    lowest: Float[Array, ""]
    groups: Int[Array, ""]
    tolerance: Float[Array, ""]
    batch: int = eqx.field(static=True)
    chunk: int = eqx.field(static=True)
    capacities: Capacities = capacities_field()

    def __init__(self, width, highest, lowest=None, groups=1, *, batch: int = 4096, chunk: int = 64, tolerance=0.0):
        """**Arguments:** neurons, extreme target frequencies, groups, rows per step, neurons at a time, tolerance.

        **Raises:** `ValueError` for an impossible number.
        """
        name = "SphericalBiasAdaptation"
        lowest = highest if lowest is None else lowest
        for field, value in (("width", width), ("groups", groups), ("batch", batch), ("chunk", chunk)):
            require_integer(name, field, value, 1)
        for field, value in (("highest", highest), ("lowest", lowest)):
            require_number(name, field, value, "a frequency in (0, 1)", lambda v: (v > 0) & (v < 1))
        require_number(name, "tolerance", tolerance, "a number of at least 0", lambda v: v >= 0)
        self.width, self.groups = as_leaf(width), as_leaf(groups)
        self.highest, self.lowest, self.tolerance = (as_real_leaf(v) for v in (highest, lowest, tolerance))
        self.batch, self.chunk = int(batch), int(chunk)
        self.capacities = concrete_capacities(width=width)

    def init(self, problem: AbstractActivations, key: Key[Array, ""]) -> SphericalState:
        """Uniform points of the sphere."""
        coordinates = problem.coordinates
        present = row_mask(jnp.asarray(self.width), capacity(self, "width"))
        dtype = jnp.asarray(self.highest).dtype
        centre = jnp.zeros(coordinates.shape[0], dtype)
        rows = TiedEncoder().start(key, present, coordinates, centre, ReLU()).decoder
        return SphericalState(rows, present, jnp.zeros((), jnp.int32), jnp.asarray(jnp.inf, dtype))

    @eqx.filter_jit
    def step(self, problem: AbstractActivations, state: SphericalState) -> SphericalState:
        """One power iteration of every neuron."""
        inputs = problem.batch(state.steps, self.batch)
        share = geometric_targets(state.present, self.groups, self.highest, self.lowest).astype(inputs.dtype)

        def improved(rows, share):
            projections = inputs @ rows.T
            excess = jax.nn.relu(projections - upper_quantile(projections, share)[None, :])
            return unit_rows(excess.T @ inputs)

        width, dimension = state.rows.shape
        pieces = -(-width // self.chunk)
        padding = pieces * self.chunk - width
        padded = jnp.pad(state.rows, ((0, padding), (0, 0))).reshape(pieces, self.chunk, dimension)
        shares = jnp.pad(share, (0, padding), constant_values=0.5).reshape(pieces, self.chunk)
        rows = jax.lax.map(lambda piece: improved(*piece), (padded, shares)).reshape(-1, dimension)[:width]
        rows = jnp.where(state.present[:, None], rows, 0)
        change = jnp.max(jnp.sqrt(jnp.sum((rows - state.rows) ** 2, axis=1)))
        return SphericalState(rows, state.present, state.steps + 1, change)

    def status(self, problem: AbstractActivations, state: SphericalState) -> Result:
        """By the largest move of a row."""
        return by_change(state.change, self.tolerance)

    def estimate(self, problem: AbstractActivations, state: SphericalState) -> Float[Array, "width dimension"]:
        """The rows."""
        return state.rows
