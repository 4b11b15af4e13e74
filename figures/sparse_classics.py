"""The classics of sparse recovery."""

import numpy as np

from . import style
from .claims import claim
from .registry import figure
from .rows import first, picture, select

LABELS = {
    "sampling_ratio": r"sampling ratio $m/n$",
    "relative_sparsity": r"relative sparsity $k/m$",
    "boundary": r"relative sparsity $k/m$",
    "rate": "success rate",
    "step": "iteration",
    "mse": "mean squared error / signal power",
    "dimension": "dimension $n$",
    "width": "width of the transition in $k/m$",
    "sensitivity": r"$\log_{10}$ (mse / $\sigma^2$)",
    "correlation": "correlation of neighbouring columns",
    "error": "relative error",
    "false_discovery": "false discovery proportion",
    "control": r"control parameter $n / (2 k \log(p - k))$",
}
TRANSITION = "theory, Donoho-Tanner weak transition"


def _curve(sheet, name):
    """A predicted transition as a pair of columns."""
    return sheet["theory"]["sampling_ratio"], sheet["theory"][name]


def _gap(boundary):
    """Largest distance of fitted boundaries from the predicted ones; none where one was not found."""
    return (boundary["boundary"] - boundary["transition"]).abs().max(skipna=False)


def _widths(boundary, letter):
    """Widths of the transition by dimension, largest first."""
    rows = boundary.sort_values("dimension", ascending=False)
    return {f"{letter} = {n:.0f}": width for n, width in zip(rows["dimension"], rows["width"], strict=True)}


@figure("phase_diagram", alt="Success of ten solvers over sampling ratio and sparsity, with predicted transitions.")
def phase_diagram(sheet):
    success, boundary, band = sheet["success"], sheet["boundary"], sheet["band"]
    names, at = list(sheet.numbers["solvers"]), {"x": "sampling_ratio", "y": "relative_sparsity"}
    panels = sheet.panels(-(-(len(names) + 1) // 4), 4, aspect=1.0, sharex=True, sharey=True).flatten()
    theory = {name: _curve(sheet, name) for name in ("Donoho-Tanner", "spinodal")}
    for panel, name in zip(panels, names, strict=False):
        fitted = select(boundary, solver=name)
        mesh = panel.heat(select(success, solver=name), **at, boundary=fitted, theory=theory, colour_label=None)
        panel.set(title=name, xlabel="", ylabel="")
    last = panels[len(names)]
    last.line(band["sampling_ratio"], band["transition"], color=style.ORANGE, linewidth=1.5, label="Donoho-Tanner")
    last.points(band, "sampling_ratio", "boundary", by="solver", names={"AMP": "AMP, fitted"}, lines=False)
    last.set(title=f"AMP, $n = {sheet.numbers['amp_dimension']}$", xlabel="", ylabel="")
    last.legend(loc="upper left")
    for panel in panels[len(names) + 1 :]:
        panel.axes.set_axis_off()
    panels[-1].legend(handles=panels[0].axes.get_legend_handles_labels()[0], loc="center")
    sheet.drawing.supxlabel(LABELS["sampling_ratio"], fontsize=9)
    sheet.drawing.supylabel(LABELS["relative_sparsity"], fontsize=9)
    sheet.colour_bar(mesh, panels, "rate", fraction=0.03, pad=0.01, aspect=40)

    @sheet.claims
    def _(tables):
        fitted, edges = tables["band"], tables["boundary"]
        ratios, middle = fitted["sampling_ratio"], edges[np.isclose(edges["sampling_ratio"], 0.5)].set_index("solver")

        def boundaries(*names):
            return middle["boundary"].reindex(names).to_dict()

        span = f"{ratios.min():g} to {ratios.max():g} (dimension {sheet.numbers['amp_dimension']})"
        sentence = f"The 50 % boundary of AMP is the Donoho-Tanner weak curve at every sampling ratio from {span}."
        yield claim(sentence, TRANSITION, _gap(fitted), note="Largest distance over sampling ratios.").at_most(0.03)
        greedy, at = "reference, greedy methods at n = 256", "(sampling ratio 0.5)"
        sentence = f"Subspace pursuit beats the Donoho-Tanner transition on Gaussian coefficients {at}."
        tanner = np.interp(0.5, ratios, fitted["transition"])
        yield claim(sentence, greedy, boundaries("SubspacePursuit")["SubspacePursuit"]).at_least(tanner)
        sentence = f"Bayes-optimal message passing recovers far beyond l1 {at}."
        yield claim(sentence, "theory, spinodal", boundaries("AMP", "BayesAMP")).increasing()
        sentence = f"A line search lets hard thresholding recover more {at}."
        yield claim(sentence, greedy, boundaries("IHT", "NormalizedIHT")).increasing()
        sentence = f"Reweighting recovers more than l1 alone {at}."
        yield claim(sentence, "ours", boundaries("FISTA", "ReweightedL1")).increasing()


@figure(
    "certified_success",
    alt="Where AMP recovers, and where a dual vector proves it: the same cells, below the transition.",
)
def certified_success(sheet):
    panels, at = sheet.panels(1, 2, aspect=1.0, sharey=True)[0], {"x": "sampling_ratio", "y": "relative_sparsity"}
    theory = {"Donoho-Tanner": _curve(sheet, "Donoho-Tanner")}
    for panel, name in zip(panels, ("recovered", "proved"), strict=True):
        fitted = sheet["boundary"] if name == "proved" else None
        mesh = panel.heat(sheet[name], **at, boundary=fitted, theory=theory, colour_label=None)
        panel.set(title=name, ylabel=LABELS["relative_sparsity"] if panel is panels[0] else "")
    sheet.legend_above(panels[1], 2)
    sheet.colour_bar(mesh, panels, "rate", fraction=0.03, pad=0.02, aspect=30)

    @sheet.claims
    def _(tables):
        right, both, wrong = (tables["counts"][name].sum() for name in ("right", "both", "wrong"))
        sentence = "Whatever is proved is what was planted."
        source = "theory, uniqueness of the sparsest vector and dual certificates"
        yield claim(sentence, source, wrong, note="Instances that are proved and wrong.").at_most(0)
        sentence = "Nearly all that AMP recovers is proved."
        yield claim(sentence, "ours", both / right, note="Share of the recovered instances.").at_least(0.95)


@figure("universality", alt="Fitted transitions of l1 recovery for several designs and laws, on the theory curves.")
def universality(sheet):
    boundary, laws, looks = sheet["boundary"], sheet.numbers["law"], style.look(sheet.numbers["ensemble"])
    # Points of different ensembles side by side.
    shifts = {name: 0.012 * (place - (len(looks) - 1) / 2) for place, name in enumerate(looks)}
    boundary["sampling_ratio"] += boundary["ensemble"].map(shifts)
    panels = sheet.panels(columns=len(laws), aspect=1.0, sharex=True, sharey=True)[0]
    for panel, law in zip(panels, laws, strict=True):
        name = "Donoho-Tanner, nonnegative" if law == "nonnegative" else "Donoho-Tanner"
        panel.line(*_curve(sheet, name), linewidth=1.5, label="Donoho-Tanner")
        options = {"by": "ensemble", "looks": looks, "lines": False, "legend": False}
        panel.points(select(boundary, law=law), "sampling_ratio", "boundary", **options)
        panel.set(title=f"{law} coefficients", ylabel=LABELS["boundary"] if law == laws[0] else "")
    panels[0].legend(loc="upper left")

    @sheet.claims
    def _(tables):
        for law in laws:
            rows = select(tables["boundary"], law=law)
            sentence = f"For {law} coefficients every ensemble has its l1 transition on the Donoho-Tanner curve."
            note = "Largest distance over ensembles and sampling ratios."
            yield claim(sentence, TRANSITION, _gap(rows), note=note).at_most(0.05)


@figure("state_evolution", alt="Error per iteration of message passing, on the dashed prediction of state evolution.")
def state_evolution(sheet):
    measured, predicted, points = sheet["measured"], sheet["predicted"], sheet.numbers["point"]
    looks = style.look(["AMP", "BayesAMP"])
    panels = sheet.panels(columns=len(points), aspect=0.95, sharey=True)[0]
    for panel, (name, point) in zip(panels, points.items(), strict=True):
        dots = {solver: {**look, "linestyle": ""} for solver, look in looks.items()}
        panel.set(ylim=(0.7 * predicted["predicted"].min(), 1.4))
        panel.curves(select(measured, point=name), "step", "mse", by="solver", looks=dots, ylog=True)
        for solver, look in looks.items():
            rows = select(predicted, point=name, solver=solver)
            panel.line(rows["step"], rows["predicted"], color=look["color"], linestyle=(0, (4, 2)), linewidth=1.5)
        sizes = f"$m/n={point['sampling_ratio']:g}$, $k/m={point['relative_sparsity']:g}$"
        panel.set(title=f"{sizes}, $\\sigma={point['noise']:g}$")
        if panel is not panels[0]:
            panel.set(ylabel="")
            panel.axes.get_legend().remove()

    @sheet.claims
    def _(tables):
        rows = tables["measured"].merge(predicted, on=["point", "solver", "step"])
        scatter = (
            "Errors of single instances with few samples, of 120 nonzero coefficients each, scatter by a third of their mean. "
            "Whether more coefficients close the gap was not tried."
        )
        for solver in looks:
            later = rows[(rows["solver"] == solver) & (rows["step"] > 0)]
            gaps = (later["mse"] / later["predicted"] - 1).abs()
            worst = later.loc[gaps.idxmax()]
            sentence = f"{solver} follows state evolution at every iteration of every point."
            note = f"Largest relative gap of the mean, at iteration {worst['step']:.0f} of “{worst['point']}”."
            why = {"note": note, "reason": scatter if solver == "BayesAMP" else None}
            yield claim(sentence, "theory, state evolution", gaps.max(), **why).at_most(0.15)
        final = rows[rows["step"] == rows["step"].max()].pivot(index="point", columns="solver", values="mse")
        ratio = (final["AMP"] / final["BayesAMP"]).min()
        sentence = "With noise, knowing the prior at least halves the error of the l1 iteration at every point."
        yield claim(sentence, "ours", ratio, note="Smallest ratio of the final errors.").at_least(2)


@figure("finite_size", alt="Success across the transition for growing dimensions, and the width of the transition.")
def finite_size(sheet):
    def power_law(boundary):
        """Exponent and logarithm of the factor with which the width depends on the dimension."""
        usable = boundary[np.isfinite(boundary["width"]) & (boundary["width"] > 0)]
        logs = np.log(usable[["dimension", "width"]].to_numpy(float))
        return np.polyfit(*logs.T, 1) if len(logs) > 1 else (np.nan, np.nan)

    success, boundary = sheet["success"], sheet["boundary"].sort_values("dimension")
    left, right = sheet.panels(columns=2, aspect=0.6)[0]
    left.curves(success, "relative_sparsity", "rate", by="dimension", names=lambda n: f"$n = {n}$")
    left.mark(x=boundary["transition"].iloc[0], label="Donoho-Tanner")
    at, (exponent, constant) = boundary["dimension"].to_numpy(float), power_law(boundary)
    fitted, half = np.exp(constant) * at**exponent, boundary["width"].iloc[0] * (at / at[0]) ** -0.5
    options = {"by": "solver", "names": {"AMP": "fitted width"}, "lines": False, "xlog": True, "ylog": True}
    right.points(boundary, "dimension", "width", **options)
    right.line(at, fitted, color=style.BLUE, linewidth=1.5, label=f"slope {exponent:.2f}")
    right.line(at, half, linestyle=(0, (4, 2)), linewidth=1.5, label="slope $-1/2$")
    low, high = boundary["width"].min() / 1.2, boundary["width"].max() * 1.2
    right.ticks(x=at, y=[width for width in (0.01, 0.015, 0.02, 0.03, 0.04, 0.06) if low < width < high])
    right.legend()

    @sheet.claims
    def _(tables):
        boundary = tables["boundary"]
        largest = boundary.loc[boundary["dimension"].idxmax()]
        sentence = "The transition sharpens with the dimension."
        yield claim(sentence, "ours", _widths(boundary, "n")).increasing()
        sentence = "Its width falls like a power of the dimension with exponent near −1/2."
        yield claim(sentence, "ours", power_law(boundary)[0]).between(-0.7, -0.3)
        sentence = f"At dimension {largest['dimension']:.0f} the 50 % point is the Donoho-Tanner transition."
        yield claim(sentence, TRANSITION, largest["boundary"]).within(0.03, of=largest["transition"])


@figure("noise_grid", alt="Error in units of the noise over sampling ratio and relative sparsity, for growing noise.")
def noise_grid(sheet):
    noises, at = sorted(sheet.numbers["noise"]), ["sampling_ratio", "relative_sparsity"]
    shown, theory = sheet["cells"], sheet["minimax"]
    shown["sensitivity"] = np.log10(shown["sensitivity"])
    theory["sensitivity"] = np.log10(theory["minimax"].where(np.isfinite(theory["minimax"])))
    panels = sheet.panels(columns=len(noises) + 1, aspect=1.05, sharex=True, sharey=True)[0]
    titled = {rf"$\sigma = {noise:g}$": select(shown, noise=noise) for noise in noises} | {"minimax theory": theory}
    options = {"limits": (-1.5, 3.0), "colour_map": style.MAGNITUDE_MAP, "colour_label": None}
    for panel, (title, rows) in zip(panels, titled.items(), strict=True):
        curve = {"Donoho-Tanner": _curve(sheet, "Donoho-Tanner")}
        mesh = panel.heat(rows, *at, "sensitivity", theory=curve, **options)
        panel.set(title=title, ylabel=LABELS["relative_sparsity"] if panel is panels[0] else "")
    sheet.colour_bar(mesh, panels, "sensitivity", fraction=0.03, pad=0.01)

    @sheet.claims
    def _(tables):
        cells, source = tables["cells"].merge(sheet["minimax"], on=at), "theory, minimax noise sensitivity"
        below = cells[cells["relative_sparsity"] < 0.75 * cells["transition"]]
        above = cells[(cells["relative_sparsity"] > 1.3 * cells["transition"]) & (cells["noise"] == noises[0])]
        small = select(below, noise=noises[0])
        # A cell speaks against the bound if even its better quarter of trials exceeds it.
        under = (below["sensitivity_low"] <= below["minimax"]).mean()
        sentence = "Below the Donoho-Tanner curve the error is at most the minimax sensitivity times the noise."
        note = "Share of cells below three quarters of the curve whose lower quartile is at most the bound."
        yield claim(sentence, source, under, note=note).at_least(0.95)
        sentence = f"At small noise the bound is attained (noise {noises[0]:g})."
        note = "Median over those cells of the median error over the bound."
        attained = (small["sensitivity"] / small["minimax"]).median()
        yield claim(sentence, source, attained, note=note).within(0.15, of=1)
        sentence = "Above the curve a little noise is amplified without bound."
        amplified = (above["sensitivity"] > 100).mean()
        note = f"Share of cells above 1.3 times the curve whose error is a hundred times the noise variance (noise {noises[0]:g})."
        yield claim(sentence, source, amplified, note=note).at_least(0.95)


@figure("photograph", alt="A portrait and its reconstructions from growing numbers of measurements by three methods.")
def photograph(sheet):
    images, ratios, solvers = sheet["images"], sheet.numbers["sampling_ratios"], ["least norm", "FISTA", "AMP"]
    quality = images.pivot(index="solver", columns="sampling_ratio", values="psnr")
    panels = sheet.panels(len(solvers), len(ratios) + 1, aspect=1.07)
    for (row, column), panel in np.ndenumerate(panels[:, :-1]):
        shown = first(images, solver=solvers[row], sampling_ratio=ratios[column])
        title = f"{100 * ratios[column]:g} % of the pixels measured" if row == 0 else None
        panel.image(picture(shown), title, limits=(0, 1))
        panel.set(xlabel=f"PSNR {shown['psnr']:.1f} dB", ylabel=solvers[row] if column == 0 else "")
    panels[0, -1].image(picture(first(images, solver="photograph")), "photograph", limits=(0, 1))
    for panel in panels[1:, -1]:
        panel.axes.set_axis_off()

    @sheet.claims
    def _(tables):
        scores = {f"{ratio:g}": quality.loc["AMP", ratio] for ratio in ratios}
        yield claim("Message passing reconstructs better from more measurements.", "ours", scores).increasing()
        sentence = "Sparse recovery gains over the least-norm image at every sampling ratio (dB)."
        gain = (quality.loc["AMP"] - quality.loc["least norm"]).min()
        yield claim(sentence, "ours", gain, note="Smallest gain over sampling ratios.").at_least(5)
        sentence = "Message passing and proximal gradients, which solve about the same problem, agree (dB)."
        apart = (quality.loc["AMP"] - quality.loc["FISTA"]).abs().max()
        note = "Largest difference over sampling ratios. Written when the two had been seen to agree."
        yield claim(sentence, "ours", apart, note=note).at_most(1)


@figure("nonconvex_penalties", alt="Error, false discoveries and power of five penalties against the correlation.")
def nonconvex_penalties(sheet):
    best, looks = sheet["best"], style.look(sheet.numbers["penalties"])
    panels = sheet.panels(columns=3, aspect=0.9, sharex=True)[0]
    for panel, column in zip(panels, ("error", "false_discovery", "power"), strict=True):
        panel.curves(best, "correlation", column, by="solver", looks=looks, legend=panel is panels[0])

    @sheet.claims
    def _(tables):
        gains = tables["gain"][tables["gain"]["correlation"] <= 0.5]
        note = "Smallest lower end of the 95 % interval of the mean paired gain in relative error."
        for solver in ("SCAD", "MCP"):
            sentence = f"{solver} has a smaller error than l1 at every correlation up to 0.5, on the same instances."
            yield claim(sentence, "ours", select(gains, solver=solver)["difference_low"].min(), note=note).at_least(0)
        best = tables["best"]
        uncorrelated = select(best, correlation=best["correlation"].min()).set_index("solver")["false_discovery"]
        sentence = "Tuned for error, l1 pays with false discoveries that concave penalties avoid (no correlation)."
        shares = {name: uncorrelated[name] for name in ("MCP", "SCAD", "l1")}
        yield claim(sentence, "ours", shares).increasing(slack=0.02)


@figure("support_recovery", alt="Probability of exact support recovery against the control parameter, per dimension.")
def support_recovery(sheet):
    panel, crossing = sheet.panel(aspect=0.66), sheet.reference["crossing"]
    panel.curves(sheet["success"], "control", "rate", by="dimension", names=lambda p: f"$p = {p}$")
    panel.set(ylabel="exact signed support")
    panel.mark(x=1.0, label="threshold")

    @sheet.claims
    def _(tables):
        success, boundary = tables["success"], tables["boundary"].sort_values("dimension")
        largest, found = boundary.iloc[-1], boundary["boundary"]
        far = success.loc[success["control"] >= 1.8, "rate"].min()
        near = success.loc[success["control"] <= 0.6, "rate"].max()
        sentence = f"Recovery crosses one half near control parameter {crossing:g} (p = {largest['dimension']:.0f})."
        yield claim(sentence, "reference, 15 instances a point", largest["boundary"]).within(0.15, of=crossing)
        sentence = "Curves of different dimensions collapse: their 50 % points differ little."
        yield claim(sentence, "paper, Wainwright 2009", found.max() - found.min()).at_most(0.15)
        sentence = "The curves steepen with the dimension."
        yield claim(sentence, "reference, 15 instances a point", _widths(boundary, "p")).increasing()
        sentence = "Far above the threshold the support is found, far below it is not."
        criterion, rates = "≥ 0.8 above 1.8, ≤ 0.05 below 0.6", f"{far:.2f} above, {near:.2f} below"
        yield claim(sentence, "paper, Wainwright 2009", rates).satisfies(criterion, far >= 0.8 and near <= 0.05)
