"""Telling how far a sweep is."""

import contextlib
import sys
from collections.abc import Callable


class ProgressReport(contextlib.AbstractContextManager):
    """Counts rows and reports to a function of (done, total), if there is one."""

    def __init__(self, total: int, tell: Callable[[int, int], None] | None):
        self._done, self._total, self._tell = 0, total, tell

    def advance(self, rows: int) -> None:
        """Counts so many more rows as finished."""
        self._done += rows
        if self._tell is not None:
            self._tell(self._done, self._total)

    def __exit__(self, *exception):
        return None


class ProgressBar(ProgressReport):
    """A bar on the error stream: rows, rate, time left."""

    def __init__(self, total: int):
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
        self._task = self._bar.add_task("instances", total=total, rate="")

    def __enter__(self):
        self._bar.start()
        return self

    def advance(self, rows: int) -> None:
        """Counts finished rows and redraws."""
        super().advance(rows)
        elapsed = self._bar.tasks[0].elapsed
        rate = f"{self._done / elapsed:.0f}/s" if elapsed else ""
        self._bar.update(self._task, advance=rows, rate=rate)

    def __exit__(self, *exception):
        self._bar.stop()


def reporter(progress: bool | Callable[[int, int], None] | None, total: int) -> ProgressReport:
    """The report that `sweep(progress=...)` asks for."""
    if callable(progress):
        return ProgressReport(total, progress)
    if progress or (progress is None and sys.stderr.isatty()):
        return ProgressBar(total)
    return ProgressReport(total, None)
