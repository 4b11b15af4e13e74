"""Gradient descent on the factors of a low-rank matrix for the squared loss, plain and preconditioned."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.fields import Real, leaf, renamed
from ..core.linalg import solve
from ..core.numbers import squared_norm
from ..core.units import Scaling
from .factored import AbstractFactoredSolver
from .factors import Factors
from .problem import MatrixSensingProblem
from .starts import AbstractFactorStart, SignSpectralFactors, TruncatedSpectralFactors
from .steps import AbstractStep, ScheduledStep, as_step

__all__ = ["FactoredGradientDescent", "ScaledGD"]

_SCALING = Scaling({"step_size": None, "start": None}, stats={"loss": (0, 2), "loss_at_truth": (0, 1)})


class FactoredGradientDescent(AbstractFactoredSolver):
    r"""Gradient descent on $f(U) = \frac{1}{2m} \|y - \mathcal{A}(U U^\top)\|_2^2$.

    $$U_{t+1} = U_t - \eta_t \frac1m \sum_i (\langle A_i, U_t U_t^\top \rangle - y_i)(A_i + A_i^\top)\, U_t.$$

    The step is in units of one over the largest singular value of the truth: 0.1 suits a truth of unit spectral norm and
    must be smaller under outliers, which enlarge the iterates. Arguments as in `AbstractFactoredSolver`; a constant step
    of 0.1 from a small start by default.
    """

    scaling: ClassVar = _SCALING

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
        self.step_size = ScheduledStep() if step is None else as_step(step)
        self.start = SignSpectralFactors() if start is None else start
        self.tolerance, self.patience = tolerance, patience

    def loss(self, problem: MatrixSensingProblem, residual: Float[Array, " observations"]):
        """Half the mean squared residual."""
        return _half_mean_square(problem, residual)

    def direction(self, problem: MatrixSensingProblem, factors: Factors, gradient: Factors) -> Factors:
        """The gradient itself."""
        return gradient


@renamed("damping", "ridge")
class ScaledGD(AbstractFactoredSolver):
    r"""Gradient descent on the same loss, preconditioned by the Gram matrices of the factors.

    $$U_{t+1} = U_t - \eta_t\, \nabla f(U_t)\, (U_t^\top U_t + \lambda I)^{-1},$$

    and with the Gram matrix of the other factor for $L R^\top$. Its rate does not depend on the condition number. `ridge`
    $\lambda \ge 0$, in the units of the matrix, keeps the inverse bounded when the search rank exceeds the rank; it should
    be below the smallest nonzero singular value of the truth. Arguments else as in `AbstractFactoredSolver`; a constant
    step of 0.25 from the truncated spectrum at full scale by default.

    Source: T. Tong, C. Ma and Y. Chi, "Accelerating Ill-Conditioned Low-Rank Matrix Estimation via Scaled Gradient
    Descent", Journal of Machine Learning Research 22 (2021) (tong2021), without `ridge`; X. Xu, Y. Shen, Y. Chi and C. Ma,
    "The Power of Preconditioning in Overparameterized Low-Rank Matrix Sensing", ICML (2023) (xu2023), with it.
    """

    scaling: ClassVar = _SCALING

    ridge: Real = leaf(rule="nonnegative")

    def __init__(
        self,
        rank=None,
        initial_scale=1.0,
        step: AbstractStep | float | None = None,
        ridge=1e-3,
        start: AbstractFactorStart | None = None,
        tolerance=1e-7,
        patience=1000,
    ):
        r"""The arguments of `AbstractFactoredSolver`, and `ridge` $\lambda \ge 0$.

        **Raises:** `ValueError` for a number that is not allowed.
        """
        self.rank, self.initial_scale, self.ridge = rank, initial_scale, ridge
        self.step_size = ScheduledStep(0.25) if step is None else as_step(step)
        self.start = TruncatedSpectralFactors() if start is None else start
        self.tolerance, self.patience = tolerance, patience

    def loss(self, problem: MatrixSensingProblem, residual: Float[Array, " observations"]):
        """Half the mean squared residual."""
        return _half_mean_square(problem, residual)

    def direction(self, problem: MatrixSensingProblem, factors: Factors, gradient: Factors) -> Factors:
        """The gradient times the inverse of the Gram matrix, to which the ridge is added."""
        left = _solve_right(gradient.left, factors.left if factors.right is None else factors.right, self.ridge)
        if factors.right is None or gradient.right is None:
            return Factors(left)
        return Factors(left, _solve_right(gradient.right, factors.left, self.ridge))


def _half_mean_square(problem, residual):
    return squared_norm(residual) / (2 * problem.count), residual / problem.count


def _solve_right(gradient, factor, ridge):
    r"""The product $G (F^\top F + \lambda I)^{-1}$; columns outside the search rank stay zero."""
    gram = factor.T @ factor
    idle = jnp.diagonal(gram) == 0
    gram = gram + jnp.diag(jnp.where(idle, 1, ridge))
    return solve(gram, gradient.T).T
