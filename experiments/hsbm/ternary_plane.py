"""The plane where communities have three children each."""

from .plane import Plane


class TernaryPlane(Plane):
    """A ternary tree; top-down bisects, and stops by itself."""
