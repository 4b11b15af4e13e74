"""What the PQ Index is of weights of a known law, and the properties that a measure of sparsity should have."""

import functools
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import gini_index, pq_index, theory

from ..fields import Count
from ..figure import Figure
from .common import PAIRS

LAWS = {
    "uniform": (theory.uniform_pq_index, lambda rng, size: rng.uniform(-1, 1, size)),
    "Gaussian": (theory.gaussian_pq_index, lambda rng, size: rng.normal(size=size)),
    "Laplace": (theory.laplace_pq_index, lambda rng, size: rng.laplace(size=size)),
}


class SparsityIndex(Figure):
    """Nothing is trained: curves over p, values of three laws against draws from them, and by how much properties fail."""

    vectors: Count
    size: Annotated[int, pydantic.Field(ge=2)]
    drawn: Count
    points: Annotated[int, pydantic.Field(ge=2)]

    def predictions(self):
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
                for p, q in PAIRS.values()
            ]
        return pd.DataFrame(rows)

    def _properties(self):
        """Largest violation over random vectors: positive where a property fails."""
        rng = np.random.default_rng(self.seed)
        w = np.sort(rng.exponential(size=(self.vectors, self.size)) ** rng.uniform(0.5, 2, (self.vectors, 1)), axis=1)
        w = np.maximum(w, 1e-3)
        shift, factor = rng.uniform(0.05, 1, (self.vectors, 1)), rng.uniform(0.1, 10, (self.vectors, 1))
        given = rng.uniform(0.1, 0.9, self.vectors) * (w[:, -1] - w[:, 0]) / 2
        moved = w.copy()
        moved[:, [0, -1]] += np.c_[given, -given]
        rich, richer = (np.c_[times * w[:, -1:], w[:, 1:]] for times in (100, 200))
        rows = []
        measures = {f"PQI({p:g}, {q:g})": functools.partial(pq_index, p=p, q=q) for p, q in PAIRS.values()}
        for name, measure in {**measures, "Gini": gini_index}.items():
            value = jax.jit(jax.vmap(measure))
            base = value(w)
            violations = {
                "Robin Hood": value(moved) - base,
                "scaling": np.abs(value(factor * w) - base),
                "rising tide": value(w + shift * w.mean(axis=1, keepdims=True)) - base,
                "cloning": np.abs(value(np.c_[w, w]) - base),
                "Bill Gates": value(rich) - value(richer),
                "babies": base - value(np.c_[w, 0 * w[:, 0]]),
                "largest": base - value(np.eye(1, self.size, 3)),
            }
            found = {"property": violations.keys(), "violation": [float(each.max()) for each in violations.values()]}
            rows.append(pd.DataFrame({"measure": name, **found}))
        return pd.concat(rows, ignore_index=True)
