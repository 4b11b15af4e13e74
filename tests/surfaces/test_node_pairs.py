"""Multipliers of pairs, block by block, against explicit pairs."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from recover.surfaces import node_pairs


@pytest.mark.parametrize("cells", [10, 700])
def test_all_pairs_move_and_shrink(cells, monkeypatch):
    # Several blocks, also where the suite runs on an accelerator, which has one.
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    levels, axes, bound = 6, 2, 0.3
    number, length = node_pairs.blocks(cells)
    assert (number == 1) == (cells == 10)
    size = number * length
    random = np.random.default_rng(0)
    sums = random.standard_normal((axes, levels + 1, size)).astype(np.float32)
    steps = (0.7 / node_pairs.distances(levels)).astype(np.float32)
    held = node_pairs.zeros(levels, axes, cells, jnp.float32)
    assert math.prod(held[0].shape) == (levels + 1) * levels // 2 * size

    move = jax.jit(node_pairs.shrink)
    kept = {}
    for turn in range(2):
        held, tension = move(held, tuple(sums * (1 + turn)), steps, jnp.float32(bound))
        expected = np.zeros((axes, levels + 1, size))
        for i in range(levels + 1):
            for r in range(1, levels // 2 + 1):
                j = (i + r) % (levels + 1)
                step = 0.7 / abs(i - j)
                moved = kept.get((i, j), 0) - step * (1 + turn) * (sums[:, j] - sums[:, i])
                norm = np.linalg.norm(moved, axis=0)
                kept[i, j] = moved * np.maximum(1 - step * bound / norm, 0)
                expected[:, j] += kept[i, j]
                expected[:, i] -= kept[i, j]
        np.testing.assert_allclose(np.stack(tension), expected, atol=1e-5)
    assert len(kept) == math.comb(levels + 1, 2)
    assert {frozenset(pair) for pair in kept} == {frozenset((i, j)) for i in range(levels + 1) for j in range(i)}


@pytest.mark.parametrize("platform", ["cpu", "gpu"])
def test_rows_are_whole_registers(platform, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    for cells in (1, 16, 17, 511, 513, 6561, 13824):
        number, length = node_pairs.blocks(cells)
        assert length % 16 == 0
        assert cells <= number * length < cells + 16 * number
        assert number == 1 or platform == "cpu"
