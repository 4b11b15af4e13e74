"""What random dictionaries certify: shares of stable pairs, coherence against the least possible, restricted isometries."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Table, theory
from recover.core.linalg import eigvalsh
from recover.dictionaries.atomic_inner_product import coherence, stability, whitening

from ..fields import Count, Counts, Trials
from ..figure import Figure
from ..summaries import means
from .common import atoms, drawn


class Size(pydantic.BaseModel):
    """A dimension and a number of atoms."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    dimension: Count
    features: Count


class Certificates(Figure):
    """Random directions, whitened by the kernel of the dictionary itself."""

    sizes: tuple[Size, ...]
    actives: Counts
    supports: Count
    model_dimension: Count
    trials: Trials

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Measured values next to their predictions."""
        keys = jax.random.split(jax.random.key(self.seed), self.trials)
        measured, isometries, lines, sizes = [], [], [], []
        for size in self.sizes:
            found = jax.tree.map(
                np.asarray, jax.jit(lambda k, size=size: jax.lax.map(lambda e: self._one(e, size), k))(keys)
            )
            where = {"dimension": size.dimension, "features": size.features}
            n, d = float(size.features), float(size.dimension)
            for trial in range(self.trials):
                mu = float(found["coherence"][trial])
                sizes.append(
                    {**where, "trial": trial, "coherence": mu, "certified": float(theory.uniqueness_sparsity(mu))}
                )
                for index, active in enumerate(self.actives):
                    measured.append(
                        {**where, "active": active, "trial": trial, "stability": found["stability"][trial, index]}
                    )
                    isometries.append(
                        {**where, "active": active, "trial": trial, "constant": found["isometry"][trial, index],
                         "bound": float(theory.coherence_isometry(mu, active))}
                    )  # fmt: skip
            fine = np.linspace(1, max(self.actives) + 1, 101)
            lines.append(
                pd.DataFrame(
                    {**where, "active": fine, "stability": np.asarray(theory.tight_frame_stability(n, d, fine))}
                )
            )
        frame = means(pd.DataFrame(measured), ["dimension", "features", "active"], ["stability"])
        frame["predicted"] = np.asarray(
            theory.tight_frame_stability(*(frame[name].to_numpy(float) for name in ("features", "dimension", "active")))
        )
        summary = means(pd.DataFrame(sizes), ["dimension", "features"], ["coherence", "certified"])
        summary["welch"] = [
            float(theory.welch_coherence(float(row.features), float(row.dimension))) for row in summary.itertuples()
        ]
        summary["welch_certified"] = [float(theory.uniqueness_sparsity(value)) for value in summary["welch"]]
        d = float(self.model_dimension)
        share = np.asarray(theory.tight_frame_stability(4 * d, d, np.arange(1.0, 41.0)))
        language_model = {
            "dimension": d,
            "welch_four": float(theory.uniqueness_sparsity(theory.welch_coherence(4 * d, d))),
            "welch_many": float(theory.uniqueness_sparsity(theory.welch_coherence(1e6 * d, d))),
            "largest_active": int((share >= 0.998).sum()),
        }
        return {
            "stability": frame,
            "lines": pd.concat(lines, ignore_index=True),
            "sizes": summary,
            "isometries": pd.DataFrame(isometries),
            "language_model": pd.DataFrame([language_model]),
        }

    def _one(self, key, size):
        model = atoms(size.dimension, size.features, 1)
        _, directions = drawn(model, key)
        whitened = directions @ whitening(directions.T @ directions, 0.0)
        whitened = whitened / jnp.linalg.norm(whitened, axis=1, keepdims=True)
        actives = jnp.asarray(self.actives, jnp.int32)
        shares = jax.vmap(lambda active: stability(whitened, active[None]))(actives)
        return {
            "coherence": coherence(whitened),
            "stability": shares,
            "isometry": self._isometries(key, whitened, actives),
        }

    def _isometries(self, key, whitened, actives):
        """Largest deviation of squared singular values from one over nested random supports and one around the worst pair."""
        draws = jax.random.uniform(jax.random.fold_in(key, 1), (self.supports, whitened.shape[0]))
        supports = jax.lax.top_k(draws, max(self.actives))[1]
        # The row with the largest coherence and its most coherent companions.
        products = jnp.abs(whitened @ whitened.T)
        row = jnp.argmax(jnp.max(products - 2 * jnp.eye(products.shape[0], dtype=products.dtype), axis=1))
        worst = jax.lax.top_k(products[row], max(self.actives))[1]
        chosen = whitened[jnp.concatenate([supports, worst[None]])]
        gram = jnp.einsum("skd,sld->skl", chosen, chosen)

        def largest(active):
            inside = jnp.arange(gram.shape[1], dtype=jnp.int32) < active
            # Ones on the diagonal of what is left out deviate by nothing.
            blocks = jnp.where(inside[:, None] & inside[None, :], gram, jnp.eye(gram.shape[1], dtype=gram.dtype))
            return jnp.max(jnp.abs(jax.vmap(eigvalsh)(blocks) - 1))

        return jax.vmap(largest)(actives)
