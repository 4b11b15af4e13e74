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
import tempfile

import numpy as np

from .plan import Block


class Store:
    """A folder of blocks for one set of settings; made when the first plan is recorded."""

    def __init__(self, path: str | os.PathLike, settings: dict):
        encoded = json.dumps(settings, sort_keys=True).encode()
        self.folder = pathlib.Path(path) / hashlib.blake2b(encoded, digest_size=8).hexdigest()
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
            _write_atomically(self.folder / "settings.json", readable.encode())
        number = len(list((self.folder / "plans").glob("*.json")))
        encoded = json.dumps([block.as_json() for block in blocks]).encode()
        name = f"{number:06d}-{hashlib.blake2b(encoded, digest_size=6).hexdigest()}.json"
        _write_atomically(self.folder / "plans" / name, encoded)

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
        _write_atomically(self.folder / "blocks" / f"{block.name}.parquet", sink.getvalue())

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


def _write_atomically(path: pathlib.Path, content) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise
