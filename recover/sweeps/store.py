"""Rows on disk: written as they are made, resumed after any interruption.

    store/
      <settings>/settings.json        what all rows below have in common: seed, steps, sharing, precision, source
      <settings>/plans/<name>.json    the blocks that were decided on, before they ran
      <settings>/blocks/<name>.parquet   the rows of one block, with its provenance as file metadata

Every file is written under a temporary name and renamed, so a file that exists is whole. A plan fixes shapes and
paddings, so a resumed sweep runs the very blocks that an uninterrupted one would have run.
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from .files import write_whole
from .plan import Block


class Store:
    """The blocks of one sweep: a folder of rows for every version of code that its lanes are computed by.

    **Arguments:**

    - `path`: the folder of the store.
    - `settings`: what all rows have in common.
    - `sources`: the digest of the code of every lane, by the lane's name.
    """

    def __init__(self, path: str | os.PathLike, settings: dict, sources: Mapping[str, str]):
        self._path, self._settings, self._sources = pathlib.Path(path), settings, sources
        self._folders = {
            source: _Folder(self._path, {**settings, "source": source}) for source in set(sources.values())
        }
        self._of: dict[str, _Folder] = {}

    def planned(self) -> list[Block]:
        """All blocks that were ever decided on, oldest plan first."""
        found = {block: folder for folder in self._folders.values() for block in folder.planned()}
        self._of |= {block.name: folder for block, folder in found.items()}
        return list(found)

    def plan(self, blocks: list[Block]) -> None:
        """Records blocks as decided on."""
        for source, folder in self._folders.items():
            folder.plan([block for block in blocks if self._sources[block.lanes[0]] == source])

    def finished(self) -> set[str]:
        """Names of the blocks whose rows are on disk."""
        return {name for folder in self._folders.values() for name in folder.finished()}

    def write(self, block: Block, rows: dict[str, np.ndarray], provenance: dict) -> None:
        """Writes the rows of a block: arrays of shape (trials, lanes) or (trials, lanes, entries)."""
        self._folder(block).write(block, rows, provenance)

    def read(self, block: Block) -> tuple[dict[str, np.ndarray], dict]:
        """The rows of a finished block, flat, and its provenance."""
        return self._folder(block).read(block.name)

    def others(self) -> list[pathlib.Path]:
        """Folders with rows of the same settings by other code. They are kept, and never mixed with these."""
        found = []
        for path in sorted(self._path.glob("*/settings.json")):
            settings = json.loads(path.read_text())
            source = settings.pop("source", None)
            if settings == json.loads(json.dumps(self._settings)) and source not in self._folders:
                found.append(path.parent)
        return found

    def _folder(self, block: Block) -> "_Folder":
        return self._of.get(block.name) or self._folders[self._sources[block.lanes[0]]]


class _Folder:
    """Blocks of one set of settings; made when the first plan is recorded."""

    def __init__(self, path: pathlib.Path, settings: dict):
        encoded = json.dumps(settings, sort_keys=True).encode()
        self.folder = path / hashlib.blake2b(encoded, digest_size=8).hexdigest()
        self._settings = settings

    def planned(self) -> list[Block]:
        """All blocks that were ever decided on, oldest plan first."""
        plans = sorted((self.folder / "plans").glob("*.json"))
        return [Block.from_json(data) for path in plans for data in json.loads(path.read_text())]

    def plan(self, blocks: list[Block]) -> None:
        """Records blocks as decided on."""
        if not blocks:
            return
        for name in ("plans", "blocks"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        if not (self.folder / "settings.json").exists():
            readable = json.dumps(self._settings, indent=1, sort_keys=True)
            write_whole(self.folder / "settings.json", readable.encode())
        number = len(list((self.folder / "plans").glob("*.json")))
        encoded = json.dumps([block.as_json() for block in blocks]).encode()
        name = f"{number:06d}-{hashlib.blake2b(encoded, digest_size=6).hexdigest()}.json"
        write_whole(self.folder / "plans" / name, encoded)

    def finished(self) -> set[str]:
        """Names of the blocks whose rows are on disk."""
        return {path.stem for path in (self.folder / "blocks").glob("*.parquet")}

    def write(self, block: Block, rows: dict[str, np.ndarray], provenance: dict) -> None:
        """Writes the rows of a block: arrays of shape (trials, lanes) or (trials, lanes, entries)."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        count = block.rows
        columns = {
            "lane": pa.array(np.tile(np.asarray(block.lanes), len(block.trials))),
            "trial": pa.array(np.repeat(np.asarray(block.trials, np.int32), len(block.lanes))),
        }
        for name, values in rows.items():
            flat = values.reshape(count, *values.shape[2:])
            columns[name] = pa.array(list(flat)) if flat.ndim > 1 else pa.array(flat)
        table = pa.table(columns).replace_schema_metadata({"provenance": json.dumps(provenance)})
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        write_whole(self.folder / "blocks" / f"{block.name}.parquet", sink.getvalue())

    def read(self, name: str) -> tuple[dict[str, np.ndarray], dict]:
        """The rows of a finished block, flat, and its provenance."""
        import pyarrow.parquet as pq

        table = pq.read_table(self.folder / "blocks" / f"{name}.parquet")
        provenance = json.loads(table.schema.metadata[b"provenance"])
        rows = {}
        for column in table.column_names:
            values = table[column].combine_chunks()
            if str(values.type).startswith("list"):
                rows[column] = np.stack(values.to_numpy(zero_copy_only=False))
            else:
                rows[column] = values.to_numpy(zero_copy_only=False)
        return rows, provenance
