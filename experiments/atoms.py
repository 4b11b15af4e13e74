"""Atoms: the atomic inner product, unique codes, autoencoders with thresholds (Hu et al. 2025)."""

import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers, theory
from recover import autoencoders as pieces
from recover.core import in_default_precision
from recover.core.linalg import eigvalsh, solve
from recover.core.sizes import with_capacities
from recover.dictionaries.atomic_inner_product import coherence, pair_angles, second_moment, stability, whitening
from recover.dictionaries.autoencoders import ideal_autoencoder
from recover.theory import threshold_window, welch_coherence

from .fields import Count, Counts, Nonnegative, Positive, ProperFraction, Trials
from .figure import Axis, Figure, NamedAxis, Sweep, SweepFigure
from .summaries import crossing, means, summarise, tidied

Condition = Annotated[float, pydantic.Field(ge=1)]

_MEASURED = ["explained", "explained_training", "recovered_90", "l0", "alive", "stability"]


def atoms(dimension, features, active, condition=1.0, shift=0.0, **options) -> models.PlantedFeatures:
    """Atoms with a conditioning and a shift along a common direction; coefficients uniform on [0.5, 1] by default."""
    return models.PlantedFeatures(
        dimension,
        features,
        active,
        coherence=shift**2 / (1 + shift**2),
        condition_number=condition,
        equal_lengths=False,
        **{"coefficient_range": (0.5, 1.0), **options},
    )


def instance(model: models.PlantedFeatures, key) -> tuple:
    """The stream of rows and the atoms, both of one key; for code that is compiled as a whole."""
    model = in_default_precision(model)
    with jax.default_matmul_precision("float32"):
        return model.observe(key, model.design(key))


class TrainingFigure(SweepFigure):
    """Autoencoders with trained thresholds and a penalty on the number of active neurons."""

    dimension: Count
    features: Count
    active: Count
    batch: Count
    rate: Positive
    rows: Count

    measure = pieces.dictionary_certificates

    def training(self, width, penalty) -> solvers.AutoencoderTraining:
        r"""Minimises $\|x - \hat x\|^2 + \lambda \cdot$ number of active neurons."""
        # Our loss has half the squared error.
        control = pieces.CountPenalty(penalty / 2, ramp=self.max_steps // 5)
        optimiser = pieces.Adam(self.rate, steps=self.max_steps)
        return solvers.AutoencoderTraining(
            width, pieces.Threshold(), control, pieces.FreeEncoder(), optimiser, batch=self.batch
        )

    @staticmethod
    def trained(swept: Table, *by: str) -> pd.DataFrame:
        """Means over data sets of what trainings reach; atoms are those that neurons which speak recover."""
        found = {f"explained{rows}": 1 - swept.frame[f"unexplained{rows}"] for rows in ("", "_training")}
        found["recovered_90"] = swept.frame["alive_recovered_90"]
        return means(swept.frame.assign(**found), by, _MEASURED)


def drawn(one: Callable[..., Mapping[str, Any]], trials: int, seed: int) -> dict[str, np.ndarray]:
    """What `one(key)` finds in every trial: arrays whose first axis is the trial."""
    keys = jax.random.split(jax.random.key(seed), trials)
    return jax.tree.map(np.asarray, jax.jit(lambda keys: jax.lax.map(one, keys))(keys))


KINDS = ("atoms", "activations")
PRODUCTS = ("Euclidean", "atomic", "centred")
_BINS = np.linspace(0, 180, 121)


class Representation(Figure):
    """Angles between atoms, and between activations, when the representation is sheared and shifted.

    Every combination of conditioning and shift, the same atoms and codes beneath; histograms of one trial.
    """

    dimension: Count
    features: Count
    active: Count
    rows: Count
    compared: Count
    conditions: tuple[Condition, ...]
    shifts: tuple[Nonnegative, ...]
    trials: Trials

    def tables(self, swept):
        grid = jnp.asarray(self.conditions), jnp.asarray(self.shifts)
        condition, shift = (jnp.ravel(each) for each in jnp.meshgrid(*grid, indexing="ij"))
        over_settings = jax.vmap(self._angles, in_axes=(None, 0, 0))
        found = drawn(lambda key: over_settings(key, condition, shift), self.trials, self.seed)
        axes = {"condition": self.conditions, "shift": self.shifts, "kind": KINDS, "product": PRODUCTS}
        counts = found.pop("counts")[0]
        density = counts / (counts.sum(axis=-1, keepdims=True) * np.diff(_BINS))
        return {
            "angles": means(tidied(found, trial=range(self.trials), **axes), list(axes), list(found)),
            "histograms": tidied({"density": density}, **axes, angle=(_BINS[1:] + _BINS[:-1]) / 2),
        }

    def predictions(self):
        return {"welch": pd.DataFrame({"coherence": [float(welch_coherence(self.features, self.dimension))]})}

    def _angles(self, key, condition, shift):
        model = atoms(self.dimension, self.features, self.active, condition, shift)
        stream, directions = instance(model, key)
        reference = stream.rows(jnp.arange(self.rows, dtype=jnp.int32))
        moment, mean = second_moment(reference), jnp.mean(reference, axis=0)
        identity = jnp.eye(self.dimension, dtype=moment.dtype)
        roots = identity, whitening(moment), whitening(moment - mean[:, None] * mean[None, :])
        units = directions, reference[: self.compared]
        found = [_described(unit @ root) for unit in units for root in roots]
        return jax.tree.map(lambda *each: jnp.stack(each), *found)


@functools.partial(jax.jit, inline=True)
def _described(dictionary):
    angles = pair_angles(dictionary)
    # Counting by whole numbers is cheaper than by edges; what is not a number goes beyond the last bin.
    bins = len(_BINS) - 1
    index = jnp.where(jnp.isnan(angles), bins, jnp.floor(angles / _BINS[1])).astype(jnp.int32)
    return {
        "mean": jnp.nanmean(angles),
        "spread": jnp.nanstd(angles),
        "coherence": coherence(dictionary),
        "counts": jnp.bincount(jnp.minimum(index, bins).reshape(-1), length=bins + 1)[:bins],
    }


class SupportRecovery(SweepFigure):
    """Supports of sparse codes by one threshold, orthogonal matching pursuit and basis pursuit, in both inner products.

    Two sweeps: greedy encoders, and basis pursuit at smaller sizes and two condition numbers.

    Sizes of supports, conditioning and whitening are traced: one program per solver.
    """

    condition: Axis[Condition]
    active: Axis[Count]
    dimension: Count
    features: Count
    pursuit_dimension: Count
    pursuit_features: Count
    pursuit_active: Counts
    pursuit_trials: Trials

    def _greedy(self, condition, whitened, active):
        model = models.PlantedCode(atoms(self.dimension, self.features, active, condition), whitened)
        return model, {"threshold": solvers.Thresholding(nonnegative=True), "OMP": solvers.OMP()}

    def _pursuit(self, condition, whitened, active):
        features = atoms(self.pursuit_dimension, self.pursuit_features, active, condition)
        return models.PlantedCode(features, whitened), {"basis pursuit": solvers.BasisPursuit()}

    def sweeps(self):
        axes = {"condition": self.condition, "whitened": [0, 1], "active": self.active}
        extremes = {"condition": [min(self.condition), max(self.condition)], "active": self.pursuit_active}
        return {
            "greedy": Sweep(self._greedy, axes, self.trials, self.options(max_steps=max(self.active) + 1)),
            "pursuit": Sweep(self._pursuit, {**axes, **extremes}, self.pursuit_trials, self.options()),
        }

    def tables(self, swept):
        rows = pd.concat([table.frame for table in swept.values()])
        rows = rows.assign(success=rows["support"] > 0.5)
        return {"rates": summarise(rows, ["solver", "condition", "whitened", "active"], rate=("success", "rate"))}


class IdealEncoder(Figure):
    """The encoder made of the atoms themselves: supports and coefficients against the worst case.

    Thresholds in the middle of the window, whether or not it is empty.
    """

    dimension: Count
    features: Count
    actives: Counts
    condition: Condition
    smallest: Positive
    largest: Positive
    codes: Count
    trials: Trials

    def tables(self, swept):
        actives = jnp.asarray(self.actives, jnp.int32)
        found = drawn(lambda key: jax.vmap(self._encoded, (None, 0))(key, actives), self.trials, self.seed)
        axes = {"trial": range(self.trials), "active": self.actives}
        codes = tidied(
            {name: found.pop(name) for name in ("exact", "error", "refitted")}, **axes, code=range(self.codes)
        )
        windows = tidied(found, **axes).groupby("active", sort=False)
        errors = codes.groupby("active", sort=False)[["error", "refitted"]]
        sizes = summarise(codes, ["active"], exact="rate").set_index("active")
        return {
            "sizes": sizes.join(windows[["coherence", "lower", "upper"]].mean())
            .join(windows.agg({"response": "min", "interference": "max"}))
            .join(errors.mean())
            .join(errors.max().add_suffix("_largest"))
            .reset_index()
        }

    def _encoded(self, key, active):
        sizes = {"dimension": self.dimension, "features": self.features, "active": max(self.actives)}
        options = {"coefficient_range": (self.smallest, self.largest), "scaling": "none"}
        model = with_capacities(atoms(self.dimension, self.features, active[None], self.condition, **options), sizes)
        stream, directions = instance(model, key)
        codes = stream.codes(jnp.arange(self.codes, dtype=jnp.int32))
        rows = codes @ directions
        moment = directions.T @ directions
        mu = coherence(directions @ whitening(moment, 0.0))
        window = threshold_window(mu, active.astype(mu.dtype), self.smallest, self.largest)
        autoencoder = ideal_autoencoder(directions, moment, (window.lower + window.upper) / 2)
        answers = autoencoder.forward(rows).preactivations.projections
        found = autoencoder.encode(rows)
        true = codes > 0

        def refit(row, code):
            values, chosen = jax.lax.top_k(code, max(self.actives))
            kept = values > 0
            columns = jnp.where(kept[:, None], directions[chosen], 0)
            gram = columns @ columns.T + jnp.diag(jnp.where(kept, 0, 1).astype(columns.dtype))
            return solve(gram, (columns @ row)[:, None])[:, 0] @ columns

        def error(estimate):
            return jnp.linalg.norm(rows - estimate, axis=1) / jnp.linalg.norm(rows, axis=1)

        return {
            "coherence": mu,
            "lower": window.lower,
            "upper": window.upper,
            "exact": jnp.all((found > 0) == true, axis=1),
            "response": jnp.min(jnp.where(true, answers, jnp.inf)),
            "interference": jnp.max(jnp.where(true, -jnp.inf, answers)),
            "error": error(autoencoder.decode(found)),
            "refitted": error(jax.lax.map(lambda pair: refit(*pair), (rows, found))),
        }


class Size(pydantic.BaseModel):
    """A dimension and a number of atoms."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    dimension: Count
    features: Count


class Certificates(Figure):
    """What random dictionaries certify: shares of stable pairs, coherence against the least possible, restricted isometries.

    Random directions, whitened by the kernel of the dictionary itself.
    """

    sizes: tuple[Size, ...]
    actives: Counts
    supports: Count
    model_dimension: Count
    trials: Trials

    def tables(self, swept):
        by_size, by_active = [], []
        for size in self.sizes:
            found = drawn(lambda key, size=size: self._measured(key, size), self.trials, self.seed)
            mu = found.pop("coherence")
            found["bound"] = theory.coherence_isometry(mu[:, None], np.asarray(self.actives))
            certified = {"coherence": mu, "certified": theory.uniqueness_sparsity(mu)}
            by_size.append(tidied(certified, trial=range(self.trials)).assign(**size.model_dump()))
            axes = {"trial": range(self.trials), "active": self.actives}
            by_active.append(tidied(found, **axes).assign(**size.model_dump()))
        pairs = pd.concat(by_active, ignore_index=True)
        where = ["dimension", "features"]
        return {
            "stability": self._predicted(means(pairs, [*where, "active"], ["stability"])),
            "sizes": means(pd.concat(by_size), where, ["coherence", "certified"]),
            "isometries": pairs[[*where, "active", "trial", "constant", "bound"]],
        }

    @staticmethod
    def _predicted(table: pd.DataFrame) -> pd.DataFrame:
        sizes = (table[name].to_numpy(float) for name in ("features", "dimension", "active"))
        return table.assign(predicted=np.asarray(theory.tight_frame_stability(*sizes)))

    def predictions(self):
        fine = {"active": np.linspace(1, max(self.actives) + 1, 101)}
        lines = [pd.DataFrame({**size.model_dump(), **fine}) for size in self.sizes]
        sizes = pd.DataFrame([size.model_dump() for size in self.sizes])
        least = theory.welch_coherence(sizes["features"].to_numpy(float), sizes["dimension"].to_numpy(float))
        d = float(self.model_dimension)
        certified = {n: float(theory.uniqueness_sparsity(theory.welch_coherence(n * d, d))) for n in (4, 1e6)}
        shares = np.asarray(theory.tight_frame_stability(4 * d, d, np.arange(1.0, 41.0)))
        facts = {"certified_four": certified[4], "certified_many": certified[1e6], "most": int((shares >= 0.998).sum())}
        return {
            "lines": self._predicted(pd.concat(lines, ignore_index=True)),
            "welch": sizes.assign(certified=np.asarray(theory.uniqueness_sparsity(least))),
            "language_model": pd.DataFrame([facts]),
        }

    def _measured(self, key, size):
        model = atoms(size.dimension, size.features, 1)
        _, directions = instance(model, key)
        whitened = directions @ whitening(directions.T @ directions, 0.0)
        whitened = whitened / jnp.linalg.norm(whitened, axis=1, keepdims=True)
        actives = jnp.asarray(self.actives, jnp.int32)
        return {
            "coherence": coherence(whitened),
            "stability": jax.vmap(lambda active: stability(whitened, active[None]))(actives),
            "constant": self._isometries(key, whitened, actives),
        }

    def _isometries(self, key, whitened, actives):
        """Largest deviation of squared singular values from one over nested random supports and one around the worst pair."""
        draws = jax.random.uniform(jax.random.fold_in(key, 1), (self.supports, whitened.shape[0]))
        supports = jax.lax.top_k(draws, max(self.actives))[1]
        # The row with the largest coherence and its most coherent companions.
        products = jnp.abs(whitened @ whitened.T)
        row = jnp.argmax(jnp.max(products - 2 * jnp.eye(products.shape[0], dtype=products.dtype), axis=1))
        worst = jax.lax.top_k(products[row], max(self.actives))[1]
        chosen = whitened[jnp.concatenate([supports, worst[None]])]
        gram = jnp.einsum("skd,sld->skl", chosen, chosen)

        def largest(active):
            inside = jnp.arange(gram.shape[1], dtype=jnp.int32) < active
            # Ones on the diagonal of what is left out deviate by nothing.
            blocks = jnp.where(inside[:, None] & inside[None, :], gram, jnp.eye(gram.shape[1], dtype=gram.dtype))
            return jnp.max(jnp.abs(jax.vmap(eigvalsh)(blocks) - 1))

        return jax.vmap(largest)(actives)


class Setting(pydantic.BaseModel):
    """Sizes of a planted representation."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    dimension: Count
    features: Count
    active: Count


class Units(Figure):
    """Which units of a representation the stability prefers, trivial ones included.

    Codes of the planted atoms' size for all units but neurons, which all speak, and data points, which speak alone.
    """

    settings: tuple[Setting, ...]
    condition: Condition
    shift: Nonnegative
    rows_per_dimension: Count
    trials: Trials

    def tables(self, swept):
        parts = []
        for setting in self.settings:
            found = drawn(lambda key, setting=setting: self._stabilities(key, setting), self.trials, self.seed)
            shares = {"stability": np.stack(list(found.values()))}
            parts.append(tidied(shares, unit=found, trial=range(self.trials)).assign(**setting.model_dump()))
        return {"units": means(pd.concat(parts), ["dimension", "features", "active", "unit"], ["stability"])}

    def predictions(self):
        settings = pd.DataFrame([setting.model_dump() for setting in self.settings])
        sizes = (settings[name].to_numpy(float) for name in ("features", "dimension", "active"))
        return {"predictions": settings.assign(stability=np.asarray(theory.tight_frame_stability(*sizes)))}

    def _stabilities(self, key, setting):
        d, n = setting.dimension, setting.features
        model = atoms(d, n, setting.active, self.condition, self.shift)
        stream, directions = instance(model, key)
        count = self.rows_per_dimension * d
        root = whitening(second_moment(stream.rows(jnp.arange(count, dtype=jnp.int32))))
        points = stream.rows(count + jnp.arange(n, dtype=jnp.int32))
        random = jax.random.normal(jax.random.fold_in(key, 7), (n, d), directions.dtype)

        def share(unit, active):
            return stability(unit, jnp.full((1,), active, jnp.int32))

        return {
            "atoms": share(directions @ root, setting.active),
            "atoms, Euclidean": share(directions, setting.active),
            "random": share(random @ root, setting.active),
            "neurons": share(root, d),
            "data points": share(points @ root, 1),
        }


class Variant(pydantic.BaseModel):
    """A penalty, a conditioning of the representation, and whether rows are whitened before training."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    penalty: Positive
    condition: Condition
    whitened: bool
    shift: Nonnegative = 0.0


class Capacity(TrainingFigure):
    """Trained autoencoders of growing width: reconstruction, recovery, and how many neurons stay alive.

    Width and all numbers of the variants are traced: one program.
    """

    variant: NamedAxis[Variant]
    width: Axis[Count]
    samples: Count
    level: ProperFraction

    def cell(self, variant, width):
        chosen = self.variant[variant]
        sizes = self.dimension, self.features, self.active
        features = atoms(*sizes, chosen.condition, chosen.shift, samples=self.samples)
        return models.PlantedAtoms(features, chosen.whitened, rows=self.rows), self.training(width, chosen.penalty)

    def tables(self, swept):
        trained = self.trained(swept, "variant", "width")
        # The width that recovers a share of the atoms.
        widths = [
            (name, crossing(rows["width"], rows["recovered_90"], self.level))
            for name, rows in trained.groupby("variant", sort=False)
        ]
        return {"trained": trained, "widths": pd.DataFrame(widths, columns=["variant", "width"])}


class DataSize(TrainingFigure):
    """Trained autoencoders over width and number of distinct rows: memorising against identifying.

    Width and number of rows are traced: one program.
    """

    samples: Axis[Count]
    width: Axis[Count]
    penalty: Positive
    level: ProperFraction

    def cell(self, samples, width):
        features = atoms(self.dimension, self.features, self.active, samples=samples)
        return models.PlantedAtoms(features, rows=self.rows), self.training(width, self.penalty)

    def tables(self, swept):
        trained = self.trained(swept, "samples", "width")
        # The width from which training rows are explained.
        widths = [
            (samples, crossing(rows["width"], rows["explained_training"], self.level))
            for samples, rows in trained.groupby("samples")
        ]
        return {"trained": trained, "widths": pd.DataFrame(widths, columns=["samples", "width"])}


class LanguageModel(TrainingFigure):
    """A stand-in for hidden states of a language model: atoms, features of a narrow autoencoder, neurons.

    Atoms with frequencies of Zipf's law, `active` of them active in the mean.

    Trained are autoencoders of thresholds, on whitened rows and on raw ones, and a narrow one.
    """

    width: Count
    narrow_width: Count
    penalty: Positive
    narrow_penalty: Positive
    condition: Condition
    shift: Nonnegative
    exponent: Positive
    summary_rows: Count

    def axes(self):
        return {"whitened": [0, 1]}

    def _features(self) -> models.PlantedFeatures:
        weights = 1 / np.arange(1, self.features + 1) ** self.exponent
        frequencies = np.minimum(self.active * weights / weights.sum(), 1.0)
        options = {"frequencies": frequencies, "summary_rows": self.summary_rows}
        return atoms(self.dimension, self.features, None, self.condition, self.shift, **options)

    def cell(self, whitened):
        trained = {"atoms, whitened" if whitened else "atoms, raw": self.training(self.width, self.penalty)}
        if not whitened:
            trained["narrow features"] = self.training(self.narrow_width, self.narrow_penalty)
        return models.PlantedAtoms(self._features(), whitened, rows=self.rows), trained

    def tables(self, swept):
        return {"units": self.trained(swept, "solver").rename(columns={"solver": "unit"})}

    def predictions(self):
        found = drawn(self._untrained, self.trials, self.seed)
        rows = tidied({"stability": np.stack(list(found.values()))}, unit=found, trial=range(self.trials))
        return {"untrained": means(rows.assign(explained=1.0), ["unit"], ["explained", "stability"])}

    def _untrained(self, key):
        model = self._features()
        stream, directions = instance(model, key)
        root = whitening(second_moment(*stream.summary()))
        counts = jnp.sum(stream.codes(jnp.arange(self.summary_rows, dtype=jnp.int32)) > 0, axis=1, dtype=jnp.int32)
        return {
            "neurons": stability(root, jnp.full((1,), self.dimension, jnp.int32)),
            "planted atoms": stability(directions @ root, counts),
        }
