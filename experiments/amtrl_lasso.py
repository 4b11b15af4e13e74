"""Active multi-task representation learning via the LASSO (Wang, Chen, Jamieson and Du 2023)."""

import jax.numpy as jnp
import numpy as np

from recover import models, solvers, theory

from .fields import Count, Nonnegative, Positive, Section, Whole
from .figure import Axis, NamedAxis, SweepFigure
from .summaries import summarise

# Rules as numbers: they share a program.
RULES = {
    "passive": {"order": 2, "power": 0.0},
    "l2": {"order": 2, "power": 2.0},
    "l2_abs": {"order": 2},
    "l1": {},
}


def lots(budget) -> int:
    """As many samples of every source are for sale as may be bought in all."""
    return int(np.max(budget)).bit_length()


def purchases(model, truth, problem, solver, state):
    """Predicted risk of the samples bought, the factor of the bound, and how the sources found compare with those that matter.

    Columns: `predicted` (`rc.theory.representation_risk`), `factor` (`rc.theory.allocation_factor`, padding included), `power` and
    `false_share`, of the support of the planted relevance of least sum of sizes. Not a number for solvers that buy nothing.
    """
    if not hasattr(state, "relevance"):
        nothing = jnp.full((), jnp.nan, problem.samples.dtype)
        return dict.fromkeys(("predicted", "factor", "power", "false_share"), nothing)
    heads, head = problem.oracle
    wanted = theory.sparse_relevance(heads, head) != 0
    chosen = state.relevance != 0
    both = jnp.sum(wanted & chosen, dtype=head.dtype)
    dimension = jnp.full((), float(model.dimension))
    return {
        "predicted": theory.representation_risk(heads, head, state.samples, model.noise, dimension),
        "factor": theory.allocation_factor(state.relevance, solver.power),
        "power": both / jnp.maximum(jnp.sum(wanted, dtype=head.dtype), 1),
        "false_share": 1 - both / jnp.maximum(jnp.sum(chosen, dtype=head.dtype), 1),
    }


class Heads(Section):
    """A family of heads: how many sources make up the target, how alike sources are, and how irrelevant the others."""

    parts: Count = 1
    concentration: Nonnegative = 0.0
    isolation: Nonnegative = 0.0


class TaskFigure(SweepFigure):
    """Gaussian tasks with a shared representation. Rules, budgets, numbers of tasks, exploration and noise are traced.

    Relevance is known where there is no `strength` of a penalty to estimate it with.
    """

    measure = staticmethod(purchases)

    dimension: Count
    rank: Count
    target_samples: Count
    strength: Positive | None = None
    family: NamedAxis[Heads]

    def model(self, family, tasks, explored, noise=1.0) -> models.SharedRepresentation:
        """The model of a family."""
        heads = self.family[family].model_dump()
        sizes = {"tasks": tasks, "explored": explored, "target_samples": self.target_samples, "lots": lots(self.budget)}
        return models.SharedRepresentation(self.dimension, self.rank, noise=noise, **sizes, **heads)

    def learners(self, names, budget, **more) -> dict[str, solvers.ActiveRepresentation]:
        """Learners with the rules of these names."""
        how = {"relevance": "oracle"} if self.strength is None else {"strength": self.strength}
        learner = solvers.ActiveRepresentation
        return {name: learner(self.rank, budget, **{**RULES[name], **how, **more}) for name in names}


class KnownRelevance(TaskFigure):
    """Risk against the budget, where the relevance of sources is known."""

    tasks: Count
    explored: Whole
    budget: Axis[Count]

    def cell(self, family, budget):
        single = self.learners(["l1"], budget, sources=1)["l1"]
        others = {"single": single, "target": solvers.TargetRidge(float(self.dimension))}
        return self.model(family, self.tasks, self.explored), {**self.learners(RULES, budget), **others}

    def tables(self, swept):
        rows = swept.frame
        wide = rows.set_index(["family", "budget", "trial", "solver"])["factor"].unstack("solver")
        order = (wide["l1"] / wide["l2_abs"]).groupby(level="family", sort=False).max().rename("largest").reset_index()
        columns = dict.fromkeys(("representation", "error", "predicted", "factor"), "mean")
        return {"risks": summarise(rows, ["family", "budget", "solver"], **columns), "order": order}


class TaskCount(TaskFigure):
    """Risk against the number of sources at one budget."""

    explored: Whole
    budget: Count
    tasks: Axis[Count]

    def cell(self, family, tasks):
        return self.model(family, tasks, self.explored), self.learners(RULES, self.budget)

    def tables(self, swept):
        columns = {"representation": "mean", "predicted": "mean"}
        return {"risks": summarise(swept, ["family", "tasks", "solver"], **columns)}


class UnknownRelevance(TaskFigure):
    """Risk where the relevance is estimated after an exploration of every source."""

    tasks: Count
    noise: Axis[Positive]
    explored: Axis[Whole]
    budget: Axis[Count]

    def cell(self, family, noise, explored, budget):
        return self.model(family, self.tasks, explored, noise), self.learners(("passive", "l2", "l1"), budget)

    def tables(self, swept):
        by = ["family", "noise", "explored", "budget", "solver"]
        return {"risks": summarise(swept, by, representation="mean")}


class Support(TaskFigure):
    """Which sources are found relevant, against the samples of exploration."""

    tasks: Count
    budget: Count
    explored: Axis[Whole]

    def cell(self, family, explored):
        return self.model(family, self.tasks, explored), self.learners(["l1"], self.budget)

    def tables(self, swept):
        return {"found": summarise(swept, ["family", "explored"], power="mean", false_share="mean")}


class FewSources(TaskFigure):
    """Risk where only so many sources may be bought of after the exploration."""

    tasks: Count
    explored: Whole
    budget: Count
    sources: Axis[Count]

    def cell(self, family, sources):
        learners = self.learners(("l2", "l2_abs", "l1"), self.budget, sources=sources)
        return self.model(family, self.tasks, self.explored), learners

    def tables(self, swept):
        return {"risks": summarise(swept, ["family", "sources", "solver"], representation="mean", chosen="mean")}


class Corrupted(SweepFigure):
    """A stand-in for corrupted digits: classes under corruptions that have only nearly a representation in common."""

    dimension: Count
    classes: Count
    corruptions: Count
    rank: Count
    explored: Count
    target_samples: Count
    budget: Count
    strength: Positive
    blend: Axis[Nonnegative]

    def cell(self, blend):
        sizes = {"explored": self.explored, "target_samples": self.target_samples, "lots": lots(self.budget)}
        model = models.CorruptedClasses(self.dimension, self.classes, self.corruptions, blend=blend, **sizes)
        known = {"budget": self.budget, "strength": self.strength}
        learners = {name: solvers.ActiveRepresentation(self.rank, **known, **rule) for name, rule in RULES.items()}
        return model, {**learners, "target": solvers.TargetRidge(1.0)}

    def tables(self, swept):
        rows = swept.frame
        wide = rows.set_index(["blend", "trial", "solver"])["error"].unstack("solver")
        wins = wide[["passive", "l2"]].gt(wide["l1"], axis=0).stack().rename("share").reset_index()
        shares = summarise(wins, ["blend", "solver"], share="rate")
        return {"risks": summarise(rows, ["blend", "solver"], error="mean"), "wins": shares}
