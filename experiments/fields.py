"""Kinds of numbers that configurations hold."""

from typing import Annotated

import pydantic

Count = pydantic.PositiveInt
Positive = pydantic.PositiveFloat
Nonnegative = pydantic.NonNegativeFloat
Counts = Annotated[tuple[Count, ...], pydantic.Field(min_length=1)]
Grid = Annotated[tuple[Positive, ...], pydantic.Field(min_length=1)]
# Intervals over trials need two of them.
Trials = Annotated[int, pydantic.Field(ge=2)]
