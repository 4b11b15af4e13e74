"""Sparse autoencoders that recover planted features by adapting biases."""

import numpy as np
import pandas as pd

from . import style
from .claims import claim
from .registry import figure
from .rows import first, select

LABELS = {
    "multiple": "target frequency / occurrence",
    "dimension": "dimension $d$",
    "ratio": "neurons per feature",
    "setting": "active neurons $k$",
    "l0": "active neurons per row",
    "recovered_90": "features recovered (cosine > 0.9)",
    "unexplained": "unexplained variance",
    "consistency": "neurons another start finds",
    "consistency_used": "used neurons another start finds",
}
TABLE = "paper, table of frequency awareness"
AT_128, AT_256, AT_512 = (f"reference, planted features, n = {n}" for n in (128, 256, 512))


def _looks(**changes):
    """How methods look, with some of it changed."""
    return {method: {**look, **changes} for method, look in style.look(("GBA", "TopK", "BatchTopK", "L1")).items()}


def _best(rows, column="recovered_90"):
    """The row with the largest mean."""
    return rows.loc[rows[column].idxmax()]


def _nearest(rows, l0):
    """The setting with the nearest number of active neurons, in ratio."""
    return rows.loc[(np.log(rows["l0"]) - np.log(l0)).abs().idxmin()]


def _difference(sentence, source, column, own, other, note="", **more):
    """A claim about the difference of the means of two settings, which its note tells."""
    said = [
        f"{row['method']} {row['name']}: {row[column]:.2f} ({row[f'{column}_low']:.2f} to {row[f'{column}_high']:.2f})"
        for row in (own, other)
    ]
    return claim(sentence, source, own[column] - other[column], note=f"{'; '.join(said)}. {note}".strip(), **more)


def _against_sparsity(panel, trained, column):
    """Means against the number of active neurons; settings of adaptation are no points of one curve."""
    looks = {**_looks(), "GBA": _looks(linestyle="none")["GBA"]}
    panel.points(trained, "l0", column, by="method", looks=looks, legend=False, xlog=True)
    low, high = trained["l0"].min() * 0.9, trained["l0"].max() * 1.1
    panel.ticks(x=[tick for tick in 2 ** np.arange(8) if low <= tick <= high])


def _reconstruction(panel, trained):
    """Unexplained variance against the number of active neurons, with the settings of adaptation by name."""
    _against_sparsity(panel, trained, "unexplained")
    panel.set(yscale="log")
    for row in select(trained, method="GBA").to_dict("records"):
        place = {"xytext": (3, 3), "textcoords": "offset points", "fontsize": 6}
        panel.axes.annotate(row["name"], (row["l0"], row["unexplained"]), **place)


@figure("resonance", alt="Features are recovered in a band of target frequencies that widens with the dimension.")
def resonance(sheet):
    plane, widths, band, coupons = (sheet[name] for name in ("plane", "widths", "band", "coupons"))
    axes = {name: sorted(sheet.numbers[name]) for name in ("dimension", "support", "ratio", "multiple")}
    left, middle, right = sheet.panels(columns=3, aspect=1.0)[0]
    edges = {"$d/s$": "dimension_edge", r"$n^{(1-1/s)/2}/s$": "crowding_edge"}
    theory = {name: (band[column], band["dimension"]) for name, column in edges.items()}
    options = {"theory": theory, "colour_label": None, "xlog": True, "ylog": True}
    left.heat(plane, "multiple", "dimension", "recovered_90", **options)
    left.ticks(x=axes["multiple"], y=axes["dimension"])
    left.legend(dark=True, loc="lower left", fontsize=6.5)
    names = "$d = {:g}$".format, "$s = {:g}$".format
    middle.points(plane, "multiple", "recovered_90", by="dimension", names=names[0], xlog=True)
    for row, look in zip(band.itertuples(), style.look(axes["dimension"]).values(), strict=True):
        middle.axes.axhline(row.chance, color=look["color"], linestyle=":", linewidth=0.9)
    middle.ticks(x=axes["multiple"])
    right.points(widths, "ratio", "recovered_90", by="support", names=names[1], xlog=True)
    right.line(coupons["ratio"], coupons["recovered"], linestyle="--", label="coupons")
    right.legend(loc="center right")
    right.ticks(x=axes["ratio"])
    for panel in (middle, right):
        panel.set(ylim=(-0.02, 1.03))
    sheet.letters()

    @sheet.claims
    def _(tables):
        rates = tables["plane"].pivot(index="dimension", columns="multiple", values="recovered_90")
        edges = tables["edges"].set_index("dimension")["edge"].sort_index()
        by_width = tables["widths"].pivot(index="ratio", columns="support", values="recovered_90")
        (lowest, highest), (small, *_, large) = rates.index[[0, -1]], by_width.columns[:3]
        sentence = f"Up to the occurrence, targets recover nearly all features (d = {highest})."
        yield claim(sentence, AT_256, rates.loc[highest, :1.0].min(), note="Least mean over targets.").at_least(0.9)
        far, note = rates.loc[highest].iloc[-1], f"At {rates.columns[-1]:g} times the occurrence."
        yield claim("Far above the band nothing is recovered.", "paper, Figure 2", far, note=note).at_most(0.1)
        sentence = "The upper edge of the band grows with the dimension."
        note = "Multiple of the occurrence up to which half of the features are recovered."
        named = {f"d = {dimension}": edge for dimension, edge in edges.items()}
        yield claim(sentence, "paper, Figure 2", named, note=note).increasing()
        sentence = "The upper edge is proportional to the dimension: the logarithmic slope is one."
        with np.errstate(divide="ignore", invalid="ignore"):
            growth = np.log(edges[highest] / edges[lowest]) / np.log(highest / lowest)
        reason = "At this size the edge d/s exceeds the other two of the theorem, which do not depend on the dimension."
        yield claim(sentence, AT_256, growth, reason=reason).between(0.75, 1.25)
        sentence = "At d up to about the root of n recovery is incomplete at every target."
        note = f"d = {lowest}; chance {first(band, dimension=lowest)['chance']:.2g}."
        yield claim(sentence, AT_256, rates.loc[lowest].max(), note=note).at_most(0.9)
        sentence = f"For supports of {small} recovery grows with the width as coupons are collected."
        gap = (by_width[small] - coupons.set_index("ratio")["recovered"]).abs().max()
        yield claim(sentence, "theory, 1 - exp(-M/n)", gap, note="Largest difference.").at_most(0.1)
        widest = by_width.index[-1]
        sentence = f"At a fixed width ({widest} neurons per feature) recovery collapses as supports grow."
        named = {f"s = {support}": by_width.loc[widest, support] for support in by_width.columns[2::-1]}
        yield claim(sentence, "paper, Theorem 6.1", named).increasing()
        sentence = f"Supports of {large} are out of reach at these widths."
        yield claim(sentence, AT_256, by_width[large].max()).at_most(0.1)


@figure("frequency_awareness", alt="TopK needs the right number of active neurons; so does adaptation its frequencies.")
def frequency_awareness(sheet):
    trained, mean_active = sheet["trained"], np.mean(sheet.numbers["actives"])
    widths = {"gridspec_kw": {"width_ratios": [1, 1.25, 1.25]}}
    left, middle, right = sheet.panels(columns=3, aspect=1.15, **widths)[0]
    fixed = trained[(trained["scaling"] == "unit") & trained["method"].isin(["TopK", "BatchTopK"])]
    left.points(fixed, "setting", "recovered_90", by="method", looks=_looks(linestyle="-"))
    topk = select(fixed, method="TopK").sort_values("setting")
    left.line(topk["setting"], topk["unexplained"], marker="s", markersize=3, label="unexplained, TopK")
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), fontsize=7)
    hollow = _looks(linestyle=":", markerfacecolor="white")
    left.points(fixed, "setting", "recovered_80", by="method", looks=hollow, legend=False)
    left.mark(x=mean_active)
    left.set(ylabel=sheet.labels["recovered_90"], ylim=(-0.02, 1.03), title="rows of unit norm")
    everything = pd.concat([sheet["provable"].assign(method="GBA*"), trained])
    names = [f"{row.method} {row.name}" for row in select(everything, scaling="unit").itertuples(index=False)]
    for panel, column in ((middle, "recovered_90"), (right, "consistency_used")):
        for shift, scaling in ((-0.16, "power"), (0.16, "unit")):
            rows = select(everything, scaling=scaling)
            ends = np.abs([rows[f"{column}_low"] - rows[column], rows[f"{column}_high"] - rows[column]])
            look = {"xerr": ends, "fmt": "o", "markersize": 3.6, "elinewidth": 1, "label": scaling}
            panel.axes.errorbar(rows[column], np.arange(len(rows)) + shift, **look)
        panel.axes.set_yticks(range(len(names)), names, fontsize=6.5)
        panel.set(xlabel=sheet.labels[column], xlim=(-0.03, 1.03), ylim=(len(names) - 0.5, -0.5))
        panel.axes.grid(axis="x")
    right.axes.set_yticklabels([])
    right.legend(title="rows scaled", loc="upper right")
    sheet.letters()

    @sheet.claims
    def _(tables):
        trained, provable = tables["trained"], tables["provable"]
        topk = select(trained, method="TopK").sort_values("setting")
        for scaling, where in (("power", "rows scaled in common"), ("unit", "rows of unit norm")):
            full = first(trained, scaling=scaling, method="GBA", name="full range")
            own = select(topk, scaling=scaling)
            best, worst = _best(own), own.iloc[-1]
            reason = "Groups with high targets reconstruct densely, and the others see residuals; see the page on this paper."
            sentence = f"Adaptation over the full range, untuned, recovers about as much as the best TopK ({where})."
            yield _difference(sentence, TABLE, "recovered_90", full, best, reason=reason).at_least(-0.1)
            sentence = f"It recovers more than TopK with too large a number of active neurons ({where})."
            note = "Cosine above 0.8."
            yield _difference(sentence, TABLE, "recovered_80", full, worst, note, reason=reason).at_least(0)
        sentence = "With target frequencies that are all too high nothing is recovered."
        high = select(trained, method="GBA", name="too high")["recovered_90"].max()
        yield claim(sentence, TABLE, high, note="The larger of both scalings.").at_most(0.05)
        beyond = select(topk, scaling="unit")
        beyond = beyond[beyond["setting"] >= mean_active].set_index("name")[::-1].add_prefix("k = ", axis=0)
        sentence = "TopK recovers less the further k exceeds the mean number of active features."
        yield claim(sentence, AT_128, dict(beyond["recovered_90"]), note="Rows of unit norm.").increasing()
        sentence = "while its reconstructions improve: error and recovery fall together."
        yield claim(sentence, AT_128, dict(beyond["unexplained"]), note="Unexplained variance.").increasing()
        for scaling in ("power", "unit"):
            full = first(provable, name="full range", scaling=scaling)
            sentence = f"The analysed form recovers most features over the full range ({scaling})."
            note = f"Above 0.8: {full['recovered_80']:.2f}. The reference found 0.97."
            reason = "The common mean pulls all neurons one way; the theorem has supports of one size."
            yield claim(sentence, AT_128, full["recovered_90"], note=note, reason=reason).at_least(0.7)
        none = select(provable, name="too high")["recovered_90"].max()
        yield claim("and none over a range that is too high.", AT_128, none).at_most(0.05)


@figure("frontier", alt="Reconstruction, recovery and consistency against the number of active neurons.")
def frontier(sheet):
    trained, facts = sheet["trained"], sheet["facts"].iloc[0]
    left, middle, right = sheet.panels(columns=3, aspect=1.0)[0]
    _reconstruction(left, trained)
    _against_sparsity(middle, trained, "recovered_90")
    _against_sparsity(right, trained, "consistency_used")
    for panel in (left, middle, right):
        panel.mark(x=facts["mean_active"])
    for panel in (middle, right):
        panel.set(ylim=(-0.02, 1.03))
    middle.mark(y=facts["chance"])
    middle.legend(loc="upper right")
    sheet.letters()

    @sheet.claims
    def _(tables):
        gba, topk = (select(tables["trained"], method=method) for method in ("GBA", "TopK"))
        ten, three, low = (first(gba, name=name) for name in ("0.5 down", "three groups", "0.05 down"))
        best, reconstructs = _best(topk), topk.loc[topk["unexplained"].idxmin()]
        sentence = "At equal sparsity adaptation reconstructs about as well as TopK."
        note = "Largest ratio of unexplained variances, TopK interpolated in logarithms; more than one group."
        gap = _frontier_gap(gba[gba["name"] != "one group"], topk)
        yield claim(sentence, "paper, reconstruction of language models", gap, note=note).at_most(1.25)
        sentence = "Adaptation recovers as many features as TopK (best settings)."
        reason = "On independent planted features TopK near the true sparsity is hard to beat."
        yield _difference(sentence, "ours", "recovered_90", _best(gba), best, reason=reason).at_least(-0.05)
        sentence = "Its most used neurons are more consistent over starts than those of TopK (best settings)."
        source, column = "paper, consistency on language models", "consistency_used"
        used = _best(gba, column), _best(topk, column)
        yield _difference(sentence, source, column, *used, reason=reason).at_least(0)
        sentence = "Three groups give denser codes than ten."
        yield _difference(sentence, "paper, ablation of groups", "l0", three, ten).at_least(0)
        sentence = "A lower highest target recovers more and reconstructs less."
        note = f"Unexplained variance {low['unexplained']:.2f} against {ten['unexplained']:.2f}."
        yield _difference(sentence, AT_512, "recovered_90", low, ten, note).at_least(0.1)
        sentence = "At the sparsity of TopK's best recovery, adaptation leaves fewer neurons dead."
        yield _difference(sentence, AT_512, "dead", best, _nearest(gba, best["l0"])).at_least(0)
        sentence = "The best reconstruction is not the best recovery (TopK)."
        yield _difference(sentence, AT_512, "recovered_90", reconstructs, best).at_most(-0.1)


def _frontier_gap(rows, topk):
    """The largest ratio of unexplained variances to that of TopK at the same sparsity, inside its range."""
    topk = topk.sort_values("l0")
    inside = rows[(rows["l0"] >= topk["l0"].min() * 0.95) & (rows["l0"] <= topk["l0"].max())]
    at = np.interp(np.log(inside["l0"]), np.log(topk["l0"]), np.log(topk["unexplained"]))
    return (inside["unexplained"] / np.exp(at)).max()


@figure("digits", alt="On hidden activations of a network, sparser codes are more consistent over starts.")
def digits(sheet):
    trained = sheet["trained"]
    left, right = sheet.panels(columns=2, aspect=0.7)[0]
    _reconstruction(left, trained)
    left.legend()
    _against_sparsity(right, trained, "consistency")
    hollow = _looks(linestyle="none", markerfacecolor="white")
    right.points(trained, "l0", "consistency_used", by="method", looks=hollow, legend=False)
    right.set(ylabel=sheet.labels["consistency"], ylim=(-0.02, None))
    sheet.letters()

    @sheet.claims
    def _(tables):
        gba, topk = (select(tables["trained"], method=method) for method in ("GBA", "TopK"))
        sparsest, densest = topk.loc[topk["setting"].idxmin()], topk.loc[topk["setting"].idxmax()]
        pairs = [(row, _nearest(topk, row["l0"])) for _, row in gba.iterrows()]
        accuracy = tables["network"]["accuracy"].iloc[0]
        sentence = "The network whose activations these are reads the digits (accuracy on its data)."
        yield claim(sentence, "ours", accuracy, deterministic=True).at_least(0.95)
        sentence = "Sparser codes of TopK are more consistent over starts."
        yield _difference(sentence, "ours", "consistency", sparsest, densest).at_least(0)
        sentence = "Adaptation is more consistent over starts than TopK at about equal sparsity."
        note = "Least difference over ranges, most used neurons."
        gain = min(own["consistency_used"] - other["consistency_used"] for own, other in pairs)
        yield claim(sentence, "ours", gain, note=note).at_least(0)
        sentence = "It leaves fewer neurons dead than TopK."
        dead = max(own["dead"] - other["dead"] for own, other in pairs)
        yield claim(sentence, "ours", dead, note="Largest difference of shares over ranges.").at_most(0)
