"""Derivatives of every solver that declares an optimality, against central differences in double precision."""

import dataclasses
import os
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import recover as rc
from recover.core import AbstractSolver
from tests import registry

TIGHT = {"tolerance": 1e-13, "patience": 5000}
PENALTIES = rc.penalties
SOLVERS = rc.solvers


@dataclasses.dataclass(frozen=True)
class Case:
    """A noisy instance, so that the answer has a derivative, and a solver that finds it to rounding.

    `held` names what stays as it is; `step` is that of the differences, `steps` the most of the solver.
    """

    model: Callable
    solver: Callable
    held: tuple[str, ...] = ()
    step: float = 1e-5
    steps: int = 50_000


def sparse(**changes):
    return registry._sparse(noise=0.1, **changes)


def calibration(**changes):
    return registry._calibration(noise=0.1, **changes)


def logistic():
    return registry._blocks(link="logistic", snr=2.0, means=None, deviations=None)


def path():
    descent = SOLVERS.NonconvexAcceleratedGradient(PENALTIES.L1(1.0), **TIGHT)
    return SOLVERS.RegularisationPath(descent, points=20, steps=1000)


CONVEX = {
    "AMP": Case(sparse(), lambda: SOLVERS.AMP(threshold=2.0, **TIGHT)),
    "BasisPursuit": Case(sparse(), lambda: SOLVERS.BasisPursuit(tolerance=1e-13)),
    "CoordinateDescent": Case(registry._blocks(), lambda: SOLVERS.CoordinateDescent(PENALTIES.L1(0.1), **TIGHT)),
    "FISTA": Case(sparse(), lambda: SOLVERS.FISTA(penalty=0.3, **TIGHT)),
    "ISTA": Case(sparse(), lambda: SOLVERS.ISTA(penalty=0.5, **TIGHT)),
    "LocalLinear": Case(registry._jumps(), lambda: SOLVERS.LocalLinear(0.05)),
    "NonconvexAcceleratedGradient": Case(
        logistic(), lambda: SOLVERS.NonconvexAcceleratedGradient(PENALTIES.L1(0.02), **TIGHT), held=("observations",)
    ),
    "OracleLeastSquares": Case(calibration(reveal_gains=True), lambda: SOLVERS.OracleLeastSquares(tolerance=1e-13)),
    # Classes are no real numbers. Newton's method ends where the likelihood no longer grows, at the root of rounding.
    "OrdinalRegression": Case(
        registry._classes(), lambda: SOLVERS.OrdinalRegression(tolerance=0.0), ("observations",), 1e-4
    ),
    "ProximalGradient": Case(sparse(), lambda: SOLVERS.ProximalGradient(PENALTIES.L1(0.3, nonnegative=True), **TIGHT)),
    "TargetRidge": Case(registry._tasks(), lambda: SOLVERS.TargetRidge(0.01)),
    "UncalibratedLeastSquares": Case(calibration(), lambda: SOLVERS.UncalibratedLeastSquares(tolerance=1e-13)),
    "WorkingSet": Case(sparse(), lambda: SOLVERS.WorkingSet(penalty=0.3, **TIGHT)),
}
# Greedy supports, penalties that are not convex, and further kinds of the above.
OTHERS = {
    "CoSaMP": Case(sparse(samples=60, sparsity=3), lambda: SOLVERS.CoSaMP(3, **TIGHT)),
    "FISTA_default": Case(sparse(), lambda: SOLVERS.FISTA(**TIGHT)),
    "HTP": Case(sparse(), lambda: SOLVERS.HTP(5, **TIGHT)),
    "IHT": Case(sparse(samples=60, sparsity=3), lambda: SOLVERS.IHT(3, **TIGHT)),
    "NormalizedIHT": Case(sparse(samples=60, sparsity=3), lambda: SOLVERS.NormalizedIHT(3, **TIGHT)),
    "OMP": Case(sparse(), lambda: SOLVERS.OMP(5)),
    "OrdinalRegression_rare": Case(
        registry._classes(), lambda: SOLVERS.OrdinalRegression("rare", tolerance=0.0), ("observations",), 1e-4
    ),
    "ProximalGradient_LQ": Case(sparse(), lambda: SOLVERS.ProximalGradient(PENALTIES.LQ(0.3, 0.5), **TIGHT)),
    "ProximalGradient_MCP": Case(sparse(), lambda: SOLVERS.ProximalGradient(PENALTIES.MCP(0.3), **TIGHT)),
    "ProximalGradient_SCAD": Case(sparse(), lambda: SOLVERS.ProximalGradient(PENALTIES.SCAD(0.3), **TIGHT)),
    "RegularisationPath": Case(registry._blocks(held_out=0.3), path),
    "ReweightedL1": Case(sparse(), lambda: SOLVERS.ReweightedL1(strength=0.3, **TIGHT)),
    "SubspacePursuit": Case(sparse(), lambda: SOLVERS.SubspacePursuit(5, **TIGHT)),
    "Thresholding": Case(sparse(sparsity=1), lambda: SOLVERS.Thresholding(1)),
}
# Without an optimality: through the steps.
UNROLLED = {
    "BayesAMP": Case(sparse(), lambda: SOLVERS.BayesAMP(tolerance=1e-10), steps=300),
    "PreconditionedLasso": Case(
        registry._prediction(design="factor"), lambda: SOLVERS.PreconditionedLasso(8, tolerance=1e-12), steps=2000
    ),
    "TotalVariation": Case(
        registry._jumps(), lambda: SOLVERS.TotalVariation(200.0, tolerance=1e-9), held=("spacing",), steps=1000
    ),
    "VAMP": Case(sparse(), lambda: SOLVERS.VAMP(tolerance=1e-10), steps=300),
}


def test_every_solver_with_an_optimality_is_here():
    declaring = {
        kind
        for case in registry.SOLVERS.values()
        if (kind := type(case.solver())).optimality is not AbstractSolver.optimality
    }
    assert declaring == {type(case.solver()) for case in {**CONVEX, **OTHERS}.values()}


def inner(left, right):
    return sum(jnp.vdot(a, b) for a, b in zip(jtu.tree_leaves(left), jtu.tree_leaves(right), strict=True))


def agrees(case: Case, *adjoints):
    model = case.model()
    posed = model.sample(jax.random.key(1))[0], case.solver()
    posed = jtu.tree_map(lambda leaf: leaf.astype(float) if eqx.is_inexact_array(leaf) else leaf, posed)
    moving, fixed = eqx.partition(posed, eqx.is_inexact_array)
    random = np.random.default_rng(0)

    def drawn(path, leaf):
        name = jtu.keystr(path)
        size = 0.0 if any(f".{each}" in name for each in case.held) else 1.0
        return jnp.asarray(size * random.standard_normal(leaf.shape)) * jnp.where(jnp.isfinite(leaf), jnp.abs(leaf), 0)

    direction = jtu.tree_map_with_path(drawn, moving)

    def solved(moving, **options):
        return rc.solve(*eqx.combine(moving, fixed), max_steps=case.steps, **options)

    def answer(moving, **options):
        return eqx.filter(solved(moving, **options).value, eqx.is_inexact_array)

    assert solved(moving).result == rc.Result.converged
    weights = jtu.tree_map(lambda leaf: jnp.asarray(random.standard_normal(leaf.shape)), answer(moving))

    def loss(moving, **options):
        return inner(weights, answer(moving, **options))

    def shifted(by):
        return loss(jtu.tree_map(lambda leaf, move: leaf + by * move, moving, direction))

    difference = (shifted(case.step) - shifted(-case.step)) / (2 * case.step)
    assert abs(difference) > 1e-8
    for adjoint in adjoints:

        def differentiated(moving, adjoint=adjoint):
            return loss(moving, adjoint=adjoint)

        if adjoint != rc.UnrolledAdjoint("forward"):
            reverse = inner(jax.grad(differentiated)(moving), direction)
            assert float(reverse) == pytest.approx(float(difference), rel=1e-4)
        if adjoint != rc.UnrolledAdjoint():
            _, forward = jax.jvp(differentiated, (moving,), (direction,))
            assert float(forward) == pytest.approx(float(difference), rel=1e-4)


@pytest.mark.parametrize("name", CONVEX)
def test_convex(name, float64):
    agrees(CONVEX[name], rc.ImplicitAdjoint())


@pytest.mark.skipif(not os.environ.get("RECOVER_ALL_CONTRACTS"), reason="with FULL=1")
@pytest.mark.parametrize("name", OTHERS)
def test_others(name, float64):
    agrees(OTHERS[name], rc.ImplicitAdjoint())


@pytest.mark.parametrize("name", UNROLLED)
def test_unrolled(name, float64):
    agrees(UNROLLED[name], rc.UnrolledAdjoint(), rc.UnrolledAdjoint("forward"))
