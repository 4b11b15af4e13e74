"""Bayes-optimal learning of quadratic networks of extensive width."""

import numpy as np
import pandas as pd

from . import style
from .claims import claim
from .registry import figure
from .rows import first, select

ERROR = r"error $\kappa\,\|\hat S - S_\star\|_F^2/d$"
LABELS = {
    "sampling": r"samples $\alpha = n/d^2$",
    "samples": r"samples per parameter $\alpha/\kappa = n/(dm)$",
    "ratio": r"relative width $\kappa = m/d$",
    "noise": r"noise $\sqrt{\Delta}$",
    "error": ERROR,
    "bayes": ERROR,
    "boundary": r"trivialisation $\alpha_T$",
    "spread": "spread between runs (median)",
    "step": "iteration",
}
BAYES, THRESHOLD = "theory, Bayes-optimal error", "paper, perfect-recovery threshold"
PUBLISHED = {"linestyle": "", "marker": "x"}
SINGLE, AVERAGE = "single run", "average over runs"


def _ratio(value):
    return rf"$\kappa = {value:g}$"


def _noise(value):
    return "no noise" if value == 0 else rf"noise $\sqrt{{\Delta}} = {value:.3g}$"


def _bayes(panel, line):
    """The Bayes-optimal error as a black line."""
    panel.line(line["sampling"], line["bayes"], color=style.BLACK, linewidth=1.5, label="Bayes-optimal")


def _joined(tables):
    """Errors with the Bayes-optimal ones, the gap to them, and the standard deviation between instances."""
    rows = tables["errors"].merge(tables["bayes"])
    return rows.assign(gap=rows["error"] - rows["bayes"], deviation=rows["error_high"] - rows["error"])


@figure("bayes_error", alt="The Bayes-optimal error falls continuously to zero at the perfect-recovery threshold.")
def bayes_error(sheet):
    curves, heat, threshold, ends = (sheet[name] for name in ("curves", "map", "threshold", "ends"))
    left, right = sheet.panels(columns=2, aspect=0.8)[0]
    left.curves(curves, "sampling", "bayes", by="ratio", names=_ratio, markers=False)
    looks = style.look(curves["ratio"].unique())
    for at, look in zip(curves.groupby("ratio")["threshold"].first(), looks.values(), strict=True):
        left.axes.plot(at, 0, "o", color=look["color"], markersize=3.5, clip_on=False, zorder=4)
    left.set(xlim=(0, curves["sampling"].max()), ylim=(0, 1.02))
    line = {r"$\alpha_{PR} = \kappa - \kappa^2/2$": (threshold["sampling"], threshold["ratio"])}
    options = {"colour_map": style.MAGNITUDE_MAP, "colour_label": "error", "theory": line}
    right.heat(heat, "sampling", "ratio", "bayes", **options)
    right.legend(dark=True, loc="upper right")

    @sheet.claims
    def _(tables):
        rise = curves.groupby("ratio")["bayes"].diff().max()
        sentence = "The error of every width falls monotonically with the samples."
        note = "Largest rise between neighbouring points of a curve."
        yield claim(sentence, "authors, curves of the public code", rise, note=note).at_most(0)
        names = {"at": "at the threshold", "below": "1 % below", "well_below": "10 % below"}
        largest = {words: ends[name].max() for name, words in names.items()}
        sentence = "The error falls continuously to zero at the perfect-recovery threshold."
        yield claim(sentence, THRESHOLD, largest, note="Largest error over the widths shown.").increasing()
        yield claim("At the threshold the error is zero for every width.", THRESHOLD, ends["at"].max()).at_most(0)
        sentence = "One per cent below the threshold the error is positive for every width."
        yield claim(sentence, THRESHOLD, ends["below"].min()).at_least(1e-4)
        wrong = ((heat["bayes"] > 0) != (heat["sampling"] < heat["threshold"])).sum()
        sentence = "The error is positive left of the threshold and zero right of it, over the whole map."
        yield claim(sentence, THRESHOLD, wrong, note=f"Cells on the wrong side, of {len(heat)}.").at_most(0)
        gap = (sheet["compared"]["error"] - sheet.reference["errors"]).abs()
        sentence = "The error agrees with values computed independently, which agree with the authors' files."
        note = f"Largest difference over {len(gap)} values, which are given to three digits."
        yield claim(sentence, "reference, formulas evaluated independently", gap.max(), note=note).at_most(1e-3)


@figure("phase_diagram", alt="The error of GAMP-RIE over samples and width looks like the Bayes-optimal one.")
def phase_diagram(sheet):
    threshold, contour, below = sheet["threshold"], sheet["contour"], sheet.numbers["below"]
    shown, panels = _joined(sheet.tables), sheet.panels(columns=2, aspect=0.85, sharey=True)[0]
    shown["error"] = shown["error"].clip(upper=1)
    line = {r"$\alpha_{PR}$": (threshold["sampling"], threshold["ratio"])}
    options = {"colour_map": style.MAGNITUDE_MAP, "colour_label": None, "theory": line, "ylog": True}
    dots = {"color": "cyan", "markersize": 3.5, "markeredgecolor": "black", "markeredgewidth": 0.5, "zorder": 5}
    for panel, value, title in zip(panels, ("bayes", "error"), ("Bayes-optimal", "GAMP-RIE"), strict=True):
        boundary = sheet["boundary"] if value == "error" else None
        mesh = panel.heat(shown, "sampling", "ratio", value, boundary=boundary, **options)
        panel.axes.plot(contour["predicted"], contour["ratio"], "o", label=f"Bayes error {below:g}", **dots)
        panel.ticks(y=sheet.numbers["ratio"])
        panel.set(title=title)
        panel.axes.label_outer()
        panel.legend(dark=True, loc="lower right", fontsize=7)
    sheet.colour_bar(mesh, panels[1], "error (above 1 as 1)")

    @sheet.claims
    def _(tables):
        errors, boundary = _joined(tables), tables["boundary"].merge(contour)
        shift = (boundary["boundary"] - boundary["predicted"])[boundary["ratio"] >= 0.2].abs().max()
        sentence = f"GAMP-RIE reaches an error of {below:g} where the Bayes-optimal error does (widths from 0.2)."
        note = "Largest difference over the widths, in samples per squared dimension."
        yield claim(sentence, BAYES, shift, note=note).at_most(0.05)
        inside = errors[errors["sampling"] >= 0.15]
        gap = inside["gap"].abs()
        sentence = "Errors agree with the Bayes-optimal ones on average (from 0.15 samples on)."
        note = f"Mean absolute difference over {len(gap)} cells; the largest is {gap.max():.2f}."
        yield claim(sentence, BAYES, gap.mean(), note=note).at_most(0.05)
        edge = "theory, perfect-recovery threshold"
        beyond = errors["sampling"] - errors["threshold"]
        right, left = errors.loc[beyond >= 0.1, "error"], errors.loc[beyond <= -0.1, "error"]
        sentence = "From 0.1 beyond the threshold on the error nearly vanishes."
        note = f"Largest mean error over {len(right)} cells."
        yield claim(sentence, edge, right.max(), note=note).at_most(0.05)
        sentence, note = "Up to 0.1 before the threshold it does not.", f"Least mean error over {len(left)} cells."
        yield claim(sentence, edge, left.min(), note=note).at_least(0.05)


@figure("message_passing", alt="Errors of GAMP-RIE at two dimensions lie on the Bayes-optimal curves.")
def message_passing(sheet):
    numbers, published = sheet.numbers, pd.DataFrame(sheet.reference)
    noises, dimensions = numbers["noise"], sorted(numbers["dimension"], reverse=True)
    *panels, last = sheet.panels(columns=len(noises) + 1, aspect=1.0)[0]
    for panel, noise in zip(panels, noises, strict=True):
        _bayes(panel, select(sheet["line"], noise=noise))
        errors, names = select(sheet["errors"], noise=noise), {d: f"$d = {d}$" for d in dimensions}
        panel.points(errors, "sampling", "error", by="dimension", names=names, lines=False)
        if noise == 0:
            panel.line(published["sampling"], published["error"], label="published, $d = 100$", **PUBLISHED)
        panel.set(title=_noise(noise), ylim=(0, 1.25))
        panel.legend()
    largest, looks = dimensions[0], style.look([*dimensions, *noises])
    trace = select(sheet["trace"], dimension=largest)
    last.points(trace, "step", "error", by="noise", names=_noise, looks=looks, lines=False, ylog=True)
    for noise, rows in sheet["evolution"].groupby("noise"):
        last.line(rows["step"], rows["evolution"], color=looks[noise]["color"], linewidth=1.5)
    last.set(title=rf"undamped, $\alpha = {numbers['traced_sampling']:g}$, $d = {largest}$")

    @sheet.claims
    def _(tables):
        def order(rows, gap):
            """Mean absolute gaps, the largest dimension first."""
            means = gap.abs().groupby(rows["dimension"]).mean()
            return {f"d = {dimension}": means[dimension] for dimension in dimensions}

        everywhere = _joined(tables)
        errors = everywhere[everywhere["sampling"] >= 0.15 - 1e-9]
        note = f"Largest distance in standard deviations between instances, from 0.15 samples on, d = {largest}."
        reason = "The gap falls like 1/d, as error bars do; the authors' own errors are up to 3.3 deviations away."
        for noise in noises:
            rows = select(errors, dimension=largest, noise=noise)
            distance = (rows["gap"].abs() / rows["deviation"]).max()
            sentence = (
                f"The Bayes-optimal error lies within the error bars ({f'noise {noise:.3g}' if noise else 'no noise'})."
            )
            yield claim(sentence, BAYES, distance, note=note, reason=reason).at_most(2)
        wide = errors.pivot(index=["noise", "sampling"], columns="dimension")
        large, small = dimensions[:2]
        weights = pd.Series({small: -small, large: large}) / (large - small)
        spread = np.sqrt((weights * wide["deviation"]) ** 2 / wide["trials"])[[small, large]]
        apart = (weights * wide["gap"])[[small, large]].sum(axis=1).abs() / np.hypot(spread[small], spread[large])
        sentence = "Extrapolated to infinite dimension (linearly in 1/d) the errors are the Bayes-optimal ones."
        note = f"Largest distance in standard errors over {len(apart)} points."
        yield claim(sentence, BAYES, apart.max(), note=note).at_most(3)
        sentence = "The distance from the Bayes-optimal error is a finite-size effect: it falls with the dimension."
        note = "Mean absolute difference from 0.15 samples on, over both noise levels."
        yield claim(sentence, "ours", order(errors, errors["gap"]), note=note).increasing()
        quiet = select(everywhere, dimension=largest, noise=0).set_index("sampling")["error"]
        gap = (quiet - published.set_index("sampling")["error"]).abs()
        sentence = "Without noise the errors agree with the published ones at d = 100."
        note = f"Largest difference over {gap.count()} points, at d = {largest}."
        yield claim(sentence, "authors, GAMP-RIE at d = 100", gap.max(), note=note).at_most(0.05)
        trace = tables["trace"].merge(tables["evolution"])
        distance = order(trace, trace["error"] - trace["evolution"])
        sentence = "Undamped iterations approach state evolution as the dimension grows."
        note = f"Mean absolute difference over the first {numbers['iterations']} iterations and both noise levels."
        yield claim(sentence, "theory, state evolution", distance, note=note).increasing()


@figure("gradient_descent", alt="A run of gradient descent has twice the error of the average over runs.")
def gradient_descent(sheet):
    noises, threshold = sheet.numbers["noise"], sheet["bayes"]["threshold"].iloc[0]
    panels = sheet.panels(columns=len(noises), aspect=0.75, sharey=True)[0]
    for panel, noise in zip(panels, noises, strict=True):
        line = select(sheet["line"], noise=noise)
        _bayes(panel, line)
        if noise == 0:
            panel.line(line["sampling"], 2 * line["bayes"], linestyle=(0, (4, 2)), linewidth=1.5, label="twice that")
            panel.axes.plot(threshold, 0, "o", color=style.BLACK, clip_on=False, zorder=5)
        panel.points(select(sheet["errors"], noise=noise), "sampling", "error", by="estimate", lines=False)
        panel.set(title=_noise(noise), ylim=(0, 2.85))
        panel.axes.label_outer()

    @sheet.claims
    def _(tables):
        rows = _joined(tables).set_index("sampling").sort_index()
        single, average = (select(rows, estimate=name, noise=0) for name in (SINGLE, AVERAGE))
        ratio = (single["error"] / average["error"]).loc[: 0.8 * threshold + 1e-9]
        sentence = "Without noise a single run has twice the error of the average over runs, as a posterior sample has."
        note = "The ratio furthest from two, up to 0.8 of the threshold."
        yield claim(sentence, "paper, abstract", ratio.iloc[(ratio - 2).abs().argmax()], note=note).within(0.25, of=2)
        gap = average["gap"].abs()
        sentence = "Without noise the average over runs has the Bayes-optimal error."
        note = "Largest difference. Errors of finite instances lie above the limit."
        yield claim(sentence, "paper, abstract", gap.max(), note=note).at_most(0.1)
        source = "authors, runs of gradient descent with noise"
        for noise in filter(None, noises):
            single, average = (select(rows, estimate=name, noise=noise).loc[0.2:] for name in (SINGLE, AVERAGE))
            excess = average["gap"]
            sentence = "With noise the average over runs stays above the Bayes-optimal error"
            note = f"Least excess in standard errors; excesses from {excess.min():.3f} to {excess.max():.3f}."
            least = (excess / average["deviation"] * np.sqrt(average["trials"])).min()
            yield claim(f"{sentence} (noise {noise:g}, from 0.2 samples on).", source, least, note=note).at_least(2)
            sentence = f"With noise single runs and their average coincide for enough samples (noise {noise:g})."
            ratio, note = (single["error"] / average["error"]).iloc[-1], f"At {average.index[-1]:g} samples, ratio."
            yield claim(sentence, source, ratio, note=note).at_most(1.05)


@figure("narrow_networks", alt="With vanishing width the error climbs onto a limiting law.")
def narrow_networks(sheet):
    curves, limit, at = sheet["curves"], sheet["limit"], sheet.numbers["at"]
    panel = sheet.panel(style.PAGE * 0.72, aspect=0.62)
    panel.curves(curves, "samples", "error", by="ratio", names=_ratio, markers=False)
    look = {"color": style.BLACK, "linestyle": (0, (4, 2)), "linewidth": 1.5}
    panel.line(limit["samples"], limit["error"], label=r"limit $\kappa \to 0$", **look)
    panel.set(xlim=(0, curves["samples"].max()), ylim=(0, 1.02))
    panel.legend()

    @sheet.claims
    def _(tables):
        there = sheet["there"].set_index("ratio").sort_index(ascending=False)
        order = {f"κ = {ratio:g}": error for ratio, error in there["error"].items()}
        order["limit"] = there["limit"].iloc[0]
        sentence = f"Curves climb onto the law of narrow networks as the width falls ({at:g} samples per parameter)."
        yield claim(sentence, "authors, curves of the public code", order).increasing()
        wide = curves.pivot(index="samples", columns="ratio", values="error")
        sentence = "At every number of samples per parameter the error rises as the width falls."
        note = "Largest rise from one width to the next larger one."
        yield claim(sentence, "ours", wide.diff(axis=1).max().max(), note=note).at_most(1e-6)
        gap = (there["error"] - pd.Series(sheet.reference["error"], sheet.reference["ratio"])).abs().max()
        sentence = f"The convergence is as slow as computed independently ({at:g} samples per parameter)."
        note = "Largest difference over three widths."
        yield claim(sentence, "reference, formulas evaluated independently", gap, note=note).at_most(1e-3)


@figure("weight_decay", alt="Weight decay makes runs agree, and none reaches the Bayes-optimal error.")
def weight_decay(sheet):
    panel, errors = sheet.panel(style.PAGE * 0.72, aspect=0.66), sheet["errors"]
    _bayes(panel, sheet["line"])
    looks = {name: {**look, "linestyle": "-"} for name, look in style.look(sheet.numbers["weight_decay"]).items()}
    dotted = {name: {**look, "linestyle": (0, (1, 1.5))} for name, look in looks.items()}
    options = {"by": "weight_decay", "band": False}
    average, single = (select(errors, estimate=name) for name in (AVERAGE, SINGLE))
    panel.curves(average, "sampling", "error", names=r"$\lambda = {:g}$".format, looks=looks, **options)
    panel.curves(single, "sampling", "error", names="_{}".format, looks=dotted, markers=False, **options)
    panel.set(ylim=(0, None))
    panel.legend()

    @sheet.claims
    def _(tables):
        rows = _joined(tables).set_index(["sampling", "weight_decay"])
        single, average = (select(rows, estimate=name)["error"].unstack() for name in (SINGLE, AVERAGE))
        ours = "Observed here, with a bound set after the first results; the paper's figure has no sentence to check."
        best = single.loc[:, single.columns > 0].min(axis=1)
        sentence = "The best weight decay lowers the error of a single run at every number of samples."
        note = f"Largest ratio of the errors with and without. {ours}"
        yield claim(sentence, "ours", (best / single[0.0]).max(), note=note).at_most(1)
        strong = (single / average).loc[:, 0.1:].max().max()
        sentence = "Enough weight decay (from 0.1) makes all runs agree, at every number of samples."
        note = f"Largest ratio of the errors of single runs and averages. {ours}"
        yield claim(sentence, "ours", strong, note=note).at_most(1.02)
        least = select(rows, estimate=AVERAGE)
        note = f"Least ratio of the error of the average to the Bayes-optimal one. {ours}"
        ratio = (least["error"] / least["bayes"]).min()
        yield claim("No weight decay reaches the Bayes-optimal error.", "ours", ratio, note=note).at_least(1)


@figure("trivialisation", alt="The more noise, the fewer samples make all initialisations agree, down to about 0.2.")
def trivialisation(sheet):
    boundary, published, spread = sheet["boundary"], pd.DataFrame(sheet.reference), sheet["spread"]
    threshold = sheet["bayes"]["threshold"].iloc[0]
    left, right = sheet.panels(columns=2, aspect=0.75)[0]
    names = r"$\sqrt{{\Delta}} = {:g}$".format
    left.curves(spread, "sampling", "spread", by="noise", names=names, band=False, ylog=True)
    left.set(ylim=(1e-6, 1e4))
    left.legend(ncols=2, loc="upper right")
    left.mark(y=sheet.numbers["below"], label="agree")
    ends = boundary[["low", "high"]].clip(spread["sampling"].min(), spread["sampling"].max())
    bars = boundary.assign(boundary_low=ends["low"], boundary_high=ends["high"], size=sheet.numbers["dimension"])
    right.points(bars, "noise", "boundary", by="size", names="$d = {}$".format)
    right.line(published["noise"], published["boundary"], label="published, larger $d$", **PUBLISHED)
    right.mark(y=threshold, label=r"$\alpha_{PR}$")
    right.set(ylim=(0.1, 0.5))
    right.legend()

    @sheet.claims
    def _(tables):
        source, found = "authors, trivialisation thresholds", tables["boundary"].sort_values("noise", ascending=False)
        order = {f"noise {noise:g}": value for noise, value in found.set_index("noise")["boundary"].items()}
        yield claim("The trivialisation threshold falls with the noise.", source, order).increasing()
        quiet, loud = (first(found, noise=noise) for noise in (found["noise"].min(), found["noise"].max()))
        ends = {"interval": (quiet["low"], quiet["high"])}
        sentence = "Without noise it is the perfect-recovery threshold."
        yield claim(sentence, source, quiet["boundary"], **ends).within(0.05, of=threshold)
        ends = {"interval": (loud["low"], loud["high"]), "note": f"At the largest noise, {loud['noise']:g}."}
        yield claim("For strong noise it saturates.", source, loud["boundary"], **ends).within(0.03, of=0.2)
        both = found.merge(published, on="noise", suffixes=("", "_published"))
        gap = (both["boundary"] - both["boundary_published"]).abs().max()
        sentence = "It agrees with the published values in samples."
        note = "Largest difference. Runs that are not yet at rest count as apart, which puts thresholds too high."
        yield claim(sentence, source, gap, note=note).at_most(0.05)
