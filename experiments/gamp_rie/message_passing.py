"""GAMP-RIE at two sizes against the Bayes-optimal error, and its iterations against state evolution."""

import jax
import numpy as np
import pandas as pd
import pydantic

from recover import Table, solvers, theory

from ..fields import Count, Grid, Nonnegative, Positive
from ..figure import Sweep
from .common import NetworkFigure, Noises, bayes_error, network, summary


class MessagePassing(NetworkFigure):
    """One program per dimension; samples, noise and damping are traced."""

    dimensions: tuple[Count, ...] = pydantic.Field(min_length=1)
    ratio: Positive
    samplings: Grid
    noises: Noises
    damping: Nonnegative = pydantic.Field(lt=1)
    traced_sampling: Positive
    iterations: Count
    published: dict[str, float] = pydantic.Field(default_factory=dict)

    def sweeps(self) -> dict[str, Sweep]:
        """Errors after every iteration are kept."""
        samplings = sorted({*self.samplings, self.traced_sampling})
        axes = {"dimension": self.dimensions, "sampling": samplings, "noise": self.noises}
        return {"runs": Sweep(self._cell, axes, self.trials, self.options(record_every=1))}

    def _cell(self, dimension, sampling, noise):
        model = network(dimension, self.ratio, sampling, noise)
        solver = {"GAMP-RIE": solvers.GAMPRIE(damping=self.damping)}
        if sampling == self.traced_sampling:
            # State evolution predicts the plain iteration.
            solver["undamped"] = solvers.GAMPRIE(damping=0.0)
        return model, solver

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Final errors, per-iteration errors of the undamped runs, and both predictions."""
        frame = swept["runs"].frame
        damped = frame[(frame["solver"] == "GAMP-RIE") & frame["sampling"].isin(self.samplings)]
        errors = summary(damped, ["dimension", "noise", "sampling"], ["error", "predicted"])
        traces = []
        for (dimension, noise), rows in frame[frame["solver"] == "undamped"].groupby(["dimension", "noise"]):
            history = np.stack(rows["history"].to_list())[:, : self.iterations + 1]
            values = {
                "dimension": dimension,
                "noise": noise,
                "iteration": np.arange(history.shape[1]),
                "error": history.mean(axis=0),
                "error_sd": history.std(axis=0, ddof=1),
                "evolution": self._evolution(float(noise))[: history.shape[1]],
                "trials": len(history),
            }
            traces.append(pd.DataFrame(values))
        errors["bayes"] = bayes_error(errors["sampling"].to_numpy(), self.ratio, errors["noise"].to_numpy())
        trace = pd.concat(traces, ignore_index=True)
        samplings = np.linspace(0.02, max(self.samplings), 100)
        noise, sampling = (grid.reshape(-1) for grid in np.meshgrid(self.noises, samplings, indexing="ij"))
        line = pd.DataFrame({"noise": noise, "sampling": sampling, "error": bayes_error(sampling, self.ratio, noise)})
        published = pd.DataFrame(
            {"sampling": [float(key) for key in self.published], "error": list(self.published.values())}
        )
        return {"errors": errors, "trace": trace, "line": line, "published": published}

    def _evolution(self, noise: float) -> np.ndarray:
        with jax.enable_x64(True):
            channel = theory.quadratic_network_channel_noise(noise, self.ratio)
            errors = theory.quadratic_network_state_evolution(
                self.traced_sampling, self.ratio, channel, self.iterations
            )
            return np.asarray(errors)
