"""Autoencoders judged and designed by the norms of their codes (Lee et al. 2025)."""

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

from recover import Table, diagnostics, models, solvers, theory
from recover import autoencoders as pieces
from recover.core.results import Result
from recover.core.selection import norm_matched_mask
from recover.core.sizes import with_capacities
from recover.core.solve import run
from recover.problems import PlantedActivations

from .fields import Count, Counts, Positive, Share, Trials
from .figure import Figure, SweepFigure
from .measures import unseen
from .summaries import means, tidied, unrolled

Weight = Annotated[float, pydantic.Field(ge=0)]
Weights = Annotated[tuple[Weight, ...], pydantic.Field(min_length=1)]

# Coefficients are uniform on [1/2, 3/2].
FLATNESS = 12 / 13
"""(E f)^2 / E f^2."""
KURTOSIS = (1.5**5 - 0.5**5) / 5 / (13 / 12) ** 2
"""E f^4 / (E f^2)^2."""
# What a training is judged by on rows that it has not seen.
UNSEEN = ("l0", "nmse", "ratio", "correlation")


@eqx.filter_jit
def planted_rows(model: models.PlantedFeatures, key, rows: int) -> tuple[Array, Array, Array]:
    """Planted features, rows and their codes: shapes (features, dimension), (rows, dimension) and (rows, features)."""
    problem, features = model.sample(key)
    numbers = jnp.arange(rows, dtype=jnp.int32)
    return features, problem.rows(numbers), problem.codes(numbers)


def planted(model: models.PlantedFeatures, seed: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`planted_rows` of a seed, as NumPy arrays."""
    return tuple(np.asarray(each) for each in planted_rows(model, jax.random.key(seed), rows))


class TrainingFigure(SweepFigure):
    """Trainings of standardised planted rows with supports of several sizes, measured on rows that they have not seen."""

    measure = unseen

    dimension: Count
    features: Count
    actives: Counts
    batch: Count
    rate: Positive
    weights: Weights

    def model(self) -> models.PlantedFeatures:
        """The planted rows."""
        sizes = self.dimension, self.features, self.actives
        return models.PlantedFeatures(*sizes, scaling="standard", summary_rows=256)

    def norm_matching(self, weight: float) -> pieces.NormMatching:
        """The loss of top-AFA."""
        return pieces.NormMatching.published(weight, self.dimension)

    def optimiser(self) -> pieces.Adam:
        """Adam with the second decay of the authors."""
        return pieces.Adam(self.rate, steps=self.max_steps, decay_square=0.99)

    @staticmethod
    def on_unseen_rows(swept: Table) -> pd.DataFrame:
        """Rows whose statistics of codes are those on rows that training has not seen."""
        return swept.frame.assign(**{name: swept.frame[f"unseen_{name}"] for name in UNSEEN})


class AFALaw(Figure):
    """How far norms of mixtures are from norms of codes, against the prediction and the uniform bound.

    Random dictionaries of several dimensions, with independent rows and with rows that share a direction.
    """

    dimensions: Counts
    actives: Counts
    width_ratio: Count
    other_ratio: Count
    shared_dimension: Count
    shares: Weights
    rows: Count
    trials: Trials

    def _model(self, dimension: int, ratio: int, share: float) -> models.PlantedFeatures:
        largest = max((*self.dimensions, self.shared_dimension))
        model = models.PlantedFeatures(dimension, ratio * dimension, self.actives, coherence=share**2, scaling="none")
        widest = max(self.width_ratio * largest, self.other_ratio * min(self.dimensions))
        # One program for all dimensions.
        return with_capacities(model, {**dict(model.capacities), "dimension": largest, "features": widest})

    def tables(self, swept):
        cells = [(d, self.width_ratio, 0.0) for d in self.dimensions]
        cells.append((min(self.dimensions), self.other_ratio, 0.0))
        cells += [(self.shared_dimension, self.width_ratio, share) for share in self.shares if share > 0]
        found, bounds = [], []
        for cell in cells:
            where = dict(zip(("dim", "ratio", "share"), cell, strict=True))
            for trial in range(self.trials):
                features, rows, codes = planted(self._model(*cell), self.seed + trial, self.rows)
                active, norms, lengths = np.sum(codes != 0, axis=1), np.sum(rows**2, axis=1), np.sum(codes**2, axis=1)
                errors = pd.Series(norms / lengths - 1).groupby(active)
                # Supports overlap, so the mean over one dictionary has an error of its own: squares are taken about zero,
                # the mean over dictionaries, unless rows share a direction.
                square = errors.var() if where["share"] else errors.var(ddof=0) + errors.mean() ** 2
                measured = pd.DataFrame({"bias": errors.mean(), "square": square}).rename_axis("active").reset_index()
                found.append(measured.assign(**where, trial=trial))
                if trial == 0:
                    bounds.append({**where, **_bounds(features[: cell[0] * cell[1]], cell[0], active, norms, lengths)})
        law = means(pd.concat(found), ["dim", "ratio", "share", "active"], ["bias", "square"])
        for end in ("", "_low", "_high"):
            law[f"spread{end}"] = np.sqrt(np.maximum(law.pop(f"square{end}"), 0))
        dimension, active, coherence = law["dim"].to_numpy(), law["active"].to_numpy(), law["share"].to_numpy() ** 2
        law["predicted_spread"] = np.asarray(theory.afa_spread(dimension, active))
        law["sharper_spread"] = np.asarray(theory.afa_spread(dimension, active, KURTOSIS))
        law["predicted_bias"] = np.asarray(theory.afa_bias(coherence, active, FLATNESS))
        return {"law": law, "bounds": pd.DataFrame(bounds)}


def _bounds(features, dimension, active, norms, lengths) -> dict[str, float]:
    """Coherence times one less than the number of rows, with that of Welch's bound; share of codes outside of the interval.

    The interval is the sharper one, with the size of the support in place of the number of rows.
    """
    count = len(features)
    coherence = np.max(np.abs(features @ features.T) - np.eye(count))
    interval = theory.afa_interval(np.sqrt(norms), coherence, active.astype(float))
    codes, lower, upper = np.sqrt(lengths), np.asarray(interval.lower), np.asarray(interval.upper)
    return {
        "slack": float(coherence) * (count - 1),
        "welch_slack": float(theory.welch_coherence(count, dimension)) * (count - 1),
        "outside": float(np.mean((codes < lower * (1 - 1e-5)) | (codes > upper * (1 + 1e-5)))),
    }


class ZFPlot(Figure):
    """The ZF plot of codes that are right, dense, too sparse and too many.

    Planted rows and five ways to write them with the planted dictionary; dots are rows of the first trial.
    """

    dimension: Count
    features: Count
    actives: Counts
    rows: Count
    trials: Trials
    shown: Count

    def tables(self, swept):
        model = models.PlantedFeatures(self.dimension, self.features, self.actives, scaling="none")
        found, dots = [], []
        for trial in range(self.trials):
            features, rows, truth = planted(model, self.seed + trial, self.rows)
            active = np.sum(truth != 0, axis=1)
            for name, codes in _codes(features, rows, truth, active).items():
                codes = codes.astype(np.float32)
                ratio = np.asarray(diagnostics.norm_ratio(rows, codes))
                slack = np.asarray(diagnostics.eps_lbo(rows, codes)) * (self.features - 1)
                # Of a code of zeros nothing is known.
                slack = np.where(np.isfinite(slack), slack, np.nan)
                measured = pd.DataFrame({"active": active, "ratio": ratio, "slack": slack})
                found.append(measured.groupby("active").median().reset_index().assign(code=name, trial=trial))
                if trial == 0:
                    norms = np.linalg.norm(rows, axis=1)
                    dots.append(pd.DataFrame({"code": name, "z": norms, "f": norms * ratio}).head(self.shown))
        return {
            "ratios": means(pd.concat(found), ["code", "active"], ["ratio", "slack"]),
            "dots": pd.concat(dots, ignore_index=True),
        }


def _codes(features, rows, truth, active) -> dict[str, np.ndarray]:
    one_shot = np.maximum(rows @ features.T, 0)
    order = np.argsort(np.argsort(-one_shot, axis=1), axis=1)
    dictionary = features.T.astype(float)
    return {
        "true": truth,
        "NNLS": np.stack([nnls(dictionary, row.astype(float))[0] for row in rows]),
        "dense": rows @ np.linalg.pinv(features),
        "encoder, k/2 kept": np.where(order < active[:, None] // 2, one_shot, 0),
        "encoder, 4k kept": np.where(order < 4 * active[:, None], one_shot, 0),
    }


class Choice(Figure):
    """How many features the norm rule chooses when the dictionary is the planted one.

    The rule applied to the true code and to a one-shot encoder: number chosen, and share of the chosen that are
    right.
    """

    dimension: Count
    features: Count
    actives: Counts
    rows: Count
    trials: Trials

    def tables(self, swept):
        model = models.PlantedFeatures(self.dimension, self.features, self.actives, scaling="none")
        choose = eqx.filter_jit(jax.vmap(norm_matched_mask))
        found = []
        for trial in range(self.trials):
            features, rows, truth = planted(model, self.seed + trial, self.rows)
            norms = np.linalg.norm(rows, axis=1)
            for name, codes in (("true code", truth), ("one-shot encoder", np.maximum(rows @ features.T, 0))):
                kept = np.asarray(choose(codes, norms))
                chosen, right = kept.sum(axis=1), np.sum(kept & (truth != 0), axis=1)
                counted = {
                    "active": np.sum(truth != 0, axis=1),
                    "chosen": chosen,
                    "precision": right / np.maximum(chosen, 1),
                }
                by_active = pd.DataFrame(counted).groupby("active").mean().reset_index()
                found.append(by_active.assign(code=name, trial=trial))
        return {"chosen": means(pd.concat(found), ["code", "active"], ["chosen", "precision"])}


Shares = Annotated[tuple[Share, ...], pydantic.Field(min_length=1)]
_JUDGED = ["ratio", "slack", "nmse"]


class Layers(Figure):
    """A stand-in for the layers of a language model: two ways to judge an autoencoder, layer by layer.

    One TopK autoencoder per layer; layers differ in how many directions rows share, and in noise.

    Dots are rows of the first trial.
    """

    dimension: Count
    features: Count
    actives: Counts
    published: Counts
    ratios: Shares
    errors: Shares
    width: Count
    kept: Count
    batch: Count
    steps: Count
    rate: Positive
    rows: Count
    shown: Count
    trials: Trials

    @pydantic.model_validator(mode="after")
    def _of_equal_length(self):
        if not len(self.published) == len(self.ratios) == len(self.errors):
            raise ValueError("`published`, `ratios` and `errors` need one number per layer")
        return self

    def predictions(self):
        # Coherences whose bias makes the published norm ratios, and noise whose power is the published error.
        bias, active = 1 / np.asarray(self.ratios) ** 2 - 1, np.mean(self.actives)
        coherence = bias / np.asarray(theory.afa_bias(1.0, active, FLATNESS), float)
        noise = np.sqrt(np.asarray(self.errors) * active * (13 / 12) * (1 + bias) / self.dimension)
        layers = {
            "layer": np.arange(len(bias)) + 1,
            "published": self.published,
            "coherence": coherence,
            "noise": noise,
        }
        return {"known": pd.DataFrame({**layers, "ratio": self.ratios, "slack": np.abs(bias), "nmse": self.errors})}

    def tables(self, swept):
        known, sizes = self.predictions()["known"], (self.dimension, self.features, self.actives)
        layers = [
            models.PlantedFeatures(*sizes, coherence=rho, noise=sigma, scaling="none", summary_rows=self.rows)
            for rho, sigma in zip(known["coherence"], known["noise"], strict=True)
        ]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *layers)
        keys = jax.random.split(jax.random.key(self.seed), self.trials)
        judge = eqx.filter_jit(jax.vmap(jax.vmap(self._judged, (None, 0)), (0, None)))
        axes = {"layer": known["layer"], "trial": range(self.trials), "row": range(self.rows)}
        rows = tidied(judge(stacked, keys), **axes)
        medians = rows.groupby(["layer", "trial"])[_JUDGED].median().reset_index()
        return {"dots": rows[rows["trial"] == 0], "medians": means(medians, ["layer"], _JUDGED)}

    def _judged(self, model, key):
        encoder, optimiser = pieces.FreeEncoder(), pieces.Adam(self.rate, steps=self.steps)
        training = solvers.AutoencoderTraining(
            self.width, pieces.TopK(self.kept), encoder=encoder, optimiser=optimiser, batch=self.batch
        )
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


_TRAINED = ["recovered_90", "l0", "nmse", "ratio", "correlation", "afa_l0", "afa_correlation"]


class Training(TrainingFigure):
    """Training from scratch: errors and recovery against the number of active neurons.

    Top-AFA, TopK and BatchTopK on standardised planted rows with supports of several sizes.
    """

    width: Count
    topk: Counts
    batch_topk: Counts
    revive: bool

    def cell(self):
        found = {f"top-AFA: {weight:g}": self._training(pieces.TopAFA(), weight) for weight in self.weights}
        found |= {f"TopK: {k}": self._training(pieces.TopK(k)) for k in self.topk}
        found |= {f"BatchTopK: {k}": self._training(pieces.BatchTopK(float(k))) for k in self.batch_topk}
        return self.model(), found

    def _training(self, activation, weight=None):
        control = pieces.NoControl() if weight is None else self.norm_matching(weight)
        if self.revive:
            control = pieces.Together((control, pieces.DeadNeurons()))
        # Detectors as long as with a uniform Kaiming start.
        encoder = pieces.FreeEncoder(float(np.sqrt(2 * self.dimension / self.width)))
        return solvers.AutoencoderTraining(self.width, activation, control, encoder, self.optimiser(), self.batch)

    def tables(self, swept):
        frame = self.on_unseen_rows(swept)
        parts = frame["solver"].str.split(": ", expand=True)
        frame = frame.assign(method=parts[0], setting=parts[1].astype(float))
        trained = means(frame, ["method", "setting"], _TRAINED)
        return {"trained": trained, "test": pd.DataFrame([_welch(frame, trained)])}


def _welch(frame: pd.DataFrame, trained: pd.DataFrame) -> dict[str, float]:
    """Welch's test of the least errors of top-AFA and of the others, as in the paper."""
    samples = []
    for _, rows in trained.groupby(trained["method"] != "top-AFA"):
        best = rows.loc[rows["nmse"].idxmin()]
        samples.append(frame.loc[(frame["method"] == best["method"]) & (frame["setting"] == best["setting"]), "nmse"])
    test = stats.ttest_ind(*samples, equal_var=False)
    return {"p_value": float(test.pvalue), "gain": float(1 - samples[0].mean() / samples[1].mean())}


_WARM = ["recovered_90", *UNSEEN]


class PlantedStart(solvers.AbstractSolver):
    """A training that starts at the planted features, which only an oracle knows."""

    training: solvers.AutoencoderTraining

    def init(self, problem: PlantedActivations, key):
        """The planted features as detectors and decoder."""
        start = pieces.GivenRows(problem.features)
        return eqx.tree_at(lambda tree: tree.encoder, self.training, start).init(problem, key)

    def step(self, problem, state):
        """One batch."""
        return self.training.step(problem, state)

    def status(self, problem, state) -> Result:
        """That of the training."""
        return self.training.status(problem, state)

    def estimate(self, problem, state):
        """The decoder."""
        return self.training.estimate(problem, state)

    def autoencoder(self, state) -> pieces.SparseAutoencoder:
        """The autoencoder as it is now."""
        return self.training.autoencoder(state)


class WarmStart(TrainingFigure):
    """What training does to a dictionary that is right at the start.

    Top-AFA with and without a bound on the number of active neurons, started at the planted features.

    One training per weight and bound, measured on its way; `stops` are the steps that are shown.
    """

    stops: Counts
    bound: Count

    def cell(self):
        cases = [(weight, self.features) for weight in self.weights]
        cases.append((self.weights[len(self.weights) // 2], self.bound))
        return self.model(), {f"{weight:g}, {most}": self._training(weight, most) for weight, most in cases}

    def _training(self, weight, most):
        activation, control = pieces.TopAFA(most), self.norm_matching(weight)
        return PlantedStart(
            solvers.AutoencoderTraining(
                self.features, activation, control, pieces.FreeEncoder(), self.optimiser(), self.batch
            )
        )

    def tables(self, swept):
        histories = {"recovered_90": "found_90_history", **{name: f"unseen_{name}_history" for name in UNSEEN}}
        rows = unrolled(swept, self.record_every, histories)
        parts = rows["solver"].str.split(", ", expand=True).astype(float)
        rows = rows.assign(weight=parts[0], most=parts[1])[rows["step"].isin([0, *self.stops])]
        return {"warm": means(rows, ["weight", "most", "step"], _WARM)}
