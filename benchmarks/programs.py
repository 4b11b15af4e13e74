"""What the compiled programs of quick figures take to compile and to run: as JAX would by itself, and as we ask it to."""

import concurrent.futures
import dataclasses
import os
import pathlib
import time

from recover.sweeps.compile import compile_program

from .isolated import isolated

# Papers whose figures are sweeps for the most part.
PAPERS = ("subgm", "blind_calibration", "krosbl")
_FOLDER = pathlib.Path(__file__).parents[1] / "paper_configs"
_NO_UNROLLING = "--xla_backend_extra_options=xla_cpu_disable_loop_unrolling"


class Watched(concurrent.futures.Executor):
    """Computes blocks at once, and the first block of every program twice: what the second does not take was compiling."""

    def __init__(self, effort: str | None):
        self.effort = effort
        self.points: dict[str, dict[str, float]] = {}
        self.figure = ""

    def submit(self, function, task):
        """The rows of the block, whose times are written down if its program is new."""
        if self.effort is not None:
            task = dataclasses.replace(task, settings=dataclasses.replace(task.settings, effort=self.effort))
        known, clocks = compile_program.cache_info().misses, [time.process_time()]
        outcome = function(task)
        clocks.append(time.process_time())
        if compile_program.cache_info().misses > known:
            function(task)
            clocks.append(time.process_time())
            first, second = clocks[1] - clocks[0], clocks[2] - clocks[1]
            name = f"{self.figure}{type(task.models).__name__}, {type(task.solvers).__name__}"
            name += f" ({sum(each.startswith(name) for each in self.points) + 1})"
            self.points[name] = {"compile": max(first - second, 0.0), "run": second}
        future = concurrent.futures.Future()
        future.set_result(outcome)
        return future


def watched(papers: list[str], effort: str | None) -> dict:
    """Core-seconds of every program of the papers' quick figures, compiled at an effort, or as planned."""
    from experiments.config import load
    from experiments.run import named_sweeps

    executor = Watched(effort)
    for paper in papers:
        for figure in load(_FOLDER / f"{paper}.toml", "quick").figures:
            executor.figure = f"{paper} {figure.name}: "
            for request in named_sweeps(figure.numbers.sweeps()).values():
                request.run(executor=executor, progress=False)
    return {"programs": executor.points}


def run(full: bool = False) -> dict:
    """A line for every program: compiled as JAX does by itself, and as `python -m experiments` asks it to."""
    papers, flags = list(PAPERS if full else PAPERS[:1]), os.environ.get("XLA_FLAGS", "")
    ways = {
        "before": isolated("programs", "watched", papers=papers, effort="full"),
        "now": isolated("programs", "watched", {"XLA_FLAGS": f"{flags} {_NO_UNROLLING}"}, papers=papers, effort=None),
    }
    complaints = [way["failed"] for way in ways.values() if "failed" in way]
    if complaints:
        return {"failed": complaints[0]}
    before, now = (way["programs"] for way in ways.values())
    points = [{"program": name} | _both(before[name], now[name]) for name in now if name in before]
    sums = {key: sum(point[key] for point in points) for key in points[0] if key != "program"}
    return {
        **sums,
        "ratio_to_compile": sums["before_compile"] / sums["now_compile"],
        "ratio_to_run": sums["before_run"] / sums["now_run"],
        "points": points,
    }


def _both(before: dict[str, float], now: dict[str, float]) -> dict[str, float]:
    return {f"{when}_{what}": way[what] for what in now for when, way in (("before", before), ("now", now))}
