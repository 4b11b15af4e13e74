"""The PQ Index and sparsity-informed adaptive pruning (Diao et al. 2023)."""

import functools
import itertools
from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Table, gini_index, models, pq_index, theory
from recover.solvers import IterativePruning

from .digits import Digits
from .fields import Count, Nonnegative, Positive, ProperFraction, Share
from .figure import Axis, Figure, SweepFigure
from .measures import KEPT, PAIRS, pruning, pruning_of_layers, pruning_with_teacher
from .summaries import summarise, unrolled

Widths = tuple[Count, ...]


class PruningFigure(SweepFigure):
    """Networks that are trained and pruned. The first of `max_steps` trains the dense network, which is iteration 0."""

    epochs: Count
    batch: Count
    share: ProperFraction = 0.2

    def training(self, samples: int) -> dict[str, int]:
        """Options of every solver."""
        return {"batch": self.batch, "train_steps": max(1, self.epochs * samples // self.batch)}

    def methods(self, hidden: Widths, samples: int, scope: str = "global") -> dict[str, IterativePruning]:
        """The four methods that the paper compares."""
        options = {"scope": scope, **self.training(samples)}
        return {
            "SAP(1/2, 1)": IterativePruning.sap(hidden, 0.5, 1.0, **options),
            "SAP(1, 2)": IterativePruning.sap(hidden, 1.0, 2.0, **options),
            "lottery ticket": IterativePruning.lottery_ticket(hidden, self.share, **options),
            "one shot": IterativePruning.one_shot(hidden, self.share, **options),
        }


class WatchedFigure(PruningFigure):
    """Networks that are measured in every iteration; `shown` are the columns of their curves."""

    sharing = "none"
    measure = pruning
    shown: ClassVar[tuple[str, ...]] = ("remaining", "live", "accuracy")

    record_every: Count | None = 1

    def iterations(self, swept: Table, *columns: str) -> pd.DataFrame:
        """One row per solve and iteration, from the dense network on; columns are of trained networks or `pruned_<column>`."""
        stages = {name: name if name.startswith("pruned") else f"trained_{name}" for name in columns}
        histories = {name: f"{measure}_history" for name, measure in stages.items()}
        rows = swept.frame[[*swept.axes, "solver", "trial", *histories.values()]]
        long = unrolled(rows, 1, histories)
        return long[long["step"] > 0].assign(iteration=long["step"] - 1)

    def tables(self, swept):
        by, spread = [*swept.axes, "solver", "iteration"], dict.fromkeys(self.shown, "mean_spread")
        return {"curves": summarise(self.iterations(swept, *self.shown), by, **spread)}


class DigitsFigure(WatchedFigure):
    """Networks that learn digits, measured alike, so that figures with networks of one size share a program."""

    measure = pruning_of_layers

    hidden: Widths
    training_pictures: Annotated[int, pydantic.Field(ge=100, le=1600)] = 1300

    def cell(self, scope="global"):
        return Digits(self.training_pictures), self.methods(self.hidden, self.training_pictures, scope)

    def sap(self, p: float, q: float, **options) -> IterativePruning:
        """Adaptive pruning with other hyper-parameters."""
        return IterativePruning.sap(self.hidden, p, q, **options, **self.training(self.training_pictures))


class TeacherFigure(WatchedFigure):
    """Students of a sparse network."""

    measure = pruning_with_teacher
    shown = ("f1", "accuracy", "agreement", "remaining", "live", "pqi_half")

    widths: Widths
    student: Widths = ()
    samples: Count
    density: Positive
    scale: Positive

    def cell(self):
        model = models.SparseTeacher(self.widths, self.samples, self.density, self.scale)
        return model, self.methods(self.student, self.samples)

    def tables(self, swept):
        teacher = {name: (f"teacher_{name}", "mean") for name in ("accuracy", "share")}
        return {**super().tables(swept), "teacher": summarise(swept, [], **teacher)}


LAWS = {
    "uniform": (theory.uniform_pq_index, lambda rng, size: rng.uniform(-1, 1, size)),
    "Gaussian": (theory.gaussian_pq_index, lambda rng, size: rng.normal(size=size)),
    "Laplace": (theory.laplace_pq_index, lambda rng, size: rng.laplace(size=size)),
}


class SparsityIndex(Figure):
    """The PQ Index of weights of known laws, predicted and drawn, and by how much properties of such a measure fail."""

    vectors: Count
    size: Annotated[int, pydantic.Field(ge=2)]
    drawn: Count
    points: Annotated[int, pydantic.Field(ge=2)]

    def predictions(self):
        p, rng, curves, laws = np.linspace(0.1, 0.95, self.points), np.random.default_rng(self.seed), [], []
        with jax.enable_x64(True):
            for law, (predicted, draw) in LAWS.items():
                for q in (1.0, 2.0):
                    index = np.asarray(predicted(jnp.asarray(p), q))
                    curves.append(pd.DataFrame({"law": law, "q": q, "p": p, "index": index}))
                values = jnp.asarray(draw(rng, self.drawn))
                for pair in PAIRS.values():
                    index, drawn = float(predicted(*pair)), float(pq_index(values, *pair))
                    laws.append((law, *pair, index, drawn))
            return {
                "curves": pd.concat(curves, ignore_index=True),
                "laws": pd.DataFrame(laws, columns=["law", "p", "q", "index", "drawn"]),
                "properties": self._properties(),
            }

    def _properties(self):
        """Largest violation over random vectors: positive where a property fails."""
        rng = np.random.default_rng(self.seed)
        w = np.sort(rng.exponential(size=(self.vectors, self.size)) ** rng.uniform(0.5, 2, (self.vectors, 1)), axis=1)
        w = np.maximum(w, 1e-3)
        shift, factor = rng.uniform(0.05, 1, (self.vectors, 1)), rng.uniform(0.1, 10, (self.vectors, 1))
        given = rng.uniform(0.1, 0.9, self.vectors) * (w[:, -1] - w[:, 0]) / 2
        moved = w.copy()
        moved[:, [0, -1]] += np.c_[given, -given]
        rich, richer = (np.c_[times * w[:, -1:], w[:, 1:]] for times in (100, 200))
        rows = []
        measures = {f"PQI({p:g}, {q:g})": functools.partial(pq_index, p=p, q=q) for p, q in PAIRS.values()}
        for name, measure in {**measures, "Gini": gini_index}.items():
            value = jax.jit(jax.vmap(measure))
            base = value(w)
            violations = {
                "Robin Hood": value(moved) - base,
                "scaling": np.abs(value(factor * w) - base),
                "rising tide": value(w + shift * w.mean(axis=1, keepdims=True)) - base,
                "cloning": np.abs(value(np.c_[w, w]) - base),
                "Bill Gates": value(rich) - value(richer),
                "babies": base - value(np.c_[w, 0 * w[:, 0]]),
                "largest": base - value(np.eye(1, self.size, 3)),
            }
            rows += [(name, what, float(found.max())) for what, found in violations.items()]
        return pd.DataFrame(rows, columns=["measure", "property", "violation"])


class Bound(DigitsFigure):
    """The bound on how many weights must stay, for networks at all stages of pruning and for random vectors."""

    vectors: Count
    longest: Count

    def cell(self):
        model, methods = super().cell()
        return model, {name: methods[name] for name in ("lottery ticket", "one shot")}

    def tables(self, swept):
        parts = []
        for stage, (name, (p, _)), share in itertools.product(("trained", "pruned"), PAIRS.items(), KEPT):
            histories = {"ratio": f"{stage}_{name}_{share}_history", "live": f"{stage}_live_history"}
            rows = unrolled(swept.frame[["solver", "trial", *histories.values()]], 1, histories)
            rows = rows[(rows["live"] > 0) & ((rows["step"] > 0) | (stage == "trained"))]
            kept = np.ceil(np.float32(share) * rows["live"])
            parts.append(rows.assign(p=p, kept=kept, stage=np.where(rows["step"] > 0, stage, "untrained")))
        start = [(p, swept.frame[f"trained_pqi_{name}_history"].str[0].mean()) for name, (p, _) in PAIRS.items()]
        start = pd.DataFrame(start, columns=["p", "index"])
        return {"networks": pd.concat(parts, ignore_index=True), "start": start}

    def predictions(self):
        laws = [
            {"p": p, "law": law, "pruned": float(1 - theory.adaptive_keep_share(LAWS[law][0](p, q), p, q))}
            for p, q in PAIRS.values()
            for law in ("uniform", "Gaussian")
        ]
        return {"vectors": self._vectors(), "laws": pd.DataFrame(laws)}

    def _vectors(self):
        rng = np.random.default_rng(self.seed)

        def ratio(values, size, p, q, kept):
            live = jnp.arange(self.longest, dtype=size.dtype) < size
            eta = theory.tail_ratio(values, live, p, kept[None])[0]
            return theory.pq_pruning_bound(size, pq_index(values, p, q, live), p, q, eta) / kept

        size = rng.integers(5, self.longest + 1, self.vectors)
        p = rng.uniform(0.1, 1, self.vectors)
        q = p + rng.uniform(0.1, 1.5, self.vectors)
        kept = 1 + np.floor(rng.uniform(size=self.vectors) * size)
        values = rng.normal(size=(self.vectors, self.longest))
        values = np.sign(values) * np.abs(values) ** rng.uniform(0.3, 3, (self.vectors, 1))
        with jax.enable_x64(True):
            arguments = (jnp.asarray(each) for each in (values, size.astype(float), p, q, kept))
            found = np.asarray(jax.jit(jax.vmap(ratio))(*arguments))
        return pd.DataFrame({"kept": kept, "ratio": found})


class Methods(DigitsFigure):
    """Four ways to prune a network that learns digits, and remaining shares predicted from the indices."""

    shown = ("accuracy", "pruned_accuracy", "remaining", "live", "gini", "pqi_half", "pruned_pqi_half")

    def tables(self, swept):
        index = self.iterations(swept, "pqi_half", "pqi_two", "live")
        return {
            **super().tables(swept),
            "one_shot": index.loc[index["solver"] == "one shot", ["trial", "iteration", "live", "pqi_half"]],
            "predicted": self._predicted(index),
        }

    def _predicted(self, rows):
        """Products of what the index of every iteration keeps, and powers of a fixed share."""
        steps = np.arange(self.max_steps)
        parts = [pd.DataFrame({"solver": "lottery ticket", "iteration": steps, "share": (1 - self.share) ** steps})]
        for (name, (p, q)), solver in zip(PAIRS.items(), ("SAP(1/2, 1)", "SAP(1, 2)"), strict=True):
            index = rows[rows["solver"] == solver].pivot(index="trial", columns="iteration", values=f"pqi_{name}")
            kept = np.asarray(theory.adaptive_keep_share(index.to_numpy(), p, q))
            share = np.cumprod(np.c_[np.ones(len(kept)), kept[:, :-1]], axis=1).mean(axis=0)
            parts.append(pd.DataFrame({"solver": solver, "iteration": steps, "share": share}))
        return pd.concat(parts, ignore_index=True)


class Scopes(DigitsFigure):
    """Pruning all weights together, layer by layer, or unit by unit: lanes of one program."""

    shown = ("remaining", "live", "accuracy", "remaining_first", "remaining_last", "pqi_half_first")

    scope: Axis[Literal["global", "layer", "neuron"]] = ("global", "layer", "neuron")

    def cell(self, scope):
        model, methods = super().cell(scope)
        methods.pop("SAP(1/2, 1)")
        return model, methods


class Exponents(DigitsFigure):
    """Exponents of the PQ Index in SAP. p below q = 1, and q above p = 1."""

    p: Axis[Positive]
    q: Axis[Positive]

    def cell(self, p, q):
        return (Digits(self.training_pictures), self.sap(p, q)) if (p == 1) != (q == 1) else None


class Aggressiveness(DigitsFigure):
    """How eta and gamma make SAP prune more: one of both differs from its default, the first of the list."""

    shown = ("remaining", "live", "accuracy", "pqi_half")

    p: Axis[Positive] = (0.5, 1.0)
    eta: Axis[Nonnegative]
    gamma: Axis[Positive]

    def cell(self, p, eta, gamma):
        if eta != self.eta[0] and gamma != self.gamma[0]:
            return None
        return Digits(self.training_pictures), self.sap(p, dict(PAIRS.values())[p], eta=eta, gamma=gamma)


class Support(TeacherFigure):
    """Whether pruning finds the weights of a sparse linear teacher (logistic regression), and stops there."""

    def tables(self, swept):
        # The best score is that of any iteration.
        best = swept.frame.assign(best=[max(history[1:]) for history in swept.frame["trained_f1_history"]])
        return {**super().tables(swept), "best": summarise(best, ["solver"], best="mean")}


class Recovery(PruningFigure):
    """Support recovery over samples and density: lanes of one program."""

    widths: Widths
    samples: Axis[Count]
    density: Axis[Share]
    scale: Positive

    def cell(self, samples, density):
        methods = self.methods((), max(self.samples))
        methods.pop("one shot")
        return models.SparseTeacher(self.widths, samples, density, self.scale), methods

    def tables(self, swept):
        return {"cells": summarise(swept, ["samples", "density", "solver"], f1="mean")}


class WideStudent(TeacherFigure):
    """A sparse network as teacher of a wider one; hidden units are matched before supports are compared."""
