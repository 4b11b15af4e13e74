import concurrent.futures
import multiprocessing

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import recover as rc
from recover.sweeps import content, layout, plan
from tests.sweeps.toy import DesignDependsOnNoise, LeastSquares, Means, traced_cell

AXES = {"samples": [3, 5, 8, 13], "noise": [0.0, 0.5, 1.0]}


def rows(table):
    return table.frame.drop(columns="block")


def assert_same(first, second):
    pd.testing.assert_frame_equal(rows(first), rows(second), check_exact=True)


def test_one_row_per_cell_solver_and_trial():
    table = rc.sweep(
        lambda samples: (Means(samples), {"short": LeastSquares(rounds=1), "long": LeastSquares(rounds=9)}),
        axes={"samples": [3, 5]},
        trials=4,
        seed=1,
        max_steps=50,
    )
    assert list(table.frame.columns[:6]) == ["samples", "solver", "trial", "error", "result", "steps"]
    assert len(table.frame) == 2 * 2 * 4
    assert set(table.frame[table.frame.solver == "long"].steps) == {9}
    assert set(table.frame.result) == {"converged"}
    assert not table.frame.duplicated(["samples", "solver", "trial"]).any()


def test_solvers_meet_identical_instances():
    solvers = {"a": LeastSquares(), "b": LeastSquares(rounds=4)}
    frame = rc.sweep(lambda samples: (Means(samples), solvers), axes={"samples": [4, 6]}, trials=5).frame
    errors = frame.pivot(index=["samples", "trial"], columns="solver", values="error")
    # An exact line search solves this problem in one step, so both solvers give the same answer.
    np.testing.assert_allclose(errors["a"], errors["b"], rtol=1e-5)


def test_trials_and_cells_have_their_own_randomness():
    frame = rc.sweep(traced_cell, AXES, trials=20, max_steps=5).frame
    noisy = frame[frame.noise == 1.0]
    assert noisy.error.nunique() == len(noisy)


@pytest.mark.parametrize("share", ["trial", "none"])
def test_rows_do_not_depend_on_the_grid_or_the_padding(share):
    whole = rc.sweep(traced_cell, AXES, trials=3, share=share).frame
    part = rc.sweep(traced_cell, {"samples": [5], "noise": [1.0, 0.5]}, trials=3, share=share).frame
    joined = part.merge(whole, on=["samples", "noise", "trial"])
    assert len(joined) == 6
    np.testing.assert_allclose(joined.error_x, joined.error_y, rtol=1e-5)


@pytest.mark.parametrize("share", ["trial", "none"])
def test_rows_do_not_depend_on_the_block_size(share, monkeypatch):
    whole = rc.sweep(traced_cell, AXES, trials=5, share=share)
    monkeypatch.setattr(layout, "_ROWS", 7)
    pieces = rc.sweep(traced_cell, AXES, trials=5, share=share)
    assert len(pieces.provenance) > len(whole.provenance)
    np.testing.assert_allclose(whole.frame.error, pieces.frame.error, rtol=1e-5)


def test_an_own_design_instance_is_what_sample_gives():
    model = Means(6, noise=1.0)
    frame = rc.sweep(
        lambda samples: (Means(samples, noise=1.0), LeastSquares()), {"samples": [6]}, trials=3, share="none"
    ).frame
    root = jax.random.key(0)
    for trial in range(3):
        words = content.digest_words(content.content_digest(model))
        problem, truth = model.sample(content.stream_key(root, jnp.asarray(trial), jnp.asarray(words)))
        solution = rc.solve(problem, LeastSquares())
        np.testing.assert_allclose(frame.error[trial], model.error(truth, solution.value), rtol=1e-5)


def test_shared_designs_are_shared_and_own_designs_are_not():
    def cell(samples):
        return Means(samples, noise=0.0), LeastSquares(rounds=0)

    # With no rounds the error is |truth|, which belongs to the model's content, not to the design.
    shared = rc.sweep(cell, {"samples": [4]}, trials=3, share="trial").frame
    own = rc.sweep(cell, {"samples": [4]}, trials=3, share="none").frame
    np.testing.assert_allclose(shared.error, own.error)


def test_a_design_that_depends_on_an_array_field_cannot_be_shared():
    def cell(noise):
        return DesignDependsOnNoise(5, noise=noise), LeastSquares()

    with pytest.raises(ValueError, match='use share="none"'):
        rc.sweep(cell, {"noise": [0.5, 1.0]}, trials=2)
    assert len(rc.sweep(cell, {"noise": [0.5, 1.0]}, trials=2, share="none").frame) == 4


def test_a_lane_with_nan_data_diverges_alone():
    def cell(samples, poison):
        return Means(samples, poison=poison), LeastSquares()

    axes = {"samples": [3, 5, 8], "poison": [0, 1]}
    both = rc.sweep(cell, axes, trials=4).frame
    # The same shapes with every lane healthy: the poisoned lanes' neighbours must not differ in a single bit.
    healthy = rc.sweep(
        lambda samples, poison: (Means(samples, noise=1.0 + poison), LeastSquares()), axes, trials=4
    ).frame
    assert set(both[both.poison == 1].result) == {"diverged"}
    assert set(both[both.poison == 0].result) == {"converged"}
    np.testing.assert_array_equal(both[both.poison == 0].error, healthy[healthy.poison == 0].error)


def test_one_trace_for_a_whole_grid():
    count = []

    class Watched(LeastSquares):
        def init(self, problem, key):
            count.append(1)
            return super().init(problem, key)

    rc.sweep(lambda samples, noise: (Means(samples, noise), Watched()), AXES, trials=2)
    first = len(count)
    rc.sweep(lambda samples, noise: (Means(samples, noise), Watched()), {**AXES, "noise": [0.1, 0.2, 0.3]}, trials=2)
    assert first == 2  # once to size a lane, once to compile
    assert len(count) == first  # both are known when the second grid comes


def test_large_grids_are_split_into_buckets_of_sizes(monkeypatch):
    monkeypatch.setattr(plan, "_BUCKET_WORK", 1)
    axes = {"samples": [2, 3, 40, 50]}
    cell = lambda samples: (Means(samples), LeastSquares())  # noqa: E731
    described = rc.plan_sweep(cell, axes, trials=3)
    assert sorted(group.capacities["samples"] for group in described.groups) == [3, 50]
    bucketed = rc.sweep(cell, axes, trials=3).frame
    monkeypatch.undo()
    np.testing.assert_allclose(bucketed.error, rc.sweep(cell, axes, trials=3).frame.error, rtol=1e-5)


def test_store_extends_and_computes_only_what_is_missing(tmp_path):
    done = []
    options = {"store": tmp_path / "rows", "progress": lambda rows, total: done.append((rows, total))}
    rc.sweep(traced_cell, {**AXES, "samples": [3, 8]}, trials=2, **options)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    extended = rc.sweep(traced_cell, AXES, trials=3, **options)
    after = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    assert before.items() <= after.items()
    stored = sum(len(pd.read_parquet(path)) for path in tmp_path.rglob("*.parquet"))
    assert stored == len(extended.frame) == 4 * 3 * 3
    np.testing.assert_allclose(extended.frame.error, rc.sweep(traced_cell, AXES, trials=3).frame.error, rtol=1e-5)
    # Asking again computes nothing: everything is done at the first report.
    done.clear()
    again = rc.sweep(traced_cell, AXES, trials=3, **options)
    assert done == [(36, 36)]
    assert_same(again, extended)


def test_store_serves_smaller_grids_and_other_settings_apart(tmp_path):
    whole = rc.sweep(traced_cell, AXES, trials=3, store=tmp_path)
    part = rc.sweep(traced_cell, {"samples": [5], "noise": [0.5]}, trials=2, store=tmp_path)
    expected = whole.frame.query("samples == 5 and noise == 0.5 and trial < 2")
    np.testing.assert_array_equal(part.frame.error, expected.error)
    other = rc.sweep(traced_cell, AXES, trials=3, store=tmp_path, seed=1)
    assert not np.allclose(other.frame.error, whole.frame.error)


def test_resume_after_an_interruption_gives_the_same_table(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "_ROWS", 7)
    whole = rc.sweep(traced_cell, AXES, trials=5, store=tmp_path / "whole")

    class Interrupted(Exception):
        pass

    def interrupt(rows, total):
        if rows > total / 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        rc.sweep(traced_cell, AXES, trials=5, store=tmp_path / "parts", progress=interrupt)
    # Another plan would be made now, but the one on disk is kept.
    monkeypatch.setattr(layout, "_ROWS", 11)
    resumed = rc.sweep(traced_cell, AXES, trials=5, store=tmp_path / "parts")
    assert_same(resumed, whole)
    assert (resumed.frame.block == whole.frame.block).all()


def test_abandoned_plan_is_replaced_when_its_cells_are_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "_ROWS", 4)

    def stop(rows, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rc.sweep(traced_cell, AXES, trials=3, store=tmp_path, progress=stop)
    smaller = {"samples": [5, 8], "noise": [0.5]}
    resumed = rc.sweep(traced_cell, smaller, trials=3, store=tmp_path)
    np.testing.assert_allclose(resumed.frame.error, rc.sweep(traced_cell, smaller, trials=3).frame.error, rtol=1e-5)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_any_executor_gives_the_same_rows(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "_ROWS", 20)
    expected = rc.sweep(traced_cell, AXES, trials=5)
    if kind == "threads":
        pool = concurrent.futures.ThreadPoolExecutor(2)
    else:
        pool = concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    with pool:
        table = rc.sweep(traced_cell, AXES, trials=5, executor=pool, store=tmp_path)
    assert_same(table, expected)


def test_history_is_recorded_at_its_stride():
    table = rc.sweep(
        lambda shrinkage: (Means(4, noise=0.0), LeastSquares(shrinkage=shrinkage, rounds=100)),
        {"shrinkage": [0.5]},
        trials=2,
        max_steps=6,
        record_every=2,
    )
    history = np.stack(table.frame.history)
    assert history.shape == (2, 4)
    np.testing.assert_allclose(history, history[:, :1] * 0.25 ** np.arange(4)[None], rtol=1e-4)
    np.testing.assert_allclose(history[:, -1], table.frame.error, rtol=1e-6)


def test_history_survives_the_store(tmp_path):
    cell = lambda samples: (Means(samples), LeastSquares())  # noqa: E731
    live = rc.sweep(cell, {"samples": [3, 4]}, trials=2, max_steps=4, record_every=1)
    stored = rc.sweep(cell, {"samples": [3, 4]}, trials=2, max_steps=4, record_every=1, store=tmp_path)
    np.testing.assert_array_equal(np.stack(live.frame.history), np.stack(stored.frame.history))


def test_cells_that_return_none_are_left_out():
    table = rc.sweep(lambda samples, noise: None if samples > 5 else traced_cell(samples, noise), AXES, trials=1)
    assert sorted(set(table.frame.samples)) == [3, 5]


def test_precision_changes_rounding_not_data():
    single = rc.sweep(traced_cell, AXES, trials=3).frame
    double = rc.sweep(traced_cell, AXES, trials=3, precision="float64").frame
    assert not np.array_equal(single.error, double.error)
    np.testing.assert_allclose(single.error, double.error, atol=1e-5)


def test_provenance_says_where_rows_came_from():
    table = rc.sweep(traced_cell, AXES, trials=1)
    record = table.provenance.loc[table.frame.block[0]]
    assert record.platform == jax.default_backend()
    assert record["dtype"] == "float32"
    assert record.versions["jax"] == jax.__version__
    assert record.compile_seconds >= 0
    assert record.run_seconds > 0
    assert record.config_hash == table.settings["config_hash"]


def test_boundary_of_a_sweep_falls_with_the_noise():
    axes = {"samples": [2, 4, 8, 16, 32, 64], "noise": [1.0, 2.0]}
    table = rc.sweep(traced_cell, axes, trials=40)
    rates = table.success(below=0.25)
    assert ((rates.low <= rates.rate) & (rates.rate <= rates.high)).all()
    boundary = table.boundary("samples", below=0.25).set_index("noise").boundary
    assert boundary[1.0] < boundary[2.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axes": {"samples": []}}, "axis `samples` is empty"),
        ({"axes": {"samples": [3, 3]}}, "repeated"),
        ({"axes": {"samples": [3], "noise": [float("nan")]}}, "NaN"),
        ({"trials": 0}, "`trials` is 0"),
        ({"max_steps": 0}, "`max_steps` is 0"),
        ({"seed": -1}, "`seed` is -1"),
        ({"share": "all"}, "`share` is 'all'"),
        ({"precision": "half"}, "`precision` is 'half'"),
    ],
)
def test_bad_arguments_are_named(change, message):
    arguments = {"axes": {"samples": [3], "noise": [1.0]}, "trials": 1, **change}
    with pytest.raises(ValueError, match=message):
        rc.sweep(traced_cell, arguments.pop("axes"), **arguments)


def test_a_cell_must_return_a_model_and_a_solver():
    with pytest.raises(TypeError, match="allowed"):
        rc.sweep(lambda samples: Means(samples), {"samples": [3]}, trials=1)
    with pytest.raises(TypeError, match="a solver or a dict of solvers"):
        rc.sweep(lambda samples: (Means(samples), [LeastSquares()]), {"samples": [3]}, trials=1)


def test_a_range_of_trials_gives_just_those(tmp_path):
    whole = rc.sweep(traced_cell, AXES, trials=6).frame
    some = rc.sweep(traced_cell, AXES, trials=range(1, 6, 2), store=tmp_path).frame
    assert sorted(set(some.trial)) == [1, 3, 5]
    joined = some.merge(whole, on=["samples", "noise", "trial"], suffixes=("", "_whole"))
    assert len(joined) == len(some) == 12 * 3
    np.testing.assert_allclose(joined.error, joined.error_whole, rtol=1e-5)
    rest = rc.sweep(traced_cell, AXES, trials=range(4), store=tmp_path).frame
    assert sorted(set(rest.trial)) == [0, 1, 2, 3]
    np.testing.assert_allclose(rest.error, whole[whole.trial < 4].error, rtol=1e-5)


@pytest.mark.parametrize("trials", [0, -2, range(0), range(-1, 3), range(5, 2, -1)])
def test_impossible_trials_are_named(trials):
    with pytest.raises(ValueError, match="`trials`"):
        rc.sweep(traced_cell, AXES, trials=trials)
