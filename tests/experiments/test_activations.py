"""Activations that share a program are those of the library."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.activations import Selecting, Switchable
from recover import autoencoders as pieces
from recover.dictionaries.autoencoders.autoencoder import Weights

SAME = {
    "ReLU": (pieces.ReLU(), Selecting()),
    "JumpReLU": (pieces.JumpReLU(), Selecting(jumps=True)),
    "TopK": (pieces.TopK(3), Selecting(3)),
    "BatchTopK": (pieces.BatchTopK(2.5), Selecting(2.5, shared=True)),
}


@pytest.mark.parametrize(("plain", "selecting"), SAME.values(), ids=SAME)
def test_codes_and_gradients_are_those_of_the_plain_activation(plain, selecting):
    projections = jax.random.normal(jax.random.key(0), (6, 12)).at[:, 4].set(0)
    bias = (0.3 * jax.random.normal(jax.random.key(1), (12,))).at[4].set(0)

    def codes(activation):
        activation = jax.tree.map(jnp.asarray, activation)

        def of(projections, bias):
            inputs = pieces.Preactivations(jnp.zeros((6, 3)), projections, bias, jnp.ones(12), None)
            return activation.codes(inputs)

        return of(projections, bias), jax.vjp(of, projections, bias)[1](jnp.cos(projections))

    jax.tree.map(np.testing.assert_array_equal, codes(plain), codes(selecting))


def test_a_control_that_is_off_changes_no_weights():
    decoder, present = jnp.eye(4), jnp.ones(4, bool)
    weights = Weights(None, jnp.zeros(4), decoder, jnp.zeros(4), jnp.ones(4), None)
    control = jax.tree.map(jnp.asarray, pieces.GroupBiasAdaptation(1, 0.1, 0.1, period=1, start="quantile"))
    inputs = jnp.abs(jax.random.normal(jax.random.key(0), (32, 4)))
    forward = pieces.SparseAutoencoder(weights, pieces.JumpReLU()).forward(inputs)
    found = {}
    for on in (True, False):
        switched = Switchable(control, jnp.asarray(on))
        begun, state = switched.begin(weights, present, forward.preactivations.projections)
        adapted, _ = switched.adapt(state, begun, forward, jnp.asarray(1))
        found[on] = begun.bias, adapted.bias
    plain, state = control.begin(weights, present, forward.preactivations.projections)
    np.testing.assert_array_equal(found[True][0], plain.bias)
    np.testing.assert_array_equal(found[True][1], control.adapt(state, plain, forward, jnp.asarray(1))[0].bias)
    assert np.any(np.asarray(plain.bias) != 0)
    np.testing.assert_array_equal(found[False], 0)
