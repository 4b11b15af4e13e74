"""Files larger than memory, checkpoints, and autoencoders in files."""

import json
import os
import shutil
import signal
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import recover as rc
from recover.core.model import in_default_precision

pieces = rc.autoencoders


def matrix(rows=300, dimension=6, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)


@pytest.fixture
def activations(tmp_path):
    path = tmp_path / "activations.npy"
    np.save(path, matrix())
    return path


def training(active=2, **changes):
    options = {"optimiser": pieces.Adam(0.01, steps=60), "batch": 16, **changes}
    return rc.solvers.AutoencoderTraining(
        10, pieces.TopK(active), pieces.GroupBiasAdaptation(2, 0.9, 0.5, 5), **options
    )


def test_rows_are_those_of_the_files(tmp_path):
    whole = matrix(50)
    np.save(tmp_path / "one.npy", whole[:20])
    save_file({"other": whole[:3], "resid": whole[20:].reshape(5, 6, 6)}, tmp_path / "two.safetensors")
    source = rc.training.ActivationFile([tmp_path / "one.npy", tmp_path / "two.safetensors"], tensor="resid", scale=2.0)
    assert (source.rows, source.dimension) == (50, 6)
    for start, stop in [(0, 50), (5, 9), (18, 31), (27, 45), (49, 50)]:
        np.testing.assert_array_equal(source.read(start, stop), 2 * whole[start:stop])


def test_an_epoch_sees_every_row_once_and_any_batch_can_come_first(activations):
    source = rc.training.ActivationFile(activations)
    batches = rc.training.ShuffledBatches(source, 12, [3, 4], block=20, buffer=3)
    stream = batches.since(0)
    first = [next(stream).copy() for _ in range(60)]
    epoch = np.concatenate(first[:25])
    np.testing.assert_array_equal(np.sort(epoch[:, 0]), np.sort(matrix()[:, 0]))
    assert not np.array_equal(epoch[:12], np.concatenate(first[25:])[:12])
    for start in (1, 7, 31):
        stream = batches.since(start)
        for batch in first[start : start + 9]:
            np.testing.assert_array_equal(next(stream), batch)


KILLED = """
import os, signal, sys
import jax, recover as rc
sys.path.insert(0, sys.argv[3])
from tests.dictionaries.training.test_training import training

def progress(done, total):
    if done >= 33:
        os.kill(os.getpid(), signal.SIGKILL)

source = rc.training.ActivationFile(sys.argv[1])
rc.training.train(source, training(), steps=60, key=jax.random.key(5), checkpoints=sys.argv[2], every=10, stride=5,
                  block=32, buffer=4, progress=progress)
"""


def test_a_killed_run_goes_on_and_ends_with_the_same_bits(activations, tmp_path):
    options = {"steps": 60, "key": jax.random.key(5), "every": 10, "stride": 5, "block": 32, "buffer": 4}
    options["progress"] = False
    folder = tmp_path / "checkpoints"
    root = os.getcwd()
    command = [sys.executable, "-c", KILLED, str(activations), str(folder), root]
    killed = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    source = rc.training.ActivationFile(activations)
    seen = []
    resumed = rc.training.train(
        source, training(), checkpoints=folder, **{**options, "progress": lambda done, total: seen.append(done)}
    )
    assert min(done for done in seen if done) == 30
    whole = rc.training.train(source, training(), **options)
    jtu.tree_map(np.testing.assert_array_equal, resumed.state, whole.state)
    assert int(resumed.state.steps) == 60
    with pytest.raises(ValueError, match="checkpoints of another run"):
        rc.training.train(source, training(3), checkpoints=folder, **options)


@pytest.fixture
def resumable(tmp_path):
    """Trains in a folder of checkpoints; an epoch is 18 batches, so data and checkpoints are small."""

    def run(path, steps=20, folder="checkpoints"):
        done = []
        source = rc.training.ActivationFile(path)
        options = {"steps": steps, "every": 5, "stride": 5, "block": 32, "buffer": 4, "keep": 4}
        options["progress"] = lambda rows, total: done.append(rows)
        trained = rc.training.train(source, training(), checkpoints=folder and tmp_path / folder, **options)
        return trained, done

    return run


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty folder", "flipped", "description"])
def test_a_damaged_checkpoint_is_set_aside_and_an_older_one_is_used(damage, activations, resumable, tmp_path, caplog):
    whole, _ = resumable(activations)
    folder = tmp_path / "checkpoints"
    newest = folder / "20"
    files = sorted(path for path in newest.rglob("*") if path.is_file())
    largest = max(files, key=lambda path: path.stat().st_size)
    if damage == "cut":
        for path in files:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "garbage":
        for path in files:
            path.write_bytes(b"\xff" * 50)
    elif damage == "empty folder":
        shutil.rmtree(newest)
        newest.mkdir()
    elif damage == "flipped":
        content = bytearray(largest.read_bytes())
        content[len(content) // 2] ^= 1
        largest.write_bytes(bytes(content))
    else:
        for path in (newest / "run").rglob("*"):
            if path.is_file():
                path.write_text("{")
    resumed, done = resumable(activations)
    assert done[0] == 15
    jtu.tree_map(np.testing.assert_array_equal, resumed.state, whole.state)
    assert str(newest) in caplog.text
    assert list((tmp_path / "checkpoints.damaged").iterdir())
    caplog.clear()
    assert resumable(activations)[1][0] == 20
    assert str(newest) not in caplog.text


def test_other_rows_under_the_same_name_are_another_run(activations, resumable):
    resumable(activations)
    np.save(activations, matrix(seed=1))
    with pytest.raises(ValueError, match="checkpoints of another run"):
        resumable(activations)


def test_a_large_file_is_told_from_others_by_pieces_of_it(activations, monkeypatch):
    monkeypatch.setattr("recover.dictionaries.training.sources._PIECES", 4)
    monkeypatch.setattr("recover.dictionaries.training.sources._PIECE", 100)
    first = rc.training.ActivationFile(activations).identity()
    changed = matrix()
    changed[-1] += 1
    np.save(activations, changed)
    assert rc.training.ActivationFile(activations).identity() != first


def test_training_from_a_file_is_the_training_of_solve(activations):
    source = rc.training.ActivationFile(activations)
    trained = rc.training.train(source, training(), steps=20, stride=4, progress=False)
    key_start, key_order = jax.random.split(jax.random.key(0))
    seed = np.asarray(jax.random.key_data(key_order)).tolist()
    stream = rc.training.ShuffledBatches(source, 16, seed).since(0)
    batches = [jnp.asarray(next(stream)) for _ in range(20)]
    solver = in_default_precision(training())
    begin, absorb = (eqx.filter_jit(method) for method in (type(solver).begin, type(solver).absorb))
    state = begin(solver, batches[0], jax.random.split(key_start, 1)[0])
    for batch in batches:
        state = absorb(solver, state, batch)
    np.testing.assert_allclose(trained.autoencoder.dictionary, state.weights.decoder, atol=1e-4)


def test_several_trainings_side_by_side_differ_in_numbers_only(activations):
    source = rc.training.ActivationFile(activations)
    several = rc.training.train(source, [training(1), training(4)], steps=20, progress=False)
    assert several.loss.shape == (2,)
    counts = [np.asarray(each.encode(jnp.asarray(matrix())) != 0).sum(axis=1).max() for each in several.autoencoders]
    assert counts == [1, 4]
    with pytest.raises(ValueError, match="different structure"):
        rc.training.train(source, [training(1), training(1, batch=8)], steps=20)


def autoencoder(activation, tied, bias=-0.1, log_thresholds=None):
    rows = jax.random.normal(jax.random.key(0), (9, 6))
    rows = rows / jnp.linalg.norm(rows, axis=1, keepdims=True)
    scale = jnp.linspace(-0.5, 1.0, 9) if tied else None
    biases = bias * jnp.linspace(0.0, 1.0, 9)
    detectors = None if tied else 2 * rows[::-1]
    weights = pieces.Weights(detectors, biases, rows, jnp.linspace(0.0, 0.5, 6), scale, log_thresholds)
    return pieces.SparseAutoencoder(weights, activation)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    ("activation", "architecture"),
    [
        (pieces.ReLU(), "standard"),
        (pieces.TopK(3), "topk"),
        (pieces.BatchTopK(2.5), "batchtopk"),
        (pieces.JumpReLU(), "jumprelu"),
        (pieces.Threshold(), "jumprelu"),
    ],
)
def test_an_autoencoder_comes_back_from_its_files(tmp_path, activation, architecture, tied):
    thresholds = jnp.linspace(-3.0, 0.0, 9) if isinstance(activation, pieces.Threshold) else None
    original = autoencoder(activation, tied, log_thresholds=thresholds)
    rc.training.save_autoencoder(original, tmp_path)
    inputs = jnp.asarray(matrix(40))
    np.testing.assert_allclose(rc.training.load_autoencoder(tmp_path)(inputs), original(inputs), atol=1e-5)
    # As another package would read it.
    tensors = load_file(tmp_path / "sae_weights.safetensors")
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["architecture"] == architecture
    assert tensors["W_enc"].shape == (6, 9)
    assert tensors["W_dec"].shape == (9, 6)
    if architecture in ("standard", "jumprelu"):
        hidden = (np.asarray(inputs) - tensors["b_dec"]) @ tensors["W_enc"] + tensors["b_enc"]
        codes = np.maximum(hidden, 0) * (hidden > tensors.get("threshold", 0))
        np.testing.assert_allclose(codes @ tensors["W_dec"] + tensors["b_dec"], original(inputs), atol=1e-5)


def test_files_of_other_conventions_are_understood(tmp_path):
    rc.training.save_autoencoder(autoencoder(pieces.ReLU(), tied=False), tmp_path)
    config = json.loads((tmp_path / "cfg.json").read_text())
    (tmp_path / "cfg.json").write_text(json.dumps({**config, "apply_b_dec_to_input": False}))
    tensors = load_file(tmp_path / "sae_weights.safetensors")
    codes = np.maximum(matrix(20) @ tensors["W_enc"] + tensors["b_enc"], 0)
    loaded = rc.training.load_autoencoder(tmp_path)
    np.testing.assert_allclose(loaded.encode(jnp.asarray(matrix(20))), codes, atol=1e-5)


def test_what_cannot_be_is_explained(tmp_path, activations):
    source = rc.training.ActivationFile
    (tmp_path / "text.csv").write_text("1,2")
    np.save(tmp_path / "wide.npy", matrix(5, 7))
    np.save(tmp_path / "flat.npy", np.zeros(3))
    save_file({"a": matrix(2), "b": matrix(2)}, tmp_path / "two.safetensors")
    for make, message in [
        (lambda: source(tmp_path / "none.npy"), "there is no file"),
        (lambda: source(tmp_path / "text.csv"), "neither .npy nor .safetensors"),
        (lambda: source(tmp_path / "flat.npy"), "has shape"),
        (lambda: source([activations, tmp_path / "wide.npy"]), r"lengths \[6, 7\]"),
        (lambda: source(tmp_path / "two.safetensors"), "say which"),
        (lambda: source(tmp_path / "two.safetensors", tensor="c"), "no tensor 'c'"),
        (lambda: rc.training.ShuffledBatches(source(activations), 301, [0]), "at most 300 rows"),
        (lambda: rc.training.load_autoencoder(tmp_path), "there is no"),
        (lambda: rc.training.save_autoencoder(autoencoder(pieces.JumpReLU(), True, 1.0), tmp_path), "positive bias"),
    ]:
        with pytest.raises(ValueError, match=message):
            make()


def test_a_row_that_is_not_finite_is_named(activations):
    rows = matrix()
    rows[123, 4] = np.nan
    np.save(activations, rows)
    with pytest.raises(ValueError, match=r"ActivationFile: row 123 of .*activations.npy is not finite"):
        rc.training.train(rc.training.ActivationFile(activations), training(), steps=40, progress=False)


@pytest.mark.parametrize("name", ["steps", "every", "keep", "stride", "block", "buffer"])
def test_numbers_of_a_training_are_checked_before_it_begins(activations, name, tmp_path):
    options = {"steps": 2, "stride": 1, "checkpoints": tmp_path / "checkpoints", "progress": False}
    with pytest.raises(ValueError, match=f"train: `{name}` is 0; an integer of at least 1 is allowed"):
        rc.training.train(rc.training.ActivationFile(activations), training(), **{**options, name: 0})
    assert not (tmp_path / "checkpoints").exists()


def test_members_and_folders_of_a_training_are_checked(activations):
    source = rc.training.ActivationFile(activations)
    with pytest.raises(TypeError, match="`training` is empty; an `AutoencoderTraining`"):
        rc.training.train(source, [], steps=2)
    with pytest.raises(ValueError, match=r"`checkpoints` is .* which is no folder"):
        rc.training.train(source, training(), steps=2, checkpoints=activations)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (matrix() * 1j, TypeError, "does not hold real numbers"),
        (matrix()[:0], ValueError, r"has shape \(0, 6\); rows of activations, at least one"),
        (np.array([[None]]), ValueError, "is damaged, or holds no numbers"),
        (b"no array", ValueError, "is damaged, or holds no numbers"),
    ],
    ids=["complex", "empty", "objects", "garbage"],
)
def test_files_that_hold_no_activations_are_named(content, error, message, tmp_path):
    path = tmp_path / "rows.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(error, match=f"ActivationFile: .*rows.npy {message}"):
        rc.training.ActivationFile(path)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan, np.inf])
def test_a_scale_is_positive(scale, activations):
    with pytest.raises(ValueError, match=f"ActivationFile: `scale` is {scale}; a positive number"):
        rc.training.ActivationFile(activations, scale=scale)
