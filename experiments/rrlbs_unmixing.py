"""Spectral unmixing with robust representation and learning-based sparsity (Zhu et al.)."""

from collections.abc import Iterator
from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Mixture, models, solve, solvers, theory
from recover.initialisers import SuccessiveProjection
from recover.mixtures.sparse_unmixing import hoyer_penalty

from .fields import Count, Positive, Section, Share, Whole
from .figure import Axis, SweepFigure
from .measures import objective
from .summaries import summarise, unrolled


def methods(penalty: float) -> dict[str, solvers.SparseUnmixing]:
    """Every method by name. All are instances of one class, and so lanes of one program."""
    make = solvers.SparseUnmixing
    return {
        "start": make.nmf(tolerance=np.inf),
        "NMF": make.nmf(),
        "l1-NMF": make.l1(penalty),
        "l1/2-NMF": make.half(penalty),
        "graph NMF": make.graph(),
        "weighted NMF": make.nmf(loss="weighted"),
        "learnt map only": make.learnt(penalty),
        "l2,1 only": make.robust(),
        "RRLbS": make.rrlbs(penalty),
        "RRLbS, Hoyer": make.rrlbs(penalty, level="hoyer"),
        "RRLbS, strong": make.rrlbs(3 * penalty),
    }


def _known(name: str) -> str:
    if name not in (known := methods(1.0)):
        raise ValueError(f"{name!r} is unknown; allowed: {', '.join(known)}")
    return name


Method = Annotated[str, pydantic.AfterValidator(_known)]


class Scene(Section):
    """The scene that figures vary one number of."""

    channels: Count
    endmembers: Annotated[int, pydantic.Field(ge=2)]
    outliers: Whole
    snr: float
    purity: Share


class SceneFigure(SweepFigure):
    """Images of one scene. Every instance has noise of its own: sharing it would turn no product into a larger one."""

    sharing = "none"

    side: Count
    scene: Scene
    penalty: Positive

    def model(self, **changes) -> models.SpectralMixture:
        """The scene with some numbers changed."""
        return models.SpectralMixture(self.side, **{**self.scene.model_dump(), **changes})

    def shown(self, **point) -> Iterator[tuple[str, Mixture, Mixture]]:
        """Name, truth and answer of every solver of a cell, on an instance that a figure shows as it is."""
        model, solvers = self.cell(**point)
        problem, truth = model.sample(self._key(0))
        for name, solver in solvers.items():
            yield name, truth, solve(problem, solver, key=self._key(0), max_steps=self.max_steps).value

    def oracle(self, snr: float, share: float = 0.0, scenes: int = 8) -> float:
        """Rough prediction for least squares with known endmembers, a share of channels being outliers; mean over scenes."""
        # The standard deviation of an outlier channel's further noise is uniform on [0.5, 1].
        scale = (7 / 12) ** 0.5
        found = []
        for trial in range(scenes):
            truth = self.model().sample(self._key(trial))[1]
            noise = jnp.sqrt(jnp.mean((truth.endmembers @ truth.abundances) ** 2) * 10 ** (-snr / 10))
            found.append(float(theory.unmixing_oracle_error(truth.endmembers, noise, share, scale)))
        return float(np.mean(found))

    def _key(self, trial: int):
        return jax.random.fold_in(jax.random.key(self.seed), trial)


class MethodsFigure(SceneFigure):
    """Methods on scenes, as one program, and their mean errors: the axes are numbers of the scene."""

    methods: tuple[Method, ...]

    def solvers(self, penalty: float | None = None) -> dict[str, solvers.SparseUnmixing]:
        """The methods by name."""
        found = methods(self.penalty if penalty is None else penalty)
        return {name: found[name] for name in self.methods}

    def cell(self, **changes):
        return self.model(**changes), self.solvers()

    def tables(self, swept):
        columns = ("error", "sad", "level_correlation", "outlier_weight", "largest_outlier_weight")
        return {"errors": summarise(swept, [*swept.axes, "solver"], **dict.fromkeys(columns, "mean"))}


class Outliers(MethodsFigure):
    """All methods against the number of outlier channels. Errors per method, and what known endmembers would give."""

    outliers: Axis[Whole]

    def predictions(self):
        snr, channels = self.scene.snr, self.scene.channels
        plain = [self.oracle(snr, count / channels) for count in self.outliers]
        return {"oracle": pd.DataFrame({"outliers": self.outliers, "least_squares": plain, "ideal": self.oracle(snr)})}


class Noise(MethodsFigure):
    """Errors against the signal-to-noise ratio, with and without outlier channels, and with known endmembers."""

    outliers: Axis[Whole]
    snr: Axis[float]

    def predictions(self):
        return {"oracle": pd.DataFrame({"snr": self.snr, "ideal": [self.oracle(snr) for snr in self.snr]})}


class Penalty(MethodsFigure):
    """Errors against the strength of the penalty: best per method, one for all, and the strength taken from data."""

    strength: Axis[Positive]
    automatic_trials: Count

    def cell(self, strength):
        return self.model(), self.solvers(strength)

    def tables(self, swept):
        # The strength is chosen on the first instance alone; errors are those on all others.
        first = swept.frame["trial"] == 0
        others = swept.frame[~first]
        best = swept.frame[first].sort_values("error").drop_duplicates("solver").set_index("solver")["strength"]
        strengths = {"common": self.penalty, "tuned": others["solver"].map(best)}
        chosen = [
            summarise(others[others["strength"] == strength], ["solver", "strength"], error="mean").assign(
                choice=choice
            )
            for choice, strength in strengths.items()
        ]
        return {**super().tables(swept), "chosen": pd.concat(chosen, ignore_index=True)}

    def predictions(self):
        keys = jax.random.split(jax.random.key(self.seed), self.automatic_trials)
        found = [float(hoyer_penalty(self.model().sample(key)[0])) for key in keys]
        return {"automatic": pd.DataFrame({"strength": found})}


class Purity(MethodsFigure):
    """Errors against the purity of the scene. Errors per method."""

    purity: Axis[Share]


class Endmembers(MethodsFigure):
    """Errors against the number of endmembers. The number of endmembers is traced, up to the largest."""

    endmembers: Axis[Annotated[int, pydantic.Field(ge=2)]]


class Limits(MethodsFigure):
    """Where robustness ends: kinds of bad channels, and a start that is not robust, traced: one program."""

    kind: Axis[Literal["none", "added", "replaced", "blank"]]
    start: Axis[Literal["robust", "plain"]] = ("robust", "plain")

    def cell(self, kind, start):
        changes = {"outliers": 0} if kind == "none" else {"outlier_kind": kind}
        begin = SuccessiveProjection(start == "robust")
        methods = {name: eqx.tree_at(lambda s: s.start, each, begin) for name, each in self.solvers().items()}
        return self.model(**changes), methods


CHANGES = {"standard": {}, "varying": {"variation": 1.0, "purity": 1.0}}


class GuidanceMap(MethodsFigure):
    """The learnt sparsity levels next to the true ones, also in a scene whose mixing rises from left to right."""

    mixing: Axis[Literal["standard", "varying"]] = ("standard", "varying")

    def cell(self, mixing):
        return self.model(**CHANGES[mixing]), self.solvers()

    def predictions(self):
        maps = []
        for mixing in self.mixing:
            for name, truth, found in self.shown(mixing=mixing):
                levels = {"true": np.asarray(truth.levels), "found": np.asarray(found.levels)}
                maps.append(pd.DataFrame({"mixing": mixing, "solver": name, **levels}))
        return {"maps": pd.concat(maps, ignore_index=True)}


class ChannelWeights(MethodsFigure):
    """The weights that the loss gives to channels, relative to their median; of every channel in one instance."""

    outlier_kind: Axis[Literal["added", "blank"]] = ("added", "blank")

    def tables(self, swept):
        return {"outliers": swept.frame[["outlier_kind", "trial", "outlier_weight", "largest_outlier_weight"]]}

    def predictions(self):
        weights = []
        for kind in self.outlier_kind:
            for _, truth, found in self.shown(outlier_kind=kind):
                columns = {"weight": np.asarray(found.weights), "bad": np.asarray(truth.weights) == 0}
                weights.append(pd.DataFrame({"outlier_kind": kind, **columns}).rename_axis("channel").reset_index())
        return {"weights": pd.concat(weights, ignore_index=True)}


class Descent(SceneFigure):
    """The objective per step, relative to the last one, with sparsity levels refreshed and with them frozen."""

    measure = objective

    freeze: Count

    def cell(self):
        make = solvers.SparseUnmixing
        always = {"freeze": 0, "tolerance": -1.0}
        return self.model(), {
            "refreshed": make.rrlbs(self.penalty, tolerance=-1.0),
            "frozen later": make.rrlbs(self.penalty, freeze=self.freeze, tolerance=-1.0),
            "frozen at the start": make.rrlbs(self.penalty, burn_in=0, **always),
            "l2,1 only": make.robust(**always),
            "l1/2-NMF": make.half(self.penalty, **always),
            "graph NMF": make.graph(**always),
        }

    def tables(self, swept):
        reached = np.stack(swept.frame["reached_history"].to_list())
        rises = np.pad(np.diff(reached) / reached[:, :-1], ((0, 0), (1, 0)))
        histories = {"relative_history": list(reached / reached[:, -1:]), "rise_history": list(rises)}
        columns = {"relative": "relative_history", "rise": "rise_history"}
        long = unrolled(swept.frame.assign(**histories), 1, columns)
        return {"curves": summarise(long, ["solver", "step"], **dict.fromkeys(columns, "median_range"))}
