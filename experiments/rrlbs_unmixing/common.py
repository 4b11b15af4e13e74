"""What the figures share: scenes, methods by name, and what known endmembers would give."""

from collections.abc import Iterator
from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np
import pydantic

from recover import Mixture, models, solve, solvers, theory

from ..fields import Count, Positive, Share, Whole
from ..figure import SweepFigure
from ..summaries import summarise


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


class Scene(pydantic.BaseModel):
    """The scene that figures vary one number of."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

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
