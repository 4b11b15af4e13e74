"""A stand-in for the layers of a language model: two ways to judge an autoencoder, layer by layer."""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import autoencoders as pieces
from recover import diagnostics, models, solvers, theory
from recover.core.solve import run

from ..fields import Count, Counts, Positive, Share, Trials
from ..figure import Figure
from ..summaries import means, tidied
from .common import FLATNESS

Shares = Annotated[tuple[Share, ...], pydantic.Field(min_length=1)]
_JUDGED = ["ratio", "slack", "nmse"]


class Layers(Figure):
    """One TopK autoencoder per layer; layers differ in how many directions rows share, and in noise.

    Dots are rows of the first trial.
    """

    dimension: Count
    features: Count
    actives: Counts
    published: Counts
    ratios: Shares
    errors: Shares
    width: Count
    kept: Count
    batch: Count
    steps: Count
    rate: Positive
    rows: Count
    shown: Count
    trials: Trials

    @pydantic.model_validator(mode="after")
    def _of_equal_length(self):
        if not len(self.published) == len(self.ratios) == len(self.errors):
            raise ValueError("`published`, `ratios` and `errors` need one number per layer")
        return self

    def predictions(self):
        # Coherences whose bias makes the published norm ratios, and noise whose power is the published error.
        bias, active = 1 / np.asarray(self.ratios) ** 2 - 1, np.mean(self.actives)
        coherence = bias / np.asarray(theory.afa_bias(1.0, active, FLATNESS), float)
        noise = np.sqrt(np.asarray(self.errors) * active * (13 / 12) * (1 + bias) / self.dimension)
        layers = {
            "layer": np.arange(len(bias)) + 1,
            "published": self.published,
            "coherence": coherence,
            "noise": noise,
        }
        return {"known": pd.DataFrame({**layers, "ratio": self.ratios, "slack": np.abs(bias), "nmse": self.errors})}

    def tables(self, swept):
        known, sizes = self.predictions()["known"], (self.dimension, self.features, self.actives)
        layers = [
            models.PlantedFeatures(*sizes, coherence=rho, noise=sigma, scaling="none", summary_rows=self.rows)
            for rho, sigma in zip(known["coherence"], known["noise"], strict=True)
        ]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *layers)
        keys = jax.random.split(jax.random.key(self.seed), self.trials)
        judge = eqx.filter_jit(jax.vmap(jax.vmap(self._judged, (None, 0)), (0, None)))
        axes = {"layer": known["layer"], "trial": range(self.trials), "row": range(self.rows)}
        rows = tidied(judge(stacked, keys), **axes)
        medians = rows.groupby(["layer", "trial"])[_JUDGED].median().reset_index()
        return {"dots": rows[rows["trial"] == 0], "medians": means(medians, ["layer"], _JUDGED)}

    def _judged(self, model, key):
        encoder, optimiser = pieces.FreeEncoder(), pieces.Adam(self.rate, steps=self.steps)
        training = solvers.AutoencoderTraining(
            self.width, pieces.TopK(self.kept), encoder=encoder, optimiser=optimiser, batch=self.batch
        )
        problem, _ = model.sample(key)
        autoencoder = training.autoencoder(run(problem, training, key, jnp.asarray(self.steps, jnp.int32)).state)
        inputs = problem.observations
        codes = diagnostics.folded_codes(autoencoder, inputs)
        return {
            "z": jnp.sqrt(jnp.sum(inputs**2, axis=1)),
            "ratio": diagnostics.norm_ratio(inputs, codes),
            "slack": diagnostics.eps_lbo(inputs, codes, self.width) * (self.width - 1),
            "nmse": diagnostics.normalised_error(inputs, autoencoder(inputs)),
        }
