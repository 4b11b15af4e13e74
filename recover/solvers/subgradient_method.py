"""The sub-gradient method for robust low-rank recovery."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..factors import Factors
from ..initialisers import AbstractFactorStart, SignSpectralFactors
from ..leaves import as_leaf
from ..matrix_problems import MatrixSensingProblem
from ..padding import Capacities, capacities_field, concrete_capacities
from ..steps import AbstractStep, MedianStep, as_step
from .factored import AbstractFactoredSolver


class SubgradientMethod(AbstractFactoredSolver):
    r"""The sub-gradient method on the factors of the $\ell_1$ loss, from a small start.

    $$f(U) = \frac1m \sum_{i=1}^m |y_i - \langle A_i, U U^\top \rangle|, \qquad
      U_{t+1} = U_t - \eta_t\, D(U_t)\, U_t, \qquad
      D(U) = \frac1m \sum_i \operatorname{sign}(\langle A_i, U U^\top \rangle - y_i)(A_i + A_i^\top),$$

    with $\operatorname{sign}(0) = 0$ and $U_0 = \alpha B$. No projection, no regulariser, and no knowledge of the rank: with
    a small `initial_scale` $\alpha$ the result is indifferent to the search rank. A matrix that is not symmetric is
    sought as $L R^\top$ by the same iteration on both factors.

    Source: J. Ma and S. Fattahi, "Global Convergence of Sub-gradient Method for Robust Matrix Recovery: Small
    Initialization, Noisy Measurements, and Over-parameterization", Journal of Machine Learning Research 24 (2023).
    """

    rank: Int[Array, ""] | None
    initial_scale: Float[Array, ""]
    step_size: AbstractStep
    start: AbstractFactorStart
    tolerance: Float[Array, ""]
    patience: Int[Array, ""]
    capacities: Capacities = capacities_field()

    def __init__(
        self,
        rank=None,
        initial_scale=1e-6,
        step: AbstractStep | float | None = None,
        start: AbstractFactorStart | None = None,
        tolerance=1e-7,
        patience=1000,
    ):
        r"""**Arguments:**

        - `rank`: search rank $r'$; the smaller side of the matrix by default, which is all that can be needed.
        - `initial_scale`: $\alpha$.
        - `step`: a rule of `recover.steps`, or a number for a constant step; `MedianStep(0.3)` by default, right for
          fewer than half outliers and for no noise else. Prefer `geometric` under noise or more outliers, with a sum of
          steps that `theory.subgradient_growth` shows to suffice.
        - `start`: a rule of `recover.initialisers`; `SignSpectralFactors()` by default.
        - `tolerance`, `patience`: when to stop; -1 and 0 run the whole budget.

        **Raises:** `ValueError` for a number that is not allowed.
        """
        self.rank = as_leaf(rank)
        self.initial_scale = as_leaf(float(initial_scale) if isinstance(initial_scale, int) else initial_scale)
        self.step_size = MedianStep() if step is None else as_step(step)
        self.start = SignSpectralFactors() if start is None else start
        self.tolerance = as_leaf(float(tolerance) if isinstance(tolerance, int) else tolerance)
        self.patience = as_leaf(patience)
        self.capacities = concrete_capacities(rank=rank)

    def loss(self, problem: MatrixSensingProblem, residual: Float[Array, " observations"]):
        """The mean absolute residual."""
        return jnp.sum(jnp.abs(residual)) / problem.count, jnp.sign(residual) / problem.count

    def direction(self, problem: MatrixSensingProblem, factors: Factors, gradient: Factors) -> Factors:
        """The sub-gradient itself."""
        return gradient
