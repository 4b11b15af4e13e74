"""The PQI bound and the indices of known laws."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from recover import pq_index, theory


@pytest.mark.parametrize(("p", "q"), [(0.5, 1.0), (1.0, 2.0), (0.3, 1.7)])
def test_laws_have_the_index_of_their_moments(p, q):
    laws = {
        theory.uniform_pq_index: scipy.stats.uniform(),
        theory.gaussian_pq_index: scipy.stats.halfnorm(),
        theory.laplace_pq_index: scipy.stats.expon(),
    }
    for predicted, law in laws.items():
        small, large = (law.expect(lambda w, e=e: w**e) ** (1 / e) for e in (p, q))
        assert float(predicted(p, q)) == pytest.approx(1 - small / large, abs=1e-5)


def test_reference_values():
    assert float(theory.uniform_pq_index(0.5, 1.0)) == pytest.approx(1 / 9, abs=1e-6)
    assert float(theory.laplace_pq_index(0.5, 1.0)) == pytest.approx(1 - np.pi / 4, abs=1e-6)
    assert float(theory.gaussian_pq_index(1.0, 2.0)) == pytest.approx(1 - np.sqrt(2 / np.pi), abs=1e-6)


def test_the_bound_holds_and_is_tight_for_equal_weights():
    rng = np.random.default_rng(0)
    for _ in range(20):
        size, p = 30, rng.uniform(0.2, 1)
        q, kept = p + rng.uniform(0.2, 1), rng.integers(1, 31)
        w = (rng.normal(size=size) ** 3).astype(np.float32)
        powers = np.sort(np.abs(w) ** p)[::-1]
        eta = powers[kept:].sum() / powers[:kept].sum()
        live = jnp.ones(size, bool)
        found = theory.tail_ratio(jnp.asarray(w), live, p, jnp.asarray([float(kept)]))[0]
        assert float(found) == pytest.approx(eta, rel=1e-3, abs=1e-5)
        assert theory.pq_pruning_bound(size, pq_index(jnp.asarray(w), p, q), p, q, eta) <= kept * (1 + 1e-4)
    assert float(theory.pq_pruning_bound(30, 0.0, 0.5, 1.0)) == pytest.approx(30)


def test_shares_of_sap():
    assert float(theory.adaptive_keep_share(1 / 9, 0.5, 1.0)) == pytest.approx(8 / 9, abs=1e-6)
    assert float(theory.adaptive_keep_share(0.134, 1.0, 2.0)) == pytest.approx(0.75, abs=1e-3)
    assert float(theory.adaptive_keep_share(0.5, 1.0, 2.0, gamma=9.0)) == pytest.approx(0.1, abs=1e-6)
