"""A model and a solver small enough that a sweep costs milliseconds, with every trait the engine must respect."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from recover import Result
from recover.core import draws
from recover.core.leaves import as_leaf, leaf
from recover.core.sizes import capacities_field, capacity, concrete_capacities, row_mask
from recover.models import AbstractModel
from recover.solvers import AbstractSolver


class Means(AbstractModel):
    """Noisy copies of one number, of which the first `samples` are seen through a shared random gain each."""

    samples: Array
    noise: Array
    poison: Array
    capacities: tuple = capacities_field()

    def __init__(self, samples, noise=1.0, poison=0):
        self.samples = as_leaf(samples)
        self.noise = as_leaf(float(noise))
        self.poison = as_leaf(poison)
        self.capacities = concrete_capacities(samples=samples)

    def design(self, key):
        return 1 + draws.uniform(key, (capacity(self, "samples"),))

    def observe(self, key, design):
        rows = capacity(self, "samples")
        key_truth, key_noise = jax.random.split(key)
        truth = draws.normal(key_truth, ())
        y = design * truth + jnp.asarray(self.noise, design.dtype) * draws.normal(key_noise, (rows,))
        y = jnp.where(self.poison > 0, jnp.nan, y)
        mask = row_mask(self.samples, rows)
        return (jnp.where(mask, design, 0), jnp.where(mask, y, 0)), truth

    def error(self, truth, estimate):
        return jnp.abs(truth - estimate)

    def metrics(self, truth, estimate):
        return {"squared": (truth - estimate) ** 2}


class LeastSquares(AbstractSolver):
    """Gradient descent on the squared error with an exact line search, started at zero."""

    shrinkage: Array = leaf(default=1.0)
    rounds: Array = leaf(default=3)

    def init(self, problem, key):
        return jnp.zeros((), problem[1].dtype), jnp.zeros((), jnp.int32)

    def step(self, problem, state):
        gains, y = problem
        x, steps = state
        gradient = jnp.sum(gains * (y - gains * x))
        return x + self.shrinkage * gradient / jnp.sum(gains**2), steps + 1

    def status(self, problem, state):
        return Result.where(state[1] >= self.rounds, Result.converged, Result.running)

    def estimate(self, problem, state):
        return state[0]


class DesignDependsOnNoise(Means):
    """A model whose design must not be shared."""

    def design(self, key):
        return self.noise.astype(jnp.float32) * super().design(key)


def traced_cell(samples, noise):
    """The usual toy grid."""
    return Means(samples=samples, noise=noise), LeastSquares()
