"""What experiments leave behind for figures to draw.

results/<paper>/<profile>/paper.json
results/<paper>/<profile>/<figure>/figure.json
results/<paper>/<profile>/<figure>/<table>.parquet
results/<paper>/<profile>/<figure>/resamples/<table>.parquet   the table on resampled trials
results/<paper>/<profile>/<figure>/rows/<sweep>/      the sweep's store
"""

import hashlib
import json
import os
import pathlib
import time
from typing import Any

import pandas as pd

from recover import Table
from recover.sweeps.closure import TREE, module_root
from recover.sweeps.provenance import commit, machine, versions

from .config import FigureConfig, PaperConfig

# What a figure's blocks took, all together; the parts of `compile_seconds` follow it.
_SECONDS = ("compile_seconds", "trace_seconds", "lower_seconds", "xla_seconds", "cache_seconds", "run_seconds")


def figure_folder(results: pathlib.Path, config: PaperConfig, figure: FigureConfig) -> pathlib.Path:
    """Where a figure's tables go."""
    return results / config.slug / config.profile / figure.name


def code_digest(figure: FigureConfig) -> str:
    """Digest of all code that a figure's tables depend on: what its module reaches by imports."""
    root = module_root(type(figure.numbers).__module__)
    return TREE.digest([root] if root else [])


def is_current(results: pathlib.Path, config: PaperConfig, figure: FigureConfig) -> bool:
    """Whether a figure's tables were made from this configuration by this code, and are still what was written."""
    found = _description(figure_folder(results, config, figure))
    current = found.get("config_hash") == figure.config_hash and found.get("code") == code_digest(figure)
    return current and not damaged_files(results, config, figure)


def damaged_files(results: pathlib.Path, config: PaperConfig, figure: FigureConfig) -> list[pathlib.Path]:
    """Files of a figure that was computed that are missing, or not what was written: its description, and its tables."""
    folder = figure_folder(results, config, figure)
    path = folder / "figure.json"
    if not path.exists():
        return []
    files = _description(folder).get("files")
    if not isinstance(files, dict):
        return [path]
    return [folder / name for name, digest in files.items() if _digest(folder / name) != digest]


def _description(folder: pathlib.Path) -> dict[str, Any]:
    """What figure.json says; nothing where there is none, or none that can be read."""
    try:
        found = json.loads((folder / "figure.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(path: pathlib.Path) -> str | None:
    try:
        return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    except OSError:
        return None


def write_paper(results: pathlib.Path, config: PaperConfig) -> None:
    """Writes what the page says of the paper itself."""
    folder = results / config.slug / config.profile
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "paper.json", {"slug": config.slug, **config.paper.model_dump()})


def write_figure(
    results: pathlib.Path,
    config: PaperConfig,
    figure: FigureConfig,
    tables: dict[str, pd.DataFrame],
    resampled: dict[str, pd.DataFrame],
    swept: dict[str, Table],
    code: str,
    started: float,
) -> None:
    """Writes a figure's tables, then its description with their digests, so that a description on disk means whole tables.

    `code` is the digest that the code had when the computation began: what was edited since then has computed nothing.
    """
    folder = figure_folder(results, config, figure)
    written = []
    for place, frames in ((folder, tables), (folder / "resamples", resampled)):
        place.mkdir(parents=True, exist_ok=True)
        for name, frame in frames.items():
            _write(place / f"{name}.parquet", frame.to_parquet())
            written.append(place / f"{name}.parquet")
        for path in set(place.glob("*.parquet")) - set(written):
            path.unlink()
    description = {
        **_words(config, figure),
        "profile": config.profile,
        "trials": max((table.frame["trial"].nunique() for table in swept.values()), default=_trials(figure)),
        "configuration": figure.configuration,
        "config_hash": figure.config_hash,
        "code": code,
        "files": {path.relative_to(folder).as_posix(): _digest(path) for path in written},
        "provenance": _provenance(swept, time.time() - started),
        "started": started,
        "finished": time.time(),
    }
    _write_json(folder / "figure.json", description)


def refresh_words(results: pathlib.Path, config: PaperConfig, figure: FigureConfig) -> None:
    """Brings what a figure says, which no table depends on, up to date with the configuration."""
    path = figure_folder(results, config, figure) / "figure.json"
    found = json.loads(path.read_text())
    if (fresh := {**found, **_words(config, figure)}) != found:
        _write_json(path, fresh)


def _words(config: PaperConfig, figure: FigureConfig) -> dict[str, Any]:
    return {
        "paper": config.slug,
        "figure": figure.name,
        "title": figure.title,
        "caption": figure.caption,
        "inferred": figure.inferred,
        "reference": figure.reference,
    }


def _trials(figure: FigureConfig) -> int:
    """The number of trials of a figure that is computed without a sweep; 0 where nothing is random."""
    return int(getattr(figure.numbers, "trials", 0))


def _provenance(swept: dict[str, Table], seconds: float) -> dict[str, Any]:
    blocks = pd.concat([table.provenance for table in swept.values()]) if swept else pd.DataFrame()
    total = {name: float(blocks[name].sum()) if name in blocks else 0.0 for name in _SECONDS}
    return {
        "commit": commit(),
        "versions": versions(),
        **machine(),
        "dtype": ", ".join(sorted(set(blocks["dtype"]))) if "dtype" in blocks else "float32",
        "instances": int(sum(len(table.frame) for table in swept.values())),
        "programs": int((blocks["compile_seconds"] > 0.05).sum()) if len(blocks) else 0,
        "cache_hits": int(blocks["cache_hits"].sum()) if "cache_hits" in blocks else 0,
        **total,
        "total_seconds": seconds,
    }


def _write_json(path: pathlib.Path, data: dict) -> None:
    _write(path, json.dumps(data, indent=1, allow_nan=False).encode())


def _write(path: pathlib.Path, content: bytes) -> None:
    """Writes a file under a temporary name and renames it, so that what was there stays until the new one is whole."""
    temporary = path.with_name(f".writing-{os.getpid()}-{path.name}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
