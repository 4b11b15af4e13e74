r"""Posterior means of coefficients that are mostly zero, seen in Gaussian noise: $r = x + \tau z$ with $z \sim N(0, 1)$."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["bernoulli_gauss_mean", "bernoulli_gauss_posterior", "bernoulli_gauss_update"]


def bernoulli_gauss_posterior(
    density: Float[Array, ""], slab: Float[Array, ""], r: Float[Array, "*entries"], variance: Float[Array, ""]
) -> tuple[Float[Array, "*entries"], Float[Array, "*entries"], Float[Array, ""]]:
    r"""Probabilities of being nonzero and zero under the prior $(1 - \epsilon) \delta_0 + \epsilon N(0, v)$, and the factor
    $v / (v + \tau^2)$ by which nonzeros shrink.

    $$\log\frac{\pi}{1 - \pi} = \log\frac{\epsilon}{1 - \epsilon} + \frac12 \log\frac{\tau^2}{v + \tau^2}
      + \frac{r^2}{2} \left(\frac{1}{\tau^2} - \frac{1}{v + \tau^2}\right)$$

    **Arguments:**

    - `density`: $\epsilon$.
    - `slab`: $v$.
    - `r`: the pseudo-data.
    - `variance`: $\tau^2 > 0$.
    """
    total = slab + variance
    # 1 / variance - 1 / total, without cancellation.
    gain = slab / total / variance
    log_odds = jnp.log(density) - jnp.log1p(-density) + 0.5 * jnp.log(variance / total) + 0.5 * r**2 * gain
    return jax.nn.sigmoid(log_odds), jax.nn.sigmoid(-log_odds), slab / total


def bernoulli_gauss_mean(
    density: Float[Array, ""], slab: Float[Array, ""], r: Float[Array, "*entries"], variance: Float[Array, ""]
) -> tuple[Float[Array, "*entries"], Float[Array, "*entries"]]:
    r"""The posterior mean $\pi v r / (v + \tau^2)$ and its derivative in $r$, the posterior variance over $\tau^2$.

    Arguments are those of `bernoulli_gauss_posterior`.
    """
    probability, complement, shrinkage = bernoulli_gauss_posterior(density, slab, r, variance)
    mean = probability * shrinkage * r
    derivative = shrinkage * probability * (1 + complement * shrinkage * r**2 / variance)
    return mean, derivative


def bernoulli_gauss_update(
    density: Float[Array, ""], slab: Float[Array, ""], r: Float[Array, " dimension"], variance: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    r"""Density and variance after one step of expectation maximisation (Krzakala et al. 2012; Vila and Schniter 2013).

    $$\epsilon \leftarrow \frac1n \sum_i \pi_i, \qquad
      v \leftarrow \frac{\sum_i \pi_i (m_i^2 + s)}{\sum_i \pi_i}, \qquad
      m_i = \frac{v\, r_i}{v + \tau^2}, \quad s = \frac{v \tau^2}{v + \tau^2}$$

    Where every coefficient is certainly zero the variance stays. Arguments are those of `bernoulli_gauss_posterior`.
    """
    probability, _, shrinkage = bernoulli_gauss_posterior(density, slab, r, variance)
    mass = jnp.sum(probability)
    second_moment = jnp.sum(probability * ((shrinkage * r) ** 2 + shrinkage * variance))
    return mass / r.shape[0], jnp.where(mass > 0, second_moment / jnp.where(mass > 0, mass, 1), slab)
