"""Spiked matrices and tensors against NumPy, closed forms and published numbers."""

import pathlib
import re

import jax
import numpy as np
import pytest
from scipy.stats import norm

import recover as rc

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "spiked_models.md").read_text()
STARTS, PRIORS, THEORY = rc.initialisers, rc.priors, rc.theory
SIZE = 12


def instance(seed=0, **law):
    """A problem in double precision, its data and its signal."""
    with jax.enable_x64(True):
        options = {"dimension": SIZE, "signal_strength": 3.0, "reveal_signal": True, **law}
        problem, truth = rc.models.SpikedTensor(**options).sample(jax.random.key(seed))
    return problem, np.asarray(problem.observations), np.asarray(truth)


def solved(problem, solver, **options):
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, rc.solve(problem, solver, **options))


def contracted(data, x):
    return data @ x if data.ndim == 2 else np.einsum("ijk,j,k->i", data, x, x)


def test_laws_of_the_model():
    _, data, truth = instance(dimension=40, prior=PRIORS.RademacherPrior(0.25))
    assert sorted(np.unique(np.round(truth, 5))) == [-2, 0, 2]
    assert np.sum(truth != 0) == 10
    noise = data - 3 * np.outer(truth, truth) / 40
    np.testing.assert_allclose(noise, noise.T, atol=1e-6)
    assert np.var(noise[np.triu_indices(40, 1)]) * 40 == pytest.approx(1, abs=0.15)
    for kind, variance in (("symmetric", 1 / 40), ("independent", 1 / 20)):
        _, data, truth = instance(dimension=20, order=3, prior=PRIORS.SphericalPrior(), noise=kind)
        assert np.sum(truth**2) == pytest.approx(20)
        noise = data - 3 * np.einsum("i,j,k->ijk", truth, truth, truth) / 20**1.5
        entries = [noise[i, j, k] for i in range(20) for j in range(i) for k in range(j)]
        assert np.var(entries) == pytest.approx(variance, rel=0.15)
        assert np.allclose(noise, noise.transpose(2, 0, 1), atol=1e-6) == (kind == "symmetric")
    model = rc.models.SpikedCovariance(6, 4000, 2.0, 3)
    problem, truth = model.sample(jax.random.key(0))
    expected = np.eye(6) + 2 * np.outer(truth, truth)
    np.testing.assert_allclose(problem.observations, expected, atol=0.15)
    assert np.sum(np.asarray(truth) != 0) == 3


def test_starts_are_leading_eigenvectors():
    problem, data, _ = instance()
    found = solved(problem, rc.solvers.SpikeStart()).value
    assert abs(found @ np.linalg.eigh(data)[1][:, -1]) == pytest.approx(1)
    problem, data, truth = instance(order=3)
    found = solved(problem, rc.solvers.SpikeStart()).value
    assert abs(found @ np.linalg.svd(data.reshape(SIZE, -1))[0][:, 0]) == pytest.approx(1)
    found = solved(problem, rc.solvers.SpikeStart(STARTS.PartialTraceDirection())).value
    trace = np.einsum("ijj->i", data)
    np.testing.assert_allclose(found, trace / np.linalg.norm(trace))
    found = solved(problem, rc.solvers.SpikeStart(STARTS.CorrelatedDirection(0.6))).value
    assert found @ truth / SIZE**0.5 == pytest.approx(0.6)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("density", [1.0, 0.5, None])
def test_message_passing_takes_the_steps_of_numpy(order, density):
    prior = PRIORS.SphericalPrior() if density is None else PRIORS.RademacherPrior(density)
    problem, data, _ = instance(order=order, prior=prior)
    rho, strength = density or 1.0, 3.0
    start = solved(problem, rc.solvers.SpikeStart(STARTS.CorrelatedDirection(0.8))).value
    f = before = 0.8 * SIZE**0.5 * start
    memory = 0.0
    for _ in range(4):
        u = contracted(data, f) * SIZE ** (1 - order / 2) - memory * before
        h, gamma = strength * u, strength**2 * np.mean(f**2) ** (order - 1)
        if density is None:
            slope = np.sqrt(gamma / (1 + gamma) / np.mean(h**2)) * np.ones(SIZE)
            mean = slope * h
        else:
            a = rho**-0.5
            weights = [rho / 2 * np.exp(s * a * h - gamma * a**2 / 2) for s in (1, -1)]
            total = 1 - rho + sum(weights)
            mean = a * (weights[0] - weights[1]) / total
            slope = a**2 * sum(weights) / total - mean**2
        memory = (order - 1) * (mean @ f / SIZE) ** (order - 2) * strength * np.mean(slope)
        f, before = mean, f
    solver = rc.solvers.SpikedAMP(STARTS.CorrelatedDirection(0.8), tolerance=-1.0)
    np.testing.assert_allclose(solved(problem, solver, max_steps=4).value, f, atol=1e-7)


def test_relaxation_and_power_iteration_take_the_steps_of_numpy():
    problem, data, _ = instance(seed=1, dimension=30, signal_strength=2.0)
    found = solved(problem, rc.solvers.BurerMonteiro(), max_steps=400)
    # At the maximum every row is along its field, and the multipliers certify it: L - Y is positive semidefinite.
    solution = solved(problem, rc.solvers.BurerMonteiro(tolerance=1e-10), max_steps=5000)
    np.testing.assert_array_equal(np.abs(found.value), 1)
    assert abs(found.value @ solution.value) == 30
    rows = np.asarray(solution.state.x)
    multipliers = np.sum(rows * (data @ rows), axis=1)
    assert np.linalg.eigvalsh(np.diag(multipliers) - data).min() > -1e-6
    problem, data, _ = instance(order=3)
    x = solved(problem, rc.solvers.SpikeStart(STARTS.PartialTraceDirection())).value
    for _ in range(3):
        x = contracted(data, x) / np.linalg.norm(contracted(data, x))
    solver = rc.solvers.TensorPowerIteration(STARTS.PartialTraceDirection(), tolerance=-1.0)
    np.testing.assert_allclose(solved(problem, solver, max_steps=3).value, x, atol=1e-9)


def test_message_passing_from_the_eigenvector_follows_state_evolution():
    problem, _ = rc.models.SpikedTensor(1000, 2.0).sample(jax.random.key(0))
    with jax.enable_x64(False):
        solution = rc.solve(problem, rc.solvers.SpikedAMP(tolerance=-1.0), max_steps=3)
        expected = THEORY.spiked_state_evolution(2.0, 0.75, 3)[-1]
    assert float(solution.stats["predicted_overlap"]) == pytest.approx(float(expected), abs=0.03)


def test_wrong_data_are_named():
    with pytest.raises(ValueError, match=r"`observations` has shape \(3, 4\); \(n, n\) or \(n, n, n\) is allowed"):
        rc.SpikedProblem(np.ones((3, 4)))
    with pytest.raises(ValueError, match="`observations` is not symmetric: opposite entries differ by up to 1"):
        rc.SpikedProblem(np.asarray([[0.0, 1.0], [0.0, 0.0]]))
    with pytest.raises(ValueError, match="of order two 'symmetric' is allowed"):
        rc.models.SpikedTensor(8, 1.0, noise="independent")
    problem = rc.SpikedProblem(np.eye(3))
    for solver, message in [
        (rc.solvers.SpikedAMP(), "lacks `signal_strength` or `prior`"),
        (rc.solvers.SpikeStart(STARTS.CorrelatedDirection(0.5)), "no `known_signal`"),
        (rc.solvers.SpikeStart(STARTS.PartialTraceDirection()), "has order 2; 3 is allowed"),
    ]:
        with pytest.raises(ValueError, match=message):
            rc.solve(problem, solver)


def test_the_snippet_of_the_page():
    _, data, truth = instance(dimension=100, signal_strength=4.0)
    scope = {"Y": data}
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with jax.numpy_dtype_promotion("standard"):
        exec(snippet, scope)
    assert abs(np.asarray(scope["signs"]) @ truth) / 100 > 0.9


# Predictions ----------------------------------------------------------------------------------------------------------


def test_overlaps_are_the_published_ones():
    strengths = np.asarray([1.05, 1.1, 1.2, 1.3, 1.5, 1.75, 2, 3])
    known = [0.098423, 0.191734, 0.357659, 0.494510, 0.692295, 0.837984, 0.916511, 0.995762]
    with jax.enable_x64(True):
        found = THEORY.spiked_overlap(strengths)
        np.testing.assert_allclose(found, known, atol=1e-6)
        # From the transition on the overlap of a matrix is the same from anywhere.
        np.testing.assert_allclose(found, THEORY.spiked_overlap(strengths, informed=True), atol=1e-9)
        steps = THEORY.spiked_state_evolution(1.5, 1 - 1 / 1.5**2, 7)
        np.testing.assert_allclose(steps, [0.6218, 0.6581, 0.6762, 0.6848, 0.6889, 0.6907, 0.6916], atol=1e-4)
        sparse = PRIORS.RademacherPrior(0.05)
        found = THEORY.spiked_overlap(np.asarray([0.86, 0.9, 0.95, 1, 1.1, 1.4]), sparse, informed=True)
        np.testing.assert_allclose(found, [0.5571, 0.7094, 0.8064, 0.8663, 0.9341, 0.9925], atol=1e-4)
        assert not np.any(THEORY.spiked_overlap(np.asarray([0.5, 0.95, 1.0]), sparse))
        found = THEORY.spiked_overlap(np.asarray([1.9, 2.5, 3, 4]), PRIORS.SphericalPrior(), 3, informed=True)
        np.testing.assert_allclose(found, [0, 0.8, 0.87268, 0.93301], atol=1e-5)
        np.testing.assert_allclose(THEORY.spiked_matrix_overlap(np.asarray([0.8, 2.0])), [0, 0.75])
        np.testing.assert_allclose(THEORY.spiked_covariance_overlap(np.asarray([2.0, 3.0, 0.5]), 1), [0.5, 2 / 3, 0])
        np.testing.assert_allclose(THEORY.unfolding_overlap(np.asarray([0.8, 1.0])), [0, 0.5])
    assert 2 * norm.cdf(1.5 * 0.692295**0.5) - 1 == pytest.approx(0.787992, abs=1e-6)


def test_thresholds_are_the_published_ones():
    sphere, signs = PRIORS.SphericalPrior(), PRIORS.RademacherPrior
    known = [
        (3, sphere, 2.0, 2.08982),
        (4, sphere, 2.59808, 2.81134),
        (3, signs(), 1.79687, 1.88022),
        (2, signs(), 1, 1),
        (2, signs(0.05), 0.849, 0.8645),
        (2, signs(0.01), 0.458, 0.4785),
    ]
    with jax.enable_x64(True):
        for order, prior, spinodal, information in known:
            assert float(THEORY.spiked_spinodal(prior, order)) == pytest.approx(spinodal, abs=5e-4)
            assert float(THEORY.spiked_information_threshold(prior, order)) == pytest.approx(information, abs=5e-4)


def test_information_is_half_the_integral_of_the_mean_squared_error():
    with jax.enable_x64(True):
        at = np.linspace(0, 3, 601)
        for prior in (PRIORS.SphericalPrior(), PRIORS.RademacherPrior(), PRIORS.RademacherPrior(0.2)):
            integral = np.trapezoid(1 - np.asarray(prior.overlap(jax.numpy.asarray(at))), at) / 2
            assert float(prior.information(jax.numpy.asarray(3.0))) == pytest.approx(integral, abs=1e-5)
