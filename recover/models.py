"""Planted models.

Written by `make index` from the files that define them.
"""

from .core.lazy import attach

_HOMES = {
    "AMPLITUDES": "sparse.sparse_regression",
    "AbstractModel": "core.model",
    "Atoms": "dictionaries.planted_atoms",
    "BlindCalibration": "bilinear.model",
    "BlockSparseRegression": "generalised.block_sparse",
    "CascadedChannel": "tensors.irs_channel",
    "ChannelRegression": "generalised.channel_regression",
    "CorruptedClasses": "multitask.corrupted_classes",
    "EquivalentSupports": "sparse.equivalent_supports",
    "HiddenNeedle": "bandits.model",
    "HierarchicalSBM": "graphs.model",
    "IRSChannel": "tensors.irs_channel",
    "JumpSurface": "surfaces.model",
    "KroneckerSparse": "tensors.kronecker_sparse",
    "MatrixCompletion": "low_rank.completion_model",
    "MatrixSensing": "low_rank.model",
    "MisspecifiedBandit": "bandits.model",
    "OUTLIER_CHANNELS": "mixtures.model",
    "PhaseRetrieval": "phase.model",
    "PlantedAtoms": "dictionaries.planted_atoms",
    "PlantedBandit": "bandits.model",
    "PlantedClasses": "generalised.rare_class",
    "PlantedCode": "dictionaries.planted_code",
    "PlantedFeatures": "dictionaries.planted_features",
    "PlantedMoments": "private.model",
    "PlantedPrediction": "sparse.sparse_prediction",
    "PlantedSupports": "sparse.equivalent_supports",
    "PlantedTasks": "multitask.planting",
    "PlantedUsers": "private.model",
    "QuadraticNetwork": "networks.quadratic_network",
    "RareClass": "generalised.rare_class",
    "ScreenedFeatures": "generalised.screened_features",
    "SharedRepresentation": "multitask.shared_representation",
    "ShutdownMap": "surfaces.model",
    "SparsePrediction": "sparse.sparse_prediction",
    "SparseRegression": "sparse.sparse_regression",
    "SparseTeacher": "networks.sparse_teacher",
    "SpectralMixture": "mixtures.model",
    "SpikedCovariance": "spiked.model",
    "SpikedTensor": "spiked.model",
    "zipf_frequencies": "dictionaries.planted_features",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
