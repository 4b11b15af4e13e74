"""From how many samples on all initialisations reach one point, against the noise."""

from ..fields import Positive
from ..summaries import summarise
from .common import DescentFigure


class Trivialisation(DescentFigure):
    """The spread of runs around their average, and where it falls below a level."""

    below: Positive

    def tables(self, swept):
        return {
            "spread": summarise(swept, ["sampling", "noise"], spread="median"),
            "boundary": swept.boundary("sampling", below=self.below, metric="spread", seed=self.seed),
        }
