"""Sparse linear regression on random supports."""

import numpy as np
import pandas as pd

from . import style
from .claims import claim
from .registry import figure
from .rows import interval, select

LABELS = {
    "samples": "samples $N$",
    "best": r"prediction error $\|X \hat w - X w\|^2 / N$",
    "condition_number": r"condition number, $1 / \eta$",
    "columns": "random columns $m$",
    "nearer": "share of supports",
    "ratio": "largest ratio of distances",
    "sparsity": "nonzeros $k$",
    "rate": "share predicted well",
    "norm": r"l1 norm",
}
NAMES = {"preconditioned": "preconditioned", "lasso": "LASSO", "ridge": "ridge", "OMP": "OMP, 3k columns"}
LOOKS = style.look(NAMES)
NEARER = {"nearer": "all columns of the support nearer", "farther": "a column farther"}
CAPPED = (
    "The reference stopped before the small strengths that ill-conditioned designs need, or before its solver had converged: on the "
    "whole path, computed exactly, the LASSO gets down to reproducing the data, an error just below the noise variance."
)
EXACT = (
    "The interval is that of trials of the preconditioned method; the exact path is computed on instances of its own."
)


def _medians(tables, axis):
    """Errors at the best strength by solver: one column each, the axis as index."""
    rows = pd.concat([tables["errors"], tables["exact"]])
    return rows.pivot(index=axis, columns="solver", values="best")


def _draw(sheet, panel, axis):
    rows = pd.concat([sheet["errors"], sheet["exact"]], ignore_index=True)
    panel.curves(rows, axis, "best", by="solver", names=NAMES, looks=LOOKS, xlog=True, ylog=True, legend=False)
    own = select(sheet["errors"], solver="preconditioned")
    panel.axes.plot(own[axis], own["error"], ".", color=style.BLACK, markersize=4, label="its own choice")


@figure("sample_size", alt="With samples the preconditioned error falls; the LASSO stays near the noise variance.")
def sample_size(sheet):
    panel, theory, reference = sheet.panel(), sheet["theory"], sheet.reference
    _draw(sheet, panel, "samples")
    panel.line(theory["samples"], theory["oracle"], linestyle="--", label=r"oracle, $\sigma^2 k / N$")
    panel.line(theory["samples"], theory["limit"], linestyle=":", label=r"$\sigma^2 k \log(d / k) / N$")
    panel.mark(y=sheet.numbers["noise"] ** 2, label="noise variance")
    panel.ticks(x=sheet.numbers["samples"])
    panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    @sheet.claims
    def _(tables):
        medians, own = _medians(tables, "samples"), select(tables["errors"], solver="preconditioned")
        slope = np.polyfit(np.log(medians.index), np.log(medians["preconditioned"]), 1)[0]
        sentence = "After preconditioning the error falls with the samples, between the slow and the fast rate."
        yield claim(sentence, "reference, 5 supports", slope, note="Slope in logarithms.").between(-1.2, -0.5)
        few = medians.index[medians.index < sheet.numbers["dimension"]]
        for name in ("lasso", "OMP"):
            sentence = (
                f"{NAMES[name]}: the error does not fall with the samples, as long as these are fewer than the columns."
            )
            change = medians[name][few[-1]] / medians[name][few[0]]
            note = "Ratio of the medians, last over first. 0.9 allows for the scatter of ten instances."
            fixed = name == "lasso"
            yield claim(sentence, "reference, 5 supports", change, note=note, deterministic=fixed).at_least(0.9)
        row = select(tables["exact"], solver="lasso", samples=few[-1]).iloc[0]
        sentence = (
            f"The LASSO's error is that of reproducing the data: at N = {few[-1]} half of the noise variance or more."
        )
        share = row["best"] / sheet.numbers["noise"] ** 2
        ends = tuple(end / sheet.numbers["noise"] ** 2 for end in interval(row, "best"))
        yield claim(sentence, "ours", share, interval=ends, note="Over the noise variance.").at_least(0.5)
        sentence = f"At N = {few[-1]} preconditioning at least halves the error of the LASSO at its best strength."
        gain = medians["lasso"][few[-1]] / medians["preconditioned"][few[-1]]
        yield claim(sentence, "ours", gain, note=EXACT).at_least(2)
        bound = np.interp(own["samples"], theory["samples"], theory["bound"])
        sentence = "The error is below the bound that no condition number enters."
        note = "Largest quotient of median and bound, over N. The bound's constants are loose."
        yield claim(sentence, "theory, slow rate in the dictionary", (own["best"] / bound).max(), note=note).at_most(1)
        sentence = "Choosing the strength by the estimated risk costs little against the best one."
        note = "Largest ratio of medians, over N."
        yield claim(sentence, "ours", (own["error"] / own["best"]).max(), note=note).at_most(1.25)
        for name in ("preconditioned", "OMP", "lasso"):
            measured = medians[name].reindex(reference["samples"]) / np.asarray(reference[name])
            factor = np.exp(np.abs(np.log(measured)).max(skipna=False))
            sentence = f"{NAMES[name]}: errors are those of the reference, up to a factor."
            why = {"note": "Largest factor between medians, over N.", "deterministic": name == "lasso"}
            why |= {"reason": CAPPED} if name == "lasso" else {}
            yield claim(sentence, "reference, 5 supports", factor, **why).at_most(2)


@figure(
    "condition_number",
    alt="Only the preconditioned error is flat in the condition number; so is the norm of the truth.",
)
def condition_number(sheet):
    left, right = sheet.panels(columns=2, aspect=0.8)[0]
    _draw(sheet, left, "condition_number")
    left.mark(y=sheet.numbers["noise"] ** 2, label="noise variance")
    names = {"l1_norm": "of the columns", "dictionary_norm": "after preconditioning"}
    looks = dict(zip(names, (LOOKS["lasso"], LOOKS["preconditioned"]), strict=True))
    right.curves(sheet["norms"], "condition_number", "norm", by="of", names=names, looks=looks, xlog=True, ylog=True)
    right.mark(y=sheet.numbers["sparsity"], label="$k$")
    sheet.letters()
    sheet.legend_above(left, 5)
    right.legend()

    @sheet.claims
    def _(tables):
        medians, norms = _medians(tables, "condition_number"), tables["norms"].set_index("condition_number")
        flat = medians["preconditioned"].max() / medians["preconditioned"].min()
        sentence = "With a random support the samples that predictions need do not depend on the condition number."
        note = (
            "By the preconditioner of the page, not by the paper's algorithm, which could not be read: largest over least median at "
            "one N. The number is ours."
        )
        yield claim(sentence, "paper, abstract", flat, note=note).at_most(1.5)
        sentence = "The LASSO's error grows with the condition number."
        values = {f"{at:g}": value for at, value in medians["lasso"].items()}
        yield claim(sentence, "reference, 5 supports", values, deterministic=True).increasing()
        raw, own = (select(norms, of=name) for name in names)
        slope = np.polyfit(np.log(raw.index), np.log(raw["norm"]), 1)[0]
        sentence = (
            "The l1 norm of the truth, which bounds the LASSO's error, grows like a power of the condition number."
        )
        yield claim(sentence, "ours", slope, note="Exponent; the largest coefficient alone would have one.").between(
            0.5, 1
        )
        sentence = "In the dictionary its norm is at most the number of nonzeros, whatever the condition number."
        note = "Largest upper quartile over condition numbers; the norm of the predictions is one."
        largest = own["norm_high"].max()
        yield claim(sentence, "theory, exchangeability", largest, note=note).at_most(sheet.numbers["sparsity"])


@figure("designs", alt="Errors of all methods on six kinds of designs and supports.")
def designs(sheet):
    rows, kinds = pd.concat([sheet["errors"], sheet["exact"]], ignore_index=True), list(sheet.numbers["kind"])
    columns = [f"{m} columns" for m in sheet.numbers["columns"]]
    names = {**{name: f"preconditioned, {name}" for name in columns}, **NAMES}
    looks = style.look([*columns, "lasso", "ridge", "OMP"])
    panel = sheet.panel(style.PAGE, aspect=0.45)
    # Points of different solvers side by side.
    rows["place"] = rows["kind"].map(kinds.index) + 0.11 * (rows["solver"].map(list(looks).index) - len(looks) / 2)
    panel.points(rows, "place", "best", by="solver", names=names, looks=looks, lines=False, ylog=True, legend=False)
    panel.mark(y=sheet.numbers["noise"] ** 2)
    panel.set(xlabel="")
    panel.axes.set_xticks(range(len(kinds)), [kind.replace(", ", ",\n") for kind in kinds])
    panel.axes.minorticks_off()
    panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    @sheet.claims
    def _(tables):
        medians, own = _medians(tables, "kind"), columns[0]
        for name in ("lasso", own, "OMP"):
            sentence = (
                f"{names[name]}: near duplicates in the support cost far more than near duplicates in the design."
            )
            harm = medians[name]["pairs, paired support"] / medians[name]["pairs"]
            reason = (
                "At its best strength the exact LASSO is never much worse than reproducing the data, an error of the noise "
                "variance, and gets close to that: the noise leaves no room for a larger factor."
            )
            why = {"reason": reason} if name == "lasso" else {}
            yield claim(sentence, "reference, 5 supports", harm, deterministic=name == "lasso", **why).at_least(4)
        sentence = (
            "On the ill-conditioned design preconditioning at least halves the error of both other sparse methods."
        )
        gain = medians.loc["factor", ["lasso", "OMP"]].min() / medians[own]["factor"]
        yield claim(sentence, "ours", gain, note=EXACT).at_least(2)
        sentence = (
            "Where the LASSO is good already, preconditioning costs less than a factor of two (independent columns)."
        )
        yield claim(
            sentence, "reference, 5 supports", medians[own]["iso"] / medians["lasso"]["iso"], note=EXACT
        ).at_most(2)
        sentence = (
            "Gaussian coefficients make the ill-conditioned design easy: the LASSO is then better than preconditioned."
        )
        ratio = medians["lasso"]["factor, Gaussian coefficients"] / medians[own]["factor, Gaussian coefficients"]
        yield claim(sentence, "reference, 5 supports", ratio, note=EXACT).at_most(1)
        sentence = "More random columns than needed cost variance (walk)."
        values = {name: medians[name]["walk"] for name in columns}
        yield claim(sentence, "reference, 5 supports", values).increasing()


@figure("exchangeability", alt="Shares of supports and columns that random columns are near to, above their bounds.")
def exchangeability(sheet):
    shares, theory, reference = sheet["shares"], sheet["theory"], sheet.reference
    left, right = sheet.panels(columns=2, aspect=0.75)[0]
    looks = style.look(["nearer", "farther"])
    for column, look in looks.items():
        ends = {f"{column}{end}": f"share{end}" for end in ("", "_low", "_high")}
        left.points(
            shares.rename(columns=ends).assign(of=column),
            "columns",
            "share",
            by="of",
            names=NEARER,
            looks=looks,
            xlog=True,
        )
        left.line(theory["columns"], theory[column], color=look["color"], linestyle="--", drawstyle="steps-post")
    left.legend()
    right.points(shares, "columns", "ratio", xlog=True)
    right.mark(y=1)
    for panel in (left, right):
        panel.ticks(x=sheet.numbers["columns"])
    sheet.letters()

    @sheet.claims
    def _(tables):
        shares, bound = tables["shares"].set_index("columns"), theory.set_index("columns")
        bound = bound.loc[shares.index]
        source = "theory, exchangeability"
        sentence = "A column of a random support is farther from random columns than from the rest of it no more often than bound."
        worst = (shares["farther"] / bound["farther"]).max()
        yield claim(sentence, source, worst, note="Largest share over its bound.").at_most(1)
        sentence = "All columns at once are nearer at least as often as the union bound says."
        note = "Least margin; the bound says nothing where it is zero."
        yield claim(sentence, source, (shares["nearer"] - bound["nearer"]).min(), note=note).at_least(0)
        note = "Largest difference over numbers of columns; the reference has 400 columns and 200 samples."
        for column, what, tolerance in (("nearer", "shares of supports", 0.1), ("ratio", "median ratios", 0.05)):
            apart = (
                (shares[column].reindex(reference["columns"]) - np.asarray(reference[column])).abs().max(skipna=False)
            )
            sentence = f"The {what} are those of the reference."
            yield claim(sentence, "reference, simulation", apart, note=note).at_most(tolerance)


@figure("phase_diagram", alt="Preconditioning widens the region of small errors to many more nonzero coefficients.")
def phase_diagram(sheet):
    panels = sheet.panels(columns=2, aspect=0.8, sharey=True)[0]
    titled = zip(panels, ("LASSO, exact path", "preconditioned"), (sheet["lasso"], sheet["success"]), strict=True)
    for panel, title, rows in titled:
        mesh = panel.heat(rows, "samples", "sparsity", colour_label=None, xlog=True, ylog=True)
        panel.ticks(x=sheet.numbers["samples"], y=sheet.numbers["sparsity"])
        panel.set(title=title, ylabel=LABELS["sparsity"] if panel is panels[0] else "")
    sheet.colour_bar(mesh, panels, "rate")

    @sheet.claims
    def _(tables):
        cells = ["samples", "sparsity"]
        own, lasso = (tables[name].set_index(cells)["rate"] for name in ("success", "lasso"))
        sentence = "Preconditioning widens the region of small errors: mean share over the grid, against the LASSO."
        yield claim(sentence, "ours", (own - lasso).mean(), note=EXACT).at_least(0.15)
        most = own.index.get_level_values("samples").max()
        sentence = f"With {most} samples it predicts well up to numbers of nonzeros at which the LASSO never does."
        note = "Share of the preconditioned method, at the largest number of nonzeros whose share is zero for the LASSO but for it is not."
        there = own[most][lasso[most] == 0]
        yield claim(sentence, "ours", there.max() if len(there) else 0.0, note=note).at_least(0.5)
