"""Sparse autoencoders that recover planted features by adapting biases (Chen et al. 2025)."""

import functools
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models, solvers, theory
from recover import autoencoders as pieces

from .activations import Selecting, Switchable
from .digits import HiddenLayer, hidden_activations
from .fields import Count, Counts, Nonnegative, Positive, Section, Share
from .figure import Axis, Sweep, SweepFigure
from .summaries import crossing, summarise

Frequency = Annotated[float, pydantic.Field(gt=0, lt=1)]

# What trainings are measured by; where nothing is planted there is no recovery.
_MEASURED = ("recovered_80", "recovered_90", "unexplained", "l0", "dead", "consistency", "consistency_used")


class Range(Section):
    """Target frequencies of group bias adaptation; one group is plain bias adaptation."""

    highest: Frequency
    lowest: Frequency
    groups: Count = 10


class TrainingFigure(SweepFigure):
    """Autoencoders with tied unit rows, trained from two random starts on the same batches in every trial."""

    width: Count
    batch: Count
    rate: Positive
    period: Count
    used: Share = 0.25
    ranges: dict[str, Range]
    topk: Counts
    batch_topk: tuple[Positive, ...] = ()
    penalties: tuple[Positive, ...] = ()

    def trainings(self) -> dict[str, solvers.RepeatedTraining]:
        """A training per method and setting, called `method: setting`."""
        found = {}
        for name, each in self.ranges.items():
            control = pieces.GroupBiasAdaptation(each.groups, each.highest, each.lowest, self.period, start="quantile")
            found[f"GBA: {name}"] = self._training(Selecting(jumps=True), adaptation=control)
        found |= {f"TopK: {k}": self._training(Selecting(k)) for k in self.topk}
        found |= {f"BatchTopK: {k:g}": self._training(Selecting(k, shared=True)) for k in self.batch_topk}
        return found | {f"L1: {weight:g}": self._training(Selecting(), weight) for weight in self.penalties}

    def _training(self, activation, penalty=0.0, adaptation=None) -> solvers.RepeatedTraining:
        # All methods have the same pieces, and so are one program.
        adapts = adaptation is not None
        adaptation = adaptation if adapts else pieces.GroupBiasAdaptation(start="quantile")
        control = pieces.Together((pieces.L1Penalty(penalty), Switchable(adaptation, adapts)))
        optimiser = pieces.Adam(self.rate, steps=self.max_steps)
        training = solvers.AutoencoderTraining(self.width, activation, control, optimiser=optimiser, batch=self.batch)
        return solvers.RepeatedTraining(training, 2, self.used)

    @staticmethod
    def by_setting(swept: Table, *by: str) -> pd.DataFrame:
        """Means over data sets by `method` and `name` of the setting, which as a number is `setting`."""
        parts = swept.frame["solver"].str.split(": ", n=1, expand=True)
        frame = swept.frame.assign(method=parts[0], name=parts[1])
        measured = {column: "mean" for column in _MEASURED if column in frame}
        table = summarise(frame, [*by, "method", "name"], **measured)
        return table.assign(setting=pd.to_numeric(table["name"], errors="coerce"))


class Resonance(SweepFigure):
    """Where the analysed form of bias adaptation recovers features, on two planes of one grid, all traced.

    Dimensions by targets, with `plane_support` active features and `plane_ratio` neurons per feature; and widths by
    supports, at `line_dimension` and with the target at the occurrence.
    """

    dimension: Axis[Count]
    support: Axis[Count]
    ratio: Axis[Count]
    multiple: Axis[Positive]
    features: Count
    samples: Count
    plane_support: Count
    plane_ratio: Count
    line_dimension: Count

    def cell(self, dimension, support, ratio, multiple):
        plane = support == self.plane_support and ratio == self.plane_ratio
        if not (plane or (dimension == self.line_dimension and multiple == 1)):
            return None
        model = models.PlantedFeatures(
            dimension, self.features, support, scaling="unit", samples=self.samples, summary_rows=1
        )
        target = multiple * support / self.features
        return model, solvers.SphericalBiasAdaptation(ratio * self.features, target, batch=self.samples)

    def tables(self, swept):
        rates = summarise(swept, ["dimension", "support", "ratio", "multiple"], recovered_90="mean")
        plane = rates[(rates["support"] == self.plane_support) & (rates["ratio"] == self.plane_ratio)]
        widths = rates[(rates["dimension"] == self.line_dimension) & (rates["multiple"] == 1)]
        # Up to this multiple of the occurrence half of the features are found.
        edges = [
            (dimension, 1 / crossing(1 / rows["multiple"], rows["recovered_90"], 0.5))
            for dimension, rows in plane.groupby("dimension")
        ]
        return {"plane": plane, "widths": widths, "edges": pd.DataFrame(edges, columns=["dimension", "edge"])}

    def predictions(self):
        dimension, occurrence = np.asarray(self.dimension, float), self.plane_support / self.features
        band = theory.resonance_band(self.features, self.plane_support, dimension)
        edges = {f"{name}_edge": np.asarray(getattr(band, name)) / occurrence for name in ("crowding", "dimension")}
        chance = theory.chance_recovery(dimension, self.plane_ratio * self.features)
        coupons = theory.coupon_recovery(np.asarray(self.ratio, float))
        return {
            "band": pd.DataFrame({"dimension": self.dimension, **edges, "chance": np.asarray(chance)}),
            "coupons": pd.DataFrame({"ratio": self.ratio, "recovered": np.asarray(coupons)}),
        }


class FrequencyAwareness(TrainingFigure):
    """Rows of two sparsities, few active features and many: who needs to be told how sparse they are."""

    scaling: Axis[Literal["power", "unit"]]
    dimension: Count
    features: Count
    actives: Counts
    provable_width: Count
    provable_samples: Count
    provable_steps: Count
    provable_ranges: dict[str, Range]

    def _model(self, scaling, **options):
        return models.PlantedFeatures(self.dimension, self.features, self.actives, scaling=scaling, **options)

    def cell(self, scaling):
        return self._model(scaling, summary_rows=512), self.trainings()

    def _analysed(self, scaling):
        width, rows = self.provable_width, self.provable_samples
        return self._model(scaling, samples=rows, summary_rows=1), {
            name: solvers.SphericalBiasAdaptation(width, each.highest, each.lowest, each.groups, batch=rows)
            for name, each in self.provable_ranges.items()
        }

    def sweeps(self):
        analysed = self.options(max_steps=self.provable_steps)
        provable = Sweep(self._analysed, self.axes(), self.trials, analysed)
        return {"trained": super().sweeps(), "provable": provable}

    def tables(self, swept):
        rows = swept["provable"].frame.rename(columns={"solver": "name"})
        provable = summarise(rows, ["scaling", "name"], recovered_80="mean", recovered_90="mean")
        return {"trained": self.by_setting(swept["trained"], "scaling"), "provable": provable}


class Frontier(TrainingFigure):
    """A stand-in for activations of a language model: independent features whose frequencies follow Zipf's law."""

    dimension: Count
    features: Count
    ceiling: Share
    mass: Positive
    noise: Nonnegative

    @property
    def _frequencies(self) -> np.ndarray:
        return models.zipf_frequencies(self.features, ceiling=self.ceiling, mass=self.mass)

    def cell(self):
        laws = {"frequencies": self._frequencies, "coefficients": "lognormal", "noise": self.noise}
        return models.PlantedFeatures(self.dimension, self.features, **laws, summary_rows=512), self.trainings()

    def tables(self, swept):
        return {"trained": self.by_setting(swept)}

    def predictions(self):
        chance = float(theory.chance_recovery(self.dimension, self.width, 0.9))
        return {"facts": pd.DataFrame({"mean_active": [float(self._frequencies.sum())], "chance": [chance]})}


class Digits(TrainingFigure):
    """Real activations: the hidden layer of a small network trained on the 1,797 digits of scikit-learn."""

    hidden: Count
    network_steps: Count

    @functools.cached_property
    def _recorded(self) -> tuple[np.ndarray, float]:
        return hidden_activations(self.hidden, self.network_steps, self.seed)

    def cell(self):
        return HiddenLayer(self._recorded[0]), self.trainings()

    def tables(self, swept):
        return {"trained": self.by_setting(swept)}

    def predictions(self):
        return {"network": pd.DataFrame({"accuracy": [self._recorded[1]]})}
