"""Which code a number depends on: the files that a module reaches by its imports, read off syntax trees.

Nothing is imported. Packages are indexes, as are files with a table `_HOMES`: a name that comes from one counts as the file
that defines it, and the index itself as nothing. So a new solver makes no other one's rows stale, and an edit of a fit makes
stale what was fitted with it.
"""

import ast
import dataclasses
import functools
import hashlib
import pathlib
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping

from .content import callables
from .loaded_code import Codes
from .origin import PACKAGES, is_versioned

# What computes rows, whatever the model and the solver.
_ENGINE = ("recover.sweeps.program", "recover.sweeps.plan", "recover.sweeps.layout", "recover.sweeps.block")

# A module, and names looked up in it one after the other: ("recover", ("solvers", "AMP")).
Reference = tuple[str, tuple[str, ...]]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the syntax tree of a file says.

    - `homes`, `modules`: the tables of an index, from names to files and from names to modules; `None` without one.
    - `bound`: what the imports at the top of the file bind, which others may import from it.
    - `references`: all that the file uses of other modules.
    - `digest`: of its bytes.
    """

    homes: Mapping[str, str] | None
    modules: Mapping[str, str]
    bound: Mapping[str, Reference]
    references: frozenset[Reference]
    digest: bytes


class Tree:
    """The packages `recover` and `experiments` below a folder."""

    def __init__(self, root: pathlib.Path):
        self._root = root

    def closure(self, roots: Iterable[str | tuple[str, pathlib.Path]]) -> dict[str, pathlib.Path]:
        """All modules that the given ones reach, themselves included, with their files.

        A root outside of the packages is a pair of its name and its file.
        """
        found: dict[str, pathlib.Path] = {}
        waiting: list[tuple[str, pathlib.Path]] = []
        for root in roots:
            if isinstance(root, tuple):
                waiting.append(root)
            else:
                waiting += [(name, self._file(name)) for name in self._targets((root, ()))]
        while waiting:
            name, path = waiting.pop()
            if name in found:
                continue
            found[name] = path
            for reference in facts(path, name).references:
                waiting += [(each, self._file(each)) for each in self._targets(reference) if each not in found]
        return found

    def digest(self, roots: Iterable[str | tuple[str, pathlib.Path]]) -> str:
        """Digest of the closure: names and contents."""
        stream = hashlib.blake2b(digest_size=16)
        for name, path in sorted(self.closure(roots).items()):
            stream.update(name.encode() + b"=" + facts(path, name).digest)
        return stream.hexdigest()

    def _path(self, module: str) -> pathlib.Path | None:
        if module.partition(".")[0] not in PACKAGES:
            return None
        place = self._root.joinpath(*module.split("."))
        for path in (place.with_name(place.name + ".py"), place / "__init__.py"):
            if path.is_file():
                return path
        return None

    def _file(self, module: str) -> pathlib.Path:
        path = self._path(module)
        assert path is not None, module
        return path

    def _targets(self, reference: Reference, seen: frozenset[Reference] = frozenset()) -> set[str]:
        """The modules whose code a reference counts as."""
        module, chain = reference
        path = self._path(module)
        if path is None:
            return self._without_file(module, chain, seen)
        here = facts(path, module)
        if reference in seen:
            return set()
        if here.homes is None and path.name != "__init__.py":
            return {module}
        seen |= {reference}
        package = module.partition(".")[0]
        homes, modules = here.homes or {}, here.modules
        if not chain:
            # Used as a whole, by whatever name: everything that is in it.
            inside = [(f"{package}.{home}", ()) for home in (*homes.values(), *modules.values())]
            return set().union(*(self._targets(each, seen) for each in (*inside, *here.bound.values())))
        name, rest = chain[0], chain[1:]
        if name in homes:
            return self._targets((f"{package}.{homes[name]}", (name, *rest)), seen)
        if name in modules:
            return self._targets((f"{package}.{modules[name]}", rest), seen)
        if name in here.bound:
            inner, names = here.bound[name]
            return self._targets((inner, (*names, *rest)), seen)
        if self._path(f"{module}.{name}") is not None or self._moved(f"{module}.{name}"):
            return self._targets((f"{module}.{name}", rest), seen)
        return {module}

    def _without_file(self, module: str, chain: tuple[str, ...], seen: frozenset[Reference]) -> set[str]:
        """Old paths count as the new ones; folders without code as the modules in them; all else is not ours."""
        moved = self._moved(module)
        if moved:
            return set().union(*(self._targets((each, chain), seen) for each in moved))
        if chain and module.partition(".")[0] in PACKAGES and self._path(f"{module}.{chain[0]}") is not None:
            return self._targets((f"{module}.{chain[0]}", chain[1:]), seen)
        return set()

    def _moved(self, module: str) -> list[str]:
        package, _, rest = module.partition(".")
        path = self._path(f"{package}._moved")
        new = {} if path is None else _moves(path, path.stat().st_mtime_ns)
        return [f"{package}.{each}" for each in new.get(rest, "").split()]


def facts(path: pathlib.Path, module: str) -> Facts:
    """Reads a file; remembered until it is written again."""
    return _facts(path, path.stat().st_mtime_ns, module)


@functools.lru_cache(maxsize=4096)
def _facts(path: pathlib.Path, modified: int, module: str) -> Facts:
    content = path.read_bytes()
    tree = _parsed(content, str(path))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    reader = _Reader(package)
    reader.visit(tree)
    top = _Reader(package)
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            top.visit(node)
    tables = _tables(tree)
    return Facts(
        homes=tables.get("_HOMES"),
        modules=tables.get("_MODULES", {}),
        bound=top.bound,
        references=frozenset(reader.references()),
        digest=hashlib.blake2b(content, digest_size=16).digest(),
    )


@functools.lru_cache(maxsize=16)
def _moves(path: pathlib.Path, modified: int) -> Mapping[str, str]:
    return _tables(_parsed(path.read_bytes(), str(path))).get("MOVED", {})


# Python 3.11 counts the depth of trees for all threads together, and raises `SystemError` where two of them parse at a time.
_PARSING = threading.Lock()


def _parsed(content: bytes, file: str) -> ast.Module:
    with _PARSING:
        return ast.parse(content, filename=file)


def _tables(tree: ast.Module) -> dict[str, dict]:
    """The tables of an index, where the file has them."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("_HOMES", "_MODULES", "MOVED"):
                found[name] = ast.literal_eval(node.value)
    return found


class _Reader(ast.NodeVisitor):
    """Collects what is imported, and how the names that this binds are used."""

    def __init__(self, package: str):
        self._package = package
        self.bound: dict[str, Reference] = {}
        self._all: list[tuple[str, Reference]] = []
        self._always: set[Reference] = set()
        self._plain: set[str] = set()
        self._uses: set[tuple[str, tuple[str, ...]]] = set()
        self._hidden: list[set[str]] = []

    def references(self) -> Iterator[Reference]:
        """Everything that is used; what is imported and not used is used by being imported."""
        yield from self._always
        yield from ((name, chain) for name, chain in self._uses if name in self._plain)
        for name, (module, names) in self._all:
            chains = [chain for used, chain in self._uses if used == name]
            yield from ((module, (*names, *chain)) for chain in chains or [()])

    def _bind(self, name: str, reference: Reference) -> None:
        self.bound[name] = reference
        self._all.append((name, reference))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.asname:
                self._bind(alias.asname, (alias.name, ()))
            else:
                first, *rest = alias.name.split(".")
                self.bound[first] = (first, ())
                self._plain.add(first)
                if rest:
                    self._always.add((alias.name, ()))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            parts = self._package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1])
            module = f"{base}.{module}" if module else base
        for alias in node.names:
            if alias.name == "*":
                self._always.add((module, ()))
            else:
                self._bind(alias.asname or alias.name, (module, (alias.name,)))

    def visit_If(self, node: ast.If) -> None:
        test = node.test
        name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
        if name != "TYPE_CHECKING":
            self.visit(test)
            for each in node.body:
                self.visit(each)
        for each in node.orelse:
            self.visit(each)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            chain.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self._use(inner.id, tuple(reversed(chain)))
        else:
            self.visit(inner)

    def visit_Name(self, node: ast.Name) -> None:
        self._use(node.id, ())

    def _use(self, name: str, chain: tuple[str, ...]) -> None:
        if not any(name in hidden for hidden in self._hidden):
            self._uses.add((name, chain))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args
        outside = [*arguments.defaults, *(each for each in arguments.kw_defaults if each)]
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        if not isinstance(node, ast.Lambda):
            outside += [*node.decorator_list, *([node.returns] if node.returns else [])]
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [each for each in (arguments.vararg, arguments.kwarg) if each]
        for each in (*outside, *(each.annotation for each in every if each.annotation)):
            self.visit(each)
        # A parameter or a local variable hides an import of the same name.
        self._hidden.append({each.arg for each in every} | set(_stored(body)))
        for part in body:
            self.visit(part)
        self._hidden.pop()


def _stored(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names that code assigns to, functions in it left out."""
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _stored(ast.iter_child_nodes(node))


TREE = Tree(pathlib.Path(__file__).parents[2])


def source_digest(*values, codes: Codes | None = None) -> str:
    """Digest of the code that computes rows: the engine's, and that of the classes and functions in `values`.

    It is part of a store's identity, so editing a solver never leaves stale rows behind: neither in a file nor in a session,
    where the code that is loaded counts.
    """
    codes = Codes() if codes is None else codes
    roots: set[str | tuple[str, pathlib.Path]] = set(_ENGINE)
    loaded, used = set(), set()
    for each in callables(values):
        for kind in each.__mro__ if isinstance(each, type) else (each,):
            name = getattr(kind, "__module__", None) or type(kind).__module__
            # Also what was installed, whose version is in no provenance.
            root = None if is_versioned(name) else module_root(name)
            if root is not None:
                roots.add(root)
        code = codes.of(each)
        loaded.add(code.source)
        used |= code.packages
    # What code without a file uses of this package is not found by reading files.
    known = TREE.closure(roots)
    roots |= {root for root in map(module_root, used - set(known)) if root is not None}
    stream = hashlib.blake2b(TREE.digest(sorted(roots, key=str)).encode(), digest_size=16)
    for digest in sorted(loaded):
        stream.update(digest)
    return stream.hexdigest()


def module_root(name: str) -> tuple[str, pathlib.Path] | None:
    """A loaded module as a root of a closure; `None` if it has no file, as in an interactive session."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    return (name, pathlib.Path(file)) if file is not None and file.endswith(".py") else None
