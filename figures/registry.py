"""How a paper's module offers its figures.

```python
from .registry import figure

@figure("phase_diagram", alt="Success rate over sampling and sparsity, with the fitted and predicted transitions.")
def phase_diagram(tables, info):
    ...
    return drawing, [claims.within(info, "The transition follows the prediction.", 0.31, 0.3, 0.02)]
```
"""

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import TypeAlias

import matplotlib.figure
import pandas as pd

from .claims import Claim
from .results import FigureInfo, ResultsError

Draw: TypeAlias = Callable[[Mapping[str, pd.DataFrame], FigureInfo], tuple[matplotlib.figure.Figure, list[Claim]]]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A figure that a paper's module can draw."""

    name: str
    draw: Draw
    alt: str


_drawings: dict[str, dict[str, Drawing]] = {}


def figure(name: str, *, alt: str = "") -> Callable[[Draw], Draw]:
    """Offer the decorated function as the figure `name` of the module it is defined in.

    Arguments:
        name: the figure's slug, as in results/<paper>/<profile>/<name>.
        alt: what the figure shows, in a sentence, for those who cannot see it; the title stands in.

    Raises:
        ValueError: the module already has another figure of that name.
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

    Raises:
        ResultsError: there is no such module, or it draws nothing.
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
