"""What a solver may see: operators, observations and effective sizes, never the truth.

Written by `make index` from the files that define them.
"""

from .core.lazy import attach

_HOMES = {
    "AbstractActivations": "dictionaries.problem",
    "AbstractCompletionProblem": "low_rank.completion_problem",
    "ActivationProblem": "dictionaries.problem",
    "BanditProblem": "bandits.problem",
    "Calibration": "bilinear.problem",
    "CalibrationProblem": "bilinear.problem",
    "ChannelProblem": "generalised.channel_problem",
    "ClassificationProblem": "networks.classification",
    "CompositeProblem": "sparse.composite_problem",
    "GeneralisedLinearProblem": "generalised.generalised_problem",
    "GraphProblem": "graphs.problem",
    "KroneckerProblem": "tensors.problem",
    "LinearProblem": "sparse.problem",
    "ListedCompletionProblem": "low_rank.completion_problem",
    "MatrixCompletionProblem": "low_rank.completion_problem",
    "MatrixSensingProblem": "low_rank.problem",
    "MomentProblem": "private.problem",
    "MultitaskProblem": "multitask.problem",
    "OrdinalProblem": "generalised.ordinal_problem",
    "PhaselessProblem": "phase.problem",
    "PlantedActivations": "dictionaries.planted_activations",
    "QuadraticNetworkProblem": "networks.quadratic_problem",
    "SmoothProblem": "landscape.descent",
    "SpikedProblem": "spiked.problem",
    "SurfaceProblem": "surfaces.problem",
    "UnmixingProblem": "mixtures.problem",
    "UserProblem": "private.problem",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
