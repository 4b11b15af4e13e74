"""The nuclear norm of matrix completion: exactly, and by singular value thresholding."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core.checks import require_name
from ..core.fields import Real, integer, leaf
from ..core.linalg import svd
from ..core.numbers import norm, ratio
from ..core.stopping import Progress, relative_norm
from ..core.units import Scaling
from .completion import AbstractCompletionSolver, moved
from .completion_problem import MatrixCompletionProblem

__all__ = ["NuclearNormCompletion"]

RULES = ("admm", "svt")


class NuclearNormState(eqx.Module):
    """The thresholded matrix, the next one before the dual variable is taken off, that variable, and the threshold."""

    x: Float[Array, "rows columns"]
    target: Float[Array, "rows columns"]
    dual: Float[Array, "rows columns"]
    threshold: Float[Array, ""]
    progress: Progress


class NuclearNormCompletion(AbstractCompletionSolver[MatrixCompletionProblem, NuclearNormState]):
    r"""$\min \|X\|_*$ subject to $P_\Omega(X) = Y$, by thresholding singular values, $D_\tau(M) = U (S - \tau)_+ V^\top$.

    - `"admm"`, alternating directions: $X = D_\mu(B - W)$, $B = Y$ on $\Omega$ and $X + W$ elsewhere, $W \leftarrow W + X - B$, with
      $\mu$ = `level` $\|Y / p\|$.
    - `"svt"`, singular value thresholding: $X = D_\tau(M)$, $M \leftarrow M + \delta (Y - P_\Omega(X))$, from
      $M = \lceil \tau / (\delta \|Y\|) \rceil\, \delta Y$, with $\delta = 1.2 / p$ and $\tau$ = `level` $\sqrt{n_1 n_2}\, \bar y$,
      $\bar y$ the root mean square of the known entries. It minimises $\tau \|X\|_* + \frac12 \|X\|_F^2$ under the same constraint.

    Which `rule` is traced: both are one program. `level` is 0.1 and 5 by default.

    Sources: Candès and Recht (candes2009), Cai, Candès and Shen (cai2010).

    **Raises:** `ValueError` for an unknown rule or a level that is not positive.
    """

    scaling: ClassVar = Scaling()

    rule: Int[Array, ""] = integer(0, most=len(RULES) - 1)
    level: Real = leaf(0.1, "positive")
    tolerance: Real = leaf(1e-6)
    patience: Int[Array, ""] = leaf(0, "count")

    def __init__(self, rule="admm", level=None, tolerance=1e-6, patience=0):
        """As the class says; the rule by name."""
        require_name("NuclearNormCompletion", "rule", rule, RULES)
        self.rule = RULES.index(rule)
        self.level = (0.1, 5.0)[RULES.index(rule)] if level is None else level
        self.tolerance, self.patience = tolerance, patience

    def init(self, problem: MatrixCompletionProblem, key: Key[Array, ""]) -> NuclearNormState:
        """The data, with zeros in place of what is not known; in `"svt"` as many times them as pass the threshold."""
        y = problem.observations
        largest, step = svd(y)[1][0], 1.2 / problem.share
        size = jnp.where(self.rule == 1, norm(y) / jnp.sqrt(problem.share), largest / problem.share)
        threshold = self.level * size
        times = jnp.ceil(ratio(threshold, step * largest)) * step
        target = jnp.where(self.rule == 1, times * y, y)
        return NuclearNormState(jnp.zeros_like(y), target, jnp.zeros_like(y), threshold, Progress.start(y.dtype))

    def step(self, problem: MatrixCompletionProblem, state: NuclearNormState) -> NuclearNormState:
        """One thresholding, and what follows of the data."""
        y = problem.observations
        left, values, right = svd(state.target - state.dual)
        x = (left * jnp.maximum(values - state.threshold, 0)[None, :]) @ right
        left_over = y - problem.forward(x)
        free = jnp.where(problem.known, y, x + state.dual)
        target = jnp.where(self.rule == 1, state.target + 1.2 / problem.share * left_over, free)
        dual = jnp.where(self.rule == 1, 0, state.dual + x - free)
        progress = moved(problem, state.progress, left_over, relative_norm(x - state.x, x))
        return NuclearNormState(x, target, dual, state.threshold, progress)

    def estimate(self, problem: MatrixCompletionProblem, state: NuclearNormState) -> Float[Array, "rows columns"]:
        """The thresholded matrix."""
        return state.x
