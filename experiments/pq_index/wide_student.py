"""A sparse network with hidden layers as teacher, and a wider dense student that is pruned."""

import pandas as pd

from recover import Table, models

from ..fields import Count, Positive
from .common import PruningFigure, Share, Widths, summary, teacher_facts


class WideStudent(PruningFigure):
    """Hidden units are matched before supports are compared."""

    widths: Widths
    student: Widths
    samples: Count
    density: Share
    scale: Positive

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means over instances, and facts about the teachers."""
        model = models.SparseTeacher(self.widths, self.samples, self.density, self.scale)
        frame = self.trajectories(model, self.methods(self.student, self.samples))
        return {"curves": summary(frame), "teacher": teacher_facts(model, self.trials, self.seed)}
