"""Autoencoders judged and designed by the norms of their codes (Lee et al. 2025)."""

from collections.abc import Callable
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic
from jaxtyping import Array
from scipy import stats
from scipy.optimize import nnls

from recover import autoencoders as pieces
from recover import diagnostics, models, solvers, theory
from recover.core.selection import norm_matched_mask
from recover.core.sizes import with_capacities
from recover.core.solve import run

from .activations import Selecting
from .fields import Count, Counts, Grid, Nonnegative, Positive, Trials
from .figure import Figure, SweepFigure
from .measures import unseen, unseen_and_matched
from .summaries import summarise, tidied, unrolled

# Of coefficients uniform on [1/2, 3/2]: E f^2, (E f)^2 / E f^2 and E f^4 / (E f^2)^2.
SQUARE, FLATNESS, KURTOSIS = 13 / 12, 12 / 13, (1.5**5 - 0.5**5) / 5 / (13 / 12) ** 2
# What a training is judged by on rows that it has not seen.
UNSEEN = ("l0", "nmse", "ratio", "correlation")


@eqx.filter_jit
def planted(model: models.PlantedFeatures, key, rows: int) -> tuple[Array, Array, Array]:
    """Planted features, rows and their codes: shapes (features, dimension), (rows, dimension) and (rows, features)."""
    problem, features = model.sample(key)
    numbers = jnp.arange(rows, dtype=jnp.int32)
    return features, problem.rows(numbers), problem.codes(numbers)


class AFALaw(Figure):
    """How far norms of mixtures are from norms of codes, predicted and bounded; a cell has a shift that rows share."""

    cells: tuple[tuple[Count, Count, Nonnegative], ...]
    actives: Counts
    rows: Count
    trials: Trials

    def tables(self, swept):
        # One program for all cells.
        largest = {
            "dimension": max(cell[0] for cell in self.cells),
            "features": max(d * ratio for d, ratio, _ in self.cells),
        }
        found, bounds = [], []
        for dim, ratio, share in self.cells:
            where = {"dim": dim, "ratio": ratio, "share": share}
            model = models.PlantedFeatures(dim, ratio * dim, self.actives, coherence=share**2, scaling="none")
            model = with_capacities(model, {**dict(model.capacities), **largest})
            for trial in range(self.trials):
                drawn = planted(model, jax.random.key(self.seed + trial), self.rows)
                features, rows, codes = map(np.asarray, drawn)
                active, norms, lengths = np.sum(codes != 0, axis=1), np.sum(rows**2, axis=1), np.sum(codes**2, axis=1)
                errors = pd.Series(norms / lengths - 1).groupby(active)
                # Supports overlap, so the mean over one dictionary has an error of its own: squares are taken about zero,
                # the mean over dictionaries, unless rows share a direction.
                square = errors.var() if share else errors.var(ddof=0) + errors.mean() ** 2
                measured = pd.DataFrame({"bias": errors.mean(), "square": square}).rename_axis("active").reset_index()
                found.append(measured.assign(**where))
                if trial == 0:
                    bounds.append({**where, **_bounds(features[: ratio * dim], dim, active, norms, lengths)})
        law = summarise(pd.concat(found), ["dim", "ratio", "share", "active"], bias="mean", square="mean")
        for end in ("", "_low", "_high"):
            law[f"spread{end}"] = np.sqrt(np.maximum(law.pop(f"square{end}"), 0))
        dimension, active, coherence = law["dim"].to_numpy(), law["active"].to_numpy(), law["share"].to_numpy() ** 2
        law["predicted_spread"] = np.asarray(theory.afa_spread(dimension, active))
        law["sharper_spread"] = np.asarray(theory.afa_spread(dimension, active, KURTOSIS))
        law["predicted_bias"] = np.asarray(theory.afa_bias(coherence, active, FLATNESS))
        return {"law": law, "bounds": pd.DataFrame(bounds)}


def _bounds(features, dimension, active, norms, lengths) -> dict[str, float]:
    """ε(h - 1) of a dictionary and by Welch's bound; share of codes outside of the interval with k in place of h."""
    count, codes = len(features), np.sqrt(lengths)
    coherence = np.max(np.abs(features @ features.T) - np.eye(count))
    lower, upper = map(np.asarray, theory.afa_interval(np.sqrt(norms), coherence, active.astype(float)))
    welch = float(theory.welch_coherence(count, dimension))
    outside = np.mean((codes < lower * (1 - 1e-5)) | (codes > upper * (1 + 1e-5)))
    return {"slack": coherence * (count - 1), "welch_slack": welch * (count - 1), "outside": outside}


class CodesFigure(Figure):
    """Codes of planted rows, one dictionary per trial, by name and by the size of the support."""

    dimension: Count
    features: Count
    actives: Counts
    rows: Count
    trials: Trials

    def every_row(self, judge: Callable[..., dict[str, dict[str, np.ndarray]]]) -> pd.DataFrame:
        """What `judge(features, rows, codes)` measures of all rows, for kinds of codes by their names."""
        model = models.PlantedFeatures(self.dimension, self.features, self.actives, scaling="none")
        found = []
        for trial in range(self.trials):
            drawn = [np.asarray(each) for each in planted(model, jax.random.key(self.seed + trial), self.rows)]
            where = {"active": np.sum(drawn[2] != 0, axis=1), "trial": trial}
            for name, columns in judge(*drawn).items():
                found.append(pd.DataFrame({"code": name, **where, **columns}))
        return pd.concat(found, ignore_index=True)

    @staticmethod
    def by_support(rows: pd.DataFrame, statistic: str, *columns: str) -> pd.DataFrame:
        """Mean over dictionaries of a statistic over rows."""
        each = rows.sort_values("active", kind="stable").groupby(["code", "active", "trial"], sort=False)
        found = each[list(columns)].agg(statistic).reset_index()
        return summarise(found, ["code", "active"], **dict.fromkeys(columns, "mean"))


class ZFPlot(CodesFigure):
    """The ZF plot of codes that are right, dense, too sparse and too many; dots are rows of the first trial."""

    shown: Count

    def tables(self, swept):
        rows = self.every_row(self._judged)
        dots = rows[rows["trial"] == 0].groupby("code", sort=False).head(self.shown)
        return {"ratios": self.by_support(rows, "median", "ratio", "slack"), "dots": dots[["code", "z", "f"]]}

    def _judged(self, features, rows, truth):
        one_shot, active = np.maximum(rows @ features.T, 0), np.sum(truth != 0, axis=1)[:, None]
        order, dictionary = np.argsort(np.argsort(-one_shot, axis=1), axis=1), features.T.astype(float)
        codes = {
            "true": truth,
            "NNLS": np.stack([nnls(dictionary, row.astype(float))[0] for row in rows]),
            "dense": rows @ np.linalg.pinv(features),
            "encoder, k/2 kept": np.where(order < active // 2, one_shot, 0),
            "encoder, 4k kept": np.where(order < 4 * active, one_shot, 0),
        }
        return {name: self._norms(rows, code.astype(np.float32)) for name, code in codes.items()}

    def _norms(self, rows, codes):
        pair = jnp.asarray(rows), jnp.asarray(codes, jnp.float32)
        norms, ratio = np.linalg.norm(rows, axis=1), np.asarray(diagnostics.norm_ratio(*pair))
        slack = np.asarray(diagnostics.eps_lbo(*pair)) * (self.features - 1)
        # Of a code of zeros nothing is known.
        slack = np.where(np.isfinite(slack), slack, np.nan)
        return {"ratio": ratio, "slack": slack, "z": norms, "f": norms * ratio}


class Choice(CodesFigure):
    """How many features the norm rule chooses, and how many of them are right, when the dictionary is the planted one."""

    def tables(self, swept):
        return {"chosen": self.by_support(self.every_row(self._judged), "mean", "chosen", "precision")}

    def _judged(self, features, rows, truth):
        codes, found = {"true code": truth, "one-shot encoder": np.maximum(rows @ features.T, 0)}, {}
        for name, code in codes.items():
            kept = np.asarray(_choose(code, np.linalg.norm(rows, axis=1)))
            chosen, right = kept.sum(axis=1), np.sum(kept & (truth != 0), axis=1)
            found[name] = {"chosen": chosen, "precision": right / np.maximum(chosen, 1)}
        return found


_choose = eqx.filter_jit(jax.vmap(norm_matched_mask))


class Layers(Figure):
    """A stand-in for the layers of a language model, which differ in how much rows share, and in noise: two ways to judge."""

    dimension: Count
    features: Count
    actives: Counts
    ratios: Grid
    errors: Grid
    width: Count
    kept: Count
    batch: Count
    steps: Count
    rate: Positive
    rows: Count
    shown: Count
    trials: Trials

    def predictions(self):
        known = {"ratio": self.ratios, "slack": np.abs(1 / np.asarray(self.ratios) ** 2 - 1), "nmse": self.errors}
        return {"known": pd.DataFrame({"layer": np.arange(len(self.ratios)) + 1, **known})}

    def _layers(self) -> models.PlantedFeatures:
        # Coherences whose bias makes the published norm ratios, and noise whose power is the published error.
        bias, active = 1 / np.asarray(self.ratios) ** 2 - 1, np.mean(self.actives)
        coherences = bias / np.asarray(theory.afa_bias(1.0, active, FLATNESS), float)
        noises = np.sqrt(np.asarray(self.errors) * active * SQUARE * (1 + bias) / self.dimension)
        sizes, options = (self.dimension, self.features, self.actives), {"scaling": "none", "summary_rows": self.rows}
        known = [{"coherence": rho, "noise": sigma} for rho, sigma in zip(coherences, noises, strict=True)]
        layers = [models.PlantedFeatures(*sizes, **each, **options) for each in known]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *layers)

    def tables(self, swept):
        keys = jax.random.split(jax.random.key(self.seed), self.trials)
        judge = eqx.filter_jit(jax.vmap(jax.vmap(self._judged, (None, 0)), (0, None)))
        axes = {"layer": np.arange(len(self.ratios)) + 1, "trial": range(self.trials), "row": range(self.rows)}
        rows = tidied(judge(self._layers(), keys), **axes)
        medians = rows.groupby(["layer", "trial"])[["ratio", "slack", "nmse"]].median().reset_index()
        means = summarise(medians, ["layer"], ratio="mean", slack="mean", nmse="mean")
        return {"dots": rows[rows["trial"] == 0], "medians": means}

    def _judged(self, model, key):
        parts = pieces.TopK(self.kept), None, pieces.FreeEncoder(), pieces.Adam(self.rate, steps=self.steps)
        training = solvers.AutoencoderTraining(self.width, *parts, self.batch)
        problem, _ = model.sample(key)
        autoencoder = training.autoencoder(run(problem, training, key, jnp.asarray(self.steps, jnp.int32)).state)
        inputs = problem.observations
        codes = diagnostics.folded_codes(autoencoder, inputs)
        return {
            "z": jnp.sqrt(jnp.sum(inputs**2, axis=1)),
            "ratio": diagnostics.norm_ratio(inputs, codes),
            "slack": diagnostics.eps_lbo(inputs, codes, self.width) * (self.width - 1),
            "nmse": diagnostics.normalised_error(inputs, autoencoder(inputs)),
        }


class TrainingFigure(SweepFigure):
    """Trainings of standardised planted rows with supports of several sizes, measured on rows that they have not seen."""

    measure = unseen

    dimension: Count
    features: Count
    actives: Counts
    batch: Count
    rate: Positive
    weights: Annotated[tuple[Nonnegative, ...], pydantic.Field(min_length=1)]

    def _model(self) -> models.PlantedFeatures:
        sizes = self.dimension, self.features, self.actives
        return models.PlantedFeatures(*sizes, scaling="standard", summary_rows=256)

    def _norm_matching(self, weight: float) -> pieces.NormMatching:
        return pieces.NormMatching.published(weight, self.dimension)

    def _optimiser(self) -> pieces.Adam:
        # The second decay is the authors'.
        return pieces.Adam(self.rate, steps=self.max_steps, decay_square=0.99)


class Training(TrainingFigure):
    """Top-AFA, TopK and BatchTopK from scratch: errors and recovery against the number of active neurons."""

    measure = unseen_and_matched

    width: Count
    topk: Counts
    batch_topk: Counts
    revive: bool

    def cell(self):
        found = {f"top-AFA: {weight:g}": self._training(pieces.TopAFA(), weight) for weight in self.weights}
        found |= {f"TopK: {k}": self._training(Selecting(k)) for k in self.topk}
        found |= {f"BatchTopK: {k}": self._training(Selecting(k, shared=True)) for k in self.batch_topk}
        return self._model(), found

    def _training(self, activation, weight=None):
        control = pieces.NoControl() if weight is None else self._norm_matching(weight)
        if self.revive:
            control = pieces.Together((control, pieces.DeadNeurons()))
        # Detectors as long as with a uniform Kaiming start.
        encoder = pieces.FreeEncoder(float(np.sqrt(2 * self.dimension / self.width)))
        return solvers.AutoencoderTraining(self.width, activation, control, encoder, self._optimiser(), self.batch)

    def tables(self, swept):
        frame = swept.frame.assign(**{name: swept.frame[f"unseen_{name}"] for name in UNSEEN})
        parts = frame["solver"].str.split(": ", expand=True)
        frame = frame.assign(method=parts[0], setting=parts[1].astype(float))
        columns = ("recovered_90", *UNSEEN, "afa_l0", "afa_correlation")
        trained = summarise(frame, ["method", "setting"], **dict.fromkeys(columns, "mean"))
        return {"trained": trained, "test": pd.DataFrame([_welch(frame, trained)])}


def _welch(frame: pd.DataFrame, trained: pd.DataFrame) -> dict[str, float]:
    """Welch's test of the least errors of top-AFA and of the others, as in the paper."""
    errors = frame.set_index(["method", "setting"])["nmse"]
    means = trained.set_index(["method", "setting"])["nmse"]
    best = means.groupby(means.index.get_level_values("method") != "top-AFA").idxmin()
    samples = [errors[setting] for setting in best]
    test = stats.ttest_ind(*samples, equal_var=False)
    return {"p_value": float(test.pvalue), "gain": float(1 - samples[0].mean() / samples[1].mean())}


class PlantedStart(solvers.AutoencoderTraining):
    """A training that starts at the planted features, which only an oracle knows, as detectors and decoder."""

    def init(self, problem, key):
        """The planted features."""
        started = eqx.tree_at(lambda tree: tree.encoder, self, pieces.GivenRows(problem.features))
        return solvers.AutoencoderTraining.init(started, problem, key)


class WarmStart(TrainingFigure):
    """Top-AFA started at the planted features, with and without a bound on active neurons, shown at `stops`."""

    stops: Counts
    bound: Count

    def cell(self):
        cases = [(weight, self.features) for weight in self.weights]
        cases.append((self.weights[len(self.weights) // 2], self.bound))
        return self._model(), {f"{weight:g}, {most}": self._training(weight, most) for weight, most in cases}

    def _training(self, weight, most):
        parts = pieces.TopAFA(most), self._norm_matching(weight), pieces.FreeEncoder(), self._optimiser()
        return PlantedStart(self.features, *parts, self.batch)

    def tables(self, swept):
        histories = {"recovered_90": "found_90_history", **{name: f"unseen_{name}_history" for name in UNSEEN}}
        rows = unrolled(swept, self.record_every, histories)
        parts = rows["solver"].str.split(", ", expand=True).astype(float)
        rows = rows.assign(weight=parts[0], most=parts[1])[rows["step"].isin([0, *self.stops])]
        return {"warm": summarise(rows, ["weight", "most", "step"], **dict.fromkeys(histories, "mean"))}
