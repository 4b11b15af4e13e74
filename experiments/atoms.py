"""Atoms: the atomic inner product, unique codes, autoencoders with thresholds (Hu et al. 2025)."""

import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers, theory
from recover import autoencoders as pieces
from recover.core import in_default_precision
from recover.core.linalg import solve
from recover.core.sizes import with_capacities
from recover.dictionaries.atomic_inner_product import (
    coherence,
    isometry_constants,
    pair_angles,
    second_moment,
    stability,
    whitening,
)
from recover.dictionaries.autoencoders import ideal_autoencoder

from .fields import Count, Counts, Nonnegative, Positive, ProperFraction, Section, Trials
from .figure import Axis, Figure, NamedAxis, Sweep, SweepFigure
from .summaries import crossing, summarise, tidied

Condition = Annotated[float, pydantic.Field(ge=1)]


def atoms(dimension, features, active, condition=1.0, shift=0.0, **options) -> models.PlantedFeatures:
    """Atoms with a conditioning and a shift along a common direction; coefficients uniform on [0.5, 1] by default."""
    representation = {"coherence": shift**2 / (1 + shift**2), "condition_number": condition, "equal_lengths": False}
    options = {"coefficient_range": (0.5, 1.0), **representation, **options}
    return models.PlantedFeatures(dimension, features, active, **options)


def instance(model: models.PlantedFeatures, key) -> tuple:
    """The stream of rows and the atoms, both of one key; for code that is compiled as a whole."""
    model = in_default_precision(model)
    with jax.default_matmul_precision("float32"):
        return model.observe(key, model.design(key))


class Size(Section):
    """Sizes of a planted representation."""

    dimension: Count
    features: Count
    active: Count = 1


def with_law(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the stability of random tight frames of their sizes."""
    sizes = (rows[name].to_numpy(float) for name in ("features", "dimension", "active"))
    return rows.assign(predicted=np.asarray(theory.tight_frame_stability(*sizes)))


def drawn(one: Callable[..., Mapping[str, Any]], trials: int, seed: int) -> dict[str, np.ndarray]:
    """What `one(key)` finds in every trial: arrays whose first axis is the trial."""
    keys = jax.random.split(jax.random.key(seed), trials)
    return jax.tree.map(np.asarray, jax.jit(lambda keys: jax.lax.map(one, keys))(keys))


_BINS = np.linspace(0, 180, 121)


class Representation(Figure):
    """Angles between the same atoms, and activations, in sheared and shifted representations; histograms of one trial."""

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
        axes = {"condition": self.conditions, "shift": self.shifts, "kind": ("atoms", "activations")}
        axes["product"] = ("Euclidean", "atomic", "centred")
        counts = found.pop("counts")[0]
        density = counts / (counts.sum(axis=-1, keepdims=True) * np.diff(_BINS))
        shapes = tidied({"density": density}, **axes, angle=(_BINS[1:] + _BINS[:-1]) / 2)
        angles = tidied(found, trial=range(self.trials), **axes)
        return {"angles": summarise(angles, list(axes), **dict.fromkeys(found, "mean")), "histograms": shapes}

    def predictions(self):
        return {"welch": pd.DataFrame({"coherence": [float(theory.welch_coherence(self.features, self.dimension))]})}

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
    """Supports of sparse codes by greedy encoders, and by basis pursuit at smaller sizes, in both inner products."""

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
    """The encoder made of the atoms themselves, with thresholds in the middle of the window, whether or not it is empty."""

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
        codes = tidied(found, trial=range(self.trials), active=self.actives, code=range(self.codes))
        means = dict.fromkeys(("coherence", "lower", "upper", "error", "refitted"), "mean")
        by_active = codes.groupby("active")
        extremes = by_active[["error", "refitted"]].max().add_suffix("_largest")
        extremes = extremes.assign(response=by_active["response"].min(), interference=by_active["interference"].max())
        return {"sizes": summarise(codes, ["active"], exact="rate", **means).join(extremes, on="active")}

    def _encoded(self, key, active):
        sizes = {"dimension": self.dimension, "features": self.features, "active": max(self.actives)}
        options = {"coefficient_range": (self.smallest, self.largest), "scaling": "none"}
        model = with_capacities(atoms(self.dimension, self.features, active[None], self.condition, **options), sizes)
        stream, directions = instance(model, key)
        codes = stream.codes(jnp.arange(self.codes, dtype=jnp.int32))
        rows = codes @ directions
        moment = directions.T @ directions
        mu = coherence(directions @ whitening(moment, 0.0))
        window = theory.threshold_window(mu, active.astype(mu.dtype), self.smallest, self.largest)
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

        known = {"coherence": mu, "lower": window.lower, "upper": window.upper}
        return {
            **{name: jnp.broadcast_to(value, self.codes) for name, value in known.items()},
            "exact": jnp.all((found > 0) == true, axis=1),
            "response": jnp.min(jnp.where(true, answers, jnp.inf), axis=1),
            "interference": jnp.max(jnp.where(true, -jnp.inf, answers), axis=1),
            "error": error(autoencoder.decode(found)),
            "refitted": error(jax.lax.map(lambda pair: refit(*pair), (rows, found))),
        }


def certified(coherence) -> np.ndarray:
    """Numbers of active atoms below which codes are unique."""
    return np.asarray(theory.uniqueness_sparsity(coherence))


class Certificates(Figure):
    """What random directions, whitened by the kernel of the dictionary itself, certify."""

    sizes: tuple[Size, ...]
    actives: Counts
    supports: Count
    model_dimension: Count
    trials: Trials

    def tables(self, swept):
        parts = []
        for size in self.sizes:
            found = drawn(lambda key, size=size: self._measured(key, size), self.trials, self.seed)
            mu = np.broadcast_to(found.pop("coherence")[:, None], (self.trials, len(self.actives)))
            actives = np.broadcast_to(np.asarray(self.actives, mu.dtype), mu.shape)
            found |= {"bound": theory.coherence_isometry(mu, actives), "certified": certified(mu)}
            rows = tidied(found, trial=range(self.trials), active=self.actives)
            parts.append(rows.assign(dimension=size.dimension, features=size.features))
        rows, where = pd.concat(parts, ignore_index=True), ["dimension", "features"]
        sizes = summarise(rows[rows["active"] == self.actives[0]], where, certified="mean")
        least = theory.welch_coherence(*(sizes[name].to_numpy(float) for name in ("features", "dimension")))
        return {
            "stability": with_law(summarise(rows, [*where, "active"], stability="mean")),
            "sizes": sizes.assign(possible=certified(least)),
            "isometries": rows[[*where, "active", "trial", "constant", "bound"]],
        }

    def predictions(self):
        active, d = np.linspace(1, max(self.actives) + 1, 101), float(self.model_dimension)
        lines = [pd.DataFrame({**size.model_dump(), "active": active}) for size in self.sizes]
        shares = np.asarray(theory.tight_frame_stability(4 * d, d, np.arange(1.0, 41.0)))
        four, many = certified(theory.welch_coherence(np.array([4, 1e6]) * d, d))
        facts = {"certified_four": four, "certified_many": many, "most": int((shares >= 0.998).sum())}
        return {"lines": with_law(pd.concat(lines, ignore_index=True)), "language_model": pd.DataFrame([facts])}

    def _measured(self, key, size):
        model = atoms(size.dimension, size.features, 1)
        _, directions = instance(model, key)
        whitened = directions @ whitening(directions.T @ directions, 0.0)
        whitened = whitened / jnp.linalg.norm(whitened, axis=1, keepdims=True)
        actives = jnp.asarray(self.actives, jnp.int32)
        return {
            "coherence": coherence(whitened),
            "stability": jax.vmap(lambda active: stability(whitened, active[None]))(actives),
            "constant": isometry_constants(whitened, self.actives, jax.random.fold_in(key, 1), self.supports),
        }


class Units(Figure):
    """Which units the stability prefers, trivial ones included; neurons all speak at once, data points alone."""

    settings: tuple[Size, ...]
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
        by = ["dimension", "features", "active", "unit"]
        return {"units": with_law(summarise(pd.concat(parts), by, stability="mean"))}

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


class Variant(Section):
    """A penalty, a conditioning of the representation, and whether rows are whitened before training."""

    penalty: Positive
    condition: Condition
    whitened: bool


class TrainingFigure(SweepFigure):
    """Autoencoders with trained thresholds and a penalty on the number of active neurons."""

    dimension: Count
    features: Count
    active: Count
    batch: Count
    rate: Positive
    rows: Count

    measure = pieces.dictionary_certificates

    def _training(self, width, penalty) -> solvers.AutoencoderTraining:
        # The penalty is that of the squared error; our loss has half of it.
        control = pieces.CountPenalty(penalty / 2, ramp=self.max_steps // 5)
        parts = pieces.Threshold(), control, pieces.FreeEncoder(), pieces.Adam(self.rate, steps=self.max_steps)
        return solvers.AutoencoderTraining(width, *parts, batch=self.batch)

    @staticmethod
    def _means(swept: Table, *by: str) -> pd.DataFrame:
        # Recovered are atoms that neurons which speak have.
        found = {f"explained{rows}": 1 - swept.frame[f"unexplained{rows}"] for rows in ("", "_training")}
        rows = swept.frame.assign(**found, recovered_90=swept.frame["alive_recovered_90"])
        return summarise(rows, by, **dict.fromkeys((*found, "recovered_90", "l0", "alive", "stability"), "mean"))


class WidthFigure(TrainingFigure):
    """Trainings over width, and the width at which `reached` first has a level; width is traced: one program."""

    by: ClassVar[str]
    reached: ClassVar[str]

    level: ProperFraction

    def tables(self, swept):
        trained = self._means(swept, self.by, "width")
        widths = [
            (name, crossing(rows["width"], rows[self.reached], self.level))
            for name, rows in trained.groupby(self.by, sort=False)
        ]
        return {"trained": trained, "widths": pd.DataFrame(widths, columns=[self.by, "width"])}


class Capacity(WidthFigure):
    """Trained autoencoders of growing width: reconstruction, recovery, and how many neurons stay alive."""

    by = "variant"
    reached = "recovered_90"

    variant: NamedAxis[Variant]
    width: Axis[Count]
    samples: Count

    def cell(self, variant, width):
        chosen = self.variant[variant]
        features = atoms(self.dimension, self.features, self.active, chosen.condition, samples=self.samples)
        return models.PlantedAtoms(features, chosen.whitened, rows=self.rows), self._training(width, chosen.penalty)


class DataSize(WidthFigure):
    """Trained autoencoders over width and number of distinct rows: memorising against identifying."""

    by = "samples"
    reached = "explained_training"

    samples: Axis[Count]
    width: Axis[Count]
    penalty: Positive

    def cell(self, samples, width):
        features = atoms(self.dimension, self.features, self.active, samples=samples)
        return models.PlantedAtoms(features, rows=self.rows), self._training(width, self.penalty)


class LanguageModel(TrainingFigure):
    """A stand-in for hidden states of a language model: atoms by Zipf's law, `active` of them in the mean."""

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
        trained = {"atoms, whitened" if whitened else "atoms, raw": self._training(self.width, self.penalty)}
        if not whitened:
            trained["narrow features"] = self._training(self.narrow_width, self.narrow_penalty)
        return models.PlantedAtoms(self._features(), whitened, rows=self.rows), trained

    def tables(self, swept):
        return {"units": self._means(swept, "solver").rename(columns={"solver": "unit"})}

    def predictions(self):
        found = drawn(self._untrained, self.trials, self.seed)
        rows = tidied({"stability": np.stack(list(found.values()))}, unit=found, trial=range(self.trials))
        return {"untrained": summarise(rows.assign(explained=1.0), ["unit"], explained="mean", stability="mean")}

    def _untrained(self, key):
        model = self._features()
        stream, directions = instance(model, key)
        root = whitening(second_moment(*stream.summary()))
        counts = jnp.sum(stream.codes(jnp.arange(self.summary_rows, dtype=jnp.int32)) > 0, axis=1, dtype=jnp.int32)
        return {
            "neurons": stability(root, jnp.full((1,), self.dimension, jnp.int32)),
            "planted atoms": stability(directions @ root, counts),
        }
