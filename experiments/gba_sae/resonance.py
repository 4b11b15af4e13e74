"""Where the analysed form of bias adaptation recovers features: target frequency, dimension, width, size of supports."""

import numpy as np
import pandas as pd

from recover import models, solvers, theory

from ..fields import Count, Positive
from ..figure import Axis, SweepFigure
from ..summaries import crossing, means


class Resonance(SweepFigure):
    """Two planes of one grid, all traced: dimensions by targets, and widths by supports.

    The first has `plane_support` active features and `plane_ratio` neurons per feature; the second is at `line_dimension`,
    with the target at the occurrence.
    """

    dimension: Axis[Count]
    support: Axis[Count]
    ratio: Axis[Count]
    multiple: Axis[Positive]
    features: Count
    samples: Count
    plane_support: Count
    plane_ratio: Count
    line_dimension: Count

    def cell(self, dimension, support, ratio, multiple):
        plane = support == self.plane_support and ratio == self.plane_ratio
        if not (plane or (dimension == self.line_dimension and multiple == 1)):
            return None
        model = models.PlantedFeatures(
            dimension, self.features, support, scaling="unit", samples=self.samples, summary_rows=1
        )
        target = multiple * support / self.features
        return model, solvers.SphericalBiasAdaptation(ratio * self.features, target, batch=self.samples)

    def tables(self, swept):
        rates = means(swept, ["dimension", "support", "ratio", "multiple"], ["recovered_90"])
        plane = rates[(rates["support"] == self.plane_support) & (rates["ratio"] == self.plane_ratio)]
        widths = rates[(rates["dimension"] == self.line_dimension) & (rates["multiple"] == 1)]
        # Up to this multiple of the occurrence half of the features are found.
        edges = [
            (dimension, 1 / crossing(1 / rows["multiple"], rows["recovered_90"], 0.5))
            for dimension, rows in plane.groupby("dimension")
        ]
        return {"plane": plane, "widths": widths, "edges": pd.DataFrame(edges, columns=["dimension", "edge"])}

    def predictions(self):
        dimension, occurrence = np.asarray(self.dimension, float), self.plane_support / self.features
        band = theory.resonance_band(self.features, self.plane_support, dimension)
        edges = {f"{name}_edge": np.asarray(getattr(band, name)) / occurrence for name in ("crowding", "dimension")}
        chance = theory.chance_recovery(dimension, self.plane_ratio * self.features)
        coupons = theory.coupon_recovery(np.asarray(self.ratio, float))
        return {
            "band": pd.DataFrame({"dimension": self.dimension, **edges, "chance": np.asarray(chance)}),
            "coupons": pd.DataFrame({"ratio": self.ratio, "recovered": np.asarray(coupons)}),
        }
