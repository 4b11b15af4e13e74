"""Whether pruning finds the weights of a sparse linear teacher, and stops there."""

from ..summaries import summarise
from .common import TeacherFigure


class Support(TeacherFigure):
    """A sparse multinomial logistic regression; the best F1 score is that of any iteration."""

    def tables(self, swept):
        best = swept.frame.assign(best=[max(history[1:]) for history in swept.frame["trained_f1_history"]])
        return {**super().tables(swept), "best": summarise(best, ["solver"], best="mean")}
