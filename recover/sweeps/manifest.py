"""What a store says of its rows: which coordinates and which solver every lane belongs to.

    store/
      sweeps/<name>.json      one sweep as it was asked for: settings, axes, solvers, trials, and the cells with their lanes

Rows know their lanes by the digests of models and solvers, which only the code can make. A manifest is plain JSON, written
before the rows are computed, so that a store can be read without that code, and while a sweep runs.
"""

import collections
import dataclasses
import hashlib
import json
import logging
import pathlib
import re
import time
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from .files import set_aside, write_whole

_LOG = logging.getLogger("recover")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One entry of a sweep: its coordinates and solver, the lane that computes it, and the digest of the lane's code."""

    coordinates: tuple
    solver: Hashable
    lane: str
    source: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A sweep as it was asked for, at the time `written`; `name` is derived from all the rest."""

    settings: dict
    axes: dict[str, list]
    cells: list[Cell]
    trials: range
    written: float = dataclasses.field(default=0.0, compare=False)

    def write(self, store: pathlib.Path) -> None:
        """Writes the manifest, now, into the folder of a store; where nothing can be written, a word in the log says so."""
        content = self._as_json()
        path = store / "sweeps" / f"{_digest(content)}.json"
        try:
            if path.parent.exists() and not path.parent.is_dir():
                set_aside(path.parent)
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                set_aside(path)
            write_whole(path, json.dumps({"written": time.time(), **content}).encode())
        except OSError as error:
            if _read(path) is None:
                _LOG.warning(
                    "sweep: %s cannot be written (%s), so `Table.read` will not know these rows.", path, error.strerror
                )

    def _as_json(self) -> dict:
        solvers, sources = _places(cell.solver for cell in self.cells), _places(cell.source for cell in self.cells)
        places = [_places(values) for values in self.axes.values()]
        return {
            "settings": self.settings,
            "trials": [self.trials.start, self.trials.stop, self.trials.step],
            "axes": {name: _encoded(values) for name, values in self.axes.items()},
            "solvers": _encoded(solvers),
            "sources": list(sources),
            # By their places in the lists above.
            "cells": {
                "axes": {
                    name: [place[cell.coordinates[number]] for cell in self.cells]
                    for number, (name, place) in enumerate(zip(self.axes, places, strict=True))
                },
                "solver": [solvers[cell.solver] for cell in self.cells],
                "source": [sources[cell.source] for cell in self.cells],
                "lane": [cell.lane for cell in self.cells],
            },
        }

    @staticmethod
    def _from_json(content: dict) -> "Manifest":
        axes = {name: _decoded(values) for name, values in content["axes"].items()}
        solvers, sources, cells = _decoded(content["solvers"]), content["sources"], content["cells"]
        coordinates = [[axes[name][place] for place in cells["axes"][name]] for name in axes]
        found = [
            Cell(tuple(point), solvers[solver], lane, sources[source])
            for *point, solver, source, lane in zip(
                *coordinates, cells["solver"], cells["source"], cells["lane"], strict=True
            )
        ]
        return Manifest(content["settings"], axes, found, range(*content["trials"]), content["written"])


def manifests(store: pathlib.Path) -> dict[str, Manifest]:
    """The manifests of a store by name, those last asked for last; damaged ones are named in the log, and left out."""
    found = {}
    for path in sorted((store / "sweeps").glob("*.json")):
        manifest = _read(path)
        if manifest is None:
            _LOG.warning("%s is damaged; the sweep that wrote it writes it again.", path)
        else:
            found[path.stem] = manifest
    return dict(sorted(found.items(), key=lambda item: item[1].written))


def _read(path: pathlib.Path) -> Manifest | None:
    """The manifest in a file; `None` for any other content than what was written."""
    try:
        content = json.loads(path.read_bytes())
        rest = {name: value for name, value in content.items() if name != "written"}
        return Manifest._from_json(content) if _digest(rest) == path.stem else None
    except (OSError, ValueError, RecursionError, AttributeError, KeyError):
        return None


def _places(values: Iterable[Hashable]) -> dict[Hashable, int]:
    """Every value once, with its place in their order."""
    return {value: place for place, value in enumerate(dict.fromkeys(values))}


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()


def _encoded(values: Iterable) -> list:
    """Values as JSON: plain ones and tuples of them as they are, all else by the words that describe it."""
    found, seen = [], collections.Counter()
    for value in values:
        plain = _plain(value)
        known = _value(plain)
        seen[known] += 1
        # What is described by the same words stays apart.
        found.append(plain if seen[known] == 1 else {"words": f"{known} #{seen[known]}"})
    return found


def _plain(value) -> Any:
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is tuple:
        return {"tuple": [_plain(each) for each in value]}
    if type(value) is complex:
        return {"complex": [value.real, value.imag]}
    named = callable(value) and hasattr(value, "__qualname__")
    # An address in memory is another one the next time.
    return {"words": value.__qualname__ if named else re.sub(r" at 0x[0-9a-f]+", "", repr(value))}


def _decoded(values: Iterable) -> list:
    return [_value(each) for each in values]


def _value(encoded) -> Any:
    match encoded:
        case {"tuple": parts}:
            return tuple(_decoded(parts))
        case {"complex": parts}:
            return complex(*parts)
        case {"words": words}:
            return words
    return encoded
