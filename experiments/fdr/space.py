"""A cone with a jump across a sphere."""

from .picture import Picture


class Space(Picture):
    """In three dimensions."""
