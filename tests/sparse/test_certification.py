"""Proofs of recovery against linear programming."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import recover as rc

COUNTS = (3, 6, 8, 10, 13)
ROWS, COLUMNS = 24, 48


def instances(nonnegative, trials=25):
    generator = np.random.default_rng(0)
    for trial in range(trials):
        matrix = generator.standard_normal((ROWS, COLUMNS)) / np.sqrt(ROWS)
        truth = np.zeros(COLUMNS)
        truth[generator.permutation(COLUMNS)[: COUNTS[trial % len(COUNTS)]]] = 1
        truth *= generator.standard_normal(COLUMNS)
        yield matrix, np.abs(truth) if nonnegative else truth


def shortest(matrix, observations, nonnegative):
    split = matrix if nonnegative else np.hstack([matrix, -matrix])
    found = scipy.optimize.linprog(np.ones(split.shape[1]), A_eq=split, b_eq=observations, bounds=(0, None)).x
    return found if nonnegative else found[:COLUMNS] - found[COLUMNS:]


@pytest.mark.parametrize("nonnegative", [False, True])
def test_what_linear_programming_finds_is_proved_and_nothing_else(nonnegative):
    matrices, truths = map(np.asarray, zip(*instances(nonnegative), strict=True))
    observations = np.einsum("tij,tj->ti", matrices, truths)
    found = np.asarray([shortest(*each, nonnegative) for each in zip(matrices, observations, strict=True)])
    recovered = np.linalg.norm(found - truths, axis=1) < 1e-6 * np.linalg.norm(truths, axis=1)
    assert 5 < recovered.sum() < 25

    def certified(matrix, observations, truth):
        return rc.certify(rc.LinearProblem(matrix, observations), truth, nonnegative=nonnegative)

    single = [jnp.asarray(each, jnp.float32) for each in (matrices, observations, truths)]
    proof = jax.jit(jax.vmap(certified))(*single)
    np.testing.assert_array_equal(proof.holds, recovered)
    np.testing.assert_allclose(proof.value, truths, atol=1e-4)


def test_an_estimate_is_fitted_anew_and_a_wrong_one_is_not_proved():
    matrix, truth = next(instances(False))
    problem = rc.LinearProblem(np.float32(matrix), np.float32(matrix @ truth))
    solution = rc.solve(problem, rc.solvers.FISTA(penalty=1e-3), max_steps=2000)
    proof = rc.certify(problem, solution)
    assert proof.holds
    assert np.linalg.norm(proof.value - truth) < 1e-5 < np.linalg.norm(solution.value - truth)
    assert not rc.certify(problem, np.roll(truth, 1)).holds
    assert not rc.certify(problem, np.zeros(COLUMNS)).holds
    assert not rc.certify(problem, np.full(COLUMNS, np.nan)).holds


def test_dependent_columns_prove_nothing():
    matrix, truth = next(instances(False))
    twice = np.hstack([matrix, matrix[:, truth != 0]]).astype(np.float32)
    problem = rc.LinearProblem(twice, np.float32(matrix @ truth))
    assert not rc.certify(problem, np.pad(truth, (0, twice.shape[1] - COLUMNS))).holds
    assert not rc.certify(problem, np.concatenate([truth / 2, truth[truth != 0] / 2])).holds


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_units_do_not_matter(unit):
    matrix, truth = next(instances(False))
    problem = rc.LinearProblem(np.float32(unit * matrix), np.float32(unit**2 * matrix @ truth))
    assert rc.certify(problem, unit * truth).holds


def test_complex_coefficients():
    generator = np.random.default_rng(1)
    parts = generator.standard_normal((2, ROWS, COLUMNS))
    truth = np.zeros(COLUMNS, np.complex64)
    truth[[3, 20, 40]] = [1 + 1j, -2j, 0.3 - 1j]
    matrix = (parts[0] + 1j * parts[1]).astype(np.complex64) / np.sqrt(2 * ROWS, dtype=np.float32)
    problem = rc.LinearProblem(matrix, matrix @ truth)
    assert rc.certify(problem, truth).holds
    assert not rc.certify(problem, np.where(np.arange(COLUMNS) < 20, 1, 0)).holds


def test_a_penalised_minimiser(float64):
    matrix, truth = next(instances(False))
    observations = matrix @ truth + 0.01 * np.random.default_rng(2).standard_normal(ROWS)
    problem = rc.LinearProblem(matrix, observations)
    solver = rc.solvers.FISTA(penalty=0.02, tolerance=1e-12)
    exact = rc.solve(problem, solver, max_steps=20_000)
    proof = rc.certify(problem, exact, penalty=0.02, tolerance=1e-8)
    assert proof.holds
    assert 0 <= proof.gap <= 1e-8
    early = rc.certify(problem, rc.solve(problem, solver, max_steps=5), penalty=0.02)
    assert not early.holds
    objective = lambda x: np.sum((observations - matrix @ x) ** 2) / 2 + 0.02 * np.abs(x).sum()  # noqa: E731
    worse = exact.value + 1e-3
    gap = objective(np.asarray(worse)) - objective(np.asarray(exact.value))
    assert float(rc.certify(problem, worse, penalty=0.02).gap) * objective(np.asarray(worse)) >= gap > 0


def test_a_column_of_a_table():
    def measure(model, truth, problem, solver, state):
        return {"certified": rc.certify(problem, solver.estimate(problem, state)).holds}

    def cell(sparsity):
        return rc.models.SparseRegression(dimension=48, samples=24, sparsity=sparsity), rc.solvers.BasisPursuit()

    frame = rc.sweep(cell, {"sparsity": [2, 20]}, trials=6, max_steps=2000, measure=measure).frame
    few, many = (frame[frame["sparsity"] == count] for count in (2, 20))
    # Also where the shortest coefficients are not those that were planted.
    assert few["certified"].all()
    assert many["certified"].all()
    assert (few["error"] < 1e-3).all()
    assert (many["error"] > 0.1).all()


def test_what_is_refused():
    matrix, truth = next(instances(False))
    problem = rc.LinearProblem(matrix, matrix @ truth)
    with pytest.raises(TypeError, match="certify: `problem` is a tuple; a LinearProblem is allowed"):
        rc.certify((matrix, truth), truth)
    with pytest.raises(ValueError, match=r"certify: `solution` has shape \(3,\); \(48,\) is allowed"):
        rc.certify(problem, truth[:3])
    with pytest.raises(ValueError, match=r"certify: `penalty` is -1\.0; a positive number is allowed"):
        rc.certify(problem, truth, penalty=-1.0)
