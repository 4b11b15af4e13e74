"""Claims and their verdicts, printed."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .claims import number, tally

_COLOURS = {"holds": "green", "fails": "red", "open": "yellow"}


def print_claims(paper: str, found: Sequence[Mapping[str, Any]], console: Console) -> None:
    """The claims of a paper: whether each is met, and what its interval says."""
    console.print(
        Text.assemble("\n", (paper, "bold"), f"  {sum(each['holds'] for each in found)} of {len(found)} claims met")
    )
    table = _table("met", "verdict", "figure", "claim", "source", "criterion", "measured")
    for each in found:
        met = Text("yes", "green") if each["holds"] else Text("no", "red")
        verdict = Text(each["verdict"], _COLOURS[each["verdict"]])
        # Plain text objects: a bracket in a claim is a bracket, not markup.
        cells = (each["figure"], each["claim"], each["source"], each["criterion"], number(each["measured"]))
        table.add_row(met, verdict, *(Text(cell) for cell in cells))
    if found:
        console.print(table)


def print_tally(found: Sequence[Mapping[str, Any]], console: Console) -> None:
    """How many claims of every source meet their criterion, and what their intervals say."""
    table = _table("source", "claims", "met", "hold", "open", "fail")
    for source, row in tally(found).items():
        table.add_row(source, *(str(row[name]) for name in ("claims", "met", "holds", "open", "fails")))
    console.print()
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
