"""Rare classes of ordered responses: relaxed proportional odds, and what it is compared with."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..core.adjoint import Optimality
from ..core.fields import Real, choice, count, leaf
from ..core.numbers import ratio
from ..core.results import Result
from ..core.solver import AbstractSolver, Certificate
from ..core.stopping import by_change
from ..core.units import Scaling
from ..scalar.proximal import soft_threshold
from .cumulative_logit import OrdinalCoefficients, class_probabilities, derivatives, log_likelihood
from .ordinal_problem import OrdinalProblem

__all__ = ["PRESTO", "OrdinalRegression"]

# Lengths of a Newton step that are tried side by side; the best one is taken.
_LENGTHS = (1.0, 0.5, 0.1, 0.0)
# Passes of coordinate descent over a quadratic model.
_PASSES = 5
# By how much the first strength exceeds the one at which a coefficient leaves zero, against rounding.
_ABOVE = 1.001
# What the last step of a fit may have lowered the mean negative log-likelihood by.
_GAIN = 1e-4
# Of the largest curvature, what keeps directions apart that the data do not see.
_RIDGE = 1e-6


class _Standardised(eqx.Module):
    """Inputs of mean zero and variance one with a column of ones before them, and products of all pairs of columns."""

    inputs: Float[Array, "rows columns"]
    pairs: Float[Array, "rows pairs"]
    mean: Float[Array, " dimension"]
    scale: Float[Array, " dimension"]

    @staticmethod
    def of(problem: OrdinalProblem) -> "_Standardised":
        present = problem.mask[:, None]
        mean = jnp.sum(jnp.where(present, problem.inputs, 0), 0) / problem.count
        centred = jnp.where(present, problem.inputs - mean[None, :], 0)
        scale = jnp.sqrt(jnp.sum(centred**2, 0) / problem.count)
        ones = jnp.where(present, jnp.ones_like(centred[:, :1]), 0)
        inputs = jnp.concatenate([ones, centred * ratio(1, scale)[None, :]], 1)
        pairs = (inputs[:, :, None] * inputs[:, None, :]).reshape(len(inputs), -1)
        return _Standardised(inputs, pairs, mean, scale)

    def restored(self, coefficients: Float[Array, "boundaries columns"]) -> OrdinalCoefficients:
        """Coefficients of the inputs as they were given."""
        differences = coefficients[:, 1:] * ratio(1, self.scale)[None, :]
        steps = coefficients[:, 0] - differences @ self.mean
        return OrdinalCoefficients(jnp.cumsum(steps), differences)


def _newton(
    data: _Standardised,
    classes: Float[Array, "rows classes"],
    coefficients: Float[Array, "boundaries columns"],
    strength: Float[Array, ""],
    free: Bool[Array, "boundaries columns"],
) -> tuple[Float[Array, "boundaries columns"], Float[Array, ""]]:
    """One proximal Newton step of the mean negative log-likelihood with an l1 penalty on all but intercepts, and its decrease."""
    total = jnp.maximum(jnp.sum(classes), 1)
    boundaries, columns = coefficients.shape
    logits = data.inputs @ jnp.cumsum(coefficients, 0).T
    gradient, diagonal, beside = derivatives(logits, classes)
    # A block for every boundary and for every pair of neighbours.
    blocks = (jnp.concatenate([diagonal, beside], 1).T @ data.pairs).reshape(-1, columns, columns) / total
    hessian = jnp.zeros((boundaries, columns, boundaries, columns), coefficients.dtype)
    for k in range(boundaries):
        hessian = hessian.at[k, :, k, :].set(blocks[k])
        if k:
            hessian = hessian.at[k, :, k - 1, :].set(blocks[boundaries + k - 1])
            hessian = hessian.at[k - 1, :, k, :].set(blocks[boundaries + k - 1])
    # Coefficients are differences: each acts on its boundary and on all that follow.
    sums = jnp.tril(jnp.ones((boundaries, boundaries), coefficients.dtype))
    hessian = jnp.einsum("kl,kamb,mn->lanb", sums, hessian, sums).reshape(boundaries * columns, -1)
    slope = -(sums.T @ (gradient.T @ data.inputs)).reshape(-1) / total
    curvature = jnp.diagonal(hessian) + _RIDGE * jnp.max(jnp.diagonal(hessian))
    penalised = jnp.broadcast_to(jnp.arange(columns) > 0, (boundaries, columns)).reshape(-1)
    start, allowed = coefficients.reshape(-1), free.reshape(-1)

    def descend(place, state):
        point, tilt = state
        at = place % len(start)
        moved = point[at] - ratio(tilt[at], curvature[at])
        threshold = jnp.where(penalised[at], ratio(strength, curvature[at]), 0)
        new = jnp.where(allowed[at], soft_threshold(moved, threshold), 0)
        return point.at[at].set(new), tilt + hessian[at] * (new - point[at])

    point, _ = jax.lax.fori_loop(0, _PASSES * len(start), descend, (start, slope))
    change = (point - start).reshape(boundaries, columns)
    moved = data.inputs @ jnp.cumsum(change, 0).T

    def objective(length):
        fit = log_likelihood(logits + length * moved, classes) / total
        return strength * jnp.sum(jnp.abs(coefficients + length * change)[:, 1:]) - fit

    values = jax.lax.map(objective, jnp.asarray(_LENGTHS, coefficients.dtype))
    best = jnp.argmin(jnp.where(jnp.isnan(values), jnp.inf, values))
    decrease = jnp.where(jnp.isfinite(jnp.sum(slope)), values[-1] - values[best], jnp.nan)
    return coefficients + jnp.asarray(_LENGTHS, coefficients.dtype)[best] * change, decrease


def _slope(
    data: _Standardised, classes: Float[Array, "rows classes"], coefficients: Float[Array, "boundaries columns"]
) -> Float[Array, "boundaries columns"]:
    """The gradient of the mean negative log-likelihood."""
    gradient, *_ = derivatives(data.inputs @ jnp.cumsum(coefficients, 0).T, classes)
    # Coefficients are differences: each acts on its boundary and on all that follow.
    return -jnp.cumsum((gradient.T @ data.inputs)[::-1], 0)[::-1] / jnp.maximum(jnp.sum(classes), 1)


def _intercepts_only(classes: Float[Array, "rows classes"], columns: int) -> Float[Array, "boundaries columns"]:
    """The fit of the shares of the classes, each of which counts at least half a row."""
    shares = jnp.maximum(jnp.sum(classes, 0), 0.5)
    shares = jnp.cumsum(shares / jnp.sum(shares))[:-1]
    logits = jnp.log(shares) - jnp.log1p(-shares)
    steps = jnp.concatenate([logits[:1], jnp.diff(logits)])
    return jnp.zeros((len(steps), columns), classes.dtype).at[:, 0].set(steps)


class OrdinalState(eqx.Module):
    """Standardised inputs, coefficients of every fit, and the last decrease of an objective."""

    data: _Standardised
    coefficients: Float[Array, "..."]
    decrease: Float[Array, ""]


class OrdinalRegression(AbstractSolver[OrdinalProblem, OrdinalState]):
    r"""Maximum likelihood for ordered classes, by Newton's method: $P(y \le k \mid x) = \sigma(\alpha_k + x^\top \beta_k)$.

    `kind` says what is free:

    - `proportional`: one $\beta$ for all boundaries (McCullagh, mccullagh1980);
    - `free`: each its own;
    - `rare`: logistic regression of the last class against all others. The answer has that boundary for all.

    Converged when a step lowers the mean negative log-likelihood by at most `tolerance`.
    """

    scaling: ClassVar = Scaling()

    kind: str = choice("proportional", "free", "rare")
    tolerance: Real = leaf(1e-7)

    def init(self, problem: OrdinalProblem, key) -> OrdinalState:
        """The shares of the classes."""
        data = _Standardised.of(problem)
        start = _intercepts_only(self._classes(problem), data.inputs.shape[1])
        return OrdinalState(data, start, jnp.full((), jnp.inf, start.dtype))

    def step(self, problem: OrdinalProblem, state: OrdinalState) -> OrdinalState:
        """One Newton step."""
        free = self._free(state)
        none = jnp.zeros((), state.decrease.dtype)
        coefficients, decrease = _newton(state.data, self._classes(problem), state.coefficients, none, free)
        return OrdinalState(state.data, coefficients, decrease)

    def status(self, problem: OrdinalProblem, state: OrdinalState) -> Result:
        """Converged once steps bring nothing."""
        return by_change(state.decrease, self.tolerance)

    def certificate(self, problem: OrdinalProblem, state: OrdinalState) -> Certificate:
        """What the last step gained, over what it may."""
        return Certificate(state.decrease / _GAIN, jnp.zeros((), bool))

    def optimality(self, problem: OrdinalProblem, state: OrdinalState) -> Optimality:
        """A vanishing gradient of the likelihood of standardised inputs."""

        def residual(coefficients):
            return _slope(_Standardised.of(problem), self._classes(problem), coefficients)

        def answer(coefficients):
            return self._answer(problem, _Standardised.of(problem), coefficients)

        return Optimality(state.coefficients, residual, answer, self._free(state), definite=True)

    def estimate(self, problem: OrdinalProblem, state: OrdinalState) -> OrdinalCoefficients:
        """The coefficients of the inputs as they were given."""
        return self._answer(problem, state.data, state.coefficients)

    def _answer(self, problem: OrdinalProblem, data: _Standardised, coefficients) -> OrdinalCoefficients:
        found = data.restored(coefficients)
        boundaries = problem.observations.shape[1] - 1
        if self.kind == "rare":
            intercepts = jnp.broadcast_to(found.intercepts, (boundaries,))
            differences = jnp.zeros((boundaries, *found.differences.shape[1:]), intercepts.dtype)
            return OrdinalCoefficients(intercepts, differences.at[0].set(found.differences[0]))
        return found

    def _free(self, state: OrdinalState) -> Bool[Array, "boundaries columns"]:
        free = jnp.ones(state.coefficients.shape, bool)
        return free.at[1:, 1:].set(False) if self.kind == "proportional" else free

    def _classes(self, problem: OrdinalProblem) -> Float[Array, "rows classes"]:
        classes = problem.observations
        if self.kind == "rare":
            return jnp.stack([jnp.sum(classes[:, :-1], 1), classes[:, -1]], 1)
        return classes


class PRESTOState(eqx.Module):
    r"""The fits of one strength after another, on all rows and without each of the folds.

    - `coefficients`: of the last strength, first on all rows; `path`: those on all rows, for every strength.
    - `place`, `round`: the strength at work, and the steps it has had; `scores`: Brier scores of held-out rows so far.
    - `decrease`: what the last step gained; `left`: the largest of what the last steps at strengths so far gained.
    """

    data: _Standardised
    strengths: Float[Array, " strengths"]
    coefficients: Float[Array, "fits boundaries columns"]
    path: Float[Array, "strengths boundaries columns"]
    scores: Float[Array, " strengths"]
    place: Int[Array, ""]
    round: Int[Array, ""]
    decrease: Float[Array, ""]
    left: Float[Array, ""]


class PRESTO(AbstractSolver[OrdinalProblem, PRESTOState]):
    r"""Rare classes by shrinking towards proportional odds, of Faletto and Bien (faletto2023, section 2).

    $$\min_{\alpha, \psi} -\frac1n \sum_i \log P(y_i \mid x_i) + \lambda \sum_{l = 1}^{K - 1} \|\psi_l\|_1, \qquad
      P(y \le k \mid x) = \sigma\Big(\alpha_k + x^\top \sum_{l \le k} \psi_l\Big),$$

    with inputs of variance one: differences of neighbouring boundaries are sparse, so the rare last boundary borrows
    from the common ones. The first difference, the coefficients themselves, is penalised as in the authors' code.

    The `strengths` are geometric from the least that sends all differences to zero down to `least` times it; each is solved by
    `rounds` proximal Newton steps from the one before, on all rows and without each of `folds` stratified folds. The answer
    is that of the largest strength with the least Brier score of held-out rows. The authors' coordinate descent (a
    modified ordinalNet) has the same minimisers.
    """

    scaling: ClassVar = Scaling()

    strengths: int = count(2, default=20)
    folds: int = count(2, default=5)
    rounds: int = count(1, default=3)
    least: Real = leaf(0.01, "share")

    def init(self, problem: OrdinalProblem, key) -> PRESTOState:
        """The shares of the classes, which solve the problem at the first strength."""
        data = _Standardised.of(problem)
        columns = data.inputs.shape[1]
        start = jax.vmap(lambda classes: _intercepts_only(classes, columns))(self._fits(problem)[0])
        gradient, *_ = derivatives(data.inputs @ jnp.cumsum(start[0], 0).T, problem.observations)
        correlations = jnp.cumsum((gradient.T @ data.inputs[:, 1:])[::-1], 0) / problem.count
        shares = jnp.linspace(0, 1, self.strengths, dtype=start.dtype)
        infinite, zero = jnp.full(self.strengths, jnp.inf, start.dtype), jnp.zeros((), jnp.int32)
        return PRESTOState(
            data=data,
            strengths=_ABOVE * jnp.max(jnp.abs(correlations)) * self.least**shares,
            coefficients=start,
            path=jnp.broadcast_to(start[0], (self.strengths, *start[0].shape)),
            scores=infinite,
            place=zero,
            round=zero,
            decrease=infinite[0],
            left=jnp.zeros_like(infinite[0]),
        )

    def step(self, problem: OrdinalProblem, state: PRESTOState) -> PRESTOState:
        """One proximal Newton step of all fits at the strength at work."""
        kept, held = self._fits(problem)
        strength = state.strengths[state.place]
        free = jnp.ones(state.path.shape[1:], bool)
        coefficients, decreases = jax.vmap(lambda each, start: _newton(state.data, each, start, strength, free))(
            kept, state.coefficients
        )

        def score(each, classes):
            logits = state.data.inputs @ jnp.cumsum(each, 0).T
            misses = jnp.sum((jnp.maximum(class_probabilities(logits), 0) - classes) ** 2, 1)
            return jnp.sum(jnp.where(jnp.sum(classes, 1) > 0, misses, 0))

        scores = jnp.sum(jax.vmap(score)(coefficients[1:], held)) / problem.count
        done, gained = state.round + 1 >= self.rounds, jnp.max(decreases)
        return PRESTOState(
            data=state.data,
            strengths=state.strengths,
            coefficients=coefficients,
            path=state.path.at[state.place].set(coefficients[0]),
            scores=state.scores.at[state.place].set(scores),
            place=jnp.where(done, state.place + 1, state.place),
            round=jnp.where(done, 0, state.round + 1),
            decrease=gained,
            left=jnp.where(done, jnp.maximum(state.left, gained), state.left),
        )

    def status(self, problem: OrdinalProblem, state: PRESTOState) -> Result:
        """Converged after the last strength."""
        result = Result.where(state.place >= self.strengths, Result.converged, Result.running)
        return Result.where(jnp.isnan(state.decrease), Result.diverged, result)

    def certificate(self, problem: OrdinalProblem, state: PRESTOState) -> Certificate:
        """What the last step of any fit gained, over what it may; further steps would not change it."""
        return Certificate(state.left / _GAIN, jnp.ones((), bool))

    def estimate(self, problem: OrdinalProblem, state: PRESTOState) -> OrdinalCoefficients:
        """The coefficients of the inputs as they were given, at the largest strength of least score."""
        return state.data.restored(state.path[jnp.argmin(state.scores)])

    def _fits(
        self, problem: OrdinalProblem
    ) -> tuple[Float[Array, "fits rows classes"], Float[Array, "folds rows classes"]]:
        """The rows that each fit keeps, the first one all, and those that the others hold out: every class in turn."""
        classes = problem.observations
        turn = jnp.sum(jnp.cumsum(classes, 0) * classes, 1) - 1
        fold = jnp.arange(self.folds, dtype=classes.dtype)
        held = jnp.where((turn[None, :] % self.folds == fold[:, None])[:, :, None], classes[None], 0)
        return jnp.concatenate([classes[None], classes[None] - held]), held
