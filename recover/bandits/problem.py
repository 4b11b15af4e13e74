"""Rewards that are nearly linear in features of actions: what a solver may query."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.checks import require_integer
from ..core.data import as_data, number
from ..sparse.problem import LinearProblem

__all__ = ["BanditProblem"]


class BanditProblem(LinearProblem):
    r"""Actions $a$ with features $\phi(a) \in \mathbb{R}^d$ and rewards $r(a) = \langle \phi(a), \theta \rangle + \nu(a)$, $|\nu(a)| \le \varepsilon$.

    A linear problem of which an observation may be read only once its action is queried: solvers keep a mask of what they
    queried, and report how many. Rewards carry no noise; where yours do, give averages over pulls. `oracle` is the support of
    $\theta$, for baselines that may know it. Columns of the features from `width` on are padding and zero.
    """

    misspecification: Float[Array, ""]
    width: Int[Array, ""]

    def __init__(self, operator, observations, misspecification, *, width=None, oracle=None, **known):
        r"""**Arguments:**

        - `operator`: features, one row per action, as for `recover.LinearProblem`.
        - `observations`: rewards, one per action.
        - `misspecification`: bound $\varepsilon \ge 0$ on what of a reward is not linear in the features.
        - `width`: how many leading columns are features; all by default.
        - `oracle`: mask of the columns that matter, where a baseline is to know them.
        - `known`: the optional arguments of `recover.LinearProblem`.

        **Raises:** `ValueError` and `TypeError` as `recover.LinearProblem`, and for an impossible bound, width or mask.
        """
        super().__init__(operator, observations, **known)
        owner = type(self).__name__
        require_integer(owner, "width", width, 1, self.dimension)
        dtype = self.observations.dtype
        self.misspecification = number(owner, "misspecification", misspecification, "nonnegative", dtype)
        self.width = jnp.asarray(self.dimension if width is None else width)
        self.oracle = None if oracle is None else self._mask(oracle)

    def _mask(self, oracle) -> Float[Array, " dimension"]:
        mask = as_data(type(self).__name__, "oracle", oracle, "dimension")
        if mask.shape != (self.dimension,):
            raise ValueError(
                f"{type(self).__name__}: `oracle` has shape {mask.shape}; one entry for each of {self.dimension} columns is allowed."
            )
        return jnp.asarray(mask, self.observations.dtype)

    def units(self) -> None:
        """None: rewards are of order one, and queries are chosen by them."""
        return
