"""Rows on disk: written as they are made, resumed after any interruption.

    store/
      sweeps/<name>.json              what was asked for: which coordinates and which solver every lane belongs to
      <settings>/settings.json        what all rows below have in common: seed, steps, sharing, precision, source
      <settings>/plans/<name>.json    the blocks that were decided on, before they ran
      <settings>/blocks/<name>.parquet   the rows of one block, with its description, provenance and digest as file metadata

Every file is written under a temporary name and renamed, so a file that exists was whole once, and several processes may
write to one store. A plan fixes shapes and paddings, so a resumed sweep runs the very blocks that an uninterrupted one would
have run. What has been damaged since then is set aside under the ending `.damaged`, and made again.
"""

import hashlib
import json
import logging
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from .files import set_aside, write_whole
from .manifest import Cell, Manifest
from .plan import Block, Grid

_LOG = logging.getLogger("recover")


class DamagedError(Exception):
    """A file of a store that does not hold what was written; the message says what is wrong."""


class Store:
    """The blocks of one sweep: a folder of rows for every version of code that its lanes are computed by.

    **Arguments:**

    - `path`: the folder of the store; `~` is the user's home.
    - `settings`: what all rows have in common.
    - `sources`: the digest of the code of every lane, by the lane's name.
    - `repair`: whether damaged files are set aside; otherwise they only count as missing.

    **Raises:** `ValueError` for a path that is no folder.
    """

    def __init__(self, path: str | os.PathLike, settings: dict, sources: Mapping[str, str], repair: bool = True):
        self.path, self._settings, self._sources = pathlib.Path(path).expanduser(), settings, sources
        if not str(path) or not _may_be_folder(self.path):
            raise ValueError(f"sweep: `store` is {os.fspath(path)!r}; a folder, or the path of a new one, is allowed.")
        self._folders = {
            source: _Folder(self.path, {**settings, "source": source}, repair) for source in set(sources.values())
        }
        self._of: dict[str, _Folder] = {}
        self._rows: dict[str, tuple[dict[str, np.ndarray], dict]] = {}

    def planned(self) -> list[Block]:
        """All blocks that were ever decided on, oldest plan first."""
        found = {block: folder for folder in self._folders.values() for block in folder.planned()}
        self._of |= {block.name: folder for block, folder in found.items()}
        return list(found)

    def plan(self, blocks: list[Block]) -> None:
        """Records blocks as decided on."""
        for source, folder in self._folders.items():
            folder.plan([block for block in blocks if self._sources[block.lanes[0]] == source])

    def describe(self, grid: Grid, trials: range) -> None:
        """Records what was asked for, so that the rows can be read without the code that makes them."""
        told = grid if grid.told is None else grid.told
        cells = [Cell(entry.coordinates, entry.label, entry.lane, self._sources[entry.lane]) for entry in told.entries]
        Manifest(self._settings, told.axes, cells, trials).write(self.path)

    def whole(self, block: Block) -> bool:
        """Whether the rows of a block are on disk, and are what was written; they are kept for `read`."""
        if block.name not in self._rows:
            found = self._folder(block).read(block.name)
            if found is None:
                return False
            self._rows[block.name] = found
        return True

    def write(self, block: Block, rows: dict[str, np.ndarray], provenance: dict) -> None:
        """Writes the rows of a block: arrays of shape (trials, lanes) or (trials, lanes, entries)."""
        self._folder(block).write(block, rows, provenance)

    def read(self, block: Block) -> tuple[dict[str, np.ndarray], dict]:
        """The rows of a whole block, flat, and its provenance."""
        if not self.whole(block):
            raise DamagedError(f"the block {block.name} of {self.path} is not whole.")
        return self._rows.pop(block.name)

    def others(self) -> list[pathlib.Path]:
        """Folders with rows of the same settings by other code. They are kept, and never mixed with these."""
        found = []
        for path in sorted(self.path.glob("*/settings.json")):
            settings = _json(path)
            if not isinstance(settings, dict):
                _LOG.warning("%s cannot be read; the rows beside it are left alone.", path)
                continue
            source = settings.pop("source", None)
            if settings == json.loads(json.dumps(self._settings)) and source not in self._folders:
                found.append(path.parent)
        return found

    def _folder(self, block: Block) -> "_Folder":
        return self._of.get(block.name) or self._folders[self._sources[block.lanes[0]]]


def _may_be_folder(path: pathlib.Path) -> bool:
    try:
        return "\0" not in str(path) and (not path.exists() or path.is_dir())
    except OSError:  # a name that is too long
        return False


class _Folder:
    """Blocks of one set of settings; made when the first plan is recorded."""

    def __init__(self, path: pathlib.Path, settings: dict, repair: bool):
        encoded = json.dumps(settings, sort_keys=True).encode()
        self.folder = path / hashlib.blake2b(encoded, digest_size=8).hexdigest()
        self._settings, self._repair = settings, repair

    def planned(self) -> list[Block]:
        """All blocks that were ever decided on, oldest plan first, and those whose plan was lost."""
        found: dict[str, Block] = {}
        for path in sorted((self.folder / "plans").glob("*.json")):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                # Another process has set it aside.
                continue
            except IsADirectoryError:
                content = b""
            if path.stem.partition("-")[2] != _short_digest(content):
                self._set_aside(path, "its content is not that of its name", "what it planned is planned anew")
                continue
            found |= {block.name: block for block in map(Block.from_json, json.loads(content))}
        for path in sorted((self.folder / "blocks").glob("*.parquet")):
            if path.stem not in found:
                try:
                    block = _described(path)
                except (DamagedError, FileNotFoundError, IsADirectoryError):
                    # Nobody asks for it by its name.
                    continue
                found[block.name] = block
        return list(found.values())

    def plan(self, blocks: list[Block]) -> None:
        """Records blocks as decided on.

        **Raises:** `OSError` where nothing can be written, saying what is needed.
        """
        try:
            self._record(blocks)
        except OSError as error:
            text = f"sweep: nothing can be written to the store ({error.strerror}); a folder of your own is needed"
            raise type(error)(error.errno, text, str(self.folder)) from error

    def _record(self, blocks: list[Block]) -> None:
        settings = self.folder / "settings.json"
        if blocks or self.folder.is_dir():
            for path in (self.folder, self.folder / "plans", self.folder / "blocks"):
                if path.exists() and not path.is_dir():
                    self._set_aside(path, "it is no folder", "a folder takes its place")
                path.mkdir(parents=True, exist_ok=True)
        if self.folder.is_dir() and (blocks or settings.exists()) and _json(settings) != self._settings:
            if settings.exists():
                self._set_aside(settings, "it does not describe the rows beside it", "it is written again")
            write_whole(settings, json.dumps(self._settings, indent=1, sort_keys=True).encode())
        if not blocks:
            return
        number = len(list((self.folder / "plans").glob("*.json")))
        encoded = json.dumps([block.as_json() for block in blocks]).encode()
        name = f"{number:06d}-{_short_digest(encoded)}.json"
        write_whole(self.folder / "plans" / name, encoded)

    def write(self, block: Block, rows: dict[str, np.ndarray], provenance: dict) -> None:
        """Writes the rows of a block: arrays of shape (trials, lanes) or (trials, lanes, entries)."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        flat = {
            "lane": np.tile(np.asarray(block.lanes), len(block.trials)),
            "trial": np.repeat(np.asarray(block.trials, np.int32), len(block.lanes)),
            **{name: values.reshape(block.rows, *values.shape[2:]) for name, values in rows.items()},
        }
        described = {"block": json.dumps(block.as_json()), "provenance": json.dumps(provenance)}
        described["digest"] = _digest(flat, described)
        columns = {name: pa.array(list(values) if values.ndim > 1 else values) for name, values in flat.items()}
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(columns).replace_schema_metadata(described), sink)
        write_whole(self.folder / "blocks" / f"{block.name}.parquet", sink.getvalue())

    def read(self, name: str) -> tuple[dict[str, np.ndarray], dict] | None:
        """The rows of a block, flat, and its provenance; `None` where there are none, or none any more."""
        path = self.folder / "blocks" / f"{name}.parquet"
        try:
            if path.is_dir():
                raise DamagedError("it is a folder")
            rows, described = _parsed(path.read_bytes())
            if Block.from_json(json.loads(described["block"])).name != name:
                raise DamagedError("it holds the rows of another block")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except DamagedError as error:
            self._set_aside(path, str(error), "its rows are computed again")
            return None
        return rows, json.loads(described["provenance"])

    def _set_aside(self, path: pathlib.Path, why: str, then: str) -> None:
        if self._repair:
            _LOG.warning("%s is damaged: %s; it is kept as %s.damaged, and %s.", path, why, path.name, then)
            set_aside(path)
        else:
            _LOG.warning("%s is damaged: %s; it is left as it is.", path, why)


def _short_digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=6).hexdigest()


def _json(path: pathlib.Path):
    """The content of a file; `None` where there is none that can be read."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, ValueError, RecursionError):
        return None


def _described(path: pathlib.Path) -> Block:
    """The block that a file of rows says it holds."""
    return Block.from_json(json.loads(_parsed(path.read_bytes())[1]["block"]))


def _parsed(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The rows in a file, and what they are described by.

    **Raises:** `DamagedError` for anything but what was written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
        described = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        rows = {}
        for column in table.column_names:
            values = table[column].combine_chunks()
            plain = values.to_numpy(zero_copy_only=False)
            rows[column] = np.stack(plain) if str(values.type).startswith("list") else plain
        digest = described.pop("digest", None)
        if digest != _digest(rows, described):
            raise DamagedError("its content is not that of its digest")
    except DamagedError:
        raise
    except Exception as error:
        # What a parser says of a file that is cut short, or of any other bytes.
        raise DamagedError(f"it cannot be read ({error!s:.200})") from error
    return rows, described


def _digest(rows: dict[str, np.ndarray], described: Mapping[str, str]) -> str:
    """Digest of columns and of their description."""
    stream = hashlib.blake2b(digest_size=16)
    for key in ("block", "provenance"):
        stream.update(f"{key}={described[key]};".encode())
    for name, values in sorted(rows.items()):
        if values.dtype.kind in "OU":
            stream.update(f"{name}:{values.tolist()};".encode())
        else:
            stream.update(f"{name}:{values.dtype.str}:{values.shape};".encode())
            stream.update(np.ascontiguousarray(values).tobytes())
    return stream.hexdigest()
