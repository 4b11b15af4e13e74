"""The exact minimiser on a line against brute force, and the rules of thumb against it; subsampling against known rates."""

import itertools

import jax.numpy as jnp
import numpy as np

from recover import theory
from recover.surfaces.noise_level import haar_noise_variance
from recover.surfaces.subsampling import subsampling_interval


def brute_force(y, weight, penalty):
    """All subsets of jumps, each with its linear system."""
    n = len(y)
    h = 1 / n
    best = np.inf, None
    for jumps in itertools.product((False, True), repeat=n - 1):
        links = np.where(jumps, 0, 1 / h)
        matrix = np.diag(np.full(n, weight * h))
        for i, link in enumerate(links):
            matrix[i : i + 2, i : i + 2] += link * np.array([[1, -1], [-1, 1]])
        u = np.linalg.solve(matrix, weight * h * y)
        energy = weight * h * np.sum((u - y) ** 2) + np.sum(links * np.diff(u) ** 2) + penalty * sum(jumps)
        if energy < best[0]:
            best = energy, u
    return best


def test_the_exact_minimiser_is_that_of_brute_force():
    random = np.random.default_rng(0)
    for penalty in (0.002, 0.02, 0.2):
        y = random.random(9)
        energy, u = brute_force(y, 50.0, penalty)
        found, least = theory.mumford_shah_line(jnp.asarray(y, jnp.float32), 50.0, penalty)
        np.testing.assert_allclose(least, energy, rtol=1e-4)
        np.testing.assert_allclose(found, u, atol=1e-3)


def test_a_step_is_kept_up_to_the_penalty_of_the_rule():
    y = jnp.asarray(np.repeat([0.3, 0.6], 100), jnp.float32)
    threshold = float(theory.largest_kept_penalty(0.3, 400.0))
    kept, _ = theory.mumford_shah_line(y, 400.0, 0.9 * threshold)
    lost, _ = theory.mumford_shah_line(y, 400.0, 1.1 * threshold)
    assert float(jnp.max(jnp.abs(jnp.diff(kept)))) > 0.25
    assert float(jnp.max(jnp.abs(jnp.diff(lost)))) < 0.05


def test_a_spike_is_two_jumps_below_the_penalty_of_the_rule():
    y = jnp.zeros(101).at[50].set(0.5)
    threshold = float(theory.least_quiet_penalty(0.5, 100.0, 1 / 101))
    spiky, _ = theory.mumford_shah_line(y, 100.0, 0.5 * threshold)
    quiet, _ = theory.mumford_shah_line(y, 100.0, 1.1 * threshold)
    assert float(spiky[50]) > 0.45
    assert float(quiet[50]) < 0.1


def test_the_noise_level_ignores_the_function():
    random = np.random.default_rng(0)
    x = np.linspace(0, 1, 61)
    f = x[:, None] + (x[None, :40] > 0.3)
    noise = 0.1 * random.standard_normal(f.shape)
    np.testing.assert_allclose(haar_noise_variance(jnp.asarray(f + noise, jnp.float32)), 0.01, rtol=0.1)


def test_subsampling_covers_means():
    random = np.random.default_rng(0)
    sizes, covered, rates = [100, 140, 200, 280], [], []
    for _ in range(60):
        data = random.standard_normal((2000, 3))
        replicates = np.stack(
            [[data[random.choice(2000, b, replace=False)].mean(0) for _ in range(100)] for b in sizes]
        )
        interval = subsampling_interval(data.mean(0), replicates, sizes, 2000)
        covered.append((interval.low <= 0) & (interval.high >= 0))
        rates.append(interval.rate)
    assert 0.35 < np.mean(rates) <= 0.5
    assert np.mean(covered) > 0.88
