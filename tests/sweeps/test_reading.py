"""A store tells its rows to who has not the code that wrote them."""

import enum
import json
import logging
import os
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import recover as rc
from recover.sweeps import layout
from recover.sweeps.manifest import Cell, Manifest, manifests
from tests.sweeps.toy import LeastSquares, Means

AXES = {"samples": [2, 4, 3], "noise": [0.5, 0.1]}


def cell(samples, noise):
    pair = {"one": LeastSquares(rounds=1), "three": LeastSquares()}
    return Means(samples, noise), {"one": LeastSquares(rounds=1)} if samples == 2 else pair


def swept(store, axes=AXES, trials=3, make=cell, **options):
    return rc.sweep(make, axes, trials=trials, store=store, progress=False, **{"max_steps": 4, **options})


def assert_same(found, table):
    pd.testing.assert_frame_equal(found.frame, table.frame, check_exact=True)
    pd.testing.assert_frame_equal(found.provenance, table.provenance)
    assert (found.axes, found.settings) == (table.axes, table.settings)


def test_what_is_read_is_what_was_returned(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "_ROWS", 7)
    table = swept(tmp_path, record_every=1)
    found = rc.Table.read(tmp_path)
    assert len(found.provenance) > 1
    assert_same(found, table)
    pd.testing.assert_frame_equal(found.success(0.1), table.success(0.1))
    pd.testing.assert_frame_equal(found.boundary("noise", below=0.1), table.boundary("noise", below=0.1))
    assert found.to_xarray().equals(table.to_xarray())


def test_models_are_not_read(tmp_path):
    swept(tmp_path)
    found = rc.Table.read(tmp_path)
    for what in (lambda: found.audit(2), lambda: found.grid.lanes, lambda: found.grid.entries):
        with pytest.raises(ValueError, match="read from a store, which keeps rows and no models"):
            what()


READ = """
import sys
import recover as rc
rc.Table.read(sys.argv[1]).frame.to_parquet(sys.argv[2])
assert not [name for name in sys.modules if name.startswith("tests")]
"""


def test_another_process_reads_without_the_code(tmp_path):
    table = swept(tmp_path / "rows")
    subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "rows", tmp_path / "read.parquet"],
        check=True,
        cwd=pathlib.Path(rc.__file__).parents[1],
        timeout=300,
    )
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "read.parquet"), table.frame, check_exact=True)


def test_more_trials_values_and_solvers_are_one_table(tmp_path):
    swept(tmp_path)
    swept(tmp_path, {"samples": [3, 7], "noise": [0.5]}, trials=range(2, 5))
    swept(tmp_path, make=lambda samples, noise: (Means(samples, noise), {"five": LeastSquares(rounds=5)}), trials=1)
    found = rc.Table.read(tmp_path)
    assert found.axes == {"samples": [2, 4, 3, 7], "noise": [0.5, 0.1]}
    counted = found.frame.groupby(["samples", "noise", "solver"], sort=False).size()
    assert counted[3, 0.5, "one"] == 5
    assert counted[7, 0.5, "three"] == 3
    assert counted[4, 0.1, "five"] == 1
    assert len(found.frame) == counted.sum() == 6 * 3 + 4 * 3 + 2 * 2 + 2 * 3 + 6
    whole = swept(None, {"samples": [3, 7], "noise": [0.5]}, trials=5).frame
    both = found.frame.merge(whole, on=["samples", "noise", "solver", "trial"])
    assert len(both) == 2 * 5 + 2 * 3
    np.testing.assert_array_equal(both.error_x, both.error_y)


def test_a_trace_has_its_own_axes(tmp_path):
    options = {"width": 0.2, "below": 0.1, "max_steps": 4, "max_per_curve": 200, "progress": False}
    trace = rc.trace_boundary(
        cell, along={"noise": (0.0, 2.0)}, over={"samples": [3, 4]}, store=tmp_path, trials=4, **options
    )
    found = rc.Table.read(tmp_path)
    assert list(found.axes) == ["samples", "noise"]
    assert found.axes["noise"] == sorted(trace.frame["noise"].unique())
    key = ["samples", "noise", "solver", "trial"]
    pd.testing.assert_frame_equal(
        found.frame[[*key, "error"]].sort_values(key, ignore_index=True),
        trace.frame[[*key, "error"]].sort_values(key, ignore_index=True),
    )
    names = {path.name for path in (tmp_path / "sweeps").iterdir()}
    assert len(names) == trace.rounds
    rc.trace_boundary(cell, along={"noise": (0.0, 2.0)}, over={"samples": [3, 4]}, store=tmp_path, trials=4, **options)
    assert {path.name for path in (tmp_path / "sweeps").iterdir()} == names


def test_other_settings_are_named_and_chosen(tmp_path):
    first = swept(tmp_path)
    second = swept(tmp_path, seed=1)
    with pytest.raises(ValueError, match=r"(?s)different settings or axes; say which one by `sweep=`.*seed 0.*seed 1"):
        rc.Table.read(tmp_path)
    for name, manifest in manifests(tmp_path).items():
        assert_same(rc.Table.read(tmp_path, sweep=name), (first, second)[manifest.settings["seed"]])
    with pytest.raises(ValueError, match=r"(?s)`sweep` is 'other'; allowed, among others, are.*seed 0"):
        rc.Table.read(tmp_path, sweep="other")


class Slower(LeastSquares):
    """A solver, before its code is edited."""


Before = Slower


class Slower(LeastSquares):
    """And after."""

    def step(self, problem, state):
        return super().step(problem, state)


def test_rows_of_older_code_are_left_out(tmp_path, caplog):
    old = swept(tmp_path, make=lambda samples, noise: (Means(samples, noise), {"slow": Before()}))
    (name,) = manifests(tmp_path)
    fewer = {"samples": [2, 5], "noise": [0.5]}
    swept(tmp_path, fewer, make=lambda samples, noise: (Means(samples, noise), Slower()))
    new = swept(tmp_path, fewer, make=lambda samples, noise: (Means(samples, noise), {"slow": Slower()}))
    found = rc.Table.read(tmp_path)
    assert set(found.frame.solver) == {"Slower", "slow"}
    rows = found.frame[found.frame.solver == "slow"].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows.drop(columns="block"), new.frame.drop(columns="block"))
    assert f"sweep {name!r} are by other code" in caplog.text
    chosen = rc.Table.read(tmp_path, sweep=name).frame
    pd.testing.assert_frame_equal(
        chosen[chosen.solver == "slow"][["samples", "error"]].reset_index(drop=True), old.frame[["samples", "error"]]
    )


def test_a_sweep_that_was_interrupted_is_read_as_far_as_it_came(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(layout, "_ROWS", 6)

    def interrupt(done, total):
        if done >= total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rc.sweep(cell, AXES, trials=3, max_steps=4, store=tmp_path, progress=interrupt)
    caplog.clear()
    found = rc.Table.read(tmp_path)
    assert 15 <= len(found.frame) < 30
    assert f"holds {len(found.frame)} of the 30 rows that were asked for" in caplog.text
    assert len(found.success(0.1)) == len(found.frame.groupby(["samples", "noise", "solver"]))
    whole = swept(tmp_path)
    assert_same(rc.Table.read(tmp_path), whole)


@pytest.mark.parametrize("damage", ["cut", "folder", "file", "gone"])
def test_a_damaged_manifest_is_written_again(damage, tmp_path, caplog):
    table = swept(tmp_path)
    (path,) = (tmp_path / "sweeps").iterdir()
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "folder":
        path.mkdir()
    elif damage == "file":
        path.parent.rmdir()
        path.parent.write_bytes(b"x")
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    with pytest.raises(ValueError, match=r"as an earlier version wrote them; call the same `sweep` again"):
        rc.Table.read(tmp_path)
    assert {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()} == before
    assert (str(path) in caplog.text) == (damage in ("cut", "folder"))
    swept(tmp_path)
    assert_same(rc.Table.read(tmp_path), table)


def test_a_damaged_block_is_left_out_and_where_it_was(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(layout, "_ROWS", 6)
    table = swept(tmp_path)
    path = next(tmp_path.rglob("blocks/*.parquet"))
    path.write_bytes(b"x")
    found = rc.Table.read(tmp_path)
    assert len(table.frame) - 6 <= len(found.frame) < len(table.frame)
    assert f"{path} is damaged" in caplog.text
    assert path.read_bytes() == b"x"


def test_what_is_no_store_is_told_apart(tmp_path):
    with pytest.raises(ValueError, match="where there is no folder"):
        rc.Table.read(tmp_path / "none")
    with pytest.raises(ValueError, match="a folder without rows"):
        rc.Table.read(tmp_path)
    swept(tmp_path / "rows")
    for path in (tmp_path / "rows").rglob("blocks/*.parquet"):
        path.unlink()
    with pytest.raises(ValueError, match="whose rows are still to be computed"):
        rc.Table.read(tmp_path / "rows")


def test_a_manifest_that_cannot_be_written_is_said_to_be_missing(tmp_path, monkeypatch, caplog):
    def refuse(path, content):
        raise OSError(30, os.strerror(30), str(path))

    monkeypatch.setattr("recover.sweeps.manifest.write_whole", refuse)
    swept(tmp_path)
    assert "cannot be written (Read-only file system), so `Table.read` will not know these rows" in caplog.text
    caplog.clear()
    monkeypatch.undo()
    swept(tmp_path)
    monkeypatch.setattr("recover.sweeps.manifest.write_whole", refuse)
    with caplog.at_level(logging.WARNING):
        swept(tmp_path)
    assert not caplog.records


class Colour(enum.Enum):
    red = 1


def test_values_that_json_cannot_hold_are_words(tmp_path):
    values = [
        None,
        True,
        2,
        0.1,
        float("inf"),
        "a",
        (1, ("b", None)),
        1 + 2j,
        np.linalg.norm,
        Colour.red,
        object(),
        object(),
    ]
    manifest = Manifest(
        {}, {"kind": values}, [Cell((value,), 7, f"lane {n}", "s") for n, value in enumerate(values)], range(2)
    )
    manifest.write(tmp_path)
    (found,) = manifests(tmp_path).values()
    assert found.axes["kind"][:8] == values[:8]
    assert list(map(type, found.axes["kind"][:8])) == list(map(type, values[:8]))
    assert found.axes["kind"][8:] == ["norm", "<Colour.red: 1>", "<object object>", "<object object> #2"]
    assert [each.lane for each in found.cells] == [f"lane {n}" for n in range(12)]
    assert {each.solver for each in found.cells} == {7}
    manifest.write(tmp_path)
    assert len(manifests(tmp_path)) == 1
    (path,) = (tmp_path / "sweeps").iterdir()
    assert json.loads(path.read_text())["cells"]["axes"]["kind"] == list(range(12))


def test_types_of_values_and_labels_are_kept(tmp_path):
    axes = {"samples": [2, 3], "noise": [1, 0.5]}
    table = swept(tmp_path, axes, make=lambda samples, noise: (Means(samples, noise), {3: LeastSquares()}))
    assert_same(rc.Table.read(tmp_path), table)
