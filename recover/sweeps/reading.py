"""Tables from a store alone: what its manifests say of the rows on disk."""

import dataclasses
import logging
import os
import pathlib
from collections.abc import Hashable, Iterable

import numpy as np

from ..core.results import result_names
from .manifest import Cell, Manifest, manifests
from .plan import Entry, Grid
from .request import identified
from .store import Store
from .table import Table

_LOG = logging.getLogger("recover")


class UnknownGrid:
    """The grid of a table that was read from a store, which keeps numbers, and no models: all that it has raises `ValueError`."""

    @property
    def entries(self):
        """What is not known."""
        raise ValueError(
            "grid: this table was read from a store, which keeps rows and no models; the table that `sweep` returns, with the "
            "same arguments and the same `store=`, has them, and computes nothing again."
        )

    axes = lanes = entries

    def within(self, axes: dict[str, list], labels: list | None) -> "UnknownGrid":
        """A part of it is as unknown."""
        return self


def read_table(store: str | os.PathLike, sweep: str | None = None) -> Table:
    """`Table.read`."""
    if not isinstance(store, (str, os.PathLike)):
        raise ValueError(f"read: `store` is {store!r}; the path of a folder is allowed.")
    path = pathlib.Path(store).expanduser()
    known = manifests(path) if path.is_dir() else {}
    if not known:
        raise ValueError(f"read: `store` is {os.fspath(store)!r}, {_why_not(path)}.")
    if sweep is not None and not (isinstance(sweep, str) and sweep in known):
        raise ValueError(f"read: `sweep` is {sweep!r}; allowed, among others, are{_listed(known)}")
    chosen = _together(known, sweep)
    settings, cells, axes = chosen[-1].settings, _cells(chosen), _axes(chosen)
    trials, asked = _asked(chosen, cells)
    sources = {cell.lane: cell.source for cell in cells}
    parts, records = _rows(Store(path, settings, sources, repair=False), sources)
    if not parts:
        raise ValueError(f"read: `store` is {os.fspath(store)!r}, whose rows are still to be computed.")
    trials = np.union1d(trials, np.concatenate([part["trial"] for part in parts]))
    entries = [Entry(cell.coordinates, cell.solver, cell.lane) for cell in cells]
    table = Table.assemble(Grid(axes, entries, {}), trials, parts, records, identified(settings, sources.values()))
    if len(table.frame) < asked:
        _LOG.warning("read: %s holds %d of the %d rows that were asked for.", path, len(table.frame), asked)
    return dataclasses.replace(table, grid=UnknownGrid())


def _why_not(path: pathlib.Path) -> str:
    """Why nothing is known of the rows in a folder."""
    if not path.is_dir():
        return (
            "where there is no folder; one that `sweep(..., store=)` or `trace_boundary(..., store=)` wrote is allowed"
        )
    if not any(path.glob("*/blocks")):
        return "a folder without rows; one that `sweep(..., store=)` or `trace_boundary(..., store=)` wrote is allowed"
    return (
        "whose rows do not say which cells they belong to, as an earlier version wrote them; call the same `sweep` again, with "
        "the same `store=`: it computes nothing that is there, and writes what is missing"
    )


def _kind(manifest: Manifest) -> tuple:
    """What sweeps must have in common to be one table."""
    return repr(sorted(manifest.settings.items())), tuple(manifest.axes)


def _listed(known: dict[str, Manifest]) -> str:
    """The last sweep of every kind, one a line."""
    lines = []
    for name, manifest in {_kind(manifest): (name, manifest) for name, manifest in known.items()}.values():
        axes = " x ".join(f"{len(values)} {axis}" for axis, values in manifest.axes.items())
        solvers = ", ".join(dict.fromkeys(str(cell.solver) for cell in manifest.cells))
        settings = ", ".join(f"{key} {value}" for key, value in manifest.settings.items() if value is not None)
        lines.append(f"  {name!r}: {axes}, {solvers}, {len(manifest.trials)} trials, {settings}")
    return "\n" + "\n".join(lines)


def _together(known: dict[str, Manifest], sweep: str | None) -> list[Manifest]:
    """The sweeps that one table holds: the one that is wanted, or the last one, and all that do not contradict it.

    **Raises:** `ValueError` for sweeps of different settings or axes of which none is wanted.
    """
    if sweep is None and len(set(map(_kind, known.values()))) > 1:
        raise ValueError(
            f"read: `store` holds sweeps of different settings or axes; say which one by `sweep=`:{_listed(known)}"
        )
    wanted = list(known)[-1] if sweep is None else sweep
    lanes: dict[tuple, str] = {}
    sources: dict[Hashable, set[str]] = {}
    taken = []
    for name in [wanted, *(name for name in reversed(known) if name != wanted)]:
        manifest = known[name]
        if _kind(manifest) != _kind(known[wanted]):
            continue
        own = {(cell.coordinates, cell.solver): cell.lane for cell in manifest.cells}
        codes: dict[Hashable, set[str]] = {cell.solver: set() for cell in manifest.cells}
        for cell in manifest.cells:
            codes[cell.solver].add(cell.source)
        same_cells = all(lanes.get(place, lane) == lane for place, lane in own.items())
        if same_cells and all(found <= sources.get(solver, found) for solver, found in codes.items()):
            taken.append(manifest)
            lanes, sources = {**own, **lanes}, {**codes, **sources}
        else:
            _LOG.warning(
                "read: the rows of sweep %r are by other code, or of other models, than those of %r with the same solvers; they "
                "are left out, and `sweep=%r` reads them.",
                *(name, wanted, name),
            )
    return taken[::-1]


def _cells(chosen: list[Manifest]) -> list[Cell]:
    """All cells, in the order of the grid."""
    found = {(cell.coordinates, cell.solver): cell for manifest in chosen for cell in manifest.cells}
    places = [{value: place for place, value in enumerate(values)} for values in _axes(chosen).values()]
    return sorted(
        found.values(), key=lambda cell: [place[value] for place, value in zip(places, cell.coordinates, strict=True)]
    )


def _axes(chosen: list[Manifest]) -> dict[str, list]:
    """The values of every axis, in order where all sweeps had them in order."""
    axes = {}
    for name in chosen[-1].axes:
        given = [manifest.axes[name] for manifest in chosen]
        values = list(dict.fromkeys(value for each in given for value in each))
        numbers = all(type(value) in (int, float) for value in values)
        ordered = numbers and all(each == sorted(each) for each in given)
        axes[name] = sorted(values) if ordered else values
    return axes


def _asked(chosen: list[Manifest], cells: list[Cell]) -> tuple[np.ndarray, int]:
    """The trials that were asked for, and how many rows in all."""
    trials = np.unique(np.concatenate([np.asarray(manifest.trials) for manifest in chosen]))
    asked = np.zeros((len(cells), len(trials)), bool)
    place = {(cell.coordinates, cell.solver): number for number, cell in enumerate(cells)}
    for manifest in chosen:
        rows = [place[cell.coordinates, cell.solver] for cell in manifest.cells]
        asked[np.ix_(rows, np.searchsorted(trials, np.asarray(manifest.trials)))] = True
    return trials, int(asked.sum())


def _rows(store: Store, lanes: Iterable[str]) -> tuple[list[dict], list[dict]]:
    """The rows of all whole blocks of some lanes, and where they come from."""
    parts, records, wanted = [], [], set(lanes)
    for block in store.planned():
        if not wanted.isdisjoint(block.lanes) and store.whole(block):
            rows, provenance = store.read(block)
            rows["result"] = result_names(rows["result"])
            parts.append({**rows, "block": np.full(block.rows, len(parts), np.int32)})
            records.append(provenance)
    return parts, records
