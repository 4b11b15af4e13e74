"""What is measured of sets of features, and baselines that return several sets."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Array
from sklearn.linear_model import lars_path

from recover import models
from recover.core.numbers import ratio
from recover.core.selection import largest_mask


def unions(model, truth, problem, solver, state) -> dict[str, Array]:
    """F1 scores by the rules `full` and `outlier`, and of the columns of largest variance, as many as are planted."""
    found = {f"f1_{rule}": solver.supports(problem, state, rule) for rule in ("full", "outlier")}
    matrix = problem.operator.as_matrix()
    mean = jnp.sum(matrix, 0) / problem.count
    variances = jnp.sum(jnp.where(problem.mask[:, None], matrix - mean[None, :], 0) ** 2, 0)
    planted = jnp.sum(jnp.any(truth.supports > 0, 0), dtype=jnp.int32)
    # Relative to the largest, so that all are of order one.
    found["f1_variance"] = largest_mask(ratio(variances, jnp.max(variances)), planted)[None, :].astype(matrix.dtype)
    return {name: model.metrics(truth, rows)["f1"] for name, rows in found.items()}


def baselines(model: models.EquivalentSupports, sets: int, trials: int, seed: int) -> pd.DataFrame:
    """F1 scores of `masking`, `bootstrap` and `greedy`, which return `sets` sets of the right size, on instances of their own.

    `masking` takes the first columns of the path of the LASSO, removes them and starts again; `bootstrap` the first columns on
    resampled observations; `greedy` is orthogonal matching pursuit from each of the columns most correlated with the response.
    """
    rows, samples, size = [], int(model.samples), int(model.sparsity)
    for trial in range(trials):
        problem, truth = model.sample(jax.random.fold_in(jax.random.key(seed), trial))
        matrix = np.asarray(problem.operator.as_matrix(), float)[:samples]
        response = np.asarray(problem.observations, float)[:samples]
        lengths = np.linalg.norm(matrix - matrix.mean(0), axis=0)
        matrix, response = (matrix - matrix.mean(0)) / np.where(lengths > 0, lengths, 1), response - response.mean()
        planted = np.asarray(truth.supports).any(0)
        found = {"masking": _masking(matrix, response, sets, size), "greedy": _greedy(matrix, response, sets, size)}
        found["bootstrap"] = _bootstrap(matrix, response, sets, size, np.random.default_rng([seed, trial]))
        for name, union in found.items():
            hits = len(union & set(np.flatnonzero(planted)))
            rows.append({"trial": trial, "method": name, "f1": 2 * hits / (len(union) + planted.sum())})
    return pd.DataFrame(rows)


def _first_of_path(matrix, response, size: int) -> list[int]:
    """The first columns on the path of the LASSO."""
    return [int(each) for each in lars_path(matrix, response, method="lar", max_iter=size)[1]]


def _masking(matrix, response, sets: int, size: int) -> set[int]:
    left, union = np.arange(matrix.shape[1]), set()
    for _ in range(sets):
        chosen = _first_of_path(matrix[:, left], response, min(size, len(left)))
        union |= set(left[chosen].tolist())
        left = np.delete(left, chosen)
        if not len(left):
            break
    return union


def _bootstrap(matrix, response, sets: int, size: int, generator) -> set[int]:
    union = set()
    for _ in range(sets):
        drawn = generator.integers(len(response), size=len(response))
        union |= set(_first_of_path(matrix[drawn], response[drawn] - response[drawn].mean(), size))
    return union


def _greedy(matrix, response, sets: int, size: int) -> set[int]:
    union = set()
    for first in np.argsort(-np.abs(matrix.T @ response))[:sets]:
        chosen = [int(first)]
        while len(chosen) < size:
            fit = matrix[:, chosen] @ np.linalg.lstsq(matrix[:, chosen], response, rcond=None)[0]
            scores = np.abs(matrix.T @ (response - fit))
            scores[chosen] = -1
            chosen.append(int(scores.argmax()))
        union |= set(chosen)
    return union
