"""The page: every figure drawn, with its claims, configuration and provenance, in one file that opens anywhere.

build/index.html is made from what `draw` left in build/ and nothing else. It needs no network: styles are inline and
pictures are next to it. All text from results is escaped.
"""

import json
import pathlib
import re
import string
from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import quote

from . import claims as claims_module
from .claims import number

TEMPLATE = pathlib.Path(__file__).with_name("page.html")

_ARXIV = re.compile(r"arXiv(?::\s?|\s)(\d{4}\.\d{4,5}(?:v\d+)?|[a-z-]+(?:\.[A-Z]{2})?/\d{7})", re.IGNORECASE)
_DOI = re.compile(r"\b(10\.\d{4,9}/[^\s;,<>\"']+[^\s;,.<>\"'])")
_INCH = 96
"""Pixels of a style sheet per inch."""


def write(build: pathlib.Path) -> pathlib.Path:
    """Write index.html from the records in `build`, and return its path."""
    build.mkdir(parents=True, exist_ok=True)
    path = build / "index.html"
    temporary = path.with_suffix(".writing")
    temporary.write_text(render(build), encoding="utf-8")
    temporary.replace(path)
    return path


def render(build: pathlib.Path) -> str:
    """The page as text."""
    found = claims_module.read(build / "claims.json")
    papers = []
    for paper_file in sorted(build.glob("*/paper.json")):
        paper = json.loads(paper_file.read_text(encoding="utf-8"))
        records = [
            json.loads(path.read_text(encoding="utf-8"))
            for path in paper_file.parent.glob("*.json")
            if path.name != "paper.json"
        ]
        papers.append((paper, sorted(records, key=lambda record: (record["order"], record["figure"]))))
    shown = {(record["paper"], record["figure"]) for _, records in papers for record in records}
    found = [claim for claim in found if (claim["paper"], claim["figure"]) in shown]
    template = string.Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        summary=_summary(papers, found),
        contents="".join(_contents(paper, records, found) for paper, records in papers),
        papers="".join(_paper(paper, records, found) for paper, records in papers)
        or '<p class="empty">Nothing has been drawn yet. Run <code>make figures</code>.</p>',
    )


def _summary(papers: list, found: list[dict]) -> str:
    figures = sum(len(records) for _, records in papers)
    met = sum(claim["holds"] for claim in found)
    share = 100 * met / len(found) if found else 0
    return (
        f'<p class="tally"><strong>{met} of {len(found)}</strong> claims are met</p>'
        f'<div class="meter" role="img" aria-label="{met} of {len(found)} claims are met">'
        f'<span style="width:{share:.2f}%"></span></div>'
        f'<p class="counts">{_count(len(papers), "paper")}, {_count(figures, "figure")}</p>'
        f"{_sources(found)}"
    )


def _sources(found: list[dict]) -> str:
    """One line per source of claims: how many there are, are met, and what their intervals over trials say."""
    if not found:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(source)}</th>'
        + "".join(f"<td>{row[name]}</td>" for name in ("claims", "met", "holds", "open", "fails"))
        + "</tr>"
        for source, row in claims_module.tally(found).items()
    )
    return (
        '<table class="sources"><thead><tr><th>source</th><th>claims</th><th>met</th><th>hold</th><th>open</th>'
        f"<th>fail</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _contents(paper: dict, records: list[dict], found: list[dict]) -> str:
    own = [claim for claim in found if claim["paper"] == paper["slug"]]
    items = "".join(
        f'<li><a href="#{_anchor(record["paper"], record["figure"])}">{escape(record["title"])}</a>'
        f"{_dots([claim for claim in own if claim['figure'] == record['figure']])}</li>"
        for record in records
    )
    return (
        f'<li><a class="of-paper" href="#{_anchor(paper["slug"])}">{escape(paper["title"])}</a>'
        f'<span class="of">{sum(claim["holds"] for claim in own)}/{len(own)}</span><ul>{items}</ul></li>'
    )


def _dots(found: list[dict]) -> str:
    """A mark in the contents for figures with a claim that is not met."""
    missed = sum(not claim["holds"] for claim in found)
    return f'<span class="failing" title="{_count(missed, "claim")} not met">{missed}&nbsp;✗</span>' if missed else ""


def _paper(paper: dict, records: list[dict], found: list[dict]) -> str:
    authors = paper["authors"] if isinstance(paper["authors"], str) else ", ".join(paper["authors"])
    own = [claim for claim in found if claim["paper"] == paper["slug"]]
    figures = "".join(
        _figure(record, [claim for claim in own if claim["figure"] == record["figure"]], position)
        for position, record in enumerate(records, start=1)
    )
    lines = [
        f'<p class="authors">{escape(authors)}</p>' if authors else "",
        f'<p class="reference">{_linked(paper["reference"])}</p>' if paper["reference"] else "",
        f'<p class="summary">{escape(paper["summary"])}</p>' if paper["summary"] else "",
    ]
    return (
        f'<section class="paper" id="{_anchor(paper["slug"])}"><header><h2>{escape(paper["title"])}</h2>'
        f"{''.join(lines)}</header>{figures}</section>"
    )


def _figure(record: dict, found: list[dict], position: int) -> str:
    folder = quote(record["paper"])
    png, pdf = (f"{folder}/{quote(record[kind])}" for kind in ("png", "pdf"))
    width, height = record["pixels"]
    # Never larger than printed size and a half: a figure of one column would be blown up to the width of the page.
    largest = round(record["inches"][0] * _INCH * 1.5)
    # On a phone the type of a figure as wide as a page would be unreadable; such a figure scrolls sideways there.
    kind = "plate wide" if record["inches"][0] > 5 else "plate"
    inferred = record.get("inferred")
    note = "Some of the numbers behind this figure are not stated in the paper." if inferred is True else inferred
    return (
        f'<article class="figure" id="{_anchor(record["paper"], record["figure"])}">'
        f'<h3><span class="position">{position}</span>{escape(record["title"])}</h3>'
        f'<figure><a class="{kind}" href="{pdf}" title="Open as PDF">'
        f'<img src="{png}" alt="{escape(record["alt"])}" width="{width}" height="{height}" '
        f'style="max-width:min(100%,{largest}px)" loading="lazy"></a>'
        f"<figcaption>{escape(record['caption'])} "
        f'<a class="pdf" href="{pdf}">PDF</a></figcaption></figure>'
        f"{_claims(found)}"
        + (f'<p class="inferred"><b>Inferred:</b> {escape(str(note))}</p>' if note else "")
        + f'<p class="origin">{_origin(record)}</p>'
        f"{_details(record)}</article>"
    )


def _claims(found: list[dict]) -> str:
    if not found:
        return ""
    return f'<ul class="claims" aria-label="Claims">{"".join(_claim(claim) for claim in found)}</ul>'


_BADGES = {"holds": "✓", "fails": "✗", "open": "?"}


def _claim(claim: dict) -> str:
    verdict = claim["verdict"]
    facts = [("criterion", claim["criterion"]), ("measured", number(claim["measured"]))]
    if claim.get("interval"):
        low, high = claim["interval"]
        facts.append(("interval", f"[{'−∞' if low is None else number(low)}, {'∞' if high is None else number(high)}]"))
    if verdict == "open":
        facts.append(("met", "yes" if claim["holds"] else "no"))
    facts.append(("source", claim["source"]))
    listed = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    remarks = "".join(
        f'<p class="note">{before}{escape(claim[name])}</p>'
        for name, before in (("note", ""), ("reason", "Why not: "))
        if claim.get(name)
    )
    return (
        f'<li class="{verdict}"><span class="badge"><i aria-hidden="true">{_BADGES[verdict]}</i>{verdict}</span>'
        f'<div class="sentence"><p>{escape(claim["claim"])}</p><dl>{listed}</dl>{remarks}</div></li>'
    )


def _origin(record: dict) -> str:
    """One line: which profile, on what, in what precision, how long."""
    source = record["provenance"]
    parts = [f"{record['profile']} profile"]
    if source.get("device"):
        count = source.get("device_count", 1)
        parts.append(f"{source['device']}" + (f" × {count}" if isinstance(count, int) and count > 1 else ""))
    if source.get("dtype"):
        parts.append(str(source["dtype"]))
    if isinstance(source.get("instances"), int | float):
        parts.append(f"{source['instances']:,.0f} instances")
    times = [
        f"{name} {_seconds(source[key])}"
        for key, name in (("compile_seconds", "compiled in"), ("run_seconds", "run in"))
        if isinstance(source.get(key), int | float)
    ]
    parts += [", ".join(times)] if times else []
    return " <span>·</span> ".join(escape(part) for part in parts)


def _details(record: dict) -> str:
    source = dict(record["provenance"])
    source["config_hash"] = record["config_hash"]
    source["started"], source["finished"] = _moment(record["started"]), _moment(record["finished"])
    blocks = [("Configuration", record["configuration"]), ("Provenance", source)]
    return '<div class="more">' + "".join(_table(title, data) for title, data in blocks if data) + "</div>"


def _table(title: str, data: dict) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(key)}</th><td>{escape(value)}</td></tr>' for key, value in _flat(data) if value
    )
    return (
        f"<details><summary>{title}</summary><div class='scroll'><table><tbody>{rows}</tbody></table></div></details>"
    )


def _flat(data: dict, prefix: str = "") -> Iterable[tuple[str, str]]:
    """Nested keys joined by dots; lists and numbers as text."""
    for key, value in data.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, list):
            yield name, ", ".join(_value(item) for item in value)
        else:
            yield name, _value(value)


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    # Integers keep all their digits and get no separators: a seed is a name, not a size.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _seconds(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.3g} s"
    if seconds < 5400:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h"


def _moment(moment: float | str | None) -> str:
    if not isinstance(moment, int | float):
        return moment or ""
    import datetime

    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _linked(reference: str) -> str:
    """A reference with its arXiv identifier and DOI as links; everything else escaped."""
    spans = [(match, f"https://arxiv.org/abs/{match[1]}") for match in _ARXIV.finditer(reference)]
    spans += [(match, f"https://doi.org/{match[1]}") for match in _DOI.finditer(reference)]
    pieces, position = [], 0
    for match, address in sorted(spans, key=lambda span: span[0].start()):
        if match.start() < position:
            continue
        pieces.append(escape(reference[position : match.start()]))
        pieces.append(f'<a href="{escape(address)}">{escape(match[0])}</a>')
        position = match.end()
    return "".join(pieces) + escape(reference[position:])


def _anchor(*slugs: str) -> str:
    return escape("--".join(re.sub(r"[^\w.-]", "-", slug) for slug in slugs))


def _count(amount: int, noun: str) -> str:
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"
