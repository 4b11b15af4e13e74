"""Who may import whom, and where public names live: read from syntax trees, as the indexes are."""

import ast
import contextlib
import importlib
import json
import pathlib
import subprocess
import sys
import warnings

import pytest

import recover as rc
from recover import _moved
from recover.core import index
from recover.core.lazy import RENAMED

PACKAGE = pathlib.Path(rc.__file__).parent
PUBLIC = json.loads(pathlib.Path(__file__).with_name("public.json").read_text())
INDEXES = ("initialisers", "models", "penalties", "problems", "solvers", "theory")
BELOW = ("core", "operators", "scalar", "statistics")
# What runs solvers, rather than being one: the engine of sweeps, and training that outlives its process.
ENGINES = ("sweeps", "dictionaries.training")
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.name != "__init__.py"
}


def _imports(module: str, path: pathlib.Path, everywhere: bool) -> set[str]:
    """Modules of the package that a file imports: at its top, or also inside of functions and for type checkers."""
    tree, found = ast.parse(path.read_text()), set()
    parts = module.split(".")
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.ImportFrom) and node.level:
            home = ".".join((*parts[: len(parts) - node.level], *((node.module,) if node.module else ())))
            for alias in node.names:
                inner = f"{home}.{alias.name}".lstrip(".")
                found.add(inner if inner in MODULES else home)
        elif isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert not [name for name in names if name.partition(".")[0] == "recover"], (
                f"{module}: imports are relative"
            )
    return found


GRAPH = {module: _imports(module, path, everywhere=True) for module, path in MODULES.items()}


def _floor(module: str) -> str:
    """The engine or the folder that a module belongs to."""
    return next((engine for engine in ENGINES if module.startswith(engine + ".")), module.partition(".")[0])


def _allowed(floor: str) -> set[str]:
    if floor in ("core", "statistics"):
        return {floor}
    if floor in ("operators", "scalar"):
        return {floor, "core", "operators", "scalar"}
    if floor in ENGINES:
        return {floor, "dictionaries", "sweeps", *BELOW}
    return {floor, *BELOW}


@pytest.mark.parametrize("module", sorted(module for module in MODULES if "." in module))
def test_imports_go_down(module):
    """Core, operators, scalar, statistics; then families, which know of each other `sparse.problem` alone; then engines."""
    floor = _floor(module)
    for imported in GRAPH[module]:
        assert imported in MODULES, f"{module} imports {imported or 'the package'}, not the file that defines the name"
        assert _floor(imported) in _allowed(floor) or (imported == "sparse.problem" and floor not in BELOW), (
            f"{module} imports {imported}"
        )


def test_no_circle():
    graph = {module: _imports(module, path, everywhere=False) & set(MODULES) for module, path in MODULES.items()}
    while graph:
        leaves = {module for module, imported in graph.items() if not imported}
        assert leaves, f"a circle among {sorted(graph)}"
        graph = {module: imported - leaves for module, imported in graph.items() if module not in leaves}


def test_operators_and_scalar_do_not_need_each_other():
    edges = {(_floor(module), _floor(imported)) for module, found in GRAPH.items() for imported in found}
    assert not {("operators", "scalar"), ("scalar", "operators")} <= edges


def test_few_loose_modules():
    entries = [path for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len([path for path in entries if path.suffix == ".py"]) <= 10
    assert len(entries) <= 40


def test_indexes_are_up_to_date():
    """`make index` would change nothing."""
    assert {path.name for path, text in index.generated().items() if path.read_text() != text} == set()


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_is_sorted_and_its_names_are_there(name):
    module = getattr(rc, name)
    assert list(module._HOMES) == sorted(module._HOMES) == module.__all__
    for each in module.__all__:
        getattr(module, each)


def test_no_name_is_of_two_kinds():
    names = [each for name in INDEXES for each in getattr(rc, name).__all__]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_names_that_were_public_are_public(name):
    module = rc if name == "recover" else getattr(rc, name)
    for each in PUBLIC[name]:
        new = RENAMED.get(each)
        assert (new or each) in module.__all__
        with pytest.warns(DeprecationWarning, match=f"{each} is now") if new else contextlib.nullcontext():
            found = getattr(module, each)
        assert new is None or found is getattr(module, new)


def test_a_new_file_may_hold_anything(tmp_path):
    """Public names of no known kind are in no index; a new solver needs no line but its own `__all__`."""
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "solver.py").write_text("class AbstractSolver: ...\n")
    (tmp_path / "sparse").mkdir()
    (tmp_path / "sparse" / "plain.py").write_text('__all__ = ["Plain"]\nclass Plain: ...\n')
    (tmp_path / "sparse" / "fresh.py").write_text(
        'from ..core.solver import AbstractSolver\n__all__ = ["Fresh"]\nclass _Base(AbstractSolver["P", "S"]): ...\n'
        "class Fresh(_Base): ...\n"
    )
    texts = index.generated(tmp_path)
    assert '"Fresh": "sparse.fresh"' in texts[tmp_path / "solvers.py"]
    assert "from .sparse.fresh import Fresh as Fresh" in texts[tmp_path / "solvers.pyi"]
    assert not any("Plain" in text for text in texts.values())


def test_a_name_defined_twice_is_refused(tmp_path):
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "problem.py").write_text('__all__ = ["Problem"]\nclass Problem: ...\n')
    with pytest.raises(SystemExit, match=r"Problem is defined in one\.problem and in other\.problem"):
        index.generated(tmp_path)


@pytest.mark.parametrize("old", sorted(_moved.MOVED))
def test_old_paths_warn_and_work(old):
    sys.modules.pop(f"recover.{old}", None)
    with warnings.catch_warnings():
        # Folders on the way have moved as well.
        warnings.simplefilter("ignore")
        importlib.import_module(f"recover.{old}".rpartition(".")[0])
    with pytest.warns(DeprecationWarning, match="is now recover"):
        module = importlib.import_module(f"recover.{old}")
    for home in _moved.MOVED[old].split():
        new = importlib.import_module(f"recover.{home}")
        assert set(getattr(new, "__all__", ())) <= set(dir(module))


def test_importing_the_package_is_cheap():
    """No family, and not even JAX, until a name is asked for."""
    code = (
        "import sys, recover; loaded = sorted(sys.modules)\n"
        "assert not [name for name in loaded if name.partition('.')[0] in ('jax', 'equinox', 'scipy', 'pandas')], loaded\n"
        "assert 'recover.sparse' not in loaded\n"
        "recover.solvers.AMP; assert 'recover.sparse.amp' in sys.modules; assert 'recover.graphs' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PACKAGE.parent, timeout=300)
