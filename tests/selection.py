"""A pytest plugin: with `--changed`, only tests run whose code has changed since they last passed in this checkout.

What a test depends on is read off syntax trees, as the identity of rows is (`recover.sweeps.closure`): the files that its own
one reaches by imports, the `conftest.py` above it included. Passed tests and digests of their closures are recorded under
`.cache/tests`. A needless run is better than a wrong skip:

- a test that reads files, starts processes, or imports packages that load modules by name, depends on everything;
- so do all tests on settings, on versions, on what indexes do, on files of no known use, and on modules that no test reaches;
- a test file may say better, by a function `depends_on` of parameters of its tests: names of modules, files, and objects whose
  classes count. The registry of the contract then counts as a file, not as all that it imports.

Nothing is recorded from a run during which a file changed.
"""

import ast
import functools
import hashlib
import importlib.metadata
import inspect
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

PACKAGES = ("recover", "experiments", "figures", "benchmarks", "tests")
REGISTRY = "tests.registry"
RECORD = pathlib.Path(".cache", "tests", "passed.json")
# Packages that load modules by name, and the signs of a test that looks at more than it imports.
_BY_NAME = ("experiments", "figures", "benchmarks")
_LOOKS = re.compile(
    r"subprocess|__file__|importlib|sys\.(executable|modules|path)|read_text|read_bytes|\bopen\(|glob\(|iterdir"
    r"|__import__|runpy|[\"'](from|import) \w|[\"'](recover|experiments|figures|benchmarks|tests)\.\w"
)
# Where files that are no modules have one use: to be read by a test that looks at files.
_READ = ("docs/", "examples/", "benchmarks/", "paper_configs/", "README.md", "CHANGELOG.md", "LICENSE")
_SETTINGS = ("XLA_FLAGS", "JAX_DISABLE_MOST_OPTIMIZATIONS", "JAX_ENABLE_X64", "JAX_PLATFORMS", "RECOVER_ALL_CONTRACTS")


def tracked_files(root: pathlib.Path) -> list[str] | None:
    """The files of a checkout, those included that are not ignored; `None` outside of one."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=root, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return sorted({name for name in listed.split("\0") if name and (root / name).is_file()})


@functools.cache
def versions() -> list[str]:
    """What is installed."""
    return sorted(f"{each.name}={each.version}" for each in importlib.metadata.distributions())


def settings() -> str:
    """What all tests depend on besides files: versions, and variables of the environment."""
    return repr((sys.version, versions(), [(name, os.environ.get(name)) for name in _SETTINGS]))


def checkout(root: pathlib.Path):
    """The packages below a folder as a graph of files, each of which is read once."""
    # Imported late: what is imported before the tests are collected is not type-checked.
    from recover.sweeps.closure import Tree, facts

    class Checkout(Tree):
        def __init__(self):
            super().__init__(root)
            self._known: dict[str, dict[str, pathlib.Path]] = {}

        def _path(self, module):
            if module.partition(".")[0] not in PACKAGES:
                return None
            place = root.joinpath(*module.split("."))
            return next((p for p in (place.with_name(place.name + ".py"), place / "__init__.py") if p.is_file()), None)

        def uses(self, name: str, path: pathlib.Path) -> dict[str, pathlib.Path]:
            """The modules that a file uses."""
            if name not in self._known:
                found = set().union(*(self._targets(reference) for reference in facts(path, name).references))
                self._known[name] = {each: self._file(each) for each in found}
            return self._known[name]

        def reach(
            self, roots: dict[str, pathlib.Path], closed: frozenset[str] = frozenset()
        ) -> dict[str, pathlib.Path]:
            """All modules that the given ones reach; those in `closed` count, but not what they use."""
            found, waiting = {}, list(roots.items())
            while waiting:
                name, path = waiting.pop()
                if name not in found:
                    found[name] = path
                    waiting += [] if name in closed else self.uses(name, path).items()
            return found

        def named(self, name: str) -> dict[str, pathlib.Path]:
            """The file of a module, or those that an index stands for."""
            return {each: self._file(each) for each in self._targets((name, ()))}

    return Checkout()


def index_digest(path: pathlib.Path) -> bytes | None:
    """Digest of what an index does besides listing names; `None` for a file that is none."""
    tree = ast.parse(path.read_bytes())
    tables = [node for node in tree.body if isinstance(node, ast.Assign) and _name(node) in ("_HOMES", "_MODULES")]
    if not tables and path.name != "__init__.py":
        return None
    rest = ast.Module([node for node in tree.body if node not in tables], [])
    return hashlib.blake2b(ast.dump(rest).encode(), digest_size=16).digest()


def _name(node: ast.Assign) -> str:
    return getattr(node.targets[0], "id", "")


class Closures:
    """Digests of what tests depend on."""

    def __init__(self, root: pathlib.Path, files: list[str]):
        self._root, self._files, self._tree = root, files, checkout(root)
        self._digests: dict[pathlib.Path, bytes] = {}
        self._tests = [name for name in files if re.match(r"tests/(.*/)?(test_|conftest)\w*\.py$", name)]
        self._everything = self._of_files(root / name for name in files)
        self._always = self._common()

    def of(self, test: pathlib.Path, more=None) -> str:
        """The digest for a test of a file; `more` is what its `depends_on` returned."""
        tests = self._above(test)
        if more is None:
            reached, files = self._tree.reach(tests), []
            helpers = [path for name, path in reached.items() if name.partition(".")[0] == "tests"]
            by_name = any(name.partition(".")[0] in _BY_NAME for name in reached)
            if by_name or any(self._looks(path) for path in helpers):
                return self._digest(b"everything", settings().encode(), self._everything)
        else:
            reached = self._tree.reach({**tests, **self._modules(more)}, frozenset({REGISTRY}))
            files = [each for each in more if isinstance(each, pathlib.Path)]
        return self._digest(b"closure", self._always, self._of_files([*reached.values(), *files]))

    def _above(self, test: pathlib.Path) -> dict[str, pathlib.Path]:
        """A test file and the files of fixtures above it."""
        folders = [folder for folder in test.parents if folder.is_relative_to(self._root)]
        paths = [test, *(folder / "conftest.py" for folder in folders if (folder / "conftest.py").is_file())]
        return {self._module(path): path for path in paths}

    def _module(self, path: pathlib.Path) -> str:
        return ".".join(path.relative_to(self._root).with_suffix("").parts)

    def _looks(self, path: pathlib.Path) -> bool:
        """Whether a test file looks at more than it imports; the top one, above all tests, is known not to."""
        return path != self._root / "tests" / "conftest.py" and bool(_LOOKS.search(path.read_text(encoding="utf-8")))

    def _modules(self, more) -> dict[str, pathlib.Path]:
        """The modules among what a test depends on."""
        from recover.sweeps.content import callables

        found = {}
        for each in more:
            if isinstance(each, str):
                found.update(self._tree.named(each))
            elif not isinstance(each, pathlib.Path):
                kinds = [kind for code in callables(each) for kind in getattr(code, "__mro__", (code,))]
                names = {getattr(kind, "__module__", "") for kind in kinds}
                ours = [name for name in names if name.partition(".")[0] in PACKAGES]
                found.update({name: self._tree._file(name) for name in ours})
        return found

    def _common(self) -> bytes:
        """What every test depends on."""
        root = self._root
        parts = [settings().encode()]
        reached = set(self._tree.reach({self._module(root / name): root / name for name in self._tests}).values())
        for name in self._files:
            path = root / name
            if path.suffix == ".py":
                index = index_digest(path) if name.startswith("recover/") else None
                lost = name.startswith(("recover/", "tests/")) and path not in reached
                if index is not None or lost:
                    parts.append(name.encode() + (index or self._of_files([path])))
            elif not name.startswith(_READ) and path.suffix != ".pyi":
                parts.append(name.encode() + self._of_files([path]))
        plugin = [root / "tests" / each for each in ("selection.py", "conftest.py")]
        return self._digest(*parts, self._of_files(path for path in plugin if path.is_file())).encode()

    def _of_files(self, paths) -> bytes:
        stream = hashlib.blake2b(digest_size=16)
        for path in sorted(set(paths)):
            if path not in self._digests:
                self._digests[path] = hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
            stream.update(str(path.relative_to(self._root)).encode() + b"=" + self._digests[path])
        return stream.digest()

    def _digest(self, *parts: bytes) -> str:
        stream = hashlib.blake2b(digest_size=16)
        for part in parts:
            stream.update(len(part).to_bytes(8, "big") + part)
        return stream.hexdigest()


class Selection:
    """Leaves out what passed with the same closure, and records what passes."""

    def __init__(self, config: pytest.Config):
        self._root, self._path = config.rootpath, config.rootpath / RECORD
        self._worker = getattr(config, "workerinput", None)
        self._green: dict[str, str] = self._worker["passed"] if self._worker else self._read()
        self._passed: dict[str, str] = {}
        self._failed: set[str] = set()
        self._counts = (0, 0)
        self._before = None if self._worker else self._snapshot()

    def _read(self) -> dict[str, str]:
        try:
            return json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def _snapshot(self) -> dict[str, int] | None:
        files = tracked_files(self._root)
        return None if files is None else {name: (self._root / name).stat().st_mtime_ns for name in files}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node):
        """Every worker of pytest-xdist selects by the same record."""
        node.workerinput["passed"] = self._green

    # First, before pytest-xdist writes the group of a test into its name.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session, config, items):
        files = tracked_files(self._root)
        self._counts = (len(items), len(items))
        if files is None:
            return
        closures, left_out, kept = Closures(self._root, files), [], []
        digests: dict = {}
        for item in items:
            say, given = _depends_on(item)
            asked = (item.path, frozenset(given.items()))
            if asked not in digests:
                digests[asked] = closures.of(item.path, say and say(**given))
            digest = digests[asked]
            item.user_properties.append(("closure", [item.nodeid, digest]))
            unchanged = config.getoption("changed") and self._green.get(item.nodeid) == digest
            (left_out if unchanged else kept).append(item)
        self._counts = (len(kept), len(items))
        if self._worker is not None:
            config.workeroutput["selection"] = self._counts
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = kept

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        self._counts = getattr(node, "workeroutput", {}).get("selection", self._counts)

    def pytest_runtest_logreport(self, report):
        for test, digest in (value for name, value in report.user_properties if name == "closure"):
            if report.failed:
                self._failed.add(test)
            elif report.when == "call" and report.passed:
                self._passed[test] = digest

    def pytest_sessionfinish(self, session):
        if self._worker is not None:
            return
        kept, total = self._counts
        if session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and total > kept:
            session.exitstatus = pytest.ExitCode.OK
        if self._before is None or self._snapshot() != self._before:
            self._passed = {}
        record = {test: digest for test, digest in {**self._read(), **self._passed}.items() if test not in self._failed}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(record))
        part.replace(self._path)

    def pytest_terminal_summary(self, terminalreporter):
        kept, total = self._counts
        what = f"all {total} tests" if kept == total else f"{kept} of {total} tests, the others passed as they are"
        terminalreporter.write_line(f"selection: {what}{'' if kept == total else ' (make test ALL=1 runs all)'}")


def _depends_on(item):
    """The function by which the file of a test says what it depends on, if any, and its arguments for this test."""
    say = getattr(item.module, "depends_on", None)
    if say is None:
        return None, {}
    known = getattr(getattr(item, "callspec", None), "params", {})
    return say, {name: known[name] for name in inspect.signature(say).parameters if name in known}


def pytest_addoption(parser):
    parser.addoption("--changed", action="store_true", help="only tests whose closure changed since they last passed")


def pytest_configure(config):
    config.pluginmanager.register(Selection(config), "closures of tests")
