"""The look of every figure: sizes, colours, and how a figure becomes a file.

Figures are built without pyplot, so nothing global keeps them alive and nothing opens a window.
"""

import pathlib
from collections.abc import Hashable, Iterable
from contextlib import AbstractContextManager

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

STYLE_FILE = pathlib.Path(__file__).with_name("recover.mplstyle")

COLUMN = 3.35
"""Width in inches of one column of a two-column paper."""
PAGE = 6.9
"""Width in inches of the text of a page."""

BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, BLACK, YELLOW = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#000000",
    "#F0E442",
)
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, BLACK, YELLOW)
"""Colours of Okabe and Ito (2008), in the order in which curves take them."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
"""One marker per colour, so that curves stay apart in greyscale too."""
DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (3, 1)), (0, (8, 2)), "-", "-")
"""One dash pattern per colour, for curves without markers."""

SUCCESS_MAP = "cividis"
"""Success rates: dark fails, light succeeds, readable with every colour vision."""
IMAGE_MAP = "gray"
MAGNITUDE_MAP = "viridis"
SIGNED_MAP = "RdBu_r"

GREY = "#6b6b6b"


def use() -> AbstractContextManager[None]:
    """Draw within the project's style: `with style.use(): ...`."""
    return matplotlib.style.context(STYLE_FILE, after_reset=True)


def new(
    width: float = COLUMN,
    aspect: float = 0.72,
    rows: int = 1,
    columns: int = 1,
    **subplots,
) -> tuple[Figure, np.ndarray]:
    """An empty figure and its axes, always an array of shape `(rows, columns)`.

    Arguments:
        width: inches; `COLUMN` and `PAGE` fit a paper.
        aspect: height of one panel over its width.
        rows: rows of panels.
        columns: columns of panels.
        subplots: passed to `Figure.subplots`, as `sharey=True`.
    """
    height = width / columns * aspect * rows
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **subplots)
    return figure, axes


def look(names: Iterable[Hashable]) -> dict[Hashable, dict]:
    """Colour, marker and dashes of each name, by position, so a name keeps them in every panel it appears in."""
    looks = {}
    for position, name in enumerate(names):
        index = position % len(PALETTE)
        looks[name] = {"color": PALETTE[index], "marker": MARKERS[index], "linestyle": DASHES[index]}
    return looks


def letters(axes: Iterable[Axes], start: str = "a") -> None:
    """Letter the panels, left of their titles, as papers refer to them."""
    for offset, panel in enumerate(axes):
        title = panel.get_title(loc="center")
        panel.set_title("")
        panel.set_title(rf"$\bf{{{chr(ord(start) + offset)}}}$  {title}".rstrip(), loc="left")


def colour_bar(figure: Figure, mesh: ScalarMappable, axes: list[Axes], label: str, **options) -> None:
    """A slim colour bar beside some axes."""
    bar = figure.colorbar(mesh, ax=axes, label=label, **{"fraction": 0.05, "pad": 0.02, "aspect": 26, **options})
    bar.outline.set_linewidth(0.4)
    bar.ax.tick_params(length=2)


def save(figure: Figure, path: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """Write `path`.pdf and `path`.png, byte for byte the same for the same figure (no times, no versions inside).

    Returns:
        The two paths.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A slug may hold dots, which `with_suffix` would cut.
    pdf, png = (path.with_name(path.name + suffix) for suffix in (".pdf", ".png"))
    with matplotlib.style.context(STYLE_FILE):
        figure.savefig(pdf, metadata={"CreationDate": None, "Creator": None, "Producer": None})
        figure.savefig(png, metadata={"Software": None})
    return pdf, png
