"""Sparse linear regression that is judged by its predictions: designs of any condition number, supports at random."""

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from ..core import draws
from ..core.checks import require_name
from ..core.fields import Real, Size, Whole, count, leaf, size
from ..core.leaves import is_concrete
from ..core.linalg import solve_triangular
from ..core.model import AbstractModel
from ..core.numbers import norm, ratio, squared_norm
from ..core.sizes import capacity, row_mask
from .gram_schmidt import thin_qr
from .problem import LinearProblem

__all__ = ["PlantedPrediction", "SparsePrediction"]

DESIGNS = ("iso", "factor", "walk", "pairs")
SUPPORTS = ("random", "paired")
COEFFICIENTS = ("even", "gaussian")


class PlantedPrediction(eqx.Module):
    r"""A sparse vector under the design that turns it into predictions.

    - `coefficients`: $w$.
    - `matrix`: $X$, whose rows from the number of samples on are zero.
    - `distances`: for every column of the support, its distance from the span of the others; elsewhere zero.
    - `oracle`: the least-squares fit on the planted support, one number per row.
    """

    coefficients: Float[Array, " dimension"]
    matrix: Float[Array, "rows dimension"]
    distances: Float[Array, " dimension"]
    oracle: Float[Array, " rows"]


class Draws(eqx.Module):
    """What designs of all kinds are made of."""

    own: Float[Array, "rows dimension"]
    factors: Float[Array, "rows factors"]
    loadings: Float[Array, "factors dimension"]
    places: Float[Array, " dimension"]


class PredictionProblem(LinearProblem):
    """A linear problem whose data are of order one by construction, and whose truth is more than a vector: it keeps its units."""

    def units(self) -> None:
        """None: it is solved as it is."""
        return


class SparsePrediction(AbstractModel[Draws, LinearProblem, PlantedPrediction]):
    r"""$y = X w + \xi$ with $\xi \sim N(0, \sigma^2 I_N)$, columns $\|x_j\| = \sqrt N$, $k$ nonzeros and $\frac1N \|X w\|^2 = 1$.

    Columns $x_j$ of the kinds of `design`, from independent standard normal vectors $z_j$, before they are normalised:

    - `iso`: $z_j$;
    - `factor`: $F \ell_j + \eta_j z_j$ with `factors` standard normal columns in $F$, $\ell_j \sim N(0, I)$ and
      $\log \eta_j$ uniform on $[\log \eta, 0]$: almost in one small space, at very different distances, so that the condition
      number is of order $1 / \eta$;
    - `walk`: $z_1 + \dots + z_j$;
    - `pairs`: $z_j$ for even $j$ (from zero) and $x_{j - 1} + \eta z_j$ for odd ones, nearly the same column twice.

    $\eta$ is `least_distance`. The support is uniform among all sets of size $k$, independent of the design, or made of
    $k / 2$ pairs of neighbours (`support="paired"`), the worst case of `pairs`. Coefficients are `even`, with the thin
    decomposition $X_S = Q R$ in the order of the columns,

    $$w_S = \sqrt{N} R^{-1} a, \qquad a_i = \pm 1 / \sqrt k,$$

    so that every direction of the span has the same share of the prediction and small directions get huge coefficients; or
    `gaussian`, $w_S \propto N(0, I_k)$. At large condition numbers $w$ itself cannot be found; the error is that of
    predictions. `samples`, `sparsity`, `noise`, `least_distance` and the three kinds are traced.

    Sources: random supports from Chandrasekaran, Meka and Stavropoulos (chandrasekaran2025); the kinds of designs and
    coefficients are ours.
    """

    dimension: int = count(2)
    samples: Size = size(1)
    sparsity: Size = size(1, most="dimension")
    noise: Real = leaf(0.0, "standard deviation")
    least_distance: Real = leaf(1e-3, "share")
    factors: int = count(1)
    design_kind: Whole = leaf()
    support_kind: Whole = leaf()
    coefficients_kind: Whole = leaf()

    def __init__(
        self,
        dimension: int,
        samples,
        sparsity,
        noise=0.3,
        design: str = "iso",
        least_distance=1e-3,
        factors: int = 2,
        support: str = "random",
        coefficients: str = "even",
    ):
        r"""**Arguments:**

        - `dimension`: number of columns $d \ge 2$.
        - `samples`: number of observations $N \ge 1$.
        - `sparsity`: number of nonzero coefficients, $1 \le k \le d$; even where the support is paired.
        - `noise`: standard deviation $\sigma$ of the noise; the predictions have mean square one.
        - `design`: `"iso"`, `"factor"`, `"walk"` or `"pairs"`.
        - `least_distance`: $\eta$ in (0, 1] of `factor` and `pairs`. Below about $10^{-4}$ double precision is needed.
        - `factors`: number of columns of $F$.
        - `support`: `"random"` or `"paired"`.
        - `coefficients`: `"even"` or `"gaussian"`.

        **Raises:** `ValueError` for an impossible size or an unknown name.
        """
        for name, value, known in (
            ("design", design, DESIGNS),
            ("support", support, SUPPORTS),
            ("coefficients", coefficients, COEFFICIENTS),
        ):
            require_name("SparsePrediction", name, value, known)
        self.dimension, self.samples, self.sparsity, self.factors = dimension, samples, sparsity, factors
        self.noise, self.least_distance = noise, least_distance
        self.design_kind, self.support_kind = DESIGNS.index(design), SUPPORTS.index(support)
        self.coefficients_kind = COEFFICIENTS.index(coefficients)

    def check_together(self):
        """Pairs of neighbours need an even number of nonzeros."""
        known = is_concrete(self.sparsity) and is_concrete(self.support_kind)
        if known and np.any((np.asarray(self.support_kind) == 1) & (np.asarray(self.sparsity) % 2 == 1)):
            raise ValueError(f"SparsePrediction: `sparsity` is {self.sparsity}; a paired support allows even numbers.")

    def design(self, key: Key[Array, ""]) -> Draws:
        """What columns of all kinds are made of: they share it, and so do all condition numbers."""
        rows = capacity(self, "samples")
        key_own, key_factors, key_loadings, key_places = draws.split(key, 4)
        return Draws(
            own=draws.normal(key_own, (rows, self.dimension)),
            factors=draws.normal(key_factors, (rows, self.factors)),
            loadings=draws.normal(key_loadings, (self.factors, self.dimension)),
            places=draws.uniform(key_places, (self.dimension,)),
        )

    def observe(self, key: Key[Array, ""], design: Draws) -> tuple[LinearProblem, PlantedPrediction]:
        """A planted vector and its noisy observations."""
        rows, most = capacity(self, "samples"), capacity(self, "sparsity")
        key_support, key_coefficients, key_noise = draws.split(key, 3)
        present = row_mask(self.samples, rows)
        matrix = self._matrix(design, present)
        scale = jnp.sqrt(self.samples.astype(matrix.dtype))
        support = self._support(key_support)
        chosen = row_mask(self.sparsity, most)
        places = jnp.nonzero(support, size=most, fill_value=0)[0]
        basis, triangle = thin_qr(jnp.where(chosen[:, None], matrix.T[places], 0))

        gaussian = jnp.where(chosen, draws.normal(key_coefficients, (most,)), 0)
        even = jnp.where(chosen, draws.signs(key_coefficients, (most,)), 0)
        shares = jnp.where(self.coefficients_kind == 0, even, triangle @ gaussian)
        shares = ratio(shares, norm(shares))
        values = scale * solve_triangular(triangle, shares)
        # A column's distance from the span of others is one over the norm of a row of the inverse.
        inverse = solve_triangular(triangle, jnp.eye(most, dtype=matrix.dtype))
        distances = 1 / norm(inverse, 1)

        signal = scale * shares @ basis
        observations = signal + self.noise * jnp.where(present, draws.normal(key_noise, (rows,)), 0)
        problem = PredictionProblem(
            lx.MatrixLinearOperator(matrix),
            observations,
            samples=self.samples,
            sparsity=self.sparsity,
            noise=self.noise,
            column_norm=scale,
        )

        def scattered(entries):
            return jnp.zeros(self.dimension, matrix.dtype).at[places].add(jnp.where(chosen, entries, 0))

        oracle = (basis @ observations) @ basis
        return problem, PlantedPrediction(scattered(values), matrix, scattered(distances), oracle)

    def _matrix(self, design: Draws, present: Bool[Array, " rows"]) -> Float[Array, "rows dimension"]:
        own, eta = design.own, self.least_distance
        first = jnp.repeat(own[:, ::2], 2, axis=1)[:, : self.dimension]
        odd = jnp.arange(self.dimension, dtype=jnp.int32) % 2 == 1
        kinds = [
            own,
            design.factors @ design.loadings + (eta**design.places)[None, :] * own,
            jnp.cumsum(own, axis=1),
            jnp.where(odd[None, :], first + eta * own, own),
        ]
        matrix = jax.lax.select_n(jnp.broadcast_to(self.design_kind, own.shape), *kinds)
        matrix = jnp.where(present[:, None], matrix, 0)
        return matrix * ratio(jnp.sqrt(self.samples.astype(matrix.dtype)), norm(matrix, 0, keepdims=True))

    def _support(self, key: Key[Array, ""]) -> Bool[Array, " dimension"]:
        random = draws.random_support(key, self.dimension, self.sparsity)
        pairs = jnp.repeat(draws.random_support(key, self.dimension // 2, self.sparsity // 2), 2)
        paired = jnp.zeros(self.dimension, bool).at[: len(pairs)].set(pairs)
        return jnp.where(self.support_kind == 0, random, paired)

    def error(
        self, truth: PlantedPrediction, estimate: Float[Array, " dimension"] | PlantedPrediction
    ) -> Float[Array, ""]:
        r"""The prediction error on the design, $\frac1N \|X \hat w - X w\|^2$."""
        found = estimate.coefficients if isinstance(estimate, PlantedPrediction) else estimate
        return self.mean_square(truth.matrix @ (found - truth.coefficients))

    def metrics(self, truth: PlantedPrediction, estimate) -> dict[str, Float[Array, ""]]:
        """The prediction error of least squares on the planted support, `oracle_error`, and the l1 norm of the truth, `l1_norm`."""
        signal = truth.matrix @ truth.coefficients
        return {
            "oracle_error": self.mean_square(truth.oracle - signal),
            "l1_norm": jnp.sum(jnp.abs(truth.coefficients)),
        }

    def mean_square(self, residual: Float[Array, " rows"]) -> Float[Array, ""]:
        """The mean square over the rows that are data."""
        return squared_norm(residual) / self.samples.astype(residual.dtype)
