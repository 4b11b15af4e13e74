"""Angles between atoms, and between activations, when the representation is sheared and shifted."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from recover.dictionaries.atomic_inner_product import coherence, pair_angles, second_moment, whitening
from recover.theory import welch_coherence

from ..fields import Count, Nonnegative, Trials
from ..figure import Figure
from ..summaries import means, tidied
from .common import Condition, atoms, drawn

KINDS = ("atoms", "activations")
PRODUCTS = ("Euclidean", "atomic", "centred")
_BINS = np.linspace(0, 180, 121)


class Representation(Figure):
    """Every combination of conditioning and shift, the same atoms and codes beneath; histograms of one trial."""

    dimension: Count
    features: Count
    active: Count
    rows: Count
    compared: Count
    conditions: tuple[Condition, ...]
    shifts: tuple[Nonnegative, ...]
    trials: Trials

    def tables(self, swept):
        grid = jnp.asarray(self.conditions), jnp.asarray(self.shifts)
        condition, shift = (jnp.ravel(each) for each in jnp.meshgrid(*grid, indexing="ij"))
        over_settings = jax.vmap(self._angles, in_axes=(None, 0, 0))
        found = drawn(lambda key: over_settings(key, condition, shift), self.trials, self.seed)
        axes = {"condition": self.conditions, "shift": self.shifts, "kind": KINDS, "product": PRODUCTS}
        counts = found.pop("counts")[0]
        density = counts / (counts.sum(axis=-1, keepdims=True) * np.diff(_BINS))
        return {
            "angles": means(tidied(found, trial=range(self.trials), **axes), list(axes), list(found)),
            "histograms": tidied({"density": density}, **axes, angle=(_BINS[1:] + _BINS[:-1]) / 2),
        }

    def predictions(self):
        return {"welch": pd.DataFrame({"coherence": [float(welch_coherence(self.features, self.dimension))]})}

    def _angles(self, key, condition, shift):
        model = atoms(self.dimension, self.features, self.active, condition, shift)
        stream, directions = model.observe(key, model.design(key))
        reference = stream.rows(jnp.arange(self.rows, dtype=jnp.int32))
        moment, mean = second_moment(reference), jnp.mean(reference, axis=0)
        identity = jnp.eye(self.dimension, dtype=moment.dtype)
        roots = identity, whitening(moment), whitening(moment - mean[:, None] * mean[None, :])
        units = directions, reference[: self.compared]
        found = [_described(unit @ root) for unit in units for root in roots]
        return jax.tree.map(lambda *each: jnp.stack(each), *found)


@functools.partial(jax.jit, inline=True)
def _described(dictionary):
    angles = pair_angles(dictionary)
    # Counting by whole numbers is cheaper than by edges; what is not a number goes beyond the last bin.
    bins = len(_BINS) - 1
    index = jnp.where(jnp.isnan(angles), bins, jnp.floor(angles / _BINS[1])).astype(jnp.int32)
    return {
        "mean": jnp.nanmean(angles),
        "spread": jnp.nanstd(angles),
        "coherence": coherence(dictionary),
        "counts": jnp.bincount(jnp.minimum(index, bins).reshape(-1), length=bins + 1)[:bins],
    }
