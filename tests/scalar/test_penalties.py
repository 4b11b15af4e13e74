"""Penalties: proximal maps against brute force, slopes against differentiation, dtypes, sweeps and errors."""

import equinox as eqx
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from recover.core.units import Units
from recover.scalar.penalties import L1, LQ, MCP, SCAD, AbstractPenalty, ChosenPenalty, as_penalty


@pytest.fixture(autouse=True)
def strict():
    """Implicit promotion of dtypes or ranks is an error in these tests."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


# Every penalty with its definition, written down independently in NumPy: p(u) for a scalar u >= 0.


def _scad(u, strength, a):
    if u <= strength:
        return strength * u
    if u <= a * strength:
        return (2 * a * strength * u - u**2 - strength**2) / (2 * (a - 1))
    return strength**2 * (a + 1) / 2


def _mcp(u, strength, gamma):
    return strength * u - u**2 / (2 * gamma) if u <= gamma * strength else gamma * strength**2 / 2


KINDS = {
    "l1": (L1, lambda u, strength: strength * u, {}),
    "l0": (LQ, lambda u, strength: strength * float(u != 0), {"exponent": 0}),
    "l1/2": (LQ, lambda u, strength: strength * u ** (1 / 2), {"exponent": 1 / 2}),
    "l2/3": (LQ, lambda u, strength: strength * u ** (2 / 3), {"exponent": 2 / 3}),
    "scad": (SCAD, lambda u, strength: _scad(u, strength, 3.7), {}),
    "scad 2.2": (SCAD, lambda u, strength: _scad(u, strength, 2.2), {"a": 2.2}),
    "mcp": (MCP, lambda u, strength: _mcp(u, strength, 3.0), {}),
    "mcp 1.1": (MCP, lambda u, strength: _mcp(u, strength, 1.1), {"gamma": 1.1}),
}


def build(kind, strength=0.7, **changes):
    constructor, _, parameters = KINDS[kind]
    return constructor(strength=strength, **parameters, **changes)


@eqx.filter_jit
def _proximal(penalty, v, step):
    return penalty.proximal(v, step)


def proximal(penalty, v, step):
    """One compilation per kind, shape and dtype: a step that is an array is traced, as the parameters are."""
    return _proximal(penalty, v, np.asarray(step, dtype=float))


def brute_force(definition, v, step):
    """The least objective, over a fine grid refined around its best points, and where it is attained."""

    def objective(u):
        return 0.5 * (u - v) ** 2 + step * definition(abs(u))

    grid = np.concatenate([[0.0, v], np.linspace(0, v, 401)])
    values = np.array([objective(u) for u in grid])
    candidates = list(grid[np.argsort(values)[:3]])
    width = abs(v) / 400
    for center in list(candidates):
        bounds = (center - width, center + width + 1e-12)
        candidates.append(scipy.optimize.minimize_scalar(objective, bounds=bounds, options={"xatol": 1e-13}).x)
    best = min(candidates, key=objective)
    return best, objective(best), objective


INPUTS = np.array([-7.3, -3.01, -1.4, -0.9, -0.2, 0.0, 0.05, 0.5, 0.71, 1.1, 1.75, 2.2, 2.6, 3.3, 4.4, 9.0])


def assert_global_minimiser(kind, strength, step, inputs, nonnegative=False):
    _, formula, _ = KINDS[kind]
    with jax.enable_x64(True):
        penalty = build(kind, np.float64(strength), nonnegative=nonnegative)
        got = np.asarray(proximal(penalty, jnp.asarray(inputs), np.float64(step)))
    for v, u in zip(inputs, got, strict=True):
        target = max(v, 0.0) if nonnegative else v
        best, least, objective = brute_force(lambda magnitude: formula(magnitude, strength), target, step)
        assert objective(u) <= least + 1e-12 * max(1, least), (kind, strength, step, v, u, best)
        assert u * target >= 0
        assert abs(u) <= abs(target) + 1e-15


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("step", [0.0, 0.3, 1.0, 1.9, 2.7, 3.0, 4.0, 4.7, 9.0])
@pytest.mark.parametrize("kind", KINDS)
def test_proximal_is_the_global_minimiser(kind, step, nonnegative):
    inputs = INPUTS if not nonnegative else INPUTS[3:12]
    assert_global_minimiser(kind, 0.7, step, inputs, nonnegative)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    strength=st.floats(0, 5),
    step=st.floats(0, 20),
    inputs=st.lists(st.floats(-30, 30), min_size=4, max_size=4),
)
@pytest.mark.parametrize("kind", KINDS)
def test_proximal_is_the_global_minimiser_anywhere(kind, strength, step, inputs):
    assert_global_minimiser(kind, strength, step, np.array(inputs))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [0.5, 1.2, 2.0, 6.0])
def test_proximal_is_monotone_and_odd(kind, step):
    with jax.enable_x64(True):
        v = jnp.linspace(-6, 6, 2001)
        u = proximal(build(kind), v, step)
        assert jnp.all(jnp.diff(u) >= -1e-12)
        np.testing.assert_array_equal(u, -proximal(build(kind), -v, step))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_and_float32_is_accurate(kind, dtype):
    with jax.enable_x64(True):
        v = np.linspace(-6, 6, 397)
        penalty = build(kind)
        got = proximal(penalty, jnp.asarray(v, dtype), 0.37)
        assert got.dtype == dtype
        assert penalty.value(got).dtype == dtype
        assert penalty.derivative(jnp.abs(got)).dtype == dtype
        if dtype == "float32":
            np.testing.assert_allclose(got, proximal(penalty, jnp.asarray(v), 0.37), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["l1/2", "l2/3"])
def test_extreme_scales(kind):
    for strength, v in ((1e-30, 1.0), (1e-12, 1e-3), (0.0, 2.0), (1e-3, 1e12), (1.0, 1e30)):
        got = proximal(build(kind, np.float64(strength)), jnp.array([v, -v, 0.0], jnp.float32), 1.0)
        np.testing.assert_allclose(got, [v, -v, 0], rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_value_is_the_sum_of_the_definition(kind):
    with jax.enable_x64(True):
        expected = sum(KINDS[kind][1](abs(u), 0.7) for u in INPUTS)
        np.testing.assert_allclose(build(kind).value(jnp.asarray(INPUTS)), expected, rtol=1e-13)
        np.testing.assert_allclose(build(kind).value(jnp.asarray(INPUTS.reshape(4, 4))), expected, rtol=1e-13)
        constrained = build(kind, nonnegative=True)
        assert constrained.value(jnp.asarray(INPUTS)) == jnp.inf
        assert jnp.isfinite(constrained.value(jnp.asarray(np.abs(INPUTS))))


@pytest.mark.parametrize("kind", KINDS)
def test_derivative_is_that_of_the_value(kind):
    with jax.enable_x64(True):
        magnitudes = jnp.array([0.1, 0.4, 0.69, 0.72, 1.3, 2.0, 2.5, 2.7, 8.0])
        penalty = build(kind)
        slopes, differentiated, signed, at_zero = eqx.filter_jit(
            lambda p: (
                p.derivative(magnitudes),
                jax.grad(p.value)(magnitudes),
                jax.grad(p.value)(jnp.array([0.0, 1.0, -1.0])),
                p.derivative(jnp.zeros(1))[0],
            )
        )(penalty)
        np.testing.assert_allclose(slopes, differentiated, atol=1e-13)
        assert np.isfinite(signed).all()
        assert at_zero == (jnp.inf if isinstance(penalty, LQ) else 0.7)


@pytest.mark.parametrize("kind", KINDS)
def test_proximal_is_differentiable_off_the_jumps(kind):
    with jax.enable_x64(True):
        penalty = build(kind)
        v = jnp.array([-6.0, -2.3, -1.9, -0.2, 0.0, 0.3, 1.6, 2.2, 2.9, 5.0])

        def summed(v, strength, step):
            return jnp.sum(eqx.tree_at(lambda p: p.strength, penalty, strength).proximal(v, step))

        strength, step, tiny = jnp.asarray(0.7), jnp.asarray(0.8), 1e-6
        gradients = jax.jit(jax.grad(summed, argnums=(0, 1, 2)))
        compiled = jax.jit(summed)
        by_v, by_strength, by_step = gradients(v, strength, step)
        plus, minus = proximal(penalty, v + tiny, step), proximal(penalty, v - tiny, step)
        np.testing.assert_allclose(by_v, (plus - minus) / (2 * tiny), atol=1e-6)
        numeric = (compiled(v, strength + tiny, step) - compiled(v, strength - tiny, step)) / (2 * tiny)
        np.testing.assert_allclose(by_strength, numeric, atol=1e-6)
        numeric = (compiled(v, strength, step + tiny) - compiled(v, strength, step - tiny)) / (2 * tiny)
        np.testing.assert_allclose(by_step, numeric, atol=1e-6)
        # At zero strength nothing is shrunk, and the gradients are still numbers.
        for gradient in gradients(v, jnp.asarray(0.0), step):
            assert np.isfinite(gradient).all()


def test_limits():
    with jax.enable_x64(True):
        v = jnp.linspace(-5, 5, 101)
        soft = proximal(L1(0.7), v, 1.3)
        np.testing.assert_allclose(proximal(SCAD(0.7, a=1e9), v, 1.3), soft, atol=1e-8)
        np.testing.assert_allclose(proximal(MCP(0.7, gamma=1e9), v, 1.3), soft, atol=1e-8)
        np.testing.assert_allclose(SCAD(0.7, a=1e9).value(v), L1(0.7).value(v), rtol=1e-7)
        for kind in KINDS:
            np.testing.assert_allclose(proximal(build(kind), v, 0.0), v, rtol=1e-15)
            np.testing.assert_allclose(proximal(build(kind, 0.0), v, 1.3), v, rtol=1e-15)
        for kind in ("scad", "mcp"):  # unbiased: large magnitudes are left alone, bit for bit
            np.testing.assert_array_equal(proximal(build(kind), jnp.array([2.7, -9.0]), 1.3), [2.7, -9.0])


def test_around_the_step_where_the_middle_piece_turns_concave():
    for kind, turning in (("scad", 2.7), ("mcp", 3.0)):
        for step in (turning - 1e-3, turning - 1e-12, np.nextafter(turning, 0), turning, turning + 1e-12):
            assert_global_minimiser(kind, 0.7, step, np.linspace(2.0, 3.0, 11))


@pytest.mark.parametrize("kind", KINDS)
def test_not_a_number_stays_so_and_infinity_too(kind):
    for step in (0.4, 8.0):
        got = proximal(build(kind), jnp.array([jnp.nan, 1.0, jnp.inf, -jnp.inf]), step)
        np.testing.assert_array_equal(np.isnan(got), [True, False, False, False])
        np.testing.assert_array_equal(got[2:], [np.inf, -np.inf])
        assert jnp.isnan(proximal(build(kind, nonnegative=True), jnp.array([jnp.nan, 1.0]), step)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_strength_is_swept_under_vmap_without_recompiling(kind):
    v = jnp.linspace(-3, 3, 13)
    strengths = jnp.array([0.0, 0.2, 0.9])
    batched = jax.jit(jax.vmap(lambda strength: build(kind, strength).proximal(v, 0.5)))(strengths)
    traces = []

    @eqx.filter_jit
    def alone(penalty):
        traces.append(None)
        return penalty.proximal(v, 0.5)

    for i, strength in enumerate((0.0, 0.2, 0.9)):
        np.testing.assert_allclose(batched[i], alone(build(kind, strength)), atol=1e-6)
    assert len(traces) == 1


def test_weights_and_steps_by_coordinate():
    v = jnp.array([2.0, -2.0, 2.0])
    np.testing.assert_allclose(L1(np.array([0.5, 1.0, 3.0])).proximal(v, 1.0), [1.5, -1.0, 0.0])
    np.testing.assert_allclose(L1(1.0).proximal(v, jnp.array([0.5, 1.0, 3.0])), [1.5, -1.0, 0.0])
    np.testing.assert_allclose(L1(0.5).derivative(jnp.abs(v)), [0.5, 0.5, 0.5])


def test_parameters_are_leaves():
    assert len(jax.tree.leaves(L1(1))) == 1
    assert len(jax.tree.leaves(LQ(1.0, 0.5))) == 1
    assert len(jax.tree.leaves(SCAD(1.0))) == len(jax.tree.leaves(MCP(1.0))) == 2
    assert LQ(1.0, 2 / 3).exponent == 2 / 3


def test_a_chosen_penalty_is_the_one_chosen():
    penalties = tuple(build(kind) for kind in KINDS)
    v, units = jnp.linspace(-3, 3, 13), Units(jnp.asarray(2.0), jnp.asarray(0.5))
    functions = {
        "value": lambda penalty: penalty.value(v),
        "proximal": lambda penalty: penalty.proximal(v, 0.5),
        "derivative": lambda penalty: penalty.derivative(jnp.abs(v)),
        "in units": lambda penalty: penalty.in_units(units, jnp.linspace(0.5, 2, 13)).proximal(v, 0.5),
    }
    for function in functions.values():
        found = jax.jit(jax.vmap(lambda choice, function=function: function(ChosenPenalty(choice, penalties))))(
            jnp.arange(len(penalties))
        )
        for row, penalty in zip(found, penalties, strict=True):
            np.testing.assert_allclose(row, function(penalty), rtol=1e-6, atol=1e-6)


def test_as_penalty():
    penalty = MCP(1.0)
    assert as_penalty(penalty) is penalty
    for scalar in (0.3, 1, np.float32(0.3), np.array(0.3), jnp.asarray(0.3)):
        converted = as_penalty(scalar)
        assert isinstance(converted, L1)
        assert isinstance(converted, AbstractPenalty)
        np.testing.assert_allclose(converted.strength, scalar)
    np.testing.assert_allclose(
        jax.jit(lambda strength: as_penalty(strength).proximal(jnp.ones(2), 1.0))(jnp.asarray(0.25)),
        [0.75, 0.75],
    )
    for other in ("l1", None, True, np.ones(3), [0.1], 1j):
        with pytest.raises(TypeError, match="the strength of `L1`, or a penalty such as"):
            as_penalty(other)


@pytest.mark.parametrize(
    ("construct", "message"),
    [
        (lambda: L1(-0.1), r"L1: `strength` is -0.1; a number of at least 0 is allowed"),
        (lambda: L1(float("nan")), r"L1: `strength` is nan;"),
        (lambda: L1(jnp.asarray(jnp.inf)), r"L1: `strength` is inf;"),
        (lambda: LQ(-1.0, 0.5), r"LQ: `strength` is -1.0;"),
        (lambda: LQ(1.0, 0.7), r"LQ: `exponent` is 0.7; 0, 1/2 or 2/3"),
        (lambda: LQ(1.0, 1), r"LQ: `exponent` is 1.0; .*use `L1`"),
        (lambda: SCAD(1.0, a=2.0), r"SCAD: `a` is 2.0; .*greater than 2"),
        (lambda: SCAD(1.0, a=float("nan")), r"SCAD: `a` is nan; a finite"),
        (lambda: MCP(1.0, gamma=1.0), r"MCP: `gamma` is 1.0; .*greater than 1"),
        (lambda: MCP(np.array([1.0, -2.0])), r"MCP: `strength` is \[ 1. -2.\];"),
        (lambda: ChosenPenalty(1, (L1(1.0),)), r"ChosenPenalty: `choice` is 1; an integer from 0 to 0"),
    ],
)
def test_errors(construct, message):
    with pytest.raises(ValueError, match=message):
        construct()


def test_tracers_are_not_inspected():
    np.testing.assert_allclose(jax.jit(lambda s: L1(s).value(jnp.ones(2)))(-1.0), -2.0)


def test_lowers_everywhere():
    def all_of_them(v, strength):
        return [build(kind, strength).proximal(v, 0.5) for kind in KINDS]

    platforms = ("cpu", "cuda", "tpu")
    exported = jax.export.export(jax.jit(all_of_them), platforms=platforms)(jnp.ones(3), jnp.asarray(1.0))
    assert exported.platforms == platforms
