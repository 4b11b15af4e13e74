"""The bound on how many weights must stay, for random vectors and for networks at all stages of pruning."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import pq_index, theory

from ..fields import Count
from ..summaries import unrolled
from .common import PAIRS, DigitsFigure, weights_of

# Kept shares at which the bound is compared with what it bounds.
KEPT = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7)


def tightness(model, truth, problem, solver, state):
    """The bound over what it bounds, at several shares, for the network trained last and the same right after it is pruned."""
    network = solver.estimate(problem, state)
    found = {}
    for stage, each in (("trained", network), ("pruned", network.pruned())):
        flat, live = weights_of(each)
        found[f"{stage}_live"] = size = jnp.sum(live.astype(flat.dtype))
        kept = jnp.ceil(jnp.asarray(KEPT, flat.dtype) * size)
        for name, (p, q) in PAIRS.items():
            found[f"{stage}_pqi_{name}"] = index = pq_index(flat, p, q, live)
            bound = theory.pq_pruning_bound(size, index, p, q, theory.tail_ratio(flat, live, p, kept))
            ratios = dict(zip(KEPT, bound / jnp.maximum(kept, 1), strict=True))
            found |= {f"{stage}_{name}_{share}": ratio for share, ratio in ratios.items()}
    return found


class Bound(DigitsFigure):
    """A few lottery tickets and one-shot prunings, random vectors, and what untrained layers are predicted to lose."""

    measure = tightness

    vectors: Count
    longest: Count

    def cell(self):
        model, methods = super().cell()
        return model, {name: methods[name] for name in ("lottery ticket", "one shot")}

    def tables(self, swept):
        parts = []
        for stage in ("trained", "pruned"):
            for name, (p, _) in PAIRS.items():
                for share in KEPT:
                    histories = {"ratio": f"{stage}_{name}_{share}_history", "live": f"{stage}_live_history"}
                    rows = unrolled(swept.frame[["solver", "trial", *histories.values()]], 1, histories)
                    rows = rows[(rows["live"] > 0) & ((rows["step"] > 0) | (stage == "trained"))]
                    kept = np.ceil(np.float32(share) * rows["live"])
                    parts.append(rows.assign(p=p, kept=kept, stage=np.where(rows["step"] > 0, stage, "untrained")))
        first = {
            p: np.mean([history[0] for history in swept.frame[f"trained_pqi_{name}_history"]])
            for name, (p, _) in PAIRS.items()
        }
        return {
            "networks": pd.concat(parts, ignore_index=True),
            "start": pd.DataFrame({"p": first.keys(), "index": first.values()}),
        }

    def predictions(self):
        laws = [
            {"p": p, "law": law, "pruned": float(1 - theory.adaptive_keep_share(index(p, q), p, q))}
            for p, q in PAIRS.values()
            for law, index in (("uniform", theory.uniform_pq_index), ("Gaussian", theory.gaussian_pq_index))
        ]
        return {"vectors": self._vectors(), "laws": pd.DataFrame(laws)}

    def _vectors(self):
        rng = np.random.default_rng(self.seed)

        def ratio(values, size, p, q, kept):
            live = jnp.arange(self.longest, dtype=size.dtype) < size
            eta = theory.tail_ratio(values, live, p, kept[None])[0]
            return theory.pq_pruning_bound(size, pq_index(values, p, q, live), p, q, eta) / kept

        size = rng.integers(5, self.longest + 1, self.vectors)
        p = rng.uniform(0.1, 1, self.vectors)
        q = p + rng.uniform(0.1, 1.5, self.vectors)
        kept = 1 + np.floor(rng.uniform(size=self.vectors) * size)
        values = rng.normal(size=(self.vectors, self.longest))
        values = np.sign(values) * np.abs(values) ** rng.uniform(0.3, 3, (self.vectors, 1))
        with jax.enable_x64(True):
            arguments = (jnp.asarray(each) for each in (values, size.astype(float), p, q, kept))
            found = np.asarray(jax.jit(jax.vmap(ratio))(*arguments))
        return pd.DataFrame({"kept": kept, "ratio": found})
