"""How a paper's module offers its figures.

```python
from .claims import claim
from .registry import figure

LABELS = {"samples": "samples $m$", "rate": "success rate"}

@figure("rates", alt="Success rises with the number of samples, as predicted.")
def rates(sheet):
    sheet.panel().curves(sheet["rates"], "samples", "rate", by="solver")

    @sheet.claims
    def _(tables):
        yield claim("With many samples recovery is certain.", "paper, Figure 1", tables["rates"]["rate"].max()).at_least(0.99)
```
"""

import dataclasses
import importlib
import sys
from collections.abc import Callable, Mapping
from typing import TypeAlias

from .results import ResultsError
from .sheet import Sheet

Draw: TypeAlias = Callable[[Sheet], None]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure that a paper's module can draw."""

    name: str
    draw: Draw
    alt: str


_drawings: dict[str, dict[str, Drawing]] = {}


def figure(name: str, *, alt: str = "") -> Callable[[Draw], Draw]:
    """Offer the decorated function as the figure `name` of the module it is defined in.

    **Arguments:**

    - `name`: the figure's slug, as in results/<paper>/<profile>/<name>.
    - `alt`: what the figure shows, in a sentence, for those who cannot see it; the title stands in.

    **Raises:** `ValueError` where the module already has another figure of that name.
    """

    def register(draw: Draw) -> Draw:
        drawings = _drawings.setdefault(draw.__module__, {})
        if name in drawings and drawings[name].draw.__qualname__ != draw.__qualname__:
            raise ValueError(f"{draw.__module__} has two figures called {name!r}.")
        drawings[name] = Drawing(name, draw, alt)
        return draw

    return register


def drawings(paper: str) -> dict[str, Drawing]:
    """The figures of `figures/<paper>.py` by name, in the order in which they are defined.

    **Raises:** `ResultsError` where there is no such module, or it draws nothing.
    """
    # A hyphen is common in slugs and impossible in modules.
    module = f"{__package__}.{paper.replace('-', '_')}"
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise ResultsError(f"no module draws the figures of {paper!r}: there is no {module}.") from None
    if module not in _drawings:
        raise ResultsError(f"{module} offers no figure; decorate one with `@figure(...)`.")
    return _drawings[module]


def labels(paper: str) -> Mapping[str, str]:
    """What columns are called in the figures of a paper: the `LABELS` of its module."""
    drawings(paper)
    return getattr(sys.modules[f"{__package__}.{paper.replace('-', '_')}"], "LABELS", {})
