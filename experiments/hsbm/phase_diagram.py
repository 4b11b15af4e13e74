"""The published plane, or one like it."""

from .plane import Plane


class PhaseDiagram(Plane):
    """A binary tree, of known depth to top-down."""
