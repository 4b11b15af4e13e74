"""What a precision says about products holds in every layout of a sweep, and outside of sweeps nothing changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from recover.core.products import BF16X3, full_products
from recover.sweeps import layout
from recover.sweeps.compile import compile_program
from tests.sweeps.toy import LeastSquares, Means

AXES = {"samples": [3, 5, 8, 9]}
seen: set = set()


class Watched(LeastSquares):
    """Remembers how matrices are multiplied where its steps are traced."""

    def step(self, problem, state):
        seen.add(jax.config.jax_default_matmul_precision)
        return super().step(problem, state)


def cell(samples):
    return Means(samples), Watched()


@pytest.mark.parametrize("layout_of", ["together", "queued", "recorded"])
@pytest.mark.parametrize("precision", ["float32/bf16x3", "float32", "float64"])
def test_products_are_those_of_the_precision(precision, layout_of, monkeypatch):
    if layout_of == "queued":
        monkeypatch.setattr(layout, "_QUEUE_WORK", 0)
        monkeypatch.setattr(layout, "_LEAST_WIDTH", 1)
    options = {"record_every": 1} if layout_of == "recorded" else {}
    jax.clear_caches()
    compile_program.cache_clear()
    seen.clear()
    rc.sweep(cell, AXES, trials=2, max_steps=40, precision=precision, **options)
    # Shapes are looked at in no precision in particular.
    assert seen - {None} == {BF16X3 if precision == "float32/bf16x3" else "float32"}


def test_a_cpu_computes_in_float32_all_the_same():
    axes = {"samples": [15, 20], "sparsity": [2, 3]}

    def amp(samples, sparsity):
        return rc.models.SparseRegression(40, samples, sparsity), rc.solvers.AMP()

    exact, split = (
        rc.sweep(amp, axes, trials=2, max_steps=30, precision=precision).frame
        for precision in ("float32", "float32/bf16x3")
    )
    np.testing.assert_allclose(split["error"], exact["error"], rtol=1e-3, atol=1e-6)


def test_an_accelerator_is_asked_for_products_of_16_bits():
    matrix = jnp.ones((8, 8), jnp.float32)

    def product(matrix):
        with full_products():
            return matrix @ matrix

    def lowered():
        return jax.jit(lambda matrix: product(matrix)).trace(matrix).lower(lowering_platforms=("cuda",)).as_text()

    assert "HIGHEST" in lowered()
    with jax.default_matmul_precision("bfloat16"):
        assert "HIGHEST" in lowered()  # what somebody set for something else is not for solvers
    with jax.default_matmul_precision(BF16X3):
        assert "rhs_precision_type = bf16" in lowered()
