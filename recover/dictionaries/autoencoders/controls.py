"""What keeps codes sparse: penalties, and biases that are adapted instead of trained."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from ...core.checks import require_integer, require_number
from ...core.leaves import as_leaf, as_real_leaf, leaf
from .activations import step as smooth_step
from .autoencoder import Forward, Weights

__all__ = [
    "AbstractControl",
    "BiasAdaptation",
    "CountPenalty",
    "GroupBiasAdaptation",
    "L1Penalty",
    "NoControl",
    "Together",
]


class AbstractControl(eqx.Module):
    """A penalty added to the loss, an adaptation of weights after every optimiser step, or both, with a state."""

    def begin(
        self, weights: Weights, present: Bool[Array, " width"], projections: Float[Array, "batch width"]
    ) -> tuple[Weights, PyTree]:
        """Weights and state before the first step, given the projections of a first batch."""
        return weights, None

    def penalty(self, state: PyTree, weights: Weights, forward: Forward, step: Int[Array, ""]) -> Float[Array, ""]:
        """What is added to the loss; it is differentiated with respect to `weights`."""
        return jnp.zeros((), forward.inputs.dtype)

    def adapt(self, state: PyTree, weights: Weights, forward: Forward, step: Int[Array, ""]) -> tuple[Weights, PyTree]:
        """Weights and state after optimiser step number `step` (from one); `forward` is the pass before the step."""
        return weights, state


class NoControl(AbstractControl):
    """Nothing: for activations that fix the number of active neurons."""


class Together(AbstractControl):
    """Several controls: penalties add up, adaptations follow each other."""

    controls: tuple[AbstractControl, ...]

    def begin(self, weights, present, projections):
        """One after the other."""
        states = []
        for control in self.controls:
            weights, state = control.begin(weights, present, projections)
            states.append(state)
        return weights, tuple(states)

    def penalty(self, state, weights, forward, step):
        """The sum."""
        terms = [each.penalty(own, weights, forward, step) for each, own in zip(self.controls, state, strict=True)]
        return sum(terms, start=jnp.zeros((), forward.inputs.dtype))

    def adapt(self, state, weights, forward, step):
        """One after the other."""
        states = []
        for control, own in zip(self.controls, state, strict=True):
            weights, new = control.adapt(own, weights, forward, step)
            states.append(new)
        return weights, tuple(states)


class L1Penalty(AbstractControl):
    r"""$\lambda$ times the mean over rows of $\sum_m |f_m| \|w_m\|$."""

    weight: Float[Array, ""] = eqx.field(converter=as_real_leaf)

    def __check_init__(self):
        require_number("L1Penalty", "weight", self.weight, "a number of at least 0", lambda v: v >= 0)

    def penalty(self, state, weights, forward, step):
        """The penalty of a batch."""
        total = jnp.sum(jnp.abs(forward.codes), axis=1)
        return jnp.asarray(self.weight, total.dtype) * jnp.mean(total)


class CountPenalty(AbstractControl):
    r"""$\lambda(t)$ times the mean number of active neurons, for activations with trained thresholds (`Threshold`).

    $$\lambda(t) \frac1B \sum_l \sum_m 1[p_{lm} > \tau_m],$$

    whose derivative with respect to $\tau$ is that of a step smoothed over `bandwidth`; $\lambda$ rises linearly from zero
    over the first `ramp` steps.
    """

    weight: Float[Array, ""] = eqx.field(converter=as_real_leaf)
    bandwidth: Float[Array, ""] = leaf(default=0.05)
    ramp: Int[Array, ""] = leaf(default=0)

    def __check_init__(self):
        require_number("CountPenalty", "weight", self.weight, "a number of at least 0", lambda v: v >= 0)
        require_number("CountPenalty", "bandwidth", self.bandwidth, "a positive number", lambda v: v > 0)
        require_integer("CountPenalty", "ramp", self.ramp, 0)

    def penalty(self, state, weights, forward, step):
        """The penalty of a batch."""
        positive = jax.nn.relu(forward.preactivations.biased)
        dtype = positive.dtype
        thresholds = jnp.broadcast_to(jnp.exp(weights.log_thresholds)[None, :], positive.shape)
        counts = jnp.sum(smooth_step(positive, thresholds, jnp.asarray(self.bandwidth, dtype)), axis=1)
        ramp = jnp.asarray(self.ramp).astype(dtype)
        share = jnp.minimum(jnp.asarray(step).astype(dtype) / jnp.maximum(ramp, 1), 1)
        share = jnp.where(ramp > 0, share, 1)
        return jnp.asarray(self.weight, dtype) * share * jnp.mean(counts)


class FrequencyRecord(eqx.Module):
    """What was seen of every neuron since the last adaptation."""

    present: Bool[Array, " width"]
    counts: Float[Array, " width"]
    largest: Float[Array, " width"]
    rows: Float[Array, ""]


class GroupBiasAdaptation(AbstractControl):
    r"""Biases follow the frequencies of neurons: every group of neurons has a target frequency of its own.

    Neurons are split evenly into `groups` $K$ with targets in geometric progression from `highest` to `lowest`. After every
    `period` steps, with $\hat p_m$ the share of rows seen since the last time with $y_m = z_m + b_m > 0$,
    $r_m = \max(0, \max y_m)$ and $T_k$ the mean of the positive $r_m$ of group $k$,

    $$b_m \leftarrow \max(b_m - \gamma_- r_m, -1) \text{ if } \hat p_m > p_{k(m)}, \qquad
      b_m \leftarrow \min(b_m + \gamma_+ T_{k(m)}, 0) \text{ if } \hat p_m < \epsilon.$$

    A neuron in between is left alone, so targets are upper limits. `start="zero"` starts with zero biases, `"quantile"` where each
    neuron's frequency on the first batch is its target. All numbers are traced. The adaptation is meant for detectors of unit
    norm, inputs of norm one or so, and `JumpReLU`.

    Source: Chen, Sheen, Xiong, Wang and Yang, arXiv:2506.14002, Algorithm 1, with minimum and maximum where they keep biases in
    $[-1, 0]$; where training starts is chosen here.
    """

    groups: Int[Array, ""]
    highest: Float[Array, ""]
    lowest: Float[Array, ""]
    period: Int[Array, ""]
    lowering: Float[Array, ""]
    raising: Float[Array, ""]
    silent: Float[Array, ""]
    start: str = eqx.field(static=True)

    def __init__(
        self,
        groups=10,
        highest=0.5,
        lowest=1e-3,
        period=50,
        lowering=0.01,
        raising=0.01,
        silent=1e-6,
        start: str = "zero",
    ):
        """**Arguments:** the number of groups, their extreme targets, the period, both rates, the frequency of silence, the start.

        **Raises:** `ValueError` for an impossible number.
        """
        name = "GroupBiasAdaptation"
        require_integer(name, "groups", groups, 1)
        require_integer(name, "period", period, 1)
        for field, value in (("highest", highest), ("lowest", lowest)):
            require_number(name, field, value, "a frequency in (0, 1)", lambda v: (v > 0) & (v < 1))
        for field, value in (("lowering", lowering), ("raising", raising), ("silent", silent)):
            require_number(name, field, value, "a number of at least 0", lambda v: v >= 0)
        if start not in ("zero", "quantile"):
            raise ValueError(f"{name}: `start` is {start!r}; allowed: zero, quantile.")
        self.groups, self.period = as_leaf(groups), as_leaf(period)
        self.highest, self.lowest = as_real_leaf(highest), as_real_leaf(lowest)
        self.lowering, self.raising, self.silent = as_real_leaf(lowering), as_real_leaf(raising), as_real_leaf(silent)
        self.start = start

    def targets(self, present: Bool[Array, " width"]) -> Float[Array, " width"]:
        """The target frequency of every neuron."""
        return geometric_targets(present, self.groups, self.highest, self.lowest)

    def begin(self, weights, present, projections):
        """Biases at their start, and an empty record."""
        width, dtype = present.shape[0], projections.dtype
        if self.start == "quantile":
            biases = jnp.clip(-upper_quantile(projections, self.targets(present).astype(dtype)), -1, 0)
            weights = eqx.tree_at(lambda tree: tree.bias, weights, jnp.where(present, biases, 0))
        nothing = jnp.zeros(width, dtype)
        return weights, FrequencyRecord(present, nothing, nothing, jnp.zeros((), dtype))

    def adapt(self, state, weights, forward, step):
        """Counts, and at the end of a period moves the biases."""
        biased = jax.lax.stop_gradient(forward.preactivations.biased)
        dtype = biased.dtype
        counts = state.counts + jnp.sum((biased > 0).astype(dtype), axis=0)
        largest = jnp.maximum(state.largest, jnp.max(biased, axis=0))
        rows = state.rows + jnp.asarray(biased.shape[0], dtype)
        frequency = counts / rows
        present = state.present
        group = group_of(present, self.groups)
        speaking = present & (largest > 0)
        mean = self._group_mean(jnp.where(speaking, largest, 0), speaking.astype(dtype), group, present)
        lowering, raising, silent = (jnp.asarray(value, dtype) for value in (self.lowering, self.raising, self.silent))
        bias = weights.bias
        bias = jnp.where(
            frequency > self.targets(present).astype(dtype), jnp.maximum(bias - lowering * largest, -1), bias
        )
        bias = jnp.where(frequency < silent, jnp.minimum(bias + raising * mean, 0), bias)
        due = (step % self.period == 0) & present
        weights = eqx.tree_at(lambda tree: tree.bias, weights, jnp.where(due, bias, weights.bias))
        cleared = step % self.period == 0
        nothing = jnp.zeros_like(counts)
        return weights, FrequencyRecord(
            present,
            jnp.where(cleared, nothing, counts),
            jnp.where(cleared, nothing, largest),
            jnp.where(cleared, 0, rows),
        )

    def _group_mean(self, values, counted, group, present):
        """The mean over the counted neurons of a neuron's own group; groups are contiguous, so sums are differences."""
        width = jnp.sum(present, dtype=jnp.int32)
        # Group k holds neurons ceil(k width / K) to ceil((k + 1) width / K).
        ends = tuple(-((-(group + more) * width) // jnp.asarray(self.groups)) for more in (0, 1))

        def within(terms):
            sums = jnp.concatenate([jnp.zeros(1, terms.dtype), jnp.cumsum(terms)])
            return sums[ends[1]] - sums[ends[0]]

        return within(values) / jnp.maximum(within(counted), 1)


def group_of(present: Bool[Array, " width"], groups: Int[Array | np.ndarray, ""]) -> Int[Array, " width"]:
    """The group of every neuron, from zero: neurons split evenly, in order."""
    width = jnp.maximum(jnp.sum(present, dtype=jnp.int32), 1)
    places = jnp.arange(present.shape[0], dtype=jnp.int32)
    return jnp.minimum(places * jnp.asarray(groups) // width, jnp.asarray(groups) - 1)


def geometric_targets(
    present: Bool[Array, " width"],
    groups: Int[Array | np.ndarray, ""],
    highest: Float[Array | np.ndarray, ""],
    lowest: Float[Array | np.ndarray, ""],
) -> Float[Array, " width"]:
    """Frequencies in geometric progression over the groups, one per neuron."""
    dtype = jnp.zeros(()).dtype
    share = group_of(present, groups).astype(dtype) / jnp.maximum(jnp.asarray(groups) - 1, 1).astype(dtype)
    highest, lowest = jnp.asarray(highest, dtype), jnp.asarray(lowest, dtype)
    return highest * (lowest / highest) ** share


def BiasAdaptation(frequency, **options) -> GroupBiasAdaptation:  # noqa: N802
    """Bias adaptation with one target frequency for all neurons: `GroupBiasAdaptation` with one group."""
    return GroupBiasAdaptation(1, frequency, frequency, **options)


# Bisections of the range of a column: more than a float32 of its largest entry can tell apart near the quantile.
_BISECTIONS = 16


def upper_quantile(
    values: Float[Array, "rows columns"], share: Float[Array, " columns"], bisections: int = _BISECTIONS
) -> Float[Array, " columns"]:
    r"""For every column the level that a share of its rows exceeds, to $2^{-16}$ of the distance between extremes.

    By bisection on the count, which needs neither a sort nor a static share.
    """
    rows = jnp.asarray(values.shape[0], values.dtype)
    wanted = share * rows

    def halve(_, ends):
        low, high = ends
        middle = (low + high) / 2
        more = jnp.sum((values > middle[None, :]).astype(values.dtype), axis=0) > wanted
        return jnp.where(more, middle, low), jnp.where(more, high, middle)

    ends = jnp.min(values, axis=0), jnp.max(values, axis=0)
    return jax.lax.fori_loop(0, bisections, halve, ends)[1]
