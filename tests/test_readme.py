"""What the README shows runs as shown."""

import importlib
import pathlib
import re
import sys

import jax
import jax.numpy as jnp
import pytest

import recover as rc
from recover.core import Real, Size, capacity, draws, leaf, relative_error, row_mask, size

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_first_example(monkeypatch):
    scope: dict = {}
    exec(SNIPPETS[0].replace("trials=10", "trials=2").replace("range(40, 401, 24)", "[100, 200]"), scope)
    assert len(scope["table"].frame) == 2 * 20 * 2
    assert float(rc.theory.donoho_tanner_weak(0.5)) == pytest.approx(0.3857, abs=1e-4)


def test_own_data():
    model = rc.models.SparseRegression(dimension=60, samples=40, sparsity=4)
    problem, truth = model.sample(jax.random.key(0))
    scope = {"rc": rc, "A": problem.operator.as_matrix(), "y": problem.observations}
    exec(SNIPPETS[1], scope)
    assert relative_error(truth, scope["solution"].value) < 0.3


def test_a_traced_transition():
    def cell(samples, sparsity):
        model = rc.models.SparseRegression(dimension=400, samples=samples, sparsity=sparsity)
        return model, rc.solvers.AMP()

    scope = {"rc": rc, "cell": cell}
    (snippet,) = [text for text in SNIPPETS if "trace_boundary" in text]
    exec(snippet.replace("range(60, 301, 80)", "[100]").replace("width=4.0", "width=9.0"), scope)
    (row,) = scope["trace"].curves.to_dict("records")
    assert row["ended"] == "narrow"
    assert row["low"] < 100 * 0.27 < row["high"] + 3


def own_pieces():
    return {"rc": rc, "jax": jax, "jnp": jnp, "draws": draws, "relative_error": relative_error, "row_mask": row_mask}


def solves_with_more_samples(model, solver):
    table = rc.sweep(lambda samples: (model(samples), solver()), {"samples": [60, 800]}, trials=8)
    success = table.success(below=1e-3).set_index("samples")["rate"]
    return success[800] > success[60]


def test_own_model_and_solver():
    scope = {**own_pieces(), "leaf": leaf, "capacity": capacity, "size": size, "Real": Real, "Size": Size}
    (snippet,) = [text for text in SNIPPETS if "class PhaselessSigns" in text]
    exec(snippet, scope)
    model, solver = scope["PhaselessSigns"], scope["Alternating"]
    assert solves_with_more_samples(model, solver)
    with pytest.raises(ValueError, match=r"PhaselessSigns: `samples` is 0; an integer of at least 1 is allowed"):
        model(0)
    with pytest.raises(ValueError, match=r"Alternating: `ridge` is -1.0; a positive number is allowed"):
        solver(-1.0)


def test_a_model_written_for_the_last_release(monkeypatch):
    """Constructors by hand, by the old paths, work for one release more."""
    # They warn when they are first imported, which another test may have done.
    for old in ("recover.leaves", "recover.padding"):
        monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=r"is now recover.core"):
        leaves = importlib.import_module("recover.leaves")
    with pytest.warns(DeprecationWarning, match=r"is now recover.core"):
        padding = importlib.import_module("recover.padding")
    (snippet,) = [text for text in SNIPPETS if "class PhaselessSigns" in text]
    fields = snippet[snippet.index("    samples: Size") : snippet.index("    def design")]
    old_fields = """    samples: jax.Array
    capacities: tuple = capacities_field()

    def __init__(self, samples):
        self.samples = as_leaf(samples)
        self.capacities = concrete_capacities(samples=samples)

"""
    ridge = snippet[snippet.index("    ridge: ") : snippet.index("    def init")]
    old = snippet.replace(fields, old_fields).replace(ridge, "    ridge: jax.Array = leaf(default=1e-3)\n\n")
    scope = {**own_pieces(), **vars(leaves), **vars(padding)}
    exec(old, scope)
    assert solves_with_more_samples(scope["PhaselessSigns"], scope["Alternating"])
