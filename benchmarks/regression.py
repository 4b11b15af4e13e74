"""Fits of the papers on regression side by side with other packages: proportional odds and sparse logistic regression.

The packages loop over instances on one thread; ours solves them side by side with `recover.solve_many`. Times are of solving only,
and of processor time. What was reached is reported as the largest difference of coefficients over their largest size.
"""

import warnings
from collections.abc import Callable, Sequence

import jax
import numpy as np
import threadpoolctl
from sklearn.linear_model import LogisticRegression
from statsmodels.miscmodels.ordinal_model import OrderedModel

import recover as rc

from .measure import speed, stopwatch, timed_call

ROWS, COLUMNS, CLASSES, STRENGTH = 1000, 10, 4, 0.01
WIDE_ROWS, WIDE_COLUMNS, NONZEROS = 200, 400, 10


def ordered(count: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Inputs, and ordered classes by proportional odds."""
    generator = np.random.default_rng(seed)
    inputs = generator.standard_normal((count, ROWS, COLUMNS)).astype(np.float32)
    latent = inputs @ np.linspace(-1, 1, COLUMNS) + generator.logistic(size=(count, ROWS))
    return list(zip(inputs, np.digitize(latent, [-1.0, 1.0, 3.0]), strict=True))


def binary(count: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Inputs with few relevant columns, and classes of a logistic model."""
    generator = np.random.default_rng(seed)
    inputs = generator.standard_normal((count, WIDE_ROWS, WIDE_COLUMNS)).astype(np.float32)
    odds = inputs[:, :, :NONZEROS].sum(2)
    return list(zip(inputs, (generator.random(odds.shape) < 1 / (1 + np.exp(-odds))).astype(np.float32), strict=True))


def proportional_odds(inputs, labels):
    """Maximum likelihood by statsmodels, whose slopes have the other sign."""
    return -OrderedModel(labels, inputs, distr="logit").fit(method="bfgs", disp=False).params[:COLUMNS]


def sparse_logistic(inputs, labels):
    """Coordinate descent of LIBLINEAR; its objective is ours times 2 n C, with half of the mean loss."""
    strength = 1 / (2 * STRENGTH * len(labels))
    fit = LogisticRegression(l1_ratio=1.0, C=strength, solver="liblinear", fit_intercept=False, tol=1e-4)
    return fit.fit(inputs, labels).coef_[0]


def compare(
    instances: Sequence[tuple[np.ndarray, np.ndarray]],
    problem: Callable,
    solver: rc.solvers.AbstractSolver,
    answer: Callable,
    peer: Callable,
) -> tuple[dict, dict, float]:
    """Speeds of ours and of the peer, and the largest relative difference of their coefficients."""
    problems = [problem(*each) for each in instances]
    found, ours = timed_call(lambda: jax.block_until_ready(rc.solve_many(problems, solver)), len(instances))
    with threadpoolctl.threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with stopwatch() as spent:
            theirs = np.stack([peer(*each) for each in instances])
    difference = np.abs(np.asarray(answer(found.value)) - theirs).max() / np.abs(theirs).max()
    return ours, speed(len(instances), spent), float(difference)


def run(full: bool = False) -> dict:
    """Both tasks; `ratio_*` is our instances per core-second over theirs."""
    count = 256 if full else 64
    tasks = {
        "ordinal": (
            "statsmodels",
            ordered(count),
            rc.OrdinalProblem,
            rc.solvers.OrdinalRegression("proportional"),
            lambda value: value.slopes[:, 0],
            proportional_odds,
        ),
        "logistic": (
            "sklearn",
            binary(count),
            lambda inputs, labels: rc.GeneralisedLinearProblem(inputs, labels, "logistic"),
            rc.solvers.CoordinateDescent(STRENGTH),
            lambda value: value,
            sparse_logistic,
        ),
    }
    numbers: dict = {"points": []}
    for task, (package, *pieces) in tasks.items():
        ours, theirs, difference = compare(*pieces)
        ratio = ours["per_core_second"] / theirs["per_core_second"]
        numbers[f"ratio_{task}_{package}"] = ratio
        numbers["points"].append(
            {
                "task": task,
                "package": package,
                "ours_per_core_second": ours["per_core_second"],
                "theirs_per_core_second": theirs["per_core_second"],
                "ours_over_theirs": ratio,
                "largest_difference": difference,
            }
        )
    return numbers
