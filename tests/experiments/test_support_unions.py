"""Baselines that return several sets of features."""

import numpy as np

from experiments import support_unions


def test_baselines_return_sets_that_explain():
    generator = np.random.default_rng(0)
    matrix = generator.standard_normal((40, 12))
    matrix[:, 5] = matrix[:, 0] + 0.01 * generator.standard_normal(40)
    matrix /= np.linalg.norm(matrix, axis=0)
    response = matrix[:, 0] + matrix[:, 1]
    # Without its first set there is another one: removing columns finds the double, resampled rows choose one of the two.
    masked = support_unions._masking(matrix, response, 2, 2)
    assert len(masked) == 4
    assert {0, 1, 5} <= masked
    assert {0, 1} <= support_unions._bootstrap(matrix, response, 3, 3, generator)
    greedy = support_unions._greedy(matrix, response, 3, 2)
    assert {0, 1, 5} <= greedy
    assert support_unions._masking(matrix[:, :3], response, 5, 2) == {0, 1, 2}
