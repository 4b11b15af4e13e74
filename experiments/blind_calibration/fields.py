"""Fields that the configurations of this paper share."""

from typing import Annotated

import pydantic

Count = Annotated[int, pydantic.Field(gt=0)]
Counts = Annotated[tuple[Count, ...], pydantic.Field(min_length=1)]
Positive = Annotated[float, pydantic.Field(gt=0)]
Spread = Annotated[float, pydantic.Field(ge=0, lt=1)]
Spreads = Annotated[tuple[Spread, ...], pydantic.Field(min_length=1)]
