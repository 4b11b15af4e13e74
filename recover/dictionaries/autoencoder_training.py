"""Training sparse autoencoders: an encoder, an activation, a control of sparsity and an optimiser, each by itself."""

import itertools
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from ..core import draws
from ..core.fields import Real, Size, choice, count, leaf, size
from ..core.numbers import unit
from ..core.results import Result
from ..core.selection import largest_mask
from ..core.sizes import capacity, row_mask
from ..core.solver import AbstractSolver
from ..core.units import Scaling
from .autoencoders.activations import AbstractActivation
from .autoencoders.autoencoder import SparseAutoencoder, Weights, summarise
from .autoencoders.controls import AbstractControl, NoControl
from .autoencoders.encoders import AbstractEncoder, TiedEncoder
from .autoencoders.optimisers import AbstractOptimiser, Adam
from .directions import cosines
from .problem import AbstractActivations

__all__ = ["AutoencoderTraining", "RepeatedTraining"]


def _piece(default: type):
    """A field that holds a piece of an autoencoder, one of the kind `default` where `None` is given."""
    return eqx.field(default=None, converter=lambda piece: default() if piece is None else piece)


# Neurons of two runs with a larger cosine are taken for the same one.
_FOUND = 0.9


class TrainingState(eqx.Module):
    """Weights, the states of optimiser and control, which neurons there are, steps taken, and the last batch's loss."""

    weights: Weights
    optimiser: PyTree
    control: PyTree
    present: Bool[Array, " width"]
    steps: Int[Array, ""]
    loss: Float[Array, ""]


class AutoencoderTraining(AbstractSolver[AbstractActivations, TrainingState]):
    r"""Minibatch training of a sparse autoencoder with unit decoder rows.

    $$\min \; \frac{1}{2B} \sum_{l=1}^B \|\hat x_l - x_l\|^2 + \text{penalty}, \qquad
      \hat x = b_{dec} + \sum_m f_m w_m, \quad \|w_m\| = 1.$$

    Every step takes a batch, moves all weights along the optimiser's direction (the part of a decoder row's gradient along
    the row is left out), scales the rows back to unit norm, and lets the control adapt. The estimate is the decoder; the
    autoencoder itself is `autoencoder(state)`.

    `width` is traced, like all numbers of the pieces; `batch` is static. Converged when the optimiser's schedule has ended,
    diverged when a loss is not finite; without a schedule it runs until its budget of steps is used. Data larger than memory
    are fed by `recover.training.train`, through `begin` and `absorb`.

    A schedule that has ended is the end of a training, whatever it has learnt: `unexplained` says that, and no certificate is
    asked for. Rows of an `ActivationProblem` whose root mean square norm is outside of [1/8, 64] are trained in that unit, in which
    the state of a `Solution` stays.

    **Arguments:**

    - `width`: number of neurons.
    - `activation`, `control`, `encoder`, `optimiser`: pieces of `recover.autoencoders`; by default no control, tied
      detectors, and Adam.
    - `batch`: rows per step.
    - `centring`: where $b_{dec}$ starts before it is trained: at `"zero"`, or at the `"mean"` of the rows of the first batch. With a
      common mean much longer than what is left of the rows, hardly any neuron of a random start speaks about anything but
      the mean, and most die.

    **Raises:** `ValueError` for an impossible number.
    """

    scaling: ClassVar = Scaling({"activation": None, "control": None}, stats={"loss": (0, 2)})

    width: Size = size(1)
    activation: AbstractActivation
    control: AbstractControl = _piece(NoControl)
    encoder: AbstractEncoder = _piece(TiedEncoder)
    optimiser: AbstractOptimiser = _piece(Adam)
    batch: int = count(1, default=512)
    centring: str = choice("zero", "mean")

    def init(self, problem: AbstractActivations, key: Key[Array, ""]) -> TrainingState:
        """Random unit rows; controls may look at the first batch."""
        return self.begin(problem.batch(jnp.zeros((), jnp.int32), self.batch), key, problem.coordinates)

    def step(self, problem: AbstractActivations, state: TrainingState) -> TrainingState:
        """The state after the next batch of the problem."""
        return self.absorb(state, problem.batch(state.steps, self.batch))

    def begin(
        self,
        inputs: Float[Array, "batch dimension"],
        key: Key[Array, ""],
        coordinates: Bool[Array, " dimension"] | None = None,
    ) -> TrainingState:
        """The state before the first step, given a first batch; `coordinates` masks padding."""
        dtype, dimension = inputs.dtype, inputs.shape[1]
        coordinates = jnp.ones(dimension, bool) if coordinates is None else coordinates
        present = row_mask(self.width, capacity(self, "width"))
        centre = jnp.zeros(dimension, dtype) if self.centring == "zero" else jnp.mean(inputs, axis=0)
        weights = self.encoder.start(key, present, coordinates, centre, self.activation)
        projections = weights.preactivations(inputs).projections
        weights, control = self.control.begin(weights, present, projections)
        optimiser = self.optimiser.transformation(dtype).init(weights)
        return TrainingState(weights, optimiser, control, present, jnp.zeros((), jnp.int32), jnp.ones((), dtype))

    def absorb(self, state: TrainingState, inputs: Float[Array, "batch dimension"]) -> TrainingState:
        """The state after one more batch."""

        def objective(weights):
            forward = SparseAutoencoder(weights, self.activation).forward(inputs)
            error = jnp.sum((forward.reconstruction - inputs) ** 2) / (2 * inputs.shape[0])
            return error + self.control.penalty(state.control, weights, forward, state.steps), forward

        (loss, forward), gradient = jax.value_and_grad(objective, has_aux=True)(state.weights)
        decoder = state.weights.decoder
        along = jnp.sum(gradient.decoder * decoder, axis=1, keepdims=True)
        gradient = eqx.tree_at(lambda tree: tree.decoder, gradient, gradient.decoder - along * decoder)
        transformation = self.optimiser.transformation(inputs.dtype)
        # Optax raises decay rates to the power of integer counts.
        with jax.numpy_dtype_promotion("standard"):
            updates, optimiser = transformation.update(gradient, state.optimiser, state.weights)
        rate = self.optimiser.rate_at(state.steps, inputs.dtype)
        weights = optax.apply_updates(state.weights, jax.tree.map(lambda update: rate * update, updates))
        weights = eqx.tree_at(lambda tree: tree.decoder, weights, unit(weights.decoder))
        steps = state.steps + 1
        weights, control = self.control.adapt(state.control, weights, forward, steps)
        return TrainingState(weights, optimiser, control, state.present, steps, loss)

    def status(self, problem: AbstractActivations, state: TrainingState) -> Result:
        """Whether the schedule has ended."""
        planned = self.optimiser.steps
        result = Result.where((planned > 0) & (state.steps >= planned), Result.converged, Result.running)
        return Result.where(jnp.isfinite(state.loss), result, Result.diverged)

    def estimate(self, problem: AbstractActivations, state: TrainingState) -> Float[Array, "width dimension"]:
        """The decoder, one unit row per neuron; zero for neurons that are padding."""
        return state.weights.decoder

    def autoencoder(self, state: TrainingState) -> SparseAutoencoder:
        """The autoencoder as it is now."""
        return SparseAutoencoder(state.weights, self.activation)

    def stats(self, problem: AbstractActivations, state: TrainingState) -> dict[str, Array]:
        """`unexplained` (fraction of variance), `l0` and `dead` over the problem's summary rows, and the last batch's `loss`."""
        return {**self.summary(problem, state)[0], "loss": state.loss}

    def summary(
        self, problem: AbstractActivations, state: TrainingState
    ) -> tuple[dict[str, Array], Float[Array, " width"]]:
        """What `stats` says, and how often each neuron speaks."""
        rows, mask = problem.summary()
        return summarise(self.autoencoder(state), rows, mask, state.present)


class RepeatedTraining(AbstractSolver[AbstractActivations, TrainingState]):
    """The same training from several random starts on the same batches, to see what the starts agree on.

    The estimate is the first run's; `stats` are means over runs, and

    - `consistency`: share of the neurons of one run that have a cosine above 0.9 with one of another, mean over ordered pairs;
    - `consistency_used`: the same among each run's most active neurons, a share `used` of all.

    Neurons that never speak are left out of both.

    **Arguments:**

    - `training`: what is repeated.
    - `runs`: number of starts (static), at least 2.
    - `used`: share of neurons that count as most active.

    **Raises:** `ValueError` for an impossible number.
    """

    scaling: ClassVar = Scaling({"training": None}, stats={"loss": (0, 2)})

    training: AutoencoderTraining
    runs: int = count(2, default=2)
    used: Real = leaf(0.25, "share")

    def init(self, problem: AbstractActivations, key: Key[Array, ""]) -> TrainingState:
        """A state with one leading axis over independent starts."""
        keys = draws.split(key, self.runs)
        return jax.vmap(lambda each: self.training.init(problem, each))(keys)

    def step(self, problem: AbstractActivations, state: TrainingState) -> TrainingState:
        """One batch, the same for all runs."""
        training = self.training
        inputs = problem.batch(state.steps[0], training.batch)
        return jax.vmap(lambda each: training.absorb(each, inputs))(state)

    def status(self, problem: AbstractActivations, state: TrainingState) -> Result:
        """Converged with the schedule, diverged when any loss is not finite."""
        first = jax.tree.map(lambda leaf: leaf[0], state)
        result = self.training.status(problem, first)
        return Result.where(jnp.all(jnp.isfinite(state.loss)), result, Result.diverged)

    def estimate(self, problem: AbstractActivations, state: TrainingState) -> Float[Array, "width dimension"]:
        """The decoder of the first run."""
        return state.weights.decoder[0]

    def stats(self, problem: AbstractActivations, state: TrainingState) -> dict[str, Array]:
        """Means over runs, and how far runs agree."""
        summaries, frequencies = jax.vmap(lambda each: self.training.summary(problem, each))(state)
        decoders, dtype = state.weights.decoder, frequencies.dtype
        width = self.training.width.astype(dtype)
        wanted = jnp.maximum(jnp.round(self.used * width), 1).astype(jnp.int32)
        alive = frequencies > 0
        used = alive & jax.vmap(lambda each: largest_mask(each, wanted))(frequencies)
        shares = []
        for i, j in itertools.combinations(range(self.runs), 2):
            products = cosines(decoders[i], decoders[j])
            for run, largest in ((i, jnp.max(products, axis=1)), (j, jnp.max(products, axis=0))):
                found = largest > _FOUND
                shares.append(jnp.stack([_share(found, chosen[run], dtype) for chosen in (alive, used)]))
        consistency, consistency_used = jnp.mean(jnp.stack(shares), axis=0)
        return {
            **{name: jnp.mean(value) for name, value in summaries.items()},
            "loss": jnp.mean(state.loss),
            "consistency": consistency,
            "consistency_used": consistency_used,
        }


def _share(found: Bool[Array, " width"], chosen: Bool[Array, " width"], dtype) -> Float[Array, ""]:
    return jnp.sum(found & chosen).astype(dtype) / jnp.maximum(jnp.sum(chosen), 1).astype(dtype)
