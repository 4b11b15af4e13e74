"""Step rules of sub-gradient methods, as configurations say them."""

from collections.abc import Iterable
from typing import Literal, get_args

import numpy as np

from recover import solvers, steps

from .fields import Nonnegative, Positive, Section, Share

Rule = Literal["schedule", "loss", "median", "polyak"]
# Figures in double precision are small and differ in their rules: with all of these to choose from they share programs.
RULES = get_args(Rule)


class Step(Section):
    """A step rule: `schedule` (initial, ratio, rate, power), or `loss`, `median`, `polyak` (initial as the factor)."""

    rule: Rule = "schedule"
    initial: Positive = 0.3
    ratio: Share = 1.0
    rate: Nonnegative = 0.0
    power: Nonnegative = 1.0

    def build(self, among: Iterable[Rule] = ()) -> steps.AbstractStep:
        """The rule as an object; if kinds are given, as one that is chosen among these."""
        rules = {
            "schedule": steps.ScheduledStep(self.initial, self.ratio, self.rate, self.power),
            "loss": steps.LossStep(self.initial),
            "median": steps.MedianStep(self.initial),
            "polyak": steps.PolyakStep(),
        }
        kinds = [kind for kind in rules if kind in among]
        return (
            steps.ChosenStep(kinds.index(self.rule), tuple(rules[kind] for kind in kinds))
            if kinds
            else rules[self.rule]
        )

    def total(self, max_steps: int) -> float:
        """Sum of the first steps of a schedule."""
        t = np.arange(max_steps)
        return float(np.sum(self.initial * self.ratio**t / (1 + self.rate * t) ** self.power))


def subgradient_method(
    search_rank: int, initial_scale: float, step: Step, among: Iterable[Rule] = ()
) -> solvers.SubgradientMethod:
    """A run of a fixed number of steps, by a rule that is chosen among kinds, if any are given."""
    return solvers.SubgradientMethod(search_rank, initial_scale, step.build(among), tolerance=-1.0, patience=0)
