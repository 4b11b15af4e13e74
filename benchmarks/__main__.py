"""Command line: `python -m benchmarks run|check|draw`."""

import json
import pathlib
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from . import check as checking
from . import suite

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Speed and memory, side by side, in one run.")
console = Console()
if not console.is_terminal:
    # In a log nothing need be folded to a window.
    console = Console(width=200)

REFERENCE = pathlib.Path(__file__).parent / "reference.json"
LATEST = pathlib.Path("build/benchmarks.json")

Names = Annotated[list[str] | None, typer.Argument(help="Benchmarks to run; all of the usual ones by default.")]
Full = Annotated[bool, typer.Option("--full", help="Larger and longer: a million instances, dimension 4000.")]
Output = Annotated[pathlib.Path, typer.Option(help="Where the numbers are written.")]
Input = Annotated[pathlib.Path, typer.Option("--input", help="The run to read.")]


def show(name: str, numbers: dict) -> None:
    """Prints one benchmark: its numbers, and a table of its points if it has any."""
    table = Table(title=name, box=None, show_header=False, title_justify="left")
    for key, value in numbers.items():
        if key != "points":
            table.add_row(key, _text(value))
    console.print(table)
    points = numbers.get("points", [])
    if points:
        columns = list(dict.fromkeys(key for point in points for key in point))
        listed = Table(*columns, box=None)
        for point in points:
            listed.add_row(*(_text(point.get(column, "")) for column in columns))
        console.print(listed)


def _text(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _wanted(names: list[str] | None) -> list[str]:
    try:
        return suite.names(names or [])
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def run(names: Names = None, full: Full = False, output: Output = LATEST) -> None:
    """Runs benchmarks, prints them, and adds their numbers to what the output file holds."""
    measured = suite.run_all(_wanted(names), full, show)
    earlier = json.loads(output.read_text())["results"] if names and output.exists() else {}
    measured["results"] = earlier | measured["results"]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(measured, indent=1) + "\n")
    if checking.failed(measured["results"]):
        raise typer.Exit(1)


@app.command()
def check(
    names: Names = None,
    allowance: Annotated[float, typer.Option(help="By what share a ratio may fall.")] = checking.ALLOWANCE,
    measured: Annotated[pathlib.Path | None, typer.Option(help="Judge this run instead of measuring anew.")] = None,
) -> None:
    """Compares the ratios of a run with those of the committed reference; fails if one has fallen by too much."""
    if measured is None:
        results = suite.run_all(_wanted(names), full=False, report=show)["results"]
    else:
        results = json.loads(measured.read_text())["results"]
    reference = json.loads(REFERENCE.read_text())["results"]
    verdicts = checking.compare(results, {name: reference[name] for name in reference if name in results}, allowance)
    table = Table("ratio", "reference", "now", "", box=None)
    for verdict in verdicts:
        word = "not measured" if verdict.now is None else "[red]slower[/red]" if verdict.slower else "ok"
        table.add_row(verdict.name, _text(verdict.reference), _text(verdict.now), word)
    console.print(table)
    complaints = checking.failed(results)
    for name, complaint in complaints.items():
        console.print(f"[red]{name} failed:[/red] {complaint}", highlight=False, soft_wrap=True)
    if complaints or any(verdict.slower for verdict in verdicts):
        raise typer.Exit(1)


@app.command()
def draw(
    source: Input = REFERENCE,
    page: Annotated[pathlib.Path, typer.Option(help="The page to write; its picture goes beside it.")] = pathlib.Path(
        "docs/performance.md"
    ),
) -> None:
    """Writes the performance page, with its tables and its picture, from the numbers of a run."""
    from . import report

    report.write(json.loads(source.read_text()), page)


if __name__ == "__main__":
    app()
