"""Free discontinuity regression (Gunsilius and Van Dijcke 2023)."""

from ..figure import Figure
from .baselines import Baselines
from .intervals import Intervals
from .kept_jumps import KeptJumps
from .line import Line
from .line_table import LineTable
from .picture import Picture
from .plane_table import PlaneTable
from .shutdown import Shutdown
from .sure import Sure

FIGURES: dict[str, type[Figure]] = {
    "line": Line,
    "line_table": LineTable,
    "plane_table": PlaneTable,
    "plane": Picture,
    "space": Picture,
    "sure": Sure,
    "baselines": Baselines,
    "kept_jumps": KeptJumps,
    "intervals": Intervals,
    "shutdown": Shutdown,
}
