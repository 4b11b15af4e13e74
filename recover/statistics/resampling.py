"""Intervals by drawing whole trials again, since the cells of a trial may share a design."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# Below this many trials no interval by resampling is trusted, so none is given.
FEWEST_TRIALS = 10


def trial_intervals(
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    trials: int,
    confidence: float,
    replicates: int,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Bias-corrected and accelerated (BCa) bootstrap intervals over whole trials.

    The confidence is raised to $1 - 2\Phi(-t_{(1 + c)/2, T-1} \sqrt{T / (T - 1)})$, since with $T$ trials plain intervals are
    too narrow by that factor.

    **Arguments:**

    - `statistic`: maps weights of the trials, shape `(replicates, trials)`, to values of shape `(statistics, replicates)`.
    - `trials`: their number.

    **Returns:** `(low, high)`, each of shape `(statistics,)`; infinite with fewer than ten trials, and where the statistic is
    not a number on a drawing.

    Sources: Efron (efron1987); Hesterberg (hesterberg2015, section 4.3) for the raised confidence.
    """
    from scipy import stats

    estimate = statistic(np.ones((1, trials)))[:, 0]
    nothing = np.full(len(estimate), -np.inf), np.full(len(estimate), np.inf)
    if trials < FEWEST_TRIALS or replicates == 0:
        return nothing

    def of_drawn(drawn, axis=-1):
        flat = np.reshape(drawn, (-1, np.shape(drawn)[-1]))
        weights = np.zeros((len(flat), trials))
        np.add.at(weights, (np.arange(len(flat))[:, None], flat), 1)
        return statistic(weights).reshape(-1, *np.shape(drawn)[:-1])

    reach = stats.t.ppf((1 + confidence) / 2, trials - 1) * np.sqrt(trials / (trials - 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            (np.arange(trials),),
            of_drawn,
            n_resamples=replicates,
            vectorized=True,
            confidence_level=1 - 2 * stats.norm.cdf(-reach),
            method="BCa",
            rng=np.random.default_rng(seed),
        )
    low, high = np.asarray(found.confidence_interval)
    # Drawings that all agree, to rounding, have no quantiles.
    same = np.ptp(found.bootstrap_distribution, axis=-1) <= 1e-9 * np.abs(estimate)
    low, high = np.where(same, estimate, low), np.where(same, estimate, high)
    return np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
