"""A configuration that is damaged in any way is explained, or is another configuration."""

import pathlib
import random

import pytest

from experiments.config import ConfigError, load
from tests.mutations.mutate import count, mutated_text

CONFIGS = sorted((pathlib.Path(__file__).parents[2] / "paper_configs").glob("*.toml"))


@pytest.mark.parametrize("number", count(32, 1000))
def test_a_mutated_configuration_is_explained(number, tmp_path):
    dice = random.Random(number)
    source = CONFIGS[number % len(CONFIGS)]
    path = tmp_path / source.name
    path.write_bytes(mutated_text(source.read_text(), dice))
    try:
        told = str(path) if load(path, dice.choice(["quick", "paper", "tiny"])).figures else ""
    except ConfigError as error:
        told = str(error)
    assert str(path) in told
