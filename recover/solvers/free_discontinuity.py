"""Free discontinuity regression: the Mumford-Shah functional, lifted to a convex problem and solved by primal-dual steps."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..arguments import require_integer
from ..batching import one_at_a_time_on_cpu
from ..differences import divergence, gradient, padded_size
from ..jumps import Surface, read_off
from ..leaves import leaf
from ..problems import SurfaceProblem
from ..results import Result
from ..stopping import by_change
from .base import AbstractSolver
from .hyperparameters import optional_real, require

# Halley's method descends on a convex function from above; from the bounds below, four steps are exact to single precision.
_HALLEY = 4
# From so many entries of the lifted function on, a CPU takes the problems of a batch one at a time; fewer do not pay for a
# loop. One problem fills the cache and its loops run over vectors of cells; side by side, steps and weights that differ
# between lanes become vectors too, loops are no longer vectorised, and an iteration takes twice as long (measured).
_ALONE = 4096


class FDRState(eqx.Module):
    r"""The lifted function and its extrapolation, the fields p and q, the multipliers and the sum of those at each node.

    `multipliers[r - 1, i]` belongs to the pair of nodes $i$ and $(i + r) \bmod (S + 1)$, so that every pair of the $S + 1$ nodes
    appears once and no entry is wasted. Cells are one flat, trailing axis, padded by cells that have no neighbours.
    """

    lifted: Float[Array, "levels cells"]
    extrapolated: Float[Array, "levels cells"]
    flux: Float[Array, "levels axes cells"]
    height: Float[Array, "levels cells"]
    multipliers: Float[Array, "pairs nodes axes cells"]
    tension: Float[Array, "nodes axes cells"]
    tension_extrapolated: Float[Array, "nodes axes cells"]
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
    - u|_j$ reaches `threshold`, $\sqrt\nu$ by default (on the scaled outcomes), with sizes as `recover.jumps.jump_sizes`.

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
        dtype, cells, axes = data.dtype, data.size, problem.observations.ndim
        level = jnp.arange(1, self.levels + 1, dtype=dtype) / self.levels
        lifted = (level[:, None] < data[None, :]).astype(dtype)
        lifted = lifted.at[0].set(1).at[-1].set(0)
        nodes = jnp.zeros((self.levels + 1, axes, cells), dtype)
        return FDRState(
            lifted=lifted,
            extrapolated=lifted,
            flux=jnp.zeros((self.levels, axes, cells), dtype),
            height=jnp.zeros((self.levels, cells), dtype),
            multipliers=jnp.zeros((self.levels // 2, self.levels + 1, axes, cells), dtype),
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
        multipliers, tension = self._sweep_pairs(state.multipliers, sums)
        return FDRState(
            lifted=lifted,
            extrapolated=extrapolated,
            flux=flux,
            height=height,
            multipliers=multipliers,
            tension=tension,
            tension_extrapolated=2 * tension - state.tension,
            change=change,
        )

    def _sweep_levels(self, problem: SurfaceProblem, state: FDRState):
        """All that is local in pairs, one level after another from the top, so that a level's arrays stay in the cache.

        Returns the partial sums of the flux at the nodes too, counted from the top: only their differences matter.
        """
        data = _flat(problem)
        number_of_cells = problem.observations.size
        dtype, cells, levels, axes = data.dtype, problem.cells, self.levels, problem.observations.ndim
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
            flux, height = _put_valid(flux, p, k + 1), _put_valid(height, q, k + 1)
            below = jnp.where(k + 1 < levels, below - p, 0)
            sums = _put_valid(sums, below, k + 1)
            lifted, extrapolated = _put_valid(lifted, new, k + 3), _put_valid(extrapolated, ahead, k + 3)
            moved = moved + jnp.where(k + 3 < levels, jnp.sum(jnp.abs(ahead - new)[:number_of_cells]), 0)

            # Third stage: a level whose fields, and those below, are known may move, unless it is the first or the last.
            old = _row(lifted, jnp.minimum(k + 2, levels - 1))
            inside = (k + 2 > 0) & (k + 2 < levels - 1)
            new = jnp.where(inside, jnp.clip(old + primal_step * (above - levels * q), 0, 1), old)
            ahead = 2 * new - old
            # Second stage: the divergence of the fields, but for the height of the level below.
            above = divergence(p, cells) * inverse + levels * q

            # First stage: the fields. The force is that of all pairs of nodes that this level lies between.
            at = jnp.maximum(k, 0)
            count = (at + 1).astype(dtype)
            here = _row(extrapolated, at)
            pull = pull + _row(state.tension_extrapolated, at + 1)
            flux_step = 1 / (2 * inverse * lifted_scale + count * (levels - count + 1) * multiplier_scale)
            # At the top there is no level above, and the same row makes the difference zero.
            rise = _row(extrapolated, jnp.minimum(at + 1, levels - 1)) - here
            p, q = _project(
                _row(flux, at) + flux_step * (gradient(here, cells) * inverse + pull),
                _row(height, at) + height_step * levels * rise,
                weight * (count / levels - data) ** 2,
                flux_step,
                height_step,
            )
            return flux, height, sums, lifted, extrapolated, p, q, below, pull, above, new, ahead, moved

        nothing, no_flux = jnp.zeros_like(data), jnp.zeros_like(state.flux[0])
        arrays = (state.flux, state.height, jnp.zeros_like(state.tension), state.lifted, state.extrapolated)
        rows = (no_flux, nothing, no_flux, no_flux, nothing, nothing, nothing, jnp.zeros((), dtype))
        flux, height, sums, lifted, extrapolated, *_, moved = jax.lax.fori_loop(0, levels + 3, level, (*arrays, *rows))
        return flux, height, lifted, extrapolated, sums, moved / (levels * number_of_cells)

    def _sweep_pairs(self, multipliers: Float[Array, "pairs nodes axes cells"], sums: Float[Array, "nodes axes cells"]):
        """All pairs of nodes, those at equal cyclic distance at a time; and the sum of multipliers at each node."""
        nodes, dtype = self.levels + 1, sums.dtype
        index = np.arange(nodes)
        distance = np.arange(1, self.levels // 2 + 1)
        steps = jnp.asarray(1 / np.abs((index[None, :] + distance[:, None]) % nodes - index[None, :]), dtype)
        steps = steps * jnp.asarray(self.multiplier_step, dtype)
        bound = jnp.asarray(self.jump_penalty, dtype) * self.levels
        # Twice around, so that cyclic neighbours are slices.
        around = jnp.concatenate([sums, sums])

        def distance_class(r, carry):
            multipliers, tension = carry
            step = _row(steps, r)[:, None, None]
            difference = jax.lax.dynamic_slice_in_dim(around, r + 1, nodes) - sums
            moved = _row(multipliers, r) - step * difference
            squares = jnp.sum(moved**2, axis=1, keepdims=True)
            inverse_norm = jax.lax.rsqrt(jnp.maximum(squares, jnp.finfo(dtype).tiny))
            new = moved * jnp.maximum(1 - step * bound * inverse_norm, 0)
            ahead = jax.lax.dynamic_slice_in_dim(tension, r + 1, nodes) + new
            tension = jax.lax.dynamic_update_slice_in_dim(tension, ahead, r + 1, 0)
            return _put(multipliers, new, r), tension.at[:nodes].add(-new)

        start = (multipliers, jnp.zeros_like(around))
        multipliers, tension = jax.lax.fori_loop(0, len(distance), distance_class, start)
        return multipliers, tension[:nodes] + tension[nodes:]

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
    """Observations on one axis, with zeros for the cells that pad it."""
    data = problem.observations.reshape(-1)
    return jnp.pad(data, (0, padded_size(problem.cells) - data.size))


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


def _row(array: Array, index) -> Array:
    return jax.lax.dynamic_index_in_dim(array, index, 0, keepdims=False)


def _put(array: Array, row: Array, index) -> Array:
    return jax.lax.dynamic_update_index_in_dim(array, row, index, 0)


def _squared_norm(field: Array, axis: int) -> Array:
    """Sum of squares along a short axis, which stays; added up one by one so that it fuses with what surrounds it."""
    parts = [jax.lax.slice_in_dim(field, i, i + 1, axis=axis) for i in range(field.shape[axis])]
    return sum(part**2 for part in parts[1:]) + parts[0] ** 2 if len(parts) > 1 else parts[0] ** 2


def _put_valid(array: Array, row: Array, index) -> Array:
    """`_put`, but nothing happens for an index that does not exist."""
    at = jnp.clip(index, 0, array.shape[0] - 1)
    return _put(array, jnp.where(index == at, row, _row(array, at)), at)


def _project(flux, height, cost, flux_step, height_step):
    r"""Projection of (p, q) onto $q \ge |p|^2/4 - c$ in the metric of unequal steps.

    With $x = 1 + l \sigma_p / 2$ for the multiplier $l$, $a = |p|/2$, $y = q + c$ and $r = 2 \sigma_t / \sigma_p$, the condition
    $r x^3 + (y - r) x^2 = a^2$ has one root $x \ge 1$ outside of the parabola, and its left side is convex beyond it.
    """
    squares = _squared_norm(flux, 0)[0] / 4
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
    return flux * shrink[None, :], jnp.where(outside, squares * shrink**2 - cost, height)
