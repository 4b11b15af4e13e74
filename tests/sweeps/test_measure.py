"""Measurements: columns that are neither the model's nor the solver's."""

import concurrent.futures
import functools
import multiprocessing

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import recover as rc
from recover.sweeps import layout
from recover.sweeps.measure import Measurement
from tests.sweeps.toy import LeastSquares, Means, traced_cell

AXES = {"samples": [3, 5], "noise": [0.0, 0.5, 1.0]}


def look(model, truth, problem, solver, state):
    """One number of every argument."""
    gains, _ = problem
    return {
        "seen": jnp.sum(gains != 0),
        "aim": truth,
        "noisy": model.noise > 0,
        "step_size": jnp.asarray(solver.shrinkage),
        "away": jnp.abs(state[0] - truth),
    }


def scaled(model, truth, problem, solver, state, factor):
    """The error times a factor."""
    return {"scaled": factor * jnp.abs(state[0] - truth)}


@pytest.fixture
def always_queue(monkeypatch):
    def by(width):
        for name, value in {
            "_QUEUE_WORK": 0,
            "_CPU_WIDTHS": (width, width),
            "_LEAST_WIDTH": 1,
            "_LEAST_QUEUE": 1,
        }.items():
            monkeypatch.setattr(layout, name, value)

    return by


@pytest.mark.parametrize("share", ["trial", "none"])
@pytest.mark.parametrize("width", [None, 2])
def test_every_key_is_a_column(share, width, always_queue):
    if width is not None:
        always_queue(width)
    options = {"trials": 4, "share": share}
    frame = rc.sweep(traced_cell, AXES, measure=look, **options).frame
    np.testing.assert_array_equal(frame.seen, frame.samples)
    np.testing.assert_array_equal(frame.noisy, frame.noise > 0)
    np.testing.assert_array_equal(frame.away, frame.error)
    assert set(frame.step_size) == {1.0}
    plain = rc.sweep(traced_cell, AXES, **options).frame
    pd.testing.assert_frame_equal(frame[plain.columns], plain)


def half(shrinkage):
    return Means(4, noise=0.0), LeastSquares(shrinkage=shrinkage, rounds=100)


def test_histories_are_measured_when_the_error_is(tmp_path):
    options = {"trials": 2, "max_steps": 6, "record_every": 2, "measure": look}
    table = rc.sweep(half, {"shrinkage": [0.5]}, store=tmp_path, **options)
    frame = table.frame
    np.testing.assert_array_equal(np.stack(frame.away_history), np.stack(frame.history))
    np.testing.assert_array_equal(np.stack(frame.aim_history), np.repeat(frame.aim.to_numpy()[:, None], 4, 1))
    # Two places of a program may round differently.
    np.testing.assert_allclose([history[-1] for history in frame.away_history], frame.away, rtol=1e-5)
    assert table.audit(2).agrees.all()
    pd.testing.assert_frame_equal(rc.sweep(half, {"shrinkage": [0.5]}, **options).frame, frame)


def test_another_process_measures_the_same(tmp_path):
    expected = rc.sweep(traced_cell, AXES, trials=2, measure=functools.partial(scaled, factor=3.0)).frame
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        found = rc.sweep(traced_cell, AXES, trials=2, measure=functools.partial(scaled, factor=3.0), executor=pool)
    pd.testing.assert_frame_equal(found.frame, expected)
    np.testing.assert_allclose(expected.scaled, 3 * expected.error, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("apply", [functools.partial, eqx.Partial])
def test_what_is_measured_is_part_of_the_store(apply, tmp_path):
    def swept(factor):
        measure = None if factor is None else apply(scaled, factor=np.asarray(factor))
        rc.sweep(traced_cell, AXES, trials=1, measure=measure, store=tmp_path)
        return len(list(tmp_path.rglob("*.parquet")))

    assert [swept(2.0), swept(3.0), swept(2.0), swept(None)] == [1, 2, 2, 3]
    assert Measurement(apply(scaled, factor=2.0)) == Measurement(apply(scaled, factor=2.0))
    assert Measurement(apply(scaled, factor=2.0)) != Measurement(apply(scaled, factor=3.0))


def test_a_function_without_a_name_measures_but_is_not_stored(tmp_path):
    measure = lambda model, truth, problem, solver, state: {"aim": truth}  # noqa: E731
    assert "aim" in rc.sweep(traced_cell, AXES, trials=1, measure=measure).frame
    with pytest.raises(ValueError, match="a store could not tell"):
        rc.sweep(traced_cell, AXES, trials=1, measure=measure, store=tmp_path)


@pytest.mark.parametrize(
    ("found", "record_every", "message"),
    [
        ({"noise": 1.0}, None, "'noise', which is an axis"),
        ({"steps": 1.0}, None, "'steps', which is a column of every table"),
        ({"squared": 1.0}, None, "'squared', which is reported by Means or LeastSquares"),
        ({"a": 1.0, "a_history": 2.0}, 1, "'a_history', which is the history of another one"),
        ({"a": jnp.zeros(3)}, None, r"'a' of shape \(3,\); scalars"),
        ([1.0], None, "a dictionary from names"),
    ],
)
def test_columns_that_cannot_be_are_named(found, record_every, message):
    def measure(model, truth, problem, solver, state):
        return {name: jnp.asarray(value) for name, value in found.items()} if isinstance(found, dict) else found

    with pytest.raises((ValueError, TypeError), match=message):
        rc.sweep(traced_cell, AXES, trials=1, measure=measure, record_every=record_every)


def test_a_trace_may_follow_what_is_measured():
    options = {"along": {"noise": np.linspace(0, 4, 33)}, "over": {"samples": [3, 8]}, "width": 0.8, "max_steps": 5}
    plain = rc.trace_boundary(traced_cell, below=0.3, **options)
    measured = rc.trace_boundary(traced_cell, below=0.3, metric="away", measure=look, **options)
    pd.testing.assert_frame_equal(measured.curves, plain.curves)
    with pytest.raises(ValueError, match="'noisy', which is an axis"):
        rc.trace_boundary(
            lambda noisy, samples: (Means(samples, noise=noisy), LeastSquares()),
            measure=look,
            below=0.3,
            **{**options, "along": {"noisy": [0.0, 1.0]}},
        )
