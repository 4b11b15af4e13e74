"""Command line: `python -m figures [PAPER ...]` draws from results/ alone."""

import dataclasses
import pathlib
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from . import claims, page, report
from .results import ResultsError, papers

app = typer.Typer(add_completion=False)
console = Console()
errors = Console(stderr=True)


@app.command()
def main(
    paper: Annotated[list[str] | None, typer.Argument(help="Papers to draw; all that have results by default.")] = None,
    profile: Annotated[Literal["quick", "paper", "tiny"], typer.Option(help="Which results to draw.")] = "quick",
    figure: Annotated[str | None, typer.Option(help="Only this figure, of one paper.")] = None,
    results: Annotated[pathlib.Path, typer.Option(help="Folder the experiments wrote to.")] = pathlib.Path("results"),
    build: Annotated[pathlib.Path, typer.Option(help="Folder to write to.")] = pathlib.Path("build"),
    page_only: Annotated[bool, typer.Option("--page-only", help="Rebuild index.html from what was drawn.")] = False,
) -> None:
    """Draw figures, check the claims that go with them, and rebuild the page.

    A claim that fails is a finding and no error. Results that are missing end with status 2.
    """
    if page_only:
        path = page.write(build)
        console.print(f"wrote {path}", highlight=False, soft_wrap=True)
        return
    if figure is not None and len(paper or []) != 1:
        _fail(["--figure needs exactly one paper."])

    # Matplotlib takes a second to import, which asking for help or rebuilding the page should not cost.
    from .draw import draw_paper

    names = list(dict.fromkeys(paper or papers(results, profile)))
    if not names:
        _fail(
            [
                f"{results} holds no results at the {profile} profile. Compute some with:\n"
                f"  python -m experiments run paper_configs/<paper>.toml --profile {profile}"
            ]
        )
    complaints: list[str] = []
    for name in names:
        try:
            drawn = draw_paper(results, build, name, profile, figure)
        except ResultsError as error:
            complaints.append(str(error))
            continue
        complaints += drawn.missing
        report.print_claims(name, [dataclasses.asdict(claim) for claim in drawn.claims], console)
    path = page.write(build)
    report.print_tally(claims.read(build / "claims.json"), console)
    console.print(f"wrote {path}", highlight=False, soft_wrap=True)
    if complaints:
        _fail(complaints)


def _fail(messages: list[str]) -> None:
    for message in messages:
        errors.print(Text.assemble(("error: ", "red"), message), soft_wrap=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    app(prog_name="python -m figures")
