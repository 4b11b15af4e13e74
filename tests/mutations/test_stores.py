"""Whatever happens to the files of a store, the next sweep gives the whole table, and computes no whole block again."""

import random
import shutil

import pandas as pd
import pytest

import recover as rc
from recover.sweeps import layout, run
from tests.mutations.mutate import count, mutate_folder
from tests.sweeps.toy import traced_cell

AXES = {"samples": [3, 5, 8], "noise": [0.0, 1.0]}


def swept(store):
    return rc.sweep(traced_cell, AXES, trials=4, max_steps=4, record_every=2, store=store, progress=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_ROWS", 4)
        table = swept(folder)
    assert len(table.provenance) > 4
    return folder, table.frame


@pytest.mark.parametrize("number", count(12, 250))
def test_a_mutated_store_loses_nothing_whole(number, whole, tmp_path, monkeypatch):
    source, frame = whole
    folder = shutil.copytree(source, tmp_path / "store")
    contents = {path: path.read_bytes() for path in folder.rglob("blocks/*.parquet")}
    mutate_folder(folder, random.Random(number))
    untouched = {path for path, content in contents.items() if path.is_file() and path.read_bytes() == content}
    computed, real = [], run.run_block
    monkeypatch.setattr(run, "run_block", lambda task: computed.append(task) or real(task))
    monkeypatch.setattr(layout, "_ROWS", 4)
    found = swept(folder).frame
    columns = [name for name in frame if name not in ("block", "history")]
    pd.testing.assert_frame_equal(found[columns], frame[columns], rtol=1e-5)
    assert {path for path in untouched if path.read_bytes() == contents[path]} == untouched
    # A lost plan may cut what is missing in other places.
    assert len(computed) <= 2 * (len(contents) - len(untouched))
    computed.clear()
    pd.testing.assert_frame_equal(swept(folder).frame[columns], found[columns])
    assert not computed
    pd.testing.assert_frame_equal(rc.Table.read(folder).frame[columns], found[columns])
