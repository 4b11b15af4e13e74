"""Active multi-task representation learning via the LASSO."""

import numpy as np

from . import style
from .claims import claim
from .registry import figure
from .rows import select

LABELS = {
    "budget": "samples bought $N$",
    "tasks": "sources $M$",
    "explored": "samples of exploration per source",
    "sources": "sources bought of, at most",
    "representation": "risk in the representation",
    "error": "excess risk of the target",
    "blend": "corruption $s$",
}
NAMES = {
    "passive": "passive",
    "l2": r"L2, $n \propto \nu^2$",
    "l2_abs": r"L2, $n \propto |\nu|$",
    "l1": "L1",
    "single": "best source alone",
    "target": "target alone",
}
LOOKS = style.look(NAMES)
RULES = ["passive", "l2", "l2_abs", "l1"]
REFERENCE = "reference, 8 instances"
PREDICTION = "theory, representation_risk"
PURSUIT = "theory, supports of basis pursuit"
FAMILIES = "Largest quotient of families."


def pivot(table, column, *index):
    """A column by solver."""
    return table.pivot(index=list(index), columns="solver", values=column)


def exponents(table):
    """Slopes in logarithms of rows over what the columns are called by."""
    return np.polyfit(np.log(table.columns.to_numpy(float)), np.log(table.to_numpy().T), 1)[0]


def farthest(quotients):
    """The quotient that is farthest from one."""
    return quotients.loc[np.abs(np.log(quotients)).idxmax()]


def factor(pairs):
    """The largest factor by which a number differs from its reference."""
    return max((max(found / wanted, wanted / found) for found, wanted in pairs), default=np.nan)


def risks_per_family(sheet, axis, rules, predicted=()):
    """One panel per family: risks of the rules against an axis, with predictions as thin dashed lines."""
    families = list(sheet.numbers["family"])
    panels = sheet.panels(columns=len(families), aspect=0.8, sharey=True)[0]
    options = {"by": "solver", "names": NAMES, "looks": LOOKS, "legend": False, "xlog": True, "ylog": True}
    for panel, family in zip(panels, families, strict=True):
        rows = select(sheet["risks"], family=family)
        rows = rows[rows["solver"].isin(rules)]
        panel.points(rows, axis, "representation", **options)
        for rule in predicted:
            line = select(rows, solver=rule).sort_values(axis)
            panel.line(line[axis], line["predicted"], color=LOOKS[rule]["color"], linestyle="--")
        panel.ticks(x=sheet.numbers[axis])
        panel.set(title=family, ylabel=LABELS["representation"] if panel is panels[0] else "")
    sheet.legend_above(panels[0], len(rules))


SUM = (
    "The bound takes the rule's own relevance. What enters the risk is the least sum of ν²/n among all relevances with the target's head, "
    "which for samples bought by L2 is far smaller: the first-order prediction, which knows that, agrees."
)
FIRST = "Sources that are hardly bought of still have their heads fitted to a few samples; what these say of the basis is not of first order."


@figure("known_relevance", alt="Risk falls like one over the budget; L1 is lowest, passive sampling highest.")
def known_relevance(sheet):
    risks_per_family(sheet, "budget", [*RULES, "single"], RULES)
    reference, budgets = sheet.reference, sheet.numbers["budget"]

    @sheet.claims
    def _(tables):
        risks, predicted, factors, errors = (
            pivot(tables["risks"], column, "family", "budget")
            for column in ("representation", "predicted", "factor", "error")
        )
        last = risks.xs(budgets[-1], level="budget")
        factors, errors, first_order = (each.xs(budgets[-1], level="budget") for each in (factors, errors, predicted))
        sentence = "The factor of the bound of L1 is at most that of L2, on every instance."
        note = "Largest quotient of an instance; L2 with n in proportion to |ν|, which is the smaller one."
        yield claim(sentence, "paper, abstract", tables["order"]["largest"].max(), note=note).at_most(1.001)
        for name in ("l2", "l2_abs", "passive"):
            sentence = f"L1 has a smaller risk than {NAMES[name]}, at every budget."
            note = "Largest quotient of mean risks, over families and budgets."
            source = "ours" if name == "l2_abs" else "paper, abstract"
            yield claim(sentence, source, (risks["l1"] / risks[name]).max(), note=note).at_most(1)
        gains = risks["passive"] / risks["l1"]
        sentence = "Passive sampling has two to four times the risk of L1."
        yield claim(sentence, REFERENCE, gains.min(), note="Least quotient of means.").at_least(2)
        sentence = "It has no more than that."
        yield claim(sentence, REFERENCE, gains.max(), note="Largest quotient of means.").at_most(4.1)
        for name in RULES:
            slopes = exponents(risks[name].unstack("budget"))
            sentence = f"{NAMES[name]}: the risk falls like one over the budget."
            note = "Exponent that is farthest from -1, of both families."
            worst = slopes[np.abs(slopes + 1).argmax()]
            yield claim(sentence, "theory, the bound", worst, note=note).within(0.2, -1)
        note = "Measured over predicted at the largest budget, the family farthest from one."
        for name in ("l2", "l2_abs", "passive"):
            worst = farthest((last[name] / last["l1"]) / (factors[name] / factors["l1"]))
            sentence = f"{NAMES[name]}: the risk over that of L1 is the quotient of the factors of the bounds."
            yield claim(sentence, REFERENCE, worst, note=note, reason=SUM).between(0.7, 1.4)
        for name in RULES:
            worst = farthest(last[name] / first_order[name])
            sentence = f"{NAMES[name]}: the first-order prediction has the risk, without a free constant."
            yield claim(sentence, PREDICTION, worst, note=note, reason=FIRST).between(0.85, 1.15)
        apart = factor(
            (risks.loc[(family, budget), name], reference[family][name][place])
            for name in RULES
            for family in last.index
            for place, budget in enumerate(reference["budget"])
            if budget in budgets
        )
        yield claim("Risks are those of the reference.", REFERENCE, apart, note="Largest factor.").at_most(1.5)
        sentence = "Where the target is a sum of sources, the best source alone is worse than L1."
        single = (last["single"] / last["l1"])["generic"]
        yield claim(sentence, "ours", single, note="Quotient at the largest budget.").at_least(2)
        sentence = "With the target's few samples alone the risk is larger."
        worst = (errors["target"] / errors["l1"]).min()
        note = "Least quotient of excess risks, the target's head estimated, at the largest budget."
        yield claim(sentence, "ours", worst, note=note).at_least(2)


FLAT = (
    "More sources of the same few directions change nothing for passive sampling: its risk is about K/N in these units, whatever their "
    "number, and that of L1 one over N. The gain is K, the number of directions, and falls where explorations eat the budget."
)


@figure(
    "task_count",
    alt="The gain of L1 over passive sampling grows with the number of sources only if most are irrelevant.",
)
def task_count(sheet):
    risks_per_family(sheet, "tasks", RULES, RULES)

    @sheet.claims
    def _(tables):
        gains, wanted = (
            (each["passive"] / each["l1"]).unstack("tasks")
            for each in (
                pivot(tables["risks"], column, "family", "tasks") for column in ("representation", "predicted")
            )
        )
        sources = {
            "redundant": ("With more and more redundant sources", "reference, proposed figure"),
            "aligned": ("With more and more irrelevant sources", "theory, the bound"),
        }
        for family, (words, source) in sources.items():
            sentence = f"{words} the gain of L1 over passive sampling grows."
            note = "Exponent of the gain in the number of sources."
            (slope,) = exponents(gains.loc[[family]])
            yield claim(sentence, source, slope, note=note, reason=FLAT).at_least(0.5)
        sentence = "The gain is the predicted one."
        worst = farthest((gains / wanted).stack())
        note = "Measured over predicted, farthest from one over families and numbers of sources."
        yield claim(sentence, PREDICTION, worst, note=note, reason=FIRST).between(0.75, 1.33)


LATER = (
    "How much is too little depends on the fit. With ours the change is sharp and lies between half a sample and one a dimension, where the mean "
    "is that of a few instances on which wrong sources were bought; the reference's fit needed more. A fit of one step instead of a "
    "hundred has the reference's risk in the generic family (0.056), and not in the redundant one (0.009)."
)
ALIKE = (
    "In the generic family L1 is the better one (0.0052 against 0.0066). Sources that nearly repeat one another are as good as each other: "
    "L2 spreads over them at no loss, while L1 takes the one whose head is overestimated most."
)


@figure("unknown_relevance", alt="With little exploration L1 buys wrong sources; with enough it has the smallest risk.")
def unknown_relevance(sheet):
    reference, rules = sheet.reference, ["passive", "l2", "l1"]
    noises, explorations, budgets = (sheet.numbers[name] for name in ("noise", "explored", "budget"))
    families = list(sheet.numbers["family"])
    panels = sheet.panels(rows=2, columns=len(explorations), aspect=0.9, sharex=True, sharey=True)
    for place, (line, family) in enumerate(zip(panels, families, strict=True)):
        for panel, explored in zip(line, explorations, strict=True):
            for noise in noises:
                rows = select(sheet["risks"], family=family, explored=explored, noise=noise)
                # The legend names each rule once.
                names = NAMES if noise == noises[0] else {name: f"_{name}" for name in NAMES}
                options = {"by": "solver", "names": names, "looks": LOOKS, "legend": False}
                panel.points(rows, "budget", "representation", xlog=True, ylog=True, **options)
            panel.ticks(x=budgets)
            panel.set(
                xlim=(0.8 * budgets[0], 1.25 * budgets[-1]),
                title=f"{family}, {explored} explored",
                xlabel=LABELS["budget"] if place else "",
                ylabel=LABELS["representation"] if panel is line[0] else "",
            )
    sheet.legend_above(panels[0, 0], len(rules))

    @sheet.claims
    def _(tables):
        risks = pivot(tables["risks"], "representation", "noise", "explored", "family", "budget")
        loud, last = risks.loc[max(noises)], risks.xs(budgets[-1], level="budget")
        # The second is one sample a dimension, as in the reference.
        least, few, enough = (last.loc[(max(noises), explored)] for explored in explorations)
        quiet = last.loc[(min(noises), explorations[1])]
        for sentence, quotients, reason in (
            ("After enough exploration L1 has a smaller risk than L2.", enough["l1"] / enough["l2"], ALIKE),
            ("After it L2 has a smaller risk than passive sampling.", enough["l2"] / enough["passive"], None),
            (
                "At little noise little of it is enough: L1 beats passive sampling.",
                quiet["l1"] / quiet["passive"],
                None,
            ),
        ):
            yield claim(sentence, REFERENCE, quotients.max(), note=FAMILIES, reason=reason).at_most(1)
        sentence = "With too little exploration L1 is several times worse than passive sampling."
        note = "Least quotient of families, one sample a dimension."
        worst = (few["l1"] / few["passive"]).min()
        yield claim(sentence, REFERENCE, worst, note=note, reason=LATER).at_least(3)
        sentence = "With half of that exploration it is."
        note = "Least quotient of families. Added, with the same criterion, after the claim before had failed."
        yield claim(sentence, "ours", (least["l1"] / least["passive"]).min(), note=note).at_least(3)
        slopes = exponents(loud.loc[explorations[1], "l1"].unstack("budget"))
        sentence = "With too little exploration more samples hardly help L1."
        note = "Exponent of the budget, the most negative of families; the reference went from 0.10 to 0.06 with fewer target samples."
        yield claim(sentence, REFERENCE, slopes.min(), note=note, reason=LATER).at_least(-0.5)
        for words, explored in zip(("few", "enough"), explorations[1:], strict=True):
            apart = factor(
                (last.loc[(noise, explored, family), rule], number)
                for family in families
                for noise, row in zip(reference["noise"], reference[words][family], strict=True)
                for rule, number in zip(rules, row, strict=True)
                if noise in noises and budgets[-1] == reference["budget"]
            )
            sentence = f"Risks are those of the reference, with {words} samples of exploration."
            yield claim(sentence, REFERENCE, apart, note="Largest factor.", reason=LATER).at_most(1.6)


MANY = (
    "Many sums of sources are nearly as short, of generic heads, and many sources nearly the same, of redundant ones: noise of heads "
    "decides among them, at no loss of risk. The least sum is found only once heads are known far better than needed."
)


@figure("support", alt="With more exploration more of the relevant sources are found, and fewer wrong ones.")
def support(sheet):
    found = sheet["found"]
    columns = {"power": "relevant ones found", "false_share": "wrong ones among those found"}
    for panel, column in zip(sheet.panels(columns=2, aspect=0.8, sharey=True)[0], columns, strict=True):
        panel.points(found, "explored", column, by="family", xlog=True, legend=column == "power")
        panel.set(title=columns[column], ylabel="share" if column == "power" else "", ylim=(-0.03, 1.03))
        panel.ticks(x=sheet.numbers["explored"])

    @sheet.claims
    def _(tables):
        found = tables["found"].set_index(["family", "explored"])
        enough = max(each for each in sheet.numbers["explored"] if each <= 3 * sheet.numbers["dimension"])
        for family in sheet.numbers["family"]:
            there = found.loc[family]
            sentence = f"{family}: after an exploration of three samples a dimension the relevant sources are found."
            note = "Mean share."
            yield claim(sentence, "ours", there.loc[enough, "power"], note=note, reason=MANY).at_least(0.8)
            sentence = f"{family}: after it at most half of the sources found are wrong."
            yield claim(sentence, "ours", there.loc[enough, "false_share"], note=note, reason=MANY).at_most(0.5)
            sentence = f"{family}: more exploration finds more of them."
            ends = there["power"].iloc[[0, -1]].rename(str).to_dict()
            yield claim(sentence, "ours", ends).increasing()


@figure("few_sources", alt="With few sources to buy of L1 has nearly the risk that it has with all.")
def few_sources(sheet):
    risks_per_family(sheet, "sources", ["l2", "l2_abs", "l1"])
    rank, sources = sheet.numbers["rank"], sheet.numbers["sources"]

    @sheet.claims
    def _(tables):
        risks = pivot(tables["risks"], "representation", "family", "sources")
        chosen = pivot(tables["risks"], "chosen", "family", "sources")
        few = risks.xs(rank, level="sources")
        sentence = "With as many sources as the rank L1 has the risk that it has with all."
        worst = (few["l1"] / risks.xs(sources[-1], level="sources")["l1"]).max()
        yield claim(sentence, PURSUIT, worst, note=FAMILIES).at_most(1.1)
        for name in ("l2", "l2_abs"):
            sentence = f"With as many sources as the rank L1 has a smaller risk than {NAMES[name]}."
            worst = (few["l1"] / few[name]).max()
            yield claim(sentence, "paper, abstract", worst, note=FAMILIES).at_most(1)
        sentence = "Left alone L1 buys of few sources."
        most = chosen["l1"].xs(sources[-1], level="sources").max()
        yield claim(sentence, PURSUIT, most, note="Mean number, largest family.").at_most(rank + 1)


BIASED = (
    "The best linear predictions under different corruptions have only nearly a subspace in common, while the theory assumes one. Both rules buy "
    "mostly of the target's class; L2 spreads over more corruptions of it, whose deviations average out, L1 buys of a few sources. The "
    "less corruption, the more alike they are. At the strongest, learning from sources is no better than the target alone."
)


@figure(
    "corrupted",
    alt="On a stand-in for corrupted digits L1 and L2 differ little and beat passive sampling, unless corruptions are strong.",
)
def corrupted(sheet):
    left, right = sheet.panels(columns=2, aspect=0.8)[0]
    options = {"by": "solver", "names": NAMES, "looks": LOOKS, "legend": False, "xlog": True}
    left.points(sheet["risks"], "blend", "error", ylog=True, **options)
    right.points(sheet["wins"], "blend", "share", **options)
    right.mark(y=0.5)
    for panel in (left, right):
        panel.ticks(x=sheet.numbers["blend"])
    right.set(ylabel="targets on which L1 is better", ylim=(0, 1.03))
    sheet.legend_above(left, len(NAMES))

    @sheet.claims
    def _(tables):
        wins = pivot(tables["wins"], "share", "blend")
        errors = pivot(tables["risks"], "error", "blend")
        source, note = "paper, abstract; here on a stand-in", "Share of targets, over all corruptions."
        for name in ("l2", "passive"):
            sentence = f"L1 is better than {NAMES[name]} on a clear majority of targets."
            yield claim(sentence, source, wins[name].mean(), note=note, reason=BIASED).at_least(0.6)
            sentence = f"L1 is better than {NAMES[name]} on average."
            worst = (errors["l1"] / errors[name]).mean()
            yield claim(sentence, source, worst, note="Mean quotient over corruptions.", reason=BIASED).at_most(1)
        sentence = "All rules are better than the target alone."
        rules = errors[RULES].max(axis=1) / errors["target"]
        yield claim(sentence, "ours", rules.max(), note="Largest quotient of means.", reason=BIASED).at_most(1)
