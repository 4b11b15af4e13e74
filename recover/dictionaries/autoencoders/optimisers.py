"""Optimisers of optax with traced hyper-parameters and a learning rate that decays over a traced number of steps."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from ...core.checks import require_integer, require_number
from ...core.leaves import leaf

__all__ = ["AbstractOptimiser", "Adam", "GradientDescent", "Lion"]


class AbstractOptimiser(eqx.Module):
    r"""A gradient transformation, and the share of its steps that training step $t$ takes.

    The rate rises linearly over the first `warmup` steps and then falls as half a cosine until step `steps`; with
    `steps=0` it stays.
    """

    rate: eqx.AbstractVar[Float[Array, ""]]
    steps: eqx.AbstractVar[Int[Array, ""]]
    warmup: eqx.AbstractVar[Int[Array, ""]]

    @abc.abstractmethod
    def transformation(self, dtype) -> optax.GradientTransformation:
        """What turns gradients into steps of rate one, minus sign included; any optax transformation will do."""

    def rate_at(self, step: Int[Array, ""], dtype) -> Float[Array, ""]:
        """The learning rate of training step `step` (from zero)."""
        at, warmup, steps = (jnp.asarray(value).astype(dtype) for value in (step, self.warmup, self.steps))
        rising = jnp.minimum((at + 1) / jnp.maximum(warmup, 1), 1)
        share = jnp.clip((at - warmup) / jnp.maximum(steps - warmup, 1), 0, 1)
        falling = jnp.where(steps > 0, (1 + jnp.cos(jnp.pi * share)) / 2, 1)
        return jnp.asarray(self.rate, dtype) * rising * falling


def _check(owner):
    name = type(owner).__name__
    require_number(name, "rate", owner.rate, "a positive number", lambda v: v > 0)
    require_integer(name, "steps", owner.steps, 0)
    require_integer(name, "warmup", owner.warmup, 0)


def _arrays(dtype, *values):
    return tuple(jnp.asarray(value, dtype) for value in values)


def _decayed(decay, dtype) -> optax.GradientTransformation:
    """Decoupled weight decay of matrices alone: biases and scales are left out."""
    return optax.add_decayed_weights(
        jnp.asarray(decay, dtype), mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree)
    )


class Adam(AbstractOptimiser):
    """Adam; with `weight_decay` AdamW on the matrices."""

    rate: Float[Array, ""] = leaf(default=5e-3)
    steps: Int[Array, ""] = leaf(default=0)
    warmup: Int[Array, ""] = leaf(default=0)
    decay_mean: Float[Array, ""] = leaf(default=0.9)
    decay_square: Float[Array, ""] = leaf(default=0.999)
    weight_decay: Float[Array, ""] = leaf(default=0.0)

    def __check_init__(self):
        _check(self)

    def transformation(self, dtype) -> optax.GradientTransformation:
        """Adam's direction and the decay."""
        mean, square = _arrays(dtype, self.decay_mean, self.decay_square)
        adam = optax.scale_by_adam(mean, square)
        return optax.chain(adam, _decayed(self.weight_decay, dtype), optax.scale(-1.0))


class Lion(AbstractOptimiser):
    """Lion: signs of an interpolated momentum. Its rates are three to ten times smaller than Adam's."""

    rate: Float[Array, ""] = leaf(default=5e-4)
    steps: Int[Array, ""] = leaf(default=0)
    warmup: Int[Array, ""] = leaf(default=0)
    interpolation: Float[Array, ""] = leaf(default=0.9)
    decay_mean: Float[Array, ""] = leaf(default=0.99)
    weight_decay: Float[Array, ""] = leaf(default=0.0)

    def __check_init__(self):
        _check(self)

    def transformation(self, dtype) -> optax.GradientTransformation:
        """Lion's direction and the decay."""
        interpolation, mean = _arrays(dtype, self.interpolation, self.decay_mean)
        lion = optax.scale_by_lion(interpolation, mean)
        return optax.chain(lion, _decayed(self.weight_decay, dtype), optax.scale(-1.0))


class GradientDescent(AbstractOptimiser):
    """Stochastic gradient descent with momentum."""

    rate: Float[Array, ""] = leaf(default=0.1)
    steps: Int[Array, ""] = leaf(default=0)
    warmup: Int[Array, ""] = leaf(default=0)
    momentum: Float[Array, ""] = leaf(default=0.9)

    def __check_init__(self):
        _check(self)

    def transformation(self, dtype) -> optax.GradientTransformation:
        """The running sum of gradients."""
        (momentum,) = _arrays(dtype, self.momentum)
        return optax.chain(optax.trace(momentum), optax.scale(-1.0))
