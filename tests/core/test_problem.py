"""What every problem has, and what an optional method says where there is none."""

import jax
import jax.numpy as jnp
import pytest
from jaxtyping import Array

from recover.core.problem import AbstractProblem


class Scaled(AbstractProblem):
    observations: Array
    scale: Array

    @property
    def mask(self):
        return jnp.ones(self.observations.shape, bool)

    @property
    def count(self):
        return jnp.asarray(self.observations.size, self.observations.dtype)

    def forward(self, x):
        return self.scale * x


class Counted(AbstractProblem):
    observations: Array

    def __init__(self, observations):
        self.observations = observations

    @property
    def mask(self):
        return jnp.ones(self.observations.shape, bool)

    @property
    def count(self):
        return jnp.ones(())


def test_a_residual_follows_from_the_forward_map():
    problem = Scaled(jnp.ones(3), jnp.asarray(2.0))
    assert jnp.array_equal(problem.residual(jnp.ones(3)), -jnp.ones(3))
    assert problem.oracle is None
    assert Scaled(jnp.ones(3), jnp.asarray(2.0), oracle=jnp.ones(2)).oracle.shape == (2,)


def test_what_a_problem_does_not_have_is_said_by_name():
    with pytest.raises(NotImplementedError, match="Scaled has no `adjoint`"):
        Scaled(jnp.ones(3), jnp.asarray(2.0)).adjoint(jnp.ones(3))
    with pytest.raises(NotImplementedError, match="Counted has no `forward`"):
        Counted(jnp.ones(3)).residual(jnp.ones(3))


def test_an_oracle_that_a_constructor_leaves_out_is_no_hole():
    problem = Counted(jnp.ones(3))
    assert problem.oracle is None
    assert jax.tree.structure(problem) == jax.tree.structure(jax.tree.map(jnp.zeros_like, problem))
