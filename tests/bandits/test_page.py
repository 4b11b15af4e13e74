"""The snippet of the page on one's own data."""

import pathlib
import re

import numpy as np

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "sparse_bandits.md").read_text()


def test_the_snippet_of_the_page():
    generator = np.random.default_rng(0)
    features = generator.standard_normal((400, 8))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    rewards = 0.6 * features[:, 1] - 0.8 * features[:, 5] + 0.05 * np.sign(features @ generator.standard_normal(8))
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    scope = {"features": features, "rewards": rewards, "epsilon": 0.05}
    exec(snippet, scope)
    assert rewards.max() - rewards[scope["action"]] <= 0.15
    assert rewards.max() - rewards[scope["batch"]].max() <= 0.15
    assert scope["queries"] < len(scope["batch"]) < 400
