"""Telling how far a sweep is."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator

_LOG = logging.getLogger("recover")


class ProgressReport(contextlib.AbstractContextManager):
    """Counts rows and reports to a function of (done, total), if there is one."""

    def __init__(self, total: int, tell: Callable[[int, int], None] | None):
        self.done, self._total, self._tell = 0, total, tell

    def advance(self, rows: int) -> None:
        """Counts so many more rows as finished."""
        self.done += rows
        if self._tell is not None:
            self._tell(self.done, self._total)

    def __exit__(self, *exception):
        return None


class ProgressBar(ProgressReport):
    """A bar on the error stream: what is counted, rate, time left."""

    def __init__(self, total: int, counted: str = "instances"):
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        super().__init__(total, None)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(counted, total=total, rate="")

    def __enter__(self):
        self._bar.start()
        return self

    def advance(self, rows: int) -> None:
        """Counts finished rows and redraws."""
        super().advance(rows)
        elapsed = self._bar.tasks[0].elapsed
        rate = f"{self.done / elapsed:.0f}/s" if elapsed else ""
        self._bar.update(self._task, advance=rows, rate=rate)

    def __exit__(self, *exception):
        self._bar.stop()


# Seconds between two words about the planning, where there is no bar; and calls between two looks at the clock.
_PATIENCE = 5.0
_STRIDE = 256


def check_progress(owner: str, progress) -> None:
    """Raises `TypeError` for what is no wish of how progress be told."""
    if not (callable(progress) or progress is None or isinstance(progress, bool)):
        raise TypeError(
            f"{owner}: `progress` is {progress!r}; True, False, None or a function of (done, total) is allowed."
        )


@contextlib.contextmanager
def planning(progress: bool | Callable[[int, int], None] | None) -> Iterator[Callable[[int, int], None]]:
    """A function of (cells made, cells in all) that tells how far the planning of a sweep is, by a bar or in the log."""
    check_progress("sweep", progress)
    bar: list[ProgressBar] = []
    wanted = progress is True or (progress is None and sys.stderr.isatty())
    started = said = time.monotonic()

    def count(done: int, total: int) -> None:
        nonlocal said
        if done % _STRIDE and done != total:
            return
        now = time.monotonic()
        if bar:
            bar[0].advance(done - bar[0].done)
        elif now - said > _PATIENCE / 5 and wanted:
            bar.append(ProgressBar(total, "cells planned"))
            bar[0].__enter__()
        elif now - said > _PATIENCE and progress is not False:
            said = now
            rate = done / (now - started)
            _LOG.warning("sweep: planned %d of %d cells, %.0f/s.", done, total, rate)

    try:
        yield count
    finally:
        for each in bar:
            each.__exit__()


def reporter(progress: bool | Callable[[int, int], None] | None, total: int) -> ProgressReport:
    """The report that `sweep(progress=...)` asks for."""
    if callable(progress):
        return ProgressReport(total, progress)
    if progress or (progress is None and sys.stderr.isatty()):
        return ProgressBar(total)
    return ProgressReport(total, None)
