"""What the figures share: networks pruned side by side, what is measured of them in every iteration, summaries."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pandas as pd
import pydantic

from recover import Network, gini_index, pq_index
from recover.core.solve import run
from recover.models import AbstractModel
from recover.solvers import IterativePruning
from recover.sweeps.program import stack
from recover.theory import pq_pruning_bound, tail_ratio

from ..fields import Count
from ..figure import Figure
from .digits import Digits

Whole = Annotated[int, pydantic.Field(ge=0)]
Share = Annotated[float, pydantic.Field(gt=0, lt=1)]
Widths = tuple[Count, ...]

# Runs side by side in a call: a number that all figures have in common, so that they share a program.
_TOGETHER = 8
# Kept shares at which the bound is compared with what it bounds.
KEPT = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7)
PAIRS = ((0.5, 1.0), (1.0, 2.0))


class PruningFigure(Figure):
    """Sizes that all figures of pruned networks have."""

    trials: Annotated[int, pydantic.Field(ge=2)]
    iterations: Count
    epochs: Count
    batch: Count
    share: Share = 0.2

    def training(self, samples: int) -> dict:
        """Options of every solver."""
        return {"batch": self.batch, "train_steps": max(1, self.epochs * samples // self.batch)}

    def methods(self, hidden: Widths, samples: int, scope: str = "global") -> dict[str, IterativePruning]:
        """The four methods that the paper compares."""
        options = {"scope": scope, **self.training(samples)}
        return {
            "SAP(1/2, 1)": IterativePruning.sap(hidden, 0.5, 1.0, **options),
            "SAP(1, 2)": IterativePruning.sap(hidden, 1.0, 2.0, **options),
            "lottery ticket": IterativePruning.lottery_ticket(hidden, self.share, **options),
            "one shot": IterativePruning.one_shot(hidden, self.share, **options),
        }

    def trajectories(self, model: AbstractModel, solvers: Mapping[str, IterativePruning]) -> pd.DataFrame:
        """Rows (method, trial, iteration, what is measured)."""
        return trajectories(model, solvers, self.trials, self.seed, self.iterations)


class DigitsFigure(PruningFigure):
    """Networks that learn digits."""

    hidden: Widths
    training_pictures: Annotated[int, pydantic.Field(ge=100, le=1600)] = 1300

    @property
    def model(self) -> Digits:
        """The digits."""
        return Digits(self.training_pictures)


def measures(model: AbstractModel, truth, network: Network) -> dict[str, jax.Array]:
    """Accuracy, size and sparsity of a trained network and of the same right after it is pruned."""
    found = {}
    # Live weights are not zero, but for a chance of measure zero.
    for suffix, each in (("", network), ("_pruned", network.pruned())):
        flat = jnp.concatenate([weight.reshape(-1) for weight in each.weights])
        live = flat != 0
        scores = model.metrics(truth, each)
        # Support and share of a network that is pruned are those of the next iteration.
        found |= {name + suffix: scores[name] for name in (["accuracy"] if suffix else scores)}
        found |= {
            f"remaining{suffix}": jnp.mean(live.astype(flat.dtype)),
            f"live{suffix}": jnp.sum(live.astype(flat.dtype)),
            f"gini{suffix}": gini_index(flat, live),
        }
        for (p, q), name in zip(PAIRS, ("half", "two"), strict=True):
            index = pq_index(flat, p, q, live)
            size = jnp.sum(live.astype(flat.dtype))
            kept = jnp.ceil(jnp.asarray(KEPT, flat.dtype) * size)
            eta = tail_ratio(flat, live, p, kept)
            ratio = pq_pruning_bound(size, index, p, q, eta) / jnp.maximum(kept, 1)
            found |= {f"pqi_{name}{suffix}": index, f"tightness_{name}{suffix}": ratio, f"eta_{name}{suffix}": eta}
    for number, weight in enumerate(network.weights):
        flat = weight.reshape(-1)
        found[f"remaining_{number}"] = jnp.mean((flat != 0).astype(flat.dtype))
        found[f"pqi_half_{number}"] = pq_index(flat, 0.5, 1.0, flat != 0)
    return found


@eqx.filter_jit
def _histories(models, solvers, keys, iterations: int):
    def one(model, solver, key):
        key_model, key_solver = jax.random.split(key)
        problem, truth = model.sample(key_model)
        record = eqx.Partial(measures, model, truth)
        return run(problem, solver, key_solver, iterations + 1, record, 1).history

    return jax.vmap(one)(models, solvers, keys)


def trajectories(
    models: AbstractModel | Mapping[str, AbstractModel],
    solvers: Mapping[str, IterativePruning],
    trials: int,
    seed: int,
    iterations: int,
) -> pd.DataFrame:
    """All solvers on the same instances: rows (method, trial, iteration, what is measured).

    Iteration -1 is before any training, 0 the dense network. Runs go through a vectorised program a few at a time, in two
    threads; hyper-parameters and masks are traced.
    """
    pairs = [(name, trial) for name in solvers for trial in range(trials)]
    surplus = -len(pairs) % _TOGETHER
    padded = pairs + pairs[:1] * surplus
    root = jax.random.key(seed)

    def chunk(part):
        chosen = [solvers[name] for name, _ in part]
        model = [models[name] if isinstance(models, Mapping) else models for name, _ in part]
        keys = jax.vmap(jax.random.fold_in, (None, 0))(root, jnp.asarray([trial for _, trial in part], jnp.int32))
        return jtu.tree_map(np.asarray, _histories(stack(model), stack(chosen), keys, iterations))

    parts = [padded[start : start + _TOGETHER] for start in range(0, len(padded), _TOGETHER)]
    # The first one alone, so that the program is compiled once.
    with ThreadPoolExecutor(2) as workers:
        found = [chunk(parts[0]), *workers.map(chunk, parts[1:])]
    histories = {name: np.concatenate([part[name] for part in found])[: len(pairs)] for name in found[0]}
    steps = np.arange(-1, iterations + 1)
    frame = pd.DataFrame(
        {
            "method": np.repeat([name for name, _ in pairs], len(steps)),
            "trial": np.repeat([trial for _, trial in pairs], len(steps)),
            "iteration": np.tile(steps, len(pairs)),
        }
    )
    columns = {}
    for name, values in histories.items():
        if values.ndim == 2:
            columns[name] = values.reshape(-1)
        else:
            columns |= {f"{name}_{kept}": values[..., i].reshape(-1) for i, kept in enumerate(KEPT)}
    return pd.concat([frame, pd.DataFrame(columns)], axis=1)


def summary(frame: pd.DataFrame, by: Iterable[str] = ("method", "iteration")) -> pd.DataFrame:
    """Mean over trials of every column that is measured, and `<column>_low`, `<column>_high` one standard deviation away."""
    by = list(by)
    frame = frame.loc[frame["iteration"] >= 0]
    columns = [name for name in frame if name not in (*by, "trial", "method", "iteration")]
    columns = [name for name in columns if not name.startswith(("eta", "tightness"))]
    grouped = frame.groupby(by, sort=False)[columns]
    mean, spread = grouped.mean(), grouped.std()
    return pd.concat(
        [mean, (mean - spread).add_suffix("_low"), (mean + spread).add_suffix("_high")], axis=1
    ).reset_index()


def teacher_facts(model, trials: int, seed: int) -> pd.DataFrame:
    """Per trial: the share of the teacher's weights that are not zero, and the accuracy of its own predictions."""

    @eqx.filter_jit
    def facts(model, keys):
        def one(key):
            _, truth = model.sample(jax.random.split(key)[0])
            return model.metrics(truth, truth)

        return jax.vmap(one)(keys)

    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(seed), jnp.arange(trials, dtype=jnp.int32))
    return pd.DataFrame({name: np.asarray(values) for name, values in facts(model, keys).items()})
