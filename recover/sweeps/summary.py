"""What is in a table, in a few lines."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .table import Table

# So many values are listed; of more, the first and the last are shown.
_LISTED = 4


def summary(table: "Table") -> list[tuple[str, str]]:
    """Names and what there is to say of each: axes, solvers, trials, results, and the other columns."""
    frame = table.frame
    lines = [(name, _values(values)) for name, values in table.axes.items()]
    lines += [("solver", _values(list(dict.fromkeys(frame["solver"]))))]
    lines += [("trial", _values(sorted(set(frame["trial"]))))]
    shares = frame["result"].value_counts(normalize=True)
    lines += [("result", ", ".join(f"{name} {_percent(share)}" for name, share in shares.items()))]
    known = {*table.axes, "solver", "trial", "result", "block"}
    return [*lines, ("columns", ", ".join(name for name in frame.columns if name not in known))]


def _values(values: Sequence) -> str:
    words = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    if len(words) <= _LISTED:
        return ", ".join(words)
    numbers = all(isinstance(value, (int, float)) for value in values)
    order = sorted(range(len(words)), key=lambda place: values[place]) if numbers else range(len(words))
    between = " to " if numbers else ", ..., "
    return f"{words[order[0]]}{between}{words[order[-1]]} ({len(words)} values)"


def _percent(share: float) -> str:
    """Never 0 % of what is there, nor 100 % of what is not all."""
    return "100 %" if share == 1 else f"{min(max(100 * share, 0.1), 99.9):.1f} %"


def _heading(table: "Table") -> str:
    cells = len(table.frame.groupby([*table.axes, "solver"], observed=True, dropna=False).size())
    return f"Table of {len(table.frame):,} rows: {cells:,} pairs of cell and solver"


def as_text(table: "Table") -> str:
    """For a terminal."""
    lines = summary(table)
    width = max(len(name) for name, _ in lines)
    return "\n".join([_heading(table), *(f"  {name:{width}}  {words}" for name, words in lines)])


def as_html(table: "Table") -> str:
    """For a notebook."""
    rows = "".join(
        f'<tr><th style="text-align:left">{html.escape(name)}</th><td style="text-align:left">{html.escape(words)}</td></tr>'
        for name, words in summary(table)
    )
    return f"<table><caption>{html.escape(_heading(table))}</caption><tbody>{rows}</tbody></table>"
