"""What is damaged is named, set aside and computed again; nothing whole is lost, whatever ends a sweep."""

import concurrent.futures
import errno
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import recover as rc
from recover.sweeps import layout, processes, run, store
from tests.sweeps.toy import traced_cell

AXES = {"samples": [3, 5, 8], "noise": [0.0, 1.0]}


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(layout, "_ROWS", 7)


def swept(folder, **options):
    return rc.sweep(traced_cell, AXES, **{"trials": 4, "store": folder, **options})


def blocks(folder):
    return sorted(folder.rglob("blocks/*.parquet"))


def cut(content):
    return content[: len(content) // 2]


def flipped(content):
    middle = 30
    return content[:middle] + bytes([content[middle] ^ 64]) + content[middle + 1 :]


DAMAGES = {"cut": cut, "empty": lambda content: b"", "garbage": lambda content: b"x" * 99, "flipped": flipped}


@pytest.mark.parametrize("damage", [*DAMAGES, "missing", "another"])
def test_a_damaged_block_is_named_set_aside_and_computed_again(damage, tmp_path, small_blocks, caplog):
    whole = swept(tmp_path)
    first, *others = blocks(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in others}
    if damage == "missing":
        first.unlink()
    else:
        first.write_bytes(others[0].read_bytes() if damage == "another" else DAMAGES[damage](first.read_bytes()))
    assert rc.plan_sweep(traced_cell, AXES, trials=4, store=tmp_path).missing == 6
    assert not list(tmp_path.rglob("*.damaged"))
    caplog.clear()
    again = swept(tmp_path)
    pd.testing.assert_frame_equal(again.frame, whole.frame, check_exact=True)
    assert {path: path.stat().st_mtime_ns for path in others} == before
    if damage != "missing":
        assert str(first) in caplog.text
        assert first.with_name(first.name + ".damaged").exists()
    caplog.clear()
    assert swept(tmp_path).frame.equals(whole.frame)
    assert not caplog.records


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", ["plans/*.json", "settings.json"])
def test_a_damaged_plan_costs_no_rows(damage, kind, tmp_path, small_blocks, caplog):
    whole = swept(tmp_path)
    (path,) = tmp_path.glob(f"*/{kind}")
    before = {path: path.stat().st_mtime_ns for path in blocks(tmp_path)}
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    again = swept(tmp_path)
    assert str(path) in caplog.text
    columns = [name for name in whole.frame if name != "block"]
    pd.testing.assert_frame_equal(again.frame[columns], whole.frame[columns], check_exact=True)
    assert {path: path.stat().st_mtime_ns for path in blocks(tmp_path)} == before


@pytest.mark.parametrize("instead", [None, b"x"])
@pytest.mark.parametrize("kind", ["plans", "blocks"])
def test_a_folder_that_is_gone_is_made_again(kind, instead, tmp_path, small_blocks, caplog):
    whole = swept(tmp_path)
    (folder,) = tmp_path.glob(f"*/{kind}")
    shutil.rmtree(folder)
    if instead is not None:
        folder.write_bytes(instead)
    columns = [name for name in whole.frame if name != "block"]
    pd.testing.assert_frame_equal(swept(tmp_path).frame[columns], whole.frame[columns], check_exact=True)
    assert instead is None or str(folder) in caplog.text


def test_a_file_system_that_is_read_only_serves_what_is_whole(tmp_path, monkeypatch):
    whole = swept(tmp_path / "old")

    def refuse(path, content):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(store, "write_whole", refuse)
    pd.testing.assert_frame_equal(swept(tmp_path / "old").frame, whole.frame)
    with pytest.raises(
        OSError, match=r"nothing can be written to the store \(Read-only file system\); a folder of your own"
    ):
        swept(tmp_path / "new")


def test_settings_of_others_that_do_not_read_are_named(tmp_path, caplog):
    swept(tmp_path)
    swept(tmp_path, seed=1)
    for path in tmp_path.glob("*/settings.json"):
        if json.loads(path.read_text())["seed"] == 1:
            path.write_text("{")
            damaged = path
    swept(tmp_path)
    assert f"{damaged} cannot be read" in caplog.text


def test_a_block_that_is_damaged_while_others_are_computed(tmp_path, small_blocks):
    def damage(rows, total):
        if rows == total:
            path = blocks(tmp_path)[0]
            path.write_bytes(cut(path.read_bytes()))

    found = swept(tmp_path, progress=damage)
    np.testing.assert_array_equal(found.frame.error, swept(None).frame.error)


@pytest.mark.parametrize("damage", [(), (b"x",)])
def test_a_store_must_be_a_folder(damage, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    for store_path in (path, "", "a\0b", str(tmp_path / ("x" * 300))):
        with pytest.raises(ValueError, match=r"`store` is .*; a folder"):
            swept(store_path)


def test_the_home_of_the_user_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    swept("~/rows")
    assert blocks(tmp_path / "rows")
    assert not (tmp_path / "~").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_store_that_cannot_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="nothing can be written to the store"):
        swept(tmp_path / "rows")


@pytest.mark.parametrize("threads", [False, True])
def test_a_full_disk_keeps_what_is_whole(threads, tmp_path, monkeypatch, small_blocks):
    real, written = store.write_whole, []

    def write(path, content):
        if path.suffix == ".parquet":
            if len(written) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            written.append(path)
        real(path, content)

    monkeypatch.setattr(store, "write_whole", write)
    with (
        concurrent.futures.ThreadPoolExecutor(2) as pool,
        pytest.raises(OSError, match=r"no space is left.*12 of 24 rows are kept in .*the same call goes on") as caught,
    ):
        swept(tmp_path, executor=pool if threads else None)
    assert caught.value.errno == errno.ENOSPC
    assert len(blocks(tmp_path)) == 2
    assert not list(tmp_path.rglob(".writing-*"))
    monkeypatch.undo()
    monkeypatch.setattr(layout, "_ROWS", 7)
    np.testing.assert_array_equal(swept(tmp_path).frame.error, swept(None).frame.error)


@pytest.mark.parametrize("threads", [False, True])
def test_an_interruption_says_how_to_go_on(threads, tmp_path, small_blocks, caplog):
    def interrupt(rows, total):
        if rows > total / 3:
            raise KeyboardInterrupt

    with concurrent.futures.ThreadPoolExecutor(1) as pool, pytest.raises(KeyboardInterrupt) as caught:
        swept(tmp_path, progress=interrupt, executor=pool if threads else None)
    assert re.search(r"(12|18|24) of 24 rows are kept in", caplog.text)
    assert "the same call goes on" in caught.value.__notes__[0]
    assert len(blocks(tmp_path)) >= 2
    caplog.clear()
    with pytest.raises(KeyboardInterrupt):
        swept(None, progress=interrupt)
    assert "are lost without `store=`" in caplog.text


class Exhausted(Exception):
    """What JAX raises where a device has no memory left."""

    def __str__(self):
        return "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 123 bytes."


@pytest.mark.parametrize("share", ["trial", "none"])
@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("limit", [1, 5])
def test_a_block_that_exhausts_the_memory_is_halved(share, threads, limit, tmp_path, monkeypatch, caplog):
    whole = swept(None, share=share)
    real, sizes = run.run_block, []

    def limited(task):
        rows = len(task.trials) * len(task.words)
        sizes.append(rows)
        if rows > limit:
            raise Exhausted
        return real(task)

    monkeypatch.setattr(run, "run_block", limited)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        found = swept(tmp_path, share=share, executor=pool if threads else None)
    np.testing.assert_allclose(found.frame.error, whole.frame.error, rtol=1e-5)
    assert "the memory is exhausted by 4 trials x 6 lanes of Means + LeastSquares" in caplog.text
    assert len(blocks(tmp_path)) == 1
    assert found.provenance.pieces[0] > 1
    if not threads:
        # What was too large once is not tried again.
        refused = [size for size in sizes if size > limit]
        assert len(refused) == len(set(refused))


def test_an_instance_that_does_not_fit_is_named(monkeypatch):
    def exhausted(task):
        raise Exhausted

    monkeypatch.setattr(run, "run_block", exhausted)
    with pytest.raises(MemoryError, match=r"one instance of Means \+ LeastSquares"):
        swept(None)


PROGRAM = """
import sys
import recover as rc
from recover.sweeps import layout
from tests.sweeps.test_damage import AXES, traced_cell
layout._ROWS = 2
table = rc.sweep(traced_cell, AXES, trials=6, store=sys.argv[1])
table.frame.drop(columns="block").to_parquet(sys.argv[2])
"""


def test_processes_that_know_nothing_of_each_other_share_a_store(tmp_path):
    """As in a Slurm array."""
    root = pathlib.Path(__file__).parents[2]
    running = []
    for task in range(2):
        environment = {
            **os.environ,
            **{
                f"SLURM_ARRAY_TASK_{name}": value for name, value in {"ID": str(task), "MIN": "0", "COUNT": "2"}.items()
            },
        }
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / "rows"), str(tmp_path / f"{task}.parquet")]
        running.append(subprocess.Popen(command, cwd=root, env=environment))
    assert [process.wait(timeout=300) for process in running] == [0, 0]
    first, second = (pd.read_parquet(tmp_path / f"{task}.parquet") for task in range(2))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    read = rc.Table.read(tmp_path / "rows").frame.drop(columns="block")
    pd.testing.assert_frame_equal(read, first, check_exact=True)
    assert not list((tmp_path / "rows").rglob(".writing-*"))
    assert not list((tmp_path / "rows").rglob("*.damaged"))


def test_tasks_of_an_array_begin_elsewhere(monkeypatch):
    monkeypatch.setenv("SLURM_ARRAY_TASK_MIN", "1")
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "3")
    begun = []
    for task in (1, 2, 3):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(task))
        items = processes.dealt(list(range(6)))
        assert sorted(items) == list(range(6))
        begun.append(items[0])
    assert begun == [0, 2, 4]


def test_what_another_process_has_finished_is_left_out(tmp_path, small_blocks, monkeypatch):
    computed, real = [], run.run_block
    swept(tmp_path / "other")

    def counted(task):
        computed.append(task)
        for path in blocks(tmp_path / "other"):
            # The same plan, and the same folder: all of it is finished while the first block runs.
            (tmp_path / "own" / path.relative_to(tmp_path / "other")).write_bytes(path.read_bytes())
        return real(task)

    monkeypatch.setattr(run, "run_block", counted)
    found = swept(tmp_path / "own")
    assert len(computed) == 1
    np.testing.assert_array_equal(found.frame.error, swept(None).frame.error)
