"""Reading what experiments wrote.

results/<paper>/<profile>/paper.json
results/<paper>/<profile>/<figure>/figure.json
results/<paper>/<profile>/<figure>/<table>.parquet
results/<paper>/<profile>/<figure>/resamples/<table>.parquet
"""

import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import pydantic


class ResultsError(Exception):
    """Results that are missing or damaged; the message says what to run."""


class PaperInfo(pydantic.BaseModel):
    """Who wrote what: the content of paper.json."""

    model_config = pydantic.ConfigDict(extra="ignore", frozen=True)

    slug: str
    title: str
    authors: str | list[str] = ""
    reference: str = ""
    summary: str = ""


class FigureInfo(pydantic.BaseModel):
    """What a figure shows and where its numbers come from: the content of figure.json.

    `configuration` holds the numbers the tables were computed with, `trials` how many random instances of everything there
    are (0 where nothing is random), `reference` numbers of others to compare with; `inferred` says which numbers the paper
    does not state; `started` and `finished` are seconds since 1970 or text.
    """

    model_config = pydantic.ConfigDict(extra="ignore", frozen=True)

    paper: str
    figure: str
    title: str
    caption: str = ""
    profile: str
    configuration: dict[str, Any] = {}
    reference: dict[str, Any] = {}
    trials: int = 0
    config_hash: str = ""
    provenance: dict[str, Any] = {}
    inferred: bool | str | None = None
    started: float | str | None = None
    finished: float | str | None = None


class Tables(Mapping[str, pd.DataFrame]):
    """The tables of one figure by name, read when asked for."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._read: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        """Read the table `name`.

        Raises:
            ResultsError: there is none, or the file is damaged.
        """
        if name not in self._read:
            path = self.folder / f"{name}.parquet"
            if not path.is_file():
                raise ResultsError(
                    f"{self.folder} has no table {name!r}; it has: {', '.join(self) or 'none'}. {self._anew()}"
                )
            self._read[name] = self._table(path)
        return self._read[name].copy()

    def _table(self, path: pathlib.Path) -> pd.DataFrame:
        try:
            return pd.read_parquet(path)
        # A damaged file can lead its reader anywhere.
        except Exception as error:
            raise ResultsError(f"{path} cannot be read: {error}. {self._anew()}") from error

    def _anew(self) -> str:
        paper, profile, figure = self.folder.parts[-3:]
        return f"Compute it anew with:\n  {how_to_make(paper, profile, figure)}"

    def resampled(self) -> dict[str, pd.DataFrame]:
        """The tables that depend on trials on drawings of them, told apart by the column `resample`; none if there are few."""
        return {path.stem: self._table(path) for path in sorted((self.folder / "resamples").glob("*.parquet"))}

    def __iter__(self) -> Iterator[str]:
        """Names of the tables on disk, sorted."""
        return iter(sorted(path.stem for path in self.folder.glob("*.parquet")))

    def __len__(self) -> int:
        """How many tables there are."""
        return sum(1 for _ in self)


def papers(results: pathlib.Path, profile: str) -> list[str]:
    """Slugs of all papers with results at this profile, sorted."""
    return sorted(path.parent.parent.name for path in results.glob(f"*/{profile}/paper.json"))


def read_paper(results: pathlib.Path, paper: str, profile: str) -> PaperInfo:
    """Read paper.json.

    Raises:
        ResultsError: it is missing or damaged.
    """
    path = results / paper / profile / "paper.json"
    return _validated(path, PaperInfo, how_to_make(paper, profile))


def read_figure(results: pathlib.Path, paper: str, profile: str, figure: str) -> tuple[Tables, FigureInfo]:
    """Read one figure's description; its tables are read when asked for.

    Raises:
        ResultsError: the description is missing or damaged.
    """
    folder = results / paper / profile / figure
    info = _validated(folder / "figure.json", FigureInfo, how_to_make(paper, profile, figure))
    return Tables(folder), info


def how_to_make(paper: str, profile: str, figure: str | None = None) -> str:
    """The command that computes these results."""
    only = f" --figure {figure}" if figure else ""
    return f"python -m experiments run paper_configs/{paper}.toml --profile {profile}{only}"


def _validated(path: pathlib.Path, kind: type, command: str):
    if not path.is_file():
        raise ResultsError(f"there is no {path}. Compute it with:\n  {command}")
    try:
        return kind.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError, pydantic.ValidationError) as error:
        raise ResultsError(f"{path} is damaged ({error}). Compute it anew with:\n  {command} --force") from error
