"""The snippet of the page on one's own data."""

import pathlib
import re

import numpy as np

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "amtrl_lasso.md").read_text()


def test_the_snippet_of_the_page():
    generator = np.random.default_rng(0)
    basis = np.linalg.qr(generator.standard_normal((10, 2)))[0]
    heads = np.array([[1.0, 0.0], [0.0, 1.0], [0.3, 1.0], [-0.2, 1.0]])

    def rows(head, count):
        features = generator.standard_normal((count, 10))
        return features, features @ basis @ head + 0.3 * generator.standard_normal(count)

    scope = {
        "sources": [rows(head, 60) for head in heads],
        "target": rows(heads[0], 40),
        "buy": lambda task, count: rows(heads[task], count),
    }
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(snippet, scope)
    assert scope["more"][0] > 0.9 * scope["more"].sum()
    assert np.linalg.norm(scope["coefficients"] - basis @ heads[0]) < 0.25
