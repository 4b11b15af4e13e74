"""Where robustness ends: kinds of bad channels, and a start that is not robust."""

from typing import Literal

import equinox as eqx

from recover.initialisers import SuccessiveProjection

from ..figure import Axis
from .common import MethodsFigure


class Limits(MethodsFigure):
    """The kind of outliers and the start are traced: one program."""

    kind: Axis[Literal["none", "added", "replaced", "blank"]]
    start: Axis[Literal["robust", "plain"]] = ("robust", "plain")

    def cell(self, kind, start):
        changes = {"outliers": 0} if kind == "none" else {"outlier_kind": kind}
        begin = SuccessiveProjection(start == "robust")
        methods = {name: eqx.tree_at(lambda s: s.start, each, begin) for name, each in self.solvers().items()}
        return self.model(**changes), methods
