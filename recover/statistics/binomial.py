"""Exact intervals for success probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

# NumPy's own alias leaves plain integers to the type checker's promotion of int to complex, which a runtime check lacks.
ArrayLike: TypeAlias = np.ndarray | np.generic | float | int | Sequence[Any]


def binomial_interval(
    successes: ArrayLike, count: ArrayLike, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Exact (Clopper-Pearson) interval for a success probability, element by element.

    With $s$ successes in $n$ independent trials and $\alpha = 1 - \text{confidence}$ the ends are the Beta
    quantiles

    $$\ell = B_{\alpha/2}(s,\, n - s + 1), \qquad u = B_{1-\alpha/2}(s + 1,\, n - s),$$

    with $\ell = 0$ at $s = 0$ and $u = 1$ at $s = n$; no trials at all give $[0, 1]$. Coverage is at least
    `confidence` for every true probability.

    **Arguments:**

    - `successes`: number of successes, any shape. Fractional values (weighted counts) are accepted.
    - `count`: number of trials, broadcast against `successes`.
    - `confidence`: two-sided confidence, strictly between 0 and 1.

    **Returns:** `(low, high)`, each of the broadcast shape.

    **Raises:**

    - `ValueError`: a count is negative or not finite, more successes than trials, or shapes that do not fit.
    - `TypeError`: something that is no number.

    Source: Clopper and Pearson (clopper1934).
    """
    check_confidence(confidence)
    s, n = as_one_shape(successes=successes, count=count)
    check_counts(s, n)
    return exact_ends(s, n, (1 - confidence) / 2)


def exact_ends(s: NDArray, n: NDArray, tail: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Clopper-Pearson ends that each miss with probability at most `tail`."""
    from scipy import stats

    # The Beta parameters must be positive; the two ends where one of them vanishes are known exactly.
    low = np.where(s > 0, stats.beta.ppf(tail, np.maximum(s, 1e-12), n - s + 1), 0.0)
    high = np.where(s < n, stats.beta.ppf(1 - tail, s + 1, np.maximum(n - s, 1e-12)), 1.0)
    return low, high


def check_counts(successes: NDArray, count: NDArray) -> None:
    """Raises `ValueError` for counts that are negative or not finite, and for more successes than trials."""
    valid = np.isfinite(successes) & np.isfinite(count) & (successes >= 0) & (successes <= count)
    if not valid.all():
        raise ValueError("counts must be finite with 0 <= successes <= count in every cell.")


def check_confidence(confidence: float) -> None:
    """Raises `ValueError` outside of (0, 1)."""
    check_probability("confidence", confidence)


def check_probability(name: str, value) -> None:
    """Raises `ValueError` unless a value is one number in (0, 1)."""
    if not (is_real(value) and 0 < value < 1):
        raise ValueError(f"{name} must lie strictly between 0 and 1; got {value!r}.")


def is_real(value) -> bool:
    """Whether a value is one real number."""
    single = isinstance(value, (int, float, np.generic)) or (isinstance(value, np.ndarray) and value.ndim == 0)
    return single and np.asarray(value).dtype.kind in "biuf"


def as_one_shape(**arrays) -> list[NDArray]:
    """Arrays of numbers, broadcast against each other.

    **Raises:** `TypeError` for what is no array of numbers, `ValueError` for shapes that do not fit.
    """
    found = {}
    for name, value in arrays.items():
        try:
            array = np.asarray(value)
            if array.dtype.kind not in "biufO":
                raise TypeError
            found[name] = array.astype(float)
        except (TypeError, ValueError):
            raise TypeError(f"`{name}` is {value!r}; numbers are allowed.") from None
    try:
        return list(np.broadcast_arrays(*found.values()))
    except ValueError:
        shapes = ", ".join(f"`{name}` has {array.shape}" for name, array in found.items())
        raise ValueError(f"shapes must be equal, or one where they are not; {shapes}.") from None
