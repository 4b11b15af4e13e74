"""What the PQ Index is of weights of a known law, and the properties that a measure of sparsity should have."""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Table, gini_index, pq_index, theory

from ..fields import Count
from ..figure import Figure
from .common import PAIRS

LAWS = {
    "uniform": (theory.uniform_pq_index, lambda rng, size: rng.uniform(-1, 1, size)),
    "Gaussian": (theory.gaussian_pq_index, lambda rng, size: rng.normal(size=size)),
    "Laplace": (theory.laplace_pq_index, lambda rng, size: rng.laplace(size=size)),
}


class SparsityIndex(Figure):
    """Nothing is trained."""

    vectors: Count
    size: Annotated[int, pydantic.Field(ge=2)]
    drawn: Count
    points: Annotated[int, pydantic.Field(ge=2)]

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Curves over p, values of three laws against draws from them, and how often each property fails."""
        with jax.enable_x64(True):
            return {"curves": self._curves(), "laws": self._laws(), "properties": self._properties()}

    def _curves(self):
        p = np.linspace(0.1, 0.95, self.points)
        parts = [
            pd.DataFrame({"law": law, "q": q, "p": p, "index": np.asarray(predicted(jnp.asarray(p), q))})
            for law, (predicted, _) in LAWS.items()
            for q in (1.0, 2.0)
        ]
        return pd.concat(parts, ignore_index=True)

    def _laws(self):
        rng = np.random.default_rng(self.seed)
        rows = []
        for law, (predicted, draw) in LAWS.items():
            values = jnp.asarray(draw(rng, self.drawn))
            rows += [
                {"law": law, "p": p, "q": q, "index": float(predicted(p, q)), "drawn": float(pq_index(values, p, q))}
                for p, q in PAIRS
            ]
        return pd.DataFrame(rows)

    def _properties(self):
        """Largest violation over random vectors: positive where a property fails."""
        rng = np.random.default_rng(self.seed)
        w = np.sort(rng.exponential(size=(self.vectors, self.size)) ** rng.uniform(0.5, 2, (self.vectors, 1)), axis=1)
        w[w < 1e-3] = 1e-3
        w = np.sort(w, axis=1)
        shift, factor = rng.uniform(0.05, 1, (self.vectors, 1)), rng.uniform(0.1, 10, (self.vectors, 1))
        moved = w.copy()
        given = rng.uniform(0.1, 0.9, self.vectors) * (w[:, -1] - w[:, 0]) / 2
        moved[:, -1] -= given
        moved[:, 0] += given
        rich = [w.copy() for _ in range(2)]
        for vector, times in zip(rich, (100, 200), strict=True):
            vector[:, 0] = times * w[:, -1]
        rows = []
        measures = {f"PQI({p:g}, {q:g})": lambda v, p=p, q=q: pq_index(v, p, q) for p, q in PAIRS}
        for name, measure in (measures | {"Gini": gini_index}).items():
            of = jax.jit(jax.vmap(measure))

            def value(vectors, of=of):
                return np.asarray(of(jnp.asarray(vectors)))

            base = value(w)
            violations = {
                "Robin Hood": value(moved) - base,
                "scaling": np.abs(value(factor * w) - base),
                "rising tide": value(w + shift * w.mean(axis=1, keepdims=True)) - base,
                "cloning": np.abs(value(np.concatenate([w, w], axis=1)) - base),
                "Bill Gates": value(rich[0]) - value(rich[1]),
                "babies": base - value(np.concatenate([w, np.zeros_like(w[:, :1])], axis=1)),
            }
            rows += [
                {"measure": name, "property": key, "violation": float(found.max())} for key, found in violations.items()
            ]
            one = np.zeros((1, self.size))
            one[0, 3] = 1
            rows.append({"measure": name, "property": "largest", "violation": float(base.max() - value(one)[0])})
        return pd.DataFrame(rows)
