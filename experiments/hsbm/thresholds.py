"""Where exact recovery is possible at each depth, and where splitting is guaranteed; nothing is simulated."""

import numpy as np
import pandas as pd

from ..fields import Count, Positive
from ..figure import Figure
from .common import information_over_plane, informations


class Thresholds(Figure):
    """Both informations over the plane of the two middle rates of a binary tree of depth three, and at one point."""

    first: Positive
    last: Positive
    points: Count
    nodes: Count
    checked: tuple[Positive, Positive]

    def predictions(self):
        axis, ends = np.linspace(self.first, self.last, self.points), (self.first, self.last)
        points = [
            information_over_plane(self.checked, *ends, nodes=nodes).query("a_1 < a_2").assign(densities=name)
            for name, nodes in (("sparse", None), ("Bernoulli", self.nodes))
        ]
        # Two blocks only: the classical threshold.
        pair = np.asarray([2.0, 11.0])
        classical = (np.sqrt(pair[1]) - np.sqrt(pair[0])) ** 2 / 2
        return {
            "plane": information_over_plane(axis, *ends),
            "point": pd.concat(points, ignore_index=True),
            "classical": pd.DataFrame({"information": informations(pair, 2)[0], "classical": [classical]}),
        }
