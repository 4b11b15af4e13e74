"""Every model, solver and prediction, once, with a small instance. Being listed earns the contract tests."""

import dataclasses
from collections.abc import Callable

import numpy as np

import recover as rc


@dataclasses.dataclass(frozen=True)
class Case:
    """A model small enough to solve in milliseconds, and a solver that should succeed on it."""

    model: Callable
    solver: Callable
    max_steps: int = 300
    error: float = 2e-2


def _sparse(**changes):
    options = {"dimension": 64, "samples": 40, "sparsity": 5, **changes}
    return lambda: rc.models.SparseRegression(**options)


def _prediction(**changes):
    options = {"dimension": 64, "samples": 40, "sparsity": 4, "noise": 0.05, "least_distance": 0.1, **changes}
    return lambda: rc.models.SparsePrediction(**options)


def _equivalent(**changes):
    options = {"dimension": 24, "samples": 20, "supports": 2, "sparsity": 2, **changes}
    return lambda: rc.models.EquivalentSupports(**options)


def _bandit(**changes):
    options = {"dimension": 6, "actions": 300, "sparsity": 2, "misspecification": 0.002, **changes}
    return lambda: rc.models.MisspecifiedBandit(**options)


def _tasks(**changes):
    options = {"dimension": 8, "rank": 2, "tasks": 6, "noise": 0.01, "explored": 24, "lots": 8, **changes}
    return lambda: rc.models.SharedRepresentation(**options)


def _corrupted(**changes):
    options = {"dimension": 6, "classes": 3, "corruptions": 3, "lots": 6, **changes}
    return lambda: rc.models.CorruptedClasses(**options)


def _moments(**changes):
    options = {"dimension": 6, "users": 1e15, "sparsity": 2, **changes}
    return lambda: rc.models.PlantedMoments(**options)


def _classes(**changes):
    options = {"dimension": 3, "samples": 400, "intercepts": (0.0, 1.5, 3.0), **changes}
    return lambda: rc.models.RareClass(**options)


def _matrix(**changes):
    options = {"dimension": 8, "rank": 2, "samples": 120, **changes}
    return lambda: rc.models.MatrixSensing(**options)


def _calibration(**changes):
    options = {"dimension": 12, "sensors": 10, "snapshots": 7, "gain_spread": 0.4, **changes}
    return lambda: rc.models.BlindCalibration(**options)


def _kronecker(**changes):
    options = {"dimensions": (6, 5, 7), "samples": (4, 4, 5), "sparsity": 2, "snr": 30.0, **changes}
    return lambda: rc.models.KroneckerSparse(**options)


def _surface(**changes):
    options = {"patterns": 8, "pilots": 6, "snr": 30.0, "spread": 2, "elements": 32, "mobile_antennas": 4}
    return lambda: rc.models.IRSChannel(**{**options, "base_antennas": 8, "grid": 8, **changes})


def _network(**changes):
    options = {"dimension": 12, "width": 3, "samples": 120, **changes}
    return lambda: rc.models.QuadraticNetwork(**options)


def _jumps(**changes):
    options = {"dimension": 2, "samples": 400, "cells": 5, "jump": 1.5, **changes}
    return lambda: rc.models.JumpSurface(**options)


def _image(**changes):
    options = {
        "side": 12,
        "channels": 24,
        "endmembers": 3,
        "outliers": 2,
        "snr": 30.0,
        "purity": 1.0,
        "block": 4,
        "window": 3,
    }
    return lambda: rc.models.SpectralMixture(**{**options, **changes})


def _features(**changes):
    options = {"dimension": 8, "features": 6, "active": 1, "samples": 80, "stored": True, "summary_rows": 32}
    return lambda: rc.models.PlantedFeatures(**{**options, **changes})


def _atoms(whitened=True, **changes):
    options = {
        "dimension": 6,
        "features": 12,
        "condition_number": 4.0,
        "equal_lengths": False,
        "stored": False,
        **changes,
    }
    return lambda: rc.models.PlantedAtoms(_features(**options)(), whitened, rows=64)


def _code(whitened=True, **changes):
    options = {"features": 12, "condition_number": 4.0, "stored": False, **changes}
    return lambda: rc.models.PlantedCode(_features(**options)(), whitened)


def _blocks(**changes):
    options = {
        "dimension": 40,
        "samples": 60,
        "snr": 1e4,
        "width": 1,
        "means": 3 * np.ones(4),
        "deviations": np.ones(4),
    }
    return lambda: rc.models.BlockSparseRegression(**{**options, **changes})


def _screened(**changes):
    return lambda: rc.models.ScreenedFeatures(**{"dimension": 20, "samples": 200, "sparsity": 2, **changes})


def _path():
    descent = rc.solvers.NonconvexAcceleratedGradient(rc.penalties.SCAD(1.0))
    return rc.solvers.RegularisationPath(descent, points=20, steps=30)


def _training():
    pieces = rc.autoencoders
    return rc.solvers.AutoencoderTraining(36, pieces.TopK(1), optimiser=pieces.Adam(0.03, steps=150), batch=32)


def _norm_matched_training():
    pieces = rc.autoencoders
    # At the sparsity of one row the bound on active neurons keeps training sparse.
    options = {"encoder": pieces.FreeEncoder(0.7), "optimiser": pieces.Adam(0.03, steps=150), "batch": 32}
    return rc.solvers.AutoencoderTraining(36, pieces.TopAFA(1), pieces.NormMatching(0.01), **options)


def _repeated_training():
    pieces = rc.autoencoders
    control = pieces.Together((pieces.GroupBiasAdaptation(2, 0.9, 0.7, 3), pieces.L1Penalty(0.01)))
    options = {"encoder": pieces.FreeEncoder(), "optimiser": pieces.Adam(0.03, steps=150), "batch": 32}
    return rc.solvers.RepeatedTraining(rc.solvers.AutoencoderTraining(36, pieces.BatchTopK(1.0), control, **options))


def _communities(**changes):
    options = {"tree": 2, "size": 12, "densities": (0.02, 0.08, 0.9), **changes}
    return lambda: rc.models.HierarchicalSBM(**options)


def _teacher(**changes):
    options = {"widths": (12, 3), "samples": 160, "density": 0.25, "scale": 3.0, **changes}
    return lambda: rc.models.SparseTeacher(**options)


def _known_entries(**changes):
    options = {"rows": 12, "rank": 2, "samples": 120, **changes}
    return lambda: rc.models.MatrixCompletion(**options)


def _phaseless(**changes):
    options = {"dimension": 12, "samples": 96, **changes}
    return lambda: rc.models.PhaseRetrieval(**options)


def _channel(**changes):
    options = {"dimension": 20, "samples": 160, "prior": rc.priors.RademacherPrior(), **changes}
    return lambda: rc.models.ChannelRegression(**options)


def _chosen_flow():
    """A loss and a start by number, among all that there are."""
    starts, losses = rc.initialisers, rc.phaseless_losses
    kinds = (starts.SpectralStart, starts.TruncatedSpectralStart, starts.OrthogonalityPromotingStart)
    kinds += (starts.WeightedSpectralStart, starts.OptimalSpectralStart, starts.NullStart, starts.RandomSignal)
    loss = losses.ChosenLoss(3, tuple(kind() for kind in losses.LOSSES.values()))
    return rc.solvers.PhaselessFlow(loss, starts.ChosenStart(4, tuple(kind() for kind in kinds)))


def _spiked(**changes):
    options = {"dimension": 24, "signal_strength": 8.0, **changes}
    return lambda: rc.models.SpikedTensor(**options)


def _chosen_direction(choice):
    starts = rc.initialisers
    kinds = starts.SpectralDirection(), starts.RandomDirection(), starts.CorrelatedDirection(0.5)
    return starts.ChosenDirection(choice, kinds)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Arguments of a theory function, of which every number may be moved a little, and options, which are static."""

    arguments: tuple
    options: dict


def _at(*arguments, **options):
    return Prediction(arguments, options)


MODELS = {
    "blind_calibration": _calibration(),
    "blind_calibration_distance": _calibration(measure="distance", noise=0.1, gain_spread=0.9),
    "blind_calibration_priors": _calibration(signal_dimension=4, gain_dimension=3, snr=30.0),
    "blind_calibration_redrawn": _calibration(stored=False, entries="signs", reveal_gains=True),
    "block_sparse_regression": _blocks(),
    "block_sparse_regression_logistic": _blocks(link="logistic", held_out=0.5, snr=2.0, means=None, deviations=None),
    "channel_regression": _channel(),
    "channel_regression_counts": _channel(channel=rc.channels.PoissonChannel(), prior=rc.priors.SphericalPrior()),
    "corrupted_classes": _corrupted(),
    "equivalent_supports": _equivalent(),
    "equivalent_supports_factors": _equivalent(
        kind="factors", overlap=1, response="continuous", standardised=1, missing=0.1, response_scale=2.0
    ),
    "hierarchical_sbm": _communities(tree=[[1, 1], [2, [1, 1]]], size=4, densities=(0.05, 0.2, 0.5, 0.9)),
    "irs_channel": _surface(),
    "jump_surface": _jumps(),
    "kronecker_sparse": _kronecker(),
    "matrix_completion": _known_entries(columns=9, samples=60, rank=1, noise=0.1, fewest=2),
    "matrix_completion_linear": _known_entries(condition_number=5.0, spectrum="linear"),
    "matrix_sensing": _matrix(corruption=0.1),
    "matrix_sensing_asymmetric": _matrix(columns=6, noise=0.1, condition_number=3.0),
    "matrix_sensing_entries": _matrix(samples=30, measurements="entries", outliers="positive", corruption=0.2),
    "matrix_sensing_rank_one": _matrix(measurements="rank_one"),
    "planted_atoms": _atoms(),
    "planted_atoms_raw": _atoms(whitened=False, dimension=3, condition_number=1.2),
    "hidden_needle": lambda: rc.models.HiddenNeedle(40, 30),
    "misspecified_bandit": _bandit(),
    "planted_code": _code(),
    "planted_moments": _moments(),
    "planted_users": lambda: rc.models.PlantedUsers(5, 60, 2, truncation=0.4),
    "planted_features": _features(
        active=(1, 3), noise=0.1, condition_number=5.0, coherence=0.2, scaling="unit", coefficients="lognormal"
    ),
    "planted_features_standard": _features(dimension=7, scaling="standard"),
    "planted_features_stream": _features(
        active=None, frequencies=rc.models.zipf_frequencies(6), samples=None, stored=False, coefficients="halfnormal"
    ),
    "quadratic_network": _network(width=6, samples=60, noise=0.5),
    "phase_retrieval": _phaseless(noise=0.1),
    "phase_retrieval_octanary": _phaseless(ensemble="octanary", reveal_signal=True),
    "phase_retrieval_real": _phaseless(field="real", outliers=0.1),
    "rare_class": _classes(),
    "rare_class_dense": _classes(differences="dense"),
    "screened_features": _screened(),
    "screened_features_binary": _screened(shape="squared", link="logistic"),
    "shutdown_map": lambda: rc.models.ShutdownMap(8),
    "sparse_prediction": _prediction(),
    "sparse_prediction_factor": _prediction(design="factor", coefficients="gaussian"),
    "sparse_prediction_pairs": _prediction(design="pairs", support="paired"),
    "sparse_prediction_walk": _prediction(design="walk"),
    "shared_representation": _tasks(parts=2),
    "sparse_regression": _sparse(),
    "sparse_regression_noise": _sparse(noise=0.1),
    "sparse_regression_snr": _sparse(snr=20.0, amplitudes="uniform"),
    "sparse_regression_rademacher": _sparse(ensemble="rademacher", amplitudes="signs"),
    "sparse_regression_partial_dct": _sparse(ensemble="partial_dct"),
    "sparse_regression_partial_hadamard": _sparse(ensemble="partial_hadamard", amplitudes="nonnegative"),
    "sparse_regression_circulant": _sparse(ensemble="circulant"),
    "sparse_regression_correlated": _sparse(ensemble="correlated", correlation=0.4),
    "sparse_regression_conditioned": _sparse(ensemble="conditioned", condition_number=5.0),
    "sparse_teacher": _teacher(widths=(10, 6, 3), samples=30),
    "spectral_mixture": _image(),
    "spiked_covariance": lambda: rc.models.SpikedCovariance(10, 40, 3.0, 4),
    "spiked_tensor": _spiked(),
    "spiked_tensor_independent": _spiked(
        dimension=6, prior=rc.priors.SphericalPrior(), order=3, noise="independent", reveal_signal=True
    ),
    "spiked_tensor_sparse": _spiked(prior=rc.priors.RademacherPrior(0.2)),
}

SOLVERS = {
    "AMKroSBL": Case(_kronecker(), rc.solvers.AMKroSBL, max_steps=150),
    "ActiveRepresentation": Case(_tasks(), lambda: rc.solvers.ActiveRepresentation(2, 400)),
    "AutoencoderTraining": Case(_features(), _training, 200, 5e-2),
    "AutoencoderTraining_norms": Case(_features(), _norm_matched_training, 200, 5e-2),
    "AveragedGradientDescent": Case(_network(), lambda: rc.solvers.AveragedGradientDescent(3, 0.25, 0.9), 1000),
    "AlternatingMinimisation": Case(_known_entries(), lambda: rc.solvers.AlternatingMinimisation(2)),
    "AlternatingSteepestDescent": Case(_known_entries(), lambda: rc.solvers.AlternatingSteepestDescent(2), 500),
    "AMP": Case(_sparse(), rc.solvers.AMP),
    "BasisPursuit": Case(_sparse(), rc.solvers.BasisPursuit),
    "BayesAMP": Case(_sparse(), rc.solvers.BayesAMP),
    "BanditLasso": Case(_bandit(), lambda: rc.solvers.BanditLasso(60)),
    "BlindCalibrationALS": Case(_calibration(), rc.solvers.BlindCalibrationALS),
    "BlindCalibrationLinear": Case(_calibration(), rc.solvers.BlindCalibrationLinear),
    "BlindCalibrationPGD": Case(_calibration(), rc.solvers.BlindCalibrationPGD),
    "BlindCalibrationPGD_fixed": Case(_calibration(), lambda: rc.solvers.BlindCalibrationPGD(step_size=0.5)),
    "BlindCalibrationPGD_priors": Case(
        _calibration(snapshots=3, signal_dimension=4, gain_dimension=3), rc.solvers.BlindCalibrationPGD
    ),
    "BottomUp": Case(_communities(), lambda: rc.solvers.BottomUp(refinements=5), max_steps=20),
    "ClusteredKroSBL": Case(_surface(), lambda: rc.solvers.ClusteredKroSBL(initial_variance=1.0), max_steps=150),
    "BurerMonteiro": Case(_spiked(), rc.solvers.BurerMonteiro),
    "CoSaMP": Case(_sparse(), rc.solvers.CoSaMP),
    "CoordinateDescent": Case(_blocks(), lambda: rc.solvers.CoordinateDescent(rc.penalties.SCAD(0.1))),
    "DesignLeastSquares": Case(_bandit(), lambda: rc.solvers.DesignLeastSquares(36)),
    "FreeDiscontinuityRegression": Case(
        _jumps(), lambda: rc.solvers.FreeDiscontinuityRegression(50.0, 0.01, levels=8), error=0.1
    ),
    "FISTA": Case(_sparse(), rc.solvers.FISTA),
    "FactoredGradientDescent": Case(_matrix(), rc.solvers.FactoredGradientDescent),
    "GAMP": Case(_channel(), rc.solvers.GAMP),
    "GAMPRIE": Case(_network(), rc.solvers.GAMPRIE),
    "HTP": Case(_sparse(), rc.solvers.HTP),
    "IHT": Case(_sparse(samples=60, sparsity=3), rc.solvers.IHT),
    "ISTA": Case(_sparse(), lambda: rc.solvers.ISTA(penalty=0.01), max_steps=1500, error=5e-2),
    # Few steps, since a small teacher is soon pruned beyond its support; the error of the dense student is 0.74.
    "IterativePruning": Case(
        _teacher(widths=(30, 3), samples=400, density=0.15),
        lambda: rc.solvers.IterativePruning.sap((), 1.0, 2.0, batch=50, train_steps=80),
        max_steps=5,
        error=0.4,
    ),
    "KroneckerOMP": Case(_kronecker(), rc.solvers.KroneckerOMP),
    "LocalLinear": Case(_jumps(), lambda: rc.solvers.LocalLinear(0.05), error=0.1),
    "MatrixIRLS": Case(_known_entries(rank=1, samples=90), lambda: rc.solvers.MatrixIRLS(1, entries=100), 60),
    "MarginalScreening": Case(_screened(), lambda: rc.solvers.MarginalScreening("kernel"), 5, 5e-2),
    "MarginalScreening_histogram": Case(
        _screened(), lambda: rc.solvers.MarginalScreening("histogram", bins=20), 5, 0.3
    ),
    "MaximumLikelihood": Case(
        _channel(dimension=5, samples=400, channel=rc.channels.LogisticChannel(3.0)),
        rc.solvers.MaximumLikelihood,
        error=0.4,
    ),
    "NonconvexAcceleratedGradient": Case(
        _blocks(), lambda: rc.solvers.NonconvexAcceleratedGradient(rc.penalties.SCAD(0.1)), 500
    ),
    "NuclearNormCompletion": Case(_known_entries(rank=1), rc.solvers.NuclearNormCompletion),
    "NormalizedIHT": Case(_sparse(), rc.solvers.NormalizedIHT),
    "OMP": Case(_sparse(), rc.solvers.OMP),
    "OracleLeastSquares": Case(_calibration(reveal_gains=True), rc.solvers.OracleLeastSquares),
    "OrdinalRegression": Case(_classes(), rc.solvers.OrdinalRegression, error=5e-3),
    "OrdinalRegression_rare": Case(_classes(), lambda: rc.solvers.OrdinalRegression("rare"), error=5e-3),
    "PRESTO": Case(_classes(), lambda: rc.solvers.PRESTO(strengths=4, folds=2), error=5e-3),
    "PhaseMax": Case(
        _phaseless(field="real", reveal_signal=True),
        lambda: rc.solvers.PhaseMax(rc.initialisers.CorrelatedStart(0.9)),
    ),
    "PhaselessFlow": Case(_phaseless(), _chosen_flow, 500),
    "PhaselessGAMP": Case(_phaseless(dimension=20, samples=200), rc.solvers.PhaselessGAMP),
    "PhaselessProjections": Case(
        _phaseless(ensemble="octanary"),
        lambda: rc.solvers.PhaselessProjections(start=rc.initialisers.RandomSignal()),
        500,
    ),
    "PhaselessStart": Case(_phaseless(field="real"), rc.solvers.PhaselessStart, error=0.8),
    "PreconditionedLasso": Case(_prediction(design="factor"), lambda: rc.solvers.PreconditionedLasso(8)),
    "ProximalGradient": Case(_sparse(), lambda: rc.solvers.ProximalGradient(rc.penalties.MCP(0.01)), 1500, 5e-2),
    "RegularisationPath": Case(_blocks(held_out=0.3), _path, 600, 5e-2),
    "PrivateIHT": Case(_moments(), lambda: rc.solvers.PrivateIHT(1.0, 3)),
    "PrivateThresholding": Case(_moments(), lambda: rc.solvers.PrivateThresholding(1.0)),
    "RandomSearch": Case(_bandit(), lambda: rc.solvers.RandomSearch(250), error=0.3),
    "RepeatedTraining": Case(_features(), _repeated_training, 200, 0.2),
    "Raveled": Case(_kronecker(), lambda: rc.solvers.Raveled(rc.solvers.SparseBayesianLearning())),
    "ReweightedL1": Case(_sparse(), rc.solvers.ReweightedL1),
    "SegmentThenAverage": Case(_jumps(), lambda: rc.solvers.SegmentThenAverage(0.02, 0.03), error=0.15),
    "SeparatingHyperplane": Case(
        _channel(dimension=6, prior=rc.priors.SphericalPrior()), rc.solvers.SeparatingHyperplane, error=0.5
    ),
    "ScaledGD": Case(_matrix(condition_number=5.0), rc.solvers.ScaledGD),
    "SparseMixtureInference": Case(
        _equivalent(response="continuous"),
        lambda: rc.solvers.SparseMixtureInference(3, 2, learning_rate=1e-2, steps=600),
        700,
        0.5,
    ),
    "RiemannianGradientDescent": Case(_known_entries(), lambda: rc.solvers.RiemannianGradientDescent(2), 500),
    "SingularValueProjection": Case(_known_entries(rank=1), lambda: rc.solvers.SingularValueProjection(1), 500),
    "SVDKroSBL": Case(_kronecker(), rc.solvers.SVDKroSBL, max_steps=150),
    "SparseBayesianLearning": Case(_sparse(), rc.solvers.SparseBayesianLearning),
    "SpikeStart": Case(_spiked(), rc.solvers.SpikeStart, error=0.3),
    "SpikedAMP": Case(_spiked(reveal_signal=True), lambda: rc.solvers.SpikedAMP(_chosen_direction(0), tolerance=1e-4)),
    "SteinRisk": Case(_jumps(), lambda: rc.solvers.SteinRisk(rc.solvers.LocalLinear(0.05), probes=2), error=0.1),
    "SparseElimination": Case(_bandit(), lambda: rc.solvers.SparseElimination(2, 40)),
    "SparseNet": Case(_bandit(), lambda: rc.solvers.SparseNet(2, 40)),
    "SparseUnmixing": Case(_image(), rc.solvers.SparseUnmixing, error=0.1),
    "TargetRidge": Case(_tasks(), lambda: rc.solvers.TargetRidge(0.01)),
    "SphericalBiasAdaptation": Case(
        _features(), lambda: rc.solvers.SphericalBiasAdaptation(60, 0.12, batch=80, chunk=32), 10, 5e-2
    ),
    "SubgradientMethod": Case(_matrix(corruption=0.1), rc.solvers.SubgradientMethod),
    "SubspacePursuit": Case(_sparse(), rc.solvers.SubspacePursuit),
    "TotalVariation": Case(_jumps(), lambda: rc.solvers.TotalVariation(200.0), 2000, 0.1),
    "TopDown": Case(_communities(), lambda: rc.solvers.TopDown(2, stopping=False), max_steps=20),
    "TensorPowerIteration": Case(
        _spiked(dimension=8, order=3, prior=rc.priors.SphericalPrior()), rc.solvers.TensorPowerIteration, error=0.4
    ),
    "Thresholding": Case(_sparse(sparsity=1), rc.solvers.Thresholding),
    "TwoCommunityBeliefPropagation": Case(
        _communities(tree=1, size=40, densities=(0.01, 0.2)),
        lambda: rc.solvers.TwoCommunityBeliefPropagation(16.0, 0.8),
    ),
    "UncalibratedLeastSquares": Case(_calibration(), rc.solvers.UncalibratedLeastSquares, error=0.5),
    # Pruning is a jump that rounding can take earlier or later.
    "UnstructuredSBL": Case(_kronecker(), lambda: rc.solvers.UnstructuredSBL(prune=0.0), max_steps=150, error=5e-2),
    "VAMP": Case(_sparse(), rc.solvers.VAMP),
    "WorkingSet": Case(_sparse(), rc.solvers.WorkingSet),
}

_ATOMS = np.random.default_rng(0).standard_normal((6, 4))
_FACTORS = [np.random.default_rng(mode).standard_normal((6, 5)) for mode in range(2)]
_SUPPORTS = [np.arange(5) < 2, np.arange(5) > 2]

THEORY = {
    "activation_second_moment": _at(_ATOMS, 2.0, 1.0, 1.5),
    "adaptive_keep_share": _at(0.3, 0.5, 1.0, 0.1),
    "afa_bias": _at(0.2, 3.0),
    "afa_interval": _at(1.5, 0.2, 4.0),
    "afa_spread": _at(64.0, 3.0),
    "amp_transition": _at(0.4),
    "bernoulli_gauss_fixed_points": _at(0.5, 0.3, 0.05),
    "bernoulli_gauss_mmse": _at(0.2, 0.1),
    "bernoulli_gauss_state_evolution": _at(0.5, 0.3, 0.05, steps=5),
    "bottom_up_information": _at(np.asarray([2.0, 6.0, 20.0])),
    "calibration_counting_limit": _at(12.0, 20.0),
    "calibration_start_error": _at(12.0, 20.0, 7.0, 0.1),
    "chance_recovery": _at(8.0, 100.0),
    "chernoff_hellinger": _at(np.asarray([3.0, 9.0]), np.asarray([9.0, 4.0]), np.asarray([0.5, 0.4])),
    "allocation_factor": _at(np.asarray([0.5, -1.0, 0.25]), 1.0),
    "coherence_isometry": _at(0.2, 3.0),
    "complex_amp_transition": _at(0.4),
    "complex_minimax_threshold": _at(0.4),
    "completion_degrees_of_freedom": _at(10.0, 8.0, 2.0),
    "completion_error": _at(0.1, 10.0, 8.0, 2.0, 60.0),
    "coupon_recovery": _at(1.5),
    "coverage_probability": _at(60.0, 50.0, 500.0, 2.0),
    "coverage_samples": _at(60.0, 50.0, 2.0),
    "damping_bound": _at(np.asarray([10.0, 100.0])),
    "ball_mechanism_scale": _at(1.0, 20.0),
    "classical_gaussian_scale": _at(0.5, 1e-5),
    "fixed_overlap": _at(rc.priors.RademacherPrior(0.5), rc.channels.SignChannel(0.1), sampling=1.5),
    "gaussian_mechanism_delta": _at(1.0, 3.0),
    "gaussian_mechanism_scale": _at(1.0, 1e-5),
    "local_privacy_rate": _at(1e10, 16.0, 4.0, 1.0),
    "design_gap": _at(20.0, 0.1, 0.1),
    "donoho_tanner_strong": _at(0.5),
    "donoho_tanner_weak": _at(0.5),
    "escape_steps": _at(1e-3, 0.1, 2.0, 3.0, 0.7),
    "factored_degrees_of_freedom": _at(10.0, 2.0),
    "farther_probability": _at(20.0, 8.0),
    "gaussian_pq_index": _at(0.5, 1.0),
    "information_limit": _at(0.5, 0.01),
    "information_theoretic_samples": _at(100.0, 5.0, 0.5),
    "laplace_pq_index": _at(0.5, 1.0),
    "largest_kept_penalty": _at(1.5, 50.0),
    "lasso_calibration": _at(0.5, 0.2, 0.1, 1.5),
    "lasso_minimum_mse": _at(0.5, 0.2, 0.1),
    "lasso_slow_rate": _at(80.0, 100.0, 5.0, 0.5),
    "lasso_support_control": _at(80.0, 100.0, 5.0),
    "lasso_support_samples": _at(100.0, 5.0),
    "least_quiet_penalty": _at(0.1, 50.0, 0.05),
    "least_squares_matrix_error": _at(0.1, 8.0, 2.0, 120.0),
    "logistic_existence_threshold": _at(2.0),
    "logistic_likelihood_law": _at(0.1, 1.0),
    "logarithmic_densities": _at(3.0, 200.0),
    "matrix_denoising_error": _at(0.5, 0.4),
    "median_observation": _at(2.0, 0.1, 5.0),
    "minimax_error": _at(80.0, 100.0, 5.0, 0.5),
    "minimax_risk": _at(0.1),
    "least_norm_relevance": _at(np.asarray([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), np.asarray([0.8, 0.6])),
    "minimax_threshold": _at(0.4),
    "mumford_shah_line": _at(np.asarray([0.0, 0.1, -0.1, 1.0, 1.1, 0.9]), 50.0, 0.1),
    "narrow_network_mmse": _at(0.6),
    "net_gap": _at(0.05, 0.1),
    "net_points": _at(0.1, 2.0),
    "net_queries": _at(20.0, 2.0, 0.1),
    "noise_sensitivity": _at(0.5, 0.1),
    "noisy_wishart_density": _at(1.2, 0.5, 0.4),
    "noisy_wishart_edges": _at(0.5, 0.4),
    "noisy_wishart_spectrum": _at(0.5, 0.4),
    "nuclear_norm_dimension": _at(0.1, 0.5),
    "oracle_least_squares_error": _at(_FACTORS, _SUPPORTS, 0.1),
    "phaseless_error": _at(0.1, 6.0, complex_data=True),
    "phaseless_overlap": _at(0.9),
    "phaseless_recovery_threshold": _at(4.0),
    "phasemax_threshold": _at(0.8),
    "pq_pruning_bound": _at(100.0, 0.3, 0.5, 1.0),
    "preconditioned_lasso_error": _at(80.0, 100.0, 5.0, 0.5, 10.0),
    "proposed_damping": _at(0.9, steps=5),
    "quadratic_network_channel_noise": _at(0.5, 0.4),
    "quadratic_network_mmse": _at(0.3, 0.4),
    "quadratic_network_recovery_threshold": _at(0.4),
    "quadratic_network_state_evolution": _at(0.3, 0.4, iterations=5),
    "rare_share_limit": _at(0.02, 3.0),
    "representation_risk": _at(
        np.asarray([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]),
        np.asarray([0.8, 0.6]),
        np.asarray([50.0, 20.0, 30.0]),
        1.0,
        6.0,
    ),
    "resonance_band": _at(12.0, 2.0, 8.0),
    "robust_sample_boundary": _at(0.1, 8.0, 2.0),
    "sparse_relevance": _at(np.asarray([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]), np.asarray([0.8, 0.6]), 0.05),
    "task_allocation": _at(np.asarray([1.0, 0.5, 0.1]), 100.0, np.asarray([10.0, 10.0, 10.0])),
    "sign_coherence": _at(100.0, 500.0),
    "sign_scale": _at(1.0, 0.1, 2.0, 0.5),
    "soft_threshold_active_fraction": _at(0.5, 1.5, 0.2),
    "soft_threshold_fixed_point": _at(0.5, 0.2, 0.1, 1.5),
    "soft_threshold_mse": _at(0.5, 1.5, 0.2),
    "soft_threshold_state_evolution": _at(0.5, 0.2, 0.1, 1.5, steps=5),
    "spectral_overlap": _at(2.0),
    "spiked_covariance_overlap": _at(2.0, 0.5),
    "spiked_information_threshold": _at(rc.priors.RademacherPrior(0.05)),
    "spiked_matrix_overlap": _at(1.5),
    "spiked_overlap": _at(1.5, rc.priors.RademacherPrior(0.05), informed=True),
    "spiked_spinodal": _at(rc.priors.RademacherPrior(0.05)),
    "spiked_state_evolution": _at(1.5, 0.3, steps=3),
    "spinodal": _at(0.5),
    "state_evolution": _at(rc.priors.RademacherPrior(0.5), rc.channels.SignChannel(0.1), sampling=1.5, steps=3),
    "subgradient_growth": _at(1.0, 2.0, 3.0, 0.7),
    "sufficient_width": _at(12.0, 2.0, 0.2),
    "tail_ratio": _at(
        np.asarray([0.1, -2.0, 0.5, 1.0]), np.asarray([True, True, False, True]), 0.5, np.asarray([1.0, 2.0])
    ),
    "threshold_window": _at(0.05, 2.0, 1.0, 1.5),
    "tight_frame_cosine": _at(12.0, 8.0, 0.3),
    "tight_frame_stability": _at(12.0, 8.0, 2.0),
    "top_down_information": _at(np.asarray([2.0, 6.0, 20.0])),
    "unfolding_overlap": _at(1.5),
    "uniform_pq_index": _at(0.5, 1.0),
    "uniqueness_sparsity": _at(0.2),
    "unmixing_oracle_error": _at(_ATOMS, 0.1, 0.1, 0.5),
    "welch_coherence": _at(12.0, 8.0),
    "weak_recovery_threshold": _at(0.5),
    "wide_network_mmse": _at(0.3),
}
