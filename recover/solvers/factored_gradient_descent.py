"""Gradient descent on the factors of a low-rank matrix for the squared loss, plain and preconditioned."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..factors import Factors
from ..initialisers import AbstractFactorStart, SignSpectralFactors, TruncatedSpectralFactors
from ..leaves import as_leaf
from ..matrix_problems import MatrixSensingProblem
from ..padding import Capacities, capacities_field, concrete_capacities
from ..steps import AbstractStep, ScheduledStep, as_step
from .factored import AbstractFactoredSolver
from .hyperparameters import require


class FactoredGradientDescent(AbstractFactoredSolver):
    r"""Gradient descent on $f(U) = \frac{1}{2m} \|y - \mathcal{A}(U U^\top)\|_2^2$.

    $$U_{t+1} = U_t - \eta_t \frac1m \sum_i (\langle A_i, U_t U_t^\top \rangle - y_i)(A_i + A_i^\top)\, U_t.$$

    The step is in units of one over the largest singular value of the truth: 0.1 suits a truth of unit spectral norm and
    must be smaller under outliers, which enlarge the iterates.
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
        """**Arguments:** as for `SubgradientMethod`; `step` is constant, 0.1, by default.

        **Raises:** `ValueError` for a number that is not allowed.
        """
        self.rank = as_leaf(rank)
        self.initial_scale = as_leaf(float(initial_scale) if isinstance(initial_scale, int) else initial_scale)
        self.step_size = ScheduledStep() if step is None else as_step(step)
        self.start = SignSpectralFactors() if start is None else start
        self.tolerance = as_leaf(float(tolerance) if isinstance(tolerance, int) else tolerance)
        self.patience = as_leaf(patience)
        self.capacities = concrete_capacities(rank=rank)

    def loss(self, problem: MatrixSensingProblem, residual: Float[Array, " observations"]):
        """Half the mean squared residual."""
        return jnp.sum(residual**2) / (2 * problem.count), residual / problem.count

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

    rank: Int[Array, ""] | None
    initial_scale: Float[Array, ""]
    step_size: AbstractStep
    damping: Float[Array, ""]
    start: AbstractFactorStart
    tolerance: Float[Array, ""]
    patience: Int[Array, ""]
    capacities: Capacities = capacities_field()

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
        """**Arguments:** as for `SubgradientMethod`; `step` is constant, 0.25, by default.

        **Raises:** `ValueError` for a number that is not allowed.
        """
        self.rank = as_leaf(rank)
        self.initial_scale = as_leaf(float(initial_scale) if isinstance(initial_scale, int) else initial_scale)
        self.step_size = ScheduledStep(0.25) if step is None else as_step(step)
        self.damping = as_leaf(float(damping) if isinstance(damping, int) else damping)
        require(self, damping="nonnegative")
        self.start = TruncatedSpectralFactors() if start is None else start
        self.tolerance = as_leaf(float(tolerance) if isinstance(tolerance, int) else tolerance)
        self.patience = as_leaf(patience)
        self.capacities = concrete_capacities(rank=rank)

    def loss(self, problem: MatrixSensingProblem, residual: Float[Array, " observations"]):
        """Half the mean squared residual."""
        return jnp.sum(residual**2) / (2 * problem.count), residual / problem.count

    def direction(self, problem: MatrixSensingProblem, factors: Factors, gradient: Factors) -> Factors:
        """The gradient times the inverse of the damped Gram matrix."""
        left = _solve_right(gradient.left, factors.left if factors.right is None else factors.right, self.damping)
        if factors.right is None or gradient.right is None:
            return Factors(left)
        return Factors(left, _solve_right(gradient.right, factors.left, self.damping))


def _solve_right(gradient, factor, damping):
    """Gradient @ inverse(factor^T factor + damping I); columns outside the search rank stay zero."""
    gram = factor.T @ factor
    damping = jnp.asarray(damping, gram.dtype)
    idle = jnp.diagonal(gram) == 0
    gram = gram + jnp.diag(jnp.where(idle, 1, damping))
    return jnp.linalg.solve(gram, gradient.T).T
