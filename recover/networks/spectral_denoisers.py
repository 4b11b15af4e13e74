r"""The posterior mean of a Wishart matrix in Gaussian noise, eigenvalue by eigenvalue, in any precision.

Let $R = S + \sqrt t\, G$ with $S = \frac1m W^\top W$ ($W$ of shape $m \times d$ with standard normal entries, $\kappa = m/d$) and
$G$ symmetric Gaussian with off-diagonal variance $1/d$. The optimal rotationally invariant estimate of $S$ keeps the
eigenvectors of $R$ and maps its eigenvalues as $x \mapsto x - 2 t\, h_t(x)$, $h_t$ being the real part of the Stieltjes
transform $g$ of the limiting spectrum, a root of $t g^3 - (x + \kappa t) g^2 + (1 - \kappa + \kappa x) g - \kappa = 0$.

Solved as it stands this loses all digits of single precision for $t < 0.01$: $h_t$ is the real part of a complex pair of
roots that is small against the third, real root $r$. But the roots add up to $(x + \kappa t)/t$, so that

$$x - 2 t\, h_t(x) = t (r - \kappa) =: s,$$

and the shrunken eigenvalue is itself the *real* root of a cubic whose coefficients are of the order of $x$ and $t$:

$$s \big[ (s + \kappa t)(s + \kappa t - x) + (1 - \kappa) t \big] = \kappa^2 t^2 .$$

It is well conditioned, also where the complex pair meets the real axis. Its product of roots is positive, so there are one or
three positive ones, and $s > 0$ always: an estimate of a positive matrix is positive.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float


def wishart_shrinkage(
    eigenvalues: Float[Array, " dimension"], variance: Float[Array, ""], ratio: Float[Array, ""]
) -> Float[Array, " dimension"]:
    r"""The shrunken eigenvalues $s(x) = x - 2 t\, h_t(x)$; see the top of this file.

    Eigenvalues of a finite matrix also fall outside the limiting support. Beyond its outer edges the same root is followed,
    which continues $s$ smoothly and keeps it positive, instead of the square-root branch of $h_t$, which would amplify
    fluctuations of the extreme eigenvalues. In a gap between two parts of the support, where all three roots are positive,
    $h_t$ is the middle root and $s = s_1 - s_2 + s_3$.

    **Arguments:** `eigenvalues` $x$, `variance` $t > 0$, `ratio` $\kappa > 0$; the two scalars in the dtype of the first.
    """
    # In units of the largest of the scales that occur, all coefficients are of order one.
    scale = jnp.maximum(jnp.abs(eigenvalues), jnp.maximum(jnp.sqrt(variance), ratio * variance))
    x, e, tau = eigenvalues / scale, ratio * variance / scale, variance / scale**2
    constant = e**2 / scale
    # s^3 + a s^2 + b s - constant = 0, then u = s + a / 3 with u^3 + p u + q = 0.
    a, b = 2 * e - x, e * (e - x) + (1 - ratio) * tau
    p = b - a**2 / 3
    q = 2 * a**3 / 27 - a * b / 3 - constant
    discriminant = q**2 / 4 + p**3 / 27
    # One real root: Cardano's formula without its cancellation.
    cube = jnp.cbrt(-q / 2 - jnp.where(q >= 0, 1, -1).astype(q.dtype) * jnp.sqrt(jnp.maximum(discriminant, 0)))
    single = cube - p / (3 * jnp.where(cube == 0, 1, cube)) - a / 3
    # Three real roots, the largest first.
    radius = jnp.sqrt(jnp.maximum(-p, 0) / 3)
    safe = jnp.where(radius == 0, 1, radius)
    angle = jnp.arccos(jnp.clip(-q / (2 * safe**3), -1, 1)) / 3
    turn = 2 * jnp.pi / 3
    first, second, third = (2 * radius * jnp.cos(angle + shift) - a / 3 for shift in (0.0, -turn, turn))
    several = jnp.where(third > 0, first - second + third, first)
    root = jnp.where(discriminant > 0, single, several)
    # The closed form is exact relative to the scale. A step of Newton's method makes small roots exact relative to
    # themselves; elsewhere it is tiny, and where the slope is lost to rounding it is not taken.
    slope = 3 * root**2 + 2 * a * root + b
    value = root * ((root + e) * (root + e - x) + (1 - ratio) * tau) - constant
    correction = value / jnp.where(slope > 0, slope, 1)
    simple = (discriminant > 0) | (third <= 0)
    taken = simple & (slope > 0) & (jnp.abs(correction) < 1e-3) & (correction < root)
    return scale * jnp.maximum(root - jnp.where(taken, correction, 0), 0)


def wishart_shrinkage_error(
    shrunken: Float[Array, " dimension"], variance: Float[Array, ""], ratio: Float[Array, ""]
) -> Float[Array, ""]:
    r"""The error $\frac1d \mathbb{E}\|\hat S - S\|_F^2$ of the shrinkage, from the eigenvalues it has returned.

    $$F = t\, \frac1d \sum_i \frac{s_i}{s_i + \kappa t},$$

    a mean of positive terms, accurate in any precision. Over the limiting spectrum it equals the usual form
    $F(t) = t - \frac{4 \pi^2}{3} t^2 \int \rho_t^3$, which cancels for large $t$: $\frac{\pi^2}{3} \int \rho^3 = \int h^2 \rho$ and
    the moments of $R$ and $S$ give $F = 2 t \int s\, h\, \rho$; the cubic gives
    $2 s h = \kappa (s - 1) + s / (s + \kappa t)$; and $\int s\, \rho = 1$.
    `recover.theory.matrix_denoising_error` is the same mean over the limiting spectrum.
    """
    return variance * jnp.mean(shrunken / (shrunken + ratio * variance))
