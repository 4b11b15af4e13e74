"""How fast the posterior energies become a Kronecker product."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import models, solvers
from recover.core.solve import run

from ..fields import Count
from ..figure import Figure
from ..summaries import summarise

_SOLVERS = {"SVD-KroSBL": solvers.SVDKroSBL, "AM-KroSBL": solvers.AMKroSBL}


class RankOne(Figure):
    """Singular values of the unfoldings of d without noise, and the variances at the end of one instance."""

    dimension: Count
    rows: tuple[Count, Count, Count]
    sparsity: Count
    trials: Count
    steps: tuple[int, ...]

    def tables(self, swept):
        ratios, variances = [], []
        # In double precision the ratios can be followed to rounding.
        with jax.enable_x64(True):
            model = models.KroneckerSparse((self.dimension,) * 3, self.rows, self.sparsity)
            for name, kind in _SOLVERS.items():
                solver = kind(initial_variance=1.0, prune=0.0, tolerance=-1.0)
                for step in self.steps:
                    energies, found, truth = _states(model, solver, self.trials, self.seed, jnp.asarray(step))
                    ratios.append(_ratios(np.asarray(energies)).assign(solver=name, step=step))
                for mode, values in enumerate(found):
                    true = np.asarray(truth[0] != 0).any(axis=tuple(a for a in range(3) if a != mode))
                    shares = pd.DataFrame({"share": np.asarray(values[0]) / np.max(values[0]), "true": true})
                    variances.append(shares.assign(solver=name, mode=mode + 1, index=np.arange(self.dimension)))
        ranges = {"first": "median_range", "second": "median_range", "median": ("first", "median")}
        return {
            "ratios": summarise(pd.concat(ratios), ["solver", "step"], **ranges),
            "variances": pd.concat(variances, ignore_index=True),
        }


@eqx.filter_jit
def _states(model, solver, trials: int, seed: int, steps):
    def solve(key):
        problem, truth = model.sample(key)
        state = run(problem, solver, key, steps).state
        return state.posterior.energies, state.variances, truth

    return jax.vmap(solve)(jax.random.split(jax.random.key(seed), trials))


def _ratios(energies: np.ndarray) -> pd.DataFrame:
    """Second over first singular value of the two successive unfoldings, one row per trial."""
    count, size = energies.shape[:2]
    _, values, right = np.linalg.svd(energies.reshape(count, size, -1), full_matrices=False)
    rest = np.linalg.svd(right[:, 0].reshape(count, size, -1), compute_uv=False)
    return pd.DataFrame({"first": values[:, 1] / values[:, 0], "second": rest[:, 1] / rest[:, 0]})
