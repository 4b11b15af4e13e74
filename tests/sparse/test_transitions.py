"""Phase transitions of l1 minimisation against published values, each other, and an independent SciPy computation."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.special import entr, log_ndtr
from scipy.stats import norm

from recover.theory import (
    amp_transition,
    donoho_tanner_strong,
    donoho_tanner_weak,
    minimax_risk,
    minimax_threshold,
    noise_sensitivity,
)

RATIOS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])
WEAK = {
    False: [0.15436, 0.18943, 0.24330, 0.29078, 0.33733, 0.38569, 0.43839, 0.49884, 0.57331, 0.67817, 0.76010],
    True: [0.18885, 0.24098, 0.32586, 0.40360, 0.48028, 0.55823, 0.63869, 0.72251, 0.81032, 0.90266, 0.95067],
}
THRESHOLDS = [2.0275, 1.7357, 1.4082, 1.1924, 1.0228, 0.8769, 0.7434, 0.6143, 0.4809, 0.3274, 0.2274]
FINE = np.concatenate([np.geomspace(0.005, 0.5, 60), 1 - np.geomspace(0.5, 0.001, 60)[1:]])

GRID = np.concatenate([FINE, RATIOS, [0.25, 0.75, 1.0]])
CURVES = (donoho_tanner_weak, donoho_tanner_strong, amp_transition)


@cache
def with_slope(function, nonnegative=False):
    """The function and its derivative as one program: most of the time of these tests is compilation."""
    return jax.jit(lambda ratio: jax.jvp(partial(function, nonnegative=nonnegative), (ratio,), (jnp.ones_like(ratio),)))


@cache
def curve(function, nonnegative=False, x64=False):
    """Values on the grid."""
    if not x64:
        return np.asarray(function(GRID, nonnegative))
    with jax.enable_x64(True):
        return np.asarray(with_slope(function, nonnegative)(jnp.asarray(GRID))[0])


def at(values, ratios):
    """The entries of a curve at these points of the grid."""
    return values[np.argmin(np.abs(GRID - np.asarray(ratios)[..., None]), axis=-1)]


both_signs = pytest.mark.parametrize("nonnegative", [False, True])


@both_signs
@pytest.mark.parametrize("transition", [donoho_tanner_weak, amp_transition])
def test_weak_reference_values(transition, nonnegative):
    np.testing.assert_allclose(at(curve(transition, nonnegative), RATIOS), WEAK[nonnegative], atol=1e-5)


def test_threshold_reference_values():
    np.testing.assert_allclose(minimax_threshold(RATIOS), THRESHOLDS, atol=6e-5)


@both_signs
def test_three_forms_of_the_weak_transition_agree(float64, nonnegative):
    weak = curve(donoho_tanner_weak, nonnegative, x64=True)
    np.testing.assert_allclose(curve(amp_transition, nonnegative, x64=True), weak, atol=1e-9)
    np.testing.assert_allclose(minimax_risk(weak * GRID, nonnegative), GRID, atol=1e-9)


def _parametric_ratio(z, factor):
    return factor * norm.pdf(z) / (z + factor * (norm.pdf(z) - z * norm.sf(z)))


@both_signs
@pytest.mark.parametrize(("x64", "tolerance"), [(False, 2e-5), (True, 1e-9)])
def test_threshold_inverts_the_parametric_curve(nonnegative, x64, tolerance):
    factor = 1 if nonnegative else 2
    expected = [brentq(lambda z, r=r: _parametric_ratio(z, factor) - r, 1e-9, 9, xtol=1e-13) for r in FINE]
    with jax.enable_x64(x64):
        threshold = jax.jit(jax.vmap(partial(minimax_threshold, nonnegative=nonnegative)))(jnp.asarray(FINE))
    # In float32 the input's rounding limits it near one, where the threshold is the root of a small difference.
    np.testing.assert_allclose(threshold, expected, atol=tolerance)


def test_threshold_maximises_the_state_evolution_transition(float64):
    for ratio in (0.02, 0.3, 0.9):

        def loss(z, ratio=ratio):
            null = 2 * ((1 + z**2) * norm.sf(z) - z * norm.pdf(z))
            return -(1 - null / ratio) / (1 + z**2 - null)

        best = minimize_scalar(loss, bounds=(0.01, 5), method="bounded", options={"xatol": 1e-9})
        np.testing.assert_allclose(minimax_threshold(ratio), best.x, atol=1e-6)


def test_threshold_is_sane_outside_its_range():
    outside = minimax_threshold(jnp.asarray([-1.0, 0.0, 1e-9, 1.0, 7.0, jnp.inf]))
    assert bool(jnp.all(jnp.isfinite(outside) & (outside > 0) & (outside < 6)))
    assert bool(jnp.isnan(minimax_threshold(jnp.nan)))
    assert minimax_threshold(jnp.asarray(0.3)).dtype == jnp.float32
    assert not minimax_threshold(0.3).weak_type


def test_threshold_is_a_small_program():
    """Every solver with the minimax threshold compiles it: no loop, few operations."""
    program = str(jax.make_jaxpr(minimax_threshold)(jnp.asarray(0.3)))
    assert "while" not in program
    assert len(program.splitlines()) < 160


@pytest.mark.parametrize("function", [minimax_threshold, *CURVES])
def test_gradients_match_finite_differences(float64, function):
    ratios, step = jnp.minimum(jnp.asarray(GRID), 0.98), 1e-6
    (_, slope), (above, _), (below, _) = (with_slope(function)(ratios + shift) for shift in (0, step, -step))
    np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=1e-5)


@pytest.mark.parametrize("function", [donoho_tanner_weak, minimax_threshold])
def test_jit_vmap_and_eager_agree(function):
    whole = curve(function)
    assert whole.shape == GRID.shape
    assert whole.dtype == np.float32
    lanes = jax.jit(jax.vmap(function))(jnp.asarray(GRID, jnp.float32))
    np.testing.assert_allclose(lanes, whole, rtol=1e-5)
    np.testing.assert_allclose(function(0.5), at(whole, 0.5), rtol=1e-5)


@pytest.mark.parametrize("function", CURVES)
def test_single_precision_follows_double(function):
    np.testing.assert_allclose(curve(function), curve(function, x64=True), atol=1e-5)


# Strong transition ---------------------------------------------------------------------------------------------------


def test_strong_published_values():
    """Donoho (2006), table of neighbourliness constants of cross-polytopes; limit 0.168 at ratio one."""
    published = [0.048802, 0.065440, 0.089416, 0.117096, 0.140416]
    strong = curve(donoho_tanner_strong, x64=True)
    np.testing.assert_allclose(at(strong, [0.1, 0.25, 0.5, 0.75, 0.9]), published, atol=1e-6)
    np.testing.assert_allclose(at(strong, 1.0), 0.168, atol=1e-3)


def test_simplex_at_half_is_above_one_eighth():
    """Donoho and Tanner (2005): with n = 2 d, nonnegative vectors with fewer nonzeros than d/8 are all recovered."""
    assert 1 / 8 < at(curve(donoho_tanner_strong, True, x64=True), 0.5) < 0.14


@both_signs
def test_strong_is_below_weak_and_both_increase(nonnegative):
    order = np.argsort(FINE)
    strong, weak = (
        at(curve(f, nonnegative, x64=True), FINE[order]) for f in (donoho_tanner_strong, donoho_tanner_weak)
    )
    assert np.all(strong < weak)
    assert np.all(np.diff(strong) > 0)
    assert np.all(np.diff(weak) > 0)


def _net_rate(nu, ratio, sparsity, nonnegative):
    """Growth rate of the expected number of lost faces: angles by direct minimisation, no parametric shortcut."""
    gamma = sparsity * ratio / nu
    entropy = lambda p: entr(p) + entr(1 - p)  # noqa: E731
    combinatorial = (0 if nonnegative else nu * np.log(2)) + entropy(nu) + nu * entropy(gamma)
    # min over y of c y^2/2 + Lambda*(y) is, by duality, the maximum over x of -x^2/(2c) - Lambda(-x).
    c = (1 - gamma) / gamma
    dual = minimize_scalar(
        lambda x: x**2 / (2 * c) + x**2 / 2 + np.log(2) + log_ndtr(-x),
        bounds=(0, 60),
        method="bounded",
        options={"xatol": 1e-10},
    )
    internal = (nu - sparsity * ratio) * (np.log(2) - dual.fun)
    log_mass = norm.logcdf if nonnegative else lambda w: np.log(2 * norm.cdf(w) - 1)
    external = minimize_scalar(
        lambda w: 0.5 * nu * w**2 - (1 - nu) * log_mass(w),
        bounds=(1e-9, 10),
        method="bounded",
        options={"xatol": 1e-10},
    )
    return combinatorial - internal - external.fun


@both_signs
@pytest.mark.parametrize("ratio", [0.05, 0.3, 0.8])
def test_exponents_vanish_at_both_transitions(ratio, nonnegative):
    faces = np.linspace(ratio, min(0.999, 8 * ratio), 40)
    strong = at(curve(donoho_tanner_strong, nonnegative, x64=True), ratio)
    rates = np.array([_net_rate(nu, ratio, strong, nonnegative) for nu in faces])
    assert abs(rates[0]) < 1e-8
    assert rates[1:].max() < 0
    # The weak transition compares the lost faces with all faces.
    weak = at(curve(donoho_tanner_weak, nonnegative, x64=True), ratio)
    p = weak * ratio
    every = entr(p) + entr(1 - p) + (0 if nonnegative else p * np.log(2))
    rates = np.array([_net_rate(nu, ratio, weak, nonnegative) for nu in faces]) - every
    assert abs(rates[0]) < 1e-8
    assert rates[1:].max() < 0


# Noise sensitivity and the boundary ----------------------------------------------------------------------------------


def test_noise_sensitivity_diverges_at_the_transition():
    ratio = 0.4
    fractions = jnp.asarray([0.0, 0.5, 0.9, 0.999, 1.001])
    sparsity = fractions * float(at(curve(donoho_tanner_weak), ratio))
    values, slopes = jax.jit(lambda x: jax.jvp(partial(noise_sensitivity, ratio), (x,), (jnp.ones_like(x),)))(sparsity)
    assert bool(jnp.all(jnp.diff(values[:4]) > 0))
    assert float(values[0]) < 1e-6
    assert bool(jnp.isinf(values[4]))
    assert bool(jnp.all(jnp.isfinite(slopes)))


def test_minimax_risk_limits():
    np.testing.assert_allclose(minimax_risk(np.array([0.0, 1.0])), [0, 1], atol=1e-6)


@pytest.mark.parametrize("function", [donoho_tanner_weak, donoho_tanner_strong, amp_transition])
def test_ratio_outside_the_unit_interval_is_named(function):
    with pytest.raises(ValueError, match=r"sampling_ratio must lie in \(0, 1\]; got 1.5"):
        function(np.array([0.5, 1.5]))
    with pytest.raises(ValueError, match="sampling_ratio"):
        function(0.0)
