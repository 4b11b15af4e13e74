"""What the figures share: fields of configurations, solvers by name, summaries of rows."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pandas as pd
import pydantic

from recover import solvers

# The public code starts all variances at one.
START = 1.0
_OLD_KOMP = 10

SOLVERS = {
    "SVD-KroSBL": lambda nonzeros, **options: solvers.SVDKroSBL(initial_variance=START, **options),
    "AM-KroSBL": lambda nonzeros, **options: solvers.AMKroSBL(initial_variance=START, **options),
    "KSBL": lambda nonzeros, **options: solvers.AMKroSBL(initial_variance=START, passes=1, **options),
    "cSBL": lambda nonzeros, **options: solvers.UnstructuredSBL(initial_variance=START, **options),
    "KOMP": lambda nonzeros: solvers.KroneckerOMP(most=_OLD_KOMP, normalise=False),
    "KOMP, known sparsity": lambda nonzeros: solvers.KroneckerOMP(most=0, normalise=True),
    "OMP": lambda nonzeros: solvers.Raveled(solvers.OMP(sparsity=nonzeros)),
}


def check_solvers(names: Sequence[str]) -> Sequence[str]:
    """The names, if all are known.

    **Raises:** `ValueError` for one that is not.
    """
    for name in names:
        if name not in SOLVERS:
            raise ValueError(f"{name!r} is unknown; allowed: {', '.join(SOLVERS)}")
    return names


SolverNames = Annotated[tuple[str, ...], pydantic.AfterValidator(check_solvers)]


def make(names: Sequence[str], nonzeros: int, **options) -> dict[str, solvers.AbstractSolver]:
    """Solvers by name; `options` go to the Bayesian ones."""
    greedy = ("KOMP", "KOMP, known sparsity", "OMP")
    return {name: SOLVERS[name](nonzeros, **({} if name in greedy else options)) for name in names}


def summary(
    frame: pd.DataFrame, by: list[str], metrics: Sequence[str] = ("support_recovery", "steps"), seed: int = 0
) -> pd.DataFrame:
    """Mean (with its bootstrap interval over trials) and median of the error, and means of other columns, per group."""
    generator = np.random.default_rng(seed)
    rows = []
    for key, group in frame.groupby(by, sort=False):
        errors = group["error"].to_numpy(float)
        means = generator.choice(errors, (400, len(errors))).mean(axis=1)
        row = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
        row |= {"mean": errors.mean(), "median": np.median(errors)}
        row |= {"low": np.quantile(means, 0.025), "high": np.quantile(means, 0.975), "trials": len(errors)}
        row |= {name: group[name].mean() for name in metrics}
        rows.append(row)
    return pd.DataFrame(rows)


def instance_seconds(table) -> pd.DataFrame:
    """Seconds per instance of every solver in a batched sweep, compilation apart; solvers of one program share a number."""
    frame = table.frame
    rows = frame.groupby("block").size()
    seconds = table.provenance["run_seconds"] / rows
    per_row = frame["block"].map(seconds)
    return per_row.groupby(frame["solver"]).mean().rename("seconds").reset_index()
