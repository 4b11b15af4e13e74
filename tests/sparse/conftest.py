"""The solvers that every sparse test is run for."""

import pytest

import recover as rc

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
    "WorkingSet": rc.solvers.WorkingSet(),
}


@pytest.fixture(params=sorted(SOLVERS))
def solver(request):
    """Every solver with its defaults."""
    return SOLVERS[request.param]
