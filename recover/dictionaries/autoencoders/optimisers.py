"""Optimisers of optax with traced hyper-parameters and a learning rate that decays over a traced number of steps."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from ...core.fields import AbstractModule, Real, Whole, leaf
from ...core.schedules import cosine_decay

__all__ = ["AbstractOptimiser", "Adam", "GradientDescent", "Lion"]


class AbstractOptimiser(AbstractModule):
    r"""A gradient transformation, and the share of its steps that training step $t$ takes.

    The rate rises linearly over the first `warmup` steps and then falls as half a cosine until step `steps`; with
    `steps=0` it stays.
    """

    rate: eqx.AbstractVar[Real]
    steps: eqx.AbstractVar[Int[Array, ""]]
    warmup: eqx.AbstractVar[Int[Array, ""]]

    @abc.abstractmethod
    def transformation(self, dtype) -> optax.GradientTransformation:
        """What turns gradients into steps of rate one, minus sign included; any optax transformation will do."""

    def rate_at(self, step: Int[Array, ""], dtype) -> Float[Array, ""]:
        """The learning rate of training step `step` (from zero)."""
        at, warmup, steps = (value.astype(dtype) for value in (step, self.warmup, self.steps))
        rising = jnp.minimum((at + 1) / jnp.maximum(warmup, 1), 1)
        falling = cosine_decay((at - warmup) / jnp.maximum(steps - warmup, 1))
        return self.rate.astype(dtype) * rising * jnp.where(steps > 0, falling, 1)


def _arrays(dtype, *values):
    return tuple(jnp.asarray(value, dtype) for value in values)


def _decayed(decay, dtype) -> optax.GradientTransformation:
    """Decoupled weight decay of matrices alone: biases and scales are left out."""
    return optax.add_decayed_weights(
        jnp.asarray(decay, dtype), mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree)
    )


class Adam(AbstractOptimiser):
    """Adam; with `weight_decay` AdamW on the matrices."""

    rate: Real = leaf(5e-3, "positive")
    steps: Whole = leaf(0, "count")
    warmup: Whole = leaf(0, "count")
    decay_mean: Real = leaf(0.9, "decay")
    decay_square: Real = leaf(0.999, "decay")
    weight_decay: Real = leaf(0.0, "nonnegative")

    def transformation(self, dtype) -> optax.GradientTransformation:
        """Adam's direction and the decay."""
        mean, square = _arrays(dtype, self.decay_mean, self.decay_square)
        adam = optax.scale_by_adam(mean, square)
        return optax.chain(adam, _decayed(self.weight_decay, dtype), optax.scale(-1.0))


class Lion(AbstractOptimiser):
    """Lion: signs of an interpolated momentum. Its rates are three to ten times smaller than Adam's."""

    rate: Real = leaf(5e-4, "positive")
    steps: Whole = leaf(0, "count")
    warmup: Whole = leaf(0, "count")
    interpolation: Real = leaf(0.9, "decay")
    decay_mean: Real = leaf(0.99, "decay")
    weight_decay: Real = leaf(0.0, "nonnegative")

    def transformation(self, dtype) -> optax.GradientTransformation:
        """Lion's direction and the decay."""
        interpolation, mean = _arrays(dtype, self.interpolation, self.decay_mean)
        lion = optax.scale_by_lion(interpolation, mean)
        return optax.chain(lion, _decayed(self.weight_decay, dtype), optax.scale(-1.0))


class GradientDescent(AbstractOptimiser):
    """Stochastic gradient descent with momentum."""

    rate: Real = leaf(0.1, "positive")
    steps: Whole = leaf(0, "count")
    warmup: Whole = leaf(0, "count")
    momentum: Real = leaf(0.9, "decay")

    def transformation(self, dtype) -> optax.GradientTransformation:
        """The running sum of gradients."""
        (momentum,) = _arrays(dtype, self.momentum)
        return optax.chain(optax.trace(momentum), optax.scale(-1.0))
