"""The sub-gradient method for robust low-rank recovery."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.units import Scaling
from .factored import AbstractFactoredSolver
from .factors import Factors
from .problem import MatrixSensingProblem
from .starts import AbstractFactorStart, SignSpectralFactors
from .steps import AbstractStep, MedianStep, as_step

__all__ = ["SubgradientMethod"]


class SubgradientMethod(AbstractFactoredSolver):
    r"""The sub-gradient method on the factors of the $\ell_1$ loss, from a small start.

    $$f(U) = \frac1m \sum_{i=1}^m |y_i - \langle A_i, U U^\top \rangle|, \qquad
      U_{t+1} = U_t - \eta_t\, D(U_t)\, U_t, \qquad
      D(U) = \frac1m \sum_i \operatorname{sign}(\langle A_i, U U^\top \rangle - y_i)(A_i + A_i^\top),$$

    with $\operatorname{sign}(0) = 0$ and $U_0 = \alpha B$. No projection, no regulariser, and no knowledge of the rank: with
    a small `initial_scale` $\alpha$ the result is indifferent to the search rank. A matrix that is not symmetric is
    sought as $L R^\top$ by the same iteration on both factors. The default step, `MedianStep(0.3)`, is right for fewer than
    half outliers and for no other noise; prefer `geometric` under noise or more outliers, with a sum of steps that
    `theory.subgradient_growth` shows to suffice. Arguments as in `AbstractFactoredSolver`.

    Source: J. Ma and S. Fattahi, "Global Convergence of Sub-gradient Method for Robust Matrix Recovery: Small
    Initialization, Noisy Measurements, and Over-parameterization", Journal of Machine Learning Research 24 (2023) (ma2023).
    """

    scaling: ClassVar = Scaling({"step_size": None, "start": None}, stats={"loss": (0, 1), "loss_at_truth": (0, 1)})
    robust: ClassVar = True

    def __init__(
        self,
        rank=None,
        initial_scale=1e-6,
        step: AbstractStep | float | None = None,
        start: AbstractFactorStart | None = None,
        tolerance=1e-7,
        patience=1000,
    ):
        """The arguments of `AbstractFactoredSolver`.

        **Raises:** `ValueError` for a number that is not allowed.
        """
        self.rank, self.initial_scale = rank, initial_scale
        self.step_size = MedianStep() if step is None else as_step(step)
        self.start = SignSpectralFactors() if start is None else start
        self.tolerance, self.patience = tolerance, patience

    def loss(self, problem: MatrixSensingProblem, residual: Float[Array, " observations"]):
        """The mean absolute residual."""
        return jnp.sum(jnp.abs(residual)) / problem.count, jnp.sign(residual) / problem.count

    def direction(self, problem: MatrixSensingProblem, factors: Factors, gradient: Factors) -> Factors:
        """The sub-gradient itself."""
        return gradient
