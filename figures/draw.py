"""From results to files: one paper's figures, their claims, and a record of each for the page.

build/<paper>/<figure>.pdf, .png     the figure
build/<paper>/<figure>.json          what the page says of it
build/<paper>/paper.json             what the page says of the paper
build/claims.json                    the claims of all papers
"""

import dataclasses
import json
import pathlib

from PIL import Image

from . import claims, style
from .claims import Claim
from .registry import Drawing, drawings, labels
from .results import PaperInfo, ResultsError, read_figure, read_paper
from .sheet import Sheet


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What came of drawing a paper: the figures drawn, their claims, and a message for each that has no results."""

    paper: str
    figures: tuple[str, ...]
    claims: tuple[Claim, ...]
    missing: tuple[str, ...]


def draw_paper(results: pathlib.Path, build: pathlib.Path, paper: str, profile: str, only: str | None = None) -> Drawn:
    """Draw the figures of one paper that have results, and replace their claims in claims.json.

    **Arguments:**

    - `results`: folder the experiments wrote to.
    - `build`: folder to write to.
    - `paper`: slug.
    - `profile`: which results: `quick`, `paper` or `tiny`.
    - `only`: one figure; None draws all, and forgets figures that earlier versions drew.

    **Raises:** `ResultsError` where nothing draws this paper, it has no results, or it has no figure `only`.
    """
    description = read_paper(results, paper, profile)
    available = drawings(paper)
    if only is not None and only not in available:
        raise ResultsError(f"{paper} has no figure {only!r}; it has: {', '.join(available)}.")
    folder = build / paper
    folder.mkdir(parents=True, exist_ok=True)
    if only is None:
        _forget(folder, keep=set(available))
    _write(folder / "paper.json", description.model_dump())

    drawn: list[str] = []
    found: list[Claim] = []
    missing: list[str] = []
    for order, drawing in enumerate(available.values()):
        if only not in (None, drawing.name):
            continue
        try:
            found += _draw(results, folder, description, profile, drawing, order)
            drawn.append(drawing.name)
        except ResultsError as error:
            # The others are still worth drawing; what the page showed of this one no longer follows from results.
            missing.append(str(error))
            _forget(folder, keep={path.stem for path in folder.glob("*.json")} - {drawing.name})
    claims.merge(build / "claims.json", found, paper, None if only is None else [only])
    return Drawn(paper, tuple(drawn), tuple(found), tuple(missing))


def _draw(
    results: pathlib.Path, folder: pathlib.Path, paper: PaperInfo, profile: str, drawing: Drawing, order: int
) -> list[Claim]:
    tables, info = read_figure(results, paper.slug, profile, drawing.name)
    with style.use():
        sheet = Sheet(tables, info, labels(paper.slug))
        drawing.draw(sheet)
        picture, found = sheet.finished()
        pdf, png = style.save(picture, folder / drawing.name)
    with Image.open(png) as image:
        pixels = image.size
    _write(
        folder / f"{drawing.name}.json",
        {
            **info.model_dump(mode="json"),
            "order": order,
            "alt": drawing.alt or info.title,
            "pdf": pdf.name,
            "png": png.name,
            "pixels": pixels,
            "inches": [float(side) for side in picture.get_size_inches()],
        },
    )
    return found


def _forget(folder: pathlib.Path, keep: set[str]) -> None:
    """Remove the files of figures that are not in `keep`; files that no figure left are not touched."""
    for record in folder.glob("*.json"):
        if record.stem in keep or record.stem == "paper":
            continue
        for suffix in (".json", ".pdf", ".png"):
            record.with_name(record.stem + suffix).unlink(missing_ok=True)


def _write(path: pathlib.Path, data: dict) -> None:
    temporary = path.with_suffix(".writing")
    temporary.write_text(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    temporary.replace(path)
