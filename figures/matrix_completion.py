"""The canon of matrix completion."""

import numpy as np

from . import style
from .claims import claim
from .registry import figure
from .rows import select

LABELS = {
    "oversampling": "known entries for every degree of freedom",
    "solved": "share solved",
    "error": r"error $\|\hat X - X\|_F / \|X\|_F$",
    "condition_number": r"condition number $\kappa$",
    "step": "steps",
    "rank_share": "rank over rows $r/n$",
    "share": "share of entries known $m/n^2$",
    "noise": r"noise $\sigma$",
    "covered": "share of patterns",
}
REFERENCE = "reference, a NumPy loop at n = 60"
HALF = "Known entries for every degree of freedom at which one half is solved, interpolated."


def _ratio(steps, others):
    """Of numbers of steps, which are infinite where a level is not reached."""
    return steps / others if np.isfinite(others) else np.nan


def _two(sheet):
    """Success and median error over the sampling."""
    success = sheet["success"]
    names = list(sheet.numbers["methods"])
    looks = style.look(names)
    for name in names[8:]:
        looks[name] = {**looks[name], "linestyle": (0, (2, 1.5)), "fillstyle": "none"}
    left, right = sheet.panels(columns=2, aspect=0.8)[0]
    left.curves(success, "oversampling", "solved", by="solver", looks=looks, band=False, xlog=True)
    right.curves(
        success, "oversampling", "error", by="solver", looks=looks, band=False, xlog=True, ylog=True, legend=False
    )
    ill = sheet.numbers["condition_number"] > 100
    right.set(ylim=(1e-9 if ill else 1e-6, 10))
    ticks = [
        at for at in (1, 1.5, 2, 3, 4, 6, 8) if success["oversampling"].min() <= at <= success["oversampling"].max()
    ]
    for panel in (left, right):
        panel.ticks(x=ticks)
    lines = sheet["lines"].iloc[0]
    left.mark(x=lines["coverage"])
    if names[-1] in ("nuclear", "SVT"):
        left.mark(x=lines["nuclear"])
    sheet.legend_above(left, 5)


@figure(
    "success",
    alt="Reweighted least squares solves with the fewest entries, the nuclear norm and its thresholding last.",
)
def success(sheet):
    _two(sheet)
    lines = sheet["lines"].iloc[0]

    @sheet.claims
    def _(tables):
        half = tables["transitions"].set_index("solver")["transition"]
        groups = {
            "IRLS": half["IRLS"],
            "ASD, RGD": max(half["ASD"], half["RGD"]),
            "AltMin": half["AltMin"],
            "ScaledGD": half["ScaledGD"],
            "nuclear": half["nuclear"],
            "SVT": half["SVT"],
        }
        sentence = "Reweighting needs the fewest entries, then alternating and Riemannian descent, alternating minimisation, scaled descent, the nuclear norm and its thresholding."
        yield claim(sentence, REFERENCE, groups, note=HALF).increasing()
        apart = abs(half["IRLS"] - lines["coverage"])
        sentence = "Reweighting solves half of the instances where half of the patterns have enough entries in every row and column."
        note = f"{half['IRLS']:.2f} and {lines['coverage']:.2f} entries for every degree of freedom."
        yield claim(sentence, "theory, coupon collector", apart, note=note).at_most(0.3)
        over = half["nuclear"] / lines["nuclear"]
        sentence = "For the nuclear norm known entries are far worse than Gaussian measurements."
        note = (
            f"Entries at one half over the statistical dimension, {lines['nuclear']:.2f} for every degree of freedom."
        )
        yield claim(sentence, REFERENCE, over, note=note).at_least(1.5)


@figure("ill_conditioned", alt="Of ill-conditioned matrices reweighted least squares alone finds the small directions.")
def ill_conditioned(sheet):
    _two(sheet)

    @sheet.claims
    def _(tables):
        errors = tables["success"].set_index(["solver", "oversampling"])["error"]
        at = min(errors["IRLS"].index, key=lambda value: abs(value - 1.75))
        sentence = f"Reweighting finds ill-conditioned matrices ({at:g} entries for every degree of freedom)."
        source = "paper, Kümmerle and Mayrink Verdun 2021, Figure 2"
        yield claim(sentence, source, errors["IRLS", at], note="Median error.").at_most(1e-6)
        first = [name for name in sheet.numbers["methods"] if name not in ("IRLS", "AltMin")]
        best = min(errors[name].min() for name in first)
        sentence = "No first-order method does, at any sampling here."
        yield claim(sentence, source, best, note="Least median error.").at_least(1e-2)


@figure(
    "conditioning",
    alt="Steps of gradient descent and plain alternation grow with the condition number; those of scaled descent do not.",
)
def conditioning(sheet):
    steps = sheet["steps"]
    panel = sheet.panel(style.PAGE * 0.72, aspect=0.62)
    finite = steps[np.isfinite(steps["step"])]
    panel.curves(
        finite,
        "condition_number",
        "step",
        by="solver",
        looks=style.look(sheet.numbers["methods"]),
        xlog=True,
        ylog=True,
        band=False,
    )
    panel.ticks(x=sorted(steps["condition_number"].unique()))

    @sheet.claims
    def _(tables):
        found = tables["steps"].set_index(["solver", "condition_number"])["step"]
        scaled, plain = found["ScaledGD"], found["GD"]
        accurate = f"Median steps to an error of {sheet.numbers['accurate']:g}."
        source = "paper, Tong, Ma and Chi 2021, Figure 2"
        sentence = "Steps of scaled descent do not depend on the condition number."
        reason = (
            "At a condition number of 20 the smallest singular value is below what sampling adds to the start. Up to 10 the ratio is "
            "1.16; for n = 80 and r = 3 it is 1.28, and 2.03 up to 20."
        )
        yield claim(
            sentence, source, _ratio(scaled.max(), scaled.min()), note=accurate + " Largest over least.", reason=reason
        ).at_most(1.2)
        plain = plain[np.isfinite(plain)]
        slope = np.polyfit(np.log(plain.index), np.log(plain), 1)[0] if len(plain) > 2 else np.nan
        sentence = "Those of gradient descent grow in proportion to it."
        yield claim(
            sentence, source, slope, note="Slope of log steps on log condition number, where it gets there."
        ).within(0.2, of=1)
        most = found["AltMin"].max()
        yield claim("Alternating minimisation takes few.", REFERENCE, most, note=accurate + " Most.").at_most(20)
        ratios = [_ratio(found["ScaledASD", at], found["ASD", at]) for at in sheet.reference["compared"]]
        sentence = "Scaling shortens alternating steepest descent for moderate condition numbers."
        note = (
            "Largest ratio of median steps, scaled over plain, at condition numbers "
            + " and ".join(f"{at:g}" for at in sheet.reference["compared"])
            + "."
        )
        yield claim(sentence, "paper, Tanner and Wei 2016", max(ratios), note=note).at_most(1 / 3)


@figure(
    "phase_map",
    alt="Descent on the manifold needs fewer entries than the nuclear norm at every rank; both need more than counting says.",
)
def phase_map(sheet):
    success, lines = sheet["success"], sheet["lines"]
    names = list(sheet.numbers["methods"])
    panels = sheet.panels(columns=len(names), aspect=0.85, sharey=True)[0]
    theory = {
        "degrees of freedom": (lines["rank_share"], lines["freedom"]),
        "nuclear norm, Gaussian measurements": (lines["rank_share"], lines["nuclear"]),
    }
    for panel, name in zip(panels, names, strict=True):
        mesh = panel.heat(
            select(success, solver=name), "rank_share", "share", "solved", theory=theory, colour_label=None
        )
        panel.set(title=name, ylabel=LABELS["share"] if panel is panels[0] else "")
    sheet.legend_above(panels[0], 2)
    sheet.colour_bar(mesh, panels, "solved", fraction=0.03, pad=0.01)

    @sheet.claims
    def _(tables):
        half = tables["transitions"].pivot(index="rank", columns="solver", values="transition")
        at = tables["lines"].set_index("rank").loc[half.index]
        note = "Least ratio over ranks, of shares at which one half is solved."
        sentence = "Descent over matrices of the rank needs more entries than there are degrees of freedom."
        yield claim(sentence, "theory, counting", (half["RGD"] / at["freedom"]).min(), note=note).at_least(1)
        sentence = "The nuclear norm needs more than that descent."
        yield claim(sentence, REFERENCE, (half["nuclear"] / half["RGD"]).min(), note=note).at_least(1)
        sentence = "It needs more known entries than Gaussian measurements, at every rank."
        least = (half["nuclear"] / at["nuclear"]).min()
        yield claim(sentence, "theory, Amelunxen et al. 2014, Proposition 4.7", least, note=note).at_least(1)


@figure(
    "sampling_limit",
    alt="Reweighting solves just those instances whose patterns have enough entries in every row and column.",
)
def sampling_limit(sheet):
    success, coverage = sheet["success"], sheet["coverage"]
    panel = sheet.panel()
    looks = style.look(["solved", "covered"])
    panel.axes.set(xlabel=LABELS["oversampling"], ylabel="share")
    for name, label in (("covered", "enough in every row and column"), ("solved", "solved by IRLS")):
        bars = np.abs(success[[f"{name}_low", f"{name}_high"]].to_numpy().T - success[name].to_numpy())
        panel.axes.errorbar(success["oversampling"], success[name], yerr=bars, capsize=2, label=label, **looks[name])
    panel.line(coverage["oversampling"], coverage["predicted"], color=style.BLACK, label="predicted")
    panel.legend()

    @sheet.claims
    def _(tables):
        rows = tables["success"].merge(tables["coverage"], on="oversampling")
        agree = rows[rows["oversampling"] >= 1.5]["agrees"].min()
        reason = (
            "As many entries as the rank in every row and column are necessary, not sufficient. At 1.5 entries for every degree of "
            "freedom 7 of 24 instances have enough entries and 2 are solved, also in 400 steps."
        )
        sentence = "From half as many entries again as degrees of freedom on, reweighting solves the instances with enough entries in every row and column, and no others."
        yield claim(
            sentence, REFERENCE, agree, note="Least share of instances in which the two agree.", reason=reason
        ).at_least(0.9)
        below = rows[rows["predicted"] < 0.01]["solved"].max()
        sentence = "Where such patterns are rare nothing is solved."
        note = "Largest success rate where they have a probability of less than one per cent."
        yield claim(sentence, "theory, coupon collector", below, note=note).at_most(0)
        apart = (rows["covered"] - rows["predicted"]).abs().max()
        sentence = "How many patterns have enough entries is what the Poisson formula says."
        yield claim(sentence, "theory, coupon collector", apart, note="Largest distance.").at_most(0.15)


@figure("noise", alt="The error is proportional to the noise, on the line of least squares over matrices of the rank.")
def noise(sheet):
    errors = sheet["errors"]
    looks = style.look(errors["oversampling"].unique())
    panel = sheet.panel()
    names = {at: rf"$m/d = {at:g}$" for at in errors["oversampling"].unique()}
    panel.points(
        errors, "noise", "error", by="oversampling", names=names, looks=looks, lines=False, xlog=True, ylog=True
    )
    for at, rows in errors.groupby("oversampling"):
        panel.line(rows["noise"], rows["predicted"], color=looks[at]["color"])

    @sheet.claims
    def _(tables):
        for at, rows in tables["errors"].groupby("oversampling"):
            apart = (rows["error"] / rows["predicted"] - 1).abs().max()
            sentence = f"The error is that of least squares over matrices of the rank ({at:g} entries for every degree of freedom)."
            note = "Largest relative distance of a root mean square from the prediction."
            yield claim(sentence, "theory, least squares", apart, note=note).at_most(0.1)
            slope = np.polyfit(np.log(rows["noise"]), np.log(rows["error"]), 1)[0]
            sentence = f"It is proportional to the noise ({at:g} entries)."
            yield claim(sentence, "theory, least squares", slope, note="Slope of log error on log noise.").within(
                0.03, of=1
            )


@figure("order", alt="The errors of reweighted least squares fall ever faster.")
def order(sheet):
    curves = sheet["curves"]
    panel = sheet.panel()
    panel.curves(curves, "step", "error", by="oversampling", names=lambda at: rf"$m/d = {at:g}$", ylog=True)

    @sheet.claims
    def _(tables):
        for at, found in tables["orders"].set_index("oversampling")["order"].items():
            sentence = f"Reweighting converges superlinearly ({at:g} entries for every degree of freedom)."
            note = f"Median order by the last three errors above {sheet.numbers['floor']:g}."
            source = "paper, Kümmerle and Mayrink Verdun 2021, Theorem 4.1"
            yield claim(sentence, source, found, note=note).at_least(1.4)
