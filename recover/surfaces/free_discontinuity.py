"""Free discontinuity regression: the Mumford-Shah functional, lifted to a convex problem and solved by primal-dual steps."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.fields import Real, count, leaf
from ..core.linalg import one_at_a_time_on_cpu
from ..core.results import Result
from ..core.row_slices import put_row, take_row
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import by_change
from . import node_pairs
from .differences import divergence, gradient
from .jumps import Surface, read_off
from .problem import SurfaceProblem

__all__ = ["FreeDiscontinuityRegression"]

# Halley's method descends on a convex function from above; from the bounds below, four steps are exact to single precision.
_HALLEY = 4
# From so many entries of the lifted function on, a CPU takes the problems of a batch one at a time; fewer do not pay for a
# loop. One problem fills the cache and its loops run over vectors of cells; side by side, steps and weights that differ
# between lanes become vectors too, loops are no longer vectorised, and an iteration takes twice as long (measured).
_ALONE = 4096
# What the lifted function may move in an iteration of steps of ordinary length.
_SMALL = 5e-4


class FreeDiscontinuityState(eqx.Module):
    """The lifted function and its extrapolation, the fields p and q, the multipliers and the sum of those at each node.

    Parts along different axes are different arrays. Cells are one flat, trailing axis, padded by cells that have no neighbours;
    `multipliers` are as in `recover.surfaces.node_pairs`.
    """

    lifted: Float[Array, "levels cells"]
    extrapolated: Float[Array, "levels cells"]
    flux: tuple[Float[Array, "levels cells"], ...]
    height: Float[Array, "levels cells"]
    multipliers: node_pairs.Multipliers
    tension: node_pairs.AtNodes
    tension_extrapolated: node_pairs.AtNodes
    change: Float[Array, ""]


class FreeDiscontinuityRegression(AbstractSolver[SurfaceProblem, FreeDiscontinuityState]):
    r"""A piecewise smooth function with unknown jumps, found together with them, by a convex programme.

    The Mumford-Shah functional of a function $u: [0, 1]^d \to [0, 1]$ with jump set $S_u$,

    $$\lambda \int (u - y)^2 + \int_{\setminus S_u} |\nabla u|^2 + \nu\, \mathcal{H}^{d-1}(S_u),$$

    is lifted to $v(x, t) = 1\{t < u(x)\}$, relaxed to $v \in [0, 1]$ with $v(x, 0) = 1$ and $v(x, 1) = 0$:

    $$\min_v \sup_{(p, q) \in K} \int \langle (p, q), Dv \rangle, \qquad
    K:\; q \ge \tfrac14 |p|^2 - \lambda (t - y)^2, \quad \Big| \int_{t_1}^{t_2} p \,dt \Big| \le \nu \;\; \forall t_1 < t_2 .$$

    On $S$ levels $t_k = k / S$ the last constraint is one on the differences of the $S + 1$ partial sums
    $P_j = \sum_{k \le j} p_k$, and is put into the objective with a multiplier $\mu_{ij}$ per pair $i < j$, whose conjugate
    is $\nu S |\mu_{ij}|$. So one step is, with $h$ the spacing, forward differences and their adjoint,

    $$\begin{aligned}
    (p, q) &\leftarrow \Pi_{\text{parabola}} \big( p + \sigma_p (\nabla \bar v + M(\bar\mu)),\; q + \sigma_t\, \partial_t \bar v \big), &
    M_k &= \textstyle\sum_{i < k \le j} \mu_{ij}, \\
    \mu_{ij} &\leftarrow \operatorname{shrink}\big( \mu_{ij} - \tau_{ij} (P_j - P_i),\; \tau_{ij} \nu S \big), &
    \bar\mu &= 2 \mu - \mu^{\text{old}}, \\
    v &\leftarrow \operatorname{clip}_{[0, 1]} \big( v + \tau_v (\operatorname{div} p + \operatorname{div}_t q) \big), &
    \bar v &= 2 v - v^{\text{old}},
    \end{aligned}$$

    with $v_1 = 1$, $v_S = 0$ and the diagonally preconditioned steps $\sigma_p(k) = 1 / (2a/h + b k (S - k + 1))$,
    $\sigma_t = 1/(2Sa)$, $\tau_v = a/(2d/h + 2S)$, $\tau_{ij} = b / |j - i|$, which converge for all $a, b > 0$ (pock2011,
    applied to $v/a$ and $\mu/b$). Compared with the splitting by an auxiliary $s_{ij} = P_j - P_i$ this keeps
    one array of pairs instead of three. The factors are `lifted_step` $= a$ and `multiplier_step` $= b$. With both at 1 the
    tolerance of the literature, the default, is met far from the minimiser, and published weights are tuned to estimates
    of that kind; with 2 and 10 the distance to the minimiser after 300 iterations is a half to an eighth (docs/fdr.md).

    The estimate crosses one half: $u = (k + (v_k - \frac12) / (v_k - v_{k+1})) / S$ minus `shift` levels. A binary $v$ gives
    $(k + \frac12)/S$ while its data term is charged at $k / S$; half a level takes the bias off. Jumps are where $|u(\cdot + e_j)
    - u|_j$ reaches `threshold`, $\sqrt\nu$ by default (on the scaled outcomes), with sizes as `recover.surfaces.jumps.jump_sizes`.

    Converged when the mean of $|v - v^{\text{old}}|$ is at most `tolerance`, tested after every `iterations` iterations,
    which are one step of this solver, and, since short steps move little anywhere, at most $5 \cdot 10^{-4}$ over the largest of
    $a, 1/a, b, 1/b$ (the certificate). Hyper-parameters other than `levels` and `iterations` are traced.

    Sources: F. Gunsilius and D. Van Dijcke, "Free Discontinuity Regression: With an Application to the Economic Effects of
    Internet Shutdowns", arXiv:2309.14630 (gunsilius2023); G. Alberti, G. Bouchitté and G. Dal Maso (alberti2003) for the
    calibration; T. Pock, D. Cremers, H. Bischof and A. Chambolle (pock2009) for the discretisation; T. Pock and A. Chambolle
    (pock2011) for the steps; E. Strekalovskiy, A. Chambolle and D. Cremers (strekalovskiy2012) for multipliers on pairs.
    """

    data_weight: Real = leaf(50.0, "positive")
    jump_penalty: Real = leaf(0.01, "positive")
    levels: int = count(4, default=32)
    threshold: Real | None = leaf(None, "positive")
    shift: Real = leaf(0.5)
    tolerance: Real = leaf(5e-5, "nonnegative")
    iterations: int = count(1, default=10)
    lifted_step: Real = leaf(1.0, "positive")
    multiplier_step: Real = leaf(1.0, "positive")

    def check_together(self):
        """Pairs of nodes are kept for an even number of levels."""
        if self.levels % 2:
            raise ValueError(f"{type(self).__name__}: `levels` is {self.levels}; an even number is allowed.")

    def init(self, problem: SurfaceProblem, key) -> FreeDiscontinuityState:
        """The lifted observations, and no forces."""
        data = _flat(problem)
        dtype, cells, axes = data.dtype, data.size, len(problem.cells)
        level = jnp.arange(1, self.levels + 1, dtype=dtype) / self.levels
        lifted = (level[:, None] < data[None, :]).astype(dtype)
        lifted = lifted.at[0].set(1).at[-1].set(0)
        nodes = tuple(jnp.zeros((self.levels + 1, cells), dtype) for _ in range(axes))
        return FreeDiscontinuityState(
            lifted=lifted,
            extrapolated=lifted,
            flux=tuple(jnp.zeros((self.levels, cells), dtype) for _ in range(axes)),
            height=jnp.zeros((self.levels, cells), dtype),
            multipliers=node_pairs.zeros(self.levels, axes, problem.observations.size, dtype),
            tension=nodes,
            tension_extrapolated=nodes,
            change=jnp.asarray(jnp.inf, dtype),
        )

    def step(self, problem: SurfaceProblem, state: FreeDiscontinuityState) -> FreeDiscontinuityState:
        """A few iterations, then the test of the change."""
        arrays, static = eqx.partition((self, problem, state), eqx.is_array)

        def advance(arrays):
            solver, problem, state = eqx.combine(arrays, static)
            return jax.lax.fori_loop(0, solver.iterations, lambda _, now: solver._iterate(problem, now), state)

        if problem.observations.size * self.levels < _ALONE:
            return advance(arrays)
        return one_at_a_time_on_cpu(advance)(arrays)

    def _iterate(self, problem: SurfaceProblem, state: FreeDiscontinuityState) -> FreeDiscontinuityState:
        """One iteration: all that is local in pairs, level by level from the top, and then the multipliers."""
        turn = _first_turn(state)
        constants = self._constants(problem, state.tension_extrapolated)
        # Three turns more than levels, until the last one has left the pipeline.
        turn = jax.lax.fori_loop(0, self.levels + 3, lambda number, now: _next_turn(constants, number, now), turn)
        distances = jnp.asarray(node_pairs.distances(self.levels), state.lifted.dtype)
        steps, bound = self.multiplier_step / distances, self.jump_penalty * self.levels
        multipliers, tension = node_pairs.shrink(state.multipliers, turn.sums, steps, bound)
        return FreeDiscontinuityState(
            lifted=turn.lifted,
            extrapolated=turn.extrapolated,
            flux=turn.flux,
            height=turn.height,
            multipliers=multipliers,
            tension=tension,
            tension_extrapolated=tuple(2 * new - old for new, old in zip(tension, state.tension, strict=True)),
            change=turn.moved / (self.levels * problem.observations.size),
        )

    def _constants(self, problem: SurfaceProblem, tension: node_pairs.AtNodes) -> "_Constants":
        inverse = 1 / problem.spacing
        return _Constants(
            data=_flat(problem),
            tension=tension,
            cells=problem.cells,
            levels=self.levels,
            inverse=inverse,
            weight=self.data_weight,
            lifted_scale=self.lifted_step,
            multiplier_scale=self.multiplier_step,
            primal_step=self.lifted_step / (2 * len(problem.cells) * inverse + 2 * self.levels),
            height_step=1 / (2 * self.levels * self.lifted_step),
        )

    def status(self, problem: SurfaceProblem, state: FreeDiscontinuityState) -> Result:
        """Converged when the mean change of the lifted function in the last iteration is at most `tolerance`."""
        return by_change(state.change, self.tolerance)

    def certificate(self, problem: SurfaceProblem, state: FreeDiscontinuityState) -> Certificate:
        """The change of the lifted function in the units of the shortest of all steps, over ten default tolerances."""
        factors = jnp.stack([self.lifted_step, self.multiplier_step])
        shortness = jnp.max(jnp.maximum(factors, 1 / factors))
        return Certificate(state.change * shortness / _SMALL, jnp.zeros((), bool))

    def estimate(self, problem: SurfaceProblem, state: FreeDiscontinuityState) -> Surface:
        """The level at which the lifted function crosses one half, with the jumps read off it."""
        lifted = state.lifted[:, : problem.observations.size]
        scaled = crossing(lifted, self.shift).reshape(problem.cells)
        threshold = jnp.sqrt(self.jump_penalty) if self.threshold is None else self.threshold
        return Surface(problem.outcomes(scaled), read_off(scaled, threshold, problem.range))

    def stats(self, problem: SurfaceProblem, state: FreeDiscontinuityState) -> dict[str, Array]:
        """`undecided`: share of the lifted function that is neither within 0.01 of 0 nor of 1, a gauge of the relaxation."""
        lifted = state.lifted[:, : problem.observations.size]
        inside = (lifted > 0.01) & (lifted < 0.99)
        return {"undecided": jnp.mean(inside.astype(lifted.dtype))}

    def bytes_per_iteration(self, cells: tuple[int, ...], itemsize: int = 4) -> int:
        """Bytes of the arrays that an iteration must read once and write once, however it is arranged."""
        total, axes, nodes = math.prod(cells), len(cells), self.levels + 1
        multipliers = self.levels // 2 * nodes * axes
        # Lifted function and extrapolation, height; flux; partial sums, tension and its extrapolation.
        local = self.levels * (3 + axes) + 3 * nodes * axes
        return 2 * itemsize * total * (multipliers + local)


class _Constants(NamedTuple):
    """What all turns of an iteration read: flat data, the extrapolated tension at the nodes, weights and steps."""

    data: Float[Array, " cells"]
    tension: node_pairs.AtNodes
    cells: tuple[int, ...]
    levels: int
    inverse: Real
    weight: Real
    lifted_scale: Real
    multiplier_scale: Real
    primal_step: Real
    height_step: Real


class _Turn(NamedTuple):
    """A pipeline of three stages, one level apart, on its way from the top level to the lowest.

    A level's rows stay in the cache from stage to stage. What a stage computes is written to its array in the next turn,
    when nothing needs the old row any more: written at once, it would make every level copy whole arrays.
    """

    # The arrays, with `sums` the partial sums of the flux at the nodes counted from the top: only their differences matter.
    flux: tuple[Float[Array, "levels cells"], ...]
    height: Float[Array, "levels cells"]
    sums: node_pairs.AtNodes
    lifted: Float[Array, "levels cells"]
    extrapolated: Float[Array, "levels cells"]
    # Rows of the first stage: the fields of a level, the sums at the node above it, and the force of the pairs around it.
    flux_row: tuple[Float[Array, " cells"], ...]
    height_row: Float[Array, " cells"]
    sum_row: tuple[Float[Array, " cells"], ...]
    pull: tuple[Float[Array, " cells"], ...]
    # Of the second: the divergence of the fields of the level above, but for the height of the level below that.
    outflow: Float[Array, " cells"]
    # Of the third: the lifted function two levels above, moved, and its extrapolation.
    lifted_row: Float[Array, " cells"]
    extrapolated_row: Float[Array, " cells"]
    # The sum of |v - old v| so far.
    moved: Float[Array, ""]


def _first_turn(state: FreeDiscontinuityState) -> _Turn:
    """The pipeline before any level has entered it."""
    nothing = jnp.zeros_like(state.height[0])
    no_flux = (nothing,) * len(state.flux)
    return _Turn(
        flux=state.flux,
        height=state.height,
        sums=tuple(jnp.zeros_like(part) for part in state.tension),
        lifted=state.lifted,
        extrapolated=state.extrapolated,
        flux_row=no_flux,
        height_row=nothing,
        sum_row=no_flux,
        pull=no_flux,
        outflow=nothing,
        lifted_row=nothing,
        extrapolated_row=nothing,
        moved=jnp.zeros((), nothing.dtype),
    )


def _next_turn(constants: _Constants, number, turn: _Turn) -> _Turn:
    """Every stage moves one level down; in the first of them that is level `levels - 1 - number`, in the last two above."""
    k = constants.levels - 1 - number
    turn = _written(constants, k, turn)
    lifted_row, extrapolated_row = _moved_level(constants, k, turn)
    outflow = divergence(turn.flux_row, constants.cells) * constants.inverse + constants.levels * turn.height_row
    flux_row, height_row, pull = _fields(constants, k, turn)
    return turn._replace(
        flux_row=flux_row,
        height_row=height_row,
        pull=pull,
        outflow=outflow,
        lifted_row=lifted_row,
        extrapolated_row=extrapolated_row,
    )


def _written(constants: _Constants, k, turn: _Turn) -> _Turn:
    """The rows of the last turn in their arrays."""
    levels, number_of_cells = constants.levels, math.prod(constants.cells)
    sum_row = _each(lambda total, part: jnp.where(k + 1 < levels, total - part, 0), turn.sum_row, turn.flux_row)
    change = jnp.sum(jnp.abs(turn.extrapolated_row - turn.lifted_row)[:number_of_cells])
    return turn._replace(
        flux=_each(_put_valid, turn.flux, turn.flux_row, index=k + 1),
        height=_put_valid(turn.height, turn.height_row, k + 1),
        sums=_each(_put_valid, turn.sums, sum_row, index=k + 1),
        lifted=_put_valid(turn.lifted, turn.lifted_row, k + 3),
        extrapolated=_put_valid(turn.extrapolated, turn.extrapolated_row, k + 3),
        sum_row=sum_row,
        moved=turn.moved + jnp.where(k + 3 < levels, change, 0),
    )


def _moved_level(constants: _Constants, k, turn: _Turn) -> tuple[Float[Array, " cells"], Float[Array, " cells"]]:
    """Third stage: a level whose fields, and those below, are known may move, unless it is the first or the last."""
    levels = constants.levels
    old = take_row(turn.lifted, jnp.minimum(k + 2, levels - 1))
    inside = (k + 2 > 0) & (k + 2 < levels - 1)
    moved = jnp.clip(old + constants.primal_step * (turn.outflow - levels * turn.height_row), 0, 1)
    new = jnp.where(inside, moved, old)
    return new, 2 * new - old


def _fields(constants: _Constants, k, turn: _Turn):
    """First stage: flux and height of a level, and the force of all pairs of nodes that it lies between."""
    levels, inverse = constants.levels, constants.inverse
    at = jnp.maximum(k, 0)
    above = (at + 1).astype(constants.data.dtype)
    here = take_row(turn.extrapolated, at)
    pull = _each(lambda total, force: total + take_row(force, at + 1), turn.pull, constants.tension)
    flux_step = 1 / (2 * inverse * constants.lifted_scale + above * (levels - above + 1) * constants.multiplier_scale)
    # At the top there is no level above, and the same row makes the difference zero.
    rise = take_row(turn.extrapolated, jnp.minimum(at + 1, levels - 1)) - here
    force = _each(lambda slope, total: slope * inverse + total, gradient(here, constants.cells), pull)
    flux, height = _project(
        _each(lambda field, part: take_row(field, at) + flux_step * part, turn.flux, force),
        take_row(turn.height, at) + constants.height_step * levels * rise,
        constants.weight * (above / levels - constants.data) ** 2,
        flux_step,
        constants.height_step,
    )
    return flux, height, pull


def _flat(problem: SurfaceProblem) -> Float[Array, " cells"]:
    """Observations on one axis, with zeros for the cells that pad it to whole blocks."""
    data = problem.observations.reshape(-1)
    return jnp.pad(data, (0, math.prod(node_pairs.blocks(data.size)) - data.size))


def crossing(lifted: Float[Array, "levels cells"], shift: Float[Array, ""]) -> Float[Array, " cells"]:
    r"""The first crossing of one half, interpolated, minus `shift` levels, as a share of the levels.

    Not a number where the lifted function is none.
    """
    levels = lifted.shape[0]
    lower, upper = lifted[:-1], lifted[1:]
    crosses = (lower > 0.5) & (upper <= 0.5)
    first = jnp.argmax(crosses, axis=0)
    below = jnp.take_along_axis(lower, first[None, :], axis=0)[0]
    after = jnp.take_along_axis(upper, first[None, :], axis=0)[0]
    drop = jnp.where(below > after, below - after, 1)
    found = (first.astype(lifted.dtype) + 1 + (below - 0.5) / drop - shift) / levels
    return jnp.where(jnp.isnan(jnp.sum(lifted, axis=0)), jnp.nan, found)


def _each(function, *parts, **arguments) -> tuple:
    """`function` for each axis."""
    return tuple(function(*part, **arguments) for part in zip(*parts, strict=True))


def _put_valid(array: Array, row: Array, index) -> Array:
    """`put_row`, but nothing happens for an index that does not exist."""
    at = jnp.clip(index, 0, array.shape[0] - 1)
    return put_row(array, jnp.where(index == at, row, take_row(array, at)), at)


def _project(flux, height, cost, flux_step, height_step):
    r"""Projection of (p, q) onto $q \ge |p|^2/4 - c$ in the metric of unequal steps.

    With $x = 1 + l \sigma_p / 2$ for the multiplier $l$, $a = |p|/2$, $y = q + c$ and $r = 2 \sigma_t / \sigma_p$, the condition
    $r x^3 + (y - r) x^2 = a^2$ has one root $x \ge 1$ outside of the parabola, and its left side is convex beyond it.
    """
    squares = sum(part**2 for part in flux) / 4
    lifted = height + cost
    outside = ~(squares <= lifted)
    relative = 2 * height_step / flux_step
    base = jnp.maximum((relative - lifted) / relative, 0)
    # Three bounds of the root from above, the last one by a Newton step from one.
    slope = relative + 2 * lifted
    far = base + jnp.minimum(squares / relative, jnp.sqrt(squares / relative))
    near = jnp.where(slope > 0, 1 + (squares - lifted) / jnp.where(slope > 0, slope, 1), far)
    x = jnp.minimum(near, far)
    for _ in range(_HALLEY):
        residual = x * x * (relative * (x - 1) + lifted) - squares
        first = x * (3 * relative * x + 2 * (lifted - relative))
        second = 6 * relative * x + 2 * (lifted - relative)
        x = jnp.maximum(x - 2 * residual * first / (2 * first * first - residual * second), 1)
    shrink = jnp.where(outside, 1 / x, 1)
    return tuple(part * shrink for part in flux), jnp.where(outside, squares * shrink**2 - cost, height)
