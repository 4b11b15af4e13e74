"""Wrong arguments for every constructor of the registry, and what is said of them: a script, run without type checking.

Prints one JSON list: constructor, argument, value, kind of error and message; an error of `None` is an argument that was taken.
"""

import functools
import inspect
import json
import pathlib
import tempfile
import warnings

import jax
import numpy as np
import pandas as pd

import recover as rc
from recover.statistics.binomial import binomial_interval
from recover.statistics.tables import boundary, success_table
from tests.registry import MODELS, SOLVERS

WRONG = {
    "string": "much",
    "none": None,
    "nan": float("nan"),
    "complex": 1 + 2j,
    "empty": np.zeros(0),
    "ragged": [[1.0], [1.0, 2.0]],
    "vector": np.array([0.5, 0.25, 0.125]),
    "cube": np.ones((2, 2, 2)),
    "negative": -3,
    "fraction": 2.5,
    "object": object(),
    "dictionary": {"a": 1},
    "function": len,
    "class": dict,
    "date": np.datetime64("2020-01-01"),
    "key": jax.random.key(0),
    "infinite": np.full((3, 3), np.inf),
}
MATRIX = np.random.default_rng(0).standard_normal((6, 4))
LINKS = np.triu(np.ones((6, 6)), 1) + np.triu(np.ones((6, 6)), 1).T
PROBLEMS = {
    "ActivationProblem": {"observations": MATRIX, "samples": 6, "dimension": 4, "key": jax.random.key(0)},
    "BanditProblem": {
        "operator": MATRIX,
        "observations": np.ones(6),
        "misspecification": 0.1,
        "width": 3,
        "oracle": np.ones(4),
    },
    "CalibrationProblem": {
        "operator": np.ones((6, 4, 3)),
        "observations": MATRIX,
        "snapshots": 6,
        "sensors": 4,
        "gain_spread": 0.5,
        "basis": np.eye(3),
        "signal_dimension": 2,
        "gain_basis": np.eye(4),
        "gain_dimension": 2,
        "known_gains": np.ones(4),
    },
    "ClassificationProblem": {"inputs": MATRIX, "observations": np.eye(3)[[0, 1, 2] * 2], "samples": 6},
    "GeneralisedLinearProblem": {
        "operator": MATRIX,
        "observations": MATRIX[:, 0],
        "link": "identity",
        "samples": 6,
        "training": 4,
    },
    "GraphProblem": {"observations": LINKS, "nodes": 6, "communities": 2, "capacity": 2},
    "KroneckerProblem": {
        "factors": [MATRIX, MATRIX],
        "observations": np.ones((6, 6)),
        "samples": 36,
        "noise": 0.1,
        "mode_sparsity": [2, 2],
    },
    "LinearProblem": {
        "operator": MATRIX,
        "observations": MATRIX[:, 0],
        "samples": 6,
        "sparsity": 2,
        "noise": 0.1,
        "column_norm": 1.0,
    },
    "MatrixSensingProblem": {
        "operator": np.ones((6, 3, 3)),
        "observations": np.ones(6),
        "samples": 6,
        "shape": (3, 3),
        "symmetric": True,
        "loss_at_truth": 0.1,
    },
    "MomentProblem": {
        "covariance": np.eye(4),
        "observations": np.ones(4),
        "users": 100.0,
        "truncation": 1.0,
        "width": 3,
    },
    "ListedCompletionProblem": {
        "places": np.stack([np.arange(4)] * 2, 1),
        "observations": np.ones(4),
        "shape": (5, 6),
    },
    "MatrixCompletionProblem": {"observations": MATRIX, "known": MATRIX != 0, "redraws": 0},
    "MultitaskProblem": {
        "moments": np.stack([np.eye(4)] * 3),
        "observations": np.ones((3, 4)),
        "samples": np.ones(3),
        "target_moment": np.eye(4),
        "target_observations": np.ones(4),
        "target_samples": 5.0,
        "tasks": 3,
        "lots": None,
        "oracle": (np.ones((3, 2)), np.ones(2)),
    },
    "OrdinalProblem": {"inputs": MATRIX, "observations": [0, 1, 2] * 2, "samples": 6},
    "PhaselessProblem": {
        "operator": MATRIX,
        "observations": np.ones(6),
        "samples": 6,
        "entry_size": 1.0,
        "known_signal": np.ones(4),
    },
    "SpikedProblem": {
        "observations": LINKS,
        "signal_strength": 2.0,
        "prior": rc.priors.SphericalPrior(),
        "known_signal": np.ones(6),
    },
    "QuadraticNetworkProblem": {
        "inputs": MATRIX,
        "observations": np.ones(6),
        "width": 2,
        "noise": 0.1,
        "samples": 6,
    },
    "UserProblem": {"operator": MATRIX, "observations": np.ones(6), "truncation": 1.0, "samples": 6},
    "SurfaceProblem": {"values": MATRIX, "lower": 0.0, "upper": 1.0, "spacing": 0.1},
    "UnmixingProblem": {
        "observations": np.abs(MATRIX),
        "endmembers": 2,
        "shape": (2, 2),
        "channels": 6,
        "known": MATRIX != 0,
    },
}
# Constructors whose arguments are not their fields.
GIVEN = {
    "BlockSparseRegression": {"link": "identity"},
    "BlindCalibration": {"gain_dimension": None, "noise": None},
    "EquivalentSupports": {"kind": "mixed", "response": "binary"},
    "MarginalScreening": {"statistic": "kernel"},
    "NonconvexAcceleratedGradient": {"damping": "proposed"},
    "NuclearNormCompletion": {"rule": "admm", "level": None},
    "PhaselessProjections": {"rule": "raar"},
    "PlantedFeatures": {"active": (1, 3), "scaling": "unit", "coefficients": "uniform", "frequencies": None},
    "ScreenedFeatures": {"shape": "linear", "link": "identity"},
    "SparseRegression": {"noise": None},
    "SparseUnmixing": {"loss": "channels", "level": "gini"},
}
# Kinds that are functions.
CALLABLE = ("function", "class")
SHIFTED = {
    ("trace_boundary", "along", "dictionary"),
    ("KroneckerProblem", "factors", "cube"),
    ("MatrixCompletionProblem", "observations", "infinite"),
    ("UnmixingProblem", "observations", "cube"),
    ("UnmixingProblem", "observations", "infinite"),
}
# Numbers and kinds for functions that a user calls, of which some are wrong.
SOLVE = {"max_steps": 5, "key": jax.random.key(0), "record": True, "record_every": 1, "throw": False}
SOLVE["progress"] = None


def tried(name, build, arguments):
    """What is said of every wrong value in the place of every argument."""
    for argument in arguments:
        for kind, value in WRONG.items():
            error = message = None
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    build(**{**arguments, argument: value})
            except Exception as raised:
                error, message = type(raised).__name__, str(raised)
            # Matrices of another shape are right, and what is given with them is wrong.
            if (name, argument, kind) in SHIFTED:
                continue
            yield {"constructor": name, "argument": argument, "kind": kind, "error": error, "message": message}


def fields(module):
    """The arguments of the constructor that made a module, as far as they are its fields."""
    names = inspect.signature(type(module)).parameters
    found = {name: getattr(module, name) for name in names if hasattr(module, name)}
    # A method of the same name is no field.
    found = {name: value for name, value in found.items() if not inspect.ismethod(getattr(value, "__wrapped__", value))}
    return {**found, **GIVEN.get(type(module).__name__, {})}


def constructors():
    """Names, what builds, and arguments that are right; one of a kind."""
    for name, arguments in PROBLEMS.items():
        yield name, getattr(rc, name), arguments
    seen = set()
    for module in [*(make() for make in MODELS.values()), *(case.solver() for case in SOLVERS.values())]:
        if type(module) not in seen:
            seen.add(type(module))
            yield type(module).__name__, type(module), fields(module)


def main():
    found = []
    for name, build, arguments in constructors():
        found += tried(name, build, arguments)
    problem = rc.LinearProblem(MATRIX, MATRIX[:, 0])
    options = tried("solve", lambda **options: rc.solve(problem, rc.solvers.IHT(), **options), SOLVE)
    # What a function says of an estimate is its own affair.
    found += [
        each for each in options if each["argument"] not in ("record", "progress") or each["kind"] not in CALLABLE
    ]
    given = {"problem": problem, "solver": rc.solvers.IHT()}
    found += tried("solve", lambda problem, solver: rc.solve(problem, solver, max_steps=2), given)
    found += tried("sample", lambda key: rc.models.SparseRegression(8, 4, 2).sample(key), {"key": jax.random.key(0)})
    axes = {"samples": [3, 4]}

    def cell(samples):
        return rc.models.SparseRegression(6, samples, 1), rc.solvers.IHT()

    def swept(**options):
        return rc.sweep(cell, axes, **options)

    given = {"trials": 2, "seed": 0, "max_steps": 2, "share": "trial", "precision": "float32", "record_every": 1}
    found += tried("sweep", swept, {**given, "memory": 2**20})
    found += [each for each in tried("sweep", swept, {"trials": 2, "progress": False}) if each["kind"] not in CALLABLE]
    table = swept(**given)
    squares = rc.sweep(
        lambda dimension, samples: (rc.models.SparseRegression(dimension, samples, 1), rc.solvers.IHT()),
        {"dimension": [6, 8], **axes},
        **given,
    )
    found += tried("success", table.success, {"below": 0.1, "metric": "error", "confidence": 0.9})
    numbers = {"level": 0.5, "confidence": 0.9, "replicates": 2, "seed": 0}
    found += tried("boundary", table.boundary, {"axis": "samples", "below": 0.1, "metric": "error", **numbers})
    numbers = {"confidence": 0.9, "replicates": 2, "seed": 0}
    found += tried("rate", table.rate, {"axis": "samples", "metric": "error", "below": 0.1, "scale": "log", **numbers})
    given = {"size": "dimension", "axis": "samples", "below": 0.1, "metric": "error"}
    found += tried("collapse", squares.collapse, {**given, **numbers})
    found += tried("select", table.select, {"samples": 3, "solver": "IHT", "trial": 0})
    found += tried("audit", table.audit, {"count": 1})

    def traced(**options):
        return rc.trace_boundary(cell, **{"max_per_curve": 60, "max_steps": 2, "below": 0.1, **options})

    given = {
        "along": {"samples": [2, 3, 4, 5]},
        "width": 2.0,
        "level": 0.5,
        "confidence": 0.9,
        "direction": "increasing",
    }
    found += tried(
        "trace_boundary", traced, {**given, "trials": 3, "points": 4, "metric": "error", "max_per_curve": 60}
    )
    with tempfile.TemporaryDirectory() as folder:
        swept(trials=2, max_steps=2, store=folder)
        found += tried(
            "read", rc.Table.read, {"store": folder, "sweep": next(pathlib.Path(folder).glob("sweeps/*")).stem}
        )
        path = pathlib.Path(folder) / "rows.npy"
        np.save(path, np.repeat(MATRIX, 6, 0))
        found += tried("ActivationFile", lambda scale: rc.training.ActivationFile(path, scale=scale), {"scale": 1.0})
        given = {"steps": 1, "every": 1, "keep": 1, "stride": 1, "block": 8, "buffer": 2, "key": jax.random.key(0)}
        trained = functools.partial(rc.training.train, progress=False)
        known = {"source": rc.training.ActivationFile(path)}
        known["training"] = rc.solvers.AutoencoderTraining(3, rc.autoencoders.ReLU(), batch=4)
        found += tried("train", lambda **options: trained(**options), {**known, **given})
    frame = pd.DataFrame({"samples": [1, 2, 3, 4], "trial": 0, "success": [False, False, True, True], "solver": "a"})
    numbers = {"level": 0.5, "confidence": 0.9, "replicates": 2, "seed": 0, "direction": "increasing"}
    found += tried("boundary", boundary, {"outcomes": frame, "axis": "samples", "by": "solver", **numbers})
    found += tried("success_table", success_table, {"outcomes": frame, "by": "solver", "confidence": 0.9})
    found += tried("binomial_interval", binomial_interval, {"successes": 2, "count": 3, "confidence": 0.9})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
