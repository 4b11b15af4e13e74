"""Equivalent supports: the generator against NumPy, the objective against its formula, and what is read off means."""

import pathlib
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp, softmax

import recover as rc
from recover.core.sizes import with_capacities
from recover.sparse.equivalent_supports import PlantedSupports, support_distance, union_scores

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "gemss.md").read_text()


def instance(seed=0, samples=25, **options):
    """Matrix, response and sets of an instance in double precision, without padding."""
    options = {"dimension": 60, "samples": samples, "supports": 3, "sparsity": 4, "response": "continuous", **options}
    with jax.enable_x64(True):
        model = rc.models.EquivalentSupports(**options)
        model = with_capacities(model, {"samples": samples + 2, "supports": 4, "sparsity": 6})
        problem, truth = model.sample(jax.random.key(seed))
        matrix, response = np.asarray(problem.operator.as_matrix()), np.asarray(problem.observations)
    assert not matrix[samples:].any()
    assert not response[samples:].any()
    sets = [np.flatnonzero(row) for row in np.asarray(truth.supports)[: options["supports"]]]
    assert not np.asarray(truth.supports)[options["supports"] :].any()
    return matrix[:samples], response[:samples], sets


def unexplained(matrix, response):
    fit = matrix @ np.linalg.lstsq(matrix, response, rcond=None)[0]
    return np.linalg.norm(response - fit) / np.linalg.norm(response)


# The model ------------------------------------------------------------------------------------------------------------


def test_every_mixed_set_explains_the_response():
    alone = 0
    for seed in range(4):
        matrix, response, sets = instance(seed, noise=0.0)
        assert [len(each) for each in sets] == [4, 4, 4]
        noise = np.setdiff1d(np.arange(60), np.concatenate(sets))
        assert not matrix[:, noise].any()
        if len(set(np.concatenate(sets).tolist())) == 12:
            alone += 1
            assert max(unexplained(matrix[:, each], response) for each in sets) < 1e-7
            mixing = np.linalg.lstsq(matrix[:, sets[0]], matrix[:, sets[2]], rcond=None)[0]
            assert np.all((np.abs(mixing) > 2 - 1e-9) & (np.abs(mixing) < 10 + 1e-9))
            # All entries of a column have its sign.
            assert np.all(np.abs(np.sign(mixing).sum(0)) == 4)
            weights = np.linalg.lstsq(matrix[:, sets[0]], response, rcond=None)[0]
            assert np.all((weights > 2 - 1e-9) & (weights < 10 + 1e-9))
    assert alone > 0


def test_factors_make_any_two_planted_columns_enough():
    matrix, response, sets = instance(kind="factors", overlap=2, noise=0.0, standardised=1, response_scale=3.0)
    assert [len(each) for each in sets] == [4, 4, 4]
    for first in range(3):
        for other in range(first):
            assert len(set(sets[first]) & set(sets[other])) == 2
    np.testing.assert_allclose(matrix.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(matrix.std(0), 1)
    np.testing.assert_allclose([response.mean(), response.std()], [0, 3], atol=1e-12)
    for each in sets:
        assert unexplained(matrix[:, each[:2]], response) < 1e-7
    whole = instance(kind="factors", overlap=4)[2]
    assert [each.tolist() for each in whole] == [whole[0].tolist()] * 3
    with pytest.raises(ValueError, match="need 12 features, and 10 are there"):
        rc.models.EquivalentSupports(10, 20, sparsity=4, kind="factors")


def test_classes_are_those_above_the_quantile():
    for share in (0.1, 0.37, 0.5):
        _, continuous, _ = instance()
        _, binary, _ = instance(response="binary", class_share=share)
        np.testing.assert_array_equal(binary, continuous > np.quantile(continuous, 1 - share))


def test_missing_entries_are_zero():
    whole, _, _ = instance()
    matrix, _, _ = instance(missing=0.3)
    gone = matrix == 0
    assert abs(gone.mean() - 0.3) < 0.04
    np.testing.assert_array_equal(matrix[~gone], whole[~gone])


def test_scores_of_unions():
    truth = PlantedSupports(jnp.zeros((2, 8)).at[0, :3].set(1).at[1, 2:4].set(1))
    rows = jnp.zeros((3, 8)).at[0, jnp.array([0, 1])].set(-2.0).at[1, jnp.array([1, 7])].set(0.5)
    scores = jax.tree.map(float, union_scores(truth, rows))
    np.testing.assert_allclose([scores["recall"], scores["precision"], scores["f1"]], [1 / 2, 2 / 3, 4 / 7], rtol=1e-6)
    # The third set is empty and does not count.
    np.testing.assert_allclose(support_distance(rows), 1 - 1 / 3, rtol=1e-6)
    model = rc.models.EquivalentSupports(8, 5, 2, 3)
    np.testing.assert_allclose(model.error(truth, rows), 3 / 7, rtol=1e-6)


# The solver -----------------------------------------------------------------------------------------------------------


def test_the_objective_is_its_formula():
    generator = np.random.default_rng(0)
    features, samples, batch, drawn = 7, 5, 6, 9
    matrix, response = generator.standard_normal((samples, features)), generator.standard_normal(samples)
    means, spreads = generator.standard_normal((2, 3, features))
    logits, noise = generator.standard_normal(3), generator.standard_normal((batch, features))
    uniform, sets = generator.uniform(size=batch), generator.uniform(size=(drawn, features)) < 0.4
    solver = rc.solvers.SparseMixtureInference(3, 2, jaccard=2.0, noise=0.7, batch=batch, drawn=drawn)
    with jax.enable_x64(True):
        problem, state = rc.LinearProblem(matrix, response), None
        state = solver.init(problem, jax.random.key(0))
        mixture = type(state.mixture)(*(jnp.asarray(each) for each in (means, spreads, logits)))
        arrays = [jnp.asarray(each) for each in (noise, uniform, sets.astype(float))]
        value, slope = eqx.filter_jit(jax.value_and_grad(lambda q: solver._objective(problem, q, *arrays)))(mixture)

    variances = np.log1p(np.exp(spreads))
    weights = softmax([*logits[:2], 0])
    parts = np.searchsorted(np.cumsum(weights), uniform, side="right")
    z = means[parts] + np.sqrt(variances[parts]) * noise
    terms = []
    for each in z:
        spike = -0.5 * ((each / 0.1) ** 2 + np.log(0.1))
        slab = -0.5 * ((each / 100) ** 2 + np.log(100))
        prior = logsumexp([np.where(chosen, slab, spike).sum() for chosen in sets]) - np.log(drawn)
        likelihood = -0.5 * np.sum((matrix @ each - response) ** 2) / 0.49
        densities = [
            -0.5 * np.sum((each - m) ** 2 / v + np.log(2 * np.pi * v)) for m, v in zip(means, variances, strict=True)
        ]
        terms.append(prior + likelihood - logsumexp(densities, b=weights))
    soft = 1 / (1 + np.exp(-100 * (np.abs(z) - 1e-3)))
    pairs = [soft[i] @ soft[j] / features for i in range(batch) for j in range(i)]
    np.testing.assert_allclose(value, np.mean(terms) - 2 * np.mean(pairs), rtol=1e-9)
    # No component is chosen by a gradient, and the last logit is fixed.
    assert float(slope.logits[2]) == 0
    assert np.all(np.isfinite(np.asarray(slope.means)))


def test_random_sets_have_their_size_and_are_uniform():
    solver = rc.solvers.SparseMixtureInference(2, 3, drawn=4000)
    problem = rc.LinearProblem(np.ones((2, 6)), np.ones(2))
    sets = np.asarray(jax.jit(lambda key: solver._sets(key, problem))(jax.random.key(0)))
    assert np.all(sets.sum(1) == 3)
    kinds, counts = np.unique(sets, axis=0, return_counts=True)
    assert len(kinds) == 20
    assert np.sum((counts - 200) ** 2 / 200) < 45


def test_rules_of_extraction():
    solver = rc.solvers.SparseMixtureInference(2, 2)
    problem = rc.LinearProblem(np.eye(5), np.ones(5))
    state = solver.init(problem, jax.random.key(0))
    means = jnp.array([[3.0, -1.0, 0.5, 0.1, 0.0], [0.1, 0.19, -0.1, 0.0, 0.3]])
    state = eqx.tree_at(lambda state: state.mixture.means, state, means)
    kept = {rule: np.asarray(solver.supports(problem, state, rule)) != 0 for rule in ("top", "full")}
    np.testing.assert_array_equal(kept["top"], [[1, 1, 0, 0, 0], [0, 0, 0, 0, 1]])
    np.testing.assert_array_equal(kept["full"], [[1, 1, 1, 0, 0], [0, 0, 0, 0, 1]])
    outliers = np.asarray(solver.supports(problem, state, "outlier", 2.0)) != 0
    np.testing.assert_array_equal(outliers, [[1, 0, 0, 0, 0], [0, 0, 0, 0, 1]])
    np.testing.assert_allclose(solver.weights(state), [0.5, 0.5])
    with pytest.raises(ValueError, match="`rule` is 'best'"):
        solver.supports(problem, state, "best")


def test_the_snippet_of_the_page():
    matrix, response, sets = instance(1, noise=0.05)
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    scope = {"X": matrix, "y": response, "D": 4}
    exec(snippet, scope)
    planted = set(np.concatenate(sets).tolist())
    assert len(scope["union"]) >= 6
    assert len(set(scope["union"].tolist()) & planted) >= 0.7 * len(scope["union"])
    np.testing.assert_allclose(np.sum(scope["weights"]), 1, rtol=1e-5)
