"""Running the experiments of papers."""

import contextlib
import dataclasses
import multiprocessing
import pathlib
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from typing import Any

import jax
import jax.numpy as jnp
import pandas as pd
from rich.console import Console

from recover.sweeps import use_cache

from .config import FigureConfig, PaperConfig
from .estimate import ProgramSeconds
from .figure import Figure, Sweep
from .resampling import resampled_tables
from .results import code_digest, damaged_files, figure_folder, is_current, refresh_words, write_figure, write_paper

# Figures under way at a time, and their blocks: while one figure compiles or is summarised, blocks of the others run.
_FIGURES, _BLOCKS = 3, 2

Finished = Callable[[PaperConfig, str], None]


def run_papers(
    configs: Sequence[PaperConfig],
    results: pathlib.Path,
    console: Console,
    force: bool = False,
    finished: Finished = lambda config, figure: None,
) -> list[tuple[PaperConfig, str]]:
    """Computes every figure's tables; returns papers and names of the figures that failed, after trying all of them.

    `finished` is told of each figure as soon as its tables are there, one at a time, by the thread that called. Rows of
    several papers are summarised by a process of its own, since most of that is Python, which would hold up the blocks.
    """
    asked = [(config, figure) for config in configs for figure in config.figures]
    for config in configs:
        write_paper(results, config)
    # What each figure is computed by is read before there are threads: it is remembered, and Python 3.11 parses one file at a time.
    for _, figure in asked:
        code_digest(figure)
    failed = []
    with (
        ThreadPoolExecutor(_BLOCKS) as blocks,
        ThreadPoolExecutor(_FIGURES) as figures,
        own_process() if len(configs) > 1 else contextlib.nullcontext() as summaries,
    ):
        crew = _Crew(blocks, summaries, bar=len(asked) == 1)
        running = {
            figures.submit(_timed, config, figure, results, force, crew): (config, figure) for config, figure in asked
        }
        try:
            for future in as_completed(running):
                config, figure = running[future]
                name = figure.name if len(configs) == 1 else f"{config.slug} {figure.name}"
                try:
                    said = future.result()
                except Exception as error:
                    # One broken figure must not cost the others; what it had computed is in its store.
                    console.print(f"[red]{name}: failed[/red]")
                    told = _told(error, figure_folder(results, config, figure))
                    console.print(told, markup=False, highlight=False)
                    failed.append((config, figure.name))
                else:
                    for line in said:
                        console.print(f"{name}: {line}", highlight=False, markup=False)
                    finished(config, figure.name)
        except BaseException:
            # Blocks under way end, and are kept; nobody waits for those that have not begun.
            for pool in (figures, blocks):
                pool.shutdown(wait=False, cancel_futures=True)
            raise
    return failed


def run_paper(config: PaperConfig, results: pathlib.Path, console: Console, force: bool = False) -> list[str]:
    """`run_papers` for one paper; returns the names of the figures that failed."""
    return [name for _, name in run_papers([config], results, console, force)]


@dataclasses.dataclass(frozen=True)
class _Crew:
    """Who computes blocks, who summarises rows (the figure's own thread, if nobody), and whether there is a bar to see."""

    blocks: Executor
    summaries: Executor | None
    bar: bool


def own_process() -> ProcessPoolExecutor:
    """A process to do one thing after another in, with the same compiled programs at hand."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), use_cache)


def _timed(config: PaperConfig, figure: FigureConfig, results: pathlib.Path, force: bool, crew: _Crew) -> list[str]:
    """Makes the tables of a figure that are not there; returns what there is to say."""
    if not force and is_current(results, config, figure):
        refresh_words(results, config, figure)
        return ["up to date"]
    said = [f"{path} is missing or damaged, and is made again" for path in damaged_files(results, config, figure)]
    started = time.time()
    run_figure(config, figure, results, crew)
    return [*said, f"{time.time() - started:.0f} s"]


def _told(error: Exception, folder: pathlib.Path) -> str:
    """What went wrong, in the words of the error; where it happened is in a file, or follows where none can be written."""
    words = f"{type(error).__name__}: {error}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "failure.txt").write_text(traceback.format_exc())
    except OSError:
        return f"{words}\n{traceback.format_exc()}"
    return f"{words}\nWhere it happened: {folder / 'failure.txt'}"


def run_figure(config: PaperConfig, figure: FigureConfig, results: pathlib.Path, crew: _Crew) -> None:
    """Runs a figure's sweeps and writes its tables."""
    started, code = time.time(), code_digest(figure)
    rows = figure_folder(results, config, figure) / "rows"
    numbers = figure.numbers
    asked = numbers.sweeps()
    requests = named_sweeps(asked)
    # Two bars at a time would overwrite each other.
    bar = None if crew.bar and len(requests) == 1 else False
    with ThreadPoolExecutor(max(len(requests), 1)) as sweeps:
        running = {
            name: sweeps.submit(request.run, store=rows / name, executor=crew.blocks, progress=bar)
            for name, request in requests.items()
        }
        swept = {name: future.result() for name, future in running.items()}
    given = swept[_ONLY] if isinstance(asked, Sweep) else swept
    summarised = crew.summaries.submit(_summarised, numbers, given) if crew.summaries and swept else None
    predictions = numbers.predictions()
    tables, resampled = summarised.result() if summarised else _summarised(numbers, given)
    write_figure(results, config, figure, {**tables, **predictions}, resampled, swept, code, started)


def _summarised(numbers: Figure, swept: Any) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """The tables of a figure that depend on trials, and the same on resampled trials."""
    return numbers.tables(swept), resampled_tables(numbers, swept)


# The name of a figure's sweep where it has only one.
_ONLY = "runs"


def named_sweeps(sweeps: Sweep | dict[str, Sweep]) -> dict[str, Sweep]:
    """A figure's sweeps by name."""
    return {_ONLY: sweeps} if isinstance(sweeps, Sweep) else sweeps


def dry_run(config: PaperConfig, results: pathlib.Path, console: Console) -> list[str]:
    """Prints what `run_paper` would compute, with an upper bound on the time at this machine's measured speed.

    Returns the names of the figures that cannot be planned.
    """
    failed = []
    speed = matrix_product_speed()
    console.print(f"measured {speed / 1e9:.0f} Gflop/s in a matrix product on this machine", highlight=False)
    seconds = ProgramSeconds.of(results)
    for figure in config.figures:
        rows = figure_folder(results, config, figure) / "rows"
        console.print(f"[bold]{figure.name}[/bold]", highlight=False)
        try:
            for name, request in named_sweeps(figure.numbers.sweeps()).items():
                plan = request.plan(store=rows / name)
                console.print(f" {name}: {plan}", highlight=False, markup=False)
                compiling = seconds.of_many(len(plan.groups)) if seconds else "compilation apart"
                console.print(f" at most about {plan.seconds(speed / 3):.0f} s, {compiling}", highlight=False)
        except Exception as error:
            console.print(f" cannot be planned: {type(error).__name__}: {error}", highlight=False, markup=False)
            failed.append(figure.name)
    return failed


def matrix_product_speed(size: int = 1024) -> float:
    """Floating-point operations per second of a square single-precision matrix product."""
    matrix = jnp.ones((size, size), jnp.float32)
    product = jax.jit(lambda a: a @ a)
    product(matrix).block_until_ready()
    started = time.perf_counter()
    for _ in range(4):
        product(matrix).block_until_ready()
    return 4 * 2 * size**3 / (time.perf_counter() - started)
