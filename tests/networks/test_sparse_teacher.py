"""Sparse teachers: their weights, labels and what is compared."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import recover as rc
from tests.compiled import compiled


def test_every_unit_reads_so_many_inputs():
    model = rc.models.SparseTeacher((20, 10, 3), 50, 0.2)
    problem, teacher = model.sample(jax.random.key(0))
    for weight, count in zip(teacher.weights, (4, 2), strict=True):
        np.testing.assert_array_equal(np.count_nonzero(weight, axis=1), count)
    assert np.abs(np.asarray(teacher.weights[-1]))[np.asarray(teacher.weights[-1]) != 0].min() >= 2
    np.testing.assert_array_equal(np.asarray(problem.observations).sum(axis=1), 1)


def test_labels_are_right_as_often_as_the_teacher_says():
    model = rc.models.SparseTeacher((20, 4), 4000, 0.3, scale=0.5)
    problem, teacher = model.sample(jax.random.key(1))
    probabilities = np.asarray(jax.nn.softmax(teacher(problem.inputs), axis=1))
    hits = np.asarray(problem.observations)[np.arange(4000), probabilities.argmax(axis=1)]
    expected = probabilities.max(axis=1)
    spread = np.sqrt((expected * (1 - expected)).sum()) / 4000
    assert abs(hits.mean() - expected.mean()) < 4 * spread


def test_error_ignores_order_scale_and_spare_units_of_hidden_layers():
    model = rc.models.SparseTeacher((20, 8, 3), 10, 0.3)
    _, teacher = model.sample(jax.random.key(2))
    order = np.random.default_rng(0).permutation(12)
    first = np.pad(np.asarray(teacher.weights[0]), ((0, 4), (0, 0)))[order] * 3
    second = np.pad(np.asarray(teacher.weights[1]), ((0, 0), (0, 4)))[:, order] / 3
    wide = rc.Network((jnp.asarray(first), jnp.asarray(second)), (jnp.zeros(12), jnp.zeros(3)), ())
    assert compiled(model.error, teacher, wide) == pytest.approx(0, abs=1e-6)
    metrics = compiled(model.metrics, teacher, wide)
    assert metrics["agreement"] == 1
    full = dataclasses.replace(teacher, weights=tuple(jnp.ones_like(w) for w in teacher.weights))
    density = np.mean(np.concatenate([np.asarray(k).reshape(-1) for k in teacher.kept]))
    assert compiled(model.metrics, teacher, full)["f1"] == pytest.approx(2 * density / (1 + density), rel=1e-5)


@pytest.mark.parametrize("bad", [{"density": 0.0}, {"samples": 0}, {"widths": (5,)}, {"scale": -1.0}])
def test_impossible_numbers_are_named(bad):
    with pytest.raises(ValueError, match=f"SparseTeacher: `{next(iter(bad))}`"):
        rc.models.SparseTeacher(**{"widths": (5, 2), "samples": 3, "density": 0.5, **bad})


def test_problems_from_ones_own_data():
    problem = rc.ClassificationProblem(np.ones((3, 2), np.float32), np.array([0, 2, 1]))
    np.testing.assert_array_equal(problem.observations, np.eye(3)[[0, 2, 1]])
    with pytest.raises(ValueError, match="ClassificationProblem"):
        rc.ClassificationProblem(np.ones((3, 2), np.float32), np.ones((4, 2), np.float32))
