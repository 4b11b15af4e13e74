"""Tensors and the configuration of a folder, whichever package has written it."""

import importlib
import json
import os
import pathlib

import ml_dtypes
import numpy as np

# Weights under the names of SAELens, sparsify and dictionary_learning, each whole or in shards with an index.
_WEIGHTS = ("sae_weights.safetensors", "sae.safetensors", "ae.safetensors", "model.safetensors")
_PICKLED = "ae.pt"
_CONFIGURATIONS = ("cfg.json", "config.json")
_INDEX = ".index.json"


def read_folder(
    owner: str, folder: str | os.PathLike
) -> tuple[dict[str, np.ndarray], dict, pathlib.Path, pathlib.Path]:
    """All tensors in float32 (or as integers), the configuration, and the files of both.

    **Raises:** `ValueError` naming a file that is missing, damaged or of another kind, or a tensor that is not finite.
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"{owner}: `folder` is {folder!r}; the path of a folder is allowed.")
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{owner}: there is no folder {folder}.")
    settings = next((folder / name for name in _CONFIGURATIONS if (folder / name).is_file()), None)
    if settings is None:
        raise ValueError(f"{owner}: there is no {folder / _CONFIGURATIONS[0]} (nor {_CONFIGURATIONS[1]}).")
    config = _json(owner, settings)
    names = (*_WEIGHTS, *(name + _INDEX for name in _WEIGHTS), _PICKLED)
    weights = next((folder / name for name in names if (folder / name).is_file()), None)
    if weights is None:
        raise ValueError(f"{owner}: there is no {folder / _WEIGHTS[0]} (nor {', '.join(names[1:])}).")
    if weights.name == _PICKLED:
        tensors = _pickled(owner, weights)
    elif weights.name.endswith(_INDEX):
        tensors = _sharded(owner, weights)
    else:
        tensors = _safetensors(owner, weights)
    found = {name: _numbers(owner, weights, name, value) for name, value in tensors.items()}
    return found, config, weights, settings


def _json(owner: str, path: pathlib.Path) -> dict:
    try:
        found = json.loads(path.read_text())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{owner}: {path} is damaged, or no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{owner}: {path} holds a {type(found).__name__}; an object with the settings is allowed.")
    return found


def _safetensors(owner: str, path: pathlib.Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{owner}: {path} is damaged, or no safetensors file: {error}.") from None


def _sharded(owner: str, index: pathlib.Path) -> dict[str, np.ndarray]:
    places = _json(owner, index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise ValueError(f"{owner}: {index} has no `weight_map`, which says where each tensor is.")
    for tensor, name in places.items():
        if not isinstance(name, str) or not name or pathlib.PurePath(name).name != name:
            raise ValueError(
                f"{owner}: `weight_map` in {index} places {tensor!r} in {name!r}; the name of a file beside it is allowed."
            )
    shards = {}
    for name in sorted(set(places.values())):
        path = index.parent / name
        if not path.is_file():
            raise ValueError(f"{owner}: there is no {path}, a shard that {index.name} names.")
        shards[name] = _safetensors(owner, path)
    missing = [tensor for tensor, name in places.items() if tensor not in shards[name]]
    if missing:
        raise ValueError(
            f"{owner}: {index.parent / places[missing[0]]} has no {missing[0]!r}, which {index.name} places there."
        )
    return {tensor: shards[name][tensor] for tensor, name in places.items()}


def _pickled(owner: str, path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        raise ValueError(
            f"{owner}: {path} is a pickle of torch, which is not installed; install it, or write the tensors to "
            f"{path.with_suffix('.safetensors').name}."
        ) from None
    found = torch.load(path, map_location="cpu", weights_only=True)
    return {
        name: value.float().numpy() if value.is_floating_point() else value.numpy() for name, value in found.items()
    }


def _numbers(owner: str, path: pathlib.Path, name: str, value: np.ndarray) -> np.ndarray:
    value = np.asarray(value)
    if value.dtype == ml_dtypes.bfloat16 or value.dtype.kind == "f":
        value = value.astype(np.float32)
        if not np.all(np.isfinite(value)):
            raise ValueError(
                f"{owner}: {name!r} in {path} is not finite in {int((~np.isfinite(value)).sum())} entries."
            )
    return value
