"""What the README shows runs as shown."""

import pathlib
import re

import jax
import jax.numpy as jnp
import pytest

import recover as rc
from recover.core import as_leaf, capacities_field, capacity, concrete_capacities, draws, leaf, relative_error, row_mask

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


def test_own_model_and_solver():
    scope = {
        "rc": rc, "jax": jax, "jnp": jnp, "draws": draws, "as_leaf": as_leaf, "leaf": leaf,
        "relative_error": relative_error, "capacities_field": capacities_field, "capacity": capacity,
        "concrete_capacities": concrete_capacities, "row_mask": row_mask,
    }  # fmt: skip
    (snippet,) = [text for text in SNIPPETS if "class PhaselessSigns" in text]
    exec(snippet, scope)
    model, solver = scope["PhaselessSigns"], scope["Alternating"]
    table = rc.sweep(lambda samples: (model(samples), solver()), {"samples": [60, 800]}, trials=8)
    success = table.success(below=1e-3).set_index("samples")["rate"]
    assert success[800] > success[60]
