"""Activations as sparse mixtures of planted features, more of them than dimensions."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, Shaped

from ..core import draws
from ..core.checks import RULES, Rule, check, is_number, is_whole, require_name
from ..core.fields import Real, Size, Whole, count, integer, leaf, size
from ..core.leaves import as_real_leaf, is_concrete
from ..core.linalg import qr
from ..core.model import AbstractModel
from ..core.numbers import norm, unit
from ..core.sizes import capacity, concrete_capacities, row_mask
from .directions import greedy_distance, largest_cosines
from .planted_activations import LAWS, SCALINGS, PlantedActivations, mean_square
from .problem import ActivationProblem

__all__ = ["PlantedFeatures", "zipf_frequencies"]


# On or off as a real number, as it was when streams were drawn.
REAL_SWITCH = Rule("0 or 1", RULES["switch"].holds, lambda value: as_real_leaf(value * 1))


class FeatureDraws(eqx.Module):
    """What features and rows are made of; shared by all instances of a trial."""

    directions: Float[Array, "features dimension"]
    common: Float[Array, " dimension"]
    rotation: Float[Array, "dimension dimension"] | None
    key: Key[Array, ""]


class PlantedFeatures(AbstractModel[FeatureDraws, PlantedActivations | ActivationProblem, Array]):
    r"""$X = H V$: rows are sparse nonnegative mixtures of $n$ unit features in $\mathbb{R}^d$, with $n > d$ for superposition.

    $$x_l = \frac{1}{c_l} \Big( \sum_{i \in S_l} h_{li} v_i + \sigma g_l \Big), \qquad
      v_i \propto \sqrt{1 - \rho}\, \frac{A u_i}{\|A u_i\|} + \sqrt\rho\, c,$$

    with $u_i$ uniform on the sphere, $A$ a symmetric matrix with eigenvalues in geometric progression from 1 to
    $1/\kappa$ and Haar distributed eigenvectors (the identity unless `condition_number` is given), and $c$ a common unit
    vector, so that `coherence` $\rho$ is about the mean cosine of two features. Supports $S_l$ are uniform of exact
    size $s$, or features occur independently with given `frequencies`.

    The truth is the matrix $V$ of shape $(n, d)$. An estimate is a matrix of directions, one row per neuron, of any
    number and lengths (zero rows are padding): the order of rows, their lengths, and several rows for one feature are
    ambiguities; their signs are not, since $H \ge 0$.

    Rows are drawn from a key when they are asked for (`PlantedActivations`), unless `stored`. `dimension`, `features`,
    `active`, `samples`, laws, coherence, condition number and noise are traced; lanes of a trial share $u_i$, $c$ and
    the random numbers behind the rows.

    Source: the model of Chen, Sheen, Xiong, Wang and Yang, arXiv:2506.14002 (chen2025), with options.
    """

    dimension: Size = size(1)
    features: Size = size(1)
    active: Int[Array, " sizes"] | None = size(1, most="features", meaning="the number of features")
    frequencies: Float[Array, " features"] | None = leaf(rule="closed probability")
    law: Whole = leaf()
    range: Float[Array, "2"]
    scaling: Whole = leaf()
    coherence: Real = leaf(rule="decay")
    condition_number: Real | None = leaf(rule="at least one")
    noise: Real | None = leaf(rule="standard deviation")
    samples: Int[Array, ""] | None = integer(1)
    equal_lengths: bool = eqx.field(static=True)
    stored: bool = eqx.field(static=True)
    summary_rows: int = count(1)

    def __init__(
        self,
        dimension,
        features,
        active=None,
        *,
        frequencies: Shaped[Array | np.ndarray, " features"] | None = None,
        coefficients: str = "uniform",
        coefficient_range: tuple[float, float] = (0.5, 1.5),
        scaling: str = "power",
        coherence=0.0,
        condition_number=None,
        noise=None,
        samples=None,
        equal_lengths: bool = True,
        stored: bool = False,
        summary_rows: int = 1024,
    ):
        r"""**Arguments:**

        - `dimension`: $d$.
        - `features`: $n$.
        - `active`: support size $s \le n$, or a tuple of sizes, each for an equal share of the rows.
        - `frequencies`: instead of `active`, the $n$ probabilities with which features occur independently
          (`zipf_frequencies`).
        - `coefficients`: `"uniform"` on `coefficient_range`, `"constant"` 1, `"lognormal"` with logarithm $N(0, 1/4)$, `"halfnormal"`.
        - `scaling`: `"none"`; `"power"`, all rows divided by one number, such that $\mathbb{E}\|x\|^2 = 1$ for incoherent
          features without noise; `"unit"`, every row divided by its norm; `"standard"`, every row made to have mean 0 and
          standard deviation 1 over its coordinates.
        - `coherence`: $\rho \in [0, 1)$. `condition_number`: $\kappa \ge 1$.
        - `noise`: $\sigma$, before scaling.
        - `equal_lengths`: whether all $v_i$ are unit vectors. Otherwise lengths of $A u_i$ are divided by their mean and lengths of
          $v_i$ are left as they come out, so that features of different $\kappa$ differ by a linear map.
        - `samples`: number of distinct rows; ever new ones by default. `stored`: keep them in memory.
        - `summary_rows`: rows set aside for summaries of what was learnt.

        **Raises:** `ValueError` for an impossible number or an unknown name.
        """
        self.dimension, self.features = dimension, features
        self.active, self.frequencies = _support_sizes(active), frequencies
        self.law, self.scaling = _place("coefficients", coefficients, LAWS), _place("scaling", scaling, SCALINGS)
        self.range = np.asarray(coefficient_range, float)
        self.coherence, self.condition_number, self.noise = coherence, condition_number, noise
        self.equal_lengths, self.samples, self.stored = equal_lengths, samples, stored
        self.summary_rows = summary_rows
        sizes = {"dimension": dimension, "features": features, "active": self.active}
        sizes |= {"samples": samples} if stored is True else {}
        self.capacities = concrete_capacities(**{name: value for name, value in sizes.items() if _counts(value)})

    def check_together(self):
        """Supports are given in one way, ranges are in order, and what is stored is finite."""
        if (self.active is None) == (self.frequencies is None):
            raise ValueError(
                "PlantedFeatures: give either `active` (a support size) or `frequencies` (one per feature)."
            )
        if self.frequencies is not None and is_concrete(self.features):
            shape, features = np.shape(self.frequencies), int(self.features)
            if shape != (features,):
                raise ValueError(
                    f"PlantedFeatures: `frequencies` has shape {shape}; one per feature ({features}) is allowed."
                )
        ordered = Rule("0 <= low <= high", lambda ends: (ends[0] >= 0) & (ends[0] <= ends[1]))
        check("PlantedFeatures", "coefficient_range", self.range, ordered)
        if self.stored and self.samples is None:
            raise ValueError("PlantedFeatures: `stored` is True, so `samples` is needed.")

    def design(self, key: Key[Array, ""]) -> FeatureDraws:
        """Normal directions at capacity, and the key of the rows."""
        dimension, features = capacity(self, "dimension"), capacity(self, "features")
        key_directions, key_common, key_rotation, key_rows = draws.split(key, 4)
        rotation = None
        if self.condition_number is not None:
            rotation = draws.normal_tensor(key_rotation, (dimension, dimension))
        return FeatureDraws(
            draws.normal_tensor(key_directions, (features, dimension)),
            draws.normal(key_common, (dimension,)),
            rotation,
            key_rows,
        )

    def observe(
        self, key: Key[Array, ""], design: FeatureDraws
    ) -> tuple[PlantedActivations | ActivationProblem, Float[Array, "features dimension"]]:
        """Features and the stream of their mixtures; all randomness is the design's, so `key` is not used."""
        truth = self._features(design)
        dtype = truth.dtype
        frequencies = None
        if self.active is not None:
            mean_active = jnp.mean(self.active.astype(dtype))
        else:
            frequencies = jnp.pad(self.frequencies, (0, truth.shape[0] - self.frequencies.shape[0]))
            mean_active = jnp.sum(frequencies)
        stream = PlantedActivations(
            key=design.key,
            features=truth,
            feature_count=self.features,
            dimension=self.dimension,
            active=self.active,
            frequencies=frequencies,
            law=self.law,
            range=self.range,
            noise=self.noise,
            scaling=self.scaling,
            power=mean_active * mean_square(self.law, *self.range),
            samples=self.samples,
            most=0 if self.active is None else capacity(self, "active"),
            summary_rows=self.summary_rows,
        )
        if not self.stored:
            return stream, truth
        rows = capacity(self, "samples")
        mask = row_mask(stream.samples, rows)
        matrix = jnp.where(mask[:, None], stream.rows(jnp.arange(rows, dtype=jnp.int32)), 0)
        problem = ActivationProblem(
            matrix, samples=stream.samples, dimension=stream.dimension, key=draws.fold_in(design.key, 2)
        )
        return problem, truth

    def _features(self, design: FeatureDraws) -> Float[Array, "features dimension"]:
        coordinates = row_mask(self.dimension, design.common.shape[0])
        directions = jnp.where(coordinates[None, :], design.directions, 0)
        dtype = directions.dtype
        if not self.equal_lengths:
            directions = unit(directions)
        if self.condition_number is not None:
            # Padded coordinates are eigenvectors of their own.
            inside = coordinates[:, None] & coordinates[None, :]
            basis = qr(jnp.where(inside, design.rotation, jnp.eye(coordinates.shape[0], dtype=dtype)))[0]
            last = jnp.maximum(self.dimension - 1, 1).astype(dtype)
            places = jnp.arange(coordinates.shape[0], dtype=jnp.int32).astype(dtype) / last
            values = self.condition_number**-places
            directions = ((directions @ basis) * values[None, :]) @ basis.T
            directions = jnp.where(coordinates[None, :], directions, 0)
        common = unit(jnp.where(coordinates, design.common, 0))
        present = row_mask(self.features, directions.shape[0])
        if self.equal_lengths:
            directions = unit(directions)
        else:
            total = jnp.sum(jnp.where(present, norm(directions, axis=1), 0))
            directions = directions * (self.features.astype(dtype) / total)
        mixed = jnp.sqrt(1 - self.coherence) * directions + jnp.sqrt(self.coherence) * common[None, :]
        return jnp.where(present[:, None], unit(mixed) if self.equal_lengths else mixed, 0)

    def error(
        self, truth: Float[Array, "features dimension"], estimate: Float[Array, "width dimension"]
    ) -> Float[Array, ""]:
        r"""One minus the mean over features of the largest cosine with a row of the estimate, $\frac1n \sum_i (1 - \max_m \cos(v_i, w_m))$."""
        return greedy_distance(truth, estimate)

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        """Feature recovery rates: shares of features with a cosine above 0.8 and 0.9, and that of neurons above 0.9.

        `recovered_80`, `recovered_90`, `mean_cosine` (the mean of the largest cosines) and `monosemantic` (the share of neurons,
        zero rows left out, that have a cosine above 0.9 with a feature).
        """
        found, true = largest_cosines(truth, estimate)
        neurons, present = largest_cosines(estimate, truth)
        number, width = jnp.sum(true).astype(found.dtype), jnp.maximum(jnp.sum(present), 1).astype(found.dtype)

        def share(values, mask, level, of):
            return jnp.sum((values > level) & mask).astype(values.dtype) / of

        return {
            "recovered_80": share(found, true, 0.8, number),
            "recovered_90": share(found, true, 0.9, number),
            "mean_cosine": jnp.sum(jnp.where(true, found, 0)) / number,
            "monosemantic": share(neurons, present, 0.9, width),
        }


def zipf_frequencies(features: int, *, ceiling: float = 0.2, mass: float = 0.6) -> np.ndarray:
    r"""Occurrence frequencies $f_i = \min(\mathrm{ceiling}, \mathrm{mass} / i)$, $i = 1, \dots, n$."""
    return np.minimum(ceiling, mass / np.arange(1, features + 1))


def _place(name: str, value: str, allowed: tuple[str, ...]) -> int:
    require_name("PlantedFeatures", name, value, allowed)
    return allowed.index(value)


def _counts(value) -> bool:
    return is_number(value) and np.size(value) > 0 and is_whole(np.asarray(value))


def _support_sizes(active):
    """One size or several as a vector of counts; what is none passes, for the rule to refuse it by name."""
    if isinstance(active, (int, np.integer, tuple, list)) and is_number(active):
        active = np.reshape(active, -1)
    return active.astype(np.int32) if isinstance(active, np.ndarray) and is_whole(active) else active
