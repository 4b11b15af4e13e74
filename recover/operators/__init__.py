"""Matrix-free linear operators for structured designs, all of them `lineax.AbstractLinearOperator`."""

from ..core.lazy import attach

_HOMES = {
    "AbstractStructuredOperator": "operators.base",
    "AutoregressiveFactor": "operators.autoregressive",
    "CentredRows": "operators.centred_rows",
    "CodedDiffraction": "operators.coded_diffraction",
    "KroneckerProduct": "operators.kronecker",
    "RedrawnMatrix": "operators.redrawn",
    "SampledCoordinates": "operators.sampled_coordinates",
    "SparseMatrix": "operators.sparse_matrix",
    "SubsampledCirculant": "operators.subsampled_circulant",
    "SubsampledCosine": "operators.subsampled_cosine",
    "SubsampledHadamard": "operators.subsampled_hadamard",
    "TransposedOperator": "operators.base",
    "WaveletSynthesis": "operators.wavelet",
    "WeightedColumns": "operators.weighted_columns",
    "mean_column_norm": "operators.norms",
    "spectral_norm": "operators.norms",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
