"""Every model and solver, once, with a small instance. Being listed earns the contract tests."""

import dataclasses
from collections.abc import Callable

import recover as rc


@dataclasses.dataclass(frozen=True)
class Case:
    """A model small enough to solve in milliseconds, and a solver that should succeed on it."""

    model: Callable
    solver: Callable
    max_steps: int = 300
    error: float = 2e-2


def _sparse(**changes):
    options = {"dimension": 64, "samples": 40, "sparsity": 5, **changes}
    return lambda: rc.models.SparseRegression(**options)


MODELS = {
    "sparse_regression": _sparse(),
    "sparse_regression_noise": _sparse(noise=0.1),
    "sparse_regression_snr": _sparse(snr=20.0, amplitudes="uniform"),
    "sparse_regression_rademacher": _sparse(ensemble="rademacher", amplitudes="signs"),
    "sparse_regression_partial_dct": _sparse(ensemble="partial_dct"),
    "sparse_regression_partial_hadamard": _sparse(ensemble="partial_hadamard", amplitudes="nonnegative"),
    "sparse_regression_circulant": _sparse(ensemble="circulant"),
    "sparse_regression_correlated": _sparse(ensemble="correlated", correlation=0.4),
    "sparse_regression_conditioned": _sparse(ensemble="conditioned", condition_number=5.0),
}

SOLVERS = {
    "AMP": Case(_sparse(), rc.solvers.AMP),
    "BayesAMP": Case(_sparse(), rc.solvers.BayesAMP),
    "CoSaMP": Case(_sparse(), rc.solvers.CoSaMP),
    "FISTA": Case(_sparse(), rc.solvers.FISTA),
    "HTP": Case(_sparse(), rc.solvers.HTP),
    "IHT": Case(_sparse(samples=60, sparsity=3), rc.solvers.IHT),
    "ISTA": Case(_sparse(), lambda: rc.solvers.ISTA(penalty=0.01), max_steps=1500, error=5e-2),
    "NormalizedIHT": Case(_sparse(), rc.solvers.NormalizedIHT),
    "OMP": Case(_sparse(), rc.solvers.OMP),
    "ProximalGradient": Case(_sparse(), lambda: rc.solvers.ProximalGradient(rc.penalties.MCP(0.01)), 1500, 5e-2),
    "ReweightedL1": Case(_sparse(), rc.solvers.ReweightedL1),
    "SparseBayesianLearning": Case(_sparse(), rc.solvers.SparseBayesianLearning),
    "SubspacePursuit": Case(_sparse(), rc.solvers.SubspacePursuit),
    "VAMP": Case(_sparse(), rc.solvers.VAMP),
}
