"""Whether pruning finds the weights of a sparse linear teacher, and stops there."""

import pandas as pd

from recover import Table, models

from ..fields import Count, Positive
from .common import PruningFigure, Share, summary, teacher_facts


class Support(PruningFigure):
    """A sparse multinomial logistic regression."""

    inputs: Count
    classes: Count
    samples: Count
    density: Share
    scale: Positive

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances, all trials, and facts about the teachers."""
        model = models.SparseTeacher((self.inputs, self.classes), self.samples, self.density, self.scale)
        frame = self.trajectories(model, self.methods((), self.samples))
        rows = frame.loc[frame["iteration"] >= 0, ["method", "trial", "iteration", "f1", "remaining", "accuracy"]]
        return {"curves": summary(frame), "trials": rows, "teacher": teacher_facts(model, self.trials, self.seed)}
