"""Old paths of modules, which work for one release and say where the module is now."""

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings

# Old path: new one, or several where the names of a module parted.
MOVED = {
    "arguments": "core.checks",
    "atomic_inner_product": "dictionaries.atomic_inner_product",
    "autoencoders": "dictionaries.autoencoders",
    "autoencoders.activations": "dictionaries.autoencoders.activations",
    "autoencoders.autoencoder": "dictionaries.autoencoders.autoencoder",
    "autoencoders.controls": "dictionaries.autoencoders.controls",
    "autoencoders.dead_neurons": "dictionaries.autoencoders.dead_neurons",
    "autoencoders.encoders": "dictionaries.autoencoders.encoders",
    "autoencoders.ideal": "dictionaries.autoencoders.ideal",
    "autoencoders.norm_matching": "dictionaries.autoencoders.norm_matching",
    "autoencoders.optimisers": "dictionaries.autoencoders.optimisers",
    "batching": "core.linalg",
    "clustering": "graphs.clustering",
    "dendrograms": "graphs.dendrograms",
    "denoisers": "sparse.denoisers",
    "diagnostics": "landscape",
    "diagnostics.basin": "landscape.basin",
    "diagnostics.descent": "landscape.descent",
    "diagnostics.feature_activation": "dictionaries.feature_activation",
    "diagnostics.hessian": "landscape.hessian",
    "diagnostics.noise_level": "surfaces.noise_level",
    "diagnostics.sign_restricted_isometry": "low_rank.sign_restricted_isometry",
    "diagnostics.subsampling": "surfaces.subsampling",
    "diagnostics.trajectory": "landscape.trajectories",
    "differences": "surfaces.differences",
    "draws": "core.draws",
    "ensembles": "operators.ensembles",
    "factorisations": "core.linalg",
    "factors": "low_rank.factors",
    "gridding": "surfaces.gridding",
    "initialisers.endmembers": "mixtures.starts",
    "initialisers.factors": "low_rank.starts",
    "jumps": "surfaces.jumps",
    "kronecker": "operators.mode_products",
    "leaves": "core.leaves",
    "loop": "core.solve core.solving",
    "matching": "core.matching",
    "metrics": "core.metrics",
    "models.base": "core.model",
    "models.blind_calibration": "bilinear.model",
    "models.hierarchical_sbm": "graphs.model",
    "models.irs_channel": "tensors.irs_channel",
    "models.jump_surface": "surfaces.model",
    "models.kronecker_sparse": "tensors.kronecker_sparse",
    "models.matrix_sensing": "low_rank.model",
    "models.planted_atoms": "dictionaries.planted_atoms",
    "models.planted_code": "dictionaries.planted_code",
    "models.planted_features": "dictionaries.planted_features",
    "models.quadratic_network": "networks.quadratic_network",
    "models.sparse_regression": "sparse.sparse_regression",
    "models.sparse_teacher": "networks.sparse_teacher",
    "models.spectral_mixture": "mixtures.model",
    "node_pairs": "surfaces.node_pairs",
    "padding": "core.sizes",
    "partitions": "graphs.partitions",
    "problems.activations": "dictionaries.problem dictionaries.planted_activations",
    "problems.calibration": "bilinear.problem",
    "problems.classification": "networks.classification",
    "problems.graph": "graphs.problem",
    "problems.kronecker": "tensors.problem",
    "problems.linear": "sparse.problem",
    "problems.matrix_sensing": "low_rank.problem",
    "problems.quadratic_network": "networks.quadratic_problem",
    "problems.surface": "surfaces.problem",
    "problems.unmixing": "mixtures.problem",
    "projections": "bilinear.projections",
    "proximal": "scalar.proximal",
    "results": "core.results",
    "rows": "core.row_slices",
    "selection": "core.selection",
    "solvers.amp": "sparse.amp",
    "solvers.autoencoder_training": "dictionaries.autoencoder_training",
    "solvers.averaged_gradient_descent": "networks.averaged_gradient_descent",
    "solvers.base": "core.solver",
    "solvers.basis_pursuit": "sparse.basis_pursuit",
    "solvers.blind_calibration": "bilinear.descent",
    "solvers.bottom_up": "graphs.bottom_up",
    "solvers.calibration_least_squares": "bilinear.least_squares",
    "solvers.certified_training": "dictionaries.certified_training",
    "solvers.cosamp": "sparse.cosamp",
    "solvers.factored": "low_rank.factored",
    "solvers.factored_gradient_descent": "low_rank.factored_gradient_descent",
    "solvers.free_discontinuity": "surfaces.free_discontinuity",
    "solvers.gamp_rie": "networks.gamp_rie",
    "solvers.hard_thresholding_pursuit": "sparse.hard_thresholding_pursuit",
    "solvers.hyperparameters": "core.checks sparse.sparsity",
    "solvers.iterative_hard_thresholding": "sparse.iterative_hard_thresholding",
    "solvers.kronecker_omp": "tensors.kronecker_omp",
    "solvers.kronecker_sbl": "tensors.kronecker_sbl",
    "solvers.linear": "sparse.linear",
    "solvers.orthogonal_matching_pursuit": "sparse.orthogonal_matching_pursuit",
    "solvers.proximal_gradient": "sparse.proximal_gradient",
    "solvers.pruning": "networks.pruning",
    "solvers.raveled": "tensors.raveled",
    "solvers.restricted_least_squares": "sparse.restricted_least_squares",
    "solvers.reweighted_l1": "sparse.reweighted_l1",
    "solvers.sparse_bayesian_learning": "sparse.sparse_bayesian_learning",
    "solvers.sparse_unmixing": "mixtures.sparse_unmixing",
    "solvers.spherical_bias_adaptation": "dictionaries.spherical_bias_adaptation",
    "solvers.stein_risk": "surfaces.stein_risk",
    "solvers.subgradient_method": "low_rank.subgradient_method",
    "solvers.subspace_pursuit": "sparse.subspace_pursuit",
    "solvers.surface_baselines": "surfaces.surface_baselines",
    "solvers.thresholding": "sparse.thresholding",
    "solvers.top_down": "graphs.top_down",
    "solvers.unstructured_sbl": "tensors.unstructured_sbl",
    "solvers.vamp": "sparse.vamp",
    "sparsity_measures": "networks.sparsity_measures scalar.gini",
    "spatial": "mixtures.spatial",
    "spectral_denoisers": "networks.spectral_denoisers",
    "steps": "low_rank.steps",
    "stopping": "core.stopping",
    "subspaces": "graphs.subspaces",
    "sweeps.binomial": "statistics.binomial",
    "sweeps.logistic": "statistics.logistic",
    "sweeps.placement": "statistics.trace",
    "sweeps.statistics": "statistics.tables",
    "symmetric": "operators.symmetric",
    "theory._arguments": "core.theory_arguments",
    "theory._gaussian": "scalar.gaussian",
    "theory._root": "core.root",
    "theory.approximate_activation": "dictionaries.approximate_activation",
    "theory.atoms": "dictionaries.atoms",
    "theory.bernoulli_gauss": "scalar.bernoulli_gauss",
    "theory.blind_calibration": "bilinear.theory",
    "theory.donoho_tanner": "sparse.donoho_tanner",
    "theory.hierarchical_sbm": "graphs.theory",
    "theory.kronecker_sparse": "tensors.theory",
    "theory.minimax": "scalar.minimax",
    "theory.mumford_shah": "surfaces.theory",
    "theory.noisy_wishart": "networks.noisy_wishart",
    "theory.planted_features": "dictionaries.resonance",
    "theory.pruning": "networks.pruning_theory",
    "theory.quadratic_network": "networks.quadratic_theory",
    "theory.robust_matrix_sensing": "low_rank.theory",
    "theory.spectral_mixture": "mixtures.theory",
    "theory.support_recovery": "sparse.support_recovery",
    "threefry": "core.threefry",
    "training": "dictionaries.training",
    "training.files": "dictionaries.training.files",
    "training.sources": "dictionaries.training.sources",
    "training.train": "dictionaries.training.checkpointed",
    "trees": "graphs.trees",
}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the module of the new path under the old one."""

    def find_spec(self, fullname, path=None, target=None):
        package, _, old = fullname.partition(".")
        if package != __package__ or old not in MOVED:
            return None
        new = " and ".join(f"{package}.{home}" for home in MOVED[old].split())
        warnings.warn(f"{fullname} is now {new}; the old path goes with the next release.", DeprecationWarning, 2)
        return importlib.machinery.ModuleSpec(fullname, self)

    def exec_module(self, module):
        """The import system returns what it then finds under the old name."""
        package, _, old = module.__name__.partition(".")
        homes = [importlib.import_module(f"{package}.{home}") for home in MOVED[old].split()]
        if len(homes) == 1:
            sys.modules[module.__name__] = homes[0]
            return
        for home in homes:
            vars(module).update({name: value for name, value in vars(home).items() if not name.startswith("__")})


# First, since a finder of an editable installation may look for old paths in an older checkout.
sys.meta_path.insert(0, _Finder())
