"""Command line: `python -m figures [PAPER ...]` draws from results/ alone."""

import pathlib
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from . import claims, page
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
        _print_claims(drawn)
    path = page.write(build)
    _print_tally(claims.read(build / "claims.json"))
    console.print(f"wrote {path}", highlight=False, soft_wrap=True)
    if complaints:
        _fail(complaints)


def _print_claims(drawn) -> None:
    plural = "" if len(drawn.figures) == 1 else "s"
    console.print(Text.assemble("\n", (drawn.paper, "bold"), f"  {len(drawn.figures)} figure{plural} drawn"))
    if not drawn.claims:
        return
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    for column in ("met", "verdict", "figure", "claim", "source", "criterion", "measured"):
        table.add_column(column, overflow="fold")
    for claim in drawn.claims:
        met = Text("yes", "green") if claim.holds else Text("no", "red")
        verdict = Text(claim.verdict, {"holds": "green", "fails": "red", "open": "yellow"}[claim.verdict])
        # Plain text objects: a bracket in a claim is a bracket, not markup.
        cells = (claim.figure, claim.claim, claim.source, claim.criterion, claims.number(claim.measured))
        table.add_row(met, verdict, *(Text(cell) for cell in cells))
    console.print(table)


def _print_tally(found: list[dict]) -> None:
    """How many claims of every source meet their criterion, and what their intervals say."""
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    for column in ("source", "claims", "met", "hold", "open", "fail"):
        table.add_column(column)
    for source, row in claims.tally(found).items():
        table.add_row(source, *(str(row[name]) for name in ("claims", "met", "holds", "open", "fails")))
    console.print()
    console.print(table)


def _fail(messages: list[str]) -> None:
    for message in messages:
        errors.print(Text.assemble(("error: ", "red"), message), soft_wrap=True)
    raise typer.Exit(2)


if __name__ == "__main__":
    app(prog_name="python -m figures")
