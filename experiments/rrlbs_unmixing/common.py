"""What the figures share: scenes, methods by name, sweeps in halves, summaries of rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Mixture, Table, models, solvers, theory
from recover.core.solve import run

from ..fields import Count, Positive
from ..figure import Figure, Sweep

Whole = Annotated[int, pydantic.Field(ge=0)]
Share = Annotated[float, pydantic.Field(gt=0, le=1)]

_unmixing = solvers.SparseUnmixing

# Every method is an instance of one class, and so a lane of one program.
METHODS: dict[str, Callable[[float], solvers.SparseUnmixing]] = {
    "start": lambda penalty: _unmixing.nmf(tolerance=np.inf),
    "NMF": lambda penalty: _unmixing.nmf(),
    "l1-NMF": lambda penalty: _unmixing.l1(penalty),
    "l1/2-NMF": lambda penalty: _unmixing.half(penalty),
    "graph NMF": lambda penalty: _unmixing.graph(),
    "weighted NMF": lambda penalty: _unmixing.nmf(loss="weighted"),
    "learnt map only": lambda penalty: _unmixing.learnt(penalty),
    "l2,1 only": lambda penalty: _unmixing.robust(),
    "RRLbS": lambda penalty: _unmixing.rrlbs(penalty),
    "RRLbS, Hoyer": lambda penalty: _unmixing.rrlbs(penalty, level="hoyer"),
    "RRLbS, strong": lambda penalty: _unmixing.rrlbs(3 * penalty),
}


def check_methods(names: Sequence[str]) -> Sequence[str]:
    """The names, if all are known.

    **Raises:** `ValueError` for one that is not.
    """
    for name in names:
        if name not in METHODS:
            raise ValueError(f"{name!r} is unknown; allowed: {', '.join(METHODS)}")
    return names


MethodNames = Annotated[tuple[str, ...], pydantic.AfterValidator(check_methods)]


class MixtureFigure(Figure):
    """The scene that figures vary one number of."""

    side: Count
    channels: Count
    endmembers: Annotated[int, pydantic.Field(ge=2)]
    outliers: Whole
    snr: float
    purity: Share
    trials: Count
    max_steps: Count

    def model(self, **changes) -> models.SpectralMixture:
        """The scene with some numbers changed."""
        names = ("channels", "endmembers", "outliers", "snr", "purity")
        return models.SpectralMixture(self.side, **{**{name: getattr(self, name) for name in names}, **changes})


class MethodsFigure(MixtureFigure):
    """Methods on scenes, as one program."""

    methods: MethodNames
    penalty: Positive

    def solvers(self, penalty: float | None = None) -> dict[str, solvers.SparseUnmixing]:
        """The methods by name."""
        return {name: METHODS[name](self.penalty if penalty is None else penalty) for name in self.methods}

    def halves(self, cell, axes: Mapping) -> dict[str, Sweep]:
        """A sweep in two halves of its trials, so that two workers are busy.

        Every instance has noise of its own: sharing it would turn no product into a larger one.
        """
        options = {"seed": self.seed, "max_steps": self.max_steps, "share": "none"}
        middle = -(-self.trials // 2)
        return {
            "first": Sweep(cell, axes, range(middle), options),
            "second": Sweep(cell, axes, range(middle, self.trials), options),
        }


def rows(swept: Mapping[str, Table]) -> pd.DataFrame:
    """The rows of all halves."""
    return pd.concat([table.frame for table in swept.values()], ignore_index=True)


def summary(frame: pd.DataFrame, by: Sequence[str], seed: int = 0) -> pd.DataFrame:
    """Means over trials of the two errors with their bootstrap intervals, and means of what else was measured.

    `rmse`, `rmse_low`, `rmse_high`, the same of `sad`, and `level_correlation`, `outlier_weight`, `largest_outlier_weight`
    (means) and `steps`.
    """
    generator = np.random.default_rng(seed)
    found = []
    for key, group in frame.groupby(list(by), sort=False):
        row = dict(zip(by, key, strict=True))
        for name, column in (("rmse", "error"), ("sad", "sad")):
            values = group[column].to_numpy(float)
            means = generator.choice(values, (400, len(values))).mean(axis=1)
            row |= {name: values.mean(), f"{name}_low": np.quantile(means, 0.025)}
            row |= {f"{name}_high": np.quantile(means, 0.975)}
        for name in ("level_correlation", "outlier_weight", "largest_outlier_weight", "steps"):
            row[name] = group[name].mean()
        found.append({**row, "trials": len(group), "unusable": int((group["result"] == "diverged").sum())})
    return pd.DataFrame(found)


def solved(model, solver, seed: int, trial: int, max_steps: int) -> tuple[Mixture, Mixture]:
    """Truth and estimate of one instance."""
    key = jax.random.fold_in(jax.random.key(seed), trial)
    return _solved(model, solver, key, jnp.asarray(max_steps, jnp.int32))


@eqx.filter_jit
def _solved(model, solver, key, max_steps):
    problem, truth = model.sample(key)
    return truth, run(problem, solver, key, max_steps).value


def oracle(truths: Sequence[Mixture], snr: float, share: float = 0.0) -> float:
    """Mean over scenes of the rough prediction for least squares with known endmembers, a share of channels being outliers."""
    # The standard deviation of an outlier channel's further noise is uniform on [0.5, 1].
    scale = (7 / 12) ** 0.5
    found = []
    for truth in truths:
        signal = np.asarray(truth.endmembers) @ np.asarray(truth.abundances)
        noise = np.sqrt(np.mean(signal**2) * 10 ** (-snr / 10))
        error = theory.unmixing_oracle_error(truth.endmembers, jnp.asarray(noise, jnp.float32), share, scale)
        found.append(float(error))
    return float(np.mean(found))


def scenes(figure: MixtureFigure, count: int = 8) -> list[Mixture]:
    """Truths of a few instances."""
    solver = METHODS["start"](0.0)
    return [solved(figure.model(), solver, figure.seed, trial, 1)[0] for trial in range(count)]
