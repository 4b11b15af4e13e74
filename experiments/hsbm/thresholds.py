"""Where exact recovery is possible at each depth, and where splitting is guaranteed; nothing is simulated."""

import numpy as np
import pandas as pd

from recover import Table

from ..fields import Count, Positive
from ..figure import Figure
from .common import informations


class Thresholds(Figure):
    """The plane of the two middle rates of a binary tree of depth three."""

    first: Positive
    last: Positive
    points: Count
    nodes: Count
    checked: tuple[Positive, Positive]

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Both informations over the plane, and at one point."""
        axis = np.linspace(self.first, self.last, self.points)
        one, two = (grid.reshape(-1) for grid in np.meshgrid(axis, axis, indexing="ij"))
        keep = one <= two
        one, two = one[keep], two[keep]
        rates = np.stack([np.full_like(one, self.first), one, two, np.full_like(one, self.last)], axis=1)
        bottom, top = informations(rates, 2)
        plane = pd.DataFrame({"a_1": one, "a_2": two})
        for depth in (1, 2, 3):
            plane[f"bottom_up_{depth}"], plane[f"top_down_{depth}"] = bottom[:, depth - 1], top[:, depth - 1]
        point = np.asarray([self.first, *self.checked, self.last])
        found = [
            {"densities": name, "depth": depth, "bottom_up": info[0][depth - 1], "top_down": info[1][depth - 1]}
            for name, info in (("sparse", informations(point, 2)), ("Bernoulli", informations(point, 2, self.nodes)))
            for depth in (1, 2, 3)
        ]
        # Two blocks only: the classical threshold.
        pair = np.asarray([2.0, 11.0])
        classical = pd.DataFrame(
            {"information": informations(pair, 2)[0], "classical": [(np.sqrt(pair[1]) - np.sqrt(pair[0])) ** 2 / 2]}
        )
        return {"plane": plane, "point": pd.DataFrame(found), "classical": classical}
