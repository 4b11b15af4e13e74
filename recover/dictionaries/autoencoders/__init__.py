"""The pieces of sparse autoencoders: encoder, activation, sparsity control and optimiser, each to be swapped by itself."""

from ...core.lazy import attach

_HOMES = {
    "AbstractActivation": "dictionaries.autoencoders.activations",
    "AbstractControl": "dictionaries.autoencoders.controls",
    "AbstractEncoder": "dictionaries.autoencoders.encoders",
    "AbstractOptimiser": "dictionaries.autoencoders.optimisers",
    "Adam": "dictionaries.autoencoders.optimisers",
    "BatchTopK": "dictionaries.autoencoders.activations",
    "BiasAdaptation": "dictionaries.autoencoders.controls",
    "CountPenalty": "dictionaries.autoencoders.controls",
    "DeadNeurons": "dictionaries.autoencoders.dead_neurons",
    "Forward": "dictionaries.autoencoders.autoencoder",
    "FreeEncoder": "dictionaries.autoencoders.encoders",
    "GivenRows": "dictionaries.autoencoders.encoders",
    "GradientDescent": "dictionaries.autoencoders.optimisers",
    "GroupBiasAdaptation": "dictionaries.autoencoders.controls",
    "JumpReLU": "dictionaries.autoencoders.activations",
    "L1Penalty": "dictionaries.autoencoders.controls",
    "Lion": "dictionaries.autoencoders.optimisers",
    "NoControl": "dictionaries.autoencoders.controls",
    "NormMatching": "dictionaries.autoencoders.norm_matching",
    "Preactivations": "dictionaries.autoencoders.activations",
    "ReLU": "dictionaries.autoencoders.activations",
    "SparseAutoencoder": "dictionaries.autoencoders.autoencoder",
    "Threshold": "dictionaries.autoencoders.activations",
    "TiedEncoder": "dictionaries.autoencoders.encoders",
    "Together": "dictionaries.autoencoders.controls",
    "TopAFA": "dictionaries.autoencoders.norm_matching",
    "TopK": "dictionaries.autoencoders.activations",
    "Weights": "dictionaries.autoencoders.autoencoder",
    "dictionary_certificates": "dictionaries.autoencoders.certificates",
    "ideal_autoencoder": "dictionaries.autoencoders.ideal",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
