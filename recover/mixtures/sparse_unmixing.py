"""Nonnegative factorisations for spectral unmixing: robust losses, learnt sparsity, graphs, by multiplicative updates."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..core.checks import is_number, require_name
from ..core.fields import Real, Whole, leaf
from ..core.grid import forward_differences, has_next, shifted
from ..core.leaves import as_leaf, is_concrete
from ..core.numbers import norm, ratio, squared_norm
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.stationarity import newton_gain
from ..core.stopping import Progress
from ..core.units import Scaling
from .mixture import Mixture, gini_level, hoyer_level
from .problem import UnmixingProblem
from .starts import TINY, AbstractEndmemberStart, SuccessiveProjection, fitted_abundances

__all__ = ["SparseUnmixing", "hoyer_penalty"]

UNMIXING_LOSSES = ("frobenius", "channels", "weighted")
SPARSITY_LEVELS = ("gini", "hoyer")

# Below this abundance the penalty is its tangent: the slope of a^p is unbounded at zero.
_FLOOR = 1e-4
# The norm of a channel's residual counts as at least this share of the median one.
_LEAST_NORM = 1e-3
# Of the objective, what may be left to gain.
_SHARE = 1e-2
_NEVER = np.iinfo(np.int32).max


def hoyer_penalty(problem: UnmixingProblem) -> Float[Array, ""]:
    r"""The penalty that $\ell_{1/2}$-NMF takes from the data, by the mean sparsity of the channels.

    $$\frac{1}{\sqrt L} \sum_{l=1}^L \frac{\sqrt N - \|y^l\|_1 / \|y^l\|_2}{\sqrt{N - 1}}$$

    Source: Y. Qian, S. Jia, J. Zhou and A. Robles-Kelly, IEEE Transactions on Geoscience and Remote Sensing 49 (2011)
    (qian2011).
    """
    ratios = ratio(jnp.sum(problem.observations, axis=1), norm(problem.observations, 1))
    if problem.known is None:
        pixels = problem.observations.shape[1]
        shares = (pixels**0.5 - ratios) / max(pixels - 1, 1) ** 0.5
    else:
        pixels = jnp.sum(problem.mask.astype(ratios.dtype), axis=1)
        shares = (jnp.sqrt(pixels) - ratios) / jnp.sqrt(jnp.maximum(pixels - 1, 1))
    terms = jnp.where(problem.live_channels, shares, 0)
    return jnp.sum(terms) / jnp.sqrt(problem.channels.astype(terms.dtype))


class SparseUnmixingState(eqx.Module):
    """The factors, what the loss and the penalty currently are, and what is computed once from the data.

    `scale` is $r$, `start` the fixed channel weights, `edges` the weights of the graph: to the next row and the next column,
    `energy` the norm of the data.
    """

    endmembers: Float[Array, "channels endmembers"]
    abundances: Float[Array, "endmembers pixels"]
    levels: Float[Array, " pixels"]
    scale: Float[Array, ""]
    start: Float[Array, " channels"]
    edges: Float[Array, "2 rows columns"]
    step: Int[Array, ""]
    energy: Float[Array, ""]
    progress: Progress
    objective: Float[Array, ""]


class SparseUnmixing(AbstractSolver[UnmixingProblem, SparseUnmixingState]):
    r"""$Y \approx M A$ with $M, A \ge 0$, a loss that is robust to bad channels, and a sparsity that is learnt pixel by pixel.

    $$F(M, A) = r \sum_l \|y^l - (MA)^l\|_2 + \lambda \sum_{n,k} A_{kn}^{p_n} + \frac{\delta^2}{2} \sum_n (1 - \mathbf 1^\top a_n)^2
      + \frac\mu2 \operatorname{tr}(A \mathcal L A^\top), \qquad p_n = \max(p - \gamma h_n,\ p_{\min}).$$

    Rows $y^l$ are channels. With residuals $e^l$ and weights $u_l = r / \|e^l\|$, $U = \operatorname{diag}(u)$, every step is

    $$M \leftarrow M \circ \frac{Y A^\top}{M A A^\top}, \qquad
      A \leftarrow A \circ \frac{M^\top U Y + \delta^2 \mathbf 1 + \mu A W}
      {M^\top U M A + \delta^2 \mathbf 1 \mathbf 1^\top A + \lambda\, p_n \max(A, 10^{-4})^{p_n - 1} + \mu A D} .$$

    The levels $h_n$ of the current abundances (Gini index or Hoyer's sparsity) are refreshed every `refresh` steps from step
    `burn_in` on, and $r = \mathrm{med}_l \|e^l\|$ in every step, so that the median weight is one; from step `freeze`
    on both stay as they are. While they do, no step increases $F$ (below $10^{-4}$ the penalty is its tangent, and below
    $10^{-3}$ of the median the norm of a residual is a parabola; with these, exactly). Refreshing changes $F$.

    Other losses: `"frobenius"`, $\frac12 \|Y - MA\|_F^2$, and `"weighted"`, the same with the fixed channel weights of the
    start, squared. The graph has the four neighbours of every pixel as edges, with weights $\exp(-\|y_i - y_j\|^2 / s^2)$, $s^2$ their mean
    squared distance. Constructors make the named methods: `rrlbs`, `robust`, `nmf`, `l1`, `half`, `graph`, `learnt`.

    What of the image is absent (`UnmixingProblem.known`) is replaced by $M A$ before every update, and counts in no residual,
    so that no step increases the objective of what is known; pixels without a known entry have no abundances.

    Without a `penalty` $\lambda$ is taken from the data (`hoyer_penalty`), which on images with bad channels is a strong one.

    Converges when $F$ changes by a share of at most `tolerance` in a step, and a Newton step would gain at most a hundredth of it
    (the certificate). Ends at once, with the start as the answer, when the tolerance is infinite: as inaccurate, if that does not
    happen to be a minimiser.

    Source: F. Zhu, Y. Wang, B. Fan, G. Meng and C. Pan, "Effective Spectral Unmixing via Robust Representation and
    Learning-based Sparsity", arXiv:1409.0685 (zhu2014), from its abstract and introduction: the objective's form, the levels,
    the updates and all constants are reconstructions. Multiplicative updates: (lee1999). $\ell_{1/2}$-NMF: (qian2011).
    Graph: (cai2011).
    """

    scaling: ClassVar = Scaling(stats={"objective": (0, 2)})

    penalty: Real | None = leaf(None, "nonnegative")
    exponent: Real = leaf(1.0, "share")
    guidance: Real = leaf(1.0, "nonnegative")
    least_exponent: Real = leaf(0.3, "share")
    graph_strength: Real = leaf(0.0, "nonnegative")
    sum_to_one: Real = leaf(5.0, "nonnegative")
    loss: Whole = eqx.field(converter=lambda name: _number("loss", name, UNMIXING_LOSSES), default="channels")
    level: Whole = eqx.field(converter=lambda name: _number("level", name, SPARSITY_LEVELS), default="gini")
    burn_in: Whole = leaf(20, "count")
    refresh: Whole = leaf(10, "positive count")
    freeze: Whole = leaf(_NEVER, "count")
    start: AbstractEndmemberStart = SuccessiveProjection()
    tolerance: Real = leaf(1e-5)

    @classmethod
    def rrlbs(cls, penalty=0.1, level="gini", **options) -> "SparseUnmixing":
        r"""Robust representation and learning-based sparsity: $\ell_{2,1}$ loss, learnt levels."""
        return cls(**{"penalty": penalty, "level": level, **options})

    @classmethod
    def robust(cls, **options) -> "SparseUnmixing":
        r"""The $\ell_{2,1}$ loss without a penalty."""
        return cls(**{"penalty": 0.0, "guidance": 0.0, **options})

    @classmethod
    def nmf(cls, **options) -> "SparseUnmixing":
        """Least squares without a penalty (lee1999)."""
        return cls.l1(0.0, **options)

    @classmethod
    def l1(cls, penalty=0.1, **options) -> "SparseUnmixing":
        r"""Least squares with an $\ell_1$ penalty."""
        return cls(**{"penalty": penalty, "guidance": 0.0, "loss": "frobenius", **options})

    @classmethod
    def half(cls, penalty=0.1, **options) -> "SparseUnmixing":
        r"""Least squares with an $\ell_{1/2}$ penalty."""
        return cls.l1(penalty, **{"exponent": 0.5, **options})

    @classmethod
    def graph(cls, strength=0.1, **options) -> "SparseUnmixing":
        """Least squares with abundances that are smooth along a graph of neighbours."""
        return cls.l1(0.0, **{"graph_strength": strength, **options})

    @classmethod
    def learnt(cls, penalty=0.1, **options) -> "SparseUnmixing":
        """Least squares with learnt levels."""
        return cls(**{"penalty": penalty, "loss": "frobenius", **options})

    def init(self, problem: UnmixingProblem, key) -> SparseUnmixingState:
        """Endmembers of the start, and abundances fitted to them."""
        dtype = problem.observations.dtype
        endmembers, trust = self.start(problem)
        abundances = fitted_abundances(problem, endmembers, trust**2, jnp.asarray(self.sum_to_one, dtype))
        first = self._levels(problem, abundances)
        return SparseUnmixingState(
            endmembers=endmembers,
            abundances=abundances,
            levels=jnp.where(self.burn_in == 0, first, 0),
            scale=problem.channel_median(norm(problem.residual((endmembers, abundances)), 1)),
            start=trust**2,
            edges=_edges(problem),
            step=jnp.zeros((), jnp.int32),
            energy=norm(problem.observations) + TINY,
            progress=Progress.start(dtype),
            objective=jnp.asarray(jnp.inf, dtype),
        )

    def step(self, problem: UnmixingProblem, state: SparseUnmixingState) -> SparseUnmixingState:
        """Weights of the channels, levels where they are due, then endmembers, then abundances."""
        endmembers, abundances = state.endmembers, state.abundances
        data = problem.completed((endmembers, abundances))
        norms = norm(problem.residual((endmembers, abundances)), 1)
        free = state.step < self.freeze
        scale = jnp.where(free, problem.channel_median(norms), state.scale)
        due = free & (state.step >= self.burn_in) & ((state.step - self.burn_in) % self.refresh == 0)
        levels = jnp.where(due, self._levels(problem, abundances), state.levels)
        new = eqx.tree_at(lambda s: (s.levels, s.scale), state, (levels, scale))
        objective = self._objective(problem, new, norms)

        weights = self._weights(problem, norms, scale, state.start)
        endmembers = endmembers * (data @ abundances.T) / (endmembers @ (abundances @ abundances.T) + TINY)
        above, below = self._pulls(problem, new, endmembers, abundances, weights)
        abundances = abundances * above / (below + TINY)

        change = jnp.abs(objective - state.objective) / jnp.where(objective > 0, objective, 1)
        return SparseUnmixingState(
            endmembers=endmembers,
            abundances=abundances,
            levels=levels,
            scale=scale,
            start=state.start,
            edges=state.edges,
            step=state.step + 1,
            energy=state.energy,
            progress=state.progress.update(norm(norms) / state.energy, change),
            objective=objective,
        )

    def _pulls(self, problem, state, endmembers, abundances, weights):
        """What draws abundances up, and what draws them down: the two parts of the derivative of the objective."""
        data = problem.completed((endmembers, abundances))
        square, strength = self.sum_to_one**2, self.graph_strength
        weighted = endmembers.T * weights[None, :]
        exponents = self._exponents(state.levels)[None, :]
        slope = exponents * _power(jnp.maximum(abundances, _FLOOR), exponents - 1)
        around, degree = _graph_products(problem, state.edges, abundances)
        above = weighted @ data + square + strength * around
        below = (weighted @ endmembers) @ abundances + square * jnp.sum(abundances, axis=0, keepdims=True)
        below += self._penalty(problem) * slope + strength * degree * abundances
        return above, below

    def certificate(self, problem: UnmixingProblem, state: SparseUnmixingState) -> Certificate:
        r"""What a Newton step on the logarithms of the factors would gain of the objective, over a hundredth of it.

        The curvature is that of the squares (data, sums, graph); where the penalty or the bound at zero holds an abundance down, its pull is added.
        """
        endmembers, abundances = state.endmembers, state.abundances
        residual = problem.residual((endmembers, abundances))
        norms = norm(residual, 1)
        weights = self._weights(problem, norms, state.scale, state.start)
        above, below = self._pulls(problem, state, endmembers, abundances, weights)
        objective = self._objective(problem, state, norms)
        size = jnp.sqrt(jnp.where(objective > 0, objective, 1))
        gradient = (
            endmembers * (weights[:, None] * residual @ abundances.T) / size,
            abundances * (above - below) / size,
        )
        held = jnp.abs(gradient[0]) / size, jnp.abs(gradient[1]) / size

        def curvature(direction):
            turned, moved = (
                factor * part / size for factor, part in zip((endmembers, abundances), direction, strict=True)
            )
            image = turned @ abundances + endmembers @ moved
            image = weights[:, None] * (image if problem.known is None else jnp.where(problem.known, image, 0))
            around, degree = _graph_products(problem, state.edges, moved)
            bent = endmembers.T @ image + self.sum_to_one**2 * jnp.sum(moved, axis=0, keepdims=True)
            bent += self.graph_strength * (degree * moved - around)
            found = (endmembers * (image @ abundances.T) / size, abundances * bent / size)
            return tuple(bent + hold * part for bent, hold, part in zip(found, held, direction, strict=True))

        gain = newton_gain(gradient, curvature)
        # An infinite tolerance asks for the start, whatever it is worth.
        return Certificate(jnp.where(objective > 0, gain / _SHARE, 0), jnp.isinf(self.tolerance))

    def status(self, problem: UnmixingProblem, state: SparseUnmixingState) -> Result:
        """By how much the objective changed in the step before the last."""
        return state.progress.status(self.tolerance, jnp.zeros((), jnp.int32))

    def estimate(self, problem: UnmixingProblem, state: SparseUnmixingState) -> Mixture:
        """The factors; levels of the penalty, or those of the abundances where it uses none; weights of the loss."""
        norms = norm(problem.residual((state.endmembers, state.abundances)), 1)
        weights = self._weights(problem, norms, state.scale, state.start)
        middle = problem.channel_median(weights)
        levels = jnp.where(self.guidance > 0, state.levels, self._levels(problem, state.abundances))
        return Mixture(state.endmembers, state.abundances, levels, ratio(weights, middle, weights))

    def stats(self, problem: UnmixingProblem, state: SparseUnmixingState) -> dict[str, Array]:
        r"""The current `objective`, and `residual`: $\|Y - M A\| / \|Y\|$ before the last step."""
        return {"objective": self.objective(problem, state), "residual": state.progress.residual}

    def objective(self, problem: UnmixingProblem, state: SparseUnmixingState) -> Float[Array, ""]:
        """The objective $F$ at the factors of a state, with its levels and scale."""
        return self._objective(problem, state, norm(problem.residual((state.endmembers, state.abundances)), 1))

    def _objective(self, problem, state, norms):
        scale, abundances = state.scale, state.abundances
        least = jnp.maximum(_LEAST_NORM * scale, TINY)
        lengths = jnp.where(norms < least, (norms**2 / least + least) / 2, norms)
        lengths = jnp.where(problem.live_channels, lengths, 0)
        losses = (squared_norm(norms) / 2, scale * jnp.sum(lengths), jnp.sum(state.start * norms**2) / 2)
        loss = jnp.stack(losses)[self.loss]
        exponents = self._exponents(state.levels)[None, :]
        floored = jnp.maximum(abundances, _FLOOR)
        sparse = _power(floored, exponents - 1) * ((1 - exponents) * floored + exponents * abundances)
        sparse = jnp.where(problem.live_endmembers[:, None] & problem.present[None, :], sparse, 0)
        defect = jnp.sum(jnp.where(problem.present, 1 - jnp.sum(abundances, axis=0), 0) ** 2)
        around, degree = _graph_products(problem, state.edges, abundances)
        smoothness = jnp.sum(abundances * (degree * abundances - around))
        square, strength = self.sum_to_one**2, self.graph_strength
        return loss + self._penalty(problem) * jnp.sum(sparse) + (square * defect + strength * smoothness) / 2

    def _weights(self, problem, norms, scale, start):
        least = jnp.maximum(_LEAST_NORM * scale, TINY)
        choices = (jnp.ones_like(norms), scale / jnp.maximum(norms, least), start)
        return jnp.where(problem.live_channels, jnp.stack(choices)[self.loss], 0)

    def _levels(self, problem, abundances):
        choices = (gini_level(abundances, problem.endmembers), hoyer_level(abundances, problem.endmembers))
        return jnp.stack(choices)[self.level]

    def _exponents(self, levels):
        return jnp.maximum(self.exponent - self.guidance * levels, self.least_exponent)

    def _penalty(self, problem):
        return hoyer_penalty(problem) if self.penalty is None else self.penalty


def _number(name: str, value, known: tuple[str, ...]):
    """A name as its number, which is traced; numbers and tracers pass through.

    **Raises:** `ValueError` for an unknown name.
    """
    if not is_concrete(value) or (
        is_number(value) and np.size(value) and np.all(np.isin(np.asarray(value), range(len(known))))
    ):
        return as_leaf(value)
    require_name("SparseUnmixing", name, value, known)
    return as_leaf(known.index(value))


def _power(base, exponent):
    # Both are vectorised on a CPU, where a power is not: five times as fast.
    return jnp.exp2(exponent * jnp.log2(base))


def _edges(problem: UnmixingProblem) -> Float[Array, "2 rows columns"]:
    """Weights of the edges from every pixel to the one below and the one to the right; zero where there is none."""
    images = problem.images(problem.filled())
    squares = squared_norm(forward_differences(images, (1, 2)), 1)
    inside = has_next(problem.shape)
    if problem.known is None:
        spread = jnp.sum(squares) / max(int(inside.sum()), 1)
    else:
        present = problem.images(problem.present)
        inside = inside & present[None] & jnp.stack([jnp.roll(present, -1, 0), jnp.roll(present, -1, 1)])
        spread = ratio(jnp.sum(jnp.where(inside, squares, 0)), jnp.sum(inside.astype(squares.dtype)))
    return jnp.where(inside, jnp.exp(-squares / jnp.where(spread > 0, spread, 1)), 0)


def _graph_products(problem, edges, abundances):
    """Weighted sums over the neighbours of every pixel, and its degree."""
    images = problem.images(abundances)
    down, right = edges[0], edges[1]
    above, left = shifted(down, 0, -1), shifted(right, 1, -1)
    around = down[None] * shifted(images, 1, 1) + above[None] * shifted(images, 1, -1)
    around += right[None] * shifted(images, 2, 1) + left[None] * shifted(images, 2, -1)
    degree = down + above + right + left
    return around.reshape(abundances.shape), degree.reshape(1, -1)
