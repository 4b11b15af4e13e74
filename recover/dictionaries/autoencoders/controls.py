"""What keeps codes sparse: penalties, and biases that are adapted instead of trained."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from ...core.fields import AbstractModule, Real, Whole, choice, integer, leaf
from ...core.numbers import ratio
from ...core.units import Units
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


class AbstractControl(AbstractModule):
    """A penalty added to the loss, an adaptation of weights after every optimiser step, or both, with a state."""

    def in_units(self, units: Units, weights: Float[Array, "..."]) -> "AbstractControl | None":
        """The control for rows that were divided by a unit; `None`, as here, where that is not known."""
        return None

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

    def in_units(self, units, weights):
        """Itself."""
        return self


class Together(AbstractControl):
    """Several controls: penalties add up, adaptations follow each other."""

    controls: tuple[AbstractControl, ...]

    def in_units(self, units, weights):
        """All of them, if each is known."""
        controls = tuple(control.in_units(units, weights) for control in self.controls)
        return None if None in controls else Together(controls)

    def begin(self, weights, present, projections):
        """Each begins with the weights that the one before leaves."""
        states = []
        for control in self.controls:
            weights, state = control.begin(weights, present, projections)
            states.append(state)
        return weights, tuple(states)

    def penalty(self, state, weights, forward, step):
        """The sum of all penalties."""
        terms = [each.penalty(own, weights, forward, step) for each, own in zip(self.controls, state, strict=True)]
        return sum(terms, start=jnp.zeros((), forward.inputs.dtype))

    def adapt(self, state, weights, forward, step):
        """Each adapts the weights that the one before leaves."""
        states = []
        for control, own in zip(self.controls, state, strict=True):
            weights, new = control.adapt(own, weights, forward, step)
            states.append(new)
        return weights, tuple(states)


class L1Penalty(AbstractControl):
    r"""$\lambda$ times the mean over rows of $\sum_m |f_m| \|w_m\|$."""

    weight: Real = leaf(rule="nonnegative")

    def in_units(self, units, weights):
        """The weight is as long as the rows."""
        return eqx.tree_at(lambda control: control.weight, self, units.times(self.weight, 0, -1))

    def penalty(self, state, weights, forward, step):
        """The penalty of a batch."""
        total = jnp.sum(jnp.abs(forward.codes), axis=1)
        return self.weight * jnp.mean(total)


class CountPenalty(AbstractControl):
    r"""$\lambda(t)$ times the mean number of active neurons, for activations with trained thresholds (`Threshold`).

    $$\lambda(t) \frac1B \sum_l \sum_m 1[p_{lm} > \tau_m],$$

    whose derivative with respect to $\tau$ is that of a step smoothed over `bandwidth`; $\lambda$ rises linearly from zero
    over the first `ramp` steps.
    """

    weight: Real = leaf(rule="nonnegative")
    bandwidth: Real = leaf(0.05, "positive")
    ramp: Whole = leaf(0, "count")

    def in_units(self, units, weights):
        """The weight is as the squares of the rows, the bandwidth as long as they are."""
        changed = units.times(self.weight, 0, -2), units.times(self.bandwidth, 0, -1)
        return eqx.tree_at(lambda control: (control.weight, control.bandwidth), self, changed)

    def penalty(self, state, weights, forward, step):
        """The penalty of a batch."""
        positive = jax.nn.relu(forward.preactivations.biased)
        dtype = positive.dtype
        thresholds = jnp.broadcast_to(jnp.exp(weights.log_thresholds)[None, :], positive.shape)
        counts = jnp.sum(smooth_step(positive, thresholds, self.bandwidth), axis=1)
        share = jnp.minimum(ratio(step.astype(dtype), self.ramp.astype(dtype), 1), 1)
        return self.weight * share * jnp.mean(counts)


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

    Source: Chen, Sheen, Xiong, Wang and Yang, arXiv:2506.14002 (chen2025, Algorithm 1), with minimum and maximum where they keep biases in
    $[-1, 0]$; where training starts is chosen here.

    **Arguments:**

    - `groups`, `highest`, `lowest`: the number of groups and their extreme targets, frequencies in (0, 1).
    - `period`: steps between adaptations.
    - `lowering`, `raising`: the rates $\gamma_-$ and $\gamma_+$.
    - `silent`: the frequency $\epsilon$ below which a neuron counts as silent.
    - `start`: `"zero"` or `"quantile"`.

    **Raises:** `ValueError` for an impossible number or an unknown start.
    """

    groups: Int[Array, ""] = integer(1, default=10)
    highest: Real = leaf(0.5, "probability")
    lowest: Real = leaf(1e-3, "probability")
    period: Int[Array, ""] = integer(1, default=50)
    lowering: Real = leaf(0.01, "nonnegative")
    raising: Real = leaf(0.01, "nonnegative")
    silent: Real = leaf(1e-6, "nonnegative")
    start: str = choice("zero", "quantile")

    def in_units(self, units, weights):
        """Itself: its limits are for rows of ordinary length."""
        return self

    def targets(self, present: Bool[Array, " width"]) -> Float[Array, " width"]:
        """The target frequency of every neuron."""
        return geometric_targets(present, self.groups, self.highest, self.lowest)

    def begin(self, weights, present, projections):
        """Biases at their start, and an empty record."""
        width, dtype = present.shape[0], projections.dtype
        if self.start == "quantile":
            biases = jnp.clip(-upper_quantile(projections, self.targets(present)), -1, 0)
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
        bias = weights.bias
        bias = jnp.where(frequency > self.targets(present), jnp.maximum(bias - self.lowering * largest, -1), bias)
        bias = jnp.where(frequency < self.silent, jnp.minimum(bias + self.raising * mean, 0), bias)
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
        ends = tuple(-((-(group + more) * width) // self.groups) for more in (0, 1))

        def within(terms):
            sums = jnp.concatenate([jnp.zeros(1, terms.dtype), jnp.cumsum(terms)])
            return sums[ends[1]] - sums[ends[0]]

        return within(values) / jnp.maximum(within(counted), 1)


def group_of(present: Bool[Array, " width"], groups: Int[Array, ""]) -> Int[Array, " width"]:
    """The group of every neuron, from zero: neurons split evenly, in order."""
    width = jnp.maximum(jnp.sum(present, dtype=jnp.int32), 1)
    places = jnp.arange(present.shape[0], dtype=jnp.int32)
    return jnp.minimum(places * groups // width, groups - 1)


def geometric_targets(
    present: Bool[Array, " width"],
    groups: Int[Array, ""],
    highest: Float[Array, ""],
    lowest: Float[Array, ""],
) -> Float[Array, " width"]:
    """Frequencies in geometric progression over the groups, one per neuron."""
    share = group_of(present, groups).astype(highest.dtype) / jnp.maximum(groups - 1, 1).astype(highest.dtype)
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
