"""Errors against the purity of the scene."""

from ..fields import Share
from ..figure import Axis
from .common import MethodsFigure


class Purity(MethodsFigure):
    """Errors per method."""

    purity: Axis[Share]
