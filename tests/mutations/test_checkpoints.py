"""Whatever happens to the files of checkpoints, training goes on from what is whole and ends with the same numbers."""

import random
import shutil

import jax.tree_util as jtu
import numpy as np
import pytest

import recover as rc
from tests.dictionaries.training.test_training import matrix, training
from tests.mutations.mutate import count, mutate_folder


def trained(folder):
    source = rc.training.ActivationFile(folder / "activations.npy")
    options = {"steps": 20, "every": 5, "stride": 5, "block": 32, "buffer": 4, "keep": 3, "progress": False}
    return rc.training.train(source, training(), checkpoints=folder / "checkpoints", **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("training")
    np.save(folder / "activations.npy", matrix())
    return folder, trained(folder).state


@pytest.mark.parametrize("number", count(6, 120))
def test_mutated_checkpoints_cost_steps_alone(number, whole, tmp_path):
    source, state = whole
    folder = shutil.copytree(source, tmp_path / "training")
    mutate_folder(folder / "checkpoints", random.Random(number))
    jtu.tree_map(np.testing.assert_array_equal, trained(folder).state, state)
