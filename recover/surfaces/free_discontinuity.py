"""Free discontinuity regression: the Mumford-Shah functional, lifted to a convex problem and solved by primal-dual steps."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.checks import optional_real, require, require_integer
from ..core.leaves import leaf
from ..core.linalg import one_at_a_time_on_cpu
from ..core.results import Result
from ..core.row_slices import put_row, take_row
from ..core.solver import AbstractSolver
from ..core.stopping import by_change
from . import node_pairs
from .differences import divergence, gradient
from .jumps import Surface, read_off
from .problem import SurfaceProblem

__all__ = ["FDR"]

# Halley's method descends on a convex function from above; from the bounds below, four steps are exact to single precision.
_HALLEY = 4
# From so many entries of the lifted function on, a CPU takes the problems of a batch one at a time; fewer do not pay for a
# loop. One problem fills the cache and its loops run over vectors of cells; side by side, steps and weights that differ
# between lanes become vectors too, loops are no longer vectorised, and an iteration takes twice as long (measured).
_ALONE = 4096


class FDRState(eqx.Module):
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


class FDR(AbstractSolver[SurfaceProblem, FDRState]):
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
    $\sigma_t = 1/(2Sa)$, $\tau_v = a/(2d/h + 2S)$, $\tau_{ij} = b / |j - i|$, which converge for all $a, b > 0$ (Pock and
    Chambolle 2011, applied to $v/a$ and $\mu/b$). Compared with the splitting by an auxiliary $s_{ij} = P_j - P_i$ this keeps
    one array of pairs instead of three. The factors are `lifted_step` $= a$ and `multiplier_step` $= b$. With both at 1 the
    tolerance of the literature, the default, is met far from the minimiser, and published weights are tuned to estimates
    of that kind; with 2 and 10 the distance to the minimiser after 300 iterations is a half to an eighth (docs/fdr.md).

    The estimate crosses one half: $u = (k + (v_k - \frac12) / (v_k - v_{k+1})) / S$ minus `shift` levels. A binary $v$ gives
    $(k + \frac12)/S$ while its data term is charged at $k / S$; half a level takes the bias off. Jumps are where $|u(\cdot + e_j)
    - u|_j$ reaches `threshold`, $\sqrt\nu$ by default (on the scaled outcomes), with sizes as `recover.surfaces.jumps.jump_sizes`.

    Converged when the mean of $|v - v^{\text{old}}|$ is at most `tolerance`, tested after every `iterations` iterations,
    which are one step of this solver. Hyper-parameters other than `levels` and `iterations` are traced.

    Sources: Gunsilius and Van Dijcke, "Free Discontinuity Regression", arXiv:2309.14630; Alberti, Bouchitté and Dal Maso
    (2003) for the calibration; Pock, Cremers, Bischof and Chambolle (2009) for the discretisation; Strekalovskiy,
    Chambolle and Cremers (2012) for multipliers on pairs.
    """

    data_weight: Float[Array, ""] = leaf(default=50.0)
    jump_penalty: Float[Array, ""] = leaf(default=0.01)
    levels: int = eqx.field(static=True, default=32)
    threshold: Float[Array, ""] | None = optional_real()
    shift: Float[Array, ""] = leaf(default=0.5)
    tolerance: Float[Array, ""] = leaf(default=5e-5)
    iterations: int = eqx.field(static=True, default=10)
    lifted_step: Float[Array, ""] = leaf(default=1.0)
    multiplier_step: Float[Array, ""] = leaf(default=1.0)

    def __check_init__(self):
        require(self, data_weight="positive", jump_penalty="positive", threshold="positive", tolerance="nonnegative")
        require(self, lifted_step="positive", multiplier_step="positive")
        require_integer("FDR", "levels", self.levels, 4)
        require_integer("FDR", "iterations", self.iterations, 1)
        if self.levels % 2:
            raise ValueError(f"FDR: `levels` is {self.levels}; an even number is allowed.")

    def init(self, problem: SurfaceProblem, key) -> FDRState:
        """The lifted observations, and no forces."""
        data = _flat(problem)
        dtype, cells, axes = data.dtype, data.size, len(problem.cells)
        level = jnp.arange(1, self.levels + 1, dtype=dtype) / self.levels
        lifted = (level[:, None] < data[None, :]).astype(dtype)
        lifted = lifted.at[0].set(1).at[-1].set(0)
        nodes = tuple(jnp.zeros((self.levels + 1, cells), dtype) for _ in range(axes))
        return FDRState(
            lifted=lifted,
            extrapolated=lifted,
            flux=tuple(jnp.zeros((self.levels, cells), dtype) for _ in range(axes)),
            height=jnp.zeros((self.levels, cells), dtype),
            multipliers=node_pairs.zeros(self.levels, axes, problem.observations.size, dtype),
            tension=nodes,
            tension_extrapolated=nodes,
            change=jnp.asarray(jnp.inf, dtype),
        )

    def step(self, problem: SurfaceProblem, state: FDRState) -> FDRState:
        """A few iterations, then the test of the change."""
        arrays, static = eqx.partition((self, problem, state), eqx.is_array)

        def advance(arrays):
            solver, problem, state = eqx.combine(arrays, static)
            return jax.lax.fori_loop(0, solver.iterations, lambda _, now: solver._iterate(problem, now), state)

        if problem.observations.size * self.levels < _ALONE:
            return advance(arrays)
        return one_at_a_time_on_cpu(advance)(arrays)

    def _iterate(self, problem: SurfaceProblem, state: FDRState) -> FDRState:
        flux, height, lifted, extrapolated, sums, change = self._sweep_levels(problem, state)
        dtype = state.lifted.dtype
        steps = jnp.asarray(self.multiplier_step, dtype) / jnp.asarray(node_pairs.distances(self.levels), dtype)
        bound = jnp.asarray(self.jump_penalty, dtype) * self.levels
        multipliers, tension = node_pairs.shrink(state.multipliers, sums, steps, bound)
        return FDRState(
            lifted=lifted,
            extrapolated=extrapolated,
            flux=flux,
            height=height,
            multipliers=multipliers,
            tension=tension,
            tension_extrapolated=tuple(2 * new - old for new, old in zip(tension, state.tension, strict=True)),
            change=change,
        )

    def _sweep_levels(self, problem: SurfaceProblem, state: FDRState):
        """All that is local in pairs, one level after another from the top, so that a level's arrays stay in the cache.

        Returns the partial sums of the flux at the nodes too, counted from the top: only their differences matter.
        """
        data = _flat(problem)
        number_of_cells = problem.observations.size
        dtype, cells, levels, axes = data.dtype, problem.cells, self.levels, len(problem.cells)
        inverse = 1 / problem.spacing
        weight = jnp.asarray(self.data_weight, dtype)
        lifted_scale = jnp.asarray(self.lifted_step, dtype)
        multiplier_scale = jnp.asarray(self.multiplier_step, dtype)
        primal_step = lifted_scale / (2 * axes * inverse + 2 * levels)
        height_step = 1 / (2 * levels * lifted_scale)

        def level(number, carry):
            # A pipeline of three stages, one level apart. What a stage computes is written to its array in the next turn,
            # when nothing needs the old row any more: written at once, it would make every level copy whole arrays.
            flux, height, sums, lifted, extrapolated, p, q, below, pull, above, new, ahead, moved = carry
            k = levels - 1 - number
            flux, height = _each(_put_valid, flux, p, index=k + 1), _put_valid(height, q, k + 1)
            below = _each(lambda total, part: jnp.where(k + 1 < levels, total - part, 0), below, p)
            sums = _each(_put_valid, sums, below, index=k + 1)
            lifted, extrapolated = _put_valid(lifted, new, k + 3), _put_valid(extrapolated, ahead, k + 3)
            moved = moved + jnp.where(k + 3 < levels, jnp.sum(jnp.abs(ahead - new)[:number_of_cells]), 0)

            # Third stage: a level whose fields, and those below, are known may move, unless it is the first or the last.
            old = take_row(lifted, jnp.minimum(k + 2, levels - 1))
            inside = (k + 2 > 0) & (k + 2 < levels - 1)
            new = jnp.where(inside, jnp.clip(old + primal_step * (above - levels * q), 0, 1), old)
            ahead = 2 * new - old
            # Second stage: the divergence of the fields, but for the height of the level below.
            above = divergence(p, cells) * inverse + levels * q

            # First stage: the fields. The force is that of all pairs of nodes that this level lies between.
            at = jnp.maximum(k, 0)
            count = (at + 1).astype(dtype)
            here = take_row(extrapolated, at)
            pull = _each(lambda total, force: total + take_row(force, at + 1), pull, state.tension_extrapolated)
            flux_step = 1 / (2 * inverse * lifted_scale + count * (levels - count + 1) * multiplier_scale)
            # At the top there is no level above, and the same row makes the difference zero.
            rise = take_row(extrapolated, jnp.minimum(at + 1, levels - 1)) - here
            force = _each(lambda slope, total: slope * inverse + total, gradient(here, cells), pull)
            p, q = _project(
                _each(lambda field, part: take_row(field, at) + flux_step * part, flux, force),
                take_row(height, at) + height_step * levels * rise,
                weight * (count / levels - data) ** 2,
                flux_step,
                height_step,
            )
            return flux, height, sums, lifted, extrapolated, p, q, below, pull, above, new, ahead, moved

        nothing = jnp.zeros_like(data)
        no_flux = (nothing,) * axes
        sums = tuple(jnp.zeros_like(part) for part in state.tension)
        arrays = (state.flux, state.height, sums, state.lifted, state.extrapolated)
        rows = (no_flux, nothing, no_flux, no_flux, nothing, nothing, nothing, jnp.zeros((), dtype))
        flux, height, sums, lifted, extrapolated, *_, moved = jax.lax.fori_loop(0, levels + 3, level, (*arrays, *rows))
        return flux, height, lifted, extrapolated, sums, moved / (levels * number_of_cells)

    def status(self, problem: SurfaceProblem, state: FDRState) -> Result:
        """By the mean change of the lifted function in the last iteration."""
        return by_change(state.change, self.tolerance)

    def estimate(self, problem: SurfaceProblem, state: FDRState) -> Surface:
        """The level at which the lifted function crosses one half, with the jumps read off it."""
        lifted = state.lifted[:, : problem.observations.size]
        scaled = crossing(lifted, jnp.asarray(self.shift, lifted.dtype)).reshape(problem.cells)
        threshold = jnp.sqrt(jnp.asarray(self.jump_penalty, scaled.dtype))
        if self.threshold is not None:
            threshold = jnp.asarray(self.threshold, scaled.dtype)
        return Surface(problem.outcomes(scaled), read_off(scaled, threshold, problem.range))

    def stats(self, problem: SurfaceProblem, state: FDRState) -> dict[str, Array]:
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
    ratio = 2 * height_step / flux_step
    base = jnp.maximum((ratio - lifted) / ratio, 0)
    # Three bounds of the root from above, the last one by a Newton step from one.
    slope = ratio + 2 * lifted
    far = base + jnp.minimum(squares / ratio, jnp.sqrt(squares / ratio))
    near = jnp.where(slope > 0, 1 + (squares - lifted) / jnp.where(slope > 0, slope, 1), far)
    x = jnp.minimum(near, far)
    for _ in range(_HALLEY):
        residual = x * x * (ratio * (x - 1) + lifted) - squares
        first = x * (3 * ratio * x + 2 * (lifted - ratio))
        second = 6 * ratio * x + 2 * (lifted - ratio)
        x = jnp.maximum(x - 2 * residual * first / (2 * first * first - residual * second), 1)
    shrink = jnp.where(outside, 1 / x, 1)
    return tuple(part * shrink for part in flux), jnp.where(outside, squares * shrink**2 - cost, height)
