"""A sparse autoencoder: weights and an activation."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...core.data import as_data
from ...core.leaves import cast_floating
from ...core.numbers import norm, ratio
from .activations import AbstractActivation, BatchTopK, Preactivations, Threshold

__all__ = ["Forward", "SparseAutoencoder", "Weights"]


class Weights(eqx.Module):
    r"""What training changes.

    - `detectors`: rows $e_m$ that inputs are projected on; `None` where they are the decoder's rows.
    - `bias`: $b_m$, added to projections.
    - `decoder`: rows $w_m$, of unit norm; zero for neurons that are padding.
    - `centre`: $b_{dec}$, subtracted from inputs and added to reconstructions.
    - `scale`: $a_m$, multiplies codes where detectors are tied; else `None`.
    - `log_thresholds`: of activations that train thresholds; else `None`.
    """

    detectors: Float[Array, "width dimension"] | None
    bias: Float[Array, " width"]
    decoder: Float[Array, "width dimension"]
    centre: Float[Array, " dimension"]
    scale: Float[Array, " width"] | None
    log_thresholds: Float[Array, " width"] | None

    def preactivations(self, inputs: Float[Array, "batch dimension"]) -> Preactivations:
        """The centred inputs, their projections, and what else activations look at."""
        centred = inputs - self.centre[None, :]
        detectors = self.decoder if self.detectors is None else self.detectors
        norms = norm(self.decoder, axis=1)
        norms = norms if self.scale is None else norms * jnp.abs(self.scale)
        return Preactivations(centred, centred @ detectors.T, self.bias, norms, self.log_thresholds)


class Forward(eqx.Module):
    """Everything a forward pass of a batch has seen."""

    inputs: Float[Array, "batch dimension"]
    preactivations: Preactivations
    codes: Float[Array, "batch width"]
    reconstruction: Float[Array, "batch dimension"]


class SparseAutoencoder(eqx.Module):
    r"""$\hat x = b_{dec} + \sum_m f_m w_m$ with codes $f_m = a_m \phi_m(E (x - b_{dec}), b)$.

    `rc.training.save_autoencoder` writes it under the names that other packages know.
    """

    weights: Weights
    activation: AbstractActivation

    def forward(self, inputs: Float[Array, "batch dimension"]) -> Forward:
        """Pre-activations, codes and reconstructions of a batch."""
        before = self.weights.preactivations(inputs)
        codes = cast_floating(self.activation, inputs.dtype).codes(before)
        if self.weights.scale is not None:
            codes = codes * self.weights.scale[None, :]
        return Forward(inputs, before, codes, codes @ self.weights.decoder + self.weights.centre[None, :])

    def encode(self, inputs: Float[Array, "batch dimension"]) -> Float[Array, "batch width"]:
        """The codes of a batch."""
        with jax.default_matmul_precision("float32"):
            return self.forward(inputs).codes

    def decode(self, codes: Float[Array, "batch width"]) -> Float[Array, "batch dimension"]:
        """The reconstructions of codes, mixtures of decoder rows plus the centre."""
        with jax.default_matmul_precision("float32"):
            return codes @ self.weights.decoder + self.weights.centre[None, :]

    def __call__(self, inputs: Float[Array, "batch dimension"]) -> Float[Array, "batch dimension"]:
        """The reconstruction of a batch."""
        return self.decode(self.encode(inputs))

    def with_fixed_threshold(self, inputs) -> "SparseAutoencoder":
        r"""The same autoencoder with one threshold $\tau$ for all neurons, so that codes of a row do not depend on its batch.

        For a `BatchTopK` of $k$ neurons, $\tau$ lies halfway between the $kn$-th and the next largest of the positive parts
        $\max(z + b, 0)$ over all $n$ rows of `inputs`, so that these rows have the same codes as in one batch, and fresh rows of
        the same law $k$ neurons on average. The activation is `Threshold`.

        **Arguments:**

        - `inputs`: shape (rows, dimension); representative, and more rows than a batch.

        **Raises:** `TypeError` for another activation, `ValueError` for rows of another length or that are not finite.

        Source: Bussmann, Leask and Nanda (bussmann2024), who average the smallest active code over batches.
        """
        if not isinstance(self.activation, BatchTopK):
            kind = type(self.activation).__name__
            raise TypeError(
                f"with_fixed_threshold: the activation is {kind}, whose codes depend on no batch; BatchTopK is allowed."
            )
        rows = as_data("with_fixed_threshold", "inputs", inputs, "rows dimension")
        dimension = self.weights.centre.shape[0]
        if rows.shape[1] != dimension:
            raise ValueError(f"with_fixed_threshold: `inputs` has shape {rows.shape}; (rows, {dimension}) is allowed.")
        rows = jnp.asarray(rows).astype(self.weights.centre.dtype)
        with jax.default_matmul_precision("float32"):
            positive = jax.nn.relu(self.weights.preactivations(rows).biased)
        ordered = jnp.sort(positive.reshape(-1))
        budget = jnp.round(jnp.asarray(self.activation.active, positive.dtype) * len(rows)).astype(jnp.int32)
        last = jnp.clip(ordered.size - budget, 0, ordered.size - 1)
        threshold = (ordered[last] + ordered[jnp.maximum(last - 1, 0)]) / 2
        thresholds = jnp.full(positive.shape[1], jnp.log(threshold))
        weights = eqx.tree_at(
            lambda tree: tree.log_thresholds, self.weights, thresholds, is_leaf=lambda leaf: leaf is None
        )
        return SparseAutoencoder(weights, Threshold())

    @property
    def dictionary(self) -> Float[Array, "width dimension"]:
        """The decoder's rows, one learnt direction each."""
        return self.weights.decoder


def summarise(
    autoencoder: SparseAutoencoder,
    inputs: Float[Array, "batch dimension"],
    rows: Bool[Array, " batch"],
    present: Bool[Array, " width"],
) -> tuple[dict[str, Array], Float[Array, " width"]]:
    r"""How well a batch is reconstructed with how few neurons, and how often each neuron speaks.

    - `unexplained`: $\sum \|x - \hat x\|^2 / \sum \|x - \bar x\|^2$, the fraction of variance unexplained.
    - `l0`: mean number of nonzero codes per row.
    - `dead`: share of neurons that no row activates.

    Rows and neurons that are padding are left out.
    """
    with jax.default_matmul_precision("float32"):
        forward = autoencoder.forward(inputs)
    dtype = inputs.dtype
    kept = rows.astype(dtype)[:, None]
    count = jnp.maximum(jnp.sum(kept), 1)
    centred = (inputs - jnp.sum(kept * inputs, axis=0, keepdims=True) / count) * kept
    variance = jnp.sum(centred**2)
    frequencies = jnp.sum(kept * (forward.codes != 0).astype(dtype), axis=0) / count
    unexplained = jnp.sum(kept * (inputs - forward.reconstruction) ** 2)
    silent = jnp.sum((present & (frequencies == 0)).astype(dtype))
    return {
        "unexplained": ratio(unexplained, variance, unexplained),
        "l0": jnp.sum(frequencies),
        "dead": silent / jnp.maximum(jnp.sum(present), 1).astype(dtype),
    }, frequencies
