"""All methods against the number of outlier channels."""

import pandas as pd

from ..fields import Whole
from ..figure import Axis
from .common import MethodsFigure


class Outliers(MethodsFigure):
    """Errors per method, and what known endmembers would give."""

    outliers: Axis[Whole]

    def predictions(self):
        snr, channels = self.scene.snr, self.scene.channels
        plain = [self.oracle(snr, count / channels) for count in self.outliers]
        return {"oracle": pd.DataFrame({"outliers": self.outliers, "least_squares": plain, "ideal": self.oracle(snr)})}
