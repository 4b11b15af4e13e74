"""How well the signs of perturbed measurements of a matrix tell its direction."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .problem import MatrixSensingProblem

__all__ = ["SignDeviation", "sign_deviation"]


class SignDeviation(eqx.Module):
    r"""The empirical direction of the $\ell_1$ loss against the ideal one, for a batch of matrices.

    - `scale`: $\hat\varphi = \langle \hat D, \Delta \rangle / \|\Delta\|_F$; compare with `theory.sign_scale`.
    - `deviation`: $\|\hat D - \hat\varphi \Delta / \|\Delta\|_F\|_2 / \hat\varphi$, relative, in spectral norm. The supremum over
      matrices of low rank is the $\delta$ of the sign-restricted isometry; a maximum over samples bounds it from below.
    """

    scale: Float[Array, " matrices"]
    deviation: Float[Array, " matrices"]


def sign_deviation(
    problem: MatrixSensingProblem, truth: Float[Array, "rows columns"], matrices: Float[Array, "matrices rows columns"]
) -> SignDeviation:
    r"""Deviation of $\hat D = \frac1m \sum_i \operatorname{sign}(\langle A_i, X \rangle - y_i) A_i$ from the direction $\Delta = X - X_\star$.

    **Arguments:** a problem, its truth, and matrices $X$ other than the truth, of shape (matrices, rows, columns).
    """

    def one(matrix):
        difference = matrix - truth
        size = jnp.sqrt(jnp.sum(difference**2))
        direction = -problem.adjoint(jnp.sign(problem.residual(matrix))) / problem.count
        scale = jnp.sum(direction * difference) / size
        return scale, jnp.linalg.norm(direction - (scale / size) * difference, ord=2) / scale

    with jax.default_matmul_precision("float32"):
        return SignDeviation(*jax.vmap(one)(matrices))
