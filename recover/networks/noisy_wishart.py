r"""The spectrum of a Wishart matrix in Gaussian noise: free convolution of a Marchenko-Pastur with a semicircle law.

$R = S + \sqrt t\, G$ with $S = \frac1m W^\top W$, $W$ of shape $m \times d$ with standard normal entries, $\kappa = m / d$, and $G$
symmetric Gaussian with off-diagonal variance $1/d$. R-transforms add up, so the Stieltjes transform $g$ of the limiting
spectral law $\mu_t$ solves $z = 1/g + \kappa / (\kappa - g) + t g$. Everything here follows from one parameter, an angle
$\varphi$ with

$$s = \kappa t \tan^2 \varphi, \qquad v = \frac{\kappa \sqrt t}{\cos \varphi}, \qquad c = \frac{\sqrt \kappa}{\sin \varphi} :$$

on the support $1, v, c$ are the sides of a triangle, and with its angle $C$ opposite to $c$

$$g = \frac{\kappa}{v} e^{i C}, \qquad x = s + 2 t \operatorname{Re} g, \qquad \rho_t(x) = \frac{\operatorname{Im} g}{\pi},$$

where $s$ is the shrunken eigenvalue of `recover.networks.spectral_denoisers`. Edges of the support are angles at which the triangle
degenerates. Derived here; the law itself is that of Maillard et al. (maillard2024).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Real

from ..core.theory_arguments import as_floats, require_interval
from .spectral_denoisers import wishart_shrinkage

__all__ = [
    "Spectrum",
    "matrix_denoising_error",
    "noisy_wishart_density",
    "noisy_wishart_edges",
    "noisy_wishart_spectrum",
]

# Chebyshev nodes per interval of the support: the integrands are analytic but for square roots at the edges, and 50
# nodes give 15 digits over the whole range of arguments that occurs.
_NODES = 64


class Spectrum(NamedTuple):
    """Nodes of a quadrature over the limiting spectrum; the last axis runs over nodes, of two intervals of the support.

    - `eigenvalue`: x. `shrunken`: s(x). `weight`: weights of the law, which add up to one (an empty interval has none).
    - `share`: s / (s + kappa t).
    - `density`: of the law, at x.
    """

    eigenvalue: Float[Array, "... nodes"]
    shrunken: Float[Array, "... nodes"]
    weight: Float[Array, "... nodes"]
    share: Float[Array, "... nodes"]
    density: Float[Array, "... nodes"]


def noisy_wishart_spectrum(variance: Real[ArrayLike, "..."], ratio: Real[ArrayLike, "..."]) -> Spectrum:
    r"""A quadrature over the limiting law of $S + \sqrt t\, G$, exact to rounding for smooth functions.

    **Arguments:** `variance` $t > 0$ and `ratio` $\kappa > 0$; they broadcast.

    **Returns:** a `Spectrum` with one more axis.
    """
    variance, ratio = _positive(variance, ratio)
    return Spectrum(*jnp.vectorize(_spectrum, signature="(),()->(n),(n),(n),(n),(n)")(variance, ratio))


def noisy_wishart_edges(variance: Real[ArrayLike, "..."], ratio: Real[ArrayLike, "..."]) -> Float[Array, "... 2 2"]:
    r"""Lower and upper ends of the two intervals of the support of $\mu_t$; a second one of no length if there is only one.

    There are two exactly for $\kappa^{1/3} + (\kappa^2 t)^{1/3} < 1$.
    """
    variance, ratio = _positive(variance, ratio)

    def edges(t, kappa):
        ends = _ends(t, kappa)
        return _at(ends, t, kappa)[0]

    return jnp.vectorize(edges, signature="(),()->(i,j)")(variance, ratio)


def noisy_wishart_density(
    eigenvalue: Real[ArrayLike, "..."], variance: Real[ArrayLike, "..."], ratio: Real[ArrayLike, "..."]
) -> Float[Array, "..."]:
    r"""The density $\rho_t(x)$ of the limiting law of $S + \sqrt t\, G$, zero outside its support."""
    require_interval("variance", variance, 0, np.inf, closed="neither")
    require_interval("ratio", ratio, 0, np.inf, closed="neither")
    x, variance, ratio = jnp.broadcast_arrays(*as_floats(eigenvalue, variance, ratio))
    shrink = jnp.vectorize(lambda *point: wishart_shrinkage(point[0][None], point[1], point[2])[0])
    s = jnp.maximum(shrink(x, variance, ratio), jnp.finfo(x.dtype).tiny)
    v2 = ratio * (s + ratio * variance)
    # 16 times the squared area of the triangle, as a product of factors of one sign.
    v, c = jnp.sqrt(v2), jnp.sqrt(v2 / s)
    area = (1 + v + c) * (v + c - 1) * (1 + c - v) * (1 + v - c)
    return jnp.where(area > 0, ratio * jnp.sqrt(jnp.maximum(area, 0)) / (2 * jnp.pi * v2), 0)


def matrix_denoising_error(variance: Real[ArrayLike, "..."], ratio: Real[ArrayLike, "..."]) -> Float[Array, "..."]:
    r"""The error of the optimal rotationally invariant denoiser, $F(t) = \lim \frac1d \mathbb{E} \|f(S + \sqrt t\, G) - S\|_F^2$.

    $$F(t) = t - \frac{4 \pi^2}{3} t^2 \int \rho_t(x)^3 dx = t \int \sin^2 \varphi(x)\, \rho_t(x)\, dx,$$

    computed in the second form, which does not cancel. $F(0) = 0$ and $F(\infty) = 1/\kappa$.

    **Arguments:** `variance` $t > 0$ and `ratio` $\kappa > 0$; they broadcast.
    """
    variance, ratio = _positive(variance, ratio)
    return variance * jnp.vectorize(mean_share)(variance, ratio)


def mean_share(variance: Float[Array, ""], ratio: Float[Array, ""]) -> Float[Array, ""]:
    r"""$F(t) / t$ for scalars: falls from $1 - (1 - \kappa)_+^2$ at $t = 0$ to 0."""
    spectrum = Spectrum(*_spectrum(variance, ratio))
    return jnp.sum(spectrum.weight * spectrum.share)


def _positive(variance, ratio):
    require_interval("variance", variance, 0, np.inf, closed="neither")
    require_interval("ratio", ratio, 0, np.inf, closed="neither")
    return jnp.broadcast_arrays(*as_floats(variance, ratio))


def _sides(position, t, kappa):
    """The sides v and c at the logarithm of the tangent of the angle."""
    v = kappa * jnp.sqrt(t) * jnp.sqrt(1 + jnp.exp(2 * position))
    c = jnp.sqrt(kappa) * jnp.sqrt(1 + jnp.exp(-2 * position))
    return v, c


def _at(position, t, kappa):
    """Eigenvalue, shrunken eigenvalue, density and slope dx / dposition at the logarithm of the tangent of the angle."""
    tangent = jnp.exp(position)
    v, c = _sides(position, t, kappa)
    s = kappa * t * tangent**2
    cosine = jnp.clip((1 + v**2 - c**2) / (2 * v), -1, 1)
    density = kappa / v * jnp.sqrt(1 - cosine**2) / jnp.pi
    x = s + 2 * t * kappa * cosine / v
    # ds and d(2 t Re g), with 2 Re g = kappa (1 + 1/v^2 - 1/s).
    slope = 2 * s + 2 * kappa * t * (1 / s - tangent**2 / ((1 + tangent**2) * v**2))
    return x, s, density, slope


def _ends(t, kappa):
    """Logarithms of the tangent at the ends of the two intervals; shape (2, 2), the second interval empty if there is one."""
    a, b = kappa * jnp.sqrt(t), jnp.sqrt(kappa)
    two = a ** (2 / 3) + b ** (2 / 3) < 1
    # Without a gap its ends are those of another problem, and dropped.
    other_t, other_kappa = jnp.where(two, t, 1), jnp.where(two, kappa, 0.01)
    other_a, other_b = other_kappa * jnp.sqrt(other_t), jnp.sqrt(other_kappa)
    least = jnp.log(other_b / other_a) / 3
    one = jnp.ones_like(a)
    # Where c - v = 1, v + c = 1 (twice) and v - c = 1; brackets from sec <= 1.5 max(1, tan), and the like for the cosecant.
    signs_v = jnp.asarray([-1, 1, 1, 1], a.dtype)
    signs_c = jnp.asarray([1, 1, 1, -1], a.dtype)
    rising = jnp.asarray([-1, -1, 1, 1], a.dtype)
    lower = jnp.stack(
        [
            jnp.log(jnp.minimum(one, b / (1 + 1.5 * a))),
            jnp.log(other_b),
            least,
            jnp.log(jnp.minimum(one, b / (1.5 * a))),
        ]
    )
    upper = jnp.stack(
        [jnp.log(jnp.maximum(one, 1.5 * b / a)), least, -jnp.log(other_a), jnp.log(jnp.maximum(one, (1 + 1.5 * b) / a))]
    )
    times, ratios = jnp.stack([t, other_t, other_t, t]), jnp.stack([kappa, other_kappa, other_kappa, kappa])
    tolerance = 4 * float(jnp.finfo(a.dtype).eps)

    @jax.vmap
    def root(sign_v, sign_c, rises, lower, upper, time, ratio):
        def excess(position, _):
            v, c = _sides(position, time, ratio)
            return rises * (sign_v * v + sign_c * c - 1)

        return optx.root_find(
            excess,
            optx.Bisection(rtol=tolerance, atol=tolerance, flip=False),
            (lower + upper) / 2,
            options={"lower": lower, "upper": upper},
            max_steps=100,
            throw=False,
        ).value

    ends = root(signs_v, signs_c, rising, lower, upper, times, ratios)
    return jnp.where(two, ends, ends[jnp.asarray([0, 3, 3, 3])]).reshape(2, 2)


def _spectrum(t, kappa):
    angles = jnp.asarray((np.arange(_NODES) + 0.5) * np.pi / _NODES, t.dtype)
    ends = _ends(t, kappa)
    middle, half = (ends[:, 0] + ends[:, 1]) / 2, (ends[:, 1] - ends[:, 0]) / 2
    position = middle[:, None] + half[:, None] * jnp.cos(angles)[None, :]
    x, s, density, slope = _at(position, t, kappa)
    weight = density * slope * half[:, None] * jnp.sin(angles)[None, :] * (np.pi / _NODES)
    share = jax.nn.sigmoid(2 * position)
    return tuple(value.reshape(-1) for value in (x, s, weight, share, density))
