"""Active multi-task representation learning via the LASSO (Wang, Chen, Jamieson and Du 2023)."""

from typing import Literal

from recover import models, solvers

from .fields import Count, Nonnegative, Positive, Section, Whole
from .figure import Axis, NamedAxis, SweepFigure
from .purchases import purchases
from .summaries import differences, summarise

# Rules as numbers: they share a program.
RULES = {
    "passive": {"order": 2, "power": 0.0},
    "l2": {"order": 2, "power": 2.0},
    "l2_abs": {"order": 2},
    "l1": {},
}


class Heads(Section):
    """A family of heads: how many sources make up the target, how alike sources are, and how irrelevant the others."""

    parts: Count = 1
    concentration: Nonnegative = 0.0
    isolation: Nonnegative = 0.0


class TaskFigure(SweepFigure):
    """Gaussian tasks with a shared representation. Rules, budgets, numbers of tasks, exploration and noise are traced."""

    measure = staticmethod(purchases)

    dimension: Count
    rank: Count
    lots: Count
    target_samples: Count
    family: NamedAxis[Heads]

    def model(self, family, tasks, explored, noise=1.0) -> models.SharedRepresentation:
        """The model of a family."""
        heads = self.family[family].model_dump()
        sizes = {"tasks": tasks, "explored": explored, "target_samples": self.target_samples, "lots": self.lots}
        return models.SharedRepresentation(self.dimension, self.rank, noise=noise, **sizes, **heads)

    def rule(self, name, budget, relevance: Literal["estimated", "oracle"], **more) -> solvers.ActiveRepresentation:
        """The learner with one of the rules."""
        return solvers.ActiveRepresentation(self.rank, budget, relevance=relevance, **{**RULES[name], **more})


class KnownRelevance(TaskFigure):
    """Risk against the budget, where the relevance of sources is known."""

    tasks: Count
    explored: Whole
    budget: Axis[Count]

    def cell(self, family, budget):
        learners = {name: self.rule(name, budget, "oracle") for name in RULES}
        learners["single"] = self.rule("l1", budget, "oracle", sources=1)
        learners["target"] = solvers.TargetRidge(float(self.dimension))
        return self.model(family, self.tasks, self.explored), learners

    def tables(self, swept):
        rows = swept.frame
        wide = rows.set_index(["family", "budget", "trial", "solver"])["factor"].unstack("solver")
        rows = rows.assign(factor=rows["factor"].fillna(0))
        columns = {"representation": "mean", "error": "mean", "predicted": "mean", "factor": "mean"}
        order = (wide["l1"] / wide["l2_abs"]).groupby(level="family", sort=False).max().rename("largest").reset_index()
        return {"risks": summarise(rows, ["family", "budget", "solver"], **columns), "order": order}


class TaskCount(TaskFigure):
    """Risk against the number of sources at one budget."""

    explored: Whole
    budget: Count
    tasks: Axis[Count]

    def cell(self, family, tasks):
        return self.model(family, tasks, self.explored), {
            name: self.rule(name, self.budget, "oracle") for name in RULES
        }

    def tables(self, swept):
        columns = {"representation": "mean", "predicted": "mean"}
        return {"risks": summarise(swept, ["family", "tasks", "solver"], **columns)}


class UnknownRelevance(TaskFigure):
    """Risk where the relevance is estimated after an exploration of every source."""

    tasks: Count
    strength: Positive
    noise: Axis[Positive]
    explored: Axis[Whole]
    budget: Axis[Count]

    def cell(self, family, noise, explored, budget):
        names = ("passive", "l2", "l1")
        learners = {name: self.rule(name, budget, "estimated", strength=self.strength) for name in names}
        return self.model(family, self.tasks, explored, noise), learners

    def tables(self, swept):
        columns = {"representation": "mean", "predicted": "mean"}
        return {"risks": summarise(swept, ["family", "noise", "explored", "budget", "solver"], **columns)}


class Support(TaskFigure):
    """Which sources are found relevant, against the samples of exploration."""

    tasks: Count
    strength: Positive
    budget: Count
    explored: Axis[Whole]

    def cell(self, family, explored):
        learner = self.rule("l1", self.budget, "estimated", strength=self.strength)
        return self.model(family, self.tasks, explored), {"l1": learner}

    def tables(self, swept):
        columns = {"power": "mean", "false_share": "mean", "representation": "mean", "chosen": "mean"}
        return {"found": summarise(swept, ["family", "explored"], **columns)}


class FewSources(TaskFigure):
    """Risk where only so many sources may be bought of after the exploration."""

    tasks: Count
    strength: Positive
    explored: Whole
    budget: Count
    sources: Axis[Count]

    def cell(self, family, sources):
        def learner(name):
            return self.rule(name, self.budget, "estimated", strength=self.strength, sources=sources)

        return self.model(family, self.tasks, self.explored), {name: learner(name) for name in ("l2", "l2_abs", "l1")}

    def tables(self, swept):
        return {"risks": summarise(swept, ["family", "sources", "solver"], representation="mean", chosen="mean")}


class Corrupted(SweepFigure):
    """A stand-in for corrupted digits: classes under corruptions that have only nearly a representation in common."""

    dimension: Count
    classes: Count
    corruptions: Count
    rank: Count
    lots: Count
    explored: Count
    target_samples: Count
    budget: Count
    strength: Positive
    blend: Axis[Nonnegative]

    def cell(self, blend):
        sizes = {"explored": self.explored, "target_samples": self.target_samples, "lots": self.lots}
        model = models.CorruptedClasses(self.dimension, self.classes, self.corruptions, blend=blend, **sizes)
        known = {"budget": self.budget, "strength": self.strength}
        learners = {name: solvers.ActiveRepresentation(self.rank, **known, **rule) for name, rule in RULES.items()}
        return model, {**learners, "target": solvers.TargetRidge(1.0)}

    def tables(self, swept):
        columns = {"error": "mean", "representation": "mean"}
        rows = swept.frame
        wide = rows.set_index(["blend", "trial", "solver"])["error"].unstack("solver")
        won = {f"beats_{name}": wide["l1"] < wide[name] for name in ("passive", "l2")}
        shares = summarise(wide.assign(**won).reset_index(), ["blend"], **dict.fromkeys(won, "rate"))
        return {
            "risks": summarise(rows, ["blend", "solver"], **columns),
            "wins": shares,
            "differences": differences(rows, ["blend"], "error", "l1"),
        }
