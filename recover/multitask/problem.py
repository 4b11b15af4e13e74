"""Regressions of many tasks, by their moments: what a solver may see, and what it may buy."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..core.checks import require_integer
from ..core.data import as_data, in_one_dtype, number
from ..core.problem import AbstractProblem
from ..core.sizes import row_mask

__all__ = ["MultitaskProblem"]


class Lots(eqx.Module):
    r"""Data for sale: lot $j$ of a task has $2^j$ samples, so that any number below $2^L$ is bought by its binary digits.

    Moments $X^\top X$ and correlations $X^\top y$, as in `MultitaskProblem`, for every task and lot.
    """

    moments: Float[Array, "tasks lots dimension dimension"]
    correlations: Float[Array, "tasks lots dimension"]

    def bought(self, samples: Int[Array, " tasks"]) -> tuple[Array, Array]:
        """Moments and correlations of so many samples of each task; of all there are, where that is more."""
        digits = binary_digits(samples, self.moments.shape[1]).astype(self.moments.dtype)
        moments = jnp.einsum("ml,mlij->mij", digits, self.moments)
        return moments, jnp.einsum("ml,mli->mi", digits, self.correlations)

    @property
    def most(self) -> int:
        """How many samples of a task there are."""
        return 2 ** self.moments.shape[1] - 1


def binary_digits(number: Int[Array, "..."], digits: int) -> Bool[Array, "... digits"]:
    """Which powers of two, ascending, make up a number."""
    place = jnp.arange(digits, dtype=jnp.int32).reshape((1,) * number.ndim + (digits,))
    return (number[..., None] >> place) & 1 > 0


class MultitaskProblem(AbstractProblem):
    r"""Source tasks $y_m = X_m \theta_m + z_m$ with $\theta_m$ in a common subspace, and a target task of which there are few data.

    Data enter by $H_m = X_m^\top X_m$ (`moments`), $g_m = X_m^\top y_m$ (`observations`) and the number of samples, so a problem has
    one size whatever these numbers. Tasks from `tasks` on are padding and zero. `lots` is what may be bought, in a simulation;
    your own data are bought outside. `oracle` holds the heads of sources (one row each) and target, for baselines that know them.
    """

    moments: Float[Array, "tasks dimension dimension"]
    observations: Float[Array, "tasks dimension"]
    samples: Float[Array, " tasks"]
    target_moment: Float[Array, "dimension dimension"]
    target_observations: Float[Array, " dimension"]
    target_samples: Float[Array, ""]
    tasks: Int[Array, ""]
    lots: Lots | None

    def __init__(
        self,
        moments,
        observations,
        samples,
        target_moment,
        target_observations,
        target_samples,
        *,
        tasks=None,
        lots=None,
        oracle=None,
    ):
        r"""**Arguments:**

        - `moments`: $X_m^\top X_m$ of every source, `(tasks, dimension, dimension)`.
        - `observations`: $X_m^\top y_m$, `(tasks, dimension)`.
        - `samples`: how many samples these are sums over, `(tasks,)`.
        - `target_moment`, `target_observations`, `target_samples`: the same of the target.
        - `tasks`: how many leading sources are none of padding; all by default.
        - `lots`: data for sale, made by a model.
        - `oracle`: heads of sources `(tasks, rank)` and of the target `(rank,)`.

        **Raises:** `ValueError` and `TypeError` for data that do not fit together or are not finite, and impossible numbers.
        """
        owner = type(self).__name__
        shapes = {
            "moments": (moments, "tasks dimension dimension"),
            "observations": (observations, "tasks dimension"),
            "samples": (samples, "tasks"),
            "target_moment": (target_moment, "dimension dimension"),
            "target_observations": (target_observations, "dimension"),
        }
        found = {name: as_data(owner, name, value, axes) for name, (value, axes) in shapes.items()}
        count, dimension = found["observations"].shape
        sizes = {"tasks": count, "dimension": dimension}
        for name, (_, axes) in shapes.items():
            wanted = tuple(sizes[axis] for axis in axes.split())
            if found[name].shape != wanted:
                raise ValueError(
                    f"{owner}: `{name}` has shape {found[name].shape}; {wanted} is allowed beside `observations` of "
                    f"shape {(count, dimension)}."
                )
        require_integer(owner, "tasks", tasks, 1, count)
        arrays = in_one_dtype(owner, **found)
        self.moments, self.observations, self.samples, self.target_moment, self.target_observations = arrays
        self.target_samples = number(owner, "target_samples", target_samples, "nonnegative", self.observations.dtype)
        self.tasks = jnp.asarray(count if tasks is None else tasks)
        if lots is not None and not isinstance(lots, Lots):
            raise TypeError(f"{owner}: `lots` is a {type(lots).__name__}; what a model made is allowed.")
        self.lots = lots
        self.oracle = None if oracle is None else self._heads(oracle)

    def _heads(self, oracle) -> tuple[Array, Array]:
        owner, parts = type(self).__name__, oracle
        if not isinstance(oracle, tuple) or len(oracle) != 2:
            raise TypeError(f"{owner}: `oracle` is a {type(oracle).__name__}; a pair of arrays is allowed.")
        heads, head = (
            as_data(owner, "oracle", part, axes) for part, axes in zip(parts, ("tasks rank", "rank"), strict=True)
        )
        if heads.shape != (self.observations.shape[0], head.shape[0]):
            raise ValueError(
                f"{owner}: `oracle` has shapes {heads.shape} and {head.shape}; a row for each of "
                f"{self.observations.shape[0]} tasks, as long as the second, is allowed."
            )
        return jnp.asarray(heads, self.observations.dtype), jnp.asarray(head, self.observations.dtype)

    @staticmethod
    def of(sources, target) -> "MultitaskProblem":
        """The problem of given rows: `sources` is a list of `(features, responses)`, one per task, and `target` is one such pair.

        **Raises:** `ValueError` and `TypeError` for arrays that do not fit together.
        """
        found = [_moments(f"source {place}", *pair) for place, pair in enumerate(sources)]
        widths = {len(each[1]) for each in found}
        if len(widths) > 1:
            raise ValueError(
                f"MultitaskProblem.of: sources have {sorted(widths)} columns; one number for all is allowed."
            )
        moments, observations, samples = (np.stack(each) for each in zip(*found, strict=True))
        return MultitaskProblem(moments, observations, samples, *_moments("target", *target))

    @property
    def dimension(self) -> int:
        """Number of features."""
        return self.observations.shape[1]

    @property
    def present(self) -> Bool[Array, " tasks"]:
        """Which tasks are no padding."""
        return row_mask(self.tasks, self.observations.shape[0])

    @property
    def mask(self) -> Bool[Array, "tasks 1"]:
        """Which observations are data: those of tasks that are no padding."""
        return self.present[:, None]

    @property
    def count(self) -> Float[Array, ""]:
        """Number of observations."""
        return (self.tasks * self.dimension).astype(self.observations.dtype)


def _moments(name: str, features, responses) -> tuple[np.ndarray, np.ndarray, float]:
    features = np.asarray(as_data("MultitaskProblem.of", f"features of {name}", features, "samples dimension"))
    responses = np.asarray(as_data("MultitaskProblem.of", f"responses of {name}", responses, "samples"))
    if len(features) != len(responses):
        raise ValueError(
            f"MultitaskProblem.of: {name} has {len(features)} rows of features and {len(responses)} responses; equal "
            "numbers are allowed."
        )
    return features.T @ features, features.T @ responses, float(len(features))
