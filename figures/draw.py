"""From results to files: one paper's figures, their claims, and a record of each for the page.

build/<paper>/<figure>.pdf, .png     the figure
build/<paper>/<figure>.json          what the page says of it
build/<paper>/paper.json             what the page says of the paper
build/claims.json                    the claims of all papers
"""

import dataclasses
import hashlib
import json
import pathlib
import sys

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

    A figure that was drawn from the same tables by the same code is kept.

    **Arguments:**

    - `results`: folder the experiments wrote to.
    - `build`: folder to write to.
    - `paper`: slug.
    - `profile`: which results: `quick`, `paper` or `tiny`.
    - `only`: one figure; None draws all. Figures that earlier versions drew are forgotten.

    **Raises:** `ResultsError` where nothing draws this paper, it has no results, or it has no figure `only`.
    """
    description = read_paper(results, paper, profile)
    available = drawings(paper)
    if only is not None and only not in available:
        raise ResultsError(f"{paper} has no figure {only!r}; it has: {', '.join(available)}.")
    folder = build / paper
    folder.mkdir(parents=True, exist_ok=True)
    _forget(folder, keep=set(available))
    _write(folder / "paper.json", description.model_dump())

    code = _code(results, paper)
    before = [Claim(**entry) for entry in claims.read(build / "claims.json") if entry["paper"] == paper]
    drawn: list[str] = []
    found: list[Claim] = []
    missing: list[str] = []
    for order, drawing in enumerate(available.values()):
        if only not in (None, drawing.name):
            continue
        try:
            source = _source(results / paper / profile / drawing.name, code)
            known = [claim for claim in before if claim.figure == drawing.name]
            if _is_drawn(folder, drawing.name, source, len(known)):
                found += known
            else:
                found += _draw(results, folder, description, profile, drawing, order, source)
            drawn.append(drawing.name)
        except ResultsError as error:
            # The others are still worth drawing; what the page showed of this one no longer follows from results.
            missing.append(str(error))
            _forget(folder, keep={path.stem for path in folder.glob("*.json")} - {drawing.name})
    claims.merge(build / "claims.json", found, paper, None if only is None else [only])
    return Drawn(paper, tuple(drawn), tuple(found), tuple(missing))


def _code(results: pathlib.Path, paper: str) -> bytes:
    """Digest of the code that draws a paper: all files of this package but those of other papers."""
    stream = hashlib.blake2b(digest_size=16)
    others = {folder.name for folder in results.iterdir()} - {paper}
    drawing = getattr(sys.modules.get(f"figures.{paper}"), "__file__", None)
    files = [path for path in pathlib.Path(__file__).parent.glob("*.py") if path.stem not in others]
    for path in sorted({*files, *([pathlib.Path(drawing)] if drawing else [])}):
        stream.update(path.name.encode() + b"=" + hashlib.blake2b(path.read_bytes()).digest())
    return stream.digest()


def _source(tables: pathlib.Path, code: bytes) -> str:
    """Digest of what a figure is drawn from: code, description, and names, sizes and times of tables."""
    stream = hashlib.blake2b(code, digest_size=16)
    for path in sorted([*tables.glob("*.json"), *tables.glob("*.parquet"), *tables.glob("resamples/*.parquet")]):
        found = path.stat()
        stream.update(f"{path.relative_to(tables)}:{found.st_size}:{found.st_mtime_ns};".encode())
    return stream.hexdigest()


def _is_drawn(folder: pathlib.Path, name: str, source: str, claims_known: int) -> bool:
    """Whether a figure was drawn from this source, and all claims that came of it are known."""
    record = folder / f"{name}.json"
    if not all(record.with_suffix(suffix).is_file() for suffix in (".json", ".pdf", ".png")):
        return False
    written = json.loads(record.read_text())
    return (written.get("source"), written.get("claims")) == (source, claims_known)


def _draw(
    results: pathlib.Path,
    folder: pathlib.Path,
    paper: PaperInfo,
    profile: str,
    drawing: Drawing,
    order: int,
    source: str,
) -> list[Claim]:
    tables, info = read_figure(results, paper.slug, profile, drawing.name)
    with style.use():
        sheet = Sheet(tables, info, labels(paper.slug))
        drawing.draw(sheet)
        picture, found = sheet.finished()
        pdf, png = style.save(picture, folder / drawing.name)
    with Image.open(png) as image:
        pixels = image.size
    record = {
        **info.model_dump(mode="json"),
        "order": order,
        "alt": drawing.alt or info.title,
        "pdf": pdf.name,
        "png": png.name,
        "pixels": pixels,
        "inches": [float(side) for side in picture.get_size_inches()],
        "source": source,
        "claims": len(found),
    }
    _write(folder / f"{drawing.name}.json", record)
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
