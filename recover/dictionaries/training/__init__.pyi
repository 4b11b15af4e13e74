from ...dictionaries.training.sources import ActivationFile as ActivationFile
from ...dictionaries.training.sources import ShuffledBatches as ShuffledBatches
from ...dictionaries.training.checkpointed import Trained as Trained
from ...dictionaries.training.files import load_autoencoder as load_autoencoder
from ...dictionaries.training.files import save_autoencoder as save_autoencoder
from ...dictionaries.training.checkpointed import train as train
