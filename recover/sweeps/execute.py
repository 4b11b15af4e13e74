"""Computing blocks, here or by an executor: what is whole is handed on, whatever becomes of the rest."""

import collections
import concurrent.futures
import dataclasses
import logging
import math
import pathlib
import sys
from collections.abc import Callable, Iterable

import numpy as np

from .block import BlockTask
from .content import callables
from .plan import Block, Lane, signature
from .request import Prepared

_LOG = logging.getLogger("recover")

Rows = dict[str, np.ndarray]
Keep = Callable[[Block, Rows, dict], None]


def check_executor(executor: object) -> None:
    """Refuses an executor that could not compute blocks.

    **Raises:** `TypeError` for what is no executor; `ValueError` for one that would hang, with the way out.
    """
    if executor is None:
        return
    if not isinstance(executor, concurrent.futures.Executor):
        raise TypeError(f"sweep: `executor` is {executor!r}; a `concurrent.futures.Executor` is allowed.")
    if isinstance(executor, getattr(concurrent.futures, "InterpreterPoolExecutor", ())):
        raise ValueError(
            "sweep: `executor` runs in interpreters of their own, which JAX does not support; ThreadPoolExecutor() is allowed."
        )
    context = getattr(executor, "_mp_context", None)
    if isinstance(executor, concurrent.futures.ProcessPoolExecutor) and context is not None:
        method = context.get_start_method()
        if method == "fork":
            raise ValueError(
                "sweep: `executor` forks its processes, in which the threads of JAX would be missing, so they would hang for "
                'ever; allowed is ProcessPoolExecutor(..., mp_context=multiprocessing.get_context("spawn")), or a '
                "ThreadPoolExecutor."
            )


def check_importable(executor: object, lanes: Iterable[Lane]) -> None:
    """Refuses code that the processes of an executor could not import.

    **Raises:** `ValueError` that names the class, with the way out.
    """
    if not isinstance(executor, concurrent.futures.ProcessPoolExecutor):
        return
    file = getattr(sys.modules["__main__"], "__file__", None)
    without_file = file is None or not pathlib.Path(file).is_file()
    way_out = "define it at the top of a file that they can import, or use a ThreadPoolExecutor."
    if without_file and file is not None:
        raise ValueError(
            f"sweep: the processes of `executor` start by running the program again, and {file!r} is no file; save it in one, "
            "or use a ThreadPoolExecutor."
        )
    for each in {
        each
        for lane in {signature(lane): lane for lane in lanes}.values()
        for each in callables((lane.model, lane.solver))
    }:
        name, module = getattr(each, "__qualname__", ""), getattr(each, "__module__", "")
        if "<locals>" in name:
            raise ValueError(
                f"sweep: {name} is local to a function, so the processes of `executor` cannot import it: {way_out}"
            )
        if module == "__main__" and without_file:
            raise ValueError(
                f"sweep: {name} is part of a session, so the processes of `executor` cannot import it: {way_out}"
            )


def compute(
    prepared: Prepared,
    blocks: Iterable[Block],
    executor: concurrent.futures.Executor | None,
    run_block: Callable[[BlockTask], tuple[Rows, dict]],
    keep: Keep,
    already: Callable[[Block], bool],
) -> None:
    """Computes blocks and hands the rows of each to `keep` as soon as they are whole.

    A block that exhausts the memory of a device is computed in halves. `already` tells of blocks that another process has
    computed in the meantime. With an executor all blocks are tried before the first failure is raised.
    """
    work = _Work(prepared, keep)
    if executor is None:
        for block in blocks:
            if not already(block):
                work.begin(block)
                while (piece := work.next()) is not None:
                    try:
                        outcome = run_block(work.task(piece))
                    except Exception as error:
                        work.failed(piece, error)
                    else:
                        work.found(piece, outcome)
        return
    for block in blocks:
        work.begin(block)
    _by_executor(work, executor, run_block)


def _by_executor(work: "_Work", executor: concurrent.futures.Executor, run_block) -> None:
    failures: list[BaseException] = []
    futures: dict[concurrent.futures.Future, _Piece] = {}

    def submit() -> None:
        while (piece := work.next()) is not None:
            futures[executor.submit(run_block, work.task(piece))] = piece

    def take(future: concurrent.futures.Future) -> None:
        piece = futures.pop(future)
        try:
            outcome = future.result()
        except (Exception, concurrent.futures.CancelledError) as error:
            try:
                work.failed(piece, error)
            except BaseException as final:
                failures.append(final)
        else:
            work.found(piece, outcome)

    try:
        submit()
        while futures:
            for future in concurrent.futures.wait(futures, return_when=concurrent.futures.FIRST_COMPLETED).done:
                take(future)
            submit()
    except BaseException:
        # An interruption: nobody waits for the rest, but what is done is kept.
        for future in futures:
            future.cancel()
        for future in [future for future in futures if future.done() and not future.cancelled()]:
            take(future)
        raise
    if failures:
        # What succeeded has been kept; only now does the first failure surface.
        if isinstance(failures[0], concurrent.futures.BrokenExecutor):
            failures[0].add_note(
                "sweep: a process of `executor` ended; a script that starts processes has its work under "
                '`if __name__ == "__main__":`, and enough memory for all of them is needed.'
            )
        raise failures[0]


@dataclasses.dataclass(frozen=True)
class _Piece:
    """A part of a block, halved so many times."""

    whole: Block
    block: Block
    depth: int

    @property
    def size(self) -> int:
        """Instances that its program holds, those that only fill its shape included."""
        return math.prod(self.block.shape)


@dataclasses.dataclass
class _Parts:
    """What has been computed of a block."""

    missing: int
    found: list[tuple[Block, Rows, dict]]


class _Work:
    """Pieces of blocks that are still to be computed, and those that others of their block wait for."""

    def __init__(self, prepared: Prepared, keep: Keep):
        self._prepared, self._keep = prepared, keep
        self._waiting: collections.deque[_Piece] = collections.deque()
        self._parts: dict[str, _Parts] = {}
        # Rows of the smallest piece that was too large, by program.
        self._too_many: dict = {}

    def begin(self, block: Block) -> None:
        """Takes a block in."""
        self._parts[block.name] = _Parts(1, [])
        self._waiting.append(_Piece(block, block, 0))

    def next(self) -> _Piece | None:
        """The next piece to compute, halved at once where one like it was too large."""
        if not self._waiting:
            return None
        piece = self._waiting.popleft()
        while 1 < piece.size >= self._too_many.get(self._program(piece), np.inf):
            piece, *others = self._halves(piece)
            self._waiting.extendleft(others)
        return piece

    def task(self, piece: _Piece) -> BlockTask:
        """What a worker needs to compute a piece."""
        prepared = self._prepared
        if piece.depth:
            memory = max(prepared.machine.memory >> piece.depth, 1)
            prepared = dataclasses.replace(prepared, machine=dataclasses.replace(prepared.machine, memory=memory))
        request = prepared.request
        program = prepared.program(piece.block)
        return BlockTask.of(piece.block, prepared.grid, program, request.seed, request.max_steps, request.precision)

    def found(self, piece: _Piece, outcome: tuple[Rows, dict]) -> None:
        """Takes the rows of a piece, and hands on those of its block if it is whole."""
        parts = self._parts[piece.whole.name]
        parts.found.append((piece.block, *outcome))
        parts.missing -= 1
        if parts.missing == 0:
            del self._parts[piece.whole.name]
            self._keep(piece.whole, *_joined(piece.whole, parts.found))

    def failed(self, piece: _Piece, error: BaseException) -> None:
        """Halves a piece that was too large for the memory; raises any other error."""
        if not _exhausted(error):
            raise error
        lane = self._prepared.grid.lanes[piece.block.lanes[0]]
        names = f"{type(lane.model).__name__} + {type(lane.solver).__name__}"
        trials, lanes = piece.block.shape
        if piece.size == 1:
            estimate = self._prepared.layout(piece.block).bytes / 2**20
            raise MemoryError(
                f"sweep: one instance of {names} (about {estimate:.0f} MiB) does not fit into the memory of the device; smaller "
                "sizes, or a device with more memory, are needed."
            ) from error
        _LOG.warning(
            "sweep: the memory is exhausted by %d trials x %d lanes of %s; they are computed in halves (`memory=` with less "
            "than %d MiB plans smaller blocks).",
            *(trials, lanes, names, self._prepared.machine.memory >> 20),
        )
        program = self._program(piece)
        self._too_many[program] = min(piece.size, self._too_many.get(program, piece.size))
        self._waiting.extendleft(reversed(self._halves(piece)))

    def _program(self, piece: _Piece):
        return signature(self._prepared.grid.lanes[piece.block.lanes[0]]), piece.block.model_capacities

    def _halves(self, piece: _Piece) -> list[_Piece]:
        """Half of the lanes each, or of the trials of a single lane; both of one shape."""
        block, (trials, lanes) = piece.block, piece.block.shape
        side, size = ("lanes", lanes) if lanes > 1 else ("trials", trials)
        middle = -(-size // 2)
        shape = (trials, middle) if side == "lanes" else (middle, lanes)
        items = getattr(block, side)
        halves = [
            _Piece(piece.whole, dataclasses.replace(block, **{side: part, "shape": shape}), piece.depth + 1)
            for part in (items[:middle], items[middle:])
            if part
        ]
        self._parts[piece.whole.name].missing += len(halves) - 1
        return halves


def _exhausted(error: BaseException) -> bool:
    """Whether memory was exhausted: JAX says so by a word, whatever process it ran in."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def _joined(whole: Block, found: list[tuple[Block, Rows, dict]]) -> tuple[Rows, dict]:
    """The rows of a block from those of its pieces."""
    first = found[0]
    if len(found) == 1:
        return first[1], first[2]
    lanes = {name: number for number, name in enumerate(whole.lanes)}
    trials = {trial: number for number, trial in enumerate(whole.trials)}
    shape = len(trials), len(lanes)
    rows = {name: np.empty((*shape, *values.shape[2:]), values.dtype) for name, values in first[1].items()}
    for block, part, _ in found:
        place = np.ix_([trials[trial] for trial in block.trials], [lanes[name] for name in block.lanes])
        for name, values in part.items():
            rows[name][place] = values
    seconds = {name: sum(record[name] for *_, record in found) for name in ("compile_seconds", "run_seconds")}
    return rows, {**first[2], **seconds, "pieces": len(found)}
