"""Drawing figures while others are computed."""

import multiprocessing
import pathlib
from concurrent.futures import Future, ProcessPoolExecutor

from rich.console import Console

from . import claims, page, report
from .draw import draw_paper
from .results import ResultsError


class Drawer:
    """Draws figures in a process of its own, one after another; at the end, prints the claims of all papers it drew of.

    The page is written anew after every figure, so that there is something to look at from the first one on. `complaints`
    says what could not be drawn.
    """

    def __init__(self, results: pathlib.Path, build: pathlib.Path, profile: str, console: Console):
        self.complaints: list[str] = []
        self._results, self._build, self._profile, self._console = results, build, profile, console
        self._process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        self._waiting: list[Future] = []
        self._papers: dict[str, None] = {}

    def __enter__(self) -> "Drawer":
        return self

    def draw(self, paper: str, figure: str) -> None:
        """Has a figure drawn whose tables are there."""
        self._papers.setdefault(paper)
        self._waiting.append(self._process.submit(_draw, self._results, self._build, paper, self._profile, figure))

    def __exit__(self, kind, *_) -> None:
        self._process.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is not None:
            return
        self.complaints = [complaint for drawn in self._waiting for complaint in drawn.result()]
        found = claims.read(self._build / "claims.json")
        for paper in self._papers:
            report.print_claims(paper, [claim for claim in found if claim["paper"] == paper], self._console)
        report.print_tally(found, self._console)


def _draw(results: pathlib.Path, build: pathlib.Path, paper: str, profile: str, figure: str) -> tuple[str, ...]:
    """Draws a figure and writes the page anew; returns what could not be drawn."""
    try:
        return draw_paper(results, build, paper, profile, figure).missing
    except ResultsError as error:
        return (str(error),)
    finally:
        page.write(build)
