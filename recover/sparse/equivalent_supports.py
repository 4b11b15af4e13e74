"""Several sparse sets of features that explain the same response equally well."""

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ..core import draws
from ..core.checks import Rule, require_name
from ..core.fields import Real, Size, count, integer, leaf, size
from ..core.leaves import is_concrete
from ..core.model import AbstractModel
from ..core.numbers import ratio
from ..core.sizes import capacity, row_mask
from .problem import LinearProblem

__all__ = ["EquivalentSupports", "PlantedSupports"]

KINDS = ("mixed", "factors")
RESPONSES = ("binary", "continuous")


class PlantedSupports(eqx.Module):
    """Alternative sets of features: one row each, 1 for a feature of the set and 0 for others. Rows beyond their number are zero."""

    supports: Float[Array, "supports dimension"]


class SupportDraws(eqx.Module):
    """What designs of both kinds are made of."""

    latent: Float[Array, "rows sparsity"]
    factors: Float[Array, "rows factors"]
    own: Float[Array, "rows dimension"]
    added: Float[Array, "rows dimension"]
    gone: Float[Array, "rows dimension"]


class FeatureProblem(LinearProblem):
    """A linear problem that keeps its units: they are what the model is about."""

    def units(self) -> None:
        """None: it is solved as it is."""
        return


class EquivalentSupports(AbstractModel[SupportDraws, LinearProblem, PlantedSupports]):
    r"""Sets $A_1, \dots, A_S$ of $k$ features each, any of which determines the response; all others are noise.

    - `mixed`: sets are drawn independently. $X_{A_1} = Z$ with $Z \sim N(0, 1)^{n \times k}$, $y = Z w$ with $w_i \sim U[2, 10]$; then
      for $s > 1$ in turn $X_{A_s} = X_{A_1} C_s$ with entries $U[2, 10]$, all those of a column with one random sign. A set
      overwrites what it shares with those before. Other columns are $N(0, \nu^2)$.
    - `factors`: $Z \sim N(0, 1)^{n \times r}$ and $y = Z b$, $b \sim N(0, I_r)$. Sets share a core of `overlap` features and have
      $k$ minus that of their own; all their columns are $Z c_j$, $c_j \sim N(0, I_r)$. Other columns are $N(0, 1)$. Any $r$ of
      the planted columns explain $y$.

    All columns get $N(0, \nu^2)$ on top. With `standardised` they then have mean 0 and variance 1. Entries are missing with
    probability `missing`: they are zero. A `binary` response is 1 where $y$ is above its quantile of level
    $1 - \text{class share}$ and 0 elsewhere. With a positive `response_scale` it is centred, and scaled to that standard deviation.

    A set that spans the same space would do as well, so what is asked for is the union of all sets. The error is one
    minus the F1 score of the union of the estimated sets. All but the dimension and the number of factors is traced.

    Sources: the first kind is the generator of Henclova and Smidl (henclova2026) as in their public code, where a standardised design
    does not occur; the second is of their companion code, with laws of $b$ and $c_j$ that are ours.
    """

    dimension: int = count(2)
    samples: Size = size(2)
    supports: Size = size(1)
    sparsity: Size = size(1, most="dimension")
    noise: Real = leaf(0.1, "standard deviation")
    overlap: Int[Array, ""] = integer(0, most="sparsity", default=0)
    missing: Real = leaf(0.0, Rule("a number in [0, 1)", lambda value: (value >= 0) & (value < 1)))
    class_share: Real = leaf(0.5, "share")
    response_scale: Real = leaf(0.0, "nonnegative")
    standardised: Int[Array, ""] = integer(0, most=1, default=0)
    kind: Int[Array, ""] = integer(0, most=len(KINDS) - 1)
    response: Int[Array, ""] = integer(0, most=len(RESPONSES) - 1)
    factors: int = count(1)

    def __init__(
        self,
        dimension: int,
        samples,
        supports=3,
        sparsity=5,
        noise=0.1,
        kind: str = "mixed",
        response: str = "binary",
        overlap=0,
        missing=0.0,
        class_share=0.5,
        response_scale=0.0,
        standardised=0,
        factors: int = 2,
    ):
        r"""**Arguments:**

        - `dimension`: number of features $p$.
        - `samples`: number of observations $n$.
        - `supports`: number of sets $S$.
        - `sparsity`: features in a set, $k$.
        - `noise`: $\nu$.
        - `kind`: `"mixed"` or `"factors"`.
        - `response`: `"binary"` or `"continuous"`.
        - `overlap`: features that all sets share, of the second kind.
        - `missing`: share of the entries of the design that are missing.
        - `class_share`: share of ones of a binary response.
        - `response_scale`: standard deviation that the response is brought to; 0 leaves it as it is.
        - `standardised`: 1 for columns of mean 0 and variance 1, else 0.
        - `factors`: $r$, of the second kind.

        **Raises:** `ValueError` for an impossible size or number, or an unknown name.
        """
        for name, value, known in (("kind", kind, KINDS), ("response", response, RESPONSES)):
            require_name("EquivalentSupports", name, value, known)
        self.dimension, self.samples, self.supports, self.sparsity = dimension, samples, supports, sparsity
        self.noise, self.overlap, self.missing, self.class_share = noise, overlap, missing, class_share
        self.response_scale, self.standardised, self.factors = response_scale, standardised, factors
        self.kind, self.response = KINDS.index(kind), RESPONSES.index(response)

    def check_together(self):
        """Sets of the second kind must fit side by side."""
        if all(is_concrete(each) for each in (self.supports, self.sparsity, self.overlap, self.kind)):
            shared = np.asarray(self.overlap)
            needed = shared + np.asarray(self.supports) * (np.asarray(self.sparsity) - shared)
            if np.any((np.asarray(self.kind) == 1) & (needed > self.dimension)):
                raise ValueError(
                    f"EquivalentSupports: `supports` is {self.supports}; sets of {self.sparsity} features that share {self.overlap} "
                    f"need {needed} features, and {self.dimension} are there."
                )

    def design(self, key: Key[Array, ""]) -> SupportDraws:
        """Normal and uniform numbers, which all kinds share."""
        rows = capacity(self, "samples")
        keys = draws.split(key, 5)
        return SupportDraws(
            latent=draws.normal_tensor(keys[0], (rows, capacity(self, "sparsity"))),
            factors=draws.normal(keys[1], (rows, self.factors)),
            own=draws.normal(keys[2], (rows, self.dimension)),
            added=draws.normal(keys[3], (rows, self.dimension)),
            gone=draws.uniform(keys[4], (rows, self.dimension)),
        )

    def observe(self, key: Key[Array, ""], design: SupportDraws) -> tuple[LinearProblem, PlantedSupports]:
        """Sets of features, a design in which all of them explain the response, and the response."""
        present = row_mask(self.samples, capacity(self, "samples"))
        key_mixed, key_factors = draws.split(key)
        mixed, factors = self._mixed(key_mixed, design), self._factors(key_factors, design)
        matrix, response, planted = jax.tree.map(
            lambda first, second: jnp.where(self.kind == 0, first, second), mixed, factors
        )
        planted = jnp.where(row_mask(self.supports, planted.shape[0])[:, None], planted, 0)
        matrix = matrix + self.noise * design.added
        matrix = jnp.where(self.standardised == 1, _standardised(matrix, present), matrix)
        matrix = jnp.where(present[:, None] & (design.gone >= self.missing), matrix, 0)
        response = jnp.where(self.response == 0, self._classes(response, present), response)
        evened = self.response_scale * _standardised(response, present)
        response = jnp.where(present, jnp.where(self.response_scale > 0, evened, response), 0)
        operator = lx.MatrixLinearOperator(matrix)
        problem = FeatureProblem(operator, response, samples=self.samples, sparsity=self.sparsity)
        return problem, PlantedSupports(planted)

    def _mixed(self, key: Key[Array, ""], design: SupportDraws):
        most, width = capacity(self, "supports"), capacity(self, "sparsity")
        key_sets, key_mixing, key_signs, key_weights = draws.split(key, 4)
        chosen = row_mask(self.sparsity, width)
        keys = jax.vmap(draws.fold_in, (None, 0))(key_sets, jnp.arange(most, dtype=jnp.uint32))
        sets = jax.vmap(lambda each: draws.random_support(each, self.dimension, self.sparsity))(keys)
        latent = jnp.where(chosen[None, :], design.latent, 0)
        weights = _between(draws.normal(key_weights, (width,)))
        # Normal tensors are prefix stable along all axes; the law is that of uniform numbers.
        mixing = _between(draws.normal_tensor(key_mixing, (most, width, width)))
        mixing = mixing * jnp.sign(draws.normal_tensor(key_signs, (most, width)))[:, None, :]
        places = jax.vmap(lambda each: jnp.nonzero(each, size=width, fill_value=self.dimension)[0])(sets).astype(
            jnp.int32
        )
        # Where there is no such feature the place is beyond the columns, and dropped.
        places = jnp.where(chosen[None, :], places, self.dimension)
        matrix = (self.noise * design.own).at[:, places[0]].set(latent, mode="drop")
        for each in range(1, most):
            base = jnp.where(chosen[None, :], matrix.at[:, places[0]].get(mode="fill", fill_value=0), 0)
            added = matrix.at[:, places[each]].set(base @ mixing[each], mode="drop")
            matrix = jnp.where(each < self.supports, added, matrix)
        return matrix, latent @ weights, sets.astype(matrix.dtype)

    def _factors(self, key: Key[Array, ""], design: SupportDraws):
        most = capacity(self, "supports")
        key_order, key_loadings, key_weights = draws.split(key, 3)
        rank = draws.random_order(key_order, self.dimension).astype(jnp.int32)[None, :]
        private = self.sparsity - self.overlap
        # Which set a feature is of, were all features planted.
        block = (rank - self.overlap) // jnp.maximum(private, 1)
        own = (rank >= self.overlap) & (private > 0)
        sets = own & (block == jnp.arange(most, dtype=jnp.int32)[:, None]) | (rank < self.overlap)
        loadings = draws.normal(key_loadings, (self.dimension, self.factors)).T
        planted = jnp.any(sets & row_mask(self.supports, most)[:, None], 0)
        matrix = jnp.where(planted, design.factors @ loadings, design.own)
        response = design.factors @ draws.normal(key_weights, (self.factors,))
        return matrix, response, sets.astype(matrix.dtype)

    def _classes(self, response: Float[Array, " rows"], present: Bool[Array, " rows"]) -> Float[Array, " rows"]:
        """One above the quantile, interpolated as NumPy does, and zero elsewhere."""
        dtype = response.dtype
        smaller = jnp.sum((response[None, :] < response[:, None]) & present[None, :], 1, dtype=dtype)
        return (smaller > (self.samples.astype(dtype) - 1) * (1 - self.class_share)).astype(dtype)

    def error(self, truth: PlantedSupports, estimate) -> Float[Array, ""]:
        """One minus the F1 score of the union of the estimated sets: rows of `estimate`, whose nonzero entries count."""
        return 1 - union_scores(truth, _rows(estimate))["f1"]

    def metrics(self, truth: PlantedSupports, estimate) -> dict[str, Float[Array, ""]]:
        """The scores of `union_scores`, and the mean `distance` between estimated sets (`support_distance`)."""
        return {**union_scores(truth, _rows(estimate)), "distance": support_distance(_rows(estimate))}


def union_scores(truth: PlantedSupports, rows: Float[Array, "sets dimension"]) -> dict[str, Float[Array, ""]]:
    r"""How well the union $F$ of sets is that of the planted ones, $G$.

    $$\text{recall} = \frac{|F \cap G|}{|G|}, \quad \text{precision} = \frac{|F \cap G|}{|F|}, \quad
      \text{F1} = \frac{2 |F \cap G|}{|F| + |G|},$$

    a precision of 0 for no features at all.

    **Arguments:** `rows`: one set a row, whose nonzero entries count.
    """
    found, planted = jnp.any(rows != 0, 0), jnp.any(truth.supports > 0, 0)
    dtype = truth.supports.dtype
    hits, size, whole = (jnp.sum(each).astype(dtype) for each in (found & planted, found, planted))
    return {"recall": ratio(hits, whole), "precision": ratio(hits, size), "f1": ratio(2 * hits, size + whole)}


def support_distance(rows: Float[Array, "sets dimension"]) -> Float[Array, ""]:
    r"""The mean of $1 - |A \cap B| / |A \cup B|$ over pairs of sets that are not empty; 0 without such pairs."""
    sets = (rows != 0).astype(rows.dtype)
    sizes = jnp.sum(sets, 1)
    common = jnp.sum(sets[:, None, :] * sets[None, :, :], 2)
    pairs = (sizes[:, None] > 0) & (sizes[None, :] > 0) & ~jnp.eye(len(rows), dtype=bool)
    apart = 1 - ratio(common, sizes[:, None] + sizes[None, :] - common)
    return ratio(jnp.sum(jnp.where(pairs, apart, 0)), jnp.sum(pairs).astype(rows.dtype))


def _rows(estimate) -> Float[Array, "sets dimension"]:
    return estimate.supports if isinstance(estimate, PlantedSupports) else estimate


def _between(normal: Float[Array, "..."]) -> Float[Array, "..."]:
    """Uniform numbers in [2, 10]."""
    return 2 + 8 * jax.scipy.stats.norm.cdf(normal)


def _standardised(values: Float[Array, "rows ..."], present: Bool[Array, " rows"]) -> Float[Array, "rows ..."]:
    """Mean 0 and variance 1 along the rows that are present."""
    weights = present.astype(values.dtype).reshape(-1, *[1] * (values.ndim - 1))
    total = jnp.sum(weights)
    centred = weights * (values - jnp.sum(weights * values, 0, keepdims=True) / total)
    return ratio(centred, jnp.sqrt(jnp.sum(centred**2, 0, keepdims=True) / total))
