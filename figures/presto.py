"""Rare events by shrinking towards proportional odds."""

import numpy as np

from . import style
from .claims import claim
from .registry import figure
from .rows import select

LABELS = {
    "rare_share": "share of the rare class",
    "error": "mean squared error",
    "ratio": "ratio of errors, PRESTO over",
    "place": "strength, from the largest",
    "correlation": "correlation of inputs",
    "eigenvalue": r"smallest eigenvalue $\lambda_{\min}$",
    "limit": "share of the rare class",
}
NAMES = {"PRESTO": "PRESTO", "rare": "logistic regression", "proportional": "proportional odds"}
LOOKS = style.look(NAMES)
OTHERS = {"rare": "logistic", "proportional": "proportional"}
LAWS = {"sparse, 0.33": "sparse, 1/3", "sparse, 0.50": "sparse, 1/2", "dense, 1.00": "dense"}
FIGURES = "authors, medians read off the figures"


@figure("rare_events", alt="Errors of three methods, and ratios on the same instances, against how rare the class is.")
def rare_events(sheet):
    errors, ratios, reference = sheet["errors"], sheet["ratios"], sheet.reference
    laws = [law for law in LAWS if law in set(ratios["law"])]
    panels = sheet.panels(len(laws), 2, aspect=0.55, sharex=True)
    for (left, right), law in zip(panels, laws, strict=True):
        left.points(
            select(errors, law=law), "rare_share", "error", by="solver", names=NAMES, looks=LOOKS, xlog=True, ylog=True
        )
        rows = select(ratios, law=law)
        for name, key in OTHERS.items():
            ends = {f"{name}{end}": f"ratio{end}" for end in ("", "_low", "_high")}
            shown = rows.rename(columns=ends).assign(of=name)
            right.points(shown, "rare_share", "ratio", by="of", looks=LOOKS, xlog=True, ylog=True)
            known = [reference[key][setting] for setting in rows["setting"]]
            shares = [reference["rare_share"][setting] for setting in rows["setting"]]
            right.axes.plot(shares, known, "x", color=style.BLACK, markersize=5, zorder=5)
        right.mark(y=1)
        left.set(title=f"{LAWS[law]} differences", xlabel="")
        right.set(ylabel="ratio of errors", xlabel="")
        right.ticks(y=[0.1, 0.25, 0.5, 1, 2])
    for panel in panels[-1]:
        panel.set(xlabel=LABELS["rare_share"])
        panel.ticks(x=[0.004, 0.006, 0.01, 0.016])
    sheet.legend_above(panels[0, 0], 3)

    @sheet.claims
    def _(tables):
        rows = tables["ratios"].set_index("setting")
        for name in OTHERS:
            sentence = f"PRESTO beats {NAMES[name]} in every setting."
            yield claim(sentence, FIGURES, rows[name].max(), note="Largest median ratio over settings.").at_most(1)
        for law in laws:
            line = select(rows, law=law).sort_values("rare_share")
            called = LAWS[law]
            values = {f"{share:.4f}": ratio for share, ratio in zip(line["rare_share"], line["rare"], strict=True)}
            sentence = f"The rarer the class, the larger the advantage over logistic regression ({called})."
            yield claim(sentence, FIGURES, values).increasing()
            backward = line.iloc[::-1]
            values = {
                f"{at:.4f}": each for at, each in zip(backward["rare_share"], backward["proportional"], strict=True)
            }
            sentence = f"The rarer the class, the smaller the advantage over proportional odds ({called})."
            yield claim(sentence, FIGURES, values).increasing()
        by_law = {law: select(rows, law=law).set_axis(_intercepts(rows, law))["proportional"] for law in laws}
        if len(laws) > 1:
            gain = by_law[laws[1]] / by_law[laws[0]]
            sentence = (
                "The more differences there are, the larger the advantage over proportional odds (1/2 against 1/3)."
            )
            note = "Geometric mean over intercepts of the ratio of median ratios."
            yield claim(sentence, FIGURES, float(np.exp(np.log(gain).mean())), note=note).at_most(1)
        for name, key in OTHERS.items():
            apart = (rows[name] - rows.index.map(reference[key])).abs()
            sentence = f"Ratios to {NAMES[name]} are those of the authors: the mean distance of medians is small."
            note = f"Mean over settings; the largest is {apart.max():.2f}. Read off figures to about 0.02."
            yield claim(sentence, FIGURES, apart.mean(), note=note).at_most(0.1)
        sentence = "The last class is as rare as in the authors' figures."
        off = (rows["rare_share"] / rows.index.map(reference["rare_share"]) - 1).abs().max()
        yield claim(sentence, FIGURES, off, note="Largest relative difference of mean shares.").at_most(0.15)


def _intercepts(rows, law):
    return [setting.partition(", ")[2] for setting in select(rows, law=law).index]


@figure("difference_support", alt="Power and false discoveries of the differences along the path, for two rarities.")
def difference_support(sheet):
    path = sheet["path"]
    panels = sheet.panels(columns=2, aspect=0.75, sharey=True)[0]
    for panel, column, title in zip(panels, ("power", "false_discovery"), ("found", "false among found"), strict=True):
        panel.curves(path, "place", column, by="rarity", names=lambda name: rf"$\alpha = {name}$", markers=False)
        panel.set(title=title, ylabel="share" if panel is panels[0] else "", ylim=(-0.02, 1.02))

    @sheet.claims
    def _(tables):
        rows = tables["path"].set_index(["rarity", "place"])
        common, rare = sheet.numbers["intercepts"]
        at = rows["power"].unstack("rarity").loc[range(1, rows.index.get_level_values("place").max())]
        sentence = (
            "Differences of common boundaries are easier to find than of rare ones, at every strength of the path."
        )
        gap = (at[common] - at[rare]).mean()
        yield claim(sentence, "ours", gap, note="Mean difference of the power over the path.").at_least(0)
        few = rows[rows["power"] >= 0.5]["false_discovery"].groupby("rarity").min().reindex([common, rare])
        sentence = (
            "Half of the differences are found only with many false ones: PRESTO is for predictions, not for supports."
        )
        note = "Least share of false discoveries with a power of one half or more, rare classes."
        reason = "It was a guess. The larger strengths find half of the differences with few false ones; those come with the rest."
        yield claim(sentence, "ours", few[rare], note=note, reason=reason).at_least(0.3)


@figure(
    "common_information",
    alt="The smallest eigenvalue falls with the correlation; the limit lies between 1e-6 and 1e-5.",
)
def common_information(sheet):
    table, reference = sheet["eigenvalues"], sheet.reference
    gaussian, uniform = select(table, inputs="Gaussian"), select(table, inputs="uniform")
    left, right = sheet.panels(columns=2, aspect=0.75)[0]
    left.points(gaussian, "correlation", "eigenvalue")
    left.axes.plot(uniform["correlation"], uniform["eigenvalue"], "s", color=style.VERMILION)
    left.axes.set_ylim(bottom=0)
    right.points(gaussian, "correlation", "limit", ylog=True)
    for share in sheet.numbers["rare_share"]:
        right.mark(y=share)
    sheet.letters()

    @sheet.claims
    def _(tables):
        source, lines = "authors, code of the eigenvalue study", gaussian.set_index("correlation")
        value = uniform["eigenvalue"].iloc[0]
        sentence = "For uniform inputs the smallest eigenvalue is that of the authors."
        yield claim(sentence, source, value).within(0.001, of=reference["uniform"])
        sentence = "For Gaussian inputs without correlation it lies in their range."
        free = lines["eigenvalue"].iloc[0]
        yield claim(sentence, source, free).between(reference["least"], reference["most"])
        sentence = "For the strongest correlation it is theirs."
        yield claim(sentence, source, lines["eigenvalue"].iloc[-1]).within(0.002, of=reference["strongest"])
        sentence = "The sufficient condition for proportional odds holds at a share of 1e-6 and fails at 1e-5, at every correlation."
        shown = f"limits {lines['limit'].min():.1e} to {lines['limit'].max():.1e}"
        fine = (lines["limit"] >= 1e-6).all() and (lines["limit"] < 1e-5).all()
        yield claim(sentence, source, shown).satisfies("between 1e-6 and 1e-5", fine)
