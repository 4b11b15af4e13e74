"""Labels from a network with few weights."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.data import as_sizes
from ..core.fields import Real, Size, leaf, size
from ..core.matching import best_permutation
from ..core.model import AbstractModel
from ..core.numbers import unit
from ..core.sizes import capacity, row_mask
from .classification import ClassificationProblem
from .network import Network, layer_shapes

__all__ = ["SparseTeacher"]

# Fresh inputs on which predictions are compared.
_FRESH = 500


_ALLOWED = "at least two positive integers are allowed, the last at least 2"


class SparseTeacher(AbstractModel[Array, ClassificationProblem, Network]):
    r"""$x_i \sim N(0, I)$ with labels drawn from $\mathrm{softmax}(f_\star(x_i))$, for a sparse network $f_\star$.

    Every unit of every layer reads $k = \max(1, \mathrm{round}(\rho\, n))$ of its $n$ inputs, uniformly chosen, with weights
    $\pm (1 + |g|)$, $g \sim N(0, 1)$; those of the last layer are multiplied by `scale`, those of hidden layers by
    $\sqrt{2 / (5 k)}$, about the scale that keeps the size of activations. There are no biases. With two widths the teacher
    is a sparse multinomial logistic regression, and its support is identified.

    The error of a student is one minus the F1 score of its support after matching: hidden units may come in any order and
    scale, so layer by layer each is matched with the unit of the teacher whose incoming weights are most aligned (largest
    sum of |cosines|). Students may be wider than the teacher; what else they use counts as wrong. `samples`, `density` and
    `scale` are traced, widths are static.

    **Arguments:**

    - `widths`: sizes of the layers from inputs to classes, for instance (200, 5) or (20, 16, 16, 3).
    - `samples`: number of labelled inputs.
    - `density`: share $\rho$ of its inputs that a unit reads, in (0, 1].
    - `scale`: size of the weights of the last layer; the larger, the less random the labels.

    **Raises:** `ValueError` for an impossible number.
    """

    widths: tuple[int, ...] = eqx.field(static=True, converter=lambda widths: _widths(widths))
    samples: Size = size(1)
    density: Real = leaf(rule="share")
    scale: Real = leaf(2.0, "nonnegative")

    def check_together(self):
        """There are inputs and at least two classes."""
        if len(self.widths) < 2 or self.widths[-1] < 2:
            raise ValueError(f"SparseTeacher: `widths` is {self.widths}; {_ALLOWED}.")

    def design(self, key: Key[Array, ""]) -> Array:
        """The inputs, of shape (capacity of `samples`, inputs)."""
        return draws.normal(key, (capacity(self, "samples"), self.widths[0]))

    def observe(self, key: Key[Array, ""], design: Array) -> tuple[ClassificationProblem, Network]:
        """A teacher and its labels; the truth is the teacher, with its support as `kept`."""
        key_teacher, key_labels = draws.split(key)
        teacher = self._teacher(key_teacher)
        logits = teacher(design)
        # The largest of logits with Gumbel noise is a draw from their softmax.
        uniform = draws.uniform(key_labels, logits.shape)
        gumbel = -jnp.log(-jnp.log(jnp.clip(uniform, 1e-7, 1 - 1e-7)))
        labels = jax.nn.one_hot(jnp.argmax(logits + gumbel, axis=1), self.widths[-1], dtype=logits.dtype)
        labels = labels * row_mask(self.samples, design.shape[0]).astype(logits.dtype)[:, None]
        return ClassificationProblem(design, labels, samples=self.samples), teacher

    def _teacher(self, key) -> Network:
        shapes = layer_shapes(self.widths)
        weights, kept = [], []
        for number, (each, (outputs, inputs)) in enumerate(zip(draws.split(key, len(shapes)), shapes, strict=True)):
            key_support, key_signs, key_sizes = draws.split(each, 3)
            sizes = 1 + jnp.abs(draws.normal(key_sizes, (outputs, inputs)))
            dtype = sizes.dtype
            read = jnp.maximum(jnp.round(self.density * inputs), 1)
            supports = jax.vmap(draws.random_support, (0, None, None))(
                draws.split(key_support, outputs), inputs, read.astype(jnp.int32)
            ).astype(dtype)
            last = number == len(shapes) - 1
            scale = self.scale if last else jnp.sqrt(2 / (5 * read))
            weights.append(scale * supports * sizes * draws.signs(key_signs, (outputs, inputs)))
            kept.append(supports)
        biases = tuple(jnp.zeros(outputs, weights[0].dtype) for outputs, _ in shapes)
        return Network(tuple(weights), biases, tuple(kept))

    def error(self, truth: Network, estimate: Network) -> Float[Array, ""]:
        """One minus the F1 score of the support (nonzero weights) after matching hidden units."""
        return 1 - support_f1(truth, estimate)

    def metrics(self, truth: Network, estimate: Network) -> dict[str, Float[Array, ""]]:
        """`accuracy`, `agreement`, `f1` and `share`.

        - `accuracy`: probability that the label of a fresh input is the network's prediction; the most that is possible is
          that of the teacher.
        - `agreement`: share of fresh inputs on which network and teacher predict the same.
        - `f1`: of the support, after matching hidden units.
        - `share`: of all weights that are not zero.
        """
        inputs = draws.normal(jax.random.key(0), (_FRESH, self.widths[0])).astype(truth.weights[0].dtype)
        with jax.default_matmul_precision("float32"):
            right, guess = truth(inputs), estimate(inputs)
        guessed = jnp.argmax(guess, axis=1)
        probabilities = jax.nn.softmax(right, axis=1)
        dtype = right.dtype
        live = sum(jnp.sum((weight != 0).astype(dtype)) for weight in estimate.weights)
        return {
            "accuracy": jnp.mean(jnp.take_along_axis(probabilities, guessed[:, None], axis=1)),
            "agreement": jnp.mean((guessed == jnp.argmax(right, axis=1)).astype(dtype)),
            "f1": support_f1(truth, estimate),
            "share": live / sum(weight.size for weight in estimate.weights),
        }


def support_f1(truth: Network, estimate: Network) -> Float[Array, ""]:
    r"""$2 |S \cap \hat S| / (|S| + |\hat S|)$ for the nonzero weights of all layers, hidden units matched layer by layer.

    The estimate may have wider hidden layers. Zero for two empty supports.
    """
    hits = size = jnp.zeros((), truth.weights[0].dtype)
    order = None
    for number, (true, found) in enumerate(zip(truth.weights, estimate.weights, strict=True)):
        outputs, inputs = found.shape
        # Units that the teacher does not have read nothing, and are matched with what is left.
        true = jnp.pad(true, ((0, outputs - true.shape[0]), (0, inputs - true.shape[1])))
        if order is not None:
            found = found[:, order]
        if number < len(truth.weights) - 1:
            with jax.default_matmul_precision("float32"):
                order = best_permutation(jnp.abs(unit(true) @ unit(found).T))
            found = found[order]
        hits += jnp.sum(((true != 0) & (found != 0)).astype(hits.dtype))
        size += jnp.sum((true != 0).astype(hits.dtype)) + jnp.sum((found != 0).astype(hits.dtype))
    return 2 * hits / jnp.maximum(size, 1)


def _widths(widths) -> tuple[int, ...]:
    return as_sizes("SparseTeacher", "widths", widths, None, _ALLOWED)
