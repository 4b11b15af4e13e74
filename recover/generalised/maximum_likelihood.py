"""The maximum-likelihood estimate of a channel on which likelihoods are concave."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core.fields import Real, leaf
from ..core.linalg import cholesky, cholesky_solve
from ..core.results import Result
from ..core.solver import AbstractSolver
from ..core.stopping import by_change, relative_norm
from .channel_problem import ChannelProblem

__all__ = ["MaximumLikelihood"]


class LikelihoodState(eqx.Module):
    """The estimate and the relative length of the last step."""

    x: Float[Array, " dimension"]
    change: Float[Array, ""]


class MaximumLikelihood(AbstractSolver[ChannelProblem, LikelihoodState]):
    r"""$\max_x \sum_i \log P(y_i \mid a_i^\top x)$ by Newton's method, for logistic and Poisson channels.

    A step is shortened so that no linear form moves by more than `longest`. The prior of the problem is not used. Where the
    estimate does not exist iterates grow until steps run out (`SeparatingHyperplane` tells). Converged once the relative change
    of a step is at most `tolerance`. The matrix of second derivatives is factorised.
    """

    longest: Real = leaf(4.0, "positive")
    tolerance: Real = leaf(1e-5)

    def init(self, problem: ChannelProblem, key: Key[Array, ""]) -> LikelihoodState:
        """From zero."""
        dtype = problem.observations.dtype
        return LikelihoodState(jnp.zeros(problem.dimension, dtype), jnp.asarray(jnp.inf, dtype))

    def step(self, problem: ChannelProblem, state: LikelihoodState) -> LikelihoodState:
        """One Newton step."""

        def slope(y, z):
            return jax.grad(problem.channel.log_likelihood, 1)(y, z)

        forms, y = problem.forms(state.x), problem.observations
        gradient = jnp.where(problem.mask, jax.vmap(slope)(y, forms), 0)
        curvature = jnp.where(problem.mask, -jax.vmap(jax.grad(slope, 1))(y, forms), 0)
        matrix = problem.operator.as_matrix()
        factor = cholesky(matrix.T @ (curvature[:, None] * matrix))
        move = cholesky_solve(factor, problem.back_projection(gradient))
        far = jnp.max(jnp.abs(problem.forms(move)))
        x = state.x + move * jnp.minimum(1, self.longest / jnp.maximum(far, self.longest))
        return LikelihoodState(x, relative_norm(x - state.x, x))

    def status(self, problem: ChannelProblem, state: LikelihoodState) -> Result:
        """By the last step."""
        return by_change(state.change, self.tolerance)

    def estimate(self, problem: ChannelProblem, state: LikelihoodState) -> Float[Array, " dimension"]:
        """The current coefficients."""
        return state.x
