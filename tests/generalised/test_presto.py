"""Ordinal regression against statsmodels, scikit-learn and a general-purpose solver; derivatives against JAX's."""

import pathlib
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from statsmodels.miscmodels.ordinal_model import OrderedModel

import recover as rc
from recover.generalised.cumulative_logit import class_probabilities, derivatives, log_likelihood

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "presto.md").read_text()


def instance(seed=0, **options):
    """An instance in double precision."""
    options = {"dimension": 3, "samples": 300, "intercepts": (0.0, 1.5, 3.0), **options}
    with jax.enable_x64(True):
        return rc.models.RareClass(**options).sample(jax.random.key(seed))


def solved(problem, solver, steps=60):
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, rc.solve(problem, solver, max_steps=steps))


@pytest.fixture(scope="module")
def drawn():
    problem, truth = instance()
    return problem, np.asarray(problem.inputs), np.argmax(problem.observations, 1), truth


# The likelihood -------------------------------------------------------------------------------------------------------


def example():
    generator = np.random.default_rng(0)
    logits = np.sort(generator.standard_normal((7, 3)), axis=1)
    classes = np.eye(4)[[0, 1, 2, 3, 1, 2, 0]]
    classes[-1] = 0
    return jnp.asarray(logits, jnp.float32), jnp.asarray(classes, jnp.float32)


def test_the_likelihood_is_that_of_the_probabilities():
    logits, classes = example()
    shares = class_probabilities(logits)
    np.testing.assert_allclose(np.sum(shares, 1), 1, rtol=1e-6)
    direct = sum(np.log(shares[row, np.argmax(classes[row])]) for row in range(6))
    np.testing.assert_allclose(log_likelihood(logits, classes), direct, rtol=1e-5)
    # Only rows between boundaries that cross make it impossible.
    crossed = logits[:, jnp.array([1, 0, 2])]
    assert log_likelihood(crossed, classes) == -np.inf
    assert np.isfinite(log_likelihood(crossed[jnp.array([0, 3])], classes[jnp.array([0, 3])]))


def test_it_does_not_cancel_far_out():
    logits = jnp.asarray([[30.0, 30.00001]], jnp.float32)
    found = log_likelihood(logits, jnp.asarray([[0.0, 1.0, 0.0]], jnp.float32))
    gap = float(np.float32(30.00001)) - 30
    np.testing.assert_allclose(found, -30 + np.log(gap) if gap else -np.inf, rtol=1e-4)


def test_derivatives_are_those_of_the_likelihood():
    logits, classes = example()
    gradient, diagonal, beside = derivatives(logits, classes)
    np.testing.assert_allclose(gradient, jax.jit(jax.grad(log_likelihood))(logits, classes), atol=1e-5)
    hessian = jax.jit(jax.vmap(lambda row, each: jax.hessian(log_likelihood)(row[None], each[None])[0, :, 0, :]))(
        logits, classes
    )
    np.testing.assert_allclose(diagonal, -np.diagonal(hessian, axis1=1, axis2=2), atol=1e-4)
    np.testing.assert_allclose(beside, -np.diagonal(hessian, offset=1, axis1=1, axis2=2), atol=1e-4)


# The solvers ----------------------------------------------------------------------------------------------------------


def test_proportional_odds_are_those_of_statsmodels(drawn):
    problem, inputs, labels, _ = drawn
    found = solved(problem, rc.solvers.OrdinalRegression("proportional")).value
    peer = OrderedModel(labels, inputs, distr="logit").fit(method="bfgs", disp=False, gtol=1e-8)
    # Theirs is P(y <= k) = F(threshold - x beta).
    np.testing.assert_allclose(found.slopes, np.broadcast_to(-peer.params[:3], (3, 3)), atol=1e-4)
    np.testing.assert_allclose(found.intercepts, peer.model.transform_threshold_params(peer.params)[1:-1], atol=1e-4)


def test_many_problems_have_the_slopes_of_each(drawn):
    _, inputs, labels, _ = drawn
    problems, solver = (
        [rc.OrdinalProblem(scale * inputs, labels) for scale in (1, 2)],
        rc.solvers.OrdinalRegression("free"),
    )
    many = rc.solve_many(problems, solver).value
    assert many.logits(problems[0].inputs).shape == (2, len(inputs), 3)
    for number, problem in enumerate(problems):
        alone = rc.solve(problem, solver).value
        np.testing.assert_allclose(many.slopes[number], alone.slopes, atol=1e-4)
        np.testing.assert_allclose(
            many.rare_probability(problem.inputs)[number], alone.rare_probability(problem.inputs), atol=1e-4
        )


def test_the_rare_class_alone_is_logistic_regression(drawn):
    problem, inputs, labels, _ = drawn
    found = solved(problem, rc.solvers.OrdinalRegression("rare")).value
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(inputs, labels < 3)
    np.testing.assert_allclose(found.slopes[-1], peer.coef_[0], atol=1e-4)
    np.testing.assert_allclose(found.intercepts[-1], peer.intercept_[0], atol=1e-4)


def penalised(inputs, labels, strength):
    """The same objective by a general-purpose solver on positive and negative parts."""
    standard = (inputs - inputs.mean(0)) / inputs.std(0)
    rows = jnp.asarray(np.column_stack([np.ones(len(inputs)), standard]))
    classes = jnp.asarray(np.eye(4)[labels])

    def objective(parts):
        steps = jnp.concatenate([parts[:3, None], parts[3:12].reshape(3, 3) - parts[12:].reshape(3, 3)], 1)
        fit = log_likelihood(rows @ jnp.cumsum(steps, 0).T, classes) / len(rows)
        return jnp.where(jnp.isfinite(fit), strength * jnp.sum(parts[3:]) - fit, 1e6)

    start = np.concatenate([[0, 1, 1], np.zeros(18)])
    bounds = [(None, None)] * 3 + [(0, None)] * 18
    with_gradient = jax.jit(jax.value_and_grad(objective))
    options = {"maxiter": 5000, "ftol": 1e-14, "gtol": 1e-9}
    found = minimize(
        lambda x: jax.tree.map(np.asarray, with_gradient(x)), start, jac=True, bounds=bounds, options=options
    )
    return found.fun, (found.x[3:12] - found.x[12:]).reshape(3, 3)


def test_the_path_minimises_the_penalised_likelihood(drawn):
    problem, inputs, labels, _ = drawn
    with jax.enable_x64(True):
        state = rc.solve(problem, rc.solvers.PRESTO(strengths=6, folds=2), max_steps=60).state
        np.testing.assert_allclose(np.asarray(state.path[0])[:, 1:], 0, atol=1e-12)
        assert np.abs(np.asarray(state.path[1])[:, 1:]).max() > 1e-3
        for place in (2, 5):
            strength = float(state.strengths[place])
            value, differences = penalised(inputs, labels, strength)
            own = np.asarray(state.path[place])
            fit = log_likelihood(state.data.inputs @ jnp.cumsum(state.path[place], 0).T, problem.observations)
            assert strength * np.abs(own[:, 1:]).sum() - float(fit) / 300 <= value + 1e-7
            np.testing.assert_allclose(own[:, 1:], differences, atol=2e-3)
        assert float(state.left) < 1e-5


def test_the_strength_is_that_of_the_least_brier_score(drawn):
    problem, inputs, _, _ = drawn
    solver = rc.solvers.PRESTO(strengths=4, folds=3)
    with jax.enable_x64(True):
        solution = rc.solve(problem, solver, max_steps=60)
        kept, held = map(np.asarray, solver._fits(problem))
        state = solution.state
        logits = state.data.inputs @ jnp.cumsum(state.coefficients[1], 0).T
        misses = np.sum((np.maximum(class_probabilities(logits), 0) - held[0]) ** 2, 1)
    # Every row is held out once, and classes are spread evenly over the folds.
    np.testing.assert_array_equal(held.sum(0), problem.observations)
    np.testing.assert_array_equal(kept[1:] + held, np.broadcast_to(problem.observations, held.shape))
    assert np.ptp(held.sum(1), axis=0).max() <= 1
    assert np.sum(misses[held[0].sum(1) > 0]) / 300 < float(state.scores[-1])
    place = int(np.argmin(state.scores))
    steps = np.asarray(state.path[place])
    logits = (inputs - inputs.mean(0)) / inputs.std(0) @ np.cumsum(steps, 0)[:, 1:].T + np.cumsum(steps[:, 0])
    with jax.enable_x64(True):
        np.testing.assert_allclose(solution.value.logits(problem.inputs), logits, atol=1e-9)


# The model ------------------------------------------------------------------------------------------------------------


def test_classes_have_their_probabilities():
    problem, truth = instance(samples=20_000, dimension=2)
    with jax.enable_x64(True):
        shares = np.asarray(class_probabilities(truth.coefficients.logits(truth.inputs)))
    assert shares.min() >= 0
    seen = np.asarray(problem.observations).mean(0)
    np.testing.assert_allclose(seen, shares.mean(0), atol=4 * np.sqrt(0.25 / 20_000))
    values = np.asarray(truth.coefficients.differences)
    assert set(np.unique(values)) <= {-0.5, 0.0, 0.5}
    dense = np.asarray(instance(differences="dense")[1].coefficients.differences)
    assert np.abs(dense).max() <= 0.5
    assert len(np.unique(dense)) == 9


def test_wrong_numbers_are_named():
    with pytest.raises(ValueError, match=r"`intercepts` is \[1. 0.\]; at least two numbers that increase"):
        rc.models.RareClass(3, 50, intercepts=(1.0, 0.0))
    with pytest.raises(ValueError, match="without a gap"):
        rc.problems.OrdinalProblem(np.ones((3, 2)), [0, 2, 3])
    with pytest.raises(ValueError, match="as many rows"):
        rc.problems.OrdinalProblem(np.ones((3, 2)), [0, 1])


def test_the_limit_of_the_rare_share():
    np.testing.assert_allclose(rc.theory.rare_share_limit(0.02, 3.0), 0.02 / (27 * 5), rtol=1e-6)
    with pytest.raises(ValueError, match="radius must lie in"):
        rc.theory.rare_share_limit(0.02, 0.0)


def test_the_snippet_of_the_page(drawn):
    _, inputs, labels, truth = drawn
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    scope = {"X": inputs.astype(np.float32), "y": labels}
    exec(snippet, scope)
    with jax.enable_x64(True):
        rare = eqx.filter_jit(lambda truth: truth.coefficients.rare_probability(truth.inputs))(truth)
    assert np.mean((np.asarray(scope["probability"]) - np.asarray(rare)) ** 2) < 2e-3
