"""A sparse network with hidden layers as teacher, and a wider dense student that is pruned."""

from .common import TeacherFigure


class WideStudent(TeacherFigure):
    """Hidden units are matched before supports are compared."""
