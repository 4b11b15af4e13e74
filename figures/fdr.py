"""Free discontinuity regression: drawings and claims."""

import numpy as np
import pandas as pd
from matplotlib.ticker import NullFormatter

from . import style
from .claims import claim
from .registry import figure
from .rows import first, interval, select, standard_error

LABELS = {
    "samples": "points $N$",
    "jump_deviations": r"jump $\delta$",
    "mse": "mean squared error",
    "false_positive": "false positive rate",
    "false_negative": "false negative rate",
    "jump_bias": "bias of the walked jump",
    "jump_mse": "squared error of that jump",
    "step_ratio": "one-step jump / noiseless",
    "data_weight": r"data weight $\lambda$",
    "jump_penalty": r"penalty $\nu$",
    "height": "height of the jump (scaled)",
    "planted": "planted height",
    "noiseless": "walk over the noiseless function",
    "size": "estimated size",
    "rate": "share kept",
}
# A small independent run with the same functional; the paper's own tables were not at hand.
RUN = "reference, a small run of the same functional"
EXAMPLE = "authors, example of the notebook"
LATE = "The threshold was set after first results."


def _listed(values, form=".3f"):
    return ", ".join(f"{value:{form}}" for value in values)


def _show(panel, cells, name, title, **options):
    """A map of a column over the cells of a plane."""
    picture = cells.pivot(index="x1", columns="x0", values=name).to_numpy(float)
    options = {"colour_map": style.MAGNITUDE_MAP, "origin": "lower", "extent": (0, 1, 0, 1), **options}
    return panel.image(picture, title, **options)


def _diagonal(panel, low, high):
    panel.line([low, high], [low, high], linestyle=(0, (3, 2)))


@figure("line", alt="A wave with four jumps, its estimate, and how often each jump is found.")
def line(sheet):
    cells, truth, jumps, levels = sheet["cells"], sheet["truth"], sheet["jumps"], sheet.numbers["levels"]
    left, right = sheet.panels(columns=2, aspect=0.62, width_ratios=(1.6, 1))[0]
    left.line(sheet["points"]["x"], sheet["points"]["y"], marker=".", linestyle="", alpha=0.25, markersize=3)
    low, high = (cells["estimate"] + sign * sheet["band"]["width"].iloc[0] for sign in (-1, 1))
    left.axes.fill_between(cells["x0"], low, high, step="mid", color=style.BLUE, alpha=0.15, linewidth=0)
    left.line(truth["x"], truth["y"], color=style.BLACK, label="function")
    left.line(cells["x0"], cells["estimate"], drawstyle="steps-mid", color=style.BLUE, label="FDR")
    exact = {"drawstyle": "steps-mid", "color": style.ORANGE, "linestyle": (0, (3, 2)), "label": "exact minimiser"}
    left.line(cells["x0"], cells["exact"], **exact)
    found = cells.loc[cells["size"] > 0, "x0"] + cells["x0"].diff().iloc[1] / 2
    look = {"marker": "|", "markersize": 9, "color": style.VERMILION, "linestyle": "", "label": "jump found"}
    left.line(found, 0 * found - 0.12, **look)
    look = {"marker": "^", "markersize": 4, "color": style.BLACK, "linestyle": "", "label": "jump planted"}
    left.line(jumps["place"], 0 * jumps["place"] - 0.18, **look)
    left.set(xlabel="$x$", ylabel="outcome", xlim=(0, 1), ylim=(-0.25, None))
    left.legend(fontsize=7)
    rates, places = sheet["rates"].merge(jumps, on="number"), np.arange(len(jumps))
    bars = np.abs(rates[["located_low", "located_high"]].to_numpy().T - rates["located"].to_numpy())
    right.axes.bar(places, rates["located"], yerr=bars, color=style.BLUE, width=0.6, capsize=2)
    right.set(xticks=places, xticklabels=[f"{height:.2f}" for height in rates["height"]], ylim=(0, 1.05))
    right.set(xlabel="planted jump, from the left", ylabel="located to a cell")
    sheet.letters()

    @sheet.claims
    def _(tables):
        rates = tables["rates"].merge(jumps, on="number").set_index("number")
        smallest = rates["height"].idxmin()
        large, small = rates.drop(index=smallest), rates.loc[smallest]
        sentence = "The three large jumps are located to within one cell."
        note = f"Least rate of the three over {small['trials']:.0f} instances; "
        note += f"at heights of {_listed(large['height'], '.2f')}: {_listed(large['located'], '.2f')}."
        reason = (
            "The function falls steeply towards the second jump; without noise the step is 0.107, the threshold 0.1."
        )
        yield claim(sentence, EXAMPLE, large["located"].min(), note=note, reason=reason).at_least(0.9)
        sentence = "The smallest jump is the one that is lost."
        note = f"Rate at which the jump of {small['height']:.3f} is located."
        yield claim(sentence, EXAMPLE, small["located"], note=note).at_most(0.5)
        stated = np.asarray(sheet.reference["sizes"])
        sentence = f"Sizes of the three large jumps are those of the authors' example ({_listed(stated)})."
        note = f"Largest relative difference of the mean sizes found ({_listed(large['size'])}); the example is one instance."
        yield claim(sentence, EXAMPLE, (large["size"] / stated - 1).abs().max(), note=note).at_most(0.2)
        sentence = "The conformal band covers the nominal share of fresh outcomes."
        note = "One instance, 500 fresh points; the tolerance is two standard errors of calibration and test together."
        covered, source = tables["band"]["covered"].iloc[0], "theory, split conformal coverage"
        nominal = sheet.numbers["coverage"]
        yield claim(sentence, source, covered, deterministic=True, note=note).within(0.035, of=nominal)
        sentence = "The convex relaxation finds the exact minimiser to within a level."
        note = f"Largest difference, for {levels} levels of the outcomes' range. {LATE}"
        gap, level = (cells["estimate"] - cells["exact"]).abs().max(), 1.25 * np.ptp(cells["data"]) / levels
        yield claim(sentence, "ours", gap, deterministic=True, note=note).at_most(level)
        sentence = "The tested stopping rule is met in some hundreds of iterations."
        yield claim(sentence, RUN, 10 * tables["steps"]["steps"].iloc[0], note="Mean.").at_most(650)


@figure("line_table", alt="Errors in one dimension fall with the number of points.")
def line_table(sheet):
    name = r"$\lambda={data_weight:g}$, $\nu={jump_penalty:g}$"
    names = {key: name.format(**weights) for key, weights in sheet.numbers["setting"].items()}
    panels = sheet.panels(columns=3, aspect=0.95)[0]
    for panel, column in zip(panels, ("mse", "false_positive", "false_negative"), strict=True):
        panel.points(sheet["errors"], "samples", column, by="setting", names=names, legend=False, xlog=True)
        panel.ticks(x=sheet.numbers["samples"])
    panels[0].set(yscale="log")
    panels[1].legend(fontsize=7)
    sheet.letters()

    @sheet.claims
    def _(tables):
        errors = tables["errors"].sort_values("samples")
        low, middle, high = (select(errors, setting=name) for name in ("low", "middle", "high"))

        def against(rows, column, sentence, **words):
            """How many standard errors, of at least 0.01, a column is from what is stated at the first numbers of points."""
            stated = sheet.reference[rows["setting"].iloc[0]][column][: len(rows)]
            rows = rows.head(len(stated))
            apart = (rows[column] - stated).abs() / standard_error(rows, column).clip(lower=0.01)
            note = f"Largest difference in standard errors (of at least 0.01): measured {_listed(rows[column])}."
            return claim(sentence, RUN, apart.max(), note=note, **words).at_most(3)

        for name, rows in (("low", low), ("middle", middle)):
            yield against(
                rows, "false_positive", f"With the {name} penalty false positive rates are the reference ones."
            )
        reason = "With four jumps in each of its four instances the reference can only tell multiples of 0.06."
        sentence = "With the middle penalty false negative rates are the reference ones."
        yield against(middle, "false_negative", sentence, reason=reason)
        sentence = "With the low penalty no jump is missed."
        yield claim(sentence, RUN, low["false_negative"].max()).at_most(0.01)
        sentence = "With the high penalty nothing is invented from 1,000 points on."
        yield claim(sentence, RUN, high.query("samples >= 1000")["false_positive"].max()).at_most(0.01)
        sentence = "With the high penalty the smallest jump is always lost."
        note = "Largest rate at which it is located."
        yield claim(sentence, RUN, high["located_1"].max(), note=note).at_most(0.05)
        sentence = "With the high penalty only the smallest jump is lost, one of four."
        note = f"False negatives at the most points; by number of points {_listed(high['false_negative'], '.2f')}."
        reason = (
            "Without noise the second step is 0.107, 0.106, 0.097 at 500, 1,000, 2,000 points; the threshold is 0.1."
        )
        yield claim(sentence, RUN, high["false_negative"].iloc[-1], note=note, reason=reason).within(0.05, of=0.25)
        ratios = low[["mse", "false_positive"]].iloc[-1] / low[["mse", "false_positive"]].iloc[0]
        sentence = "The mean squared error is smaller with the most points than with the fewest."
        note = f"Low penalty; {_listed(low['mse'], '.1e')}: how jumps lie in cells matters as much as noise."
        yield claim(sentence, "paper, abstract", ratios["mse"], note=note).at_most(1)
        sentence = "False positives fall with the number of points."
        note = "Ratio at the most points to the fewest, low penalty."
        yield claim(sentence, "paper, abstract", ratios["false_positive"], note=note).at_most(0.5)


@figure("plane_table", alt="Errors in two dimensions over the jump, by number of points and noise.")
def plane_table(sheet):
    stated, grid = pd.DataFrame(sheet.reference["runs"]), ["samples", "noise", "jump_deviations"]
    at = {"noise": sheet.numbers["compared_noise"], "jump_deviations": sheet.numbers["compared_jump"]}

    def parts(tables):
        """The table, what is compared with the reference, and squared errors without and with the correction."""
        errors = tables["errors"]
        corrected = select(errors, shift=0.5)
        table = select(corrected, setting=0).merge(tables["grid"], on=grid)
        weights = ["data_weight", "jump_penalty"]
        compared = stated.merge(select(corrected, **at), on=["samples", *weights], suffixes=("_stated", ""))
        for end in ("", "_stated"):
            compared[f"step_ratio{end}"] = compared[f"one_step{end}"] / compared[f"one_step_truth{end}"]
        shifts = select(errors, samples=errors["samples"].min(), **at)
        return table, compared, shifts.pivot(index=weights, columns="shift", values="mse").dropna()

    table, compared = parts(sheet.tables)[:2]
    panels = sheet.panels(2, 3, aspect=0.95)
    columns = ("mse", "jump_bias", "jump_mse", "false_positive", "false_negative")
    names = {key: rf"$N={key[0]:,}$, $\sigma={key[1]:g}$" for key in table.groupby(["samples", "noise"]).groups}
    for panel, column in zip(panels.flat, columns, strict=False):
        panel.points(table, "jump_deviations", column, by=["samples", "noise"], names=names, legend=False)
        panel.set(xticks=sheet.numbers["jump_deviations"])
    panels[0, 0].set(ylim=(0, None))
    panels[1, 1].legend(fontsize=7)
    last, places = panels[1, 2], np.arange(len(compared))
    error = (compared["one_step_high"] - compared["one_step"]) / compared["one_step_truth"]
    look = {"marker": "o", "linestyle": "", "capsize": 2, "label": "here"}
    last.axes.errorbar(places, compared["step_ratio"], yerr=error, color=style.BLUE, **look)
    last.axes.plot(places, compared["step_ratio_stated"], "x", color=style.VERMILION, label="reference")
    last.mark(y=1.0)
    keys = compared[["samples", "data_weight", "jump_penalty"]].itertuples(index=False)
    last.axes.set_xticks(places, ["\n".join(f"{value:g}" for value in key) for key in keys], fontsize=6)
    last.set(xlabel=r"$N$, $\lambda$, $\nu$", ylabel=sheet.labels["step_ratio"], ylim=(0.6, 1.4))
    last.legend(fontsize=6)
    sheet.letters()

    @sheet.claims
    def _(tables):
        table, compared, shifts = parts(tables)
        for row in compared.itertuples():
            weights = f"N = {row.samples:,}, weights {row.data_weight:g}, {row.jump_penalty:g}"
            sentence = f"The one-step jump errs no more than the reference ({weights})."
            stated = f"{row.one_step_stated:g} for {row.one_step_truth_stated:g}"
            note = f"Relative error: {row.one_step:.4f} for {row.one_step_truth:.4f} without noise, reference {stated}."
            bound = max(abs(row.step_ratio_stated - 1), 0.02)
            yield claim(sentence, RUN, abs(row.step_ratio - 1), note=note).at_most(bound)
        sentence = "The noiseless grid has the one-step jumps of the reference."
        gap = (compared["one_step_truth"] - compared["one_step_truth_stated"]).abs().max()
        yield claim(sentence, RUN, gap, deterministic=True).at_most(1e-3)
        sentence = "False positive rates agree with the reference."
        gap = (compared["false_positive"] - compared["false_positive_stated"]).abs().max()
        yield claim(sentence, RUN, gap, note=f"Largest difference. {LATE}").at_most(0.03)

        def falls(along, source, reason):
            """In how many rows of the table each column is larger at the end of an axis than at its start."""
            low, high = (
                table[table[along] == end].set_index(grid).droplevel(along) for end in table[along].agg(["min", "max"])
            )
            rises = (high[list(columns)] > low[list(columns)] + 1e-9).sum()
            note = f"Rows, of {len(low)} per column, in which a column is larger at the end: {rises.to_dict()}."
            sentence = f"All error columns fall with the {along.split('_')[0]}."
            return claim(sentence, source, rises.sum(), note=note, reason=reason).at_most(0)

        reason = (
            "Cells shrink with the number of points, so jumps of 0.25 deviations, which threshold and penalty are too high for, "
            "are missed more often; the squared error is then that of the grid and hardly falls with the points."
        )
        yield falls("samples", "paper, abstract", reason)
        yield falls("jump_deviations", "ours", "Larger jumps leave larger errors in the cells that the circle cuts.")
        sentence = "Cell means of 20 points are not improved upon: there the method finds jumps."
        note = "Squared error over that of the cell means, the least ratio in the table."
        ratio = (table["mse"] / table["grid_mse"]).min()
        yield claim(sentence, RUN, {"cell means": 1.0, "estimate": ratio}, note=note).increasing()
        sentence = "A small part of the lifted function is undecided."
        undecided = table["undecided"]
        note = f"Neither within 0.01 of 0 nor of 1: mean over the table, from {undecided.min():.3f} to {undecided.max():.3f}."
        yield claim(sentence, RUN, undecided.mean(), note=note).within(0.045, of=0.095)
        sentence = "Half a level's correction lowers the squared error at least as much as in the reference."
        listed = (f"{key}: {row[0.0]:.2g} to {row[0.5]:.2g}" for key, row in shifts.iterrows())
        before, after = sheet.reference["correction"]
        note = f"Least ratio, {', '.join(listed)}; the reference has {before:g} to {after:g} at (20, 0.01)."
        yield claim(sentence, RUN, (shifts[0.0] / shifts[0.5]).min(), note=note).at_least(before / after)
        sentence = "The walk over five cells overstates the jump, by the slope it walks over."
        largest = table[table["jump_deviations"] == table["jump_deviations"].max()]
        heights = largest["height"]
        note = f"Least mean excess over {heights.min():.3f} to {heights.max():.3f} planted, at the largest jump."
        yield claim(sentence, RUN, largest["jump_bias"].min(), note=note).at_least(0.05)


def _pictures(sheet, cells, points, titles, aspect):
    """Function, points and estimate side by side; returns the panel that is left."""
    truth, cloud, fit, last = sheet.panels(columns=4, aspect=aspect, width_ratios=(1, 1, 1.03, 1.1))[0]
    limits = (cells["truth"].min(), cells["truth"].max())
    _show(truth, cells, "truth", titles[0], limits=limits)
    cloud.image(np.full((1, 1), np.nan), titles[1], limits=limits, extent=(0, 1, 0, 1))
    look = {
        "s": 40 / len(points) ** 0.5,
        "cmap": style.MAGNITUDE_MAP,
        "vmin": limits[0],
        "vmax": limits[1],
        "linewidths": 0,
    }
    cloud.axes.scatter(points["x0"], points["x1"], c=points["y"], rasterized=True, **look)
    mesh = _show(fit, cells, "estimate", titles[2], limits=limits)
    sheet.colour_bar(mesh, fit, "outcome", fraction=0.046, pad=0.03, aspect=20)
    return last


def _boundary(summary, sentence, source, **words):
    """Whether the jump set lets no path from the centre to the border."""
    enclosed = summary["enclosed"] == 1
    found = claim(sentence, source, "closed" if enclosed else "open", **words)
    return found.satisfies("no path from the centre to the border", enclosed)


@figure("plane", alt="Truth, points, estimate and a closed ring of jumps.")
def plane(sheet):
    cells = sheet["cells"]
    edge = _pictures(sheet, cells, sheet["points"], ("function", "points", "FDR"), 1.15)
    _show(edge, cells.assign(jump=cells["size"] > 0), "jump", "jump set", colour_map="Greys")
    turn = np.linspace(0, 2 * np.pi, 200)
    edge.line(0.5 + 0.25 * np.cos(turn), 0.5 + 0.25 * np.sin(turn), color=style.VERMILION, linewidth=0.7, zorder=2)
    sheet.letters()

    @sheet.claims
    def _(tables):
        summary, source = tables["summary"].iloc[0], "authors, picture of the cone"
        yield _boundary(summary, "The boundary is a closed ring.", source)
        sentence = "The ring lies at radius 1/4."
        note = "Share of the jump set within two cells of the circle."
        yield claim(sentence, source, summary["near_circle"], note=note).at_least(0.95)
        sentence = "With few points per cell the surface is denoised."
        note = "Squared error over that of cell means; reference gains are 1.6 to 1.8."
        yield claim(sentence, RUN, summary["mse"] / summary["raw_mse"], note=note).at_most(0.6)


@figure("space", alt="A slice through the ball, and the cells of the jump set around it.")
def space(sheet):
    cells, points, count = sheet["cells"], sheet["points"], sheet.numbers["cells"]
    middle = np.sort(cells["x2"].unique())[count // 2]
    near = points[(points["x2"] - middle).abs() <= 1 / count]
    titles = ("function (slice)", "points near it", "FDR (slice)")
    edge = _pictures(sheet, select(cells, x2=middle), near, titles, 1.2)
    found = cells.loc[cells["size"] > 0, ["x0", "x1", "x2"]]
    radius = np.linalg.norm(found + 0.5 / count - 0.5, axis=1)
    edge.axes.hist(radius, bins=np.linspace(0, 0.7, 29), color=style.BLUE)
    edge.mark(x=0.25, label="planted")
    edge.set(xlabel="distance from centre", ylabel="jump cells")
    sheet.letters()

    @sheet.claims
    def _(tables):
        summary = tables["summary"].iloc[0]
        reason = "One missed cell is a hole, and a jump of half a deviation is near the threshold where the sphere cuts cells obliquely."
        yield _boundary(summary, "The boundary encloses the ball.", "ours", reason=reason)
        sentence = "Hardly any part of the sphere is missed."
        yield claim(sentence, "ours", summary["false_negative"]).at_most(0.05)
        sentence = "The jump set lies at radius 1/4."
        note = f"Share within two cells of the sphere. {LATE}"
        yield claim(sentence, "ours", summary["near_circle"], note=note).at_least(0.8)
        sentence = "The surface is denoised."
        note = "Squared error over that of the cell values with holes filled."
        yield claim(sentence, "ours", summary["mse"] / summary["raw_mse"], note=note).at_most(0.6)


@figure("sure", alt="Stein's estimate of the risk has the shape of the true risk.")
def sure(sheet):
    candidates, pairs = sheet["candidates"], pd.DataFrame(sheet.reference["pairs"])
    *maps, right = sheet.panels(columns=3, aspect=0.9)[0]
    options = {"colour_map": style.MAGNITUDE_MAP, "colour_label": None, "xlog": True, "ylog": True}
    for panel, name, title in zip(maps, ("mse", "sure"), ("true risk", "Stein's estimate"), strict=True):
        limits = (candidates[name].min(), candidates[name].quantile(0.85))
        panel.heat(candidates, "data_weight", "jump_penalty", name, limits=limits, **options)
        panel.set(title=title)
        best = candidates.loc[candidates[name].idxmin()]
        look = {"color": "white", "markeredgecolor": "black", "markersize": 10}
        panel.axes.plot(best["data_weight"], best["jump_penalty"], "*", **look)
    right.axes.loglog(candidates["sure"], candidates["mse"], "o", color=style.BLUE, markersize=4, label="candidates")
    right.axes.loglog(pairs["sure"], pairs["mse"], "x", color=style.VERMILION, label="reference")
    both = candidates[["sure", "mse"]]
    _diagonal(right, both.min(axis=None), both.max(axis=None))
    right.set(xlabel="Stein's estimate", ylabel="true risk")
    for axis in (right.axes.xaxis, right.axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    right.legend(fontsize=7)
    sheet.letters()

    @sheet.claims
    def _(tables):
        candidates, choices, grid = tables["candidates"], tables["choices"], tables["grid"]["mse"].iloc[0]
        correlation, regret = choices["correlation"], choices["regret"]
        sentence = "Stein's estimate orders candidates as the true risk does."
        note = f"Mean rank correlation over instances; from {correlation.min():.3f} to {correlation.max():.3f}."
        yield claim(sentence, RUN, correlation.mean(), note=note).at_least(0.8)
        low = candidates[candidates["mse"] <= 2 * candidates["mse"].min()]
        sentence = "The level is biased low, since cells filled from neighbours share noise."
        note = "Mean ratio of estimate to risk over the candidates within twice the least risk."
        yield claim(sentence, RUN, (low["sure"] / low["mse"]).mean(), note=note).at_most(0.9)
        sentence = "What it chooses costs little."
        note = f"Mean ratio of its risk to the least one; from {regret.min():.3f} to {regret.max():.3f}. {LATE}"
        yield claim(sentence, "ours", regret.mean(), note=note).at_most(1.2)
        sentence = "With few points per cell the error of the cells falls as much as in the reference."
        note = f"Largest ratio over candidates; the cells' error is {grid:.2g}. Reference gains are 1.6 to 1.8."
        yield claim(sentence, RUN, (grid / candidates["mse"]).max(), note=note).at_least(1.6)
        good = candidates[candidates["mse"] <= sheet.reference["mse"]]
        sentence = "Candidates with the errors of the reference miss no more jump cells than it does."
        note = f"Of {len(good)} candidates with errors of at most {sheet.reference['mse']:g}; the reference has 0.06 to 0.13."
        yield claim(sentence, RUN, good["false_negative"].max(), note=note).at_most(0.13)
        sentence = "Nor do they invent more."
        note = "The reference has 0.02 to 0.19."
        yield claim(sentence, RUN, good["false_positive"].max(), note=note).at_most(0.19)
        both = candidates.merge(pairs, on=["data_weight", "jump_penalty"], suffixes=("", "_stated"))
        sentence = "Estimates agree with the reference."
        note = f"Largest relative difference over {len(both)} candidates. {LATE}"
        yield claim(sentence, RUN, (both["sure"] / both["sure_stated"] - 1).abs().max(), note=note).at_most(0.35)


@figure("baselines", alt="Errors of four methods side by side.")
def baselines(sheet):
    def ratios(tables):
        """The best of each method, with one-step jumps over the noiseless ones."""
        best = tables["best"].set_index("method")
        steps = {f"step_ratio{end}": best[f"one_step{end}"] / best["one_step_truth"] for end in ("", "_low", "_high")}
        return best.assign(**steps)

    best, panels = ratios(sheet.tables), sheet.panels(columns=4, aspect=1.1)[0]
    places = np.arange(len(best))
    for panel, column in zip(panels, ("mse", "false_positive", "false_negative", "step_ratio"), strict=True):
        spread = best[f"{column}_high"] - best[column]
        panel.axes.bar(places, best[column], yerr=spread, color=style.PALETTE[: len(best)], width=0.7, capsize=2)
        panel.axes.set_xticks(places, best.index, rotation=60, ha="right", fontsize=7)
        panel.axes.set_title(sheet.labels[column], fontsize=8)
    panels[-1].mark(y=1.0)

    @sheet.claims
    def _(tables):
        best = ratios(tables)
        mine, others = best.loc["FDR"], best.drop(index="FDR")
        errors = {"FDR": abs(mine["step_ratio"] - 1), "best baseline": (others["step_ratio"] - 1).abs().min()}
        yield claim("FDR measures one-step jumps best.", "ours", errors, note=LATE).increasing()
        sentence = "FDR misses fewer jump cells than any baseline."
        more = mine["false_negative"] - others["false_negative"].min()
        reason = "Segments with their means miss none, but invent many."
        yield claim(sentence, "ours", more, note=LATE, reason=reason).at_most(0)
        sentence = "FDR has the least squared error."
        note = f"Ratio to the least error of a baseline, whose hyper-parameter minimises just that. {LATE}"
        reason = "Local linear fits have the least, and miss most jump cells."
        yield claim(sentence, "ours", mine["mse"] / others["mse"].min(), note=note, reason=reason).at_most(1)


@figure("kept_jumps", alt="Where a jump is kept, over its height and the penalty, and the rule of thumb.")
def kept_jumps(sheet):
    jumps, halves = sheet["jumps"], sheet["halves"]
    panel = sheet.panel(style.PAGE * 0.6, aspect=0.75)
    lines = {"exact minimiser": "exact", r"$J^2\sqrt{\lambda}/2$": "rule"}
    theory = {name: (jumps["height"].to_numpy(), jumps[column].to_numpy()) for name, column in lines.items()}
    panel.heat(sheet["rates"].merge(jumps, on="factor"), "height", "jump_penalty", ylog=True, theory=theory)
    look = {"color": "white", "marker": "o", "markeredgecolor": "black", "label": "half are kept", "zorder": 5}
    panel.line(jumps["height"], halves["jump_penalty"], **look)
    panel.legend(dark=True, loc="upper left", fontsize=7)

    @sheet.claims
    def _(tables):
        edges = tables["halves"].merge(jumps, on="factor")
        shifts = {name: np.log2(edges["jump_penalty"] / edges[name]).abs().max() for name in ("exact", "rule")}
        listed = ", ".join(f"{row.jump_penalty:.3f}/{row.exact:.3f}/{row.rule:.3f}" for row in edges.itertuples())
        sentence = "Half of the jumps are kept where the exact minimiser keeps it, to a step of the grid of penalties."
        note = f"Largest difference in doublings. By height, measured/exact/rule: {listed}. Exact: without noise."
        steps = np.diff(np.log2(np.sort(sheet.numbers["jump_penalty"]))).max()
        yield claim(sentence, "theory, exact minimiser", shifts["exact"], note=note).at_most(steps)
        sentence = "Half of the jumps are kept near the penalty of the rule of thumb."
        note = "Largest difference in doublings."
        reason = "The function turns around within a smoothing length of the step; the exact minimiser departs as much."
        yield claim(sentence, "theory, isolated step", shifts["rule"], note=note, reason=reason).at_most(1)


@figure("intervals", alt="Estimated jump sizes with their intervals against planted heights.")
def intervals(sheet):
    rows, nominal = sheet["intervals"], sheet.numbers["coverage"]
    names, looks = {True: "covers", False: "misses"}, style.look((True, False))
    looks = {inside: {**look, "markersize": 3} for inside, look in looks.items()}
    for panel, column in zip(sheet.panels(columns=2, aspect=0.75)[0], ("planted", "noiseless"), strict=True):
        panel.points(rows, column, "size", by=f"covers_{column}", names=names, looks=looks, lines=False)
        _diagonal(panel, 0, rows[["size", column, "size_high"]].max(axis=None))
    sheet.letters()

    @sheet.claims
    def _(tables):
        rates, coverage = tables["rates"].iloc[0], tables["coverage"].iloc[0]
        sentence = "The rate of convergence is the published one."
        note = f"Mean over instances; from {rates['range_low']:.2f} to {rates['range_high']:.2f}."
        rate = claim(sentence, "authors, one design", rates["rate"], interval=interval(rates, "rate"), note=note)
        yield rate.within(0.15, of=sheet.reference["rate"])
        note, source = f"Share of {coverage['trials']:.0f} jumps.", "theory, nominal coverage of subsampling"
        sizes = {"noiseless": "the size that the walk has on the noiseless function", "planted": "the planted heights"}
        reasons = {
            "noiseless": "Subsamples see the same cells, so what cells that straddle a jump do to it does not vary.",
            "planted": "The walk adds the slope of the function over the cells walked, which no subsample reveals.",
        }
        for kind, size in sizes.items():
            words = {"interval": interval(coverage, f"covers_{kind}"), "note": note, "reason": reasons[kind]}
            covered = claim(f"Intervals cover {size} at the nominal rate.", source, coverage[f"covers_{kind}"], **words)
            yield covered.at_least(nominal - 0.08)


@figure("shutdown", alt="A map with a region switched off, its estimate, and the estimated drops.")
def shutdown(sheet):
    cells, shown = sheet["cells"], sheet.numbers["shown"]
    *maps, jumps, right = sheet.panels(columns=5, aspect=1.5, width_ratios=(1, 1, 1.03, 1, 1.15))[0]
    for panel, name, title in zip(maps, ("truth", "data", "estimate"), ("activity", "data", "FDR"), strict=True):
        mesh = _show(panel, cells, name, title, limits=(60.0, 170.0))
    sheet.colour_bar(mesh, maps[-1], "index", fraction=0.046, pad=0.03, aspect=20)
    _show(jumps, cells.assign(jump=cells["size"] > 0), "jump", "jump set", colour_map="Greys")
    looks = {None: {"color": style.GREY, "marker": ".", "alpha": 0.5}}
    right.points(100 * sheet["maps"], "drop", "estimated_drop", looks=looks, lines=False)
    right.points(100 * sheet["drops"], "drop", "estimated_drop")
    _diagonal(right, 15, 45)
    right.set(xlabel="planted drop, %", ylabel="estimated, %")
    sheet.letters()

    @sheet.claims
    def _(tables):
        drops, defined = tables["drops"], select(tables["maps"], drop=shown)["estimated_drop"].notna().sum()
        main = first(drops, drop=shown)
        sentence = f"The planted drop of {100 * shown:g} % is estimated within the range of the paper's application."
        note = f"In %: mean over {defined} maps on which the boundary is found. A stand-in."
        yield claim(sentence, "ours", 100 * main["estimated_drop"], note=note).between(25, 35)
        sentence = "The boundary is found."
        note = f"Mean F1, a neighbour is a hit; precision {main['precision']:.2f}, recall {main['recall']:.2f}. {LATE}"
        yield claim(sentence, "ours", main["f1"], note=note).at_least(0.7)
        sentence = "Estimated drops rise with the planted ones."
        rising = {f"{100 * row.drop:g} %": row.estimated_drop for row in drops.itertuples()}
        yield claim(sentence, "ours", rising).increasing()
