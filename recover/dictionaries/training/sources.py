"""Activations on disk, and the order in which training sees them."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...core.checks import require_integer
from ...core.data import number as one_number
from ...core.data import shown

__all__ = ["ActivationFile", "ShuffledBatches"]

# A file larger than so many pieces of so many bytes is told from others by that much of it.
_PIECES, _PIECE = 256, 1 << 20


def _given(owner: str, name: str, value):
    """A value that is needed."""
    if value is None:
        raise ValueError(f"{owner}: `{name}` is None; a value is needed, and an integer is allowed.")
    return value


class ActivationFile:
    """Rows of activations in one or several files of which only the rows asked for are read.

    Files are `.npy` (memory-mapped) or `.safetensors`, of any floating type that NumPy knows; leading axes, as those of
    documents and positions, are taken as one axis of rows.
    """

    def __init__(self, paths, *, tensor: str | None = None, scale: float = 1.0):
        """**Arguments:**

        - `paths`: a path, or several whose rows follow each other.
        - `tensor`: the name of the tensor in safetensors files; not needed where there is only one.
        - `scale`: rows are multiplied by this number, for instance to a mean square norm of one.

        **Raises:** `ValueError` for a file of another kind, a missing tensor, or rows of different lengths.
        """
        given = list(paths) if isinstance(paths, (list, tuple)) else [paths]
        wrong = [each for each in given if not isinstance(each, (str, os.PathLike))]
        if wrong:
            raise TypeError(f"ActivationFile: `paths` is {shown(wrong[0])}; a path, or a list of paths, is allowed.")
        if not given:
            raise ValueError("ActivationFile: `paths` is empty; at least one file is needed.")
        self.paths = tuple(pathlib.Path(path).expanduser() for path in given)
        if scale is None:
            raise ValueError("ActivationFile: `scale` is None; a positive number is allowed.")
        self.scale = float(one_number("ActivationFile", "scale", scale, "positive", np.float32))
        self._parts = [_opened(path, tensor) for path in self.paths]
        widths = {part.dimension for part in self._parts}
        if len(widths) > 1:
            raise ValueError(f"ActivationFile: rows have lengths {sorted(widths)}; one length is allowed.")
        self._ends = np.cumsum([part.rows for part in self._parts])

    @property
    def rows(self) -> int:
        """Number of rows in all files."""
        return int(self._ends[-1])

    @property
    def dimension(self) -> int:
        """Length of a row."""
        return self._parts[0].dimension

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows `start` to `stop` as float32.

        **Raises:** `ValueError` for a row that is not finite, by the name of its file and its number there.
        """
        pieces = []
        for path, part, end in zip(self.paths, self._parts, self._ends, strict=True):
            first = int(end) - part.rows
            low, high = max(start, first), min(stop, int(end))
            if low < high:
                piece = np.asarray(part.read(low - first, high - first), np.float32)
                _require_finite(path, piece, low - first)
                pieces.append(piece)
        found = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return found * np.float32(self.scale) if self.scale != 1 else found

    def identity(self) -> list:
        """What a checkpoint remembers of the data: names, sizes, contents and scale."""
        files = [[path.name, path.stat().st_size, _content(path)] for path in self.paths]
        return [files, self.rows, self.dimension, self.scale]


def _content(path: pathlib.Path) -> str:
    """Digest of a file: of all of it, or of pieces of a large one, spread evenly over it."""
    stream, size = hashlib.blake2b(digest_size=16), path.stat().st_size
    with path.open("rb") as file:
        if size <= _PIECES * _PIECE:
            while content := file.read(_PIECE):
                stream.update(content)
        else:
            for number in range(_PIECES):
                file.seek(number * (size - _PIECE) // (_PIECES - 1))
                stream.update(file.read(_PIECE))
    return stream.hexdigest()


def _require_finite(path: pathlib.Path, rows: np.ndarray, first: int) -> None:
    # A sum is not finite where an entry is not, and costs no array; it may also overflow.
    with np.errstate(all="ignore"):
        if np.isfinite(rows.sum()):
            return
    bad = ~np.isfinite(rows).all(axis=1)
    if bad.any():
        raise ValueError(
            f"ActivationFile: row {first + int(np.argmax(bad))} of {path} is not finite ({int(bad.sum())} of the {len(rows)} rows "
            "that were read with it); finite activations in single precision are allowed. Leave such rows out."
        )


@dataclasses.dataclass(frozen=True)
class _Numpy:
    array: np.ndarray

    @property
    def rows(self):
        return self.array.shape[0]

    @property
    def dimension(self):
        return self.array.shape[1]

    def read(self, start, stop):
        return self.array[start:stop]


@dataclasses.dataclass(frozen=True)
class _Safetensors:
    slices: object
    shape: tuple[int, ...]

    @property
    def rows(self):
        return int(np.prod(self.shape[:-1]))

    @property
    def dimension(self):
        return self.shape[-1]

    def read(self, start, stop):
        inner = int(np.prod(self.shape[1:-1]))
        if inner == 1:
            return self.slices[start:stop].reshape(stop - start, self.dimension)
        # Whole leading entries are read, and cut.
        first = start // inner
        found = self.slices[first : -(-stop // inner)].reshape(-1, self.dimension)
        return found[start - first * inner : stop - first * inner]


def _opened(path: pathlib.Path, tensor: str | None):
    if not path.is_file():
        raise ValueError(f"ActivationFile: there is no file {path}.")
    if path.suffix == ".npy":
        try:
            array = np.load(path, mmap_mode="r")
        except (ValueError, OSError, EOFError) as error:
            raise ValueError(f"ActivationFile: {path} is damaged, or holds no numbers: {error}.") from None
        _check(path, array.shape, array.dtype.kind in "biuf")
        return _Numpy(array.reshape(-1, array.shape[-1]))
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            opened = safe_open(path, framework="np")
        except (SafetensorError, OSError) as error:
            raise ValueError(f"ActivationFile: {path} is damaged, or no safetensors file: {error}.") from None
        names = list(opened.keys())
        if tensor is None and len(names) != 1:
            raise ValueError(f"ActivationFile: {path} holds {', '.join(names)}; say which with `tensor`.")
        name = names[0] if tensor is None else tensor
        if name not in names:
            raise ValueError(f"ActivationFile: {path} has no tensor {name!r}; it holds {', '.join(names)}.")
        slices = opened.get_slice(name)
        shape = tuple(slices.get_shape())
        _check(path, shape, not slices.get_dtype().startswith("C"))
        return _Safetensors(slices, shape)
    raise ValueError(f"ActivationFile: {path} is neither .npy nor .safetensors.")


def _check(path: pathlib.Path, shape: tuple[int, ...], real: bool) -> None:
    if len(shape) < 2 or 0 in shape:
        raise ValueError(f"ActivationFile: {path} has shape {shape}; rows of activations, at least one, are allowed.")
    if not real:
        raise TypeError(f"ActivationFile: {path} does not hold real numbers; real activations are allowed.")


class ShuffledBatches:
    """Batches of rows in a random order that depends on the seed and the number of the batch alone.

    An epoch takes blocks of consecutive rows in random order, `buffer` of them at a time into memory, and shuffles the rows
    in there. So a disk reads long stretches, memory holds two buffers (the next one is read while this one is used), and a
    run can start at any batch without having made those before it. Rows that do not fill a batch are left out of an epoch.
    """

    def __init__(self, source: ActivationFile, batch: int, seed: Sequence[int], *, block: int = 1024, buffer: int = 64):
        """**Arguments:**

        - `source`: the file.
        - `batch`: rows per batch.
        - `seed`: words of the seed.
        - `block`, `buffer`: rows per block, and blocks per buffer.

        **Raises:** `ValueError` for a buffer that holds no batch.
        """
        for name, value in {"batch": batch, "block": block, "buffer": buffer}.items():
            require_integer("ShuffledBatches", name, _given("ShuffledBatches", name, value), 1)
        if min(source.rows, block * buffer) < batch:
            raise ValueError(
                f"ShuffledBatches: `batch` is {batch}; at most {min(source.rows, block * buffer)} rows, those of the file "
                "and of a buffer, are allowed."
            )
        self.source, self.batch, self.seed = source, int(batch), tuple(int(word) for word in seed)
        self.block, self.buffer = int(block), int(buffer)
        self._blocks = -(-source.rows // self.block)

    def _rows_of(self, block: int) -> int:
        return min(self.block, self.source.rows - block * self.block)

    def _buffers(self, epoch: int) -> list[np.ndarray]:
        order = np.random.default_rng([*self.seed, epoch]).permutation(self._blocks)
        return [order[first : first + self.buffer] for first in range(0, self._blocks, self.buffer)]

    def _filled(self, epoch: int, number: int, blocks: np.ndarray) -> np.ndarray:
        starts = [int(block) * self.block for block in blocks]
        rows = np.concatenate([self.source.read(start, min(start + self.block, self.source.rows)) for start in starts])
        return rows[np.random.default_rng([*self.seed, epoch, number]).permutation(len(rows))]

    def _plan(self, first: int) -> Iterator[tuple[int, int, np.ndarray, int]]:
        """Epoch, buffer, its blocks, and how many of its batches to skip, from batch `first` on."""
        skip, epoch = first, 0
        while True:
            for number, blocks in enumerate(self._buffers(epoch)):
                count = sum(self._rows_of(int(block)) for block in blocks) // self.batch
                if skip < count:
                    yield epoch, number, blocks, skip
                    skip = 0
                else:
                    skip -= count
            epoch += 1

    def since(self, first: int) -> Iterator[np.ndarray]:
        """Batches number `first` and on, for ever; each of shape (batch, dimension)."""
        plan = self._plan(first)
        with ThreadPoolExecutor(1) as reader:

            def ask():
                epoch, number, blocks, skip = next(plan)
                return reader.submit(self._filled, epoch, number, blocks), skip

            waiting, skip = ask()
            while True:
                rows = waiting.result()
                start = skip
                waiting, skip = ask()
                for index in range(start, len(rows) // self.batch):
                    yield rows[index * self.batch : (index + 1) * self.batch]
