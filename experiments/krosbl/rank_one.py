"""How fast the posterior energies become a Kronecker product."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import Table, models, solvers
from recover.core.solve import run

from ..fields import Count
from ..figure import Figure

_SOLVERS = {"SVD-KroSBL": solvers.SVDKroSBL, "AM-KroSBL": solvers.AMKroSBL}


class RankOne(Figure):
    """Singular values of the unfoldings of d without noise, and the variances at the end."""

    dimension: Count
    rows: tuple[Count, Count, Count]
    sparsity: Count
    trials: Count
    steps: tuple[int, ...]

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Ratios of the second to the first singular value per step, and the final variances with the true support."""
        ratios, variances = [], []
        # In double precision the ratios can be followed to rounding.
        with jax.enable_x64(True):
            model = models.KroneckerSparse((self.dimension,) * 3, self.rows, self.sparsity)
            for name, kind in _SOLVERS.items():
                solver = kind(initial_variance=1.0, prune=0.0, tolerance=-1.0)
                for step in self.steps:
                    energies, found, truth = _states(model, solver, self.trials, self.seed, jnp.asarray(step))
                    for trial, tensor in enumerate(np.asarray(energies)):
                        ratios.append({"solver": name, "step": step, "trial": trial, **_ratios(tensor)})
                for mode, values in enumerate(found):
                    true = np.asarray(truth[0] != 0).any(axis=tuple(a for a in range(3) if a != mode))
                    share = np.asarray(values[0]) / np.max(np.asarray(values[0]))
                    for index in range(self.dimension):
                        variances.append(
                            {
                                "solver": name,
                                "mode": mode + 1,
                                "index": index,
                                "share": share[index],
                                "true": true[index],
                            }
                        )
        return {"ratios": pd.DataFrame(ratios), "variances": pd.DataFrame(variances)}


@eqx.filter_jit
def _states(model, solver, trials: int, seed: int, steps):
    def solve(key):
        problem, truth = model.sample(key)
        state = run(problem, solver, key, steps).state
        return state.posterior.energies, state.variances, truth

    return jax.vmap(solve)(jax.random.split(jax.random.key(seed), trials))


def _ratios(energies: np.ndarray) -> dict[str, float]:
    size = energies.shape[0]
    _, values, right = np.linalg.svd(energies.reshape(size, -1), full_matrices=False)
    rest = np.linalg.svd(right[0].reshape(energies.shape[1:]), compute_uv=False)
    return {"first": values[1] / values[0], "second": rest[1] / rest[0]}
