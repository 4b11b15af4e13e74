"""Encoders and trainings of atoms against independent solutions."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import recover as rc
from recover.dictionaries.atomic_inner_product import coherence, whitening
from recover.dictionaries.autoencoders import ideal_autoencoder

error = eqx.filter_jit(rc.models.PlantedAtoms.error)
metrics = eqx.filter_jit(rc.models.PlantedAtoms.metrics)
measure = eqx.filter_jit(functools.partial(rc.autoencoders.dictionary_certificates, rows=256))
encode = eqx.filter_jit(rc.autoencoders.SparseAutoencoder.encode)
observations = eqx.filter_jit(lambda problem: problem.observations)


def planted_code(active=4, condition=50.0, whitened=True):
    features = rc.models.PlantedFeatures(
        12, 24, active, condition_number=condition, coefficient_range=(0.5, 1.0), equal_lengths=False
    )
    return rc.models.PlantedCode(features, whitened)


def test_basis_pursuit_is_the_linear_program():
    problem, _ = planted_code(5, 3.0).sample(jax.random.key(0))
    matrix, data = np.asarray(problem.operator.as_matrix(), float), np.asarray(problem.observations, float)
    solution = rc.solve(problem, rc.solvers.BasisPursuit(), max_steps=3000)
    program = scipy.optimize.linprog(np.ones(48), A_eq=np.hstack([matrix, -matrix]), b_eq=data)
    assert float(jnp.sum(jnp.abs(solution.value))) <= program.fun * (1 + 1e-3)
    np.testing.assert_allclose(matrix @ np.asarray(solution.value), data, atol=1e-3)


def test_basis_pursuit_does_not_see_whitening():
    # Columns differ by an invertible map and one factor: the feasible set is the same.
    answers = [
        rc.solve(planted_code(5, 3.0, white).sample(jax.random.key(3))[0], rc.solvers.BasisPursuit(), max_steps=3000)
        for white in (False, True)
    ]
    np.testing.assert_allclose(answers[0].value, answers[1].value, atol=2e-3)


def test_thresholding_reads_the_largest_correlations():
    rng = np.random.default_rng(0)
    matrix, data = rng.normal(size=(6, 10)).astype(np.float32), rng.normal(size=6).astype(np.float32)
    norms = np.linalg.norm(matrix, axis=0)
    correlations = matrix.T @ data / norms
    for nonnegative in (False, True):
        order = np.argsort(-(correlations if nonnegative else np.abs(correlations)))[:3]
        expected = np.zeros(10)
        expected[order] = (correlations / norms)[order]
        found = rc.solve(rc.LinearProblem(matrix, data), rc.solvers.Thresholding(3, nonnegative), max_steps=5)
        np.testing.assert_allclose(found.value, expected, atol=1e-5)
        assert int(found.stats["steps"]) == 1


def test_whitened_codes_do_not_see_the_condition_number():
    found = {
        condition: planted_code(2, condition).sample(jax.random.key(5))[0].operator.as_matrix()
        for condition in (1.0, 30.0)
    }
    grams = [np.asarray(matrix.T @ matrix) for matrix in found.values()]
    np.testing.assert_allclose(grams[0], grams[1], atol=2e-3)
    raw = planted_code(2, 30.0, False).sample(jax.random.key(5))[0].operator.as_matrix()
    assert np.abs(np.asarray(raw.T @ raw) - grams[0]).max() > 0.3


def test_planted_atoms_are_compared_alike_whitened_or_not():
    features = rc.models.PlantedFeatures(8, 12, 2, condition_number=20.0, coherence=0.3, equal_lengths=False)
    key = jax.random.key(2)
    estimate = jax.random.normal(jax.random.key(9), (15, 8))
    results = []
    for whitened in (False, True):
        model = rc.models.PlantedAtoms(features, whitened)
        stream, truth = model.sample(key)
        raw = rc.models.PlantedAtoms(features, False).sample(key)[1].directions
        # The same directions in the coordinates of either stream.
        mapping = np.linalg.lstsq(raw, truth.directions)[0]
        results.append(float(error(model, truth, estimate @ mapping)))
        if whitened:
            rows = np.asarray(eqx.filter_jit(type(stream).batch)(stream, jnp.zeros((), jnp.int32), 8192))
            np.testing.assert_allclose(rows.T @ rows / 8192 * 8, np.eye(8), atol=0.15)
    assert abs(results[0] - results[1]) < 2e-3


def test_ideal_autoencoder_is_exact_for_one_atom_and_finds_supports_within_its_window():
    model = rc.models.PlantedFeatures(
        64, 96, 2, condition_number=10.0, coefficient_range=(0.9, 1.0), scaling="none", equal_lengths=False
    )
    stream, directions = model.sample(jax.random.key(0))
    moment = directions.T @ directions
    mu = float(jax.jit(lambda d, m: coherence(d @ whitening(m, 0.0)))(directions, moment))
    autoencoder = eqx.filter_jit(ideal_autoencoder)(directions, moment, 0.5)
    np.testing.assert_allclose(encode(autoencoder, 0.95 * directions), 0.95 * np.eye(96), atol=1e-4)
    codes = np.asarray(eqx.filter_jit(type(stream).codes)(stream, jnp.arange(100, dtype=jnp.int32)))
    found = np.asarray(encode(autoencoder, jnp.asarray(codes) @ directions))
    np.testing.assert_array_equal(found > 0, codes > 0)
    # Interference is at most the coherence times the other coefficient, lengths being nearly equal.
    assert np.abs(found - codes).max() < 1.3 * mu


def _certified():
    features = rc.models.PlantedFeatures(6, 8, 1, coefficient_range=(0.5, 1.0))
    pieces = rc.autoencoders
    training = rc.solvers.AutoencoderTraining(
        12, pieces.Threshold(), pieces.CountPenalty(0.03), pieces.FreeEncoder(), pieces.Adam(0.02, steps=150), batch=32
    )
    return rc.models.PlantedAtoms(features), training


def test_certificates_count_what_speaks():
    model, training = _certified()
    problem, truth = model.sample(jax.random.key(0))
    solution = rc.solve(problem, training, max_steps=150)
    found = measure(model, truth, problem, training, solution.state)
    autoencoder = training.autoencoder(solution.state)
    codes = np.asarray(encode(autoencoder, observations(problem)))
    alive = (codes != 0).any(axis=0)
    assert float(found["alive"]) == alive.sum()
    speaking = np.asarray(solution.value) * alive[:, None]
    for name, value in metrics(model, truth, jnp.asarray(speaking)).items():
        np.testing.assert_allclose(found[f"alive_{name}"], value, rtol=1e-5)
    rows = eqx.filter_jit(type(problem).batch)(problem, jnp.zeros((), jnp.int32), 256)
    rows, approximations = np.asarray(rows), np.asarray(eqx.filter_jit(type(autoencoder).__call__)(autoencoder, rows))
    unexplained = np.sum((rows - approximations) ** 2) / np.sum((rows - rows.mean(axis=0)) ** 2)
    np.testing.assert_allclose(found["unexplained_training"], unexplained, rtol=1e-3)
    assert 0 < float(found["stability"]) <= 1


def test_what_is_measured_is_what_the_deprecated_solver_reports():
    model, training = _certified()
    with pytest.warns(DeprecationWarning, match="dictionary_certificates"):
        certified = rc.solvers.CertifiedTraining(training, rows=256)
    problem, truth = model.sample(jax.random.key(0))
    old = rc.solve(problem, certified, max_steps=20)
    # The program of the test above.
    new = rc.solve(problem, training, max_steps=20)
    measured = {**new.stats, **measure(model, truth, problem, training, new.state)}
    for name in ("unexplained", "unexplained_training", "l0", "dead", "alive", "stability", "loss"):
        np.testing.assert_allclose(measured[name], old.stats[name], rtol=1e-5)
    for name, value in metrics(model, truth, old.value).items():
        np.testing.assert_allclose(measured[f"alive_{name}"], value, rtol=1e-5)
