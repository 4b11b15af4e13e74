"""Activations as sparse mixtures of planted features, more of them than dimensions."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, Shaped

from ..core import draws
from ..core.checks import require_integer, require_number
from ..core.leaves import as_leaf, as_real_leaf
from ..core.linalg import qr
from ..core.model import AbstractModel
from ..core.sizes import Capacities, capacities_field, capacity, concrete_capacities, row_mask
from .directions import greedy_distance, largest_cosines, unit_rows
from .planted_activations import LAWS, SCALINGS, PlantedActivations, mean_square
from .problem import ActivationProblem

__all__ = ["PlantedFeatures", "zipf_frequencies"]


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

    Source: the model of Chen, Sheen, Xiong, Wang and Yang, arXiv:2506.14002, with options.
    """

    dimension: Int[Array, ""]
    features: Int[Array, ""]
    active: Int[Array, " sizes"] | None
    frequencies: Float[Array, " features"] | None
    law: Int[Array, ""]
    range: Float[Array, "2"]
    scaling: Int[Array, ""]
    coherence: Float[Array, ""]
    condition_number: Float[Array, ""] | None
    noise: Float[Array, ""] | None
    samples: Int[Array, ""] | None
    equal_lengths: bool = eqx.field(static=True)
    stored: bool = eqx.field(static=True)
    summary_rows: int = eqx.field(static=True)
    capacities: Capacities = capacities_field()

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
        name = "PlantedFeatures"
        require_integer(name, "dimension", dimension, 1)
        require_integer(name, "features", features, 1)
        if (active is None) == (frequencies is None):
            raise ValueError(f"{name}: give either `active` (a support size) or `frequencies` (one per feature).")
        if active is not None:
            active = np.reshape(active, -1) if isinstance(active, (int, np.integer, tuple, list)) else active
            require_integer(name, "active", active, 1, _known(features), "the number of features")
        if frequencies is not None:
            require_number(name, "frequencies", frequencies, "probabilities", lambda v: (v >= 0) & (v <= 1))
            if np.shape(frequencies) != (_known(features),):
                raise ValueError(
                    f"{name}: `frequencies` has shape {np.shape(frequencies)}; one per feature ({features}) is allowed."
                )
        for field, value, allowed in (("coefficients", coefficients, LAWS), ("scaling", scaling, SCALINGS)):
            if value not in allowed:
                raise ValueError(f"{name}: `{field}` is {value!r}; allowed: {', '.join(allowed)}.")
        low, high = coefficient_range
        require_number(name, "coefficient_range", coefficient_range, "0 <= low <= high", lambda v: 0 <= low <= high)
        require_number(name, "coherence", coherence, "a number in [0, 1)", lambda v: (v >= 0) & (v < 1))
        require_number(name, "condition_number", condition_number, "a number of at least 1", lambda v: v >= 1)
        require_number(name, "noise", noise, "a standard deviation of at least 0", lambda v: v >= 0)
        require_integer(name, "samples", samples, 1)
        require_integer(name, "summary_rows", summary_rows, 1)
        if stored and samples is None:
            raise ValueError(f"{name}: `stored` is True, so `samples` is needed.")
        self.dimension, self.features = as_leaf(dimension), as_leaf(features)
        self.active = None if active is None else as_leaf(_counts(active))
        self.frequencies = as_leaf(frequencies)
        self.law, self.scaling = as_leaf(LAWS.index(coefficients)), as_leaf(SCALINGS.index(scaling))
        self.range = np.asarray([low, high], float)
        self.coherence, self.noise = as_real_leaf(coherence), as_real_leaf(noise)
        self.condition_number = as_real_leaf(condition_number)
        self.samples = as_leaf(samples)
        self.equal_lengths = bool(equal_lengths)
        self.stored, self.summary_rows = bool(stored), int(summary_rows)
        sizes = {"dimension": dimension, "features": features}
        if active is not None:
            sizes["active"] = active
        if stored:
            sizes["samples"] = samples
        self.capacities = concrete_capacities(**sizes)

    @eqx.filter_jit
    def design(self, key: Key[Array, ""]) -> FeatureDraws:
        """Normal directions at capacity, and the key of the rows."""
        dimension, features = capacity(self, "dimension"), capacity(self, "features")
        key_directions, key_common, key_rotation, key_rows = jax.random.split(key, 4)
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
        active = None if self.active is None else jnp.asarray(self.active)
        frequencies = None
        law, (low, high) = jnp.asarray(self.law), jnp.asarray(self.range, dtype)
        if active is not None:
            mean_active = jnp.mean(active.astype(dtype))
        else:
            frequencies = (
                jnp.zeros(truth.shape[0], dtype)
                .at[: self.frequencies.shape[0]]
                .set(jnp.asarray(self.frequencies, dtype))
            )
            mean_active = jnp.sum(frequencies)
        stream = PlantedActivations(
            key=design.key,
            features=truth,
            count=jnp.asarray(self.features),
            dimension=jnp.asarray(self.dimension),
            active=active,
            frequencies=frequencies,
            law=law,
            range=jnp.asarray(self.range, dtype),
            noise=None if self.noise is None else jnp.asarray(self.noise, dtype),
            scaling=jnp.asarray(self.scaling),
            power=mean_active * mean_square(law, low, high),
            samples=None if self.samples is None else jnp.asarray(self.samples),
            most=0 if active is None else capacity(self, "active"),
            summary_rows=self.summary_rows,
        )
        if not self.stored:
            return stream, truth
        rows = capacity(self, "samples")
        mask = row_mask(stream.samples, rows)
        matrix = jnp.where(mask[:, None], stream.rows(jnp.arange(rows, dtype=jnp.int32)), 0)
        problem = ActivationProblem(
            matrix, samples=stream.samples, dimension=stream.dimension, key=jax.random.fold_in(design.key, 2)
        )
        return problem, truth

    # Compiled as one even where nothing around it is.
    @eqx.filter_jit
    def _features(self, design: FeatureDraws) -> Float[Array, "features dimension"]:
        coordinates = row_mask(jnp.asarray(self.dimension), design.common.shape[0])
        directions = jnp.where(coordinates[None, :], design.directions, 0)
        dtype = directions.dtype
        if not self.equal_lengths:
            directions = unit_rows(directions)
        if self.condition_number is not None:
            # Padded coordinates are eigenvectors of their own.
            inside = coordinates[:, None] & coordinates[None, :]
            basis = qr(jnp.where(inside, design.rotation, jnp.eye(coordinates.shape[0], dtype=dtype)))[0]
            last = jnp.maximum(jnp.asarray(self.dimension) - 1, 1).astype(dtype)
            places = jnp.arange(coordinates.shape[0], dtype=jnp.int32).astype(dtype) / last
            values = jnp.asarray(self.condition_number, dtype) ** -places
            with jax.default_matmul_precision("float32"):
                directions = ((directions @ basis) * values[None, :]) @ basis.T
            directions = jnp.where(coordinates[None, :], directions, 0)
        common = jnp.where(coordinates, design.common, 0)
        common = common / jnp.linalg.norm(common)
        share = jnp.asarray(self.coherence, dtype)
        present = row_mask(jnp.asarray(self.features), directions.shape[0])
        if self.equal_lengths:
            directions = unit_rows(directions)
        else:
            lengths = jnp.sqrt(jnp.sum(directions**2, axis=1))
            total = jnp.sum(jnp.where(present, lengths, 0))
            directions = directions * (jnp.asarray(self.features).astype(dtype) / total)
        mixed = jnp.sqrt(1 - share) * directions + jnp.sqrt(share) * common[None, :]
        return jnp.where(present[:, None], unit_rows(mixed) if self.equal_lengths else mixed, 0)

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
        count, width = jnp.sum(true).astype(found.dtype), jnp.maximum(jnp.sum(present), 1).astype(found.dtype)

        def share(values, mask, level, number):
            return jnp.sum((values > level) & mask).astype(values.dtype) / number

        return {
            "recovered_80": share(found, true, 0.8, count),
            "recovered_90": share(found, true, 0.9, count),
            "mean_cosine": jnp.sum(jnp.where(true, found, 0)) / count,
            "monosemantic": share(neurons, present, 0.9, width),
        }


def zipf_frequencies(features: int, *, ceiling: float = 0.2, mass: float = 0.6) -> np.ndarray:
    r"""Occurrence frequencies $f_i = \min(\mathrm{ceiling}, \mathrm{mass} / i)$, $i = 1, \dots, n$."""
    return np.minimum(ceiling, mass / np.arange(1, features + 1))


def _counts(active):
    return active.astype(np.int32) if isinstance(active, np.ndarray) else active


def _known(value) -> int | None:
    return int(np.max(value)) if isinstance(value, (int, np.integer, np.ndarray)) else None
