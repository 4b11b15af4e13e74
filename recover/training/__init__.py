"""Training autoencoders on activations in files larger than memory, with checkpoints, and the files they are kept in."""

from .files import load_autoencoder as load_autoencoder
from .files import save_autoencoder as save_autoencoder
from .sources import ActivationFile as ActivationFile
from .sources import ShuffledBatches as ShuffledBatches
from .train import Trained as Trained
from .train import train as train

__all__ = ["ActivationFile", "ShuffledBatches", "Trained", "load_autoencoder", "save_autoencoder", "train"]
