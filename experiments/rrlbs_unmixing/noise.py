"""Errors against the signal-to-noise ratio, with and without outlier channels."""

import pandas as pd

from ..fields import Whole
from ..figure import Axis
from .common import MethodsFigure


class Noise(MethodsFigure):
    """Errors per method, and what known endmembers would give."""

    outliers: Axis[Whole]
    snr: Axis[float]

    def predictions(self):
        return {"oracle": pd.DataFrame({"snr": self.snr, "ideal": [self.oracle(snr) for snr in self.snr]})}
