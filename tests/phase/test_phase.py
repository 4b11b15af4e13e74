"""Phase retrieval against NumPy, SciPy and published numbers."""

import functools
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.special import ive

import recover as rc
from recover.operators.coded_diffraction import CodedDiffraction

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "phase_retrieval.md").read_text()
STARTS, LOSSES = rc.initialisers, rc.phaseless_losses
SIZE, ROWS = 8, 56


def instance(field="complex", seed=0, **law):
    """A problem in double precision, its matrix, moduli and signal."""
    with jax.enable_x64(True):
        model = rc.models.PhaseRetrieval(law.pop("dimension", SIZE), law.pop("samples", ROWS), field, **law)
        problem, truth = model.sample(jax.random.key(seed))
        matrix = jax.jit(lambda problem: problem.operator.as_matrix())(problem)
    return problem, np.asarray(matrix), np.asarray(problem.observations), np.asarray(truth)


def solved(problem, solver, **options):
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, rc.solve(problem, solver, **options))


def distance(truth, found):
    turn = np.vdot(found, truth)
    return np.linalg.norm(found * turn / abs(turn) - truth) / np.linalg.norm(truth)


def phase(z):
    return z / np.abs(z)


# Starts ---------------------------------------------------------------------------------------------------------------

PREPROCESSED = {
    STARTS.SpectralStart: lambda y, ratio, c: y,
    STARTS.TruncatedSpectralStart: lambda y, ratio, c: y * (y <= 9),
    STARTS.OrthogonalityPromotingStart: lambda y, ratio, c: (y >= np.sort(y)[-int(np.ceil(len(y) / 6))]).astype(float),
    STARTS.WeightedSpectralStart: lambda y, ratio, c: y**0.25 * (y >= np.sort(y)[-int(np.ceil(3 * len(y) / 13))]),
    STARTS.MinimalThresholdStart: lambda y, ratio, c: (y - 1) / (y + np.sqrt(c * ratio) - 1),
    STARTS.OptimalSpectralStart: lambda y, ratio, c: np.maximum(1 - 1 / y, -10),
    STARTS.NullStart: lambda y, ratio, c: -(y <= np.sort(y)[-int(np.ceil(len(y) / 2))]).astype(float),
}


@pytest.mark.parametrize("field", ["real", "complex"])
def test_starts_are_leading_eigenvectors(field):
    # With so few rows some matrices have no full rank, and the Krylov space ends early.
    problem, matrix, b, _ = instance(field, samples=40)
    y = b**2 / np.mean(b**2)
    kinds = tuple(kind() for kind in PREPROCESSED)
    for number, rule in enumerate(PREPROCESSED.values()):
        found = solved(problem, rc.solvers.PhaselessStart(STARTS.ChosenStart(number, kinds))).value
        weights = rule(y, 40 / SIZE, 2 if field == "real" else 1)
        _, vectors = np.linalg.eigh(matrix.conj().T @ (weights[:, None] * matrix))
        expected = vectors[:, -1] * np.sqrt(np.mean(b**2))
        assert distance(expected, found) < 1e-6, kinds[number]


def test_a_start_of_a_given_quality():
    problem, _, b, truth = instance(reveal_signal=True)
    found = solved(problem, rc.solvers.PhaselessStart(STARTS.CorrelatedStart(0.8))).value
    sizes = np.linalg.norm(found) * np.linalg.norm(truth)
    assert abs(np.vdot(found, truth)) / sizes == pytest.approx(0.8)
    assert np.linalg.norm(found) == pytest.approx(np.sqrt(np.mean(b**2)))
    with pytest.raises(ValueError, match="no `known_signal`"):
        solved(instance()[0], rc.solvers.PhaselessStart(STARTS.CorrelatedStart(0.8)))


# Solvers --------------------------------------------------------------------------------------------------------------


def flow_by_hand(name, matrix, b, x, steps, real):
    rows, power = len(b), np.mean(b**2)
    for step in range(steps):
        z = matrix @ x
        size, excess = np.abs(z), np.abs(z) ** 2 - b**2
        relative = size / np.linalg.norm(x)
        surprising = np.abs(excess) > 5 * np.mean(np.abs(excess)) * relative
        kept = (relative >= 0.3) & (relative <= 5) & ~surprising
        gap = z - b * phase(z)
        offset = 10 if real else 5
        slopes, length = {
            "intensity": (excess * z / power, min(1 - np.exp(-(step + 1) / 330), 0.2)),
            "truncated poisson": (2 * kept * excess / np.conj(z), 0.2),
            "amplitude": (gap, 0.6 if real else 1.0),
            "truncated amplitude": (gap * (size >= b / 1.7), 0.6 if real else 1.0),
            "reweighted amplitude": (gap * size / (size + offset * b), 2.0 if real else 5.0),
        }[name]
        x = x - length / rows * matrix.conj().T @ slopes
    return x


@pytest.mark.parametrize("field", ["real", "complex"])
def test_flows_take_the_steps_of_numpy(field):
    problem, matrix, b, _ = instance(field)
    start = STARTS.MinimalThresholdStart()
    first = solved(problem, rc.solvers.PhaselessStart(start)).value
    kinds = tuple(kind() for kind in LOSSES.LOSSES.values())
    for number, name in enumerate(LOSSES.LOSSES):
        solver = rc.solvers.PhaselessFlow(LOSSES.ChosenLoss(number, kinds), start, tolerance=-1.0, patience=0)
        found = solved(problem, solver, max_steps=40).value
        np.testing.assert_allclose(found, flow_by_hand(name, matrix, b, first, 40, field == "real"), atol=1e-8)
    named = rc.solvers.PhaselessFlow("amplitude")
    assert isinstance(named.loss, LOSSES.AmplitudeLoss)
    with pytest.raises(ValueError, match="`loss` is 'poisson'; allowed: intensity, truncated poisson"):
        rc.solvers.PhaselessFlow("poisson")


def test_projections_take_the_steps_of_numpy():
    problem, matrix, b, _ = instance()
    start = STARTS.RandomSignal()
    first = solved(problem, rc.solvers.PhaselessStart(start)).value
    inverse = np.linalg.pinv(matrix)
    for rule in ("error reduction", "raar"):
        z = matrix @ first
        for _ in range(7):
            moduli = b * phase(z)
            x = inverse @ moduli
            reflected = z + matrix @ (inverse @ (2 * moduli - z)) - moduli
            z = matrix @ x if rule == "error reduction" else 0.9 * reflected + 0.1 * moduli
        found = solved(problem, rc.solvers.PhaselessProjections(rule, start), max_steps=7).value
        np.testing.assert_allclose(found, x, atol=1e-8)


def test_message_passing_takes_the_steps_of_numpy():
    for field in ("real", "complex"):
        problem, matrix, b, _ = instance(field)
        first = solved(problem, rc.solvers.PhaselessStart()).value
        size = np.sqrt(np.mean(b**2) / SIZE)
        a, b = matrix / np.sqrt(SIZE), b / np.sqrt(np.mean(b**2))
        x, variance, g = 0.6 * first / size, 0.64, np.zeros(ROWS)
        for _ in range(4):
            w = a @ x - variance * g
            k = np.abs(w) * b / variance
            share = np.tanh(k) if field == "real" else ive(1, 2 * k) / ive(0, 2 * k)
            g = (b * phase(w) * share - w) / variance
            noise = SIZE / ROWS / np.mean((1 - b**2 * (1 - share**2) / variance) / variance)
            x = x + 0.9 * ((x + noise * a.conj().T @ g) / (1 + noise) - x)
            variance = noise / (1 + noise)
        found = solved(problem, rc.solvers.PhaselessGAMP(), max_steps=4).value
        np.testing.assert_allclose(found, size * x, atol=1e-7)


def test_phase_max_is_the_linear_program():
    problem, matrix, b, _ = instance("real", samples=20)
    anchor = solved(problem, rc.solvers.PhaselessStart()).value
    bounds = np.concatenate([b, b])
    program = linprog(-anchor, np.concatenate([matrix, -matrix]), bounds, bounds=(None, None))
    found = solved(problem, rc.solvers.PhaseMax(tolerance=1e-9, patience=0), max_steps=5000).value
    np.testing.assert_allclose(found, program.x, atol=1e-5)


def test_many_unknowns_are_solved_for_by_products(monkeypatch):
    monkeypatch.setattr("recover.phase.phaseless._DENSE", 1)
    problem, _, _, truth = instance()
    found = solved(problem, rc.solvers.PhaselessProjections("error reduction"), max_steps=200)
    assert distance(truth, found.value) < 1e-3


# Data -----------------------------------------------------------------------------------------------------------------


def test_coded_diffraction_is_its_matrix():
    generator = np.random.default_rng(0)
    masks = (generator.standard_normal((3, 2, 4)) + 1j * generator.standard_normal((3, 2, 4))).astype(np.complex64)
    transform = np.kron(np.fft.fft(np.eye(2)), np.fft.fft(np.eye(4)))
    matrix = np.concatenate([transform * mask.reshape(-1)[None, :] for mask in masks])[:20]
    operator = CodedDiffraction(jnp.asarray(masks), rows=20)
    x, z = (generator.standard_normal(size).astype(np.complex64) * (1 + 2j) for size in (8, 20))
    for found, expected in [
        (operator.mv(jnp.asarray(x, jnp.complex64)), matrix @ x),
        (operator.transpose_mv(jnp.asarray(z, jnp.complex64)), matrix.T @ z),
        (operator.as_matrix(), matrix),
    ]:
        np.testing.assert_allclose(found, expected, atol=1e-4)
    with pytest.raises(ValueError, match=r"shape \(4,\) and dtype complex64: allowed is a complex array"):
        CodedDiffraction(jnp.ones(4, jnp.complex64))


def test_laws_of_the_model():
    _, matrix, b, truth = instance(ensemble="octanary", dimension=32, samples=64)
    # Every column of a pattern has the modulus of its mask.
    sizes = np.abs(matrix).reshape(2, 32, 32)
    np.testing.assert_allclose(sizes, np.broadcast_to(sizes[:, :1], sizes.shape), atol=1e-9)
    np.testing.assert_allclose(np.unique(np.round(sizes, 6)), np.round([0.5**0.5, 3**0.5], 6))
    np.testing.assert_allclose(b, np.abs(matrix @ truth), atol=1e-5)
    quarters = np.asarray(rc.models.PhaseRetrieval(32, 40, ensemble="quaternary").design(jax.random.key(0)))
    assert quarters.shape == (2, 32)
    np.testing.assert_allclose(np.unique(quarters), [-1, -1j, 1j, 1])
    _, matrix, b, truth = instance("real", samples=4000, noise=0.1, outliers=0.2, seed=1)
    clean = np.abs(matrix @ truth)
    gap = np.abs(b - clean) / np.sqrt(np.mean(clean**2))
    # A fifth of the observations is far off; the median of the others is that of a normal law.
    assert np.mean(gap > 0.45) == pytest.approx(0.12, abs=0.05)
    assert np.quantile(gap, 0.4) == pytest.approx(0.067, abs=0.01)


def test_wrong_data_are_named():
    with pytest.raises(ValueError, match=r"`observations` holds -1; moduli, of at least 0"):
        rc.PhaselessProblem(np.eye(3), [1.0, -1.0, 2.0])
    with pytest.raises(TypeError, match="`observations` is complex128"):
        rc.PhaselessProblem(np.eye(3), [1j, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"shape \(2,\), but the operator maps to \(3,\)"):
        rc.PhaselessProblem(np.eye(3), [1.0, 2.0])
    with pytest.raises(ValueError, match="of real signals 'gaussian' is allowed"):
        rc.models.PhaseRetrieval(8, 32, "real", "octanary")


def test_the_snippet_of_the_page():
    generator = np.random.default_rng(0)
    masks = np.exp(2j * np.pi * generator.random((6, 8, 8)))
    image = generator.random((8, 8))
    scope = {"masks": masks, "intensities": np.abs(np.fft.fft2(masks * image)) ** 2}
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    with jax.numpy_dtype_promotion("standard"):
        exec(snippet, scope)
    assert scope["solution"].result == rc.Result.converged
    assert distance(image.reshape(-1), np.asarray(scope["image"]).reshape(-1)) < 1e-3


# Predictions ----------------------------------------------------------------------------------------------------------


def test_spectral_overlaps_are_the_published_ones():
    published = {
        (functools.partial(STARTS.OptimalSpectralStart, floor=-1000.0), False): [0.0423, 0.2307, 0.6389, 0.9245],
        (STARTS.MinimalThresholdStart, False): [0.0413, 0.2060, 0.4858, 0.7051],
        (STARTS.TruncatedSpectralStart, False): [0.0, 0.0, 0.090, 0.397],
        (STARTS.OrthogonalityPromotingStart, False): [0.0, 0.022, 0.246, 0.483],
        (functools.partial(STARTS.OptimalSpectralStart, floor=-1000.0), True): [0.0687, 0.3381, 0.7345, 0.9190],
        (STARTS.MinimalThresholdStart, True): [0.0670, 0.3013, 0.6023, 0.7855],
    }
    with jax.enable_x64(True):
        for (start, complex_data), expected in published.items():
            at = np.asarray([1.2, 2, 4, 8] if complex_data else [0.6, 1, 2, 4])
            found = rc.theory.spectral_overlap(at, start(), complex_data=complex_data)
            np.testing.assert_allclose(found, expected, atol=2e-3)
    with pytest.raises(ValueError, match="`start` is SpectralStart; one of bounded"):
        rc.theory.spectral_overlap(2.0, STARTS.SpectralStart())


def test_thresholds_and_fixed_points():
    theory = rc.theory
    with jax.enable_x64(True):
        at = np.asarray([0.55, 0.7, 0.8, 0.9, 1, 1.05, 1.1, 1.12])
        known = [0.023, 0.124, 0.216, 0.331, 0.476, 0.568, 0.691, 0.767]
        np.testing.assert_allclose(theory.phaseless_overlap(at), known, atol=1e-3)
        assert float(theory.phaseless_recovery_threshold()) == pytest.approx(1.128, abs=1e-3)
        found = theory.phaseless_overlap(np.asarray([0.9, 1.2, 1.5, 1.8, 2.024, 2.029]), True)
        np.testing.assert_allclose(found[:4], [0.0, 0.084, 0.270, 0.539], atol=1e-3)
        # Between these two the fixed point jumps.
        assert found[4] < 0.95
        assert found[5] == 1
        at = np.asarray([0.3, 0.5, 1.0])
        np.testing.assert_allclose(theory.weak_recovery_threshold(at), [0.5164, 0.5416, 0.6466], atol=1e-4)
        np.testing.assert_allclose(theory.weak_recovery_threshold(at, True), [1.0737, 1.1896, 1.7000], atol=1e-4)
        at = np.asarray([0.5, 0.6, 0.7, 0.8, 0.9, 1])
        found = theory.phasemax_threshold(at)
        np.testing.assert_allclose(found, [3.719, 3.133, 2.720, 2.415, 2.182, 2], atol=6e-4)
        np.testing.assert_allclose(theory.phasemax_threshold(at, True), 4 / at**2)
        ratio = theory.phaseless_error(0.01, np.asarray([6.0, 10.0]), True) / theory.phaseless_error(
            0.01, np.asarray([6.0, 10.0]), True, oracle=True
        )
        np.testing.assert_allclose(ratio, [5**0.5, 4.5**0.5])


def test_least_squares_of_moduli_has_its_error():
    problem, _, _, truth = instance(dimension=40, samples=240, noise=0.01)
    found = solved(problem, rc.solvers.PhaselessFlow("amplitude", tolerance=1e-9), max_steps=400).value
    predicted = float(rc.theory.phaseless_error(0.01, 6.0, complex_data=True))
    assert distance(truth, found) == pytest.approx(predicted, rel=0.25)
