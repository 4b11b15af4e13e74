"""`make bench`: every benchmark in one run, printed and written to build/benchmarks.json."""

import json
import pathlib

from rich.console import Console
from rich.table import Table

from recover.sweeps.provenance import commit, machine, versions

from . import amp_grid, boundary, calibration_grid, subgm_grid
from .machine import matrix_product_speed, memory_bandwidth

console = Console()


def show(name: str, numbers: dict[str, float]) -> None:
    """Prints one benchmark."""
    table = Table(title=name, box=None, show_header=False, title_justify="left")
    for key, value in numbers.items():
        table.add_row(key, f"{value:.4g}")
    console.print(table)


def main() -> None:
    """Runs and reports."""
    results = {
        "machine": {"matrix_product": matrix_product_speed(), "memory_bandwidth": memory_bandwidth()},
        "amp_grid": amp_grid.run(),
        "boundary": boundary.run(),
        "calibration_grid": calibration_grid.run(),
        "subgm_grid": subgm_grid.run(),
        "subgm_grid_small": subgm_grid.run(dimension=20, rank=3, points=16),
    }
    for name, numbers in results.items():
        show(name, numbers)
    path = pathlib.Path("build/benchmarks.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"commit": commit(), "versions": versions(), **machine(), "results": results}, indent=1))


if __name__ == "__main__":
    main()
