"""Kinds of numbers that configurations hold."""

from typing import Annotated

import pydantic

Count = pydantic.PositiveInt
Whole = pydantic.NonNegativeInt
Positive = pydantic.PositiveFloat
Nonnegative = pydantic.NonNegativeFloat
Counts = Annotated[tuple[Count, ...], pydantic.Field(min_length=1)]
Grid = Annotated[tuple[Positive, ...], pydantic.Field(min_length=1)]
# Intervals over trials need two of them.
Trials = Annotated[int, pydantic.Field(ge=2)]
# Shares of something: of everything at most, and of less than everything.
Share = Annotated[float, pydantic.Field(gt=0, le=1)]
ProperFraction = Annotated[float, pydantic.Field(ge=0, lt=1)]


class Section(pydantic.BaseModel):
    """Numbers of a configuration that belong together, validated."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
