"""What a solver may see of a low-rank matrix."""

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jaxtyping import Array, Float, Int

from ..core.leaves import floating_dtype, is_concrete
from ..operators.symmetric import symmetric_coordinates, symmetric_matrix, symmetric_size

__all__ = ["MatrixSensingProblem"]


class MatrixSensingProblem(eqx.Module):
    r"""Linear observations of an unknown matrix, $y_i = \langle A_i, X \rangle + s_i$.

    The operator acts on *coordinates*: the entries of $X$ row by row, or `symmetric_coordinates` when $X$ is symmetric, so
    that all measurements of many matrices at once are one matrix product. Rows from `samples` on are padding: zero in
    the operator and in the observations. Averages divide by `samples`.

    - `shape`: (rows, columns) of the unknown matrix.
    - `symmetric`: whether it is known to be symmetric positive semidefinite.
    - `loss_at_truth`: the mean absolute value of the perturbations $s_i$, where that is known. Only oracle step rules use it.
    """

    operator: lx.AbstractLinearOperator
    observations: Float[Array, " observations"]
    samples: Int[Array, ""]
    loss_at_truth: Float[Array, ""] | None
    shape: tuple[int, int] = eqx.field(static=True)
    symmetric: bool = eqx.field(static=True)

    def __init__(
        self,
        operator,
        observations,
        *,
        samples=None,
        shape: tuple[int, int] | None = None,
        symmetric: bool = True,
        loss_at_truth=None,
    ):
        """**Arguments:**

        - `operator`: the matrices A_i as an array of shape (observations, rows, columns), or a lineax operator on
          coordinates (then `shape` is needed).
        - `observations`: vector of shape (observations,).
        - `samples`: how many leading observations are data; the rest must be zero. All of them by default.
        - `symmetric`: whether the unknown matrix is symmetric positive semidefinite. Only the symmetric parts of the
          A_i matter then.

        **Raises:** `ValueError` when the shapes do not fit.
        """
        observations = jnp.asarray(observations)
        if not isinstance(operator, lx.AbstractLinearOperator):
            matrices = jnp.asarray(operator)
            if matrices.ndim != 3:
                raise ValueError(
                    f"MatrixSensingProblem: `operator` has shape {matrices.shape}; matrices stacked along the first of "
                    "three axes are allowed."
                )
            shape = (matrices.shape[1], matrices.shape[2])
            matrices = matrices.astype(floating_dtype(matrices, observations))
            square = shape[0] == shape[1]
            rows = symmetric_coordinates(matrices) if symmetric and square else matrices.reshape(len(matrices), -1)
            operator = lx.MatrixLinearOperator(rows)
        if shape is None:
            raise ValueError("MatrixSensingProblem: `shape` is None; (rows, columns) is needed with an operator.")
        if symmetric and shape[0] != shape[1]:
            raise ValueError(
                f"MatrixSensingProblem: `symmetric` is True, but the shape is {tuple(shape)}; a square one is allowed."
            )
        coordinates = symmetric_size(shape[0]) if symmetric else shape[0] * shape[1]
        structure = operator.out_structure()
        if not isinstance(structure, jax.ShapeDtypeStruct) or operator.in_size() != coordinates:
            raise ValueError(
                f"MatrixSensingProblem: `operator` takes vectors of size {operator.in_size()}; {coordinates}, the number of "
                f"coordinates of a {'symmetric ' if symmetric else ''}matrix of shape {tuple(shape)}, is allowed."
            )
        if observations.shape != structure.shape:
            raise ValueError(
                f"MatrixSensingProblem: `observations` has shape {observations.shape}; {structure.shape} is allowed."
            )
        count = observations.shape[0]
        samples = count if samples is None else samples
        if is_concrete(samples):
            sizes = np.asarray(samples)
            if not np.issubdtype(sizes.dtype, np.integer) or np.any(sizes < 1) or np.any(sizes > count):
                raise ValueError(
                    f"MatrixSensingProblem: `samples` is {samples}; an integer from 1 to {count} is allowed."
                )
        self.operator = operator
        self.observations = observations.astype(structure.dtype)
        self.samples = jnp.asarray(samples)
        self.loss_at_truth = None if loss_at_truth is None else jnp.asarray(loss_at_truth, structure.dtype)
        self.shape = (int(shape[0]), int(shape[1]))
        self.symmetric = symmetric

    @property
    def rows(self) -> int:
        """Padded number of observations (static); `samples` of them are data."""
        return self.observations.shape[0]

    @property
    def count(self) -> Float[Array, ""]:
        """The number of observations that are data, in their dtype."""
        return self.samples.astype(self.observations.dtype)

    def residual(self, matrix: Float[Array, "rows columns"]) -> Float[Array, " observations"]:
        r"""$y_i - \langle A_i, X \rangle$, zero on padding."""
        coordinates = symmetric_coordinates(matrix) if self.symmetric else matrix.reshape(-1)
        return self.observations - self.operator.mv(coordinates)

    def adjoint(self, z: Float[Array, " observations"]) -> Float[Array, "rows columns"]:
        r"""$\sum_i z_i A_i$, or $\sum_i z_i (A_i + A_i^\top)/2$ for a symmetric problem."""
        coordinates = self.operator.T.mv(z)
        return symmetric_matrix(coordinates, self.shape[0]) if self.symmetric else coordinates.reshape(self.shape)
