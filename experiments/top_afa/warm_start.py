"""What training does to a dictionary that is right at the start."""

import equinox as eqx

from recover import autoencoders as pieces
from recover import solvers
from recover.core.results import Result
from recover.problems import PlantedActivations

from ..fields import Count, Counts
from ..summaries import means, unrolled
from .common import UNSEEN, TrainingFigure

_MEASURED = ["recovered_90", *UNSEEN]


class PlantedStart(solvers.AbstractSolver):
    """A training that starts at the planted features, which only an oracle knows."""

    training: solvers.AutoencoderTraining

    def init(self, problem: PlantedActivations, key):
        """The planted features as detectors and decoder."""
        start = pieces.GivenRows(problem.features)
        return eqx.tree_at(lambda tree: tree.encoder, self.training, start).init(problem, key)

    def step(self, problem, state):
        """One batch."""
        return self.training.step(problem, state)

    def status(self, problem, state) -> Result:
        """That of the training."""
        return self.training.status(problem, state)

    def estimate(self, problem, state):
        """The decoder."""
        return self.training.estimate(problem, state)

    def autoencoder(self, state) -> pieces.SparseAutoencoder:
        """The autoencoder as it is now."""
        return self.training.autoencoder(state)


class WarmStart(TrainingFigure):
    """Top-AFA with and without a bound on the number of active neurons, started at the planted features.

    One training per weight and bound, measured on its way; `stops` are the steps that are shown.
    """

    stops: Counts
    bound: Count

    def cell(self):
        cases = [(weight, self.features) for weight in self.weights]
        cases.append((self.weights[len(self.weights) // 2], self.bound))
        return self.model(), {f"{weight:g}, {most}": self._training(weight, most) for weight, most in cases}

    def _training(self, weight, most):
        activation, control = pieces.TopAFA(most), self.norm_matching(weight)
        return PlantedStart(
            solvers.AutoencoderTraining(
                self.features, activation, control, pieces.FreeEncoder(), self.optimiser(), self.batch
            )
        )

    def tables(self, swept):
        histories = {"recovered_90": "found_90_history", **{name: f"unseen_{name}_history" for name in UNSEEN}}
        rows = unrolled(swept, self.record_every, histories)
        parts = rows["solver"].str.split(", ", expand=True).astype(float)
        rows = rows.assign(weight=parts[0], most=parts[1])[rows["step"].isin([0, *self.stops])]
        return {"warm": means(rows, ["weight", "most", "step"], _MEASURED)}
