"""Axes keep their names and the types of their values; what is reported keeps off names that are taken."""

import enum

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import recover as rc
from recover.sweeps.columns import RESERVED, as_column, axis_values, check_cell, checked_axes
from tests.sweeps.toy import LeastSquares, Means

LAW = enum.Enum("LAW", ["even", "odd"])


def cell(**axes):
    return Means(4), LeastSquares()


@pytest.fixture
def nothing_computed(monkeypatch):
    """Fails as soon as a block is computed."""

    def refuse(task):
        raise AssertionError("a block was computed")

    monkeypatch.setattr("recover.sweeps.run.run_block", refuse)


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_axes_are_refused_by_name(name, nothing_computed):
    for run in (rc.sweep, rc.plan_sweep):
        with pytest.raises(ValueError, match=f"an axis is named '{name}'.*solver, trial, error, result, steps"):
            run(cell, {name: [1, 2, 15]}, trials=1)
    for along, over in (({name: [1, 2, 3]}, {}), ({"x": [1, 2, 3]}, {name: [1, 2]})):
        with pytest.raises(ValueError, match=f"an axis is named '{name}'"):
            rc.trace_boundary(cell, along=along, over=over, width=1.0, below=0.1)


@pytest.mark.parametrize("name", ["status", "low", "boundary", "width"])
def test_columns_of_curves_are_reserved_in_traces(name):
    with pytest.raises(ValueError, match=f"an axis is named '{name}'"):
        rc.trace_boundary(cell, along={"x": [1, 2, 3]}, over={name: [1, 2]}, width=1.0, below=0.1)


@pytest.mark.parametrize("name", ["rate", "low", "trials"])
def test_an_axis_is_not_taken_for_a_column_of_a_summary(name):
    table = rc.sweep(cell, {name: [1, 2]}, trials=2)
    assert table.frame[name].tolist() == [1, 1, 2, 2]
    with pytest.raises(ValueError, match=f"axis is named '{name}'"):
        table.success(below=1.0)


def test_a_threshold_is_a_number():
    table = rc.sweep(cell, {"x": [1, 2]}, trials=2)
    for asked in (lambda: table.success(np.nan), lambda: table.boundary("x", below=np.nan)):
        with pytest.raises(ValueError, match=r"`below` is nan; a number is allowed"):
            asked()


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"x": np.ma.masked_array([1, 2], [False, True])}, "axis `x` has masked entries"),
        ({"x": [1, np.ma.masked]}, "axis `x` has masked entries"),
        ({"x": "AMP"}, "axis `x` is 'AMP'; a list of values"),
        ({"x": 0.5}, "axis `x` is 0.5; a list of values"),
        ({"x": jnp.asarray(3)}, "axis `x` is .*a list of values"),
        ({"x": np.zeros((2, 3))}, r"axis `x` is an array of shape \(2, 3\)"),
        ({"x": [[3, 20], [4, 20]]}, r"axis `x` has the value \[3, 20\], which cannot be hashed"),
        ({"x": [jnp.zeros(2)]}, "which cannot be hashed"),
        ({"x": [1, True]}, "repeated"),
        ({"x": [1.0, np.float32("nan")]}, "axis `x` contains NaN"),
        ({"x": [pd.NaT]}, "axis `x` contains NaN"),
        ({"x": [pd.NA, 1]}, "axis `x` contains NaN"),
        ({3: [1]}, "an axis is named 3"),
        ({"a b": [1]}, "an axis is named 'a b'"),
        ([("x", [1])], "`axes` is"),
    ],
)
def test_axes_that_are_none_are_named(axes, message):
    with pytest.raises(ValueError, match=message):
        checked_axes(axes)


def test_a_cell_that_does_not_take_the_axes_is_told_so(nothing_computed):
    with pytest.raises(TypeError, match=r"`cell` takes \(samples\).*called with the axes noise"):
        rc.sweep(lambda samples: cell(), {"noise": [1]}, trials=1)
    with pytest.raises(TypeError, match="`cell` is 3"):
        check_cell(3, ["noise"])


@pytest.mark.parametrize(
    "values",
    [
        ["none", 0.1, 2],
        [(3, 20), (4, 20)],
        [None, "a"],
        [None, 1],
        [True, 2],
        [LAW.even, LAW.odd],
        [frozenset({1}), frozenset({2})],
        [LeastSquares, Means],
        [2**70, 1],
        [np.datetime64("2026-01-01", "ns"), np.datetime64("2026-01-02", "ns")],
        [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-02")],
        [b"a", b"b"],
        [1 + 1j, 2.0 + 0j],
    ],
)
def test_values_are_kept_as_given(values, tmp_path):
    for table in (rc.sweep(cell, {"x": values}, trials=2), rc.sweep(cell, {"x": values}, trials=2, store=tmp_path)):
        found = list(table.frame.x)[::2]
        assert found == values
        assert all(isinstance(one, (type(other), pd.Timestamp)) for one, other in zip(found, values, strict=False))
        rates = table.success(below=np.inf)
        assert len(rates) == len(values)
        assert (rates.successes == 2).all()


@pytest.mark.parametrize(
    ("values", "plain"),
    [
        (jnp.arange(3), [0, 1, 2]),
        (jnp.asarray([0.5, 1.5]), [0.5, 1.5]),
        (np.arange(3, dtype=np.int8), [0, 1, 2]),
        (np.asarray([0.5, 2], np.float16), [0.5, 2.0]),
        (jnp.asarray([0.5, 2], jnp.bfloat16), [0.5, 2.0]),
        (pd.Index([1, 2]), [1, 2]),
        (pd.RangeIndex(3), [0, 1, 2]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        (pd.MultiIndex.from_product([[1, 2], ["a"]]), [(1, "a"), (2, "a")]),
        (pd.CategoricalIndex(["a", "b"]), ["a", "b"]),
        (range(2), [0, 1]),
        ((value for value in (1, 2)), [1, 2]),
        ([np.asarray(1.5), jnp.asarray(2)], [1.5, 2]),
        ({"a": 1, "b": 2}, ["a", "b"]),
    ],
)
def test_arrays_and_indexes_are_axes(values, plain):
    found = axis_values("x", values)
    assert found == plain
    assert [type(value) for value in found] == [type(value) for value in plain]


def test_numbers_stay_numbers():
    assert as_column([1, 2]).dtype == np.int64
    assert as_column([1, 2.5]).dtype == np.float64
    assert as_column([True, False]).dtype == bool
    assert as_column(["a", "b"]).tolist() == ["a", "b"]
    assert as_column([2**53 + 1, 0.5])[0] == 2**53 + 1


def test_a_metric_must_be_numbers():
    table = rc.sweep(cell, {"x": [1]}, trials=1)
    with pytest.raises(ValueError, match="`metric` is 'result', a column that holds no numbers"):
        table.success(below=1.0, metric="result")


def test_an_error_of_a_cell_says_where():
    with pytest.raises(ZeroDivisionError) as caught:
        rc.sweep(lambda x: cell() if x == 0 else 1 / 0, {"x": [0, 1]}, trials=1)
    assert caught.value.__notes__ == ["sweep: `cell` was called with {'x': 1}."]


def test_labels_of_solvers_keep_their_types():
    frame = rc.sweep(lambda: (Means(3), {1: LeastSquares(), "two": LeastSquares()}), {}, trials=1).frame
    assert frame.solver.tolist() == [1, "two"]
    with pytest.raises(TypeError, match="a solver or a dict of solvers"):
        rc.sweep(lambda: (Means(3), {}), {}, trials=1)


def reporting(**found):
    class Reporting(LeastSquares):
        def stats(self, problem, state):
            return found

    return Reporting()


@pytest.mark.parametrize("name", ["error", "lane", "steps", "trial", "result", "history", "success"])
@pytest.mark.parametrize("side", ["stats", "metrics"])
def test_reported_names_that_are_taken_are_refused(name, side, nothing_computed):
    class Measured(Means):
        def metrics(self, truth, estimate):
            return {name: truth}

    pair = (Means(4), reporting(**{name: jnp.zeros(())})) if side == "stats" else (Measured(4), LeastSquares())
    with pytest.raises(ValueError, match=f"{side}` returned '{name}', which is a column of every table"):
        rc.sweep(lambda: pair, {}, trials=1)


def test_names_that_both_report_or_that_axes_have_are_refused(nothing_computed):
    with pytest.raises(ValueError, match=r"'squared' is reported by `Reporting\.stats` and by `Means\.metrics`"):
        rc.sweep(lambda: (Means(4), reporting(squared=jnp.zeros(()))), {}, trials=1)
    with pytest.raises(ValueError, match=r"an axis is named 'squared', which `Means\.metrics` reports"):
        rc.sweep(cell, {"squared": [1, 2]}, trials=1)


class Vector(Means):
    def error(self, truth, estimate):
        return jnp.abs(truth - estimate) * jnp.ones(3)


class Complex(Means):
    def error(self, truth, estimate):
        return jax.lax.complex(truth, estimate)


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ((Vector(4), LeastSquares()), r"`Vector.error` returned an array of shape \(3,\)"),
        ((Complex(4), LeastSquares()), r"`Complex.error` returned .* complex64; a real scalar"),
        ((Means(4), reporting(each=jnp.zeros((2, 2)))), r"returned 'each', an array of shape \(2, 2\)"),
        ((Means(4), reporting(each=[1.0, 2.0])), r"returned 'each', an array of shape \(2,\)"),
        ((Means(4), reporting(each="good")), "returned 'each', .*a real scalar is allowed"),
        ((Means(4), reporting(each=None)), "returned 'each', .*a real scalar is allowed"),
    ],
)
def test_what_is_no_scalar_is_refused(pair, message, nothing_computed):
    with pytest.raises(ValueError, match=message):
        rc.sweep(lambda: pair, {}, trials=1)


class Holding(LeastSquares):
    """Holds anything."""

    what: object = 1.0


STATED = {"value": 1.0}


class Stating(LeastSquares):
    """Reads what stands in its module."""

    def step(self, problem, state):
        return state[0] + STATED["value"], state[1] + 1


@pytest.mark.parametrize(
    ("pair", "error", "message"),
    [
        (lambda x: (Means(4), {np.nan: LeastSquares()}), ValueError, "a solver is labelled nan at {'x': 1}"),
        (lambda x: (Means(4), Holding(what="much")), TypeError, "`what` of Holding is 'much', a str; numbers"),
        (lambda x: (Means(4), Holding(what=dict)), TypeError, "`what` of Holding is <class 'dict'>, a type; numbers"),
        (
            lambda x: (rc.models.MatrixSensing(4, 1, 20), rc.solvers.AMP()),
            TypeError,
            "the problem of MatrixSensing is MatrixSensingProblem.*AMP takes a LinearProblem",
        ),
        (
            lambda x: STATED.update(value=x) or (Means(4), Stating()),
            ValueError,
            "the code of Stating, or a value that it uses, changed while `cell` was called",
        ),
    ],
    ids=["label", "string", "class", "kind", "state"],
)
def test_cells_that_cannot_be_computed_are_told_so(pair, error, message, nothing_computed):
    with pytest.raises(error, match=f"sweep: {message}"):
        rc.sweep(pair, {"x": [1, 2]}, trials=1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"trials": 2**31 - 1}, ValueError, "are 4,294,967,294 rows, whose table does not fit into"),
        ({"measure": lambda state: {}}, TypeError, "`measure` is .* takes .state.; a function of .model, truth"),
    ],
    ids=["rows", "measure"],
)
def test_options_that_are_none_are_named(options, error, message, nothing_computed):
    with pytest.raises(error, match=message):
        rc.sweep(cell, {"x": [1, 2]}, **{"trials": 1, **options})
