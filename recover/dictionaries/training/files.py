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

    **Raises:** `ValueError` for an activation that has no such name, or a `JumpReLU` with a positive bias.
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
    tensors = {"W_enc": detectors.T, "b_enc": bias, "W_dec": decoder, "b_dec": np.asarray(weights.centre), **extra}
    width, dimension = decoder.shape
    described = {
        **config, "d_in": dimension, "d_sae": width, "dtype": "float32", "apply_b_dec_to_input": True,
        "normalize_activations": "none", "reshape_activations": "none",
    }  # fmt: skip
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in tensors.items()}, folder / WEIGHTS)
    (folder / CONFIGURATION).write_text(json.dumps(described, indent=1) + "\n")
    return folder


def load_autoencoder(folder: str | os.PathLike) -> SparseAutoencoder:
    """Reads what `save_autoencoder`, or another package, has written: a folder with both files.

    Every architecture comes back as the activation of the table there, `jumprelu` as `Threshold`; detectors and decoder
    are separate, whatever they were.

    **Raises:** `ValueError` for a missing file or tensor, or an unknown architecture.
    """
    from safetensors.numpy import load_file

    folder = pathlib.Path(folder)
    for name in (WEIGHTS, CONFIGURATION):
        if not (folder / name).is_file():
            raise ValueError(f"load_autoencoder: there is no {folder / name}.")
    tensors = load_file(folder / WEIGHTS)
    config = json.loads((folder / CONFIGURATION).read_text())
    missing = [name for name in ("W_enc", "b_enc", "W_dec", "b_dec") if name not in tensors]
    if missing:
        raise ValueError(f"load_autoencoder: {folder / WEIGHTS} has no {', '.join(missing)}.")
    log_thresholds = None
    match config.get("architecture"):
        case "standard":
            activation = ReLU()
        case "topk":
            activation = TopK(int(config.get("k", config.get("activation_fn_kwargs", {}).get("k"))))
        case "batchtopk":
            activation = BatchTopK(float(config["k"]))
        case "jumprelu":
            activation = Threshold()
            with np.errstate(divide="ignore"):
                # A threshold of zero is that of the positive part.
                log_thresholds = jnp.asarray(np.log(tensors["threshold"]))
        case other:
            raise ValueError(
                f"load_autoencoder: the architecture is {other!r}; standard, topk, batchtopk and jumprelu are allowed."
            )
    bias = tensors["b_enc"]
    if not config.get("apply_b_dec_to_input", True):
        bias = bias + tensors["b_dec"] @ tensors["W_enc"]
    weights = Weights(
        detectors=jnp.asarray(tensors["W_enc"].T),
        bias=jnp.asarray(bias),
        decoder=jnp.asarray(tensors["W_dec"]),
        centre=jnp.asarray(tensors["b_dec"]),
        scale=None,
        log_thresholds=log_thresholds,
    )
    return SparseAutoencoder(weights, activation)
