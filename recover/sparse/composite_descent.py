"""Proximal gradient steps on composite problems, with a line search."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from ..core.adjoint import Optimality, fixed_point
from ..core.fields import Real, Whole, leaf
from ..core.momentum import extrapolate
from ..core.numbers import norm, ratio, squared_norm
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.stationarity import newton_gain
from ..core.stopping import Progress
from ..core.units import largest
from .composite_problem import CompositeProblem
from .linear import Best, unsettled

# By what the curvature that a step assumes is raised when it is found to be too low, and lowered after every other step.
_RAISED, _LOWERED = 2.0, 0.95
# An objective that falls by this share has not stalled.
_FALLEN = 1e-4
# Of the objective, what may be left to gain; in rounding units, what an objective and the slope along a step are known to.
_SHARE, _OBJECTIVE_UNITS, _SLOPE_UNITS = 1e-3, 30, 10


class CompositeState(eqx.Module):
    """Iterate and extrapolated point as vectors, momentum, the curvature assumed; of the start the loss and its slope.

    The objective when it last fell by enough, and the best iterate so far.
    """

    x: Float[Array, " size"]
    extrapolated: Float[Array, " size"]
    momentum: Float[Array, ""]
    curvature: Float[Array, ""]
    first: Float[Array, ""]
    first_slope: Float[Array, ""]
    progress: Progress
    mark: Float[Array, ""]
    best: Best | None


class CompositeDescent(AbstractSolver[CompositeProblem, CompositeState]):
    r"""Minimises $f(v) + p(v)$: what `ISTA`, `FISTA` and `ProximalGradient` do for a `CompositeProblem`.

    $$v^{t+1} = \mathrm{prox}_{p / L}\left(z^t - \nabla f(z^t) / L\right), \qquad \text{accepted if} \qquad
      f(v^{t+1}) \le f(z^t) + \langle \nabla f(z^t), d \rangle + \tfrac{L}{2} \|d\|^2, \qquad d = v^{t+1} - z^t,$$

    and if not a step with twice the $L$ follows: every trial counts as a step. Where rounding hides the difference of the losses,
    $\langle \nabla f(v^{t+1}) - \nabla f(z^t), d \rangle \le L \|d\|^2$ decides. $L$ starts as $\|H g\| / \|g\|$ with gradient and
    Hessian at the start, and is lowered by five per cent after each accepted step. With a given step there is no search.

    It stops when an accepted step has moved by at most `tolerance` relative to $\max(\|v\|, \|\nabla f(v^0)\| / L)$; stalled when
    in `patience` steps neither has that fallen by one per cent nor the objective by $10^{-4}$ of itself.

    Sources: Beck and Teboulle (beck2009), for the search; O'Donoghue and Candès (odonoghue2015), for the restart.
    """

    accelerated: bool = eqx.field(static=True)
    step_size: Real | None = leaf(rule="positive")
    tolerance: Real = leaf(1e-6)
    patience: Whole = leaf(500, "count")

    def init(self, problem: CompositeProblem, key: Key[Array, ""]) -> CompositeState:
        """The start, and the curvature along its gradient."""
        x, _ = problem.flat()
        value, slope = jax.value_and_grad(problem.smooth)(x)
        if self.step_size is None:
            # Of order one, lest squares of small slopes vanish.
            direction = ratio(slope, largest(slope))
            curvature = ratio(norm(_bent(problem, x, direction)), norm(direction))
            curvature = jnp.where((curvature > 0) & jnp.isfinite(curvature), curvature, 1)
        else:
            curvature = jnp.asarray(1 / self.step_size, x.dtype)
        one = jnp.ones((), x.dtype)
        best = Best.start(x) if self.accelerated else None
        return CompositeState(x, x, one, curvature, value, norm(slope), Progress.start(x.dtype), jnp.inf * one, best)

    def warm(self, problem: CompositeProblem, key: Key[Array, ""], value: PyTree) -> CompositeState:
        """As from a start of these values."""
        return self.init(eqx.tree_at(lambda problem: problem.start, problem, value), key)

    def step(self, problem: CompositeProblem, state: CompositeState) -> CompositeState:
        """One trial of a proximal gradient step from the extrapolated point."""
        z, curvature = state.extrapolated, state.curvature
        value, slope = jax.value_and_grad(problem.smooth)(z)
        x = problem.proximal(z - slope / curvature, 1 / curvature)
        reached, accepted, after = problem.smooth(x), jnp.ones((), bool), curvature
        if self.step_size is None:
            accepted = _accepted(problem, z, x, value, reached, slope, curvature)
            after = jnp.where(accepted, _LOWERED * curvature, _RAISED * curvature)
        objective = reached + problem.penalised(x)
        momentum, extrapolated, best = state.momentum, x, state.best
        if best is not None:
            momentum, extrapolated = extrapolate(state.momentum, z, state.x, x)
            best = best.update(x, objective)
        moved = norm(x - z)
        stationarity = ratio(moved, jnp.maximum(norm(x), state.first_slope / curvature), moved)
        progress = state.progress.update(stationarity, stationarity)
        fallen = objective < state.mark - _FALLEN * jnp.abs(objective)
        progress = eqx.tree_at(lambda progress: progress.since, progress, jnp.where(fallen, 0, progress.since))
        mark = jnp.where(fallen, objective, state.mark)
        new = CompositeState(x, extrapolated, momentum, after, state.first, state.first_slope, progress, mark, best)
        kept = eqx.tree_at(lambda state: state.curvature, state, after)
        return jax.tree.map(lambda new, old: jnp.where(accepted, new, old), new, kept)

    def status(self, problem: CompositeProblem, state: CompositeState) -> Result:
        """By how far the last step moved."""
        return state.progress.status(self.tolerance, self.patience)

    def estimate(self, problem: CompositeProblem, state: CompositeState) -> PyTree:
        """The current iterate; where the solve has stalled, that of the least objective."""
        _, unravel = problem.flat()
        return unravel(self._answer(problem, state))

    def certificate(self, problem: CompositeProblem, state: CompositeState) -> Certificate:
        r"""What is left to gain of $F = f + p$ by its quadratic model, over $\max(10^{-3} |F|, 30\, \epsilon |f(v^0)|)$.

        With the gradient mapping $d = (\mathrm{prox}_{p / L}(v - \nabla f(v) / L) - v) L$, the Hessian $H$ of the loss and the
        Jacobian $J$ of the proximal map, it is the larger of $\|d\|^4 / (2 |\langle d, H d \rangle|)$ and `newton_gain` of $d$ with
        $J H J + L (I - J)$: on the support, or the face, on which the answer lies the curvature of the loss itself.
        """
        x = state.x
        value, slope = jax.value_and_grad(problem.smooth)(x)
        total = value + problem.penalised(x)
        # A constraint may be met up to rounding only.
        total = jnp.where(jnp.isfinite(total), total, value)
        floor = _OBJECTIVE_UNITS * jnp.finfo(x.dtype).eps * jnp.maximum(jnp.abs(state.first), jnp.abs(value))
        allowed = jnp.maximum(_SHARE * jnp.abs(total), floor)
        point = x - slope / state.curvature

        def proximal(point):
            return problem.proximal(point, 1 / state.curvature)

        direction = (proximal(point) - x) * state.curvature
        size = norm(direction)
        unit = ratio(direction, size)

        def curvature(direction):
            _, inner = jax.jvp(proximal, (point,), (direction,))
            _, bent = jax.jvp(proximal, (point,), (_bent(problem, x, inner),))
            return bent + state.curvature * (direction - inner)

        along = ratio(0.5, jnp.abs(jnp.sum(unit * _bent(problem, x, unit))))
        gain = size**2 * jnp.maximum(along, newton_gain(unit, curvature))
        return unsettled(ratio(gain, allowed, jnp.where(gain > 0, jnp.inf, gain)))

    def optimality(self, problem: CompositeProblem, state: CompositeState) -> Optimality:
        """A fixed point of a proximal gradient step."""
        _, unravel = problem.flat()

        def iterate(x):
            return problem.proximal(x - jax.grad(problem.smooth)(x) / state.curvature, 1 / state.curvature)

        return fixed_point(iterate, state.x, unravel)

    def stats(self, problem: CompositeProblem, state: CompositeState) -> dict[str, Array]:
        """`objective`: loss and penalty of the estimate."""
        x = self._answer(problem, state)
        return {"objective": problem.smooth(x) + problem.penalised(x)}

    def _answer(self, problem, state):
        if state.best is None:
            return state.x
        stalled = (self.status(problem, state) == Result.stalled) & jnp.isfinite(state.best.residual)
        return jnp.where(stalled, state.best.x, state.x)


def _bent(problem: CompositeProblem, x: Float[Array, " size"], direction: Float[Array, " size"]):
    """The Hessian of the loss times a direction."""
    return jax.jvp(jax.grad(problem.smooth), (x,), (direction,))[1]


def _accepted(problem, z, x, value, reached, slope, curvature):
    """Whether the curvature that a step assumed bounds that of the loss along the step; a loss that is no number stops the search."""
    move, eps = x - z, jnp.finfo(x.dtype).eps
    bend = curvature * squared_norm(move)
    known = bend > _OBJECTIVE_UNITS * eps * jnp.maximum(jnp.abs(value), jnp.abs(reached))
    below = reached - value - jnp.sum(slope * move) <= bend / 2
    turned = jnp.sum((jax.grad(problem.smooth)(x) - slope) * move)
    level = turned <= bend + _SLOPE_UNITS * eps * norm(slope) * norm(move)
    bounded = jnp.where(known, below, level) & jnp.isfinite(reached)
    return bounded | ~(jnp.isfinite(value) & jnp.all(jnp.isfinite(slope)))
