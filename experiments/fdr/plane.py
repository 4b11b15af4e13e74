"""A cone with a jump across a circle."""

from .picture import Picture


class Plane(Picture):
    """In two dimensions."""
