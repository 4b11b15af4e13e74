"""Gradient descent on the factors of a low-rank matrix for the squared loss, plain and preconditioned."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.checks import require
from ..core.leaves import as_real_leaf
from ..core.linalg import solve
from .factored import AbstractFactoredSolver
from .factors import Factors
from .problem import MatrixSensingProblem
from .starts import AbstractFactorStart, TruncatedSpectralFactors
from .steps import AbstractStep, ScheduledStep

__all__ = ["FactoredGradientDescent", "ScaledGD"]


class FactoredGradientDescent(AbstractFactoredSolver):
    r"""Gradient descent on $f(U) = \frac{1}{2m} \|y - \mathcal{A}(U U^\top)\|_2^2$.

    $$U_{t+1} = U_t - \eta_t \frac1m \sum_i (\langle A_i, U_t U_t^\top \rangle - y_i)(A_i + A_i^\top)\, U_t.$$

    The step is in units of one over the largest singular value of the truth: 0.1 suits a truth of unit spectral norm and
    must be smaller under outliers, which enlarge the iterates.
    """

    @staticmethod
    def default_step() -> AbstractStep:
        """A constant step of 0.1."""
        return ScheduledStep()

    def loss(self, problem: MatrixSensingProblem, residual: Float[Array, " observations"]):
        """Half the mean squared residual."""
        return _half_mean_square(problem, residual)

    def direction(self, problem: MatrixSensingProblem, factors: Factors, gradient: Factors) -> Factors:
        """The gradient itself."""
        return gradient


class ScaledGD(AbstractFactoredSolver):
    r"""Gradient descent on the same loss, preconditioned by the Gram matrices of the factors.

    $$U_{t+1} = U_t - \eta_t\, \nabla f(U_t)\, (U_t^\top U_t + \lambda I)^{-1},$$

    and with the Gram matrix of the other factor for $L R^\top$ (Tong, Ma and Chi, "Accelerating ill-conditioned low-rank
    matrix estimation via scaled gradient descent", 2021). Its rate does not depend on the condition number. `damping`
    $\lambda$, in the units of the matrix, keeps the inverse bounded when the search rank exceeds the rank (Xu, Shen, Chi
    and Ma 2023); it should be below the smallest nonzero singular value of the truth. Starts from the truncated spectrum
    at full scale by default.
    """

    damping: Float[Array, ""]

    def __init__(
        self,
        rank=None,
        initial_scale=1.0,
        step: AbstractStep | float | None = None,
        damping=1e-3,
        start: AbstractFactorStart | None = None,
        tolerance=1e-7,
        patience=1000,
    ):
        r"""**Arguments:** as for `SubgradientMethod`, with the truncated spectrum at full scale as the default start; and
        `damping`, $\lambda \ge 0$.

        **Raises:** `ValueError` for a number that is not allowed.
        """
        start = TruncatedSpectralFactors() if start is None else start
        super().__init__(rank, initial_scale, step, start, tolerance, patience)
        self.damping = as_real_leaf(damping)

    def __check_init__(self):
        require(self, damping="nonnegative")

    @staticmethod
    def default_step() -> AbstractStep:
        """A constant step of 0.25."""
        return ScheduledStep(0.25)

    def loss(self, problem: MatrixSensingProblem, residual: Float[Array, " observations"]):
        """Half the mean squared residual."""
        return _half_mean_square(problem, residual)

    def direction(self, problem: MatrixSensingProblem, factors: Factors, gradient: Factors) -> Factors:
        """The gradient times the inverse of the damped Gram matrix."""
        left = _solve_right(gradient.left, factors.left if factors.right is None else factors.right, self.damping)
        if factors.right is None or gradient.right is None:
            return Factors(left)
        return Factors(left, _solve_right(gradient.right, factors.left, self.damping))


def _half_mean_square(problem, residual):
    return jnp.sum(residual**2) / (2 * problem.count), residual / problem.count


def _solve_right(gradient, factor, damping):
    """Gradient @ inverse(factor^T factor + damping I); columns outside the search rank stay zero."""
    gram = factor.T @ factor
    damping = jnp.asarray(damping, gram.dtype)
    idle = jnp.diagonal(gram) == 0
    gram = gram + jnp.diag(jnp.where(idle, 1, damping))
    return solve(gram, gradient.T).T
