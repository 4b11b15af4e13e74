"""Intervals of any statistic from its values on resampled trials."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# With a larger share of drawings on which a statistic is not defined, nothing is said about its ends.
_MOST_UNDEFINED = 0.1


def bca_interval(
    estimate: float, resampled: ArrayLike, left_out: ArrayLike, confidence: float = 0.95
) -> tuple[float, float]:
    r"""Bias-corrected and accelerated (BCa) bootstrap interval, with levels expanded for few trials.

    With $B$ values $\hat\theta^*$ on resampled trials the ends are the quantiles of these at the levels

    $$\Phi\!\left(z_0 + \frac{z_0 \pm z}{1 - a (z_0 \pm z)}\right), \qquad
      z = t_{(1 + \text{confidence}) / 2,\, n - 1} \sqrt{n / (n - 1)},$$

    $z_0 = \Phi^{-1}$ of the share of $\hat\theta^*$ below the estimate, and $a$ the acceleration from the $n$ values with
    one trial left out. The usual normal quantile in place of $z$ gives intervals that are too narrow by that factor.

    **Arguments:**

    - `estimate`: the statistic on all trials.
    - `resampled`: its values on drawings of $n$ trials with replacement, shape (B,).
    - `left_out`: its values with one trial left out, shape (n,).
    - `confidence`: two-sided confidence.

    **Returns:** `(low, high)`; infinite where the statistic is not a number on more than a tenth of the drawings.

    Source: B. Efron, Journal of the American Statistical Association 82 (1987) 171-185, equations (1.8) and (6.6), for the
    interval; T. C. Hesterberg, The American Statistician 69 (2015) 371-386, section 4.3, for the expanded levels.
    """
    from scipy import stats

    values = np.asarray(resampled, float)
    defined = np.sort(values[~np.isnan(values)])
    if np.isnan(estimate) or len(defined) < (1 - _MOST_UNDEFINED) * len(values):
        return -np.inf, np.inf
    count = len(np.asarray(left_out))
    below = (np.sum(defined < estimate) + 0.5 * np.sum(defined == estimate)) / len(defined)
    # No resample on one side of the estimate says that less than about one in so many would be.
    edge = 0.5 / len(defined)
    bias = stats.norm.ppf(np.clip(below, edge, 1 - edge))
    acceleration = _acceleration(np.asarray(left_out, float))
    reach = stats.t.ppf((1 + confidence) / 2, count - 1) * np.sqrt(count / (count - 1))
    shifted = bias + np.asarray([-reach, reach])
    levels = stats.norm.cdf(bias + shifted / np.maximum(1 - acceleration * shifted, 1e-3))
    # Without interpolation, outwards: neighbours may be infinite.
    ranks = levels * (len(defined) - 1)
    return float(defined[int(np.floor(ranks[0]))]), float(defined[int(np.ceil(ranks[1]))])


def _acceleration(left_out: NDArray[np.float64]) -> float:
    finite = left_out[np.isfinite(left_out)]
    pulls = finite.mean() - finite if len(finite) else np.zeros(0)
    scale = np.sum(pulls**2) ** 1.5
    return float(np.sum(pulls**3) / (6 * scale)) if scale > 0 else 0.0
