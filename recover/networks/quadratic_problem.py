"""What a solver may see of a quadratic network: inputs, outputs, width and noise level."""

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float, Int

from ..core.data import as_data, in_one_dtype, number, require_same_labels
from ..core.fields import Real, Size, integer, leaf, size
from ..core.problem import AbstractProblem
from ..core.sizes import Capacities, row_mask
from ..core.units import Units, exact_unit_of, root_mean_square
from ..operators.symmetric import symmetric_coordinates, symmetric_matrix, symmetric_size

__all__ = ["QuadraticNetworkProblem"]

# Sizes of inputs that count as one, and the largest mean of outputs that does, but for the chance of few weights.
_ORDINARY_INPUTS, _MOST = (0.8, 1.25), 1.5


class QuadraticNetworkProblem(AbstractProblem):
    r"""Inputs and outputs of an unknown network with one hidden layer and quadratic activation.

    $$y_i = \frac1m \sum_{k=1}^m \Big( \frac{w_k^\top x_i}{\sqrt d} + \sqrt\Delta\, z_{ik} \Big)^2, \qquad i = 1, \dots, n,$$

    for inputs $x_i \in \mathbb{R}^d$ of identity covariance. The outputs depend on the weights through
    $S = \frac1m W^\top W$ alone, which is what solvers estimate, and centred they are linear in it:

    $$\sqrt d\, (y_i - \bar y) \simeq \langle Z_i, S \rangle + \sqrt{\tilde\Delta}\, \xi_i, \qquad
      Z_i = \frac{x_i x_i^\top - I}{\sqrt d}, \quad \tilde\Delta = \frac{2 \Delta (2 + \Delta)}{\kappa}, \quad \kappa = \frac md.$$

    Inputs are never masked, so that lanes with different numbers of samples share them; rows from `samples` on are padding,
    zero in `observations` and in all products.
    """

    inputs: Float[Array, "rows dimension"]
    observations: Float[Array, " rows"]
    samples: Int[Array, ""] = integer(1, most="_rows", meaning="")
    width: Size = size(1)
    noise: Real = leaf(rule="standard deviation")

    def __init__(
        self,
        inputs,
        observations,
        *,
        width,
        noise=0.0,
        samples=None,
        capacities: Capacities | None = None,
    ):
        r"""**Arguments:**

        - `inputs`: matrix of shape (n, d), one input per row.
        - `observations`: vector of n outputs.
        - `width`: number $m$ of hidden units; may exceed $d$.
        - `noise`: $\sqrt\Delta$, standard deviation of the noise before the activation.
        - `samples`: how many leading rows are data; all by default. Outputs of the others must be zero.
        - `capacities`: the padded width, where `width` is traced.

        **Raises:** `ValueError` when shapes do not fit, an entry is not finite or a number is impossible, `TypeError` for
        complex data and for what is no array of numbers.
        """
        owner = type(self).__name__
        require_same_labels(owner, "inputs", inputs, "observations", observations)
        inputs = as_data(owner, "inputs", inputs, "n d")
        observations = as_data(owner, "observations", observations, "n")
        if observations.shape != inputs.shape[:1]:
            raise ValueError(
                f"{owner}: `inputs` and `observations` have shapes {inputs.shape} and {observations.shape}; (n, d) and (n,) "
                "are allowed."
            )
        self.inputs, self.observations = in_one_dtype(owner, inputs=inputs, observations=observations)
        self.samples = inputs.shape[0] if samples is None else samples
        self.width = width
        self.noise = number(owner, "noise", noise, "standard deviation", self.observations.dtype)
        if capacities is not None:
            self.capacities = capacities

    @property
    def _rows(self) -> int:
        return self.inputs.shape[0]

    @property
    def dimension(self) -> int:
        """Number of input coordinates (static)."""
        return self.inputs.shape[1]

    @property
    def count(self) -> Float[Array, ""]:
        """The number of rows that are data, in their dtype."""
        return self.samples.astype(self.observations.dtype)

    @property
    def mask(self) -> Float[Array, " rows"]:
        """One for rows that are data, zero for padding."""
        return row_mask(self.samples, self.inputs.shape[0]).astype(self.observations.dtype)

    @property
    def ratio(self) -> Float[Array, ""]:
        r"""The relative width $\kappa = m / d$."""
        return self.width.astype(self.observations.dtype) / self.dimension

    @property
    def sampling(self) -> Float[Array, ""]:
        r"""The samples per squared dimension, $\alpha = n / d^2$."""
        return self.count / self.dimension**2

    @property
    def channel_noise(self) -> Float[Array, ""]:
        r"""The variance $\tilde\Delta = 2 \Delta (2 + \Delta) / \kappa$ of the equivalent linear channel."""
        delta = self.noise**2
        return 2 * delta * (2 + delta) / self.ratio

    @property
    def centred(self) -> Float[Array, " rows"]:
        r"""The observations of the linear channel, $\sqrt d\, (y_i - \bar y)$, zero on padding."""
        mean = jnp.sum(self.observations) / self.count
        return (self.observations - mean) * self.mask * self.dimension**0.5

    def forward(self, x: Float[Array, "dimension dimension"]) -> Float[Array, " rows"]:
        r"""$\langle Z_i, S \rangle = (x_i^\top S x_i - \operatorname{tr} S) / \sqrt d$, zero on padding; no $Z_i$ is formed."""
        # One product over all lanes that share the inputs.
        quadratic = jnp.sum((self.inputs @ x) * self.inputs, axis=1)
        return (quadratic - jnp.trace(x)) * self.mask / self.dimension**0.5

    def residual(self, x: Float[Array, "dimension dimension"]) -> Float[Array, " rows"]:
        r"""$\sqrt d\, (y_i - \bar y) - \langle Z_i, S \rangle$, what the linear channel leaves unexplained."""
        return self.centred - self.forward(x)

    def adjoint(self, z: Float[Array, " rows"]) -> Float[Array, "dimension dimension"]:
        r"""$\sum_i z_i Z_i$ for values that are zero on padding."""
        weighted = self.inputs.T * z[None, :]
        return (weighted @ self.inputs - jnp.sum(z) * jnp.eye(self.dimension, dtype=z.dtype)) / self.dimension**0.5

    def units(self) -> Units:
        r"""The root mean square of the inputs, and of the outputs $\bar y - \Delta$: the prior is for $\operatorname{tr} S = d$."""
        size = root_mean_square(self.inputs)
        mean = jnp.sum(self.observations) / self.count - self.noise**2
        # Two standard deviations of the trace of random weights.
        most = _MOST + jnp.sqrt(8 / (self.width.astype(mean.dtype) * self.dimension))
        return Units(exact_unit_of(size, *_ORDINARY_INPUTS), exact_unit_of(mean, 1 / most, most))

    def in_units(self, units: Units, columns: bool) -> "QuadraticNetworkProblem":
        """Inputs and outputs in `units`; the variance of the noise has the unit of the outputs."""
        changed = (
            self.inputs / units.operator,
            self.observations / units.observations,
            self.noise / jnp.sqrt(units.observations),
        )
        return eqx.tree_at(lambda problem: (problem.inputs, problem.observations, problem.noise), self, changed)

    def restored(self, value: Float[Array, "dimension dimension"], units: Units) -> Float[Array, "dimension dimension"]:
        """The matrix for the inputs and outputs as they were given."""
        return units.times(value, -2, 1)

    def unrestored(
        self, value: Float[Array, "dimension dimension"], units: Units
    ) -> Float[Array, "dimension dimension"]:
        """The inverse of `restored`."""
        return units.times(value, 2, -1)

    @property
    def operator(self) -> lx.AbstractLinearOperator:
        r"""$S \mapsto (\langle Z_i, S \rangle)_i$ on symmetric coordinates (`recover.operators.symmetric`), for solvers of linear problems."""
        structure = jax.ShapeDtypeStruct((symmetric_size(self.dimension),), self.observations.dtype)

        def measured(coordinates):
            return self.forward(symmetric_matrix(coordinates, self.dimension))

        return lx.FunctionLinearOperator(measured, structure)

    def adjoint_coordinates(self, values: Float[Array, " rows"]) -> Float[Array, " coordinates"]:
        """The adjoint of `operator`."""
        return symmetric_coordinates(self.adjoint(values))
