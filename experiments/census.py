"""Which compiled programs papers need, and what they cost: compiling is a cost like any other."""

import dataclasses
import json
import pathlib
from collections.abc import Hashable, Iterable

from rich.console import Console
from rich.table import Table

from .config import PaperConfig
from .run import named_sweeps


@dataclasses.dataclass(frozen=True)
class Program:
    """One compiled program: model, solver and layout in words, and the figures that it serves."""

    model: str
    solver: str
    layout: str
    figures: tuple[str, ...]


def planned(configs: Iterable[PaperConfig]) -> dict[Hashable, Program]:
    """The programs that all sweeps of some papers need together, computing nothing."""
    found: dict[Hashable, Program] = {}
    for config in configs:
        for figure in config.figures:
            for request in named_sweeps(figure.numbers.sweeps()).values():
                for group in request.plan().groups:
                    known = found.get(group.program)
                    served = (*(known.figures if known else ()), f"{config.slug} {figure.name}")
                    sizes = ", ".join(f"{name} {size}" for name, size in group.capacities.items())
                    layout = f"{group.layout}, padded to {sizes or 'nothing'}"
                    found[group.program] = Program(group.model, group.solver, layout, tuple(dict.fromkeys(served)))
    return found


def show_planned(configs: Iterable[PaperConfig], console: Console) -> int:
    """Prints the programs of some papers; the last line has their number, which is returned."""
    programs = planned(configs)
    table = Table("model", "solver", "layout", "figures", box=None)
    for program in programs.values():
        table.add_row(program.model, program.solver, program.layout, ", ".join(program.figures))
    console.print(table)
    console.print(f"{len(programs)} compiled programs in all", highlight=False)
    return len(programs)


def show_measured(configs: Iterable[PaperConfig], results: pathlib.Path, console: Console) -> None:
    """Prints what the programs of some papers took when their results were computed."""
    names = ("programs", "cache_hits", "trace_seconds", "lower_seconds", "xla_seconds", "run_seconds")
    table = Table("paper", *(name.replace("_", " ") for name in (*names, "total_seconds")), box=None)
    for config in configs:
        paths = sorted((results / config.slug / config.profile).glob("*/figure.json"))
        records = [json.loads(path.read_text())["provenance"] for path in paths]
        sums = [sum(record.get(name, 0) for record in records) for name in (*names, "total_seconds")]
        table.add_row(config.slug, *(f"{value:.0f}" for value in sums))
    console.print(table)
