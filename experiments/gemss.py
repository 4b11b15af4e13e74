"""GEMSS: several sparse sets of features at once (Henclova and Smidl 2026)."""

from typing import Literal

import numpy as np
import pandas as pd

from recover import models, solvers
from recover.core import with_capacities

from .fields import Count, Nonnegative, Positive, ProperFraction, Section, Share, Whole
from .figure import Axis, NamedAxis, SweepFigure
from .summaries import summarise
from .support_unions import baselines, unions

SCORES = {"f1": "mean", "f1_full": "mean", "f1_outlier": "mean", "f1_variance": "mean"}


class SupportFigure(SweepFigure):
    """Instances of one generator; `room` is the number of rows up to which arrays are padded, so that figures share programs."""

    measure = staticmethod(unions)
    # Features are mixed anew in every instance.
    sharing = "none"

    sparsity: Count
    supports: Count = 3
    room: Count
    learning_rate: Positive = 2e-3

    def model(self, dimension: int, samples: int, **changes) -> models.EquivalentSupports:
        """The model, padded."""
        model = models.EquivalentSupports(dimension, samples, self.supports, self.sparsity, **changes)
        return with_capacities(model, {"samples": self.room, "supports": self.supports, "sparsity": self.sparsity})

    def solver(self, components: int, most: int | None = None, jaccard: float = 0.0) -> solvers.SparseMixtureInference:
        """The solver, padded to `most` components."""
        solver = solvers.SparseMixtureInference(
            components, self.sparsity, jaccard, learning_rate=self.learning_rate, steps=self.max_steps
        )
        return with_capacities(solver, {"components": most or components, "sparsity": self.sparsity})


class Cell(Section):
    """Numbers of features and of samples."""

    dimension: Count
    samples: Count


class Sizes(SupportFigure):
    """The union of the sets over features and samples, beside other methods."""

    components: Count
    response: Literal["binary", "continuous"]
    cells: tuple[Cell, ...]

    def axes(self):
        return {"place": list(range(len(self.cells)))}

    def _model(self, place):
        return self.model(self.cells[place].dimension, self.cells[place].samples, response=self.response)

    def cell(self, place):
        return self._model(place), self.solver(self.components)

    def tables(self, swept):
        return {"scores": summarise(self._named(swept.frame), ["dimension", "samples"], **SCORES)}

    def _named(self, rows: pd.DataFrame) -> pd.DataFrame:
        cells = [self.cells[place] for place in rows["place"]]
        return rows.assign(dimension=[each.dimension for each in cells], samples=[each.samples for each in cells])

    def predictions(self):
        found = [
            baselines(self._model(place), self.components, self.trials, self.seed).assign(place=place)
            for place in range(len(self.cells))
        ]
        rows = self._named(pd.concat(found))
        return {"baselines": summarise(rows, ["dimension", "samples", "method"], f1="mean")}


class OneSize(SupportFigure):
    """Figures of one number of features and samples."""

    dimension: Count
    samples: Count

    def sized(self, **changes) -> models.EquivalentSupports:
        """The model of that size."""
        return self.model(self.dimension, self.samples, **changes)


class Stress(OneSize):
    """The union over noise and missing entries."""

    components: Count
    response: Literal["binary", "continuous"]
    noise: Axis[Positive]
    missing: Axis[ProperFraction]

    def cell(self, noise, missing):
        return self.sized(noise=noise, missing=missing, response=self.response), self.solver(self.components)

    def tables(self, swept):
        return {"scores": summarise(swept, ["noise", "missing"], **SCORES)}


class Diversity(OneSize):
    """The union, and how far sets are apart, over the strength of the penalty and the number of components."""

    most: Count
    response: Literal["binary", "continuous"]
    components: Axis[Count]
    jaccard: Axis[Nonnegative]

    def cell(self, components, jaccard):
        return self.sized(response=self.response), self.solver(components, self.most, jaccard)

    def tables(self, swept):
        return {"scores": summarise(swept, ["components", "jaccard"], **SCORES, distance="mean")}


class Responses(OneSize):
    """The union for unbalanced classes (shares up to one) and for a continuous response (a share of zero)."""

    components: Count
    class_share: tuple[Share, ...]

    def axes(self):
        return {"share": [*self.class_share, 0.0]}

    def cell(self, share):
        model = self.sized(response="continuous") if share == 0 else self.sized(class_share=share)
        return model, self.solver(self.components)

    def tables(self, swept):
        return {"scores": summarise(swept, ["share"], **SCORES)}


class Kind(Section):
    """A response, and what is brought to one scale."""

    response: Literal["binary", "continuous"]
    standardised: Whole = 0
    response_scale: Nonnegative = 0.0


class Scales(OneSize):
    """The union on the generator as it is, and without what scales give away."""

    components: Count
    kind: NamedAxis[Kind]

    def cell(self, kind):
        return self.sized(**self.kind[kind].model_dump()), self.solver(self.components)

    def tables(self, swept):
        return {"scores": summarise(swept, ["kind"], **SCORES)}


class Overlap(OneSize):
    """The union, and how far sets are apart, where sets share a core and all columns have one scale."""

    components: Count
    noise: Positive
    response_scale: Positive
    overlap: Axis[Whole]

    def _model(self, overlap):
        return self.sized(
            kind="factors",
            response="continuous",
            standardised=1,
            noise=self.noise,
            response_scale=self.response_scale,
            overlap=overlap,
        )

    def cell(self, overlap):
        return self._model(overlap), self.solver(self.components)

    def tables(self, swept):
        return {"scores": summarise(swept, ["overlap"], **SCORES, distance="mean")}

    def predictions(self):
        found = [
            baselines(self._model(each), self.components, self.trials, self.seed).assign(overlap=each)
            for each in self.overlap
        ]
        shared = np.asarray(self.overlap)
        planted = shared + self.supports * (self.sparsity - shared)
        truth = pd.DataFrame(
            {
                "overlap": shared,
                "distance": 1 - shared / (2 * self.sparsity - shared),
                "everything": 2 * planted / (planted + self.dimension),
            }
        )
        return {"baselines": summarise(pd.concat(found), ["overlap", "method"], f1="mean"), "truth": truth}
