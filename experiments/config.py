"""Paper configurations: TOML in, validated figures out, or an error that names file, key, value and what is allowed."""

import dataclasses
import difflib
import hashlib
import importlib
import json
import pathlib
import pkgutil
import re
import tomllib
from typing import Any, Literal

import pydantic

from .figure import Figure

Profile = Literal["quick", "paper", "tiny"]
_FIGURE_KEYS = ("title", "caption", "inferred", "reference", "common", "quick", "paper", "tiny")


class ConfigError(Exception):
    """A configuration that cannot be run; the message is for the person who wrote it."""


class Paper(pydantic.BaseModel):
    """Who wrote what."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    title: str
    authors: str
    reference: str
    summary: str


@dataclasses.dataclass(frozen=True)
class FigureConfig:
    """One figure at one profile. `reference` holds numbers of others that claims compare with; nothing is computed from them."""

    name: str
    title: str
    caption: str
    inferred: str | None
    reference: dict[str, Any]
    numbers: Figure

    @property
    def configuration(self) -> dict[str, Any]:
        """The numbers as plain data."""
        return self.numbers.model_dump(mode="json")

    @property
    def config_hash(self) -> str:
        """Digest of the numbers."""
        encoded = json.dumps([self.name, self.configuration], sort_keys=True).encode()
        return hashlib.blake2b(encoded, digest_size=8).hexdigest()


@dataclasses.dataclass(frozen=True)
class PaperConfig:
    """A paper's figures at one profile."""

    slug: str
    profile: Profile
    paper: Paper
    figures: tuple[FigureConfig, ...]


def figure_kinds(slug: str) -> dict[str, type[Figure]]:
    """The figures that `experiments/<slug>.py` (or a package of that name) defines, by name: `SearchRank` is `search_rank`.

    What other figures of the paper inherit from is none of them.

    **Raises:** `ModuleNotFoundError` where there is no such module.
    """
    paper = importlib.import_module(f"experiments.{slug}")
    below = [found.name for found in pkgutil.iter_modules(getattr(paper, "__path__", []), f"{paper.__name__}.")]
    modules = [paper, *(importlib.import_module(name) for name in below)]
    kinds = [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Figure) and kind.__module__ == module.__name__
    ]
    return {_snake(kind.__name__): kind for kind in kinds if not any(kind in other.__bases__ for other in kinds)}


def _snake(name: str) -> str:
    """`SearchRank` as `search_rank`, `AFALaw` as `afa_law`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def load(path: pathlib.Path, profile: Profile, only: str | None = None) -> PaperConfig:
    """Reads and validates a paper configuration.

    **Raises:** `ConfigError` naming the file, the key, its value and what is allowed.
    """
    if path.is_dir():
        inside = sorted(str(each) for each in path.glob("*.toml"))
        raise ConfigError(f"{path} is a folder; give one file: {', '.join(inside) or 'there is no .toml in it'}.")
    if not path.is_file():
        near = sorted(str(p) for p in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        raise ConfigError(f"{path}: no such file." + (f" There are: {', '.join(near)}." if near else ""))
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not text in UTF-8: {error}.") from None
    # Dates that are none are a ValueError of the parser's, and nests of brackets a RecursionError.
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.") from None
    _known_keys(path, "", data, ("paper", "figures"))
    paper = _validated(path, "paper", Paper, data.get("paper", {}))
    slug = path.stem
    try:
        kinds = figure_kinds(slug) if slug.isidentifier() else {}
    except ModuleNotFoundError as error:
        if error.name != f"experiments.{slug}":
            raise
        kinds = {}
    if not kinds:
        raise ConfigError(f"{path}: there is no module experiments/{slug}.py for this paper.")
    sections = _section(path, "figures", data)
    if not sections:
        raise ConfigError(f"{path}: `figures` is empty; at least one of {', '.join(kinds)} is needed.")
    _known_keys(path, "figures", sections, kinds)
    if only is not None and only not in sections:
        raise ConfigError(f"{path}: `--figure` is {only!r}; allowed: {', '.join(sections)}.")
    names = sections if only is None else [only]
    figures = tuple(
        _figure(path, name, kinds[name], _section(path, f"figures.{name}", sections), profile) for name in names
    )
    return PaperConfig(slug, profile, paper, figures)


def _figure(path, name: str, kind: type[Figure], section: dict, profile: Profile) -> FigureConfig:
    where = f"figures.{name}"
    _known_keys(path, where, section, _FIGURE_KEYS)
    for key in ("title", "caption"):
        if not isinstance(section.get(key), str):
            raise ConfigError(f"{path}: `{where}.{key}` is {section.get(key)!r}; a string is needed.")
    inferred = section.get("inferred")
    if not isinstance(inferred, str | None):
        raise ConfigError(f"{path}: `{where}.inferred` is {inferred!r}; a string is needed.")
    reference = _section(path, f"{where}.reference", section)
    common, chosen = (_section(path, f"{where}.{part}", section) for part in ("common", profile))
    numbers = _validated(path, where, kind, {**common, **chosen}, profile, chosen)
    return FigureConfig(name, section["title"], section["caption"], inferred, reference, numbers)


def _section(path, where: str, data: dict) -> dict:
    """A table of a configuration by its full name, empty where there is none."""
    found = data.get(where.rpartition(".")[2], {})
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: `{where}` is {_shown(found)}; a table is needed.")
    return found


def _shown(value) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _known_keys(path, where: str, section: dict, known) -> None:
    for key in section:
        if key not in known:
            full = f"{where}.{key}" if where else key
            close = difflib.get_close_matches(key, list(known), n=1)
            hint = f" Did you mean `{close[0]}`?" if close else ""
            raise ConfigError(f"{path}: unknown key `{full}`.{hint} Allowed: {', '.join(known)}.")


def _validated(path, where: str, kind, values: dict, profile: str | None = None, chosen: dict | None = None):
    try:
        return kind.model_validate(values)
    except pydantic.ValidationError as error:
        lines = []
        for problem in error.errors():
            key = ".".join(str(part) for part in problem["loc"])
            section = where
            if profile is not None:
                section += f".{profile}" if problem["loc"] and problem["loc"][0] in (chosen or {}) else ".common"
            full = f"{section}.{key}" if key else section
            match problem["type"]:
                case "extra_forbidden":
                    known = list(kind.model_fields)
                    close = difflib.get_close_matches(key, known, n=1)
                    hint = f" Did you mean `{close[0]}`?" if close else ""
                    lines.append(f"{path}: unknown key `{full}`.{hint} Allowed: {', '.join(sorted(known))}.")
                case "missing":
                    lines.append(f"{path}: `{full}` is missing.")
                case _:
                    message = problem["msg"].removeprefix("Value error, ")
                    shown = f" is {_shown(problem['input'])}" if key else ""
                    lines.append(f"{path}: `{full}`{shown}: {message}.")
        raise ConfigError("\n".join(lines)) from None
    except (ArithmeticError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
        # What a figure computes of its numbers while they are validated.
        raise ConfigError(f"{path}: `{where}` cannot be used: {type(error).__name__}: {error}.") from None
