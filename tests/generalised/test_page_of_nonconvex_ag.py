"""What the page of the paper shows runs as shown."""

import pathlib
import re

import jax
import numpy as np

import recover as rc

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "nonconvex_ag.md").read_text()


def test_the_snippet():
    problem, truth = rc.models.BlockSparseRegression(60, 200, 0.1, 10.0, link="logistic", width=2).sample(
        jax.random.key(0)
    )
    scope = {"X": np.asarray(problem.operator.as_matrix()), "y": np.asarray(problem.observations)}
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(snippet, scope)
    assert scope["path"].result == rc.Result.converged
    value, chosen = np.asarray(scope["final"].value), float(scope["chosen"])
    assert 0 < np.count_nonzero(value) < 40
    assert chosen > 0
    assert np.corrcoef(value, truth)[0, 1] > 0.5
    assert np.asarray(scope["scores"]).shape == (60,)
