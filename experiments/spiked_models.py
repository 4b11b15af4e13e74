"""Spiked matrices and tensors: spectral, semidefinite and message-passing estimates against their limits."""

import jax
import numpy as np
import pandas as pd
from scipy import stats

from recover import initialisers, models, priors, solvers, theory

from .fields import Count, Counts, Grid, Positive, Share
from .figure import Axis, Sweep, SweepFigure
from .summaries import crossing, summarise, unrolled

# Kinds of starts of matrices, and of tensors, by number: those of one list share a program.
MATRIX_STARTS = ("spectral", "random", "signal")
TENSOR_STARTS = ("unfolding", "partial trace")


def matrix_start(name: str) -> initialisers.ChosenDirection:
    """A start of a matrix as a choice among all."""
    starts = initialisers.SpectralDirection(60), initialisers.RandomDirection(), initialisers.CorrelatedDirection(1.0)
    return initialisers.ChosenDirection(MATRIX_STARTS.index(name), starts)


def tensor_start(name: str) -> initialisers.ChosenDirection:
    """A start of a tensor as a choice among all."""
    starts = initialisers.SpectralDirection(30), initialisers.PartialTraceDirection()
    return initialisers.ChosenDirection(TENSOR_STARTS.index(name), starts)


class SpikedFigure(SweepFigure):
    """Vectors hidden in symmetric matrices; signal strength and the density of the prior are traced."""

    dimension: Count

    def matrix(self, signal_strength: float, density: float = 1.0) -> models.SpikedTensor:
        """A matrix with a vector of signs, or with few of them."""
        prior = priors.RademacherPrior(density)
        return models.SpikedTensor(self.dimension, signal_strength, prior, reveal_signal=True)


def overlaps_of_histories(swept, every: int, **by) -> pd.DataFrame:
    """Squared cosines at every step, from the distances of directions."""
    steps = unrolled(swept, every)
    return steps.assign(overlap=(1 - steps["error"] ** 2 / 2) ** 2)


class EigenvectorTransition(SpikedFigure):
    """Squared cosine of leading eigenvectors and the signal, of Wigner and Wishart matrices, and the predicted ones."""

    strengths: Grid
    variables: Count
    aspects: Grid
    multiples: Grid
    points: Count

    def sweeps(self):
        wigner = {"signal_strength": list(self.strengths)}
        wishart = {"aspect": list(self.aspects), "multiple": list(self.multiples)}
        return {
            "wigner": Sweep(self._wigner, wigner, self.trials, self.options()),
            "wishart": Sweep(self._wishart, wishart, self.trials, self.options()),
        }

    def _wigner(self, signal_strength):
        return self.matrix(signal_strength), solvers.SpikeStart()

    def _wishart(self, aspect, multiple):
        samples, strength = round(self.variables / aspect), multiple * aspect**0.5
        return models.SpikedCovariance(self.variables, samples, strength, self.variables), solvers.SpikeStart()

    def tables(self, swept):
        return {
            "wigner": summarise(swept["wigner"], ["signal_strength"], overlap="mean"),
            "wishart": summarise(swept["wishart"], ["aspect", "multiple"], overlap="mean"),
        }

    def predictions(self):
        with jax.enable_x64(True):
            at = _between(self.strengths, self.points)
            wigner = pd.DataFrame({"signal_strength": at, "predicted": np.asarray(theory.spiked_matrix_overlap(at))})
            found = []
            for aspect in self.aspects:
                at = _between(self.multiples, self.points)
                overlap = np.asarray(theory.spiked_covariance_overlap(at * aspect**0.5, aspect))
                found.append(pd.DataFrame({"aspect": aspect, "multiple": at, "predicted": overlap}))
        return {"wigner_limit": wigner, "wishart_limit": pd.concat(found, ignore_index=True)}


def _between(values, points: int) -> np.ndarray:
    """The values and others between them."""
    return np.unique([*values, *np.linspace(min(values), max(values), points)])


class Synchronisation(SpikedFigure):
    """Share of signs that are found, by eigenvectors, the semidefinite relaxation and message passing."""

    signal_strength: Axis[Positive]
    points: Count

    def cell(self, signal_strength):
        return self.matrix(signal_strength), {
            "PCA": solvers.SpikeStart(),
            "SDP": solvers.BurerMonteiro(),
            "AMP": solvers.SpikedAMP(matrix_start("spectral")),
            "AMP, random": solvers.SpikedAMP(matrix_start("random")),
        }

    def tables(self, swept):
        return {"agreement": summarise(swept, ["solver", "signal_strength"], agreement="mean", steps="median")}

    def predictions(self):
        at = _between(self.signal_strength, self.points)
        with jax.enable_x64(True):
            overlap = np.asarray(theory.spiked_overlap(at))
        cut = np.sqrt(np.maximum(at**2 - 1, 0))
        found = {"Bayes": 2 * stats.norm.cdf(at * np.sqrt(overlap)) - 1, "PCA": 2 * stats.norm.cdf(cut) - 1}
        rows = [
            pd.DataFrame({"estimate": name, "signal_strength": at, "predicted": each}) for name, each in found.items()
        ]
        return {"limits": pd.concat(rows, ignore_index=True)}


class StateEvolution(SpikedFigure):
    """Squared cosine at every step of message passing from the leading eigenvector, and state evolution."""

    signal_strength: Axis[Positive]

    def cell(self, signal_strength):
        solver = solvers.SpikedAMP(matrix_start("spectral"), tolerance=-1.0)
        return self.matrix(signal_strength), solver

    def tables(self, swept):
        steps = overlaps_of_histories(swept, self.record_every)
        return {"overlaps": summarise(steps, ["signal_strength", "step"], overlap="mean")}

    def predictions(self):
        at = np.asarray(self.signal_strength)
        with jax.enable_x64(True):
            start = np.asarray(theory.spiked_matrix_overlap(at))
            later = np.asarray(theory.spiked_state_evolution(at, start, self.max_steps))
        found = np.concatenate([start[:, None], later], axis=1)
        index = pd.MultiIndex.from_product([at, range(self.max_steps + 1)], names=["signal_strength", "step"])
        return {"predicted": pd.DataFrame({"predicted": found.reshape(-1)}, index).reset_index()}


class HardPhase(SpikedFigure):
    """Squared cosine of message passing from the leading eigenvector, and from the signal itself, under a sparse prior."""

    density: Share
    signal_strength: Axis[Positive]
    points: Count

    def cell(self, signal_strength):
        return self.matrix(signal_strength, self.density), {
            "PCA": solvers.SpikeStart(),
            "AMP": solvers.SpikedAMP(matrix_start("spectral")),
            "AMP, from the signal": solvers.SpikedAMP(matrix_start("signal")),
        }

    def tables(self, swept):
        return {"overlaps": summarise(swept, ["solver", "signal_strength"], overlap="mean")}

    def predictions(self):
        at, prior = _between(self.signal_strength, self.points), priors.RademacherPrior(self.density)
        with jax.enable_x64(True):
            rows = [
                pd.DataFrame({"informed": informed, "signal_strength": at, "predicted": np.asarray(overlap)})
                for informed in (False, True)
                for overlap in [theory.spiked_overlap(at, prior, informed=informed)]
            ]
            spinodal, information = theory.spiked_spinodal(prior), theory.spiked_information_threshold(prior)
        limits = pd.DataFrame({"spinodal": [float(spinodal)], "information": [float(information)]})
        return {"predicted": pd.concat(rows, ignore_index=True), "limits": limits}


class TensorThresholds(SweepFigure):
    """Success of power iteration from a random start, and cosines of unfoldings and partial traces, over the dimension."""

    dimensions: Counts
    random_strengths: Grid
    spectral_strengths: Grid
    above: Share

    def sweeps(self):
        def sweep(cell, values):
            axes = {"dimension": list(self.dimensions), "scaled": list(values)}
            return Sweep(cell, axes, self.trials, self.options())

        return {
            "random": sweep(self._random, self.random_strengths),
            "spectral": sweep(self._spectral, self.spectral_strengths),
        }

    def _random(self, dimension, scaled):
        return self._tensor(dimension, scaled * dimension**0.5), solvers.TensorPowerIteration()

    def _spectral(self, dimension, scaled):
        return self._tensor(dimension, scaled * dimension**0.25), {
            "unfolding": solvers.SpikeStart(tensor_start("unfolding")),
            "unfolding, power": solvers.TensorPowerIteration(tensor_start("unfolding")),
            "partial trace, power": solvers.TensorPowerIteration(tensor_start("partial trace")),
        }

    @staticmethod
    def _tensor(dimension, signal_strength):
        return models.SpikedTensor(dimension, signal_strength, priors.SphericalPrior(), 3, "independent")

    def tables(self, swept):
        frame = swept["random"].frame
        success = summarise(frame.assign(found=frame["cosine"] > self.above), ["dimension", "scaled"], found="rate")
        # Singular vectors have no sign.
        frame = swept["spectral"].frame
        spectral = summarise(
            frame.assign(cosine=frame["cosine"].abs()), ["solver", "dimension", "scaled"], cosine="mean"
        )
        rows = []
        for dimension in self.dimensions:
            for start, table, column, exponent in [
                ("random", success, "found", 0.5),
                ("unfolding", spectral[spectral["solver"] == "unfolding"], "cosine", 0.25),
            ]:
                own = table[table["dimension"] == dimension]
                at = crossing(own["scaled"], own[column], 0.5) * dimension**exponent
                rows.append({"start": start, "dimension": dimension, "signal_strength": at})
        return {"success": success, "spectral": spectral, "thresholds": pd.DataFrame(rows)}

    def predictions(self):
        at = _between(self.spectral_strengths, 60)
        with jax.enable_x64(True):
            return {"limit": pd.DataFrame({"scaled": at, "predicted": np.sqrt(theory.unfolding_overlap(at, False))})}


class TensorMessagePassing(SweepFigure):
    """Squared cosine at every step from starts of several qualities, and where message passing from the signal ends."""

    dimension: Count
    signal_strength: Positive
    starts: Grid
    strengths: Grid

    def sweeps(self):
        starts = {"start": list(self.starts)}
        strengths = {"signal_strength": list(self.strengths)}
        return {
            "starts": Sweep(self._start, starts, self.trials, self.options()),
            "strengths": Sweep(self._strength, strengths, self.trials, self.options()),
        }

    def _start(self, start):
        return self._cell(self.signal_strength, start)

    def _strength(self, signal_strength):
        return self._cell(signal_strength, 1.0)

    def _cell(self, signal_strength, start):
        model = models.SpikedTensor(self.dimension, signal_strength, priors.SphericalPrior(), 3, reveal_signal=True)
        return model, solvers.SpikedAMP(initialisers.CorrelatedDirection(start**0.5), tolerance=-1.0)

    def tables(self, swept):
        steps = overlaps_of_histories(swept["starts"], self.record_every)
        return {
            "overlaps": summarise(steps, ["start", "step"], overlap="mean"),
            "ends": summarise(swept["strengths"], ["signal_strength"], overlap="mean"),
        }

    def predictions(self):
        prior, starts = priors.SphericalPrior(), np.asarray(self.starts)
        grid = np.unique([*self.strengths, *np.linspace(min(self.strengths), max(self.strengths), 200)])
        with jax.enable_x64(True):
            later = theory.spiked_state_evolution(self.signal_strength, starts, self.max_steps, prior, 3)
            found = np.concatenate([starts[:, None], np.asarray(later)], axis=1)
            ends = np.asarray(theory.spiked_overlap(grid, prior, 3, informed=True))
        index = pd.MultiIndex.from_product([starts, range(self.max_steps + 1)], names=["start", "step"])
        return {
            "predicted": pd.DataFrame({"predicted": found.reshape(-1)}, index).reset_index(),
            "limit": pd.DataFrame({"signal_strength": grid, "predicted": ends}),
        }


class BlockModel(SweepFigure):
    """Overlap with two planted communities, over degree and signal-to-noise ratio, and that of population dynamics."""

    nodes: Count
    degree: Axis[Positive]
    ratio: Axis[Positive]
    population: Count

    def cell(self, degree, ratio):
        gap = (degree * ratio) ** 0.5
        densities = (degree - gap) / self.nodes, (degree + gap) / self.nodes
        return models.HierarchicalSBM(1, self.nodes // 2, densities), {
            "belief propagation": solvers.TwoCommunityBeliefPropagation(degree + gap, degree - gap),
            "Bethe Hessian": solvers.BottomUp(),
        }

    def tables(self, swept):
        rows = swept.frame.assign(overlap=1 - 2 * swept.frame["error"])
        return {"overlaps": summarise(rows, ["solver", "degree", "ratio"], overlap="mean")}

    def predictions(self):
        rows = [
            {
                "degree": degree,
                "ratio": ratio,
                "predicted": population_overlap(degree, ratio, self.population, self.seed),
            }
            for degree in self.degree
            for ratio in self.ratio
        ]
        return {"predicted": pd.DataFrame(rows)}


def population_overlap(degree: float, ratio: float, population: int, seed: int, sweeps: int = 100) -> float:
    """The overlap of belief propagation on an infinite tree: the law of its half log-odds, given the sign, as a population."""
    generator, correlation = np.random.default_rng(seed), (ratio / degree) ** 0.5
    fields = np.ones(population)
    for _ in range(sweeps):
        children = generator.poisson(degree, population)
        chosen = generator.choice(fields, children.sum())
        kept = np.where(generator.random(len(chosen)) < (1 + correlation) / 2, 1, -1)
        sums = np.concatenate([[0], np.cumsum(kept * np.arctanh(correlation * np.tanh(chosen)))])
        ends = np.cumsum(children)
        fields = sums[ends] - sums[ends - children]
    return float(np.mean(np.sign(fields)))
