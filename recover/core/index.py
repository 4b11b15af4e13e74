"""Writes the indexes: which public model, solver, problem, start or prediction lives in which file.

`make index` runs it; `python -m recover.core.index --check` exits with 1 if anything would change. Files are read, never
imported. Their public names are those of `__all__`, sorted into kinds

- by base classes: what derives from `AbstractModel`, `AbstractSolver`, `AbstractProximable` or a problem;
- by place: what a file of penalties gives is a penalty, what a file of theory (`theory.py`, `..._theory.py`, or whatever converts numbers by `core.theory_arguments`) gives is theory, what
  `starts.py` gives is a start, and what a model's file gives besides belongs to the model.

Names of no kind are in no index. Beside every module that attaches names lazily stands a stub for type checkers and editors.
"""

import ast
import dataclasses
import pathlib
import sys

from .lazy import RENAMED

PACKAGE = pathlib.Path(__file__).parent.parent

_KINDS = {
    "initialisers": "Where iterations start, as objects apart from the solvers that use them.",
    "models": "Planted models.",
    "penalties": "Penalties and constraints, with their proximal maps.",
    "problems": "What a solver may see: operators, observations and effective sizes, never the truth.",
    "solvers": "Algorithms.",
    "theory": "Predictions to compare experiments with: phase transitions, state evolution, information and sample-size limits.",
}

_INDEX = '''"""{summary}

Written by `make index` from the files that define them.
"""

from .core.lazy import attach

_HOMES = {{
{lines}}}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
'''


@dataclasses.dataclass(frozen=True)
class File:
    """What the syntax tree of one file says: its public names, its classes with their bases, what it imports."""

    module: str
    public: tuple[str, ...]
    bases: dict[str, tuple[str, ...]]
    imported: dict[str, tuple[str, str]]


def read(path: pathlib.Path, package: pathlib.Path = PACKAGE) -> File:
    """Reads one file of the package."""
    parts = path.relative_to(package).with_suffix("").parts
    tree = ast.parse(path.read_text(), filename=str(path))
    public: tuple[str, ...] = ()
    bases, imported = {}, {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            try:
                public = tuple(ast.literal_eval(node.value))
            except ValueError:
                raise SystemExit(f"{path}: `__all__` is not a list of names.") from None
        elif isinstance(node, ast.ClassDef):
            bases[node.name] = tuple(_base(base) for base in node.bases)
        elif isinstance(node, ast.ImportFrom) and node.level:
            home = ".".join((*parts[: len(parts) - node.level], *((node.module,) if node.module else ())))
            imported |= {alias.asname or alias.name: (home, alias.name) for alias in node.names}
    return File(".".join(parts), public, bases, imported)


def kinds(files: dict[str, File]) -> dict[str, dict[str, str]]:
    """For every kind its public names and their homes, both sorted."""
    found: dict[str, dict[str, str]] = {kind: {} for kind in _KINDS}
    for file in files.values():
        for name in file.public:
            kind = _kind(files, file, name)
            if kind is None:
                continue
            if name in found[kind]:
                raise SystemExit(f"{kind}: {name} is defined in {found[kind][name]} and in {file.module}.")
            found[kind][name] = file.module
    return {kind: dict(sorted(names.items())) for kind, names in found.items()}


def generated(package: pathlib.Path = PACKAGE) -> dict[pathlib.Path, str]:
    """All indexes and stubs, as they should be."""
    paths = [path for path in sorted(package.rglob("*.py")) if path.name != "__init__.py" and path.parent != package]
    texts = {}
    files = {file.module: file for file in (read(path, package) for path in paths)}
    for kind, homes in kinds(files).items():
        lines = "".join(f'    "{name}": "{home}",\n' for name, home in homes.items())
        texts[package / f"{kind}.py"] = _INDEX.format(summary=_KINDS[kind], lines=lines)
        texts[package / f"{kind}.pyi"] = _stub(homes, {}, 1)
    for path in sorted(package.rglob("__init__.py")):
        tables = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("_HOMES", "_MODULES")
        }
        if tables:
            depth = len(path.relative_to(package).parts)
            texts[path.with_suffix(".pyi")] = _stub(tables.get("_HOMES", {}), tables.get("_MODULES", {}), depth)
    return texts


def _base(node: ast.expr) -> str:
    """The name of a base class, without its parameters."""
    return ast.unparse(node.value if isinstance(node, ast.Subscript) else node)


def _ancestors(files: dict[str, File], module: str, name: str) -> set[tuple[str, str]]:
    """A class and all that it derives from within the package, as pairs of module and name."""
    found, waiting = set(), [(module, name)]
    while waiting:
        module, name = waiting.pop()
        file = files.get(module)
        if (module, name) in found or file is None:
            continue
        found.add((module, name))
        waiting += [file.imported.get(base, (module, base)) for base in file.bases.get(name, ())]
    return found


def _is_problem(module: str, name: str) -> bool:
    return name.endswith("Problem") or module.endswith(".problem")


def _kind(files: dict[str, File], file: File, name: str) -> str | None:
    ancestors = _ancestors(files, file.module, name)
    if ("core.solver", "AbstractSolver") in ancestors:
        return "solvers"
    if ("core.model", "AbstractModel") in ancestors:
        return "models"
    if any(_is_problem(*ancestor) for ancestor in ancestors):
        return "problems"
    place = file.module.rpartition(".")[2]
    if place == "penalties" or ("scalar.proximable", "AbstractProximable") in ancestors:
        return "penalties"
    if place == "starts":
        return "initialisers"
    if place.endswith("theory") or any(home == "core.theory_arguments" for home, _ in file.imported.values()):
        return "theory"
    model = any(("core.model", "AbstractModel") in _ancestors(files, file.module, each) for each in file.bases)
    return "models" if model else None


def _stub(homes: dict[str, str], modules: dict[str, str], depth: int) -> str:
    """The imports that lazy names stand for; `depth` is how many folders the package is above."""
    dots = "." * depth
    lines = [f"from {dots}{home} import {name} as {name}\n" for name, home in homes.items()]
    lines += [
        f"from {dots}{homes[new]} import {new} as {old}  # deprecated\n" for old, new in RENAMED.items() if new in homes
    ]
    for name, home in modules.items():
        folder, _, module = home.rpartition(".")
        lines.append(f"from {dots}{folder} import {module} as {module}\n")
        if name != module:
            lines.append(f"{name} = {module}\n")
    return "".join(lines)


def main(arguments: list[str]) -> int:
    """Writes what has changed; with `--check` names it only. Exit status 1 if a check found anything."""
    changed = {path: text for path, text in generated().items() if not path.exists() or path.read_text() != text}
    for path, text in changed.items():
        print(path.relative_to(PACKAGE.parent))
        if "--check" not in arguments:
            path.write_text(text)
    return int(bool(changed) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
