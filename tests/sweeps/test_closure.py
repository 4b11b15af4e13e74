"""What makes rows and tables stale: on a small tree, and on copies of our own."""

import logging
import pathlib
import shutil

import pytest

import recover as rc
from recover.sweeps import closure, plan
from recover.sweeps.closure import TREE, Tree, source_digest
from tests.sweeps.toy import LeastSquares, Means, traced_cell

ROOT = pathlib.Path(rc.__file__).parents[1]
ENGINE = closure._ENGINE

SMALL = {
    "recover/__init__.py": """
        from .core.lazy import attach
        _HOMES = {"sweep": "sweeps.run"}
        _MODULES = {"solvers": "solvers", "scalar": "scalar", "pieces": "sparse.pieces"}
        __getattr__, __dir__, __all__ = attach(__name__, _HOMES, _MODULES)
    """,
    "recover/_moved.py": 'MOVED = {"loop": "core.solve", "arguments": "core.checks core.solve"}',
    "recover/core/__init__.py": "",
    "recover/core/lazy.py": "",
    "recover/core/solve.py": "",
    "recover/core/checks.py": "",
    "recover/scalar/__init__.py": "from .root import find as find",
    "recover/scalar/root.py": "def find(): ...",
    "recover/solvers.py": '_HOMES = {"AMP": "sparse.amp", "OMP": "sparse.omp", "ISTA": "sparse.ista"}',
    "recover/sparse/__init__.py": "",
    "recover/sparse/amp.py": "from ..core import solve\nfrom ..scalar import find",
    "recover/sparse/omp.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..sweeps import run",
    "recover/sparse/ista.py": "def step():\n    from ..core.checks import require\n    return require",
    "recover/sparse/pieces.py": "",
    "recover/sweeps/__init__.py": "from .run import sweep as sweep",
    "recover/sweeps/run.py": "",
    "experiments/__init__.py": "",
    "experiments/summaries.py": "",
    "experiments/paper/__init__.py": "from .figure import Figure\nFIGURES = {'a': Figure}",
    "experiments/paper/common.py": "import recover as rc\ndef make():\n    return rc.solvers.AMP(rc.pieces.thing)",
    "experiments/paper/figure.py": "from ..summaries import means\nfrom .common import make",
}


@pytest.fixture
def small(tmp_path):
    for name, text in SMALL.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(line.removeprefix(" " * 8) for line in text.splitlines()))
    return tmp_path


def reached(root, source, tmp_path):
    """What a file with the given source reaches, itself left out."""
    path = tmp_path / "script.py"
    path.write_text(source)
    return set(Tree(root).closure([("script", path)])) - {"script"}


AMP = {"recover.sparse.amp", "recover.core.solve", "recover.scalar.root"}


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import recover as rc\nrc.solvers.AMP()", AMP),
        ("import recover\nrecover.solvers.AMP()", AMP),
        ("from recover import solvers\nsolvers.AMP()", AMP),
        ("from recover.solvers import AMP", AMP),
        ("from recover import solvers as s\ndef f():\n    return [s.OMP()]", {"recover.sparse.omp"}),
        ("from recover.solvers import ISTA", {"recover.sparse.ista", "recover.core.checks"}),
        ("from recover import sweep", {"recover.sweeps.run"}),
        ("import recover.sweeps.run", {"recover.sweeps.run"}),
        ("from recover import pieces\npieces.anything.at.all", {"recover.sparse.pieces"}),
        ("from recover.loop import run", {"recover.core.solve"}),
        ("from recover.arguments import require", {"recover.core.checks", "recover.core.solve"}),
        ("import numpy as np\nnp.zeros(3)", set()),
        # An index that is handed on may be asked for anything.
        ("from recover import solvers\ngetattr(solvers, name)", AMP | {"recover.sparse.omp", "recover.sparse.ista", "recover.core.checks"}),
        # A parameter of the same name is something else.
        ("from recover import solvers\nsolvers.OMP\ndef f(solvers):\n    return list(solvers)", {"recover.sparse.omp"}),
        ("from experiments import paper\npaper.FIGURES", {"experiments.paper", "experiments.paper.figure", "experiments.paper.common",
                                                          "experiments.summaries", "recover.sparse.pieces", *AMP}),
    ],
)  # fmt: skip
def test_names_count_as_the_files_that_define_them(small, tmp_path, source, modules):
    assert reached(small, source, tmp_path) == modules


def test_a_digest_changes_with_what_is_reached_and_with_nothing_else(small):
    tree, root = Tree(small), ["experiments.paper.figure"]
    before = tree.digest(root)
    (small / "recover/sparse/new.py").write_text("class New: ...")
    (small / "recover/solvers.py").write_text(SMALL["recover/solvers.py"].replace("{", '{"New": "sparse.new", '))
    (small / "recover/sparse/omp.py").write_text("# edited")
    assert tree.digest(root) == before
    (small / "experiments/summaries.py").write_text("# edited")
    assert tree.digest(root) != before


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    root = tmp_path_factory.mktemp("copy")
    for package in ("recover", "experiments"):
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    return root


FIGURES = ["experiments.sparse_classics", "experiments.top_afa", "experiments.subgm"]
STORES = {"AMP": "recover.sparse.amp", "OMP": "recover.sparse.orthogonal_matching_pursuit"}


def stale(root, path, text="\n# edited\n"):
    """The figures, and the stores of solvers, whose digests an edit changes; the edit is taken back."""

    def digests():
        tree = Tree(root)
        figures = {name: tree.digest([name]) for name in FIGURES}
        return figures | {name: tree.digest([*ENGINE, module]) for name, module in STORES.items()}

    before, file = digests(), root / path
    old = file.read_text() if file.exists() else None
    file.write_text((old or "") + text)
    after = digests()
    if old is None:
        file.unlink()
    else:
        file.write_text(old)
    return {name for name in before if before[name] != after[name]}


def test_a_new_solver_makes_nothing_stale(copied):
    assert stale(copied, "recover/sparse/brand_new.py", "class BrandNew: ...") == set()


def test_an_edit_of_the_fit_makes_figures_stale_but_no_rows(copied):
    found = stale(copied, "recover/statistics/logistic.py")
    assert found == set(FIGURES)  # every figure may ask a table for its boundary


def test_an_edit_of_a_solver_makes_stale_what_uses_it(copied):
    found = stale(copied, "recover/sparse/orthogonal_matching_pursuit.py")
    assert "OMP" in found
    assert "AMP" not in found
    assert "experiments.subgm" not in found


def test_an_edit_of_the_summaries_makes_figures_stale_but_no_rows(copied):
    assert stale(copied, "experiments/summaries.py") == set(FIGURES)


def test_an_edit_of_a_paper_leaves_the_others_up_to_date(copied):
    assert stale(copied, "experiments/subgm.py") == {"experiments.subgm"}
    assert stale(copied, "experiments/brand_new.py", "class BrandNew: ...") == set()


def test_an_edit_of_the_loop_makes_everything_stale(copied):
    assert stale(copied, "recover/core/solve.py") == {*FIGURES, *STORES}


def test_the_engine_knows_no_tables():
    reached = set(TREE.closure(ENGINE))
    assert "recover.sweeps.program" in reached
    assert not [name for name in reached if "statistics" in name or name.endswith((".store", ".table", ".progress"))]
    assert "recover" not in reached


def test_what_a_module_holds_and_inherits_is_part_of_its_code(monkeypatch):
    def digest(*values):
        roots = []
        monkeypatch.setattr(Tree, "digest", lambda self, found: roots.extend(found) or "")
        source_digest(*values)
        monkeypatch.undo()
        return {root if isinstance(root, str) else root[0] for root in roots} - set(ENGINE)

    held = digest(rc.solvers.ISTA(rc.penalties.SCAD(0.1)))
    assert {"recover.scalar.penalties", "recover.sparse.proximal_gradient", "recover.core.solver"} <= held
    assert digest(Means(3), LeastSquares()) == {
        "tests.sweeps.toy",
        *(f"recover.core.{name}" for name in ("fields", "model", "solver")),
    }


def test_rows_by_other_code_are_kept_and_named(tmp_path, monkeypatch, caplog):
    rc.sweep(traced_cell, {"samples": [3], "noise": [0.5]}, trials=2, store=tmp_path)
    (first,) = tmp_path.glob("*/blocks/*.parquet")
    monkeypatch.setattr(Tree, "digest", lambda self, roots: "another")
    described = rc.plan_sweep(traced_cell, {"samples": [3], "noise": [0.5]}, trials=2, store=tmp_path)
    assert described.missing == 2
    assert described.others == (str(first.parents[1]),)
    assert "rows by other code" in str(described)
    with caplog.at_level(logging.INFO, logger="recover"):
        rc.sweep(traced_cell, {"samples": [3], "noise": [0.5]}, trials=2, store=tmp_path)
    assert str(first.parents[1]) in caplog.text
    assert first.exists()
    assert len(list(tmp_path.glob("*/blocks/*.parquet"))) == 2


class Doubled(LeastSquares):
    """Another solver, defined elsewhere."""


def test_an_edited_solver_leaves_the_rows_of_the_others(tmp_path, monkeypatch):
    def cell(noise):
        return Means(4, noise), {"one": LeastSquares(), "two": Doubled()}

    original = plan.Lane.of(*(Means(4), Doubled())).solver
    edited = {"version": "1"}
    real = Tree.digest

    def digest(self, roots):
        own = any("test_closure" in str(root) for root in roots)
        return real(self, roots) + (edited["version"] if own else "")

    monkeypatch.setattr(Tree, "digest", digest)
    assert type(original) is Doubled
    table = rc.sweep(cell, {"noise": [0.5]}, trials=2, store=tmp_path)
    assert len(list(tmp_path.glob("*/blocks/*.parquet"))) == 2
    edited["version"] = "2"
    again = rc.sweep(cell, {"noise": [0.5]}, trials=2, store=tmp_path)
    assert len(list(tmp_path.glob("*/blocks/*.parquet"))) == 3
    assert again.frame.error.tolist() == table.frame.error.tolist()
    assert again.settings["source"] != table.settings["source"]
