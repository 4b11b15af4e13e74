"""The pieces of sparse autoencoders: encoder, activation, sparsity control and optimiser, each to be swapped by itself."""

from .activations import AbstractActivation as AbstractActivation
from .activations import BatchTopK as BatchTopK
from .activations import JumpReLU as JumpReLU
from .activations import Preactivations as Preactivations
from .activations import ReLU as ReLU
from .activations import Threshold as Threshold
from .activations import TopK as TopK
from .autoencoder import Forward as Forward
from .autoencoder import SparseAutoencoder as SparseAutoencoder
from .autoencoder import Weights as Weights
from .certificates import dictionary_certificates as dictionary_certificates
from .controls import AbstractControl as AbstractControl
from .controls import BiasAdaptation as BiasAdaptation
from .controls import CountPenalty as CountPenalty
from .controls import GroupBiasAdaptation as GroupBiasAdaptation
from .controls import L1Penalty as L1Penalty
from .controls import NoControl as NoControl
from .controls import Together as Together
from .dead_neurons import DeadNeurons as DeadNeurons
from .encoders import AbstractEncoder as AbstractEncoder
from .encoders import FreeEncoder as FreeEncoder
from .encoders import GivenRows as GivenRows
from .encoders import TiedEncoder as TiedEncoder
from .ideal import ideal_autoencoder as ideal_autoencoder
from .norm_matching import NormMatching as NormMatching
from .norm_matching import TopAFA as TopAFA
from .optimisers import AbstractOptimiser as AbstractOptimiser
from .optimisers import Adam as Adam
from .optimisers import GradientDescent as GradientDescent
from .optimisers import Lion as Lion

__all__ = [
    "AbstractActivation",
    "AbstractControl",
    "AbstractEncoder",
    "AbstractOptimiser",
    "Adam",
    "BatchTopK",
    "BiasAdaptation",
    "CountPenalty",
    "DeadNeurons",
    "Forward",
    "FreeEncoder",
    "GivenRows",
    "GradientDescent",
    "GroupBiasAdaptation",
    "JumpReLU",
    "L1Penalty",
    "Lion",
    "NoControl",
    "NormMatching",
    "Preactivations",
    "ReLU",
    "SparseAutoencoder",
    "Threshold",
    "TiedEncoder",
    "Together",
    "TopAFA",
    "TopK",
    "Weights",
    "dictionary_certificates",
    "ideal_autoencoder",
]
