"""What docs/solving.md shows runs as shown, from top to bottom."""

import pathlib
import re

import jax
import jax.numpy as jnp

import recover as rc

PAGE = (pathlib.Path(__file__).parents[1] / "docs" / "solving.md").read_text()


@jax.numpy_dtype_promotion("standard")
def test_the_page_runs():
    model = rc.models.SparseRegression(dimension=60, samples=40, sparsity=4)
    sampled, _ = model.sample(jax.random.key(0))
    A, y = sampled.operator.as_matrix(), sampled.observations
    scope = {"rc": rc, "jax": jax, "jnp": jnp, "model": model, "A": A, "y": y}
    scope["problem"] = rc.LinearProblem(A, y, sparsity=model.sparsity)
    scope["penalised"] = rc.solve(scope["problem"], rc.solvers.FISTA(penalty=0.1))
    for snippet in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(snippet.replace("500)", "20)"), scope)
    assert scope["along"].value.shape == (20, 60)
    assert scope["solutions"].value.shape == (20, 60)
    assert jnp.allclose(abs(scope["rotated"].value), abs(rc.solve(scope["problem"], rc.solvers.OMP()).value), atol=1e-3)
    assert scope["proof"].holds
    assert scope["warm"].stats["steps"] < scope["rest"].stats["steps"] + 10
