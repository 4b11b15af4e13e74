"""Training autoencoders on activations in files larger than memory, with checkpoints, and the files they are kept in."""

from ...core.lazy import attach

_HOMES = {
    "ActivationFile": "dictionaries.training.sources",
    "ShuffledBatches": "dictionaries.training.sources",
    "Trained": "dictionaries.training.checkpointed",
    "load_autoencoder": "dictionaries.training.files",
    "save_autoencoder": "dictionaries.training.files",
    "train": "dictionaries.training.checkpointed",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
