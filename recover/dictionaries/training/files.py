"""Autoencoders in files, under the names that other packages know.

A folder holds `sae_weights.safetensors` with `W_enc` (dimension, width), `b_enc`, `W_dec` (width, dimension), `b_dec` and, for jumps,
`threshold`; and `cfg.json`, which says what they mean. These are the names and the layout of SAELens.
"""

import json
import os
import pathlib

import jax.numpy as jnp
import numpy as np

from ..autoencoders.activations import BatchTopK, JumpReLU, ReLU, Threshold, TopK
from ..autoencoders.autoencoder import SparseAutoencoder, Weights
from .conventions import described
from .tensors import read_folder

__all__ = ["load_autoencoder", "save_autoencoder"]

WEIGHTS, CONFIGURATION = "sae_weights.safetensors", "cfg.json"


def save_autoencoder(autoencoder: SparseAutoencoder, folder: str | os.PathLike) -> pathlib.Path:
    r"""Writes an autoencoder; reconstructions are unchanged, output scales go into `W_dec`.

    | activation | `architecture` | tensors besides `W_enc`, `W_dec`, `b_dec` |
    |---|---|---|
    | `ReLU` | standard | `b_enc` |
    | `TopK` | topk, with `k` | `b_enc` |
    | `BatchTopK` | batchtopk, with `k` | `b_enc` |
    | `JumpReLU` | jumprelu | `b_enc` $= 0$, `threshold` $= -b$ |
    | `Threshold` | jumprelu | `b_enc`, `threshold` |

    Codes of `BatchTopK` depend on the batch; `SparseAutoencoder.with_fixed_threshold` makes one that other packages can use.

    **Raises:** `ValueError` for an activation that has no such name, a `JumpReLU` with a positive bias, or weights that are not
    finite.
    """
    from safetensors.numpy import save_file

    weights, activation = autoencoder.weights, autoencoder.activation
    decoder = np.asarray(weights.decoder)
    detectors = decoder if weights.detectors is None else np.asarray(weights.detectors)
    if weights.scale is not None:
        decoder = decoder * np.asarray(weights.scale)[:, None]
    bias = np.asarray(weights.bias)
    extra, config = {}, {}
    match activation:
        case ReLU():
            config = {"architecture": "standard"}
        case TopK():
            config = {"architecture": "topk", "k": int(activation.active)}
        case BatchTopK():
            config = {"architecture": "batchtopk", "k": float(activation.active)}
        case JumpReLU():
            if np.any(bias > 0):
                raise ValueError(
                    "save_autoencoder: a JumpReLU has a positive bias, which other packages cannot express."
                )
            config, extra, bias = {"architecture": "jumprelu"}, {"threshold": -bias}, np.zeros_like(bias)
        case Threshold():
            config = {"architecture": "jumprelu"}
            extra = {"threshold": np.exp(np.asarray(weights.log_thresholds))}
        case _:
            raise ValueError(f"save_autoencoder: {type(activation).__name__} has no name that other packages know.")
    named = {"detectors": detectors, "decoder": decoder, "bias": bias, "centre": np.asarray(weights.centre), **extra}
    for name, value in named.items():
        if not np.all(np.isfinite(value)):
            raise ValueError(
                f"save_autoencoder: `{name}` is not finite in {int((~np.isfinite(value)).sum())} of {value.size} entries; finite "
                "weights are allowed."
            )
    tensors = {"W_enc": detectors.T, "b_enc": bias, "W_dec": decoder, "b_dec": np.asarray(weights.centre), **extra}
    width, dimension = decoder.shape
    settings = {
        **config, "d_in": dimension, "d_sae": width, "dtype": "float32", "apply_b_dec_to_input": True,
        "normalize_activations": "none", "reshape_activations": "none",
    }  # fmt: skip
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in tensors.items()}, folder / WEIGHTS)
    (folder / CONFIGURATION).write_text(json.dumps(settings, indent=1) + "\n")
    return folder


def load_autoencoder(folder: str | os.PathLike) -> SparseAutoencoder:
    r"""Reads what `save_autoencoder`, or another package, has written: a folder with weights and a configuration.

    | package | files | read as |
    |---|---|---|
    | SAELens, ours | `sae_weights.safetensors`, `cfg.json` | by `architecture`, older files by `activation_fn_str`: standard as `ReLU`, topk as `TopK`, jumprelu as `Threshold`, batchtopk as `BatchTopK`, or as `Threshold` where the file has a `topk_threshold` |
    | sparsify | `sae.safetensors`, `cfg.json` | `TopK` |
    | dictionary_learning | `ae.safetensors` (or `ae.pt`, which needs torch), `config.json` | by `dict_class`: `ReLU`, `TopK`, and `Threshold` for its batch and jump autoencoders |

    Weights may lie in shards, with an index `sae_weights.safetensors.index.json`. Biases of inputs that are not centred,
    factors of codes and norms of the decoder are folded into the weights, so that reconstructions are those of the package;
    detectors and decoder are separate, whatever they were.

    **Raises:** `ValueError` for a missing or damaged file, a missing, unknown or misshapen tensor, weights that are not finite, and
    a setting that we cannot express (normalised activations, gates, skip connections), by its key.
    """
    found = described("load_autoencoder", *read_folder("load_autoencoder", folder))
    log_thresholds = None
    match found.kind:
        case "topk":
            activation = TopK(round(found.active))
        case "batchtopk":
            activation = BatchTopK(found.active)
        case "threshold":
            activation = Threshold()
            with np.errstate(divide="ignore"):
                # A threshold of zero, or less, is that of the positive part.
                log_thresholds = jnp.asarray(np.log(np.maximum(found.thresholds, 0)))
        case _:
            activation = ReLU()
    weights = Weights(
        detectors=jnp.asarray(found.detectors),
        bias=jnp.asarray(found.bias),
        decoder=jnp.asarray(found.decoder),
        centre=jnp.asarray(found.centre),
        scale=None,
        log_thresholds=log_thresholds,
    )
    return SparseAutoencoder(weights, activation)
