"""Choosing active neurons by norms, the loss that goes with it, dead neurons, and starts at given rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.leaves import cast_floating
from recover.core.model import in_default_precision
from recover.core.selection import norm_matched_mask

pieces = rc.autoencoders
init = eqx.filter_jit(rc.solvers.AutoencoderTraining.init)
matched = jax.jit(norm_matched_mask)
forward = eqx.filter_jit(pieces.SparseAutoencoder.forward)
encode = eqx.filter_jit(pieces.SparseAutoencoder.encode)


@eqx.filter_jit
def penalty(control, state, tree, run):
    return control.penalty(state, tree, run, jnp.asarray(0, jnp.int32))


@eqx.filter_jit
def adapt(control, state, tree, run):
    return control.adapt(state, tree, run, jnp.asarray(0, jnp.int32))


def sorted_choice(magnitudes, target):
    """The authors' form: sort, cumulative norms, the full set excluded, nearest."""
    order = np.argsort(-magnitudes, kind="stable")
    norms = np.sqrt(np.cumsum(magnitudes[order].astype(float) ** 2))
    norms[-1] = 1e9
    count = np.argmin(np.abs(norms - target)) + 1
    mask = np.zeros(len(magnitudes), bool)
    mask[order[:count]] = True
    return mask & (magnitudes > 0)


@pytest.mark.parametrize("shift", [0.0, 1.0, 4.0])
def test_the_bits_choose_what_sorting_chooses(shift):
    rng = np.random.default_rng(3)
    magnitudes = np.maximum(rng.normal(size=(60, 13)) + shift, 0).astype(np.float32)
    targets = rng.uniform(0.1, 14, size=60).astype(np.float32)
    masks = np.asarray(jax.jit(jax.vmap(norm_matched_mask))(magnitudes, targets))
    for mask, row, target in zip(masks, magnitudes, targets, strict=True):
        # An entry too small to change the norm may be in or out.
        one, other = (row[each] for each in (mask, sorted_choice(row, target)))
        assert abs(np.linalg.norm(one) - np.linalg.norm(other)) < 1e-4


def test_edges_of_the_choice():
    def chosen(values, target, present=None):
        present = None if present is None else jnp.asarray(present)
        return np.asarray(matched(jnp.asarray(values), jnp.asarray(target), present)).tolist()

    # Never none, even where the largest is too long; nearest, not first to exceed.
    assert chosen([3.0, 1.0, 0.0], 0.1) == [True, False, False]
    assert chosen([2.0, 2.0, 1.0, 0.0], 2.9) == [True, True, False, False]
    assert chosen([1.0, 0.3, 0.0], 1.01) == [True, False, False]
    # Never all, even where all fit exactly; padding does not count, and a lone entry is all there is.
    assert chosen([1.0, 2.0, 3.0], np.sqrt(14.0)) == [False, True, True]
    assert chosen([1.0, 2.0, 0.0], np.sqrt(5.0), [True, True, False]) == [False, True, False]
    assert chosen([1.0, 0.0], 5.0, [True, False]) == [True, False]
    assert chosen([0.0, 0.0], 5.0) == [False, False]


@eqx.filter_jit
def weights(width=9, dimension=5):
    keys = jax.random.split(jax.random.key(0), 3)
    rows = jax.random.normal(keys[0], (width, dimension))
    rows = rows / jnp.linalg.norm(rows, axis=1, keepdims=True)
    detectors = jax.random.normal(keys[1], (width, dimension))
    return pieces.Weights(detectors, jnp.ones(width), rows, 0.1 * jnp.ones(dimension), None, None)


def test_codes_are_the_largest_whose_norm_is_that_of_the_centred_input():
    tree, inputs = weights(), jax.random.normal(jax.random.key(1), (40, 5))
    codes = np.asarray(forward(pieces.SparseAutoencoder(tree, pieces.TopAFA()), inputs).codes)
    centred = np.asarray(inputs - tree.centre[None, :])
    positive = np.maximum(centred @ np.asarray(tree.detectors).T, 0)
    for code, row, x in zip(codes, positive, centred, strict=True):
        np.testing.assert_allclose(code, np.where(sorted_choice(row, np.linalg.norm(x)), row, 0), atol=1e-5)
    bounded = np.asarray(forward(pieces.SparseAutoencoder(tree, pieces.TopAFA(2)), inputs).codes)
    assert (bounded != 0).sum(axis=1).max() <= 2
    for few, code in zip(bounded, codes, strict=True):
        np.testing.assert_allclose(np.sort(few)[::-1][:2], np.sort(code)[::-1][:2], atol=1e-6)
    # Scaling the inputs scales the codes: the choice has no scale of its own.
    still = eqx.tree_at(lambda t: t.centre, tree, jnp.zeros(5))
    autoencoder = pieces.SparseAutoencoder(still, pieces.TopAFA())
    np.testing.assert_allclose(encode(autoencoder, 7 * inputs), 7 * encode(autoencoder, inputs), rtol=1e-4)


def test_gradients_flow_through_kept_entries_alone():
    tree, inputs = weights(), jax.random.normal(jax.random.key(2), (6, 5))

    def total(detectors):
        moved = eqx.tree_at(lambda t: t.detectors, tree, detectors)
        return jnp.sum(pieces.SparseAutoencoder(moved, pieces.TopAFA()).forward(inputs).codes)

    kept = np.asarray(forward(pieces.SparseAutoencoder(tree, pieces.TopAFA()), inputs).codes) > 0
    np.testing.assert_allclose(
        jax.jit(jax.grad(total))(tree.detectors),
        kept.T.astype(np.float32) @ np.asarray(inputs - tree.centre[None, :]),
        rtol=1e-4,
        atol=1e-5,
    )


def test_norm_matching_is_the_published_loss_and_finite_at_zero():
    tree, inputs = weights(), jax.random.normal(jax.random.key(3), (30, 5))
    run = forward(pieces.SparseAutoencoder(tree, pieces.TopAFA()), inputs)
    control = cast_floating(pieces.NormMatching.published(1 / 16, 5), jnp.float32)
    found = float(penalty(control, None, tree, run))
    error = np.asarray(run.reconstruction - inputs)
    lengths, targets = (np.linalg.norm(np.asarray(v), axis=1) for v in (run.codes, inputs))
    published = np.mean(error**2) + np.mean((lengths - targets) ** 2) / 16
    assert np.sum(error**2) / 60 + found == pytest.approx(published * 5 / 2, rel=1e-5)

    def silent(detectors):
        moved = eqx.tree_at(lambda t: (t.detectors, t.centre), tree, (detectors, jnp.zeros(5)))
        run = pieces.SparseAutoencoder(moved, pieces.TopAFA()).forward(inputs)
        return control.penalty(None, moved, run, jnp.asarray(0, jnp.int32))

    assert np.all(np.isfinite(jax.jit(jax.grad(silent))(jnp.zeros_like(tree.detectors))))


def test_dead_neurons_reconstruct_what_is_left():
    tree, inputs = weights(), jax.random.normal(jax.random.key(4), (20, 5))
    # Neuron 0 never speaks under TopK(1) once its detector is tiny.
    tree = eqx.tree_at(lambda t: (t.detectors, t.bias), tree, (tree.detectors.at[0].mul(1e-3), jnp.zeros(9)))
    control = cast_floating(pieces.DeadNeurons(0.5, active=3, patience=2), jnp.float32)
    run = forward(pieces.SparseAutoencoder(tree, pieces.TopK(1)), inputs)
    tree, state = control.begin(tree, jnp.arange(9) < 8, run.preactivations.projections)
    silent = ~np.asarray(run.codes != 0).any(axis=0)
    assert silent[0]
    for batches in range(3):
        found = float(penalty(control, state, tree, run))
        if batches < 2:
            assert found == 0
        tree, state = adapt(control, state, tree, run)
    dead = silent & (np.arange(9) < 8)
    positive = np.where(dead, np.maximum(np.asarray(run.preactivations.projections), 0), 0)
    level = np.sort(positive, axis=1)[:, -3][:, None]
    left = np.asarray(inputs - run.reconstruction) - np.where(positive >= level, positive, 0) @ np.asarray(tree.decoder)
    assert found == pytest.approx(0.5 * np.sum(left**2) / 40, rel=1e-4)


def training(encoder):
    return in_default_precision(rc.solvers.AutoencoderTraining(9, pieces.TopAFA(), encoder=encoder, batch=16))


def test_training_starts_at_given_rows_and_long_detectors():
    problem, truth = rc.models.PlantedFeatures(6, 9, 2, scaling="standard").sample(jax.random.key(5))
    rows = np.asarray(truth) * 3
    solver = training(pieces.GivenRows(rows))
    start = init(solver, problem, jax.random.key(6)).weights
    np.testing.assert_allclose(start.decoder, truth, atol=1e-6)
    np.testing.assert_allclose(start.detectors, truth, atol=1e-6)
    start = init(training(pieces.FreeEncoder(0.5)), problem, jax.random.key(6)).weights
    np.testing.assert_allclose(start.detectors, 0.5 * start.decoder, atol=1e-6)
    with pytest.raises(ValueError, match=r"GivenRows: `rows` has shape \(4, 6\)"):
        init(training(pieces.GivenRows(rows[:4])), problem, jax.random.key(6))


def test_standard_rows_have_mean_zero_and_deviation_one():
    problem, _ = rc.models.PlantedFeatures(6, 9, 2, scaling="standard", noise=0.1).sample(jax.random.key(7))
    rows = np.asarray(eqx.filter_jit(type(problem).rows)(problem, jnp.arange(50, dtype=jnp.int32)))
    np.testing.assert_allclose(rows.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(rows.std(axis=1), 1, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pieces.TopAFA(0), "TopAFA: `most` is 0"),
        (lambda: pieces.NormMatching(-1.0), "NormMatching: `weight` is -1.0"),
        (lambda: pieces.DeadNeurons(active=0), "DeadNeurons: `active` is 0"),
        (lambda: pieces.DeadNeurons(patience=0), "DeadNeurons: `patience` is 0"),
    ],
)
def test_impossible_numbers_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
