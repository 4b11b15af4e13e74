"""Accelerated gradient for penalised generalised linear models whose penalty is not convex."""

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float, Int, Key

from ..core.checks import require_name
from ..core.fields import Real, Whole, integer, leaf
from ..core.numbers import ratio
from ..operators.norms import spectral_norm
from ..scalar.penalties import L1, AbstractPenalty, as_penalty
from ..scalar.penalty_parts import concave_gradient, concavity, slope_at_zero
from .descent import AbstractDescent, Descent
from .generalised_problem import GeneralisedLinearProblem

__all__ = ["NonconvexAcceleratedGradient"]

DAMPINGS = ("proposed", "original", "none")
# What the authors take of the longest step that is allowed, by damping.
_SHARES = (0.99, 0.5, 1.0)
_POWER_STEPS = 40


class Memory(eqx.Module):
    """The iterate that takes long steps, the damping and the number of the last step, and 1 / L."""

    iterate: Float[Array, " dimension"]
    damping: Float[Array, ""]
    number: Float[Array, ""]
    longest: Float[Array, ""]


class NonconvexAcceleratedGradient(AbstractDescent):
    r"""The accelerated gradient method of Ghadimi and Lan with hyper-parameters that minimise its complexity bound.

    With the penalty split as $p(x) = \lambda |x| + c(x)$, $c$ smooth and concave, and $F = f + \sum_i c(x_i)$,

    $$\bar z = (1 - \alpha_k) z + \alpha_k b, \qquad g = \nabla F(\bar z), \qquad
      b \leftarrow S_{\Lambda_k \lambda}(b - \Lambda_k g), \qquad z \leftarrow S_{B \lambda}(\bar z - B g),$$

    where $S_t$ is soft thresholding, $L = \max(\kappa \|A\|^2 / n, \rho)$, $\kappa$ the curvature of the loss and $\rho$ that of
    $c$: $1/(a - 1)$ for SCAD, $1/\gamma$ for MCP. The answer is $z$, which has exact zeros. By `damping`:

    - `"proposed"`: $\alpha_{k+1} = 2 / (1 + \sqrt{1 + 4 / \alpha_k^2})$ from $\alpha_0 = 1$, $B = 0.99 / L$, $\Lambda_k = B / \alpha_k$;
    - `"original"`: $\alpha_k = 2 / (k + 1)$, $B = 1 / (2 L)$, $\Lambda_k = k B / 2$;
    - `"none"`: $\alpha_k = 1$, $B = \Lambda_k = 1 / L$, which is plain proximal gradient (ISTA) on the same split.

    The objective is $f(x) + p(x)$ with the mean loss of `GeneralisedLinearProblem`: strengths do not grow with the number of rows.

    - `penalty`: `L1`, `SCAD` or `MCP`, or a choice among them.
    - `damping`: one of the names above; a traced number.
    - `share`: the step in units of $1 / L$, by default that of the damping.
    - `initial`: size of the coefficients of the start, all of them with the signs of $-\nabla f(0)$; 0 by default, and 1 in the
      authors' code.

    $\|A\|$ is found by power iteration from below.

    Sources: Yang, Asgharian and Bhatnagar (yang2024); Ghadimi and Lan (ghadimi2016, Algorithm 1).

    **Raises:** `ValueError` for an unknown damping, a share that is not positive, or a penalty without such a split.
    """

    penalty: AbstractPenalty = eqx.field(converter=as_penalty)
    damping: Int[Array, ""] = integer(0, most=len(DAMPINGS) - 1)
    share: Real = leaf(rule="positive")
    initial: Real = leaf(0.0, "nonnegative")
    tolerance: Real = leaf(1e-5)
    patience: Whole = leaf(500, "count")

    def __init__(self, penalty, damping="proposed", share=None, initial=0.0, tolerance=1e-5, patience=500):
        """As the class says; `damping` by name."""
        require_name("NonconvexAcceleratedGradient", "damping", damping, DAMPINGS)
        self.penalty, self.damping = penalty, DAMPINGS.index(damping)
        self.share = _SHARES[DAMPINGS.index(damping)] if share is None else share
        self.initial, self.tolerance, self.patience = initial, tolerance, patience

    def check_together(self):
        """The penalty must have a smooth concave part."""
        concavity(self.penalty)

    def init(self, problem: GeneralisedLinearProblem, key: Key[Array, ""]) -> Descent:
        """Power iteration, and coefficients by the signs of the gradient at zero."""
        state = self.begin(problem, key)
        x = -self.initial * jnp.sign(state.gradient)
        return self.started(problem, eqx.tree_at(lambda state: state.x, state, x))

    def prepared(self, problem: GeneralisedLinearProblem, key: Key[Array, ""]) -> Memory:
        """The longest step, by power iteration over the rows that are fitted."""
        x = jnp.zeros(problem.dimension, problem.observations.dtype)
        rows = lx.DiagonalLinearOperator(problem.fitted.astype(x.dtype)) @ problem.operator
        square = spectral_norm(rows, key, _POWER_STEPS).astype(x.dtype) ** 2
        lipschitz = problem.curvature * square / problem.training.astype(x.dtype)
        lipschitz = jnp.maximum(lipschitz, jnp.max(concavity(self.penalty)).astype(x.dtype))
        one = jnp.ones((), x.dtype)
        # Of the zero operator any step will do.
        return Memory(x, one, one, ratio(1, lipschitz, 1))

    def started(self, problem: GeneralisedLinearProblem, state: Descent) -> Descent:
        """Without momentum."""
        x = jnp.where(state.kept, state.x, 0)
        one = jnp.ones((), x.dtype)
        memory = Memory(x, one, 0 * one, state.memory.longest)
        return eqx.tree_at(lambda state: (state.x, state.memory), state, (x, memory))

    def step(self, problem: GeneralisedLinearProblem, state: Descent) -> Descent:
        """One step of both iterates from their mean."""
        memory, penalty = state.memory, state.penalty
        number = memory.number + 1
        short = self.share * memory.longest
        proposed = 2 / (1 + jnp.sqrt(1 + 4 / memory.damping**2))
        damping = jax.lax.select_n(self.damping, proposed, 2 / (number + 1), jnp.ones_like(number))
        long = jax.lax.select_n(self.damping, short / proposed, short * number / 2, short)
        middle = (1 - damping) * state.x + damping * memory.iterate
        predictor = problem.predictor(middle)
        slope = problem.gradient(predictor)
        total = slope + concave_gradient(penalty, middle)
        l1 = L1(slope_at_zero(penalty, middle))
        iterate = jnp.where(state.kept, l1.proximal(memory.iterate - long * total, long), 0)
        x = jnp.where(state.kept, l1.proximal(middle - short * total, short), 0)
        gap = jnp.max(jnp.abs(middle - x)) / short
        return self.moved(state, x, middle, predictor, slope, gap, Memory(iterate, damping, number, memory.longest))
