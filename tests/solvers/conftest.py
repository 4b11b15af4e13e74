"""What the solver tests share."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.results import result_code, result_names
from recover.core.solve import run


@eqx.filter_jit
def _batch(model, solver, keys, max_steps):
    def one(key):
        problem, truth = model.sample(key)
        solution = run(problem, solver, key, max_steps)
        return model.error(truth, solution.value), result_code(solution.result), solution.stats["steps"]

    return jax.vmap(one)(keys)


@pytest.fixture
def trials():
    """Runs a solver on a batch of instances: errors, result names and steps.

    Tests prefer 200 coefficients, 100 samples and the default count: programs are then compiled once for all of them.
    """

    def solve_many(model, solver, count=16, max_steps=1000, seed=0):
        keys = jax.random.split(jax.random.key(seed), count)
        errors, codes, steps = _batch(model, solver, keys, jnp.asarray(max_steps))
        return np.asarray(errors), result_names(np.asarray(codes)), np.asarray(steps)

    return solve_many


@pytest.fixture
def sparse_data():
    """A NumPy instance: matrix, observations, coefficients."""

    def draw(samples=60, dimension=100, sparsity=8, noise=0.0, scale=None, seed=0):
        generator = np.random.default_rng(seed)
        matrix = generator.standard_normal((samples, dimension)) * (samples**-0.5 if scale is None else scale)
        truth = np.zeros(dimension)
        truth[generator.choice(dimension, sparsity, replace=False)] = generator.standard_normal(sparsity)
        observations = matrix @ truth
        observations = observations + noise * generator.standard_normal(samples)
        return matrix, observations, truth

    return draw


@pytest.fixture
def result_name():
    """The name of a result."""
    return lambda solution: str(result_names(np.asarray(result_code(solution.result))[None])[0])


SOLVERS = {
    "AMP": rc.solvers.AMP(),
    "BayesAMP": rc.solvers.BayesAMP(),
    "CoSaMP": rc.solvers.CoSaMP(),
    "FISTA": rc.solvers.FISTA(),
    "HTP": rc.solvers.HTP(),
    "IHT": rc.solvers.IHT(),
    "ISTA": rc.solvers.ISTA(),
    "NormalizedIHT": rc.solvers.NormalizedIHT(),
    "OMP": rc.solvers.OMP(),
    "ReweightedL1": rc.solvers.ReweightedL1(),
    "SparseBayesianLearning": rc.solvers.SparseBayesianLearning(),
    "SubspacePursuit": rc.solvers.SubspacePursuit(),
    "VAMP": rc.solvers.VAMP(),
}


@pytest.fixture(params=sorted(SOLVERS))
def solver(request):
    """Every solver with its defaults."""
    return SOLVERS[request.param]
