"""What the figures share: the methods, what is measured of a network in every iteration, and means of it."""

from typing import Annotated

import jax
import jax.numpy as jnp
import pandas as pd
import pydantic

from recover import Network, Table, gini_index, models, pq_index
from recover.solvers import IterativePruning

from ..fields import Count, Positive, ProperFraction
from ..figure import SweepFigure
from ..summaries import summarise, unrolled
from .digits import Digits

Widths = tuple[Count, ...]

# The exponents of the paper, by what their columns are called.
PAIRS = {"half": (0.5, 1.0), "two": (1.0, 2.0)}


class PruningFigure(SweepFigure):
    """Networks that are trained and pruned. The first of `max_steps` trains the dense network, which is iteration 0."""

    epochs: Count
    batch: Count
    share: ProperFraction = 0.2

    def training(self, samples: int) -> dict:
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


def weights_of(network: Network) -> tuple[jax.Array, jax.Array]:
    """All weights, and which are live: these are not zero, but for a chance of measure zero."""
    flat = jnp.concatenate([weight.reshape(-1) for weight in network.weights])
    return flat, flat != 0


def measured(model, truth, problem, solver, state):
    """How good, large and sparse the network is that was trained last, and the same right after it is pruned."""
    network = solver.estimate(problem, state)
    found = {}
    for stage, each in (("trained", network), ("pruned", network.pruned())):
        flat, live = weights_of(each)
        size = jnp.sum(live.astype(flat.dtype))
        scores = model.metrics(truth, each)
        # Scores of a pruned network, but for its accuracy, are those of the next iteration.
        numbers = scores if stage == "trained" else {"accuracy": scores["accuracy"]}
        numbers = {**numbers, "remaining": size / flat.size, "live": size, "gini": gini_index(flat, live)}
        numbers |= {f"pqi_{name}": pq_index(flat, p, q, live) for name, (p, q) in PAIRS.items()}
        found |= {f"{stage}_{name}": value for name, value in numbers.items()}
    return found


def measured_with_teacher(model, truth, problem, solver, state):
    """The same, and how good and large the teacher is."""
    scores = model.metrics(truth, truth)
    found = measured(model, truth, problem, solver, state)
    return {**found, "teacher_accuracy": scores["accuracy"], "teacher_share": scores["share"]}


class WatchedFigure(PruningFigure):
    """Networks that are measured in every iteration."""

    sharing = "none"
    measure = measured

    record_every: Count | None = 1

    def iterations(self, swept: Table, *columns: str) -> pd.DataFrame:
        """One row per solve and iteration, from the dense network on; columns are of trained networks or `pruned_<column>`."""
        stages = {name: name if name.startswith("pruned") else f"trained_{name}" for name in columns}
        histories = {name: f"{measure}_history" for name, measure in stages.items()}
        rows = swept.frame[[*swept.axes, "solver", "trial", *histories.values()]]
        long = unrolled(rows, 1, histories)
        return long[long["step"] > 0].assign(iteration=long["step"] - 1)

    def curves(self, swept: Table, *columns: str) -> pd.DataFrame:
        """Means over instances, with one standard deviation to either side."""
        by = [*swept.axes, "solver", "iteration"]
        return summarise(self.iterations(swept, *columns), by, **dict.fromkeys(columns, "mean_spread"))


class DigitsFigure(WatchedFigure):
    """Networks that learn digits."""

    hidden: Widths
    training_pictures: Annotated[int, pydantic.Field(ge=100, le=1600)] = 1300

    def cell(self, scope="global"):
        return Digits(self.training_pictures), self.methods(self.hidden, self.training_pictures, scope)

    def sap(self, p: float, q: float, **options) -> IterativePruning:
        """Adaptive pruning with other hyper-parameters."""
        return IterativePruning.sap(self.hidden, p, q, **options, **self.training(self.training_pictures))


class TeacherFigure(WatchedFigure):
    """Students of a sparse network."""

    measure = measured_with_teacher

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
        return {
            "curves": self.curves(swept, "f1", "accuracy", "agreement", "remaining", "live", "pqi_half"),
            "teacher": summarise(swept, [], **teacher),
        }
