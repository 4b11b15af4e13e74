"""Finite-size scaling: a transition that sharpens with size, as one curve."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .binomial import binomial_interval, check_confidence
from .logistic import FITTED as FITTED_CURVE
from .logistic import STATUSES, fit_curves
from .outcomes import as_success, check_columns, check_resampling, curve_codes
from .resampling import FEWEST_TRIALS, trial_intervals

if TYPE_CHECKING:
    import pandas

FITTED, FEW_TRIALS, UNRESOLVED = "fitted", "few trials", "unresolved"
# The columns that are added to those of the outcomes.
FITS = (
    "critical",
    "critical_low",
    "critical_high",
    "exponent",
    "exponent_low",
    "exponent_high",
    "misfit",
    "status",
    "trials",
    "sizes",
    "points",
)
CELLS = ("scaled", "rate", "low", "high", "successes", "trials", "fitted")
# Log-odds are a polynomial of this degree in the scaled variable, whose coefficients, in units of the width of the transition, are
# of order one: a normal prior of standard deviation 10 holds those on which the data say nothing.
_DEGREE = 3
_PENALTY = 1e-2
# Beyond so many widths every probability is 0 or 1.
_FAR = 30.0
_MOST_STEPS = 60
# Cells with fewer successes or failures expected say nothing of the misfit.
_LEAST_EXPECTED = 1.0


@dataclasses.dataclass(frozen=True)
class Collapse:
    """Finite-size scaling of transitions.

    - `fits`: one row per curve family, with `critical`, `critical_low`, `critical_high`, `exponent`, `exponent_low`,
      `exponent_high`, `misfit`, `status`, `trials`, `sizes` and `points`; see `collapse`.
    - `cells`: one row per cell: size, axis, `scaled` (the axis of the collapsed drawing), `rate`, its exact interval `low`,
      `high`, `successes`, `trials`, and `fitted`, the probability on the common curve.
    """

    fits: pandas.DataFrame
    cells: pandas.DataFrame


def collapse(
    outcomes: pandas.DataFrame,
    size: str,
    axis: str,
    by: Sequence[str],
    *,
    confidence: float = 0.95,
    replicates: int = 400,
    seed: int = 0,
) -> Collapse:
    r"""Fits $p = f\bigl((x - x_c)\, N^{1/\nu}\bigr)$: where curves of all sizes $N$ cross, and how they sharpen.

    The log-odds of $f$ are a polynomial of degree three, fitted with $x_c$ and $1/\nu$ by maximum likelihood over all cells. The
    probability at the crossing is free, so $x_c$ is the place where the success probability does not depend on the size, which
    need not be the place where it is one half. Intervals resample whole trials (`trial_intervals`).

    Measured coverage at nominal 95 %, 200 repetitions each, 10 and 30 trials, four sizes, cells of a trial independent or
    not, logistic and lopsided curves: 0.94 to 0.98 for the critical point, 0.93 to 0.96 for the exponent; on grids so coarse that
    few cells are mixed about 0.9. Corrections to scaling (sizes too small) are no part
    of the model: `misfit`, and whether the answer moves when the smallest size is left out, tell.

    **Arguments:**

    - `outcomes`: one row per outcome with the columns `size`, `axis`, `trial`, `success` and those of `by`.
    - `by`: columns whose combinations are separate families of curves.

    **Returns:** a `Collapse`. In `fits`, `critical` is $x_c$ and `exponent` is $\nu$, infinite where curves do not sharpen; ends of
    intervals beyond the values of the axis are infinite, as all are with fewer than ten trials (`status` is `few trials`).
    `misfit` is the mean squared Pearson residual, about 1 where cells are independent and lie on one curve; hundreds of trials
    also see that a polynomial is not $f$. Where successes and failures overlap for fewer than two sizes the exponent is not determined: `status` is `unresolved`.

    **Raises:** `ValueError` for sizes that are not positive, or an axis that is not numeric and finite.

    Source: Kirkpatrick and Selman (kirkpatrick1994) for the method.
    """
    import pandas as pd

    check_confidence(confidence)
    check_resampling(replicates, seed)
    check_columns(outcomes, [*by, size, axis, "trial", "success"])
    for name, allowed in ((size, "positive numbers"), (axis, "finite numbers")):
        column = outcomes[name]
        valid = column.dtype.kind in "iuf" and np.isfinite(column).all()
        if not valid or (name == size and not (column > 0).all()):
            raise ValueError(f"the axis {name!r} does not hold {allowed}, which a collapse needs.")
    family, keys = curve_codes(outcomes, list(by))
    fits, cells = [], []
    for number in range(len(keys)):
        data = _Data.of(outcomes[family == number], size, axis)
        row, curve = _fitted(data, size, axis, confidence, replicates, seed)
        fits.append(row)
        labels = keys.loc[[number] * len(curve)].reset_index(drop=True)
        cells.append(pd.concat([labels, curve], axis=1))
    return Collapse(pd.concat([keys, pd.DataFrame(fits)], axis=1), pd.concat(cells, ignore_index=True))


@dataclasses.dataclass(frozen=True)
class _Data:
    """The cells of a family: sizes and axis values `(cells,)`, successes and attempts `(trials, cells)`."""

    size: NDArray[np.float64]
    axis: NDArray[np.float64]
    won: NDArray[np.float64]
    tried: NDArray[np.float64]

    @staticmethod
    def of(rows: pandas.DataFrame, size: str, axis: str) -> _Data:
        pairs = rows[[size, axis]].to_numpy(float)
        cells, cell = np.unique(pairs, axis=0, return_inverse=True)
        names, trial = np.unique(rows["trial"].to_numpy(), return_inverse=True)
        shape = len(names), len(cells)
        index = np.ravel_multi_index((trial, cell.reshape(-1)), shape)
        tried = np.bincount(index, minlength=shape[0] * shape[1]).astype(float)
        won = np.bincount(index, as_success(rows["success"]), minlength=shape[0] * shape[1])
        return _Data(cells[:, 0], cells[:, 1], won.reshape(shape), tried.reshape(shape))


def _fitted(
    data: _Data, size: str, axis: str, confidence: float, replicates: int, seed: int
) -> tuple[dict, pandas.DataFrame]:
    """The row of a family, and its cells."""
    import pandas as pd

    won, tried = data.won.sum(0), data.tried.sum(0)
    starts, unit = _starts(data, won, tried)
    low, high = binomial_interval(won, tried, confidence)
    counts = {"successes": won.astype(int), "trials": tried.astype(int)}
    shown = {"scaled": np.full(len(won), np.nan), "rate": won / tried, "low": low, "high": high, **counts}
    cells = pd.DataFrame({size: data.size, axis: data.axis, **shown, "fitted": np.nan})
    row = {"critical": np.nan, "critical_low": -np.inf, "critical_high": np.inf}
    row |= {"exponent": np.nan, "exponent_low": 0.0, "exponent_high": np.inf, "misfit": np.nan, "status": UNRESOLVED}
    trials, sizes = len(data.won), len(np.unique(data.size))
    counts = {"trials": trials, "sizes": sizes, "points": len(data.size)}
    if len(starts) == 0:
        return {**row, **counts}, cells
    problem = _Likelihood(data.axis, np.log(data.size), unit)

    def repeated(values: NDArray, count: int) -> NDArray:
        return np.broadcast_to(values, (count, len(values)))

    found, likelihood = problem.maximised(
        repeated(won, len(starts)), repeated(tried, len(starts)), np.asarray(starts, float)
    )
    best = found[np.argmax(likelihood)]

    def places(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        begun = np.repeat(best[None], len(weights), axis=0)
        return problem.maximised(weights @ data.won, weights @ data.tried, begun)[0][:, :2].T

    (low, least), (high, most) = trial_intervals(places, trials, confidence, replicates, seed)
    fitted = problem.probability(best)
    spread = tried * fitted * (1 - fitted)
    told = tried * np.minimum(fitted, 1 - fitted) >= _LEAST_EXPECTED
    residual = ((won - tried * fitted)[told] ** 2 / spread[told]).sum()
    row |= {
        "critical": best[0],
        "critical_low": -np.inf if low < data.axis.min() else low,
        "critical_high": np.inf if high > data.axis.max() else high,
        "exponent": _inverse(best[1]),
        "exponent_low": _inverse(most),
        "exponent_high": _inverse(least),
        "misfit": residual / max(told.sum() - len(best), 1),
        "status": FITTED if trials >= FEWEST_TRIALS else FEW_TRIALS,
    }
    scaled = (data.axis - best[0]) * data.size ** best[1]
    return {**row, **counts}, cells.assign(scaled=scaled, fitted=fitted)


def _inverse(sharpening: float) -> float:
    """The exponent of curves that sharpen as this power of the size; infinite where they do not."""
    return float(1 / sharpening) if sharpening > 0 else np.inf


def _starts(data: _Data, won: NDArray, tried: NDArray) -> tuple[list[list[float]], float]:
    """Parameters to start from, and the width of the transition at the middle size, from a logistic fit of every size.

    None where successes and failures overlap for fewer than two sizes.
    """
    sizes, code = np.unique(data.size, return_inverse=True)
    shape = len(sizes), np.bincount(code).max()
    x, s, n = (np.zeros(shape) for _ in range(3))
    place = np.arange(len(code)) - np.searchsorted(code, code)
    x[code, place], s[code, place], n[code, place] = data.axis, won, tried
    fit = fit_curves(x, s, n, 0.5, np.zeros(len(sizes), int), penalised=True)
    use = (fit.status == STATUSES.index(FITTED_CURVE)) & np.isfinite(fit.boundary)
    if use.sum() < 2:
        return [], np.nan
    log_size = np.log(sizes[use]) - np.log(data.size).mean()
    sharpening, middle = np.polyfit(log_size, -np.log(fit.width[use]), 1)
    sign = float(np.sign(fit.sign[use].sum()) or 1)
    rest = [0.0, sign, *[0.0] * (_DEGREE - 1)]
    boundaries = fit.boundary[use]
    return [[c, a, *rest] for c in (boundaries.mean(), boundaries[-1]) for a in (sharpening, 0.5)], np.exp(-middle)


@dataclasses.dataclass(frozen=True)
class _Likelihood:
    """The penalised binomial likelihood of the parameters (critical point, 1 / exponent, coefficients), many at once."""

    axis: NDArray[np.float64]
    log_size: NDArray[np.float64]
    unit: float

    def _log_odds(self, parameters: NDArray) -> tuple[NDArray, NDArray]:
        """Log-odds `(many, cells)` and their derivatives `(many, cells, parameters)`."""
        critical, sharpening, coefficients = parameters[:, :1], parameters[:, 1:2], parameters[:, 2:, None]
        centred = self.log_size - self.log_size.mean()
        growth = np.exp(np.clip(sharpening * centred, -_FAR, _FAR)) / self.unit
        u = np.clip((self.axis - critical) * growth, -_FAR, _FAR)
        powers = u[..., None] ** np.arange(_DEGREE + 1)
        slope = powers[..., :-1] @ (coefficients[:, 1:] * np.arange(1, _DEGREE + 1)[:, None])
        inner = slope * np.stack([-growth, u * centred], axis=-1)
        return (powers @ coefficients)[..., 0], np.concatenate([inner, powers], axis=-1)

    def probability(self, parameters: NDArray) -> NDArray:
        """The success probability of every cell."""
        from scipy.special import expit

        return expit(self._log_odds(parameters[None])[0][0])

    def maximised(self, won: NDArray, tried: NDArray, start: NDArray) -> tuple[NDArray, NDArray]:
        """The maxima for many sets of counts `(many, cells)`, by damped Fisher scoring, and the values there."""
        from scipy.special import expit

        penalty = np.r_[0.0, _PENALTY, np.full(_DEGREE + 1, _PENALTY)]

        def value(log_odds, parameters):
            fit = won * -np.logaddexp(0, -log_odds) + (tried - won) * -np.logaddexp(0, log_odds)
            return fit.sum(1) - (penalty * parameters**2).sum(1) / 2

        parameters, damping = start, np.full(len(start), 1e-3)
        log_odds, derivative = self._log_odds(parameters)
        best, done = value(log_odds, parameters), np.zeros(len(start), bool)
        for _ in range(_MOST_STEPS):
            p = expit(log_odds)
            transposed = np.swapaxes(derivative, 1, 2)
            gradient = (transposed @ (won - tried * p)[..., None])[..., 0] - penalty * parameters
            information = transposed @ (derivative * (tried * p * (1 - p))[..., None]) + np.diag(penalty)
            diagonal = np.einsum("bkk->bk", information)
            # In units in which the diagonal is one, since the axis may have any.
            scale = np.sqrt(np.maximum(diagonal, 1e-300))
            normal = information / (scale[:, :, None] * scale[:, None]) + damping[:, None, None] * np.eye(len(penalty))
            trial = parameters + np.linalg.solve(normal, (gradient / scale)[..., None])[..., 0] / scale
            odds, slopes = self._log_odds(trial)
            reached = value(odds, trial)
            better = reached >= best
            done |= np.where(better, reached - best < 1e-9 * (1 - best), damping > 1e6)
            parameters, best = np.where(better[:, None], trial, parameters), np.where(better, reached, best)
            log_odds = np.where(better[:, None], odds, log_odds)
            derivative = np.where(better[:, None, None], slopes, derivative)
            damping = np.clip(np.where(better, damping / 5, damping * 5), 1e-9, 1e9)
            if done.all():
                break
        return parameters, best
