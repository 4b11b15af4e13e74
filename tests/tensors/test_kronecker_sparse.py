import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.sizes import with_capacities
from tests.compiled import compiled


@functools.partial(jax.jit, static_argnums=1)
def instances(model_leaves, structure, keys):
    model = jax.tree.unflatten(structure, model_leaves)
    return jax.vmap(model.sample)(keys)


def drawn(model, count=40, seed=0):
    leaves, structure = jax.tree.flatten(model)
    return instances(leaves, structure, jax.random.split(jax.random.key(seed), count))


@pytest.mark.parametrize("amplitudes", ["kronecker", "independent"])
def test_data_are_the_dense_product_at_the_asked_noise(amplitudes):
    model = rc.models.KroneckerSparse((6, 5, 7), (4, 3, 5), (2, 1, 3), snr=20.0, amplitudes=amplitudes)
    problems, truths = drawn(model)
    ratios = []
    for trial in range(3):
        H = functools.reduce(np.kron, [np.asarray(factor[trial], np.float64) for factor in problems.factors])
        signal = H @ np.asarray(truths[trial], np.float64).reshape(-1)
        # The level belongs to the instance: it is set by the signal that was realised.
        level = np.sqrt(np.mean(signal**2) / 100)
        np.testing.assert_allclose(problems.noise[trial], level, rtol=1e-5)
        ratios.append((np.asarray(problems.observations[trial]).reshape(-1) - signal) / level)
    ratios = np.concatenate(ratios)
    assert abs(ratios.mean()) < 4 / np.sqrt(ratios.size)
    assert abs(np.mean(ratios**2) - 1) < 4 * np.sqrt(2 / ratios.size)


@pytest.mark.parametrize("amplitudes", ["kronecker", "independent"])
def test_support_is_a_product_of_uniform_supports(amplitudes):
    model = rc.models.KroneckerSparse((6, 5, 7), (4, 3, 5), (2, 1, 3), amplitudes=amplitudes)
    _, truths = drawn(model, 400)
    found = np.asarray(truths) != 0
    for mode, (size, count) in enumerate(zip((6, 5, 7), (2, 1, 3), strict=True)):
        marginal = found.any(axis=tuple(axis for axis in (1, 2, 3) if axis != mode + 1))
        assert set(marginal.sum(axis=1)) == {count}
        share = count / size
        assert np.max(np.abs(marginal.mean(axis=0) - share)) < 5 * np.sqrt(share * (1 - share) / 400)
    assert set(found.sum(axis=(1, 2, 3))) == {6}
    ranks = [np.linalg.matrix_rank(np.asarray(each).reshape(6, -1), tol=1e-4) for each in truths[:20]]
    assert (max(ranks) == 1) == (amplitudes == "kronecker")


def test_smaller_samples_are_the_first_rows_of_the_larger():
    small = rc.models.KroneckerSparse((6, 5, 7), (3, 3, 5), 2, snr=10.0)
    large = rc.models.KroneckerSparse((6, 5, 7), (5, 3, 5), 2, snr=10.0)
    capacities = {"samples_0": 6, "samples_1": 3, "samples_2": 5}
    (few, same), (many, truth) = (
        with_capacities(model, capacities).sample(jax.random.key(4)) for model in (small, large)
    )
    np.testing.assert_array_equal(same, truth)
    np.testing.assert_array_equal(few.factors[0][:3], many.factors[0][:3])
    assert not np.any(few.factors[0][3:])
    assert not np.any(few.observations[3:])
    # The same noise, at the level of each.
    scaled = [(p.observations - p.forward(truth)) / p.noise for p in (few, many)]
    np.testing.assert_allclose(scaled[0][:3], scaled[1][:3], atol=1e-4)
    assert int(few.samples) == 45


def test_metrics_count_supports():
    model = rc.models.KroneckerSparse((3, 4), (2, 3), 1)
    truth = jnp.zeros((3, 4)).at[1, 2].set(2.0)
    assert float(compiled(model.error, truth, jnp.zeros((3, 4)))) == 1
    assert float(compiled(model.metrics, truth, truth.at[0, 0].set(1.0))["support_recovery"]) == 0.5
    # An entry of a thousandth of the largest does not count.
    assert float(compiled(model.metrics, truth, truth.at[0, 0].set(1e-3))["support_recovery"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((4, 4), (3, 3), 9), r"KroneckerSparse: `sparsity` is 9"),
        (((4, 4), (3,), 2), r"KroneckerSparse: `samples` is \(3,\)"),
        (((4, 4), (3, 3), 2, float("nan")), r"KroneckerSparse: `snr` is nan"),
        (((4, 4), (3, 3), 2, 1.0, "flat"), r"KroneckerSparse: `amplitudes` is 'flat'"),
    ],
)
def test_impossible_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        rc.models.KroneckerSparse(*arguments)
