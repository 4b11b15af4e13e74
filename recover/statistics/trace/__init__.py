r"""Where to place the next trials of a transition, and what the trials so far say: the statistics of a trace.

A pure state machine, apart from any model or solver, for many curves at once:

    state = begin(question)
    while (cells := ask(state)) has any cell:
        state = tell(state, cells, outcomes)
    state.estimate

`ask` names cells (positions on each curve's grid), the caller runs some fresh trials at each, `tell` takes the
outcomes in. It knows nothing of how outcomes are made, so its coverage is measured with synthetic curves by the
thousand.

**Placement.** The first round is spread over the whole grid, ends included, and refined around a guess if there
is one. Then every round spreads its points evenly over the part of the axis that matters: the gap between
successes and failures as long as they do not overlap, and $\pm 1.2$ logistic widths around the crossing once they
do, where a trial tells most about the crossing, and where a curve that is not logistic still looks like one.

**Estimate.** A logistic fit to the trials within two widths of the crossing. The interval is Fieller's, the set of
places $x$ at which the hypothesis $b_0 + b_1 x = \operatorname{logit}(\text{level})$ is not rejected,

$$(b_0 + b_1 x - \operatorname{logit}\text{level})^2 \le t^2\,(1, x)\, V\, (1, x)^{\!\top},$$

which stays honest when the slope is uncertain. It is taken for the model-based $V = I^{-1}$ and for the one clustered
by trial, $V = I^{-1}\big(\tfrac{T}{T-1}\sum_t U_t U_t^{\!\top}\big) I^{-1}$ with $U_t$ the score of trial $t$, and the
union of the two is reported: placement depends on the past only, so scores of successive trials remain martingale
differences and either variance remains valid, while cells of one trial may share a design.

**Stopping.** An interval that stops the moment it happens to be narrow stops on curves that happen to look steep. So
the state forecasts how many trials the wanted width takes, and does not look at the width before they are there.

Sources: E. C. Fieller, J. R. Statist. Soc. B 16 (1954) 175-185; T. L. Lai and C. Z. Wei, Annals of Statistics 10
(1982) 154-166, for regression with adaptive designs; S. D. Silvey, Optimal Design (1980), for local optimality.
"""

from .conclude import grid_instances as grid_instances
from .conclude import tell as tell
from .place import ask as ask
from .state import ENDINGS as ENDINGS
from .state import Estimate as Estimate
from .state import Question as Question
from .state import State as State
from .state import begin as begin
from .state import counts as counts

__all__ = ["ENDINGS", "Estimate", "Question", "State", "ask", "begin", "counts", "grid_instances", "tell"]
