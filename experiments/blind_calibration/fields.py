"""Fields that the configurations of this paper share."""

from typing import Annotated

import pydantic

Spread = Annotated[float, pydantic.Field(ge=0, lt=1)]
Spreads = Annotated[tuple[Spread, ...], pydantic.Field(min_length=1)]
