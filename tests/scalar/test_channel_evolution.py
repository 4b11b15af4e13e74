"""State evolution of any prior and channel, against published numbers and the predictions of families."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.scalar.bernoulli_gauss import bernoulli_gauss_state_evolution

SIGNS, NORMAL = rc.priors.RademacherPrior(), rc.priors.SphericalPrior()
# Channel, prior, sampling, overlap: of Barbier et al. (2019) where they print it, else by quadrature in double precision.
FIXED = [
    (rc.channels.SignChannel(), NORMAL, [0.5, 1, 2, 5, 10], [0.28033, 0.48626, 0.72830, 0.93206, 0.98138]),
    (rc.channels.SignChannel(0.1**0.5), NORMAL, [1, 2, 5], [0.44077, 0.66580, 0.87659]),
    (rc.channels.LogisticChannel(1.0), NORMAL, [1, 2, 5], [0.1491, 0.2634, 0.4821]),
    (rc.channels.LogisticChannel(5.0), NORMAL, [1, 5], [0.4302, 0.8655]),
    (rc.channels.SignChannel(), SIGNS, [1, 1.2, 1.4, 1.5], [0.56072, 0.66866, 0.78970, 1]),
    (rc.channels.PhaselessChannel(), NORMAL, [0.45, 0.6, 0.9, 1.2], [0, 0.0517, 0.331, 1]),
    (rc.channels.RankOneChannel(1.5), SIGNS, [1], [0.692295]),
]


@pytest.mark.parametrize(("channel", "prior", "sampling", "overlap"), FIXED)
def test_fixed_points_are_those_known(channel, prior, sampling, overlap, float64):
    found = rc.theory.fixed_overlap(prior, channel, sampling=np.asarray(sampling, float))
    np.testing.assert_allclose(found, overlap, atol=5e-4)


def test_counts_tell_as_much_as_known(float64):
    told = rc.channels.PoissonChannel().precision(jnp.asarray(0.40613))
    assert float(told / (1 + told)) == pytest.approx(0.40613, abs=3e-4)


def test_sparse_regression_is_an_instance(float64):
    """With the law of coefficients that the prior does not have: it is defined here."""
    density, sampling, noise = 0.1, 0.5, 0.2

    class BernoulliGauss(rc.priors.AbstractPrior):
        def draw(self, key, size):
            raise NotImplementedError

        posterior = draw

        def overlap(self, precision):
            return 1 - rc.theory.bernoulli_gauss_mmse(density, 1 / precision, 1 / density)

        information = overlap

    # There entries of the design have variance 1/m, coefficients that of the nonzero ones.
    errors = bernoulli_gauss_state_evolution(sampling, density / sampling, noise, 8, variance=1 / density)
    channel = rc.channels.GaussianChannel(noise * sampling**0.5)
    overlaps = rc.theory.state_evolution(BernoulliGauss(), channel, sampling=sampling, steps=8, start=0.0)
    np.testing.assert_allclose(1 - overlaps, errors, rtol=1e-6)


def test_phase_retrieval_and_spiked_matrices_are_instances(float64):
    for sampling in (0.7, 1.0):
        one = rc.theory.fixed_overlap(NORMAL, rc.channels.PhaselessChannel(), sampling=sampling)
        assert float(one) == pytest.approx(float(rc.theory.phaseless_overlap(sampling)), abs=1e-3)
    q, expected = 0.2, []
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    for _ in range(6):
        precision = 1.3**2 * q
        q = weights @ np.tanh(precision + precision**0.5 * nodes) / weights.sum()
        expected.append(q)
    np.testing.assert_allclose(rc.theory.spiked_state_evolution(1.3, 0.2, 6, SIGNS), expected, rtol=1e-6)


def test_from_the_truth_it_stays_where_two_fixed_points_are(float64):
    perceptron = (SIGNS, rc.channels.SignChannel())
    low, high = rc.theory.fixed_overlap(*perceptron, sampling=1.4, start=jnp.asarray([1e-4, 0.9999]))
    assert low < 0.8
    assert high > 0.9998


@pytest.mark.parametrize("channel", [rc.channels.SignChannel(), rc.channels.LogisticChannel()])
def test_single_precision_under_jit_and_vmap(channel):
    @jax.jit
    def overlap(sampling):
        return rc.theory.state_evolution(NORMAL, channel, sampling=sampling, steps=30)

    alone, together = overlap(2.0), jax.vmap(overlap)(jnp.asarray([1.0, 2.0]))
    assert alone.dtype == jnp.float32
    np.testing.assert_allclose(together[1], alone, rtol=1e-5)
    assert np.all(np.diff(alone) > -1e-5)


def test_what_is_refused():
    with pytest.raises(ValueError, match="`ensemble` is 'haar'; 'gaussian' is allowed"):
        rc.theory.state_evolution(NORMAL, rc.channels.SignChannel(), "haar")
    with pytest.raises(ValueError, match="sampling must lie in"):
        rc.theory.fixed_overlap(NORMAL, rc.channels.SignChannel(), sampling=0)
