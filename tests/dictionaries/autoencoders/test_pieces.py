"""Activations, controls and optimisers, against NumPy."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import recover as rc
from recover.core.leaves import cast_floating
from recover.dictionaries.autoencoders.autoencoder import Forward
from recover.dictionaries.autoencoders.controls import upper_quantile

pieces = rc.autoencoders
BATCH, WIDTH, DIMENSION = 12, 20, 5


@functools.cache
def _weights(seed):
    keys = jax.random.split(jax.random.key(seed), 4)
    rows = jax.random.normal(keys[0], (WIDTH, DIMENSION))
    rows = rows / jnp.linalg.norm(rows, axis=1, keepdims=True)
    bias = 0.3 * jax.random.normal(keys[1], (WIDTH,))
    return bias, rows


def weights(seed=0, thresholds=None):
    bias, rows = _weights(seed)
    return pieces.Weights(None, bias, rows, jnp.full(DIMENSION, 0.1), jnp.ones(WIDTH), thresholds)


def inputs(seed=1, batch=BATCH):
    return jax.random.normal(jax.random.key(seed), (batch, DIMENSION))


@eqx.filter_jit
def preactivations(tree, inputs):
    return tree.preactivations(inputs)


@eqx.filter_jit
def codes(activation, before):
    """Those of an activation in the precision of the inputs, as an autoencoder takes them."""
    return cast_floating(activation, before.projections.dtype).codes(before)


@pytest.mark.parametrize("active", [1, 3, 20])
def test_topk_keeps_the_largest_of_every_row(active):
    before = preactivations(weights(), inputs())
    positive = np.maximum(np.asarray(before.biased), 0)
    expected = np.where(positive >= -np.sort(-positive, axis=1)[:, active - 1 : active], positive, 0)
    np.testing.assert_array_equal(codes(pieces.TopK(active), before), expected)


def test_batch_topk_keeps_the_largest_of_the_batch():
    before = preactivations(weights(), inputs())
    positive = np.maximum(np.asarray(before.biased), 0).ravel()
    kept = np.sort(positive)[-30]
    expected = np.where(positive >= kept, positive, 0).reshape(BATCH, WIDTH)
    np.testing.assert_array_equal(codes(pieces.BatchTopK(2.5), before), expected)


def test_one_program_serves_all_numbers_of_active_neurons():
    traces = []

    @eqx.filter_jit
    def traced(activation, before):
        traces.append(activation)
        return activation.codes(before)

    before = preactivations(weights(), inputs())
    for active in (1, 2, 7):
        assert int(jnp.max(jnp.sum(traced(pieces.TopK(active), before) > 0, axis=1))) <= active
    assert len(traces) == 1


def test_the_bias_of_a_jump_decides_how_often_and_not_how_loudly():
    tree = weights()
    before = preactivations(tree, inputs())
    found = np.asarray(codes(pieces.JumpReLU(), before))
    z, b = np.asarray(before.projections), np.asarray(before.bias)
    np.testing.assert_array_equal(found, np.where(z + b > 0, z, 0))

    def loudness(bias):
        moved = eqx.tree_at(lambda t: t.bias, tree, bias)
        return jnp.sum(pieces.JumpReLU().codes(moved.preactivations(inputs())))

    assert not np.any(jax.jit(jax.grad(loudness))(tree.bias))


def test_trained_thresholds_have_the_smoothed_derivative():
    start = jnp.log(jnp.linspace(0.1, 0.6, WIDTH))
    tree = weights(thresholds=start)
    activation = pieces.Threshold(bandwidth=0.3)
    before = preactivations(tree, inputs())
    positive, tau = np.maximum(np.asarray(before.biased), 0), np.exp(np.asarray(start))
    np.testing.assert_array_equal(codes(activation, before), np.where(positive > tau, positive, 0))
    near = np.abs(positive - tau) < 0.15

    def total(log_thresholds):
        moved = eqx.tree_at(lambda t: t.log_thresholds, tree, log_thresholds)
        return jnp.sum(cast_floating(activation, jnp.float32).codes(moved.preactivations(inputs())))

    expected = (-(tau / 0.3) * near * tau).sum(axis=0)
    np.testing.assert_allclose(jax.jit(jax.grad(total))(start), expected, rtol=1e-4, atol=1e-6)

    control = cast_floating(pieces.CountPenalty(0.7, bandwidth=0.3, ramp=10), jnp.float32)

    @jax.jit
    def penalty(log_thresholds, step):
        moved = eqx.tree_at(lambda t: t.log_thresholds, tree, log_thresholds)
        forward = pieces.SparseAutoencoder(moved, activation).forward(inputs())
        return control.penalty(None, moved, forward, jnp.asarray(step, jnp.int32))

    counts = (positive > tau).sum() / BATCH
    assert float(penalty(start, 5)) == pytest.approx(0.35 * counts, rel=1e-5)
    assert float(penalty(start, 50)) == pytest.approx(0.7 * counts, rel=1e-5)
    slope = 0.7 * (-(1 / 0.3) * near * tau).sum(axis=0) / BATCH
    np.testing.assert_allclose(jax.grad(penalty)(start, 50), slope, rtol=1e-4, atol=1e-6)


def reference_adaptation(bias, seen, group, target, numbers):
    """The adaptation as a loop over neurons."""
    lowering, raising, silent = numbers
    frequency, largest = (seen > 0).mean(axis=0), np.maximum(seen.max(axis=0), 0)
    new = bias.copy()
    for m in range(len(bias)):
        peers = [largest[j] for j in range(len(bias)) if group[j] == group[m] and largest[j] > 0]
        if frequency[m] > target[m]:
            new[m] = max(bias[m] - lowering * largest[m], -1)
        if frequency[m] < silent:
            new[m] = min(bias[m] + raising * (np.mean(peers) if peers else 0), 0)
    return new


@pytest.mark.parametrize("groups", [1, 3, 7])
def test_biases_are_adapted_as_by_a_loop_over_neurons(groups):
    numbers = (0.3, 0.2, 0.02)
    control = cast_floating(pieces.GroupBiasAdaptation(groups, 0.4, 0.02, 2, *numbers, start="quantile"), jnp.float32)
    present = jnp.arange(WIDTH + 4) < WIDTH
    pad = lambda rows: jnp.concatenate([rows, jnp.zeros((4, *rows.shape[1:]))])  # noqa: E731
    tree = jax.tree.map(lambda leaf: pad(leaf) if leaf.shape[0] == WIDTH else leaf, weights())
    batches = [3 * inputs(seed, 40) for seed in range(8)]
    begin, adapt = (eqx.filter_jit(getattr(type(control), name)) for name in ("begin", "adapt"))
    tree, state = begin(control, tree, present, preactivations(tree, batches[0]).projections)
    targets = 0.4 * (0.02 / 0.4) ** (np.asarray([k * groups // WIDTH for k in range(WIDTH)]) / max(groups - 1, 1))
    np.testing.assert_allclose(control.targets(present)[:WIDTH], targets, rtol=1e-5)
    first = np.asarray(preactivations(tree, batches[0]).biased)[:, :WIDTH] > 0
    open_end = np.asarray(tree.bias[:WIDTH]) > -1
    np.testing.assert_allclose(first.mean(axis=0)[open_end], targets[open_end], atol=1.01 / 40)
    bias = np.asarray(tree.bias[:WIDTH], float)
    group = np.asarray([k * groups // WIDTH for k in range(WIDTH)])
    seen = []
    for number, batch in enumerate(batches, start=1):
        before = preactivations(tree, batch)
        seen.append(np.asarray(before.projections)[:, :WIDTH] + bias)
        forward = Forward(batch, before, before.biased, batch)
        tree, state = adapt(control, state, tree, forward, jnp.asarray(number, jnp.int32))
        if number % 2 == 0:
            bias = reference_adaptation(bias, np.concatenate(seen), group, targets, numbers)
            seen = []
        np.testing.assert_allclose(tree.bias[:WIDTH], bias, atol=2e-5)
        assert not np.any(tree.bias[WIDTH:])
        assert bias.min() >= -1


def test_quantiles_are_exceeded_by_the_share_asked_for():
    values = jax.random.normal(jax.random.key(0), (1000, 4))
    share = jnp.asarray([0.5, 0.1, 0.01, 0.001])
    level = jax.jit(upper_quantile)(values, share)
    np.testing.assert_allclose(np.mean(np.asarray(values > level[None, :]), axis=0), share, atol=1.01e-3)


def test_rates_rise_and_fall_as_said():
    optimiser = pieces.Adam(0.1, steps=100, warmup=10)
    rates = np.asarray(jax.jit(jax.vmap(lambda t: optimiser.rate_at(t, jnp.float32)))(np.arange(120, dtype=np.int32)))
    np.testing.assert_allclose(rates[:10], 0.01 * np.arange(1, 11), rtol=1e-5)
    schedule = optax.cosine_decay_schedule(0.1, 90)
    np.testing.assert_allclose(rates[10:100], [schedule(t) for t in range(90)], atol=1e-6)
    assert max(rates[100:]) < 1e-6
    flat = pieces.Adam(0.1)
    assert float(flat.rate_at(jnp.asarray(10**6, jnp.int32), jnp.float32)) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("optimiser", "reference"),
    [
        (pieces.Adam(0.1, weight_decay=0.5), lambda mask: optax.adamw(0.1, weight_decay=0.5, mask=mask)),
        (pieces.Lion(0.1, weight_decay=0.5), lambda mask: optax.lion(0.1, weight_decay=0.5, mask=mask)),
        (pieces.GradientDescent(0.1), lambda mask: optax.sgd(0.1, momentum=0.9)),
    ],
)
def test_optimisers_are_those_of_optax(optimiser, reference):
    tree = {"matrix": jnp.ones((2, 3)), "bias": jnp.ones(3)}
    theirs = reference({"matrix": True, "bias": False})
    ours = optimiser.transformation(jnp.float32)
    one, other = ours.init(tree), theirs.init(tree)
    mine = yours = tree
    for seed in range(3):
        gradient = jax.tree.map(lambda leaf, seed=seed: jax.random.normal(jax.random.key(seed), leaf.shape), tree)
        with jax.numpy_dtype_promotion("standard"):
            step, one = ours.update(gradient, one, mine)
        rate = optimiser.rate_at(jnp.asarray(seed, jnp.int32), jnp.float32)
        mine = optax.apply_updates(mine, jax.tree.map(lambda leaf, rate=rate: rate * leaf, step))
        with jax.numpy_dtype_promotion("standard"):
            step, other = theirs.update(gradient, other, yours)
        yours = optax.apply_updates(yours, step)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), mine, yours)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pieces.TopK(0), "TopK: `active` is 0"),
        (lambda: pieces.BatchTopK(0.0), "BatchTopK: `active` is 0.0"),
        (lambda: pieces.Threshold(bandwidth=0.0), "`bandwidth` is 0.0"),
        (lambda: pieces.L1Penalty(-1.0), "`weight` is -1.0"),
        (lambda: pieces.GroupBiasAdaptation(0), "`groups` is 0"),
        (lambda: pieces.BiasAdaptation(1.5), "`highest` is 1.5"),
        (lambda: pieces.GroupBiasAdaptation(start="middle"), "allowed: zero, quantile"),
        (lambda: pieces.Adam(0.0), "Adam: `rate` is 0.0"),
    ],
)
def test_impossible_numbers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_fixed_threshold_makes_codes_of_a_row_its_own():
    rows = jax.random.normal(jax.random.key(0), (400, 8))
    decoder = jax.random.normal(jax.random.key(1), (20, 8))
    weights = pieces.Weights(decoder, jnp.zeros(20), decoder, jnp.zeros(8), None, None)
    batched = pieces.SparseAutoencoder(weights, pieces.BatchTopK(2.5))
    fixed = batched.with_fixed_threshold(np.asarray(rows))
    np.testing.assert_allclose(fixed.encode(rows), batched.encode(rows), atol=1e-6)
    assert int(jnp.sum(fixed.encode(rows) != 0)) == 1000
    np.testing.assert_allclose(fixed.encode(rows[:1]), batched.encode(rows)[:1], atol=1e-6)
    assert not np.allclose(batched.encode(rows[:1]), batched.encode(rows)[:1])
    with pytest.raises(TypeError, match="the activation is Threshold"):
        fixed.with_fixed_threshold(rows)
    with pytest.raises(ValueError, match=r"`inputs` has shape \(400, 7\); \(rows, 8\)"):
        batched.with_fixed_threshold(rows[:, :7])


def test_a_common_mean_is_taken_off_where_asked():
    rows = 20 + 0.1 * np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32)
    problem = rc.ActivationProblem(rows)
    options = {"optimiser": pieces.Adam(0.01, steps=40), "batch": 64}
    dead = {}
    for centring in ("zero", "mean"):
        solver = rc.solvers.AutoencoderTraining(32, pieces.ReLU(), centring=centring, **options)
        dead[centring] = float(rc.solve(problem, solver, max_steps=40).stats["dead"])
    assert dead["mean"] == 0 < 0.2 < dead["zero"]
