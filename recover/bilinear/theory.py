"""Blind calibration: counting equations, and how good the unbiased start is."""

from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval

__all__ = ["calibration_counting_limit", "calibration_start_error"]


def calibration_counting_limit(
    dimension: Real[ArrayLike, "..."], sensors: Real[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""Number of observations $m p$ below which signal and gains cannot be identified, $n + m - 1$.

    There are $n + m$ unknowns and one of them, the common scale, is free. With subspace priors of dimensions $k$ and
    $h$ pass these for $n$ and $m$.

    **Arguments:** `dimension` $n$ and `sensors` $m$, at least one each; they broadcast.

    Source: counting; see Ling and Strohmer, "Self-calibration and bilinear inverse problems via linear least squares"
    (2018).
    """
    for name, value in {"dimension": dimension, "sensors": sensors}.items():
        require_interval(name, value, 1, float("inf"), closed="left")
    dimension, sensors = as_floats(dimension, sensors)
    return dimension + sensors - 1


def calibration_start_error(
    dimension: Real[ArrayLike, "..."],
    sensors: Real[ArrayLike, "..."],
    snapshots: Real[ArrayLike, "..."],
    gain_variance: Real[ArrayLike, "..."],
) -> Float[Array, "..."]:
    r"""Mean squared distance $\Delta / \|x\|^2$ of the unbiased start of blind calibration, for Gaussian sensing.

    The start is $\xi_0 = \frac{1}{mp} \sum_l A_l^\top y_l$ with gains of one. Its $mp$ terms $g_i\, a a^\top x$ are
    independent with mean $g_i x$, and $E\|a a^\top x - x\|^2 = (n + 1) \|x\|^2$ for standard normal $a$, so

    $$\frac{E \Delta}{\|x\|^2} = \frac{n + 1}{m p}\,(1 + v) + v, \qquad v = \frac1m \sum_i (g_i - 1)^2 .$$

    **Arguments:** `dimension` $n$, `sensors` $m$, `snapshots` $p$, and `gain_variance` $v \ge 0$; they broadcast. Noise
    of variance $\sigma^2$ adds $n \sigma^2 / (m p \|x\|^2)$.

    Source: derived here; the start is that of Cambareri and Jacques (2018).
    """
    require_interval("gain_variance", gain_variance, 0, float("inf"), closed="left")
    dimension, sensors, snapshots, variance = as_floats(dimension, sensors, snapshots, gain_variance)
    return (dimension + 1) / (sensors * snapshots) * (1 + variance) + variance
