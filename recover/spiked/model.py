"""A random vector hidden in a symmetric Gaussian matrix or tensor, or in a covariance."""

import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.fields import Real, Size, choice, count, leaf, size
from ..core.model import AbstractModel
from ..core.numbers import norm, unit
from ..core.sizes import capacity, row_mask
from ..operators.mode_products import outer
from ..scalar.priors import AbstractPrior, RademacherPrior
from .problem import SpikedProblem

__all__ = ["SpikedCovariance", "SpikedTensor"]


class SpikedTensor(AbstractModel[Array, SpikedProblem, Array]):
    r"""$Y = \lambda\, v^{\otimes k} + \sqrt{k / n}\, \mathrm{Sym}(G)$ with $v = x / \sqrt n$, entries of $G$ standard normal, $\mathrm{Sym}$ the mean over the
    $k!$ permutations of the axes.

    Of order two it is the spiked Wigner matrix, $\frac{\lambda}{n} x x^\top + W$, whose noise $W$ has off-diagonal entries of variance $1 / n$;
    with signs as entries of $x$ it is synchronisation over $\mathbb{Z}_2$. For even orders the sign of $x$ is lost, which `error` quotients out.

    Sources: Montanari and Richard (richard2014), for the normalisation; Deshpande, Abbe and Montanari (deshpande2017).

    - `dimension`: number $n$ of entries of $x$.
    - `signal_strength`: $\lambda \ge 0$, traced.
    - `prior`: law of $x$, of `recover.priors`; signs by default.
    - `order`: 2 or 3.
    - `noise`: `"symmetric"`, or, of order three, `"independent"`: $G / \sqrt n$, whose symmetric part is $1 / \sqrt 3$ of the former.
    - `reveal_signal`: whether the problem also holds $x$, for starts of a given quality.

    **Raises:** `ValueError` for an impossible size or number, or a matrix of independent noise.
    """

    dimension: int = count(2)
    signal_strength: Real = leaf(rule="nonnegative")
    prior: AbstractPrior = eqx.field(default_factory=RademacherPrior)
    order: int = count(2, 3, default=2)
    noise: str = choice("symmetric", "independent")
    reveal_signal: bool = eqx.field(static=True, default=False)

    def check_together(self):
        """Matrices are symmetric."""
        if self.order == 2 and self.noise != "symmetric":
            raise ValueError(f"SpikedTensor: `noise` is {self.noise!r}; of order two 'symmetric' is allowed.")

    def design(self, key: Key[Array, ""]) -> Float[Array, "..."]:
        """The noise."""
        entries = draws.normal(key, (self.dimension,) * self.order)
        if self.noise == "independent":
            return entries * np.asarray(self.dimension**-0.5, entries.dtype)
        permutations = list(itertools.permutations(range(self.order)))
        total = sum(jnp.transpose(entries, each) for each in permutations)
        return total * np.asarray(math.sqrt(self.order / self.dimension) / len(permutations), entries.dtype)

    def observe(self, key: Key[Array, ""], design) -> tuple[SpikedProblem, Float[Array, " dimension"]]:
        """A vector and the tensor that hides it; the truth is the vector."""
        truth = self.prior.draw(key, self.dimension)
        direction = truth * np.asarray(self.dimension**-0.5, truth.dtype)
        spike = self.signal_strength * outer([direction] * self.order)
        known = truth if self.reveal_signal else None
        problem = SpikedProblem(
            design + spike, signal_strength=self.signal_strength, prior=self.prior, known_signal=known
        )
        return problem, truth

    def error(self, truth: Float[Array, " dimension"], estimate: Float[Array, " dimension"]) -> Float[Array, ""]:
        r"""The distance of the directions, $\|\hat x / \|\hat x\| - x / \|x\|\|$; of even orders that of the nearer sign."""
        return direction_error(truth, estimate, self.order % 2 == 0)

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        r"""`cosine` of estimate and truth (of even orders its modulus), `overlap`, its square, and `agreement`, $|\langle \mathrm{sign}\, \hat x, x \rangle| / n$."""
        cosine = jnp.sum(unit(truth) * unit(estimate))
        return {
            "cosine": jnp.abs(cosine) if self.order % 2 == 0 else cosine,
            "overlap": cosine**2,
            "agreement": jnp.abs(jnp.mean(jnp.sign(estimate) * truth)),
        }


class SpikedCovariance(AbstractModel[Array, SpikedProblem, Array]):
    r"""The sample covariance $X^	op X / N$ of $N$ rows $g_i + \sqrt	heta\, u_i v$, with $g_i$ and $u_i$ standard normal: the spiked Wishart matrix.

    The truth is $v = \pm 1 / \sqrt s$ on a random support of $s$ coordinates. All but `dimension` is traced.

    Sources: Johnstone (johnstone2001); Johnstone and Lu (johnstone2009), for a sparse $v$.

    - `dimension`: number $p$ of variables.
    - `samples`: $N$.
    - `signal_strength`: $\theta \ge 0$.
    - `sparsity`: $s$, at most $p$.

    **Raises:** `ValueError` for an impossible size or number.
    """

    dimension: int = count(2)
    samples: Size = size(1)
    signal_strength: Real = leaf(rule="nonnegative")
    sparsity: Size = size(1, most="dimension")

    def design(self, key: Key[Array, ""]) -> Float[Array, "samples dimension"]:
        """The noise, one row a sample."""
        return draws.normal(key, (capacity(self, "samples"), self.dimension))

    def observe(self, key: Key[Array, ""], design) -> tuple[SpikedProblem, Float[Array, " dimension"]]:
        """A direction and the covariance of samples that vary more along it; the truth is the direction."""
        rows = capacity(self, "samples")
        key_support, key_sign, key_score = draws.split(key, 3)
        there = draws.random_support(key_support, self.dimension, self.sparsity)
        signs = draws.signs(key_sign, (self.dimension,))
        number = self.samples.astype(design.dtype)
        truth = jnp.where(there, signs, 0) * jax.lax.rsqrt(self.sparsity.astype(design.dtype))
        scores = jnp.sqrt(self.signal_strength) * draws.normal(key_score, (rows,))
        live = row_mask(self.samples, rows)
        data = jnp.where(live[:, None], design + scores[:, None] * truth[None, :], 0)
        return SpikedProblem(data.T @ data / number), truth

    def error(self, truth: Float[Array, " dimension"], estimate: Float[Array, " dimension"]) -> Float[Array, ""]:
        r"""The distance of the directions, of the nearer sign."""
        return direction_error(truth, estimate, True)

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        """`overlap`: the squared cosine of estimate and truth."""
        return {"overlap": jnp.sum(unit(truth) * unit(estimate)) ** 2}


def direction_error(truth: Float[Array, " n"], estimate: Float[Array, " n"], either: bool) -> Float[Array, ""]:
    """The distance of two directions, or of the nearer of `either` sign."""
    first, second = unit(truth), unit(estimate)
    apart = norm(first - second)
    return jnp.minimum(apart, norm(first + second)) if either else apart
