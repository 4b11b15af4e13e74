"""Panels that papers share: tables in, axes filled. Every panel takes labels with units; none invents one."""

from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from . import style

# Lines over a heat map need contrast with both of its ends.
_OUTLINE = [patheffects.withStroke(linewidth=2.6, foreground="black", alpha=0.75)]
_FINE_OUTLINE = [patheffects.withStroke(linewidth=2.0, foreground="black", alpha=0.65)]
# Gaps wide enough that the outlines of neighbouring dashes do not close them.
_THEORY_DASHES = ((0, (5, 2)), (0, (1.3, 2)), (0, (5, 2, 1.3, 2)), (0, (9, 2)))
# Small type next to curves stays legible where it crosses one.
_HALO = [patheffects.withStroke(linewidth=2.0, foreground="white")]


def phase_diagram(
    axes: Axes,
    cells: pd.DataFrame,
    x: str,
    y: str,
    *,
    xlabel: str,
    ylabel: str,
    value: str = "rate",
    boundary: pd.DataFrame | None = None,
    theory: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    limits: tuple[float, float] = (0.0, 1.0),
    colour_map: str = style.SUCCESS_MAP,
    colour_label: str | None = "success rate",
    xlog: bool = False,
    ylog: bool = False,
) -> QuadMesh:
    """Draw a rate over two axes as a heat map, with the fitted transition and predicted curves on top.

    Arguments:
        axes: the panel.
        cells: one row per cell with the columns `x`, `y` and `value`. Cells that are not there stay blank.
        x: column of the horizontal axis.
        y: column of the vertical axis.
        xlabel: its label, with units.
        ylabel: its label, with units.
        value: column that is coloured.
        boundary: fitted transitions with the columns `boundary`, `low`, `high` and exactly one of `x` and `y`; the
            transition then runs along the other. The line breaks where there is none; unbounded ends reach the edge.
        theory: name to curve, a pair of arrays in the units of the axes.
        limits: values at the ends of the colour map.
        colour_map: name of the map.
        colour_label: label of the colour bar; None draws none.
        xlog: logarithmic horizontal axis.
        ylog: logarithmic vertical axis.

    Returns:
        The mesh, for a colour bar shared by several panels.

    Raises:
        ValueError: a cell appears twice, or `boundary` has both or neither of the axes.
    """
    if cells.duplicated([x, y]).any():
        raise ValueError(f"several rows for one cell of {x} and {y}; select one curve family before drawing.")
    grid = cells.pivot(index=y, columns=x, values=value)
    horizontal, vertical = edges(grid.columns.to_numpy(float), xlog), edges(grid.index.to_numpy(float), ylog)
    # Rasterised: a vector cell shows hairlines between cells in most viewers.
    mesh = axes.pcolormesh(
        horizontal, vertical, grid.to_numpy(float), cmap=colour_map, vmin=limits[0], vmax=limits[1], rasterized=True
    )
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if xlog:
        axes.set_xscale("log")
    if ylog:
        axes.set_yscale("log")
    axes.set_xlim(horizontal[0], horizontal[-1])
    axes.set_ylim(vertical[0], vertical[-1])
    axes.spines[["top", "right"]].set_visible(True)
    if boundary is not None:
        _transition(axes, boundary, x, y, horizontal, vertical)
    for index, (name, (along_x, along_y)) in enumerate((theory or {}).items()):
        dashes = _THEORY_DASHES[index % len(_THEORY_DASHES)]
        line = axes.plot(
            np.asarray(along_x),
            np.asarray(along_y),
            color=style.ORANGE,
            linestyle=dashes,
            label=name,
            linewidth=1.4,
            zorder=4,
        )
        line[0].set_path_effects(_FINE_OUTLINE)
    if colour_label is not None:
        style.colour_bar(axes.figure, mesh, [axes], colour_label)
    return mesh


def curves(
    axes: Axes,
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    xlabel: str,
    ylabel: str,
    by: str | list[str] | None = None,
    low: str | None = "low",
    high: str | None = "high",
    names: Mapping[Hashable, str] | Callable[[Hashable], str] | None = None,
    looks: Mapping[Hashable, dict] | None = None,
    markers: bool = True,
    xlog: bool = False,
    ylog: bool = False,
) -> None:
    """Draw one line per value of `by`, with its interval as a band where the table has one.

    Arguments:
        axes: the panel.
        table: the rows.
        x: horizontal column.
        y: vertical column.
        xlabel: label with units.
        ylabel: label with units.
        by: column whose values are separate lines, in order of appearance.
        low: column of the lower end of the interval; ignored where the table lacks it.
        high: column of the upper end.
        names: what to call the values of `by` in the legend.
        looks: colour, marker and dashes of each value, from `style.look`, to agree with other panels.
        markers: mark the points.
        xlog: logarithmic horizontal axis.
        ylog: logarithmic vertical axis.
    """
    # The scale comes first, so that the limits found for the bands are those of the scale.
    if xlog:
        axes.set_xscale("log")
    if ylog:
        axes.set_yscale("log")
    groups = _groups(table, by)
    looks = looks or style.look(name for name, _ in groups)
    bands = low is not None and high is not None and {low, high} <= set(table.columns)
    drawn = []
    for name, rows in groups:
        rows = rows.sort_values(x)
        look = dict(looks[name])
        if not markers:
            look["marker"] = ""
        label = None if by is None else _name(names, name)
        axes.plot(rows[x], rows[y], label=label, **look)
        drawn.append((rows, look["color"]))
    if bands:
        for rows, _ in drawn:
            finite = rows[[low, high]].to_numpy(float)
            # Only finite ends may set the limits; unbounded ones then run to the edge of the panel.
            points = [(at, end) for at, ends in zip(rows[x], finite, strict=True) for end in ends if np.isfinite(end)]
            if points:
                axes.update_datalim(points)
        axes.autoscale_view()
        bottom, top = axes.get_ylim()
        for rows, colour in drawn:
            ends = np.clip(rows[[low, high]].to_numpy(float), min(bottom, top), max(bottom, top))
            axes.fill_between(rows[x], ends[:, 0], ends[:, 1], color=colour, alpha=0.16, linewidth=0)
        axes.set_ylim(bottom, top)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if by is not None and len(groups) > 1:
        legend(axes)


def traces(
    axes: Axes,
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    xlabel: str,
    ylabel: str,
    by: str | None = None,
    quantiles: tuple[float, float] = (0.1, 0.9),
    names: Mapping[Hashable, str] | None = None,
    looks: Mapping[Hashable, dict] | None = None,
    ylog: bool = True,
) -> None:
    """Draw the median over trials against steps, with a band between two quantiles: how solvers converge.

    Rows that agree in `x` and `by` are the trials. An infinite or missing value counts as the largest, so a diverged
    trial pulls the quantiles up and never vanishes from them.
    """
    filled = table.assign(**{y: table[y].astype(float).fillna(np.inf)})
    keys = [x] if by is None else [by, x]
    grouped = filled.groupby(keys, sort=False, observed=True)[y]

    def ranked(level: float) -> pd.Series:
        return grouped.quantile(level, interpolation="higher").replace(np.inf, np.nan)

    lowest, middle, highest = ranked(quantiles[0]), ranked(0.5), ranked(quantiles[1])
    summary = pd.DataFrame({y: middle, "low": lowest, "high": highest.fillna(np.inf)}).reset_index()
    curves(
        axes,
        summary,
        x,
        y,
        xlabel=xlabel,
        ylabel=ylabel,
        by=by,
        names=names,
        looks=looks,
        markers=False,
        ylog=ylog,
    )


def images(
    axes: np.ndarray,
    pictures: Sequence[Sequence[np.ndarray | None]],
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
    colour_map: str = style.IMAGE_MAP,
    colour_label: str | None = None,
) -> list[AxesImage]:
    """Show a grid of pictures, all on one scale, labelled at the left and at the top.

    Arguments:
        axes: panels of shape `(rows, columns)`.
        pictures: rows of arrays of shape `(height, width)` or `(height, width, 3)`; None leaves a panel empty.
        row_labels: one per row.
        column_labels: one per column.
        limits: values shown as the ends of the map; by default the extremes over all pictures.
        colour_map: name of the map.
        colour_label: label of a colour bar shared by all; None draws none.

    Returns:
        The images drawn.
    """
    arrays = [np.asarray(picture, float) for row in pictures for picture in row if picture is not None]
    if limits is None:
        limits = (min(np.nanmin(a) for a in arrays), max(np.nanmax(a) for a in arrays))
    drawn = []
    for i, row in enumerate(pictures):
        for j, picture in enumerate(row):
            panel = axes[i, j]
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
            if picture is not None:
                drawn.append(panel.imshow(picture, cmap=colour_map, vmin=limits[0], vmax=limits[1]))
            if i == 0 and j < len(column_labels):
                panel.set_title(column_labels[j])
            if j == 0 and i < len(row_labels):
                panel.set_ylabel(row_labels[i])
    if colour_label is not None and drawn:
        axes[0, 0].figure.colorbar(drawn[0], ax=axes, label=colour_label, fraction=0.03, pad=0.02, aspect=30)
    return drawn


def reference_line(
    axes: Axes, *, x: float | None = None, y: float | None = None, label: str | None = None, colour: str = style.GREY
) -> None:
    """Draw a thin dashed line at a value, named at its end."""
    if x is not None:
        axes.axvline(x, color=colour, linestyle=(0, (3, 2)), linewidth=0.8, zorder=1)
        if label:
            axes.annotate(
                label, (x, 1), xycoords=("data", "axes fraction"), xytext=(3, -2), textcoords="offset points",
                va="top", color=colour, fontsize=8, path_effects=_HALO,
            )  # fmt: skip
    if y is not None:
        axes.axhline(y, color=colour, linestyle=(0, (3, 2)), linewidth=0.8, zorder=1)
        if label:
            axes.annotate(
                label, (1, y), xycoords=("axes fraction", "data"), xytext=(-2, 2), textcoords="offset points",
                ha="right", va="bottom", color=colour, fontsize=8, path_effects=_HALO,
            )  # fmt: skip


def legend(axes: Axes, *, dark: bool = False, **options) -> None:
    """Add a legend; `dark` puts it on a plate that reads over a heat map."""
    if dark:
        plate = {"frameon": True, "framealpha": 0.9, "edgecolor": "none", "facecolor": "white", "borderpad": 0.5}
        options = {**plate, **options}
    axes.legend(**options)


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


def legend_above(drawing: Figure, axes: Axes, columns: int, **options) -> None:
    """One legend above all panels, from the curves of one of them; legends within panels go."""
    handles, labels = axes.get_legend_handles_labels()
    for panel in drawing.axes:
        if panel.get_legend() is not None:
            panel.get_legend().remove()
    drawing.legend(handles, labels, loc="outside upper center", ncols=columns, **options)


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
        names: Mapping[Hashable, str] | Callable[[Hashable], str] | None = None,
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
        curves(
            self.axes,
            table,
            x,
            y,
            xlabel=self.label(x),
            ylabel=self.label(y),
            by=by,
            low=f"{y}_low" if band else None,
            high=f"{y}_high" if band else None,
            names=names,
            looks=looks,
            markers=markers,
            xlog=xlog,
            ylog=ylog,
        )
        if not legend and self.axes.get_legend() is not None:
            self.axes.get_legend().remove()

    def points(
        self,
        table: pd.DataFrame,
        x: str,
        y: str,
        *,
        by: str | list[str] | None = None,
        names: Mapping[Hashable, str] | Callable[[Hashable], str] | None = None,
        looks: Mapping[Hashable, dict] | None = None,
        lines: bool = True,
        legend: bool = True,
        xlog: bool = False,
        ylog: bool = False,
    ) -> None:
        """Points with bars from `<y>_low` to `<y>_high` where the table has them, joined by lines, per value of `by`."""
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
        self.axes.set(xlabel=self.label(x), ylabel=self.label(y))
        if xlog:
            self.axes.set_xscale("log")
        if ylog:
            self.axes.set_yscale("log")
        if legend and by is not None and len(groups) > 1:
            self.legend()

    def heat(self, cells: pd.DataFrame, x: str, y: str, value: str = "rate", **options) -> QuadMesh:
        """A heat map over two axes with fitted transition and predicted curves on top; see `phase_diagram`."""
        options = {"colour_label": self.label(value), **options}
        return phase_diagram(self.axes, cells, x, y, xlabel=self.label(x), ylabel=self.label(y), value=value, **options)

    def image(
        self,
        picture: np.ndarray,
        title: str | None = None,
        *,
        limits: tuple[float, float] | None = None,
        colour_map: str = style.IMAGE_MAP,
        **options,
    ) -> AxesImage:
        """A picture without ticks; `limits` are the values at the ends of the colour map."""
        self.axes.set(xticks=[], yticks=[])
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
        reference_line(self.axes, x=x, y=y, label=label)

    def legend(self, *, dark: bool = False, **options) -> None:
        """A legend; `dark` puts it on a plate that reads over a heat map."""
        legend(self.axes, dark=dark, **options)


def _groups(table: pd.DataFrame, by: str | list[str] | None) -> list[tuple[Hashable, pd.DataFrame]]:
    return [(None, table)] if by is None else list(table.groupby(by, sort=False, observed=True))


def _name(names: Mapping[Hashable, str] | Callable[[Hashable], str] | None, value: Hashable) -> str:
    if callable(names):
        return names(value)
    return str((names or {}).get(value, value))
