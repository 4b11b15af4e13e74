"""Free discontinuity regression and what it is compared with, against independent references."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, optimize

import recover as rc
from recover.core.leaves import cast_floating, floating_dtype
from recover.surfaces.differences import divergence, gradient
from recover.surfaces.free_discontinuity import FreeDiscontinuityState, _project, crossing


def differences(v, axis):
    """Forward differences, zero at the end; written with slices of another kind than the solver's."""
    end = np.take(v, [-1], axis)
    return np.diff(v, axis=axis, append=end)


def reference_iteration(y, state, data_weight, penalty, levels):
    """One iteration in double precision over explicit pairs of levels, with its own projection."""
    v, vbar, p, q, mu, mubar = (np.array(part, float) for part in state)
    axes, h = y.ndim, 1 / y.shape[0]
    a, b = 2, 10
    pairs = list(itertools.combinations(range(levels + 1), 2))
    pull = np.zeros_like(p)
    for (i, j), force in zip(pairs, mubar, strict=True):
        pull[i:j] += force
    for k in range(levels):
        step_p, step_t = 1 / (2 * a / h + b * (k + 1) * (levels - k)), 1 / (2 * levels * a)
        slope = np.stack([differences(vbar[k], axis) for axis in range(axes)]) / h
        rise = (vbar[k + 1] - vbar[k]) * levels if k < levels - 1 else 0 * vbar[k]
        p0, q0 = p[k] + step_p * (slope + pull[k]), q[k] + step_t * rise
        c = data_weight * ((k + 1) / levels - y) ** 2
        for cell in np.ndindex(y.shape):
            at = (slice(None), *cell)
            square = np.sum(p0[at] ** 2) / 4
            if square > q0[cell] + c[cell]:

                def gap(l, square=square, cell=cell, step_p=step_p, step_t=step_t, q0=q0, c=c):
                    return q0[cell] + l * step_t + c[cell] - square / (1 + l * step_p / 2) ** 2

                l = optimize.brentq(gap, 0, 1e6, xtol=1e-13)
                p0[at], q0[cell] = p0[at] / (1 + l * step_p / 2), q0[cell] + l * step_t
        p[k], q[k] = p0, q0
    new_mu = []
    for (i, j), force in zip(pairs, mu, strict=True):
        step = b / (j - i)
        moved = force - step * p[i:j].sum(0)
        norm = np.sqrt((moved**2).sum(0, keepdims=True))
        new_mu.append(moved * np.maximum(1 - step * penalty * levels / np.maximum(norm, 1e-30), 0))
    new_mu = np.array(new_mu)
    new_v = v.copy()
    for k in range(1, levels - 1):
        flow = np.zeros_like(y)
        for axis in range(axes):
            inner = p[k, axis].copy()
            inner[(slice(None),) * axis + (-1,)] = 0
            flow += inner - np.roll(inner, 1, axis)
        step = a / (2 * axes / h + 2 * levels)
        new_v[k] = np.clip(v[k] + step * (flow / h + levels * (q[k] - q[k - 1])), 0, 1)
    return new_v, 2 * new_v - v, p, q, new_mu, 2 * new_mu - mu


@pytest.mark.parametrize("dimension", [1, 2])
def test_iterations_are_those_over_explicit_pairs(dimension):
    levels, n = 4, 5
    with jax.enable_x64(True):
        y = np.random.default_rng(dimension).random((n,) * dimension)
        problem = rc.SurfaceProblem(y, lower=0.0, upper=1.0)
        solver = cast_floating(
            rc.solvers.FreeDiscontinuityRegression(
                30.0, 0.02, levels=levels, iterations=7, lifted_step=2.0, multiplier_step=10.0
            ),
            floating_dtype(problem),
        )
        state = solver.init(problem, None)
        cells = n**dimension
        pairs = levels * (levels + 1) // 2
        # The flat axis of cells is padded.
        v = np.asarray(state.lifted)[:, :cells].reshape(levels, *y.shape)
        zero_p, zero_mu = np.zeros((levels, dimension, *y.shape)), np.zeros((pairs, dimension, *y.shape))
        reference = (v, v, zero_p, 0 * v, zero_mu, zero_mu)
        for _ in range(7):
            reference = reference_iteration(y, reference, 30.0, 0.02, levels)
        state = jax.jit(lambda p, s: solver.step(p, s))(problem, state)
        np.testing.assert_allclose(state.lifted[:, :cells].reshape(v.shape), reference[0], atol=1e-9)
        flux = np.stack(state.flux, axis=1)[..., :cells]
        np.testing.assert_allclose(flux.reshape(zero_p.shape), reference[2], atol=1e-9)
        np.testing.assert_allclose(state.height[:, :cells].reshape(v.shape), reference[3], atol=1e-9)
        assert sum(part[..., :cells].size for part in state.multipliers) == pairs * dimension * cells


def test_gradient_and_divergence_are_adjoint(getkey):
    cells = (4, 3, 5)
    v = jax.random.normal(getkey(), (64,))
    p = jax.random.normal(getkey(), (3, v.size))
    for axis in range(3):
        expected = np.diff(v[:60].reshape(cells), axis=axis)
        found = gradient(v, cells)[axis][:60].reshape(cells)
        np.testing.assert_allclose(np.delete(found, -1, axis), expected, atol=1e-6)
    assert not np.any(np.stack(gradient(v, cells))[:, 60:])
    np.testing.assert_allclose(
        jnp.sum(jnp.stack(gradient(v, cells)) * p), -jnp.sum(v * divergence(tuple(p), cells)), rtol=1e-4, atol=1e-4
    )


def test_the_projection_is_the_nearest_point_in_its_metric():
    random = np.random.default_rng(0)
    for _ in range(40):
        p, q, c = 10 ** random.uniform(-2, 2) * random.standard_normal(2), random.uniform(-20, 2), random.uniform(0, 5)
        step_p, step_t = 10 ** random.uniform(-2.5, -0.5), 10 ** random.uniform(-2, -0.5)
        a, b = _project(
            jnp.asarray(p, jnp.float32)[:, None],
            jnp.full(1, q, jnp.float32),
            jnp.full(1, c, jnp.float32),
            step_p,
            step_t,
        )
        a = np.stack(a)
        size = np.linalg.norm(p)
        if q >= size**2 / 4 - c:
            np.testing.assert_allclose(a[:, 0], p, rtol=1e-5)
            continue

        def cost(m, q=q, c=c, size=size, step_p=step_p, step_t=step_t):
            return (m - size) ** 2 / step_p + (m**2 / 4 - c - q) ** 2 / step_t

        best = optimize.minimize_scalar(cost, bounds=(0, size), method="bounded", options={"xatol": 1e-10}).x
        np.testing.assert_allclose(a[:, 0], p / size * best, rtol=2e-3, atol=1e-4)
        np.testing.assert_allclose(b[0], np.sum(np.asarray(a) ** 2) / 4 - c, rtol=1e-3, atol=1e-3)


def test_the_estimate_of_a_binary_lift_is_half_a_level_below_its_crossing():
    lifted = jnp.asarray([[1.0, 1.0], [1.0, 0.75], [0.0, 0.25], [0.0, 0.0]])
    np.testing.assert_allclose(crossing(lifted, jnp.asarray(0.5)), [(2 + 0.5 - 0.5) / 4, (2 + 0.5 - 0.5) / 4])


def test_on_a_line_the_relaxation_finds_the_exact_minimiser():
    random = np.random.default_rng(3)
    x = (np.arange(30) + 0.5) / 30
    y = np.asarray(0.2 + 0.2 * x + 0.4 * (x > 0.5) + 0.01 * random.standard_normal(30), np.float32)
    problem = rc.SurfaceProblem(y, lower=0.0, upper=1.0)
    value = rc.solve(
        problem, rc.solvers.FreeDiscontinuityRegression(100.0, 0.02, levels=32, tolerance=1e-6), max_steps=300
    ).value
    exact, _ = rc.theory.mumford_shah_line(problem.observations, 100.0, 0.02)
    assert float(jnp.max(jnp.abs(value.values - exact))) < 1 / 32
    assert np.flatnonzero(value.sizes).tolist() == [14]
    np.testing.assert_allclose(value.sizes[14], 0.4, atol=0.05)


def test_reflecting_the_data_reflects_the_estimate(getkey):
    y = np.asarray(jax.random.uniform(getkey(), (6, 6)))
    solver = rc.solvers.FreeDiscontinuityRegression(50.0, 0.01, levels=8)
    one = rc.solve(rc.SurfaceProblem(y), solver, max_steps=40).value.values
    other = rc.solve(rc.SurfaceProblem(y.T), solver, max_steps=40).value.values
    np.testing.assert_allclose(one, other.T, atol=2e-3)


def test_total_variation_solves_a_step_exactly():
    # Of a step of height one on [0, 1], each half moves towards the other by 1 / (2 * weight * 1/2).
    y = np.repeat([0.0, 1.0], 10).astype(np.float32)
    solution = rc.solve(rc.SurfaceProblem(y), rc.solvers.TotalVariation(10.0, tolerance=1e-8), max_steps=5000)
    np.testing.assert_allclose(solution.value.values, np.repeat([0.1, 0.9], 10), atol=1e-3)


def test_local_linear_fits_are_weighted_least_squares():
    random = np.random.default_rng(1)
    y = random.random((7, 6)).astype(np.float32)
    fit = rc.solve(rc.SurfaceProblem(y), rc.solvers.LocalLinear(0.2)).value.values
    coordinates = np.stack(np.meshgrid(np.arange(7) / 7, np.arange(6) / 7, indexing="ij"), -1).reshape(-1, 2)
    for cell in (0, 17, 41):
        offset = coordinates - coordinates[cell]
        root = np.exp(-0.25 * np.sum(offset**2, 1) / 0.2**2)
        design = np.c_[np.ones(42), offset] * root[:, None]
        expected = np.linalg.lstsq(design, y.reshape(-1) * root, rcond=None)[0][0]
        np.testing.assert_allclose(np.asarray(fit).reshape(-1)[cell], expected, rtol=1e-3)


def test_segments_are_connected_components():
    random = np.random.default_rng(5)
    blocks = np.kron(random.permutation(9).reshape(3, 3), np.ones((4, 4))).astype(np.float32)
    value = rc.solve(rc.SurfaceProblem(blocks), rc.solvers.SegmentThenAverage(1e-3, 0.05)).value.values
    np.testing.assert_allclose(value, blocks, atol=1e-5)
    assert ndimage.label(np.ones_like(blocks))[1] == 1


def test_steins_estimate_of_a_linear_smoother_is_mallows_cp(getkey):
    y = np.asarray(jax.random.normal(getkey(), (24, 24))) * 0.1 + 0.5
    problem = rc.SurfaceProblem(y, lower=-0.5, upper=1.5)
    smoother = rc.solvers.LocalLinear(0.06)
    solution = rc.solve(problem, rc.solvers.SteinRisk(smoother, probes=16), key=getkey())
    fit = np.asarray(rc.solve(problem, smoother).value.values)
    variance = float(solution.stats["noise_variance"])
    np.testing.assert_allclose(variance, 0.05**2, rtol=0.15)
    traces = 0.0
    for cell in range(0, 576, 11):
        unit = np.zeros(576)
        unit[cell] = 1
        traces += np.asarray(
            rc.solve(rc.SurfaceProblem(unit.reshape(24, 24), lower=0.0, upper=1.0), smoother).value.values
        ).reshape(-1)[cell]
    freedom = traces / len(range(0, 576, 11))
    np.testing.assert_allclose(solution.stats["freedom"], freedom, rtol=0.2)
    expected = np.mean((y - fit) ** 2) / 4 - variance + 2 * variance * freedom
    np.testing.assert_allclose(solution.stats["sure"], expected, rtol=0.3)


def test_a_batch_that_is_taken_one_at_a_time_is_the_batch(monkeypatch):
    from recover.surfaces import free_discontinuity

    data = jnp.asarray(np.random.default_rng(0).random((2, 6)), jnp.float32)
    solver = cast_floating(rc.solvers.FreeDiscontinuityRegression(50.0, 0.01, levels=4, iterations=3), data.dtype)

    def lifted(values):
        problem = rc.SurfaceProblem(values)
        return solver.step(problem, solver.init(problem, None)).lifted

    together = jax.vmap(lifted)(data)
    monkeypatch.setattr(free_discontinuity, "_ALONE", 0)
    np.testing.assert_allclose(jax.vmap(lifted)(data), together, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: rc.solvers.FreeDiscontinuityRegression(data_weight=0),
            "FreeDiscontinuityRegression: `data_weight` is 0",
        ),
        (
            lambda: rc.solvers.FreeDiscontinuityRegression(multiplier_step=0),
            "FreeDiscontinuityRegression: `multiplier_step` is 0",
        ),
        (
            lambda: rc.solvers.FreeDiscontinuityRegression(levels=7),
            "FreeDiscontinuityRegression: `levels` is 7; an even number",
        ),
        (lambda: rc.solvers.FreeDiscontinuityRegression(levels=2), "FreeDiscontinuityRegression: `levels` is 2"),
        (lambda: rc.solvers.SteinRisk(rc.solvers.FreeDiscontinuityRegression(), probes=0), "SteinRisk: `probes` is 0"),
        (lambda: rc.solvers.TotalVariation(threshold=-1), "TotalVariation: `threshold` is -1"),
        (lambda: rc.SurfaceProblem(np.ones((3, 1))), "SurfaceProblem: `values` has shape"),
    ],
)
def test_bad_hyperparameters_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_the_state_is_what_the_count_of_bytes_says():
    problem = rc.SurfaceProblem(np.random.default_rng(0).random((4, 4), np.float32))
    solver = rc.solvers.FreeDiscontinuityRegression(levels=8)
    state = solver.init(problem, None)
    assert isinstance(state, FreeDiscontinuityState)
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(state) if leaf.ndim)
    partial_sums = sum(part.nbytes for part in state.tension)
    assert solver.bytes_per_iteration((4, 4)) == 2 * (held + partial_sums)
