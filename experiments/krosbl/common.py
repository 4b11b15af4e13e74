"""What the figures of this paper share: the planted model and solvers by name."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from recover import models, solvers

from ..fields import Count
from ..figure import SweepFigure

# The public code starts all variances at one.
START = 1.0

_BAYESIAN = {
    "SVD-KroSBL": solvers.SVDKroSBL,
    "AM-KroSBL": solvers.AMKroSBL,
    "KSBL": functools.partial(solvers.AMKroSBL, passes=1),
    "cSBL": solvers.UnstructuredSBL,
}

SolverNames = tuple[Literal["SVD-KroSBL", "AM-KroSBL", "KSBL", "cSBL", "KOMP", "KOMP, known sparsity", "OMP"], ...]
Noise = Literal["known", "unknown"]


def make(
    names: Sequence[str], sparsity: int, own: Mapping[str, Any] | None = None, **options
) -> dict[str, solvers.AbstractSolver]:
    """Solvers by name; `options` go to the Bayesian ones, and `own[name]` to one of them."""
    pursuits = {
        "KOMP": solvers.KroneckerOMP(most=10, normalise=False),
        "KOMP, known sparsity": solvers.KroneckerOMP(most=0, normalise=True),
        "OMP": solvers.Raveled(solvers.OMP(sparsity=sparsity**3)),
    }
    made = {}
    for name in names:
        if name in pursuits:
            made[name] = pursuits[name]
        else:
            made[name] = _BAYESIAN[name](initial_variance=START, **options, **(own or {}).get(name, {}))
    return made


class KroneckerFigure(SweepFigure):
    """Vectors of three modes of one size, whose support is a product."""

    dimension: Count
    solvers: SolverNames

    def model(self, rows: tuple[int, int, int], sparsity: int, snr: float, **more) -> models.KroneckerSparse:
        """The model, with the figure's size."""
        return models.KroneckerSparse((self.dimension,) * 3, rows, sparsity, snr=float(snr), **more)
