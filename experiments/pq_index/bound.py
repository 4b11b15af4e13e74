"""The bound on how many weights must stay, for random vectors and for networks at all stages of pruning."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import Table, pq_index, theory

from ..fields import Count
from .common import KEPT, PAIRS, DigitsFigure


class Bound(DigitsFigure):
    """A few lottery tickets, and random vectors."""

    vectors: Count
    longest: Count

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """The bound next to what it bounds, and what untrained layers are predicted to lose."""
        methods = self.methods(self.hidden, self.training_pictures)
        chosen = {name: methods[name] for name in ("lottery ticket", "one shot")}
        frame = self.trajectories(self.model, chosen)
        return {"networks": self._networks(frame), "vectors": self._vectors(), "start": self._start(frame)}

    def _networks(self, frame):
        parts = []
        stages = {"untrained": (frame["iteration"] < 0, ""), "trained": (frame["iteration"] >= 0, "")}
        stages["pruned"] = (frame["iteration"] >= 0, "_pruned")
        for stage, (chosen, suffix) in stages.items():
            rows = frame[chosen & (frame[f"live{suffix}"] > 0)]
            for (p, q), name in zip(PAIRS, ("half", "two"), strict=True):
                for kept in KEPT:
                    live = rows[f"live{suffix}"].to_numpy()
                    count = np.ceil(np.float32(kept) * live)
                    ratio = rows[f"tightness_{name}{suffix}_{kept}"].to_numpy()
                    parts.append(
                        pd.DataFrame(
                            {
                                "stage": stage, "p": p, "q": q, "kept": count, "bound": ratio * count, "ratio": ratio,
                                "live": live, "eta": rows[f"eta_{name}{suffix}_{kept}"].to_numpy(),
                            }
                        )
                    )  # fmt: skip
        return pd.concat(parts, ignore_index=True)

    def _vectors(self):
        rng = np.random.default_rng(self.seed)

        def ratio(values, size, p, q, kept):
            live = jnp.arange(self.longest) < size
            eta = theory.tail_ratio(values, live, p, kept[None])[0]
            return theory.pq_pruning_bound(size, pq_index(values, p, q, live), p, q, eta) / kept

        size = rng.integers(5, self.longest + 1, self.vectors)
        p = rng.uniform(0.1, 1, self.vectors)
        q = p + rng.uniform(0.1, 1.5, self.vectors)
        kept = 1 + np.floor(rng.uniform(size=self.vectors) * size)
        values = rng.normal(size=(self.vectors, self.longest)) ** 1
        values = np.sign(values) * np.abs(values) ** rng.uniform(0.3, 3, (self.vectors, 1))
        with jax.enable_x64(True):
            arguments = (jnp.asarray(each) for each in (values, size.astype(float), p, q, kept))
            found = np.asarray(jax.jit(jax.vmap(ratio))(*arguments))
        return pd.DataFrame({"size": size, "p": p, "q": q, "kept": kept, "ratio": found})

    def _start(self, frame):
        """Untrained networks: their index, and what SAP would prune of them, against uniform weights."""
        rows = frame[(frame["iteration"] < 0) & (frame["method"] == "lottery ticket")]
        return pd.DataFrame(
            [
                {
                    "p": p, "q": q, "index": rows[f"pqi_{name}"].mean(), "uniform": float(theory.uniform_pq_index(p, q)),
                    "pruned": float(1 - theory.adaptive_keep_share(theory.uniform_pq_index(p, q), p, q)),
                    "pruned_gaussian": float(1 - theory.adaptive_keep_share(theory.gaussian_pq_index(p, q), p, q)),
                }
                for (p, q), name in zip(PAIRS, ("half", "two"), strict=True)
            ]
        )  # fmt: skip
