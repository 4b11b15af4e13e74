"""Workers read the programs of earlier runs, whole ones only, and write to folders of their own."""

import os

from tests.compile_cache import own_folder


def folder_of(top, worker=None):
    environment = {"JAX_COMPILATION_CACHE_DIR": str(top)}
    # What the first process of a run has set is inherited.
    environment["JAX_COMPILATION_CACHE_DIR"] = own_folder(environment)
    return own_folder({**environment, "PYTEST_XDIST_WORKER": worker}) if worker else own_folder(environment)


def written(folder, name, seconds_ago=100.0, text="compiled"):
    path = os.path.join(folder, name)
    os.makedirs(folder, exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.utime(path, (os.stat(path).st_mtime - seconds_ago,) * 2)


def test_every_process_has_a_folder_of_its_own(tmp_path):
    folders = {folder_of(tmp_path, worker) for worker in (None, "gw0", "gw1")}
    assert len(folders) == 3
    assert {os.path.dirname(folder) for folder in folders} == {str(tmp_path)}


def test_the_next_run_reads_what_every_worker_has_compiled(tmp_path):
    written(folder_of(tmp_path, "gw0"), "one-cache")
    written(folder_of(tmp_path, "gw1"), "other-cache")
    for worker in (None, "gw0", "gw5"):
        assert {"one-cache", "other-cache"} <= set(os.listdir(folder_of(tmp_path, worker)))


def test_what_may_still_be_written_is_left_alone(tmp_path):
    written(folder_of(tmp_path, "gw0"), "young-cache", seconds_ago=0)
    written(folder_of(tmp_path, "gw0"), "empty-cache", text="")
    written(folder_of(tmp_path, "gw0"), "old-cache")
    assert os.listdir(folder_of(tmp_path, "gw1")) == ["old-cache"]
