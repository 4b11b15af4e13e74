"""The canon of matrix completion."""

import numpy as np

from . import style
from .claims import claim
from .registry import figure

LABELS = {
    "oversampling": "known entries for every degree of freedom",
    "solved": "share solved",
    "error": r"error $\|\hat X - X\|_F / \|X\|_F$",
    "condition_number": r"condition number $\kappa$",
    "step": "steps",
}
REFERENCE = "reference, a NumPy loop at n = 60"
HALF = "Known entries for every degree of freedom at which one half is solved, interpolated."


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
        yield claim(sentence, source, scaled.max() / scaled.min(), note=accurate + " Largest over least.").at_most(1.2)
        slope = np.polyfit(np.log(plain.index), np.log(plain), 1)[0]
        sentence = "Those of gradient descent grow in proportion to it."
        yield claim(sentence, source, slope, note="Slope of log steps on log condition number.").within(0.2, of=1)
        most = found["AltMin"].max()
        yield claim("Alternating minimisation takes few.", REFERENCE, most, note=accurate + " Most.").at_most(20)
        ratios = [found["ScaledASD", at] / found["ASD", at] for at in sheet.reference["compared"]]
        sentence = "Scaling shortens alternating steepest descent for moderate condition numbers."
        note = (
            "Largest ratio of median steps, scaled over plain, at condition numbers "
            + " and ".join(f"{at:g}" for at in sheet.reference["compared"])
            + "."
        )
        yield claim(sentence, "paper, Tanner and Wei 2016", max(ratios), note=note).at_most(1 / 3)
