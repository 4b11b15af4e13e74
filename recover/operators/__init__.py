"""Matrix-free linear operators for structured designs, all of them `lineax.AbstractLinearOperator`."""

from .autoregressive import AutoregressiveFactor as AutoregressiveFactor
from .base import AbstractStructuredOperator as AbstractStructuredOperator
from .base import TransposedOperator as TransposedOperator
from .kronecker import KroneckerProduct as KroneckerProduct
from .norms import mean_column_norm as mean_column_norm
from .norms import spectral_norm as spectral_norm
from .redrawn import RedrawnMatrix as RedrawnMatrix
from .sampled_coordinates import SampledCoordinates as SampledCoordinates
from .subsampled_circulant import SubsampledCirculant as SubsampledCirculant
from .subsampled_cosine import SubsampledCosine as SubsampledCosine
from .subsampled_hadamard import SubsampledHadamard as SubsampledHadamard
from .wavelet import WaveletSynthesis as WaveletSynthesis
from .weighted_columns import WeightedColumns as WeightedColumns
