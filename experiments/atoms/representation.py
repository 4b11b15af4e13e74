"""Angles between atoms, and between activations, when the representation is sheared and shifted."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover import Table
from recover.dictionaries.atomic_inner_product import coherence, pair_angles, second_moment, whitening
from recover.theory import welch_coherence

from ..fields import Count, Nonnegative, Trials
from ..figure import Figure
from ..summaries import means
from .common import Condition, atoms, drawn

PRODUCTS = ("Euclidean", "atomic", "centred")
_BINS = np.linspace(0, 180, 121)


class Representation(Figure):
    """Every combination of conditioning and shift, the same atoms and codes beneath."""

    dimension: Count
    features: Count
    active: Count
    rows: Count
    compared: Count
    conditions: tuple[Condition, ...]
    shifts: tuple[Nonnegative, ...]
    trials: Trials

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Means of mean and spread of the angles with their intervals, and histograms of one trial."""
        settings = [(condition, shift) for condition in self.conditions for shift in self.shifts]
        keys = jax.random.split(jax.random.key(self.seed), self.trials)
        over_settings = jax.vmap(self._angles, in_axes=(None, 0, 0))
        run = jax.jit(lambda keys, c, s: jax.lax.map(lambda key: over_settings(key, c, s), keys))
        conditions, shifts = (jnp.asarray(column) for column in zip(*settings, strict=True))
        statistics, histograms = jax.tree.map(np.asarray, run(keys, conditions, shifts))
        rows, shapes = [], []
        for number, (condition, shift) in enumerate(settings):
            for kind in ("atoms", "activations"):
                for index, product in enumerate(PRODUCTS):
                    for trial in range(self.trials):
                        mean, spread, largest = statistics[kind][trial, number, index]
                        rows.append((condition, shift, kind, product, trial, mean, spread, largest))
                    counts = histograms[kind][0, number, index]
                    density = counts / (counts.sum() * np.diff(_BINS))
                    shapes.append(
                        pd.DataFrame(
                            {"condition": condition, "shift": shift, "kind": kind, "product": product,
                             "angle": (_BINS[1:] + _BINS[:-1]) / 2, "density": density}
                        )
                    )  # fmt: skip
        by = ["condition", "shift", "kind", "product"]
        frame = pd.DataFrame(rows, columns=[*by, "trial", "mean", "spread", "coherence"])
        return {
            "angles": means(frame, by, ["mean", "spread", "coherence"]),
            "histograms": pd.concat(shapes, ignore_index=True),
            "welch": pd.DataFrame({"coherence": [float(welch_coherence(self.features, self.dimension))]}),
        }

    def _angles(self, key, condition, shift):
        model = atoms(self.dimension, self.features, self.active, condition, shift)
        stream, directions = drawn(model, key)
        reference = stream.rows(jnp.arange(self.rows, dtype=jnp.int32))
        moment = second_moment(reference)
        mean = jnp.mean(reference, axis=0)
        identity = jnp.eye(self.dimension, dtype=moment.dtype)
        roots = (identity, whitening(moment), whitening(moment - mean[:, None] * mean[None, :]))
        units = {"atoms": directions, "activations": reference[: self.compared]}
        statistics, histograms = {}, {}
        for kind, each in units.items():
            found = [_described(each @ root) for root in roots]
            statistics[kind] = jnp.stack([values for values, _ in found])
            histograms[kind] = jnp.stack([counts for _, counts in found])
        return statistics, histograms


@functools.partial(jax.jit, inline=True)
def _described(dictionary):
    angles = pair_angles(dictionary)
    values = jnp.stack([jnp.nanmean(angles), jnp.nanstd(angles), coherence(dictionary)])
    # Counting by whole numbers is cheaper than by edges; what is not a number goes beyond the last bin.
    bins = len(_BINS) - 1
    index = jnp.where(jnp.isnan(angles), bins, jnp.floor(angles / _BINS[1])).astype(jnp.int32)
    return values, jnp.bincount(jnp.minimum(index, bins).reshape(-1), length=bins + 1)[:bins]
