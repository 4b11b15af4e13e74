"""What free discontinuity regression is compared with: total variation, local linear fits, segments and their means.

They read jumps off their estimates as `FreeDiscontinuityRegression` does: cells whose forward differences (of scaled outcomes) reach a threshold.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..core.adjoint import Optimality, explicit
from ..core.fields import Real, leaf
from ..core.grid import forward_differences, shifted
from ..core.numbers import norm, ratio, squared_norm
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import by_change
from .differences import divergence, gradient
from .jumps import Surface, read_off
from .problem import SurfaceProblem

__all__ = ["LocalLinear", "SegmentThenAverage", "TotalVariation"]

# Primal over dual step of total variation, before scaling: function and field are of order one, but the gradient of order 1/h.
_LEAN = 0.1
# Of the objective, what may be left to gain; and what it is known to, in rounding units per cell.
_SHARE, _ROUNDING = 1e-2, 10


def read_surface(problem: SurfaceProblem, scaled: Float[Array, "*cells"], threshold: Float[Array, ""]) -> Surface:
    """Scaled values as outcomes, with their jumps."""
    return Surface(problem.outcomes(scaled), read_off(scaled, threshold, problem.range))


class TotalVariationState(eqx.Module):
    """The function, its extrapolation, the dual field, and how much the last step changed."""

    values: Float[Array, " cells"]
    extrapolated: Float[Array, " cells"]
    field: Float[Array, "axes cells"]
    change: Float[Array, ""]


class TotalVariation(AbstractSolver[SurfaceProblem, TotalVariationState]):
    r"""$\min_u \lambda \int (u - y)^2 + \int |\nabla u|$ with the isotropic discrete total variation, by primal-dual steps.

    $p \leftarrow \Pi_{|p| \le 1}(p + \sigma \nabla \bar u)$, $u \leftarrow (u + \tau (\operatorname{div} p + 2 \lambda y)) / (1 + 2 \tau
    \lambda)$, $\bar u = 2u - u^{\text{old}}$ with $\sigma \tau \|\nabla\|^2 \le 1$. Converged when the mean of $|u - u^{\text{old}}|$ is at
    most `tolerance`.

    Sources: L. I. Rudin, S. Osher and E. Fatemi, Physica D 60 (1992) (rudin1992); A. Chambolle and T. Pock, Journal of
    Mathematical Imaging and Vision 40 (2011) (chambolle2011, Algorithm 1).
    """

    data_weight: Real = leaf(20.0, "positive")
    threshold: Real = leaf(0.1, "positive")
    tolerance: Real = leaf(2e-6)

    def init(self, problem: SurfaceProblem, key) -> TotalVariationState:
        """The observations, and no field."""
        data = problem.observations.reshape(-1)
        field = jnp.zeros((problem.observations.ndim, data.size), data.dtype)
        return TotalVariationState(data, data, field, jnp.asarray(jnp.inf, data.dtype))

    def step(self, problem: SurfaceProblem, state: TotalVariationState) -> TotalVariationState:
        """One dual and one primal step."""
        data = problem.observations.reshape(-1)
        inverse = 1 / problem.spacing
        step = 1 / (2 * problem.observations.ndim**0.5 * inverse)
        dual_step, primal_step = step / _LEAN, _LEAN * step
        field = state.field + dual_step * jnp.stack(gradient(state.extrapolated, problem.cells)) * inverse
        field = field / jnp.maximum(norm(field, 0, keepdims=True), 1)
        slope = divergence(tuple(field), problem.cells) * inverse + 2 * self.data_weight * data
        values = (state.values + primal_step * slope) / (1 + 2 * primal_step * self.data_weight)
        change = jnp.mean(jnp.abs(values - state.values))
        return TotalVariationState(values, 2 * values - state.values, field, change)

    def status(self, problem: SurfaceProblem, state: TotalVariationState) -> Result:
        """Converged when the mean change of a cell is at most `tolerance`."""
        return by_change(state.change, self.tolerance)

    def certificate(self, problem: SurfaceProblem, state: TotalVariationState) -> Certificate:
        r"""The duality gap over $10^{-2}$ of the objective, or over what rounding leaves of the latter.

        With the dual objective $-\langle \operatorname{div} p, y \rangle - \|\operatorname{div} p\|^2 / (4 \lambda)$ the gap is
        $\lambda \|u - y - \operatorname{div} p / (2 \lambda)\|^2 + \sum (|\nabla u| - \langle \nabla u, p \rangle)$.
        """
        inverse, weight = 1 / problem.spacing, self.data_weight
        misfit = state.values - problem.observations.reshape(-1)
        slopes = jnp.stack(gradient(state.values, problem.cells)) * inverse
        lengths = norm(slopes, 0)
        flow = divergence(tuple(state.field), problem.cells) * inverse
        gap = weight * squared_norm(misfit - flow / (2 * weight)) + jnp.sum(lengths - jnp.sum(slopes * state.field, 0))
        objective = weight * squared_norm(misfit) + jnp.sum(lengths)
        floor = _ROUNDING * jnp.finfo(misfit.dtype).eps * problem.count * jnp.maximum(weight, inverse)
        return Certificate(gap / jnp.maximum(_SHARE * objective, floor), jnp.zeros((), bool))

    def estimate(self, problem: SurfaceProblem, state: TotalVariationState) -> Surface:
        """The function in the units of the outcomes, with its jumps."""
        return read_surface(problem, state.values.reshape(problem.cells), self.threshold)


class LocalLinearState(eqx.Module):
    """The fit; `change` is infinite until it has been made."""

    values: Float[Array, "*cells"]
    change: Float[Array, ""]


class LocalLinear(AbstractSolver[SurfaceProblem, LocalLinearState]):
    r"""At every cell the intercept of a linear fit with Gaussian product weights of standard deviation `bandwidth`.

    On a full grid the weights around a cell are a product measure, under which the coordinates are uncorrelated, so the
    intercept is the weighted mean minus, for every axis, the slope times the mean offset along it: products with one matrix per axis
    and no linear solves. One step, which is the answer: nothing is left to certify.

    Source: J. Fan and I. Gijbels, Local Polynomial Modelling and Its Applications (1996) (fan1996).
    """

    bandwidth: Real = leaf(0.05, "positive")
    threshold: Real = leaf(0.1, "positive")

    def init(self, problem: SurfaceProblem, key) -> LocalLinearState:
        """The observations."""
        return LocalLinearState(problem.observations, jnp.asarray(jnp.inf, problem.observations.dtype))

    def step(self, problem: SurfaceProblem, state: LocalLinearState) -> LocalLinearState:
        """Fits all cells at once."""
        return LocalLinearState(local_linear(problem, self.bandwidth), jnp.zeros_like(state.change))

    def status(self, problem: SurfaceProblem, state: LocalLinearState) -> Result:
        """Converged after one step."""
        return by_change(state.change, 0.0)

    def optimality(self, problem: SurfaceProblem, state: LocalLinearState) -> Optimality:
        """The step itself."""
        return explicit(lambda: self.estimate(problem, self.step(problem, state)))

    def estimate(self, problem: SurfaceProblem, state: LocalLinearState) -> Surface:
        """The fit in the units of the outcomes, with its jumps."""
        return read_surface(problem, state.values, self.threshold)


def local_linear(problem: SurfaceProblem, bandwidth: Real) -> Float[Array, "*cells"]:
    """The fit of `LocalLinear` to scaled observations."""
    data = problem.observations
    width = bandwidth / problem.spacing
    # One row per axis is enough for all moments: the weights of an axis, and those times offset.
    means, leaning, offsets, variances = data, [], [], []
    for axis, size in enumerate(problem.cells):
        index = jnp.arange(size, dtype=data.dtype)
        offset = index[None, :] - index[:, None]
        weights = jnp.exp(-0.5 * (offset / width) ** 2)
        weights = weights / jnp.sum(weights, axis=1, keepdims=True)
        mean = jnp.sum(weights * offset, axis=1)
        shape = [1] * data.ndim
        shape[axis] = size
        offsets.append(mean.reshape(shape))
        variances.append((jnp.sum(weights * offset**2, axis=1) - mean**2).reshape(shape))
        leaning = [_along(weights, part, axis) for part in leaning] + [_along(weights * offset, means, axis)]
        means = _along(weights, means, axis)
    fit = means
    for mean, variance, moment in zip(offsets, variances, leaning, strict=True):
        # A bandwidth far below a cell leaves no variance, and no slope to speak of.
        covariance = moment - mean * means
        fit = fit - mean * ratio(covariance, jnp.where(variance > 1e-6, variance, 0))
    return fit


def _along(matrix: Float[Array, "n n"], values: Float[Array, "*cells"], axis: int) -> Float[Array, "*cells"]:
    """A matrix applied to one axis."""
    return jnp.moveaxis(jnp.tensordot(matrix, values, axes=(1, axis)), 0, axis)


class SegmentState(eqx.Module):
    """Labels of the cells, where neighbours are cut apart, and how many labels the last step changed."""

    labels: Int[Array, "*cells"]
    cuts: Bool[Array, "axes *cells"]
    change: Float[Array, ""]


class SegmentThenAverage(AbstractSolver[SurfaceProblem, SegmentState]):
    r"""Segments of cells that no step separates, and in each the mean of its observations.

    Neighbours whose local linear fits (`bandwidth`) differ by at least `threshold` are cut apart; what remains connected is a
    segment. Labels spread to neighbours until none changes, which is the answer: nothing is left to certify.
    """

    bandwidth: Real = leaf(0.02, "positive")
    threshold: Real = leaf(0.1, "positive")

    def init(self, problem: SurfaceProblem, key) -> SegmentState:
        """Every cell a segment of its own."""
        smooth = local_linear(problem, self.bandwidth)
        cuts = jnp.abs(forward_differences(smooth)) >= self.threshold
        size = problem.observations.size
        labels = jnp.arange(size, dtype=jnp.int32).reshape(problem.cells)
        return SegmentState(labels, cuts, jnp.asarray(jnp.inf, smooth.dtype))

    def step(self, problem: SurfaceProblem, state: SegmentState) -> SegmentState:
        """Every cell takes the least label among itself and the neighbours it is connected with, then that cell's label."""
        labels, size = state.labels, state.labels.size
        for axis in range(labels.ndim):
            cut = state.cuts[axis]
            ahead = jnp.where(cut, size, shifted(labels, axis, 1, size))
            behind = jnp.where(shifted(cut, axis, -1, True), size, shifted(labels, axis, -1, size))
            labels = jnp.minimum(labels, jnp.minimum(ahead, behind))
        labels = labels.reshape(-1)[labels]
        changed = jnp.sum(labels != state.labels).astype(state.change.dtype)
        return SegmentState(labels, state.cuts, changed)

    def status(self, problem: SurfaceProblem, state: SegmentState) -> Result:
        """Converged once no label changes."""
        return by_change(state.change, 0.0)

    def estimate(self, problem: SurfaceProblem, state: SegmentState) -> Surface:
        """In every cell the mean of its segment; jumps are where neighbours are cut apart."""
        data, labels = problem.observations.reshape(-1), state.labels.reshape(-1)
        totals = jnp.zeros_like(data).at[labels].add(data)
        counts = jnp.zeros_like(data).at[labels].add(1)
        means = totals[labels] / counts[labels]
        values = means.reshape(problem.cells)
        sizes = read_off(values, self.threshold / 2, problem.range)
        cut = jnp.any(state.cuts, axis=0)
        return Surface(problem.outcomes(values), jnp.where(cut, sizes, 0))
