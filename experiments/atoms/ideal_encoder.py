"""The encoder made of the atoms themselves: supports and coefficients against the worst case."""

import jax
import jax.numpy as jnp

from recover.core.linalg import solve
from recover.core.sizes import with_capacities
from recover.dictionaries.atomic_inner_product import coherence, whitening
from recover.dictionaries.autoencoders import ideal_autoencoder
from recover.theory import threshold_window

from ..fields import Count, Counts, Positive, Trials
from ..figure import Figure
from ..summaries import summarise, tidied
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

    def tables(self, swept):
        actives = jnp.asarray(self.actives, jnp.int32)
        found = drawn(lambda key: jax.vmap(self._encoded, (None, 0))(key, actives), self.trials, self.seed)
        axes = {"trial": range(self.trials), "active": self.actives}
        codes = tidied(
            {name: found.pop(name) for name in ("exact", "error", "refitted")}, **axes, code=range(self.codes)
        )
        windows = tidied(found, **axes).groupby("active", sort=False)
        errors = codes.groupby("active", sort=False)[["error", "refitted"]]
        sizes = summarise(codes, ["active"], exact="rate").set_index("active")
        return {
            "sizes": sizes.join(windows[["coherence", "lower", "upper"]].mean())
            .join(windows.agg({"response": "min", "interference": "max"}))
            .join(errors.mean())
            .join(errors.max().add_suffix("_largest"))
            .reset_index()
        }

    def _encoded(self, key, active):
        sizes = {"dimension": self.dimension, "features": self.features, "active": max(self.actives)}
        options = {"coefficient_range": (self.smallest, self.largest), "scaling": "none"}
        model = with_capacities(atoms(self.dimension, self.features, active[None], self.condition, **options), sizes)
        stream, directions = model.observe(key, model.design(key))
        codes = stream.codes(jnp.arange(self.codes, dtype=jnp.int32))
        rows = codes @ directions
        moment = directions.T @ directions
        mu = coherence(directions @ whitening(moment, 0.0))
        window = threshold_window(mu, active.astype(mu.dtype), self.smallest, self.largest)
        autoencoder = ideal_autoencoder(directions, moment, (window.lower + window.upper) / 2)
        answers = autoencoder.forward(rows).preactivations.projections
        found = autoencoder.encode(rows)
        true = codes > 0

        def refit(row, code):
            values, chosen = jax.lax.top_k(code, max(self.actives))
            kept = values > 0
            columns = jnp.where(kept[:, None], directions[chosen], 0)
            gram = columns @ columns.T + jnp.diag(jnp.where(kept, 0, 1).astype(columns.dtype))
            return solve(gram, (columns @ row)[:, None])[:, 0] @ columns

        def error(estimate):
            return jnp.linalg.norm(rows - estimate, axis=1) / jnp.linalg.norm(rows, axis=1)

        return {
            "coherence": mu,
            "lower": window.lower,
            "upper": window.upper,
            "exact": jnp.all((found > 0) == true, axis=1),
            "response": jnp.min(jnp.where(true, answers, jnp.inf)),
            "interference": jnp.max(jnp.where(true, -jnp.inf, answers)),
            "error": error(autoencoder.decode(found)),
            "refitted": error(jax.lax.map(lambda pair: refit(*pair), (rows, found))),
        }
