"""What random dictionaries certify: shares of stable pairs, coherence against the least possible, restricted isometries."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import theory
from recover.core.linalg import eigvalsh
from recover.dictionaries.atomic_inner_product import coherence, stability, whitening

from ..fields import Count, Counts, Trials
from ..figure import Figure
from ..summaries import means, tidied
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

    def tables(self, swept):
        by_size, by_active = [], []
        for size in self.sizes:
            found = drawn(lambda key, size=size: self._measured(key, size), self.trials, self.seed)
            mu = found.pop("coherence")
            pairs = np.broadcast_arrays(mu[:, None], np.asarray(self.actives, mu.dtype))
            found["bound"] = theory.coherence_isometry(*pairs)
            certified = {"coherence": mu, "certified": theory.uniqueness_sparsity(mu)}
            by_size.append(tidied(certified, trial=range(self.trials)).assign(**size.model_dump()))
            axes = {"trial": range(self.trials), "active": self.actives}
            by_active.append(tidied(found, **axes).assign(**size.model_dump()))
        pairs = pd.concat(by_active, ignore_index=True)
        where = ["dimension", "features"]
        return {
            "stability": self._predicted(means(pairs, [*where, "active"], ["stability"])),
            "sizes": means(pd.concat(by_size), where, ["coherence", "certified"]),
            "isometries": pairs[[*where, "active", "trial", "constant", "bound"]],
        }

    @staticmethod
    def _predicted(table: pd.DataFrame) -> pd.DataFrame:
        sizes = (table[name].to_numpy(float) for name in ("features", "dimension", "active"))
        return table.assign(predicted=np.asarray(theory.tight_frame_stability(*sizes)))

    def predictions(self):
        fine = {"active": np.linspace(1, max(self.actives) + 1, 101)}
        lines = [pd.DataFrame({**size.model_dump(), **fine}) for size in self.sizes]
        sizes = pd.DataFrame([size.model_dump() for size in self.sizes])
        least = theory.welch_coherence(sizes["features"].to_numpy(float), sizes["dimension"].to_numpy(float))
        d = float(self.model_dimension)
        certified = {n: float(theory.uniqueness_sparsity(theory.welch_coherence(n * d, d))) for n in (4, 1e6)}
        shares = np.asarray(theory.tight_frame_stability(4 * d, d, np.arange(1.0, 41.0)))
        facts = {"certified_four": certified[4], "certified_many": certified[1e6], "most": int((shares >= 0.998).sum())}
        return {
            "lines": self._predicted(pd.concat(lines, ignore_index=True)),
            "welch": sizes.assign(certified=np.asarray(theory.uniqueness_sparsity(least))),
            "language_model": pd.DataFrame([facts]),
        }

    def _measured(self, key, size):
        model = atoms(size.dimension, size.features, 1)
        _, directions = model.observe(key, model.design(key))
        whitened = directions @ whitening(directions.T @ directions, 0.0)
        whitened = whitened / jnp.linalg.norm(whitened, axis=1, keepdims=True)
        actives = jnp.asarray(self.actives, jnp.int32)
        return {
            "coherence": coherence(whitened),
            "stability": jax.vmap(lambda active: stability(whitened, active[None]))(actives),
            "constant": self._isometries(key, whitened, actives),
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
