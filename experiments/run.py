"""Running the experiments of a paper."""

import pathlib
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
from rich.console import Console

from .config import FigureConfig, PaperConfig
from .figure import Sweep
from .resampling import resampled_tables
from .results import code_digest, damaged_files, figure_folder, is_current, refresh_words, write_figure, write_paper


def run_paper(config: PaperConfig, results: pathlib.Path, console: Console, force: bool = False) -> list[str]:
    """Computes every figure's tables; returns the names of the figures that failed, after trying all of them."""
    write_paper(results, config)
    failed = []
    for figure in config.figures:
        if not force and is_current(results, config, figure):
            refresh_words(results, config, figure)
            console.print(f"{figure.name}: up to date", highlight=False)
            continue
        for path in damaged_files(results, config, figure):
            console.print(
                f"{figure.name}: {path} is missing or damaged, and is made again", highlight=False, markup=False
            )
        started = time.time()
        try:
            run_figure(config, figure, results)
        except Exception as error:
            # One broken figure must not cost the others; what it had computed is in its store.
            console.print(f"[red]{figure.name}: failed[/red]")
            console.print(_told(error, figure_folder(results, config, figure)), markup=False, highlight=False)
            failed.append(figure.name)
        else:
            console.print(f"{figure.name}: {time.time() - started:.0f} s", highlight=False)
    return failed


def _told(error: Exception, folder: pathlib.Path) -> str:
    """What went wrong, in the words of the error; where it happened is in a file, or follows where none can be written."""
    words = f"{type(error).__name__}: {error}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "failure.txt").write_text(traceback.format_exc())
    except OSError:
        return f"{words}\n{traceback.format_exc()}"
    return f"{words}\nWhere it happened: {folder / 'failure.txt'}"


def run_figure(config: PaperConfig, figure: FigureConfig, results: pathlib.Path) -> None:
    """Runs a figure's sweeps and writes its tables.

    Blocks are computed by two threads, so that one program compiles (on one core) while another runs.
    """
    started, code = time.time(), code_digest(figure)
    rows = figure_folder(results, config, figure) / "rows"
    numbers = figure.numbers
    asked = numbers.sweeps()
    requests = _named(asked)
    # Two bars at a time would overwrite each other.
    progress = None if len(requests) == 1 else False
    with ThreadPoolExecutor(2) as workers, ThreadPoolExecutor(max(len(requests), 1)) as sweeps:
        running = {
            name: sweeps.submit(request.run, store=rows / name, executor=workers, progress=progress)
            for name, request in requests.items()
        }
        try:
            swept = {name: future.result() for name, future in running.items()}
        except BaseException:
            # Blocks under way end, and are kept; nobody waits for those that have not begun.
            workers.shutdown(wait=False, cancel_futures=True)
            raise
    given = swept[_ONLY] if isinstance(asked, Sweep) else swept
    tables = {**numbers.tables(given), **numbers.predictions()}
    write_figure(results, config, figure, tables, resampled_tables(numbers, given), swept, code, started)


# The name of a figure's sweep where it has only one.
_ONLY = "runs"


def _named(sweeps: Sweep | dict[str, Sweep]) -> dict[str, Sweep]:
    return {_ONLY: sweeps} if isinstance(sweeps, Sweep) else sweeps


def dry_run(config: PaperConfig, results: pathlib.Path, console: Console) -> list[str]:
    """Prints what `run_paper` would compute, with an upper bound on the time at this machine's measured speed.

    Returns the names of the figures that cannot be planned.
    """
    failed = []
    speed = matrix_product_speed()
    console.print(f"measured {speed / 1e9:.0f} Gflop/s in a matrix product on this machine", highlight=False)
    for figure in config.figures:
        rows = figure_folder(results, config, figure) / "rows"
        console.print(f"[bold]{figure.name}[/bold]", highlight=False)
        try:
            for name, request in _named(figure.numbers.sweeps()).items():
                plan = request.plan(store=rows / name)
                console.print(f" {name}: {plan}", highlight=False, markup=False)
                console.print(f" at most about {plan.seconds(speed / 3):.0f} s, compilation apart", highlight=False)
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
