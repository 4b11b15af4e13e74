"""A stand-in for the layers of a language model: two ways to judge an autoencoder, layer by layer."""

from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Table, diagnostics, models, solvers, theory
from recover import autoencoders as pieces
from recover.core.sizes import capacity
from recover.core.solve import run

from ..fields import Count, Counts, Positive, Trials
from ..figure import Figure
from ..summaries import means
from .common import FLATNESS

Shares = Annotated[tuple[Annotated[float, pydantic.Field(gt=0, le=1)], ...], pydantic.Field(min_length=1)]


class Layers(Figure):
    """One TopK autoencoder per layer; layers differ in how many directions rows share, and in noise."""

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

    def _planted(self) -> tuple[np.ndarray, np.ndarray]:
        """Coherences whose bias makes the published norm ratios, and noise whose power is the published error."""
        bias = 1 / np.asarray(self.ratios) ** 2 - 1
        active = np.mean(self.actives)
        coherence = bias / np.asarray(theory.afa_bias(1.0, active, FLATNESS), float)
        power = active * (13 / 12) * (1 + bias)
        return coherence, np.sqrt(np.asarray(self.errors) * power / self.dimension)

    def _model(self, coherence, noise):
        return models.PlantedFeatures(
            self.dimension, self.features, self.actives, coherence=coherence, noise=noise, scaling="none",
            summary_rows=self.rows,
        )  # fmt: skip

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Per row of every layer its norms and both metrics (first trial), and medians over rows."""
        layers = [self._model(rho, sigma) for rho, sigma in zip(*self._planted(), strict=True)]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *layers)
        training = solvers.AutoencoderTraining(
            self.width, pieces.TopK(self.kept), encoder=pieces.FreeEncoder(),
            optimiser=pieces.Adam(self.rate, steps=self.steps), batch=self.batch,
        )  # fmt: skip
        width = capacity(training, "width")

        @eqx.filter_jit
        def judge(models_, keys):
            def one(model, key):
                problem, _ = model.sample(key)
                state = run(problem, training, key, jnp.asarray(self.steps, jnp.int32)).state
                autoencoder = training.autoencoder(state)
                inputs = problem.observations
                codes = diagnostics.folded_codes(autoencoder, inputs)
                return {
                    "z": jnp.sqrt(jnp.sum(inputs**2, axis=1)),
                    "ratio": diagnostics.norm_ratio(inputs, codes),
                    "slack": diagnostics.eps_lbo(inputs, codes, width) * (width - 1),
                    "nmse": diagnostics.normalised_error(inputs, autoencoder(inputs)),
                }

            return jax.vmap(jax.vmap(one, (None, 0)), (0, None))(models_, keys)

        keys = jax.random.split(jax.random.key(self.seed), self.trials)
        measured = {name: np.asarray(value) for name, value in judge(stacked, keys).items()}
        layer, trial = np.indices((len(layers), self.trials))
        medians = pd.DataFrame(
            {"layer": layer.ravel() + 1, "trial": trial.ravel()}
            | {name: np.median(value, axis=2).ravel() for name, value in measured.items()}
        )
        dots = pd.concat(
            [
                pd.DataFrame({"layer": number + 1, **{name: value[number, 0] for name, value in measured.items()}})
                for number in range(len(layers))
            ],
            ignore_index=True,
        )
        coherence, noise = self._planted()
        known = pd.DataFrame(
            {
                "layer": np.arange(len(layers)) + 1, "published": self.published, "coherence": coherence, "noise": noise,
                "ratio": self.ratios, "slack": np.abs(1 / np.asarray(self.ratios) ** 2 - 1), "nmse": self.errors,
            }
        )  # fmt: skip
        return {
            "dots": dots,
            "medians": means(medians, ["layer"], ["ratio", "slack", "nmse"]),
            "trials": medians,
            "known": known,
        }
