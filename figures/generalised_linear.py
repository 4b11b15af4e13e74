"""The canon of generalised linear models."""

from . import style
from .claims import claim
from .registry import figure
from .rows import select

LABELS = {
    "ratio": "observations for every unknown $m/n$",
    "overlap": "overlap $q$",
    "signal": r"signal $\gamma$",
    "share": "unknowns for every row $p/n$",
    "exists": "share with an estimate",
    "slope": r"slope $\alpha$ on the truth",
    "spread": r"spread $\sigma$",
}
EVOLUTION = "theory, state evolution of Barbier et al. 2019"
LIMIT = "theory, Candès and Sur 2020, Theorem 1"
LAW = "theory, Sur and Candès 2019, equation 5"


@figure("message_passing", alt="Overlaps of message passing lie on the curves of state evolution for three channels.")
def message_passing(sheet):
    rows, predicted = sheet["overlaps"], sheet["predicted"]
    names = list(sheet.numbers["ratios"])
    looks = style.look(names)
    panel = sheet.panel()
    panel.points(rows, "ratio", "overlap", by="channel", looks=looks, lines=False, xlog=True)
    for name in names:
        line = select(predicted, channel=name)
        panel.line(line["ratio"], line["predicted"], color=looks[name]["color"], linewidth=1.2)
    panel.ticks(x=sorted(rows["ratio"].unique()))

    @sheet.claims
    def _(tables):
        joined = tables["overlaps"].merge(predicted, on=["channel", "ratio"])
        for name in names:
            line = select(joined, channel=name)
            apart = (line["overlap"] - line["predicted"]).abs()
            worst = line.loc[apart.idxmax()]
            note = f"Largest distance of a mean, at m/n = {worst['ratio']:g}."
            sentence = f"Message passing ends at the fixed point of state evolution ({name})."
            yield claim(sentence, EVOLUTION, apart.max(), note=note).at_most(0.03)
        for at, scaled in sheet["generalisation"].set_index("ratio")["scaled"].items():
            sentence = (
                f"The generalisation error of signs is one over the number of observations, nearly (m/n = {at:g})."
            )
            note = "Of state evolution: m/n times the error; its limit is .4417."
            told = claim(sentence, EVOLUTION, scaled, note=note, deterministic=True)
            yield told.between(0.43, 0.445)


@figure(
    "perceptron", alt="The overlap with a vector of signs rises and jumps to one near 1.49 observations per unknown."
)
def perceptron(sheet):
    rows, predicted = sheet["overlaps"], sheet["predicted"]
    panel = sheet.panel()
    panel.points(rows, "ratio", "overlap", lines=False)
    line = {"color": style.BLACK, "linewidth": 1.2}
    panel.line(predicted["ratio"], predicted["predicted"], label="from nothing", **line)
    panel.line(predicted["ratio"], predicted["informed"], label="from the truth", linestyle=(0, (3, 2)), **line)
    panel.set(ylim=(0, 1.05))
    panel.legend(loc="lower right")

    @sheet.claims
    def _(tables):
        joined = tables["overlaps"].merge(predicted, on="ratio")
        for _, row in joined[joined["ratio"] < 1.4].iterrows():
            sentence = f"Far below the jump the overlap is that of state evolution (m/n = {row['ratio']:g})."
            note = f"Distance of the median from {row['predicted']:.3f}."
            yield claim(sentence, EVOLUTION, abs(row["overlap"] - row["predicted"]), note=note).at_most(0.03)
        below, above = (select(predicted, ratio=at).iloc[0] for at in sheet.numbers["jump"])
        jump = f"between m/n = {sheet.numbers['jump'][0]:g} and {sheet.numbers['jump'][1]:g}"
        fixed = {"deterministic": True}
        sentence = f"State evolution from nothing is below the jump, {jump}."
        yield claim(sentence, EVOLUTION, below["predicted"], note="At the first.", **fixed).at_most(0.89)
        sentence = f"It jumps to the truth {jump}."
        yield claim(sentence, EVOLUTION, above["predicted"], note="At the second.", **fixed).at_least(0.999)
        sentence = "Started at the truth it stays there before the jump."
        yield claim(sentence, EVOLUTION, below["informed"], note="At the first.", **fixed).at_least(0.999)


@figure("existence", alt="The share of data with an estimate falls from one to zero along the predicted boundary.")
def existence(sheet):
    curve = sheet["curve"]
    half = sheet["transitions"].merge(curve, on="signal")
    cells = sheet["existence"]
    left, right = sheet.panels(columns=2, aspect=0.8)[0]
    left.curves(cells, "share", "exists", by="signal", names=lambda at: rf"$\gamma = {at:g}$", band=False)
    looks = style.look(cells["signal"].unique())
    for at, limit in half.set_index("signal")["limit"].items():
        left.axes.axvline(limit, color=looks[at]["color"], linewidth=0.8, linestyle=(0, (3, 2)))
    right.line(curve["signal"], curve["limit"], color=style.BLACK, linewidth=1.2, label="$h(\\gamma)$")
    right.line(half["signal"], half["half"], color=style.ORANGE, marker="o", linestyle="none", label="one half exist")
    right.set(xlabel=sheet.labels["signal"], ylabel=sheet.labels["share"], ylim=(0, 0.65))
    right.legend()

    @sheet.claims
    def _(tables):
        found = tables["transitions"].merge(curve, on="signal").set_index("signal")
        for at, row in found.iterrows():
            sentence = f"Half of the estimates exist where the limit says (signal {at:g})."
            note = f"Measured {row['half']:.3f}, limit {row['limit']:.3f}; distance."
            yield claim(sentence, LIMIT, abs(row["half"] - row["limit"]), note=note).at_most(0.03)
        sentence = "That number of unknowns for every row falls as the signal grows."
        values = {f"{at:g}": value for at, value in found["half"][::-1].items()}
        yield claim(sentence, LIMIT, values).increasing()


@figure(
    "bias", alt="Slopes and spreads of logistic estimates grow with the number of unknowns, on the predicted curves."
)
def bias(sheet):
    predicted = sheet["predicted"]
    rows = sheet["estimates"].merge(predicted, on=["signal", "share"])
    looks = style.look(rows["signal"].unique())
    for panel, name in zip(sheet.panels(columns=2, aspect=0.8)[0], ("slope", "spread"), strict=True):
        names = {"names": lambda at: rf"$\gamma = {at:.3g}$"}
        panel.points(rows, "share", name, by="signal", looks=looks, lines=False, **names)
        for at, line in predicted.groupby("signal"):
            panel.line(line["share"], line[f"predicted_{name}"], color=looks[at]["color"], linewidth=1.2)

    @sheet.claims
    def _(tables):
        found = tables["estimates"].merge(predicted, on=["signal", "share"])
        for name in ("slope", "spread"):
            apart = (found[name] / found[f"predicted_{name}"] - 1).abs()
            for place, row in found.iterrows():
                sentence = f"The {name} is that of the limit (signal {row['signal']:.3g}, p/n = {row['share']:g})."
                note = f"Measured {row[name]:.3f}, limit {row[f'predicted_{name}']:.3f}; relative distance of the mean."
                yield claim(sentence, LAW, apart[place], note=note).at_most(0.05)
        sentence = "The estimate is biased away from zero, where classical theory has a slope of one."
        note = "Least mean slope."
        source = "paper, Sur and Candès 2019, Figure 2"
        yield claim(sentence, source, found["slope"].min(), note=note).at_least(1.1)
