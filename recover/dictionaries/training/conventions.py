r"""What the tensors of other packages mean: SAELens (old and new), sparsify, dictionary_learning.

All are brought to one form, $\hat x = b_{dec} + \sum_m f_m w_m$ with $f = \phi(E (x - b_{dec}) + b)$. What has no such form is
refused by the key that says so.
"""

import dataclasses
import pathlib

import numpy as np

_ARCHITECTURES = ("standard", "topk", "batchtopk", "matryoshka_batchtopk", "jumprelu")
# Settings that change what an autoencoder computes, and the values that change nothing.
_IDLE = {
    "normalize_activations": (None, False, "none"),
    "transcode": (None, False),
    "skip_connection": (None, False),
    "embed_skip": (None, False),
    "gram_lookup": (None, False),
    "signed": (None, False),
}
# Settings that repeat a size of the tensors: that of the rows, and the number of neurons.
_DIMENSIONS, _WIDTHS = ("d_in", "activation_dim"), ("d_sae", "dict_size", "num_latents")
_SCALES = ("scaling_factor", "finetuning_scaling_factor")


@dataclasses.dataclass(frozen=True)
class Described:
    """An autoencoder in our terms: `kind` is relu, topk, batchtopk or threshold; `active` and `thresholds` where it needs them."""

    detectors: np.ndarray
    bias: np.ndarray
    decoder: np.ndarray
    centre: np.ndarray
    kind: str
    active: float | None = None
    thresholds: np.ndarray | None = None


class _Reader:
    """Tensors and settings, of which everything must be used or known to be idle."""

    def __init__(self, owner: str, tensors: dict, config: dict, weights: pathlib.Path, settings: pathlib.Path):
        self.owner, self.tensors, self.config = owner, dict(tensors), config
        self.names = ", ".join(sorted(tensors))
        self.weights, self.settings = weights, settings

    def refuse(self, key: str, value, allowed: str):
        raise ValueError(f"{self.owner}: `{key}` is {value!r} in {self.settings}; {allowed}.")

    def take(self, name: str, *shape: int | None) -> np.ndarray:
        """A tensor of real numbers of a shape, `None` for any size."""
        if name not in self.tensors:
            raise ValueError(f"{self.owner}: {self.weights} has no tensor {name!r}; it holds {self.names}.")
        found = self.optional(name)
        if len(found.shape) != len(shape) or any(
            size not in (None, have) for size, have in zip(shape, found.shape, strict=True)
        ):
            raise ValueError(
                f"{self.owner}: tensor {name!r} in {self.weights} has shape {found.shape}; {shape} is allowed."
            )
        return found

    def optional(self, name: str) -> np.ndarray | None:
        found = self.tensors.pop(name, None)
        if found is not None and found.dtype.kind != "f":
            raise ValueError(
                f"{self.owner}: tensor {name!r} in {self.weights} is {found.dtype}, without the scale of quantised weights; "
                "floating-point numbers are allowed."
            )
        return found

    def counted(self, name: str) -> np.ndarray | None:
        """A tensor of counts, as `k`."""
        return self.tensors.pop(name, None)

    def switch(self, key: str, default: bool) -> bool:
        value = self.config.get(key, default)
        if not isinstance(value, bool):
            self.refuse(key, value, "true or false is allowed")
        return value

    def per_neuron(self, name: str, value: np.ndarray, width: int) -> np.ndarray:
        """A tensor that is one number, or one per neuron."""
        if value.size not in (1, width):
            raise ValueError(
                f"{self.owner}: tensor {name!r} in {self.weights} has shape {value.shape}; ({width},) is allowed."
            )
        return np.broadcast_to(value.astype(np.float32).reshape(-1), (width,))

    def count(self, key: str, value, width: int) -> float:
        found = self.number(key, value, width)
        if found != round(found):
            self.refuse(key, value, f"a positive integer up to {width}, the number of neurons, is allowed")
        return found

    def number(self, key: str, value, width: int) -> float:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        tensor = isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "iuf"
        found = float(np.asarray(value).reshape(())) if number or tensor else np.nan
        if not 0 < found <= width:
            self.refuse(key, value, f"a positive number up to {width}, the number of neurons, is allowed")
        return found

    def check_sizes(self, width: int, dimension: int) -> None:
        """Whether sizes that the settings repeat are those of the tensors; those of zero are left open there."""
        trainer = self.config.get("trainer")
        for settings in (self.config, trainer if isinstance(trainer, dict) else {}):
            for keys, size in ((_DIMENSIONS, dimension), (_WIDTHS, width)):
                for key in keys:
                    if settings.get(key) not in (None, 0, size):
                        self.refuse(key, settings[key], f"{size}, as in {self.weights.name}, is allowed")

    def finish(self) -> None:
        if self.tensors:
            name = min(self.tensors)
            raise ValueError(f"{self.owner}: {self.weights} has a tensor {name!r}, whose meaning is not known.")

    def check_idle(self) -> None:
        for key, idle in _IDLE.items():
            value = self.config.get(key)
            if not any(value is each or value == each for each in idle):
                self.refuse(key, value, f"{idle[-1]!r} is allowed: this setting changes what the autoencoder computes")


def described(owner: str, tensors: dict, config: dict, weights: pathlib.Path, settings: pathlib.Path) -> Described:
    """The autoencoder that the files describe.

    **Raises:** `ValueError` naming the key or the tensor that is missing, unknown, or means what we cannot express.
    """
    reader = _Reader(owner, tensors, config, weights, settings)
    reader.check_idle()
    dictionary_class = config.get("trainer", {}).get("dict_class") if isinstance(config.get("trainer"), dict) else None
    if dictionary_class is not None or "dict_class" in config:
        found = _dictionary_learning(reader, dictionary_class or config["dict_class"])
    elif "encoder.weight" in tensors:
        found = _sparsify(reader)
    else:
        found = _saelens(reader)
    reader.finish()
    reader.check_sizes(*found.detectors.shape)
    return found


def _saelens(reader: _Reader) -> Described:
    config = reader.config
    architecture = config.get("architecture", "standard")
    name = config.get("activation_fn_str", config.get("activation_fn", "relu"))
    options = config.get("activation_fn_kwargs") or {}
    if not isinstance(options, dict):
        reader.refuse("activation_fn_kwargs", options, "an object with the settings of the activation is allowed")
    if architecture not in _ARCHITECTURES:
        reader.refuse("architecture", architecture, f"{', '.join(_ARCHITECTURES)} are allowed")
    if name not in ("relu", "topk"):
        reader.refuse("activation_fn_str", name, "relu and topk are allowed")
    if options.get("postact_fn", "relu") not in ("relu", "ReLU"):
        reader.refuse("activation_fn_kwargs", options, "relu as its `postact_fn` is allowed")
    if architecture == "standard" and name == "topk":
        # Before there were architectures the activation said it.
        architecture = "topk"
    encoder = reader.take("W_enc", None, None)
    dimension, width = encoder.shape
    bias = reader.take("b_enc", width)
    decoder = reader.take("W_dec", width, dimension)
    centre = reader.take("b_dec", dimension)
    kind, active, thresholds = "relu", None, None
    if architecture in ("topk", "batchtopk", "matryoshka_batchtopk"):
        kind = "topk" if architecture == "topk" else "batchtopk"
        read = reader.count if kind == "topk" else reader.number
        active = read("k", config.get("k", options.get("k")), width)
        threshold = reader.optional("topk_threshold")
        if kind == "batchtopk" and threshold is not None:
            # Kept while training, for codes that do not depend on the batch.
            kind, active, thresholds = "threshold", None, reader.per_neuron("topk_threshold", threshold, width)
    elif architecture == "jumprelu":
        logarithms = reader.optional("log_threshold")
        kind = "threshold"
        if logarithms is None:
            thresholds = reader.take("threshold", width)
        else:
            thresholds = np.exp(reader.per_neuron("log_threshold", logarithms, width))
    if reader.switch("rescale_acts_by_decoder_norm", False):
        norms = np.linalg.norm(decoder, axis=1)
        safe = np.where(norms > 0, norms, 1)
        encoder, bias, decoder = encoder * norms, bias * norms, decoder / safe[:, None]
    decoder = _scaled(reader, decoder)
    if not reader.switch("apply_b_dec_to_input", True):
        bias = bias + centre @ encoder
    return Described(encoder.T, bias, decoder, centre, kind, active, thresholds)


def _scaled(reader: _Reader, decoder: np.ndarray) -> np.ndarray:
    """The decoder with the factors of codes that some old files were finetuned with."""
    for name in _SCALES:
        factor = reader.optional(name)
        if factor is None or np.all(factor == 1):
            continue
        if not reader.switch("finetuning_scaling_factor", False):
            raise ValueError(
                f"{reader.owner}: {reader.weights} has a tensor {name!r} that is not one, while `finetuning_scaling_factor` in "
                f"{reader.settings} does not say that it is applied; true, or factors of one, are allowed."
            )
        decoder = decoder * reader.per_neuron(name, factor, len(decoder))[:, None]
    return decoder


def _sparsify(reader: _Reader) -> Described:
    config = reader.config
    if config.get("activation", "topk") != "topk":
        reader.refuse("activation", config["activation"], "topk is allowed")
    encoder = reader.take("encoder.weight", None, None)
    width, dimension = encoder.shape
    bias, centre = reader.take("encoder.bias", width), reader.take("b_dec", dimension)
    decoder = reader.take("W_dec", width, dimension)
    return Described(encoder, bias, decoder, centre, "topk", reader.count("k", config.get("k"), width))


def _dictionary_learning(reader: _Reader, name: str) -> Described:
    active = reader.counted("k")
    threshold = reader.optional("threshold")
    if name in ("JumpReluAutoEncoder", "MatryoshkaBatchTopKSAE"):
        encoder = reader.take("W_enc", None, None)
        dimension, width = encoder.shape
        bias, centre = reader.take("b_enc", width), reader.take("b_dec", dimension)
        decoder = reader.take("W_dec", width, dimension)
        for group in ("active_groups", "group_sizes", "group_indices"):
            reader.counted(group)
        if name == "JumpReluAutoEncoder":
            # Inputs are not centred there.
            bias = bias + centre @ encoder
        return Described(encoder.T, bias, decoder, centre, "threshold", None, _thresholds(reader, threshold, width))
    if name not in ("AutoEncoder", "AutoEncoderNew", "AutoEncoderTopK", "BatchTopKSAE"):
        reader.refuse(
            "dict_class",
            name,
            "AutoEncoder, AutoEncoderNew, AutoEncoderTopK, BatchTopKSAE, MatryoshkaBatchTopKSAE and JumpReluAutoEncoder are allowed",
        )
    encoder = reader.take("encoder.weight", None, None)
    width, dimension = encoder.shape
    bias, decoder = reader.take("encoder.bias", width), reader.take("decoder.weight", dimension, width).T
    if name == "AutoEncoderNew":
        centre = reader.take("decoder.bias", dimension)
        return Described(encoder, bias + encoder @ centre, decoder, centre, "relu")
    centre = reader.take("bias" if name == "AutoEncoder" else "b_dec", dimension)
    if name == "AutoEncoder":
        return Described(encoder, bias, decoder, centre, "relu")
    if name == "AutoEncoderTopK":
        given = reader.config.get("trainer", reader.config).get("k") if active is None else active
        return Described(encoder, bias, decoder, centre, "topk", reader.count("k", given, width))
    return Described(encoder, bias, decoder, centre, "threshold", None, _thresholds(reader, threshold, width))


def _thresholds(reader: _Reader, threshold, width: int) -> np.ndarray:
    if threshold is None:
        raise ValueError(f"{reader.owner}: {reader.weights} has no tensor 'threshold'.")
    return reader.per_neuron("threshold", threshold, width)
