"""The encoder made of the atoms themselves: supports and coefficients against the worst case."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import Table
from recover.core.linalg import solve
from recover.core.sizes import with_capacities
from recover.dictionaries.atomic_inner_product import coherence, whitening
from recover.dictionaries.autoencoders import ideal_autoencoder
from recover.statistics.binomial import binomial_interval
from recover.theory import threshold_window

from ..fields import Count, Counts, Positive, Trials
from ..figure import Figure
from .common import Condition, atoms, drawn


class IdealEncoder(Figure):
    """Thresholds in the middle of the window, whether or not it is empty."""

    dimension: Count
    features: Count
    actives: Counts
    condition: Condition
    smallest: Positive
    largest: Positive
    codes: Count
    trials: Trials

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Windows, shares of exact supports, and relative errors of reconstructions, raw and refitted."""
        keys = jax.random.split(jax.random.key(self.seed), self.trials)
        actives = jnp.asarray(self.actives, jnp.int32)
        over_sizes = jax.vmap(self._encoded, in_axes=(None, 0))
        run = jax.jit(lambda keys: jax.lax.map(lambda key: over_sizes(key, actives), keys))
        found = jax.tree.map(np.asarray, run(keys))
        rows = []
        for index, active in enumerate(self.actives):
            each = {name: values[:, index] for name, values in found.items()}
            exact = int(each["exact"].sum())
            low, high = (float(end) for end in binomial_interval(np.asarray(exact), np.asarray(each["exact"].size)))
            rows.append(
                {
                    "active": active, "coherence": each["coherence"].mean(),
                    "lower": each["lower"].mean(), "upper": each["upper"].mean(),
                    "response": each["response"].min(), "interference": each["interference"].max(),
                    "exact": exact, "codes": each["exact"].size, "low": low, "high": high,
                    "error": each["error"].mean(), "error_largest": each["error"].max(),
                    "refitted": each["refitted"].mean(), "refitted_largest": each["refitted"].max(),
                }
            )  # fmt: skip
        return {"sizes": pd.DataFrame(rows)}

    def _encoded(self, key, active):
        sizes = {"dimension": self.dimension, "features": self.features, "active": max(self.actives)}
        options = {"coefficient_range": (self.smallest, self.largest), "scaling": "none"}
        model = with_capacities(atoms(self.dimension, self.features, active[None], self.condition, **options), sizes)
        stream, directions = drawn(model, key)
        numbers = jnp.arange(self.codes, dtype=jnp.int32)
        codes = stream.codes(numbers)
        rows = codes @ directions
        moment = directions.T @ directions
        mu = coherence(directions @ whitening(moment, 0.0))
        window = threshold_window(mu, active.astype(mu.dtype), self.smallest, self.largest)
        middle = (window.lower + window.upper) / 2
        autoencoder = ideal_autoencoder(directions, moment, middle)
        answers = autoencoder.forward(rows).preactivations.projections
        found = autoencoder.encode(rows)
        support, true = found > 0, codes > 0
        reconstruction = autoencoder.decode(found)
        norms = jnp.linalg.norm(rows, axis=1)

        def refit(row, code):
            values, chosen = jax.lax.top_k(code, max(self.actives))
            kept = values > 0
            columns = jnp.where(kept[:, None], directions[chosen], 0)
            gram = columns @ columns.T + jnp.diag(jnp.where(kept, 0, 1).astype(columns.dtype))
            return solve(gram, (columns @ row)[:, None])[:, 0] @ columns

        refitted = jax.lax.map(lambda pair: refit(*pair), (rows, found))
        return {
            "coherence": mu, "lower": window.lower, "upper": window.upper,
            "exact": jnp.all(support == true, axis=1),
            "response": jnp.min(jnp.where(true, answers, jnp.inf)),
            "interference": jnp.max(jnp.where(true, -jnp.inf, answers)),
            "error": jnp.linalg.norm(rows - reconstruction, axis=1) / norms,
            "refitted": jnp.linalg.norm(rows - refitted, axis=1) / norms,
        }  # fmt: skip
