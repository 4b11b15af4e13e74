"""Panels: tables in, axes filled. A panel knows what columns are called and draws intervals where a table has them."""

from collections.abc import Callable, Hashable, Mapping

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.image import AxesImage

from . import style

# Lines over a heat map need contrast with both of its ends.
_OUTLINE = [patheffects.withStroke(linewidth=2.6, foreground="black", alpha=0.75)]
_FINE_OUTLINE = [patheffects.withStroke(linewidth=2.0, foreground="black", alpha=0.65)]
# Gaps wide enough that the outlines of neighbouring dashes do not close them.
_THEORY_DASHES = ((0, (5, 2)), (0, (1.3, 2)), (0, (5, 2, 1.3, 2)), (0, (9, 2)))
# Small type next to curves stays legible where it crosses one.
_HALO = [patheffects.withStroke(linewidth=2.0, foreground="white")]
# What the values of a column are called.
Names = Mapping[Hashable, str] | Callable[[Hashable], str] | None


class Panel:
    """Axes that know what columns are called.

    - `axes`: the matplotlib axes, for what no method does.
    - `labels`: name of a column to its label with units; a column that is not there is called by its name.
    """

    def __init__(self, axes: Axes, labels: Mapping[str, str]):
        self.axes = axes
        self.labels = labels

    def label(self, column: str) -> str:
        """What a column is called on an axis."""
        return self.labels.get(column, column.replace("_", " "))

    def set(self, **properties) -> None:
        """Titles, labels, limits, ticks: what `matplotlib.axes.Axes.set` takes."""
        self.axes.set(**properties)

    def curves(
        self,
        table: pd.DataFrame,
        x: str,
        y: str,
        *,
        by: str | list[str] | None = None,
        names: Names = None,
        looks: Mapping[Hashable, dict] | None = None,
        markers: bool = True,
        band: bool = True,
        legend: bool = True,
        xlog: bool = False,
        ylog: bool = False,
    ) -> None:
        """One line per value of `by`, with the columns `<y>_low` and `<y>_high` as a band where the table has them.

        `names` says what the values are called in the legend; `looks`, from `style.look`, how they look in other panels too.
        """
        # The scale comes first, so that the limits found for the bands are those of the scale.
        self._axes_of(x, y, xlog, ylog)
        groups = _groups(table, by)
        looks = looks or style.look(name for name, _ in groups)
        for name, rows in groups:
            rows = rows.sort_values(x)
            look = looks[name] if markers else {**looks[name], "marker": ""}
            self.axes.plot(rows[x], rows[y], label=None if by is None else _name(names, name), **look)
        if band and {f"{y}_low", f"{y}_high"} <= set(table.columns):
            self._bands({name: rows.sort_values(x) for name, rows in groups}, x, y, looks)
        if legend and by is not None and len(groups) > 1:
            self.legend()

    def _bands(self, groups: Mapping[Hashable, pd.DataFrame], x: str, y: str, looks: Mapping[Hashable, dict]) -> None:
        ends = {name: rows[[f"{y}_low", f"{y}_high"]].to_numpy(float) for name, rows in groups.items()}
        for name, rows in groups.items():
            # Only finite ends may set the limits; unbounded ones then run to the edge of the panel.
            at = np.repeat(rows[x].to_numpy(), 2)
            finite = np.isfinite(ends[name]).reshape(-1)
            if finite.any():
                self.axes.update_datalim(list(zip(at[finite], ends[name].reshape(-1)[finite], strict=True)))
        self.axes.autoscale_view()
        limits = self.axes.get_ylim()
        for name, rows in groups.items():
            low, high = np.clip(ends[name], min(limits), max(limits)).T
            self.axes.fill_between(rows[x], low, high, color=looks[name]["color"], alpha=0.16, linewidth=0)
        self.axes.set_ylim(limits)

    def _axes_of(self, x: str, y: str, xlog: bool, ylog: bool) -> None:
        self.axes.set(xlabel=self.label(x), ylabel=self.label(y))
        if xlog:
            self.axes.set_xscale("log")
        if ylog:
            self.axes.set_yscale("log")

    def points(
        self,
        table: pd.DataFrame,
        x: str,
        y: str,
        *,
        by: str | list[str] | None = None,
        names: Names = None,
        looks: Mapping[Hashable, dict] | None = None,
        lines: bool = True,
        legend: bool = True,
        xlog: bool = False,
        ylog: bool = False,
    ) -> None:
        """Points with bars from `<y>_low` to `<y>_high` where the table has them, joined by lines, per value of `by`."""
        self._axes_of(x, y, xlog, ylog)
        groups = _groups(table, by)
        looks = looks or style.look(name for name, _ in groups)
        for name, rows in groups:
            rows = rows.sort_values(x)
            bars = None
            if {f"{y}_low", f"{y}_high"} <= set(table.columns):
                ends = rows[[f"{y}_low", f"{y}_high"]].to_numpy(float)
                bars = np.abs(np.stack([rows[y] - ends[:, 0], ends[:, 1] - rows[y]]))
            look = looks[name] if lines else {**looks[name], "linestyle": "none"}
            label = None if by is None else _name(names, name)
            self.axes.errorbar(rows[x], rows[y], yerr=bars, capsize=2, elinewidth=0.8, label=label, **look)
        if legend and by is not None and len(groups) > 1:
            self.legend()

    def heat(
        self,
        cells: pd.DataFrame,
        x: str,
        y: str,
        value: str = "rate",
        *,
        boundary: pd.DataFrame | None = None,
        theory: Mapping[str, tuple] | None = None,
        limits: tuple[float, float] = (0.0, 1.0),
        colour_map: str = style.SUCCESS_MAP,
        colour_label: str | None = "",
        xlog: bool = False,
        ylog: bool = False,
    ) -> QuadMesh:
        """A heat map over two axes, with the fitted transition and predicted curves on top.

        **Arguments:**

        - `cells`: one row per cell with the columns `x`, `y` and `value`. Cells that are not there stay blank.
        - `boundary`: fitted transitions with the columns `boundary`, `low`, `high` and exactly one of `x` and `y`; the
          transition then runs along the other. The line breaks where there is none; unbounded ends reach the edge.
        - `theory`: name to curve, a pair of arrays in the units of the axes.
        - `limits`: values at the ends of the colour map.
        - `colour_label`: label of the colour bar, by default that of `value`; None draws none.

        **Returns:** the mesh, for a colour bar shared by several panels.

        **Raises:** `ValueError` where a cell appears twice, or `boundary` has both or neither of the axes.
        """
        if cells.duplicated([x, y]).any():
            raise ValueError(f"several rows for one cell of {x} and {y}; select one curve family before drawing.")
        axes, grid = self.axes, cells.pivot(index=y, columns=x, values=value)
        horizontal, vertical = edges(grid.columns.to_numpy(float), xlog), edges(grid.index.to_numpy(float), ylog)
        # Rasterised: a vector cell shows hairlines between cells in most viewers.
        options = {"cmap": colour_map, "vmin": limits[0], "vmax": limits[1], "rasterized": True}
        mesh = axes.pcolormesh(horizontal, vertical, grid.to_numpy(float), **options)
        self._axes_of(x, y, xlog, ylog)
        axes.set(xlim=(horizontal[0], horizontal[-1]), ylim=(vertical[0], vertical[-1]))
        axes.spines[["top", "right"]].set_visible(True)
        if boundary is not None:
            _transition(axes, boundary, x, y, horizontal, vertical)
        for index, (name, curve) in enumerate((theory or {}).items()):
            look = {"linestyle": _THEORY_DASHES[index % len(_THEORY_DASHES)], "linewidth": 1.4, "zorder": 4}
            (line,) = axes.plot(*(np.asarray(each) for each in curve), color=style.ORANGE, label=name, **look)
            line.set_path_effects(_FINE_OUTLINE)
        if colour_label is not None:
            style.colour_bar(axes.figure, mesh, [axes], colour_label or self.label(value))
        return mesh

    def image(
        self,
        picture: np.ndarray,
        title: str | None = None,
        *,
        limits: tuple[float, float] | None = None,
        colour_map: str = style.IMAGE_MAP,
        **options,
    ) -> AxesImage:
        """A picture without ticks and frame; `limits` are the values at the ends of the colour map."""
        self.axes.set(xticks=[], yticks=[])
        self.axes.spines[:].set_visible(False)
        if title is not None:
            self.axes.set_title(title)
        low, high = limits or (np.nanmin(picture), np.nanmax(picture))
        return self.axes.imshow(picture, cmap=colour_map, vmin=low, vmax=high, **options)

    def ticks(self, **values) -> None:
        """Ticks at some values of an axis and nowhere else, written out: `panel.ticks(x=[1, 2, 4])`."""
        for name, places in values.items():
            axis = {"x": self.axes.xaxis, "y": self.axes.yaxis}[name]
            axis.set_ticks(list(places), [f"{place:g}" for place in places])
            axis.minorticks_off()

    def line(self, x, y, **look) -> None:
        """One line, thin and grey unless told otherwise: a prediction, or a guide to the eye."""
        self.axes.plot(x, y, **{"color": style.GREY, "linewidth": 0.9, "zorder": 1, **look})

    def mark(self, *, x: float | None = None, y: float | None = None, label: str | None = None) -> None:
        """A thin dashed line at a value, named at its end."""
        look = {"color": style.GREY, "linestyle": (0, (3, 2)), "linewidth": 0.8, "zorder": 1}
        text = {"color": style.GREY, "fontsize": 8, "path_effects": _HALO, "textcoords": "offset points"}
        if x is not None:
            self.axes.axvline(x, **look)
            if label:
                place = {"xycoords": ("data", "axes fraction"), "xytext": (3, -2), "va": "top"}
                self.axes.annotate(label, (x, 1), **place, **text)
        if y is not None:
            self.axes.axhline(y, **look)
            if label:
                place = {"xycoords": ("axes fraction", "data"), "xytext": (-2, 2), "ha": "right", "va": "bottom"}
                self.axes.annotate(label, (1, y), **place, **text)

    def legend(self, *, dark: bool = False, **options) -> None:
        """A legend; `dark` puts it on a plate that reads over a heat map."""
        if dark:
            plate = {"frameon": True, "framealpha": 0.9, "edgecolor": "none", "facecolor": "white", "borderpad": 0.5}
            options = {**plate, **options}
        self.axes.legend(**options)


def _groups(table: pd.DataFrame, by: str | list[str] | None) -> list[tuple[Hashable, pd.DataFrame]]:
    return [(None, table)] if by is None else list(table.groupby(by, sort=False, observed=True))


def _name(names: Names, value: Hashable) -> str:
    if callable(names):
        return names(value)
    return str((names or {}).get(value, value))


def edges(centres: np.ndarray, logarithmic: bool = False) -> np.ndarray:
    """Cell edges around sorted centres: midpoints inside, half a step beyond at the ends (in logarithms if asked)."""
    centres = np.log(centres) if logarithmic else np.asarray(centres, float)
    if len(centres) == 1:
        half = 0.5 if logarithmic else 0.5 * (abs(centres[0]) or 1.0)
        bounds = np.array([centres[0] - half, centres[0] + half])
    else:
        middles = (centres[1:] + centres[:-1]) / 2
        bounds = np.r_[2 * centres[0] - middles[0], middles, 2 * centres[-1] - middles[-1]]
    return np.exp(bounds) if logarithmic else bounds


def _transition(
    axes: Axes, boundary: pd.DataFrame, x: str, y: str, horizontal: np.ndarray, vertical: np.ndarray
) -> None:
    if (x in boundary) == (y in boundary):
        raise ValueError(f"a boundary needs exactly one of the columns {x!r} and {y!r}, the one it is a curve over.")
    over, limits = (x, vertical) if x in boundary else (y, horizontal)
    rows = boundary.sort_values(over)
    at, middle = rows[over].to_numpy(float), rows["boundary"].to_numpy(float)
    low, high = (np.clip(rows[end].to_numpy(float), limits[0], limits[-1]) for end in ("low", "high"))
    # Without a crossing there is no line, and a band from edge to edge would only hide the cells.
    shown = np.isfinite(middle)
    band = {"facecolor": "white", "alpha": 0.32, "linewidth": 0, "where": shown, "zorder": 2}
    line = {"color": "white", "linewidth": 1.5, "label": "fitted transition", "zorder": 3}
    if over == x:
        axes.fill_between(at, low, high, **band)
        (curve,) = axes.plot(at, middle, **line)
    else:
        axes.fill_betweenx(at, low, high, **band)
        (curve,) = axes.plot(middle, at, **line)
    curve.set_path_effects(_OUTLINE)
