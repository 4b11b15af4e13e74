"""The plane at rates at which algorithms differ."""

from .plane import Plane


class SparsePlane(Plane):
    """A binary tree, of known depth to top-down."""
