"""Autoencoders as other packages write them: reconstructions are those of the package, or the key is named."""

import json

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

import recover as rc

GENERATOR = np.random.default_rng(0)
WIDTH, DIMENSION = 12, 6
ENCODER = GENERATOR.standard_normal((DIMENSION, WIDTH)).astype(np.float32)
DECODER = GENERATOR.standard_normal((WIDTH, DIMENSION)).astype(np.float32)
BIAS = GENERATOR.standard_normal(WIDTH).astype(np.float32)
CENTRE = GENERATOR.standard_normal(DIMENSION).astype(np.float32)
ROWS = GENERATOR.standard_normal((40, DIMENSION)).astype(np.float32)
THRESHOLDS = np.abs(GENERATOR.standard_normal(WIDTH)).astype(np.float32)
FACTORS = np.linspace(0.5, 2, WIDTH, dtype=np.float32)
SAE = {"W_enc": ENCODER, "b_enc": BIAS, "W_dec": DECODER, "b_dec": CENTRE}
LINEAR = {"encoder.weight": ENCODER.T, "encoder.bias": BIAS, "decoder.weight": DECODER.T}
EIGHT = np.float32(0.8)


def largest(values, count):
    return values * (values >= np.sort(values, axis=-1)[..., -count, None])


def hidden(centred=True):
    return (ROWS - CENTRE if centred else ROWS) @ ENCODER + BIAS


def written(folder, tensors, config, weights="sae_weights.safetensors", settings="cfg.json"):
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, folder / weights)
    (folder / settings).write_text(json.dumps(config))
    return folder


def trainer(name, **options):
    return {
        "config": {"trainer": {"dict_class": name, **options}},
        "weights": "ae.safetensors",
        "settings": "config.json",
    }


relu, norms = lambda values: np.maximum(values, 0), np.linalg.norm(DECODER, axis=1)
OLD = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}
# The files, and the codes that the package would compute; the decoder is the same for all.
CASES = {
    "saelens": (SAE, {"config": {"architecture": "standard"}}, relu(hidden())),
    "saelens not centred": (
        SAE,
        {"config": {"architecture": "standard", "apply_b_dec_to_input": False}},
        relu(hidden(centred=False)),
    ),
    "saelens old relu": (
        SAE,
        {"config": {"activation_fn_str": "relu", "normalize_activations": False}},
        relu(hidden()),
    ),
    "saelens old topk": (SAE, {"config": OLD}, largest(relu(hidden()), 4)),
    "saelens old topk with an architecture": (
        SAE,
        {"config": {**OLD, "architecture": "standard", "normalize_activations": "none"}},
        largest(relu(hidden()), 4),
    ),
    "saelens topk": (SAE, {"config": {"architecture": "topk", "k": 3}}, largest(relu(hidden()), 3)),
    "saelens topk by decoder norm": (
        SAE,
        {"config": {"architecture": "topk", "k": 3, "rescale_acts_by_decoder_norm": True}},
        largest(relu(hidden() * norms), 3) / norms,
    ),
    "saelens batchtopk in training": (
        {**SAE, "topk_threshold": EIGHT},
        {"config": {"architecture": "batchtopk", "k": 3}},
        relu(hidden()) * (hidden() > EIGHT),
    ),
    "saelens jumprelu": (
        {**SAE, "threshold": THRESHOLDS - 0.3},
        {"config": {"architecture": "jumprelu"}},
        relu(hidden()) * (hidden() > THRESHOLDS - 0.3),
    ),
    "saelens jumprelu in training": (
        {**SAE, "log_threshold": np.log(THRESHOLDS)},
        {"config": {"architecture": "jumprelu"}},
        relu(hidden()) * (hidden() > THRESHOLDS),
    ),
    "saelens finetuned": (
        {**SAE, "scaling_factor": FACTORS},
        {"config": {"architecture": "standard", "finetuning_scaling_factor": True}},
        relu(hidden()) * FACTORS,
    ),
    "saelens with idle factors": (
        {**SAE, "scaling_factor": np.ones(WIDTH, np.float32)},
        {"config": {"architecture": "standard", "finetuning_scaling_factor": False}},
        relu(hidden()),
    ),
    "sparsify": (
        {"encoder.weight": ENCODER.T, "encoder.bias": BIAS, "W_dec": DECODER, "b_dec": CENTRE},
        {
            "config": {"activation": "topk", "k": 4, "d_in": DIMENSION, "transcode": False, "skip_connection": False},
            "weights": "sae.safetensors",
        },
        largest(relu(hidden()), 4),
    ),
    "dictionary_learning": ({**LINEAR, "bias": CENTRE}, trainer("AutoEncoder"), relu(hidden())),
    "dictionary_learning new": (
        {**LINEAR, "decoder.bias": CENTRE},
        trainer("AutoEncoderNew"),
        relu(hidden(centred=False)),
    ),
    "dictionary_learning topk": (
        {**LINEAR, "b_dec": CENTRE, "k": np.int32(4), "threshold": np.float32(-1)},
        trainer("AutoEncoderTopK", k=4),
        largest(relu(hidden()), 4),
    ),
    "dictionary_learning batch topk": (
        {**LINEAR, "b_dec": CENTRE, "k": np.int32(4), "threshold": EIGHT},
        trainer("BatchTopKSAE", k=4),
        relu(hidden()) * (hidden() > EIGHT),
    ),
    "dictionary_learning matryoshka": (
        {**SAE, "k": np.int32(4), "threshold": EIGHT, "group_sizes": np.array([4, 8])},
        trainer("MatryoshkaBatchTopKSAE"),
        relu(hidden()) * (hidden() > EIGHT),
    ),
    "dictionary_learning jumprelu": (
        {**SAE, "threshold": THRESHOLDS},
        trainer("JumpReluAutoEncoder"),
        relu(hidden(centred=False)) * (hidden(centred=False) > THRESHOLDS),
    ),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_reconstructions_are_those_of_the_package(tmp_path, name):
    tensors, files, codes = CASES[name]
    loaded = rc.training.load_autoencoder(written(tmp_path, tensors, **files))
    np.testing.assert_allclose(loaded(jnp.asarray(ROWS)), codes @ DECODER + CENTRE, atol=1e-4)


def test_short_floats_and_shards_are_read(tmp_path):
    short = {name: value.astype(ml_dtypes.bfloat16) for name, value in SAE.items()}
    loaded = rc.training.load_autoencoder(written(tmp_path, short, {"architecture": "standard"}))
    assert loaded.dictionary.dtype == jnp.float32
    np.testing.assert_array_equal(loaded.dictionary, short["W_dec"].astype(np.float32))
    (tmp_path / "sae_weights.safetensors").unlink()
    places = {name: f"part{number % 2}.safetensors" for number, name in enumerate(SAE)}
    for part in set(places.values()):
        save_file({name: SAE[name] for name in SAE if places[name] == part}, tmp_path / part)
    (tmp_path / "sae_weights.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    np.testing.assert_array_equal(rc.training.load_autoencoder(tmp_path).dictionary, DECODER)
    for place in ("../part0.safetensors", 3, ["part0.safetensors"]):
        places_elsewhere = {"weight_map": {**places, "W_dec": place}}
        (tmp_path / "sae_weights.safetensors.index.json").write_text(json.dumps(places_elsewhere))
        with pytest.raises(ValueError, match=r"`weight_map` in .* places 'W_dec' in .* a file beside it is allowed"):
            rc.training.load_autoencoder(tmp_path)
    (tmp_path / "sae_weights.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    (tmp_path / "part1.safetensors").unlink()
    with pytest.raises(ValueError, match=r"there is no .*part1.safetensors, a shard that sae_weights"):
        rc.training.load_autoencoder(tmp_path)


@pytest.mark.parametrize(
    ("tensors", "config", "message"),
    [
        ({}, {"normalize_activations": "layer_norm"}, "`normalize_activations` is 'layer_norm'"),
        ({}, {"normalize_activations": "expected_average_only_in"}, "`normalize_activations` is 'expected"),
        ({}, {"normalize_activations": True}, "`normalize_activations` is True"),
        ({}, {"architecture": "gated"}, "`architecture` is 'gated'"),
        ({}, {"activation_fn_str": "tanh-relu"}, "`activation_fn_str` is 'tanh-relu'"),
        ({}, {"architecture": "topk"}, "`k` is None .* a positive number"),
        ({}, {"architecture": "jumprelu"}, "no tensor 'threshold'"),
        ({"scaling_factor": FACTORS}, {}, "tensor 'scaling_factor' that is not one, while `finetuning_scaling_factor`"),
        ({"W_skip": ENCODER}, {}, "a tensor 'W_skip', whose meaning is not known"),
        ({"b_enc": BIAS[1:]}, {}, r"tensor 'b_enc' .* has shape \(11,\); \(12,\) is allowed"),
        ({"b_dec": CENTRE * np.nan}, {}, "'b_dec' .* is not finite in 6 entries"),
        ({}, {"trainer": {"dict_class": "GatedAutoEncoder"}}, "`dict_class` is 'GatedAutoEncoder'"),
        ({}, {"skip_connection": True}, "`skip_connection` is True"),
        ({}, {"architecture": "topk", "k": 13}, "`k` is 13 .* a positive number up to 12, the number of neurons"),
        ({}, {"architecture": "topk", "k": True}, "`k` is True .* a positive number"),
        ({}, {"architecture": "batchtopk", "k": "4"}, "`k` is '4' .* a positive number"),
        ({}, {"architecture": "topk", "k": [4]}, r"`k` is \[4\] .* a positive number"),
        ({}, {"activation_fn_str": "topk", "activation_fn_kwargs": [4]}, r"`activation_fn_kwargs` is \[4\]"),
        ({}, {"apply_b_dec_to_input": "false"}, "`apply_b_dec_to_input` is 'false' .* true or false"),
        ({}, {"apply_b_dec_to_input": None}, "`apply_b_dec_to_input` is None .* true or false"),
        ({}, {"rescale_acts_by_decoder_norm": 2}, "`rescale_acts_by_decoder_norm` is 2 .* true or false"),
        ({"scaling_factor": FACTORS}, {"finetuning_scaling_factor": "no"}, "`finetuning_scaling_factor` is 'no'"),
        ({}, {"d_in": 7}, "`d_in` is 7 .* 6, as in sae_weights.safetensors"),
        ({}, {"d_sae": 13}, "`d_sae` is 13 .* 12, as in"),
        ({"W_dec": DECODER.astype(np.int8)}, {}, "tensor 'W_dec' .* is int8, without the scale of quantised weights"),
        (
            {"log_threshold": BIAS[1:]},
            {"architecture": "jumprelu"},
            r"'log_threshold' .* has shape \(11,\); \(12,\) is allowed",
        ),
    ],
)
def test_what_means_something_else_is_refused_by_key(tmp_path, tensors, config, message):
    config = {"architecture": "standard", **config}
    with pytest.raises(ValueError, match=f"load_autoencoder: .*{message}"):
        rc.training.load_autoencoder(written(tmp_path, {**SAE, **tensors}, config))


def test_damaged_files_are_named(tmp_path):
    written(tmp_path, SAE, {"architecture": "standard"})
    whole = (tmp_path / "sae_weights.safetensors").read_bytes()
    (tmp_path / "sae_weights.safetensors").write_bytes(whole[:200])
    with pytest.raises(ValueError, match=r"sae_weights.safetensors is damaged"):
        rc.training.load_autoencoder(tmp_path)
    (tmp_path / "cfg.json").write_text('{"architecture": "stan')
    with pytest.raises(ValueError, match=r"cfg.json is damaged"):
        rc.training.load_autoencoder(tmp_path)
    (tmp_path / "cfg.json").unlink()
    with pytest.raises(ValueError, match=r"there is no .*cfg.json"):
        rc.training.load_autoencoder(tmp_path)


def test_weights_that_are_not_finite_are_not_saved(tmp_path):
    pieces = rc.autoencoders
    weights = pieces.Weights(None, jnp.zeros(3), jnp.eye(3).at[1, 1].set(jnp.nan), jnp.zeros(3), None, None)
    with pytest.raises(ValueError, match="save_autoencoder: `detectors` is not finite in 1 of 9 entries"):
        rc.training.save_autoencoder(pieces.SparseAutoencoder(weights, pieces.ReLU()), tmp_path / "new")
    assert not (tmp_path / "new").exists()
