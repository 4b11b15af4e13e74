import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.decomposition import non_negative_factorization

import recover as rc
from recover.initialisers import SuccessiveProjection
from recover.mixtures.mixture import spectral_angles
from recover.mixtures.sparse_unmixing import hoyer_penalty
from recover.mixtures.starts import fitted_abundances

Unmixing = rc.solvers.SparseUnmixing
MODEL = rc.models.SpectralMixture(16, 30, 3, outliers=3, snr=25.0)


@eqx.filter_jit
def sample(model, key):
    return model.sample(key)


@eqx.filter_jit
def scores(model, truth, estimate):
    return {"error": model.error(truth, estimate), **model.metrics(truth, estimate)}


@pytest.fixture(scope="module")
def double():
    """An instance in double precision, and the solver's step compiled once for all variants."""
    with jax.enable_x64(True):
        problem, truth = sample(MODEL, jax.random.key(2))
        init = eqx.filter_jit(lambda solver: solver.init(problem, jax.random.key(0)))
        step = eqx.filter_jit(lambda solver, state: solver.step(problem, state))
        value = eqx.filter_jit(lambda solver, state: solver.objective(problem, state))
    return problem, truth, init, step, value


def image_graph(data, side):
    """Weights between neighbouring pixels as a dense matrix."""
    pixels = side**2
    distance = ((data[:, :, None] - data[:, None, :]) ** 2).sum(axis=0)
    row, column = np.divmod(np.arange(pixels), side)
    near = np.abs(row[:, None] - row[None]) + np.abs(column[:, None] - column[None]) == 1
    return np.where(near, np.exp(-distance / distance[near].mean()), 0)


def gini(abundances):
    pairs = sum(np.abs(abundances[i] - abundances[j]) for i in range(len(abundances)) for j in range(i))
    return pairs / abundances.sum(axis=0) / (len(abundances) - 1)


def reference_step(
    data, M, A, h, graph, *, loss="channels", penalty=0.1, exponent=1.0, guidance=1.0, strength=0.0, delta=5.0
):
    """One iteration and the objective before it, from the formulas."""
    norms = np.linalg.norm(data - M @ A, axis=1)
    scale = np.median(norms)
    u = scale / norms if loss == "channels" else np.ones(len(norms))
    p = np.maximum(exponent - guidance * h, 0.3)
    value = scale * norms.sum() if loss == "channels" else (norms**2).sum() / 2
    value += penalty * (A**p).sum() + delta**2 / 2 * ((1 - A.sum(axis=0)) ** 2).sum()
    laplacian = np.diag(graph.sum(axis=1)) - graph
    value += strength / 2 * np.trace(A @ laplacian @ A.T)
    M = M * (data @ A.T) / (M @ A @ A.T)
    top = M.T @ (u[:, None] * data) + delta**2 + strength * A @ graph
    bottom = M.T @ (u[:, None] * (M @ A)) + delta**2 * A.sum(axis=0)
    bottom += penalty * p * A ** (p - 1) + strength * A * graph.sum(axis=1)
    return M, A * top / bottom, value


@pytest.mark.parametrize(
    ("solver", "options"),
    [
        (Unmixing.rrlbs(0.1, burn_in=0, refresh=1), {}),
        (Unmixing.robust(), {"penalty": 0.0, "guidance": 0.0}),
        (Unmixing.half(0.2), {"loss": "frobenius", "penalty": 0.2, "exponent": 0.5, "guidance": 0.0}),
        (Unmixing.graph(0.5), {"loss": "frobenius", "penalty": 0.0, "guidance": 0.0, "strength": 0.5}),
    ],
)
def test_steps_are_those_of_the_formulas(double, solver, options):
    problem, _, init, step, _ = double
    data = np.asarray(problem.observations)
    graph = image_graph(data, 16)
    with jax.enable_x64(True):
        state = init(solver)
        M, A = np.asarray(state.endmembers), np.asarray(state.abundances)
        for _ in range(8):
            M, A, value = reference_step(data, M, A, gini(A), graph, **options)
            state = step(solver, state)
            np.testing.assert_allclose(state.objective, value, rtol=1e-6)
    assert A.min() > 1e-4, "the floor of the penalty would tell the two apart"
    np.testing.assert_allclose(state.endmembers, M, rtol=1e-6)
    np.testing.assert_allclose(state.abundances, A, rtol=1e-6)


def test_without_sum_to_one_least_squares_is_the_multiplicative_factorisation_of_scikit_learn(double):
    problem, _, init, step, _ = double
    with jax.enable_x64(True):
        solver = Unmixing.nmf(sum_to_one=0.0)
        first = state = init(solver)
        for _ in range(20):
            state = step(solver, state)
        start = {"W": np.array(first.endmembers), "H": np.array(first.abundances)}
        options = {"n_components": 3, "init": "custom", "solver": "mu", "max_iter": 20, "tol": 0}
        M, A, _ = non_negative_factorization(np.asarray(problem.observations), **start, **options)
    np.testing.assert_allclose(np.asarray(state.endmembers) @ np.asarray(state.abundances), M @ A, rtol=1e-6)


@pytest.mark.parametrize("loss", ["channels", "frobenius", "weighted"])
@pytest.mark.parametrize(("penalty", "exponent", "strength"), [(0.0, 1.0, 0.0), (0.1, 1.0, 0.0), (2.0, 0.5, 0.3)])
def test_no_step_increases_the_objective_while_levels_and_scale_are_frozen(double, loss, penalty, exponent, strength):
    _, _, init, step, value = double
    with jax.enable_x64(True):
        options = {"loss": loss, "exponent": exponent, "graph_strength": strength}
        for freeze, burn_in in ((0, 0), (30, 5)):
            solver = Unmixing(penalty=penalty, freeze=freeze, burn_in=burn_in, **options)
            state, values = init(solver), []
            for _ in range(80):
                state = step(solver, state)
                values.append(float(value(solver, state)))
            changes = np.diff(values[freeze:]) / values[-1]
            assert changes.max() < 1e-12
            assert values[-1] < values[freeze]


def test_refreshes_are_when_they_are_due(double):
    _, _, init, step, _ = double
    with jax.enable_x64(True):
        solver = Unmixing.rrlbs(burn_in=4, refresh=3, freeze=12)
        state, changed = init(solver), []
        for index in range(20):
            following = step(solver, state)
            if np.any(following.levels != state.levels):
                changed.append(index)
            # The start has the scale of its own residual.
            assert index == 0 or (following.scale != state.scale) == (index < 12)
            state = following
    assert changed == [4, 7, 10]


def test_the_robust_loss_sets_outlier_channels_aside():
    problem, truth = sample(MODEL, jax.random.key(5))
    made = {"plain": Unmixing.nmf(), "robust": Unmixing.robust(), "rrlbs": Unmixing.rrlbs()}
    found = {name: scores(MODEL, truth, rc.solve(problem, each, max_steps=200).value) for name, each in made.items()}
    for name in ("robust", "rrlbs"):
        assert float(found[name]["error"]) < 0.7 * float(found["plain"]["error"])
    assert float(found["rrlbs"]["largest_outlier_weight"]) < 0.25
    assert float(found["rrlbs"]["level_correlation"]) > 0.6
    start = rc.solve(problem, Unmixing.nmf(tolerance=np.inf))
    assert int(start.stats["steps"]) == 0
    # The start minimises nothing, and does not claim to.
    assert str(start.result) == str(rc.Result.inaccurate)
    assert float(jnp.median(start.value.weights)) == pytest.approx(1, rel=1e-5)


def test_endmembers_that_are_seen_are_found():
    # Every endmember has pure pixels, and there is no noise: successive projection is exact.
    generator = np.random.default_rng(0)
    endmembers = generator.uniform(0.1, 1, (20, 4))
    abundances = generator.dirichlet(np.ones(4), 100).T
    abundances[:, [5, 20, 50, 77]] = np.eye(4)
    with jax.enable_x64(True):
        problem = rc.UnmixingProblem(endmembers @ abundances, 4, shape=(10, 10))
        found, weights = eqx.filter_jit(SuccessiveProjection(robust=False))(problem)
        angles = np.asarray(spectral_angles(jnp.asarray(endmembers), found))
        np.testing.assert_array_equal(weights, 1)
        assert sorted(angles.argmin(axis=1)) == [0, 1, 2, 3]
        assert angles.min(axis=1).max() < 1e-7
        fitted = eqx.filter_jit(fitted_abundances)(problem, found, weights, jnp.asarray(5.0), steps=3000)
        np.testing.assert_allclose(fitted[angles.argmin(axis=1)], abundances, atol=0.02)


def test_weights_of_the_start_follow_the_noise_of_channels():
    generator = np.random.default_rng(1)
    noise = np.r_[np.full(15, 0.01), 0.1, 1.0]
    cube = 5 + noise[:, None, None] * generator.standard_normal((17, 40, 40))
    _, weights = eqx.filter_jit(SuccessiveProjection())(rc.UnmixingProblem(cube.astype(np.float32), 2))
    assert float(jnp.min(weights[:15])) > 0.85
    np.testing.assert_allclose(weights[15:], [0.1, 0.01], rtol=0.15)


def test_automatic_penalty_is_the_mean_sparsity_of_channels():
    cube = np.random.default_rng(2).uniform(size=(6, 5, 8))
    with jax.enable_x64(True):
        flat = cube.reshape(6, -1)
        ratios = flat.sum(axis=1) / np.linalg.norm(flat, axis=1)
        expected = np.sum((np.sqrt(40) - ratios) / np.sqrt(39)) / np.sqrt(6)
        np.testing.assert_allclose(hoyer_penalty(rc.UnmixingProblem(cube, 3)), expected, rtol=1e-12)
        padded = rc.UnmixingProblem(np.pad(cube, ((0, 3), (0, 0), (0, 0))), 3, channels=6)
        np.testing.assert_allclose(hoyer_penalty(padded), expected, rtol=1e-12)


def test_an_image_is_a_product_of_its_factors():
    endmembers, abundances = jnp.asarray([[1.0, 2.0], [3.0, 0.0], [0.0, 0.0]]), jnp.asarray([[0.5, 1.0], [0.5, 0.0]])
    problem = rc.UnmixingProblem(endmembers @ abundances, 2, channels=2)
    np.testing.assert_array_equal(problem.residual((endmembers, abundances)), 0)
    assert problem.mask.tolist() == [[True], [True], [False]]
    assert float(problem.count) == 4


def test_impossible_input_is_named():
    with pytest.raises(ValueError, match=r"SparseUnmixing: `loss` is 'huber'; allowed: frobenius, channels, weighted"):
        Unmixing(loss="huber")
    with pytest.raises(ValueError, match=r"SparseUnmixing: `penalty` is -1.0"):
        Unmixing(penalty=-1.0)
    with pytest.raises(ValueError, match=r"UnmixingProblem: `observations` has shape \(3,\)"):
        rc.UnmixingProblem(np.ones(3), 2)
    with pytest.raises(ValueError, match=r"UnmixingProblem: `shape` is \(3, 3\)"):
        rc.UnmixingProblem(np.ones((4, 8)), 2, shape=(3, 3))
    with pytest.raises(ValueError, match=r"UnmixingProblem: `endmembers` is 1"):
        rc.UnmixingProblem(np.ones((4, 8)), 1)


def test_absent_pixels_and_entries_are_not_seen():
    """A border without data and holes leave the endmembers as they are, whatever stands in them."""
    truth = MODEL.sample(jax.random.key(2))
    cube = np.array(truth[0].observations.reshape(30, 16, 16))
    known = np.random.default_rng(0).uniform(size=cube.shape) > 0.05
    known[:, :3] = False
    holes = np.where(known, cube, np.nan)
    masked = rc.UnmixingProblem(holes, 3, known=known)
    assert float(masked.count) == known.sum()
    assert masked.mask.shape == (30, 256)
    same = [
        rc.UnmixingProblem(np.ma.masked_invalid(holes), 3),
        rc.UnmixingProblem(np.where(known, cube, 7.0), 3, known=known),
    ]
    for other in same:
        jax.tree.map(np.testing.assert_array_equal, other, masked)
    solver = Unmixing.rrlbs(0.05)
    found = rc.solve(masked, solver, max_steps=100)
    whole = rc.solve(truth[0], solver, max_steps=100)
    assert not np.any(found.value.abundances.reshape(-1, 16, 16)[:, :3])
    assert np.all(found.value.abundances.sum(axis=0).reshape(16, 16)[3:] > 0.5)
    error, best = (float(MODEL.metrics(truth[1], each.value)["sad"]) for each in (found, whole))
    assert error < best + 0.03
    assert rc.UnmixingProblem(cube, 3, known=np.ones((16, 16), bool)).known is None


def test_what_is_absent_is_asked_for_and_labelled_arrays_say_it():
    cube = np.random.default_rng(0).uniform(0.1, 1, (5, 3, 4))
    cube[2, 1, 1] = np.nan
    with pytest.raises(ValueError, match=r"UnmixingProblem: `observations` is not finite in 1 of 60 entries"):
        rc.UnmixingProblem(cube, 2)
    with pytest.raises(ValueError, match=r"UnmixingProblem: `known` has shape \(4, 3\)"):
        rc.UnmixingProblem(cube, 2, known=np.ones((4, 3)))
    with pytest.raises(ValueError, match="UnmixingProblem: `known` is false everywhere"):
        rc.UnmixingProblem(cube, 2, known=np.zeros((3, 4)))
    cube[:, 0] = 0
    cube[2, 1, 1] = 1
    with pytest.warns(UserWarning, match="4 of 12 pixels are zero in every channel"):
        rc.UnmixingProblem(cube, 2)


def test_labelled_cubes_say_where_their_channels_are():
    xarray = pytest.importorskip("xarray")
    cube = np.random.default_rng(0).uniform(0.1, 1, (5, 3, 4))
    cube[2, 1, 1] = np.nan
    labelled = xarray.DataArray(np.moveaxis(cube, 0, 2), dims=("y", "x", "band"))
    expected = rc.UnmixingProblem(cube, 2, known=~np.isnan(cube))
    jax.tree.map(np.testing.assert_array_equal, rc.UnmixingProblem(labelled, 2), expected)
