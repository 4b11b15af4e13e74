"""Errors against the number of endmembers."""

from typing import Annotated

import pydantic

from ..figure import Axis
from .common import MethodsFigure


class Endmembers(MethodsFigure):
    """The number of endmembers is traced, up to the largest."""

    endmembers: Axis[Annotated[int, pydantic.Field(ge=2)]]
