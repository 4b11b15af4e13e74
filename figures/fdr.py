"""Free discontinuity regression: drawings and claims."""

import numpy as np
import pandas as pd

from . import style
from .claims import claim
from .registry import figure
from .rows import first, interval, select, standard_error

LABELS = {
    "samples": "points $N$",
    "jump_deviations": r"jump $\delta$",
    "mse": "mean squared error",
    "step_ratio": "one-step jump / noiseless",
    "case": r"$N$, $\lambda$, $\nu$",
    "data_weight": r"data weight $\lambda$",
    "jump_penalty": r"penalty $\nu$",
    "noiseless": "walk over the noiseless function",
    "rate": "share kept",
    "sure": "Stein's estimate",
}
# A small independent run with the same functional; the paper's own tables were not at hand.
RUN = "reference, a small run of the same functional"
EXAMPLE = "authors, example of the notebook"
LATE = "The threshold was set after first results."
RATES = ["mse", "false_positive", "false_negative"]
WEIGHTS = ["data_weight", "jump_penalty"]
REFERENCE = {"marker": "x", "linestyle": "", "color": style.VERMILION, "label": "reference"}


def _show(panel, cells, name, title, **options):
    """A map of a column over the cells of a plane."""
    picture = cells.pivot(index="x1", columns="x0", values=name).to_numpy(float)
    options = {"colour_map": style.MAGNITUDE_MAP, "origin": "lower", "extent": (0, 1, 0, 1), **options}
    return panel.image(picture, title, **options)


def _step_ratios(rows):
    """Rows with one-step jumps over those of the noiseless function."""
    ratios = {f"step_ratio{end}": rows[f"one_step{end}"] / rows["one_step_truth"] for end in ("", "_low", "_high")}
    return rows.assign(**ratios)


@figure("line", alt="A wave with four jumps, its estimate, and how often each jump is found.")
def line(sheet):
    cells, truth, points, jumps = (sheet[name] for name in ("cells", "truth", "points", "jumps"))
    left, right = sheet.panels(columns=2, aspect=0.62, width_ratios=(1.6, 1))[0]
    left.line(points["x"], points["y"], marker=".", linestyle="", alpha=0.25, markersize=3)
    left.line(truth["x"], truth["y"], color=style.BLACK, label="function")
    for name, label, colour in (("estimate", "FDR", style.BLUE), ("exact", "exact minimiser", style.ORANGE)):
        left.line(cells["x0"], cells[name], drawstyle="steps-mid", color=colour, label=label)
    low, high = (cells["estimate"] + sign * sheet["band"]["width"].iloc[0] for sign in (-1, 1))
    left.axes.fill_between(cells["x0"], low, high, step="mid", color=style.BLUE, alpha=0.15, linewidth=0)
    places = {"found": cells.loc[cells["size"] > 0, "x0"] + 0.5 / len(cells), "planted": jumps["place"]}
    for (name, place), marker, height in zip(places.items(), "|^", (-0.12, -0.18), strict=True):
        left.line(place, 0 * place + height, marker=marker, linestyle="", color=style.VERMILION, label=f"jump {name}")
    left.set(xlabel="$x$", ylabel="outcome")
    left.legend(fontsize=7)
    right.points(sheet["rates"].merge(jumps, on="number"), "height", "located", lines=False)

    @sheet.claims
    def _(tables):
        rates = tables["rates"].merge(jumps, on="number")
        smallest = rates["height"].idxmin()
        large, small = rates.drop(index=smallest), rates.loc[smallest]
        sentence = "The three large jumps are located to within one cell (least rate)."
        reason = "The function falls steeply towards the second: without noise the step is 0.107, the threshold 0.1."
        yield claim(sentence, EXAMPLE, large["located"].min(), reason=reason).at_least(0.9)
        yield claim("The smallest jump is the one that is lost.", EXAMPLE, small["located"]).at_most(0.5)
        sentence = "Sizes of the three large jumps are those of the authors' one instance (largest relative gap)."
        gap = (large["size"] / np.asarray(sheet.reference["sizes"]) - 1).abs().max()
        yield claim(sentence, EXAMPLE, gap).at_most(0.2)
        sentence = "The conformal band covers the nominal share of fresh outcomes (one instance)."
        note = "The tolerance is two standard errors of calibration and test together."
        source, covered = "theory, split conformal coverage", tables["band"]["covered"].iloc[0]
        covered = claim(sentence, source, covered, deterministic=True, note=note)
        yield covered.within(0.035, of=sheet.numbers["coverage"])
        sentence = "The convex relaxation finds the exact minimiser to within a level (largest difference)."
        gap, level = (cells["estimate"] - cells["exact"]).abs().max(), np.ptp(cells["data"]) / sheet.numbers["levels"]
        yield claim(sentence, "ours", gap, deterministic=True, note=LATE).at_most(1.25 * level)
        sentence = "The tested stopping rule is met in some hundreds of iterations (mean)."
        yield claim(sentence, RUN, 10 * tables["steps"]["steps"].iloc[0]).at_most(650)


@figure("line_table", alt="Errors in one dimension fall with the number of points.")
def line_table(sheet):
    panels, settings = sheet.panels(columns=3, aspect=0.95)[0], sheet.numbers["setting"]
    names = {key: r"$\lambda={data_weight:g}$, $\nu={jump_penalty:g}$".format(**each) for key, each in settings.items()}
    for panel, column in zip(panels, RATES, strict=True):
        options = {"legend": column == "false_positive", "xlog": True, "ylog": column == "mse"}
        panel.points(sheet["errors"], "samples", column, by="setting", names=names, **options)
        panel.ticks(x=sheet.numbers["samples"])

    @sheet.claims
    def _(tables):
        errors = dict(list(tables["errors"].sort_values("samples").groupby("setting")))
        low, high = errors["low"], errors["high"]
        note = "Largest difference over numbers of points in standard errors, of at least 0.01."
        reason = "With four jumps in each of its four instances the reference can only tell multiples of 0.06."
        for name, column in (("low", RATES[1]), ("middle", RATES[1]), ("middle", RATES[2])):
            rows, stated = errors[name].reset_index(), pd.Series(sheet.reference[name][column])
            apart = ((rows[column] - stated) / standard_error(rows, column).clip(lower=0.01)).abs().max()
            sentence = f"With the {name} penalty {column.replace('_', ' ')} rates are the reference ones."
            yield claim(sentence, RUN, apart, note=note, reason=reason if column == RATES[2] else None).at_most(3)
        yield claim("With the low penalty no jump is missed.", RUN, low["false_negative"].max()).at_most(0.01)
        sentence = "With the high penalty nothing is invented from 1,000 points on."
        yield claim(sentence, RUN, high.query("samples >= 1000")["false_positive"].max()).at_most(0.01)
        sentence = "With the high penalty the smallest jump is always lost (largest rate at which it is located)."
        yield claim(sentence, RUN, high["located_1"].max()).at_most(0.05)
        sentence = "With the high penalty only the smallest jump is lost, one of four (with the most points)."
        reason = "Without noise the second step is from 0.107 to 0.097 at 500 to 2,000 points; the threshold is 0.1."
        yield claim(sentence, RUN, high["false_negative"].iloc[-1], reason=reason).within(0.05, of=0.25)
        ratios = low[RATES].iloc[-1] / low[RATES].iloc[0]
        sentence = "The mean squared error is smaller with the most points than with the fewest (low penalty, ratio)."
        note = "How jumps lie in cells matters as much as noise."
        yield claim(sentence, "paper, abstract", ratios["mse"], note=note).at_most(1)
        sentence = "False positives fall with the number of points (the same ratio)."
        yield claim(sentence, "paper, abstract", ratios["false_positive"]).at_most(0.5)


@figure("plane_table", alt="Errors in two dimensions over the jump, by number of points and noise.")
def plane_table(sheet):
    grid, columns = ["samples", "noise", "jump_deviations"], ["mse", "jump_bias", "jump_mse", *RATES[1:]]
    at = {"noise": sheet.numbers["compared_noise"], "jump_deviations": sheet.numbers["compared_jump"]}
    stated = pd.DataFrame(sheet.reference["runs"]).eval("step_ratio = one_step / one_step_truth")

    def parts(tables):
        corrected = _step_ratios(select(tables["errors"], shift=0.5))
        compared = stated.merge(select(corrected, **at), on=["samples", *WEIGHTS], suffixes=("_stated", ""))
        case = compared[["samples", *WEIGHTS]].map("{:g}".format).agg("\n".join, axis=1)
        return select(corrected, setting=0).merge(tables["grid"], on=grid), compared.assign(case=case)

    table, compared = parts(sheet.tables)
    panels = sheet.panels(2, 3, aspect=0.95).ravel()
    names = {key: rf"$N={key[0]:,}$, $\sigma={key[1]:g}$" for key in table.groupby(["samples", "noise"]).groups}
    for panel, column in zip(panels, columns, strict=False):
        options = {"names": names, "legend": column == "false_negative"}
        panel.points(table, "jump_deviations", column, by=["samples", "noise"], **options)
        panel.ticks(x=sheet.numbers["jump_deviations"])
    panels[5].points(compared, "case", "step_ratio", lines=False)
    panels[5].line(compared["case"], compared["step_ratio_stated"], **REFERENCE)
    panels[5].mark(y=1.0)
    panels[5].legend()

    @sheet.claims
    def _(tables):
        table, both = parts(tables)
        for row in both.itertuples():
            sentence = f"The one-step jump errs no more than the reference ({' / '.join(row.case.split())})."
            bound = max(abs(row.step_ratio_stated - 1), 0.02)
            yield claim(sentence, RUN, abs(row.step_ratio - 1)).at_most(bound)
        gaps = {name: (both[name] - both[f"{name}_stated"]).abs().max() for name in ("one_step_truth", RATES[1])}
        sentence = "The noiseless grid has the one-step jumps of the reference."
        yield claim(sentence, RUN, gaps["one_step_truth"], deterministic=True).at_most(1e-3)
        sentence = "False positive rates agree with the reference (largest difference)."
        yield claim(sentence, RUN, gaps["false_positive"], note=LATE).at_most(0.03)
        smaller = "Cells shrink as points are added, so more jumps of 0.25 deviations, below the threshold, are missed."
        larger = "Larger jumps leave larger errors in the cells that the circle cuts."
        for along, source, reason in (("samples", "paper, abstract", smaller), ("jump_deviations", "ours", larger)):
            ends = (select(table, **{along: end}) for end in table[along].agg(["min", "max"]))
            low, high = (rows.set_index(grid).droplevel(along)[columns] for rows in ends)
            sentence = f"All error columns fall with the {along.split('_')[0]} (entries of {low.size} that are larger)."
            yield claim(sentence, source, (high > low + 1e-9).sum(axis=None), reason=reason).at_most(0)
        sentence = "Cell means of 20 points are not improved upon: there the method finds jumps (ratio of errors)."
        ratio = (table["mse"] / table["grid_mse"]).min()
        yield claim(sentence, RUN, {"cell means": 1.0, "estimate": ratio}).increasing()
        sentence = "A small part of the lifted function is undecided, not within 0.01 of 0 or 1 (mean over the table)."
        yield claim(sentence, RUN, table["undecided"].mean()).within(0.045, of=0.095)
        sentence = "Half a level's correction lowers the squared error at least as much as in the reference (ratio)."
        shifts = select(tables["errors"], samples=table["samples"].min(), **at)
        shifts = shifts.pivot(index=WEIGHTS, columns="shift", values="mse").dropna()
        before, after = sheet.reference["correction"]
        yield claim(sentence, RUN, (shifts[0.0] / shifts[0.5]).min()).at_least(before / after)
        sentence = "The walk over five cells overstates the jump, by the slope it walks over (at the largest jump)."
        largest = select(table, jump_deviations=table["jump_deviations"].max())
        yield claim(sentence, RUN, largest["jump_bias"].min()).at_least(0.05)


def _pictures(sheet, cells, points):
    """Function, points and estimate side by side; returns the panel that is left."""
    truth, cloud, fit, last = sheet.panels(columns=4, aspect=1.15, width_ratios=(1, 1, 1.03, 1.1))[0]
    limits = low, high = cells["truth"].min(), cells["truth"].max()
    _show(truth, cells, "truth", "function", limits=limits)
    cloud.image(np.full((1, 1), np.nan), "points", limits=limits, extent=(0, 1, 0, 1))
    look = {"cmap": style.MAGNITUDE_MAP, "vmin": low, "vmax": high, "linewidths": 0, "rasterized": True}
    cloud.axes.scatter(points["x0"], points["x1"], 40 / len(points) ** 0.5, points["y"], **look)
    mesh = _show(fit, cells, "estimate", "FDR", limits=limits)
    sheet.colour_bar(mesh, fit, "outcome", fraction=0.046, pad=0.03, aspect=20)
    return last


def _radius(sheet, cells):
    """Distances from the centre of the jumps found, each of which is half a cell beyond its cell."""
    places = cells[cells["size"] > 0].filter(regex="^x") + 0.5 / sheet.numbers["cells"]
    return pd.Series(np.linalg.norm(places - 0.5, axis=1))


def _boundary(sheet, closed, placed, share, source, noise, **words):
    """Claims of the jump set as a whole: that it is closed, lies where it should, and that noise is gone inside."""
    cells, enclosed = sheet["cells"], sheet["summary"]["enclosed"].iloc[0] == 1
    found = claim(closed, source, "closed" if enclosed else "open", **words)
    yield found.satisfies("no path from the centre to the border", enclosed)
    near = (_radius(sheet, cells) - 0.25).abs() <= 2 / sheet.numbers["cells"]
    yield claim(f"{placed} (share within two cells).", source, near.mean()).at_least(share)
    errors = cells[["estimate", "data"]].sub(cells["truth"], axis=0).pow(2).mean()
    sentence = "With few points per cell the surface is denoised (squared error over that of the cell values)."
    yield claim(sentence, noise, errors["estimate"] / errors["data"]).at_most(0.6)


@figure("plane", alt="Truth, points, estimate and a closed ring of jumps.")
def plane(sheet):
    cells, turn = sheet["cells"], np.linspace(0, 2 * np.pi, 200)
    edge = _pictures(sheet, cells, sheet["points"])
    _show(edge, cells.assign(jump=cells["size"] > 0), "jump", "jump set", colour_map="Greys")
    edge.line(0.5 + 0.25 * np.cos(turn), 0.5 + 0.25 * np.sin(turn), color=style.VERMILION, zorder=2)

    @sheet.claims
    def _(tables):
        sentences = "The boundary is a closed ring.", "The ring lies at radius 1/4"
        yield from _boundary(sheet, *sentences, 0.95, "authors, picture of the cone", RUN)


@figure("space", alt="A slice through the ball, and the cells of the jump set around it.")
def space(sheet):
    cells, points, count = sheet["cells"], sheet["points"], sheet.numbers["cells"]
    middle = np.sort(cells["x2"].unique())[count // 2]
    near = points[(points["x2"] - middle).abs() <= 1 / count]
    edge = _pictures(sheet, select(cells, x2=middle), near)
    edge.axes.hist(_radius(sheet, cells), bins=np.linspace(0, 0.7, 29), color=style.BLUE)
    edge.mark(x=0.25, label="planted")
    edge.set(xlabel="distance from centre", ylabel="jump cells")

    @sheet.claims
    def _(tables):
        reason = "One missed cell is a hole, and the jump is near the threshold where the sphere cuts cells obliquely."
        sentences = "The boundary encloses the ball.", "The jump set lies at radius 1/4"
        yield from _boundary(sheet, *sentences, 0.8, "ours", "ours", reason=reason)
        missed = tables["summary"]["false_negative"].iloc[0]
        yield claim("Hardly any part of the sphere is missed.", "ours", missed).at_most(0.05)


@figure("sure", alt="Stein's estimate of the risk has the shape of the true risk.")
def sure(sheet):
    candidates, pairs = sheet["candidates"], pd.DataFrame(sheet.reference["pairs"])
    *maps, right = sheet.panels(columns=3, aspect=0.9)[0]
    options = {"colour_map": style.MAGNITUDE_MAP, "colour_label": None, "xlog": True, "ylog": True}
    for panel, name, title in zip(maps, ("mse", "sure"), ("true risk", "Stein's estimate"), strict=True):
        limits, best = candidates[name].quantile([0, 0.85]), candidates.loc[candidates[name].idxmin()]
        panel.heat(candidates, *WEIGHTS, name, limits=tuple(limits), **options)
        panel.line(best["data_weight"], best["jump_penalty"], marker="*", color="white", zorder=3)
        panel.set(title=title)
    right.points(candidates[["sure", "mse"]], "sure", "mse", lines=False)
    right.line(pairs["sure"], pairs["mse"], **REFERENCE)
    right.line(candidates["mse"].sort_values(), candidates["mse"].sort_values(), linestyle="--")
    right.legend()

    @sheet.claims
    def _(tables):
        candidates, choices, grid = tables["candidates"], tables["choices"], tables["grid"]["mse"].iloc[0]
        sentence = "Stein's estimate orders candidates as the true risk does (mean rank correlation)."
        yield claim(sentence, RUN, choices["correlation"].mean()).at_least(0.8)
        low = candidates[candidates["mse"] <= 2 * candidates["mse"].min()]
        sentence = "The level is biased low, since cells filled from neighbours share noise (mean ratio to the risk)."
        note = "Over the candidates within twice the least risk."
        yield claim(sentence, RUN, (low["sure"] / low["mse"]).mean(), note=note).at_most(0.9)
        sentence = "What it chooses costs little (mean ratio of its risk to the least one)."
        yield claim(sentence, "ours", choices["regret"].mean(), note=LATE).at_most(1.2)
        sentence = "With few points per cell the error of the cells falls as much as in the reference (largest ratio)."
        yield claim(sentence, RUN, (grid / candidates["mse"]).max()).at_least(1.6)
        good = candidates[candidates["mse"] <= sheet.reference["mse"]]
        sentence = "Candidates with the errors of the reference miss no more jump cells than it does."
        yield claim(sentence, RUN, good["false_negative"].max()).at_most(0.13)
        yield claim("Nor do they invent more.", RUN, good["false_positive"].max()).at_most(0.19)
        gap = candidates.merge(pairs, on=WEIGHTS, suffixes=("", "_stated")).eval("sure / sure_stated - 1").abs().max()
        yield claim("Estimates agree with the reference (relatively).", RUN, gap, note=LATE).at_most(0.35)


@figure("baselines", alt="Errors of four methods side by side.")
def baselines(sheet):
    panels = sheet.panels(columns=4, aspect=1.1)[0]
    for panel, column in zip(panels, (*RATES, "step_ratio"), strict=True):
        panel.points(_step_ratios(sheet["best"]), "method", column, by="method", lines=False)
        panel.set(xticks=[], xlabel="")
    sheet.legend_above(panels[0], 4)

    @sheet.claims
    def _(tables):
        best = _step_ratios(tables["best"]).set_index("method")
        mine, others = best.loc["FDR"], best.drop(index="FDR")
        errors = {"FDR": abs(mine["step_ratio"] - 1), "best baseline": (others["step_ratio"] - 1).abs().min()}
        yield claim("FDR measures one-step jumps best.", "ours", errors, note=LATE).increasing()
        sentence = "FDR misses fewer jump cells than any baseline."
        more = mine["false_negative"] - others["false_negative"].min()
        reason = "Segments with their means miss none, but invent many."
        yield claim(sentence, "ours", more, note=LATE, reason=reason).at_most(0)
        sentence = "FDR has the least squared error (ratio to a baseline whose hyper-parameter minimises just that)."
        reason = "Local linear fits have the least, and miss most jump cells."
        yield claim(sentence, "ours", mine["mse"] / others["mse"].min(), note=LATE, reason=reason).at_most(1)


@figure("kept_jumps", alt="Where a jump is kept, over its height and the penalty, and the rule of thumb.")
def kept_jumps(sheet):
    jumps, panel = sheet["jumps"], sheet.panel(style.PAGE * 0.6, aspect=0.75)
    theory = {"exact minimiser": jumps[["height", "exact"]], r"$J^2\sqrt{\lambda}/2$": jumps[["height", "rule"]]}
    theory = {name: table.to_numpy().T for name, table in theory.items()}
    panel.heat(sheet["rates"].merge(jumps, on="factor"), "height", "jump_penalty", ylog=True, theory=theory)
    half = {"color": "white", "marker": "o", "markeredgecolor": "black", "label": "half are kept", "zorder": 5}
    panel.line(jumps["height"], sheet["halves"]["jump_penalty"], **half)
    panel.legend(dark=True, loc="upper left")

    @sheet.claims
    def _(tables):
        edges, note = tables["halves"].merge(jumps, on="factor"), "Largest difference in doublings."
        shifts = {name: np.log2(edges["jump_penalty"] / edges[name]).abs().max() for name in ("exact", "rule")}
        sentence = "Half of the jumps are kept where the exact minimiser keeps it, to a step of the grid of penalties."
        steps = np.diff(np.log2(sheet.numbers["jump_penalty"])).max()
        yield claim(sentence, "theory, exact minimiser", shifts["exact"], note=note).at_most(steps)
        sentence = "Half of the jumps are kept near the penalty of the rule of thumb."
        reason = "The function turns around within a smoothing length of the step; the exact minimiser departs as much."
        yield claim(sentence, "theory, isolated step", shifts["rule"], note=note, reason=reason).at_most(1)


@figure("intervals", alt="Estimated jump sizes with their intervals against planted heights.")
def intervals(sheet):
    rows, names = sheet["intervals"], {True: "covers", False: "misses"}
    for panel, column in zip(sheet.panels(columns=2, aspect=0.75)[0], ("planted", "noiseless"), strict=True):
        panel.points(rows, column, "size", by=f"covers_{column}", names=names, looks=style.look(names), lines=False)
        panel.line([0, 0.8], [0, 0.8], linestyle="--")

    @sheet.claims
    def _(tables):
        rates, coverage = tables["rates"].iloc[0], tables["coverage"].iloc[0]
        words = {"interval": interval(rates, "rate"), "note": "Mean over instances."}
        rate = claim("The rate of convergence is the published one.", "authors, one design", rates["rate"], **words)
        yield rate.within(0.15, of=sheet.reference["rate"])
        straddling = "Subsamples see the same cells, so what cells that straddle a jump do to it does not vary."
        walked = "The walk adds the slope of the function over the cells walked, which no subsample reveals."
        sizes = (
            ("noiseless", "the walk on the noiseless function", straddling),
            ("planted", "planted heights", walked),
        )
        for kind, size, reason in sizes:
            sentence, share = f"Intervals cover {size} at the nominal rate (share of all jumps).", f"covers_{kind}"
            words = {"interval": interval(coverage, share), "reason": reason}
            covered = claim(sentence, "theory, nominal coverage of subsampling", coverage[share], **words)
            yield covered.at_least(sheet.numbers["coverage"] - 0.08)


@figure("shutdown", alt="A map with a region switched off, its estimate, and the estimated drops.")
def shutdown(sheet):
    cells, shown = sheet["cells"], sheet.numbers["shown"]
    *maps, jumps, right = sheet.panels(columns=5, aspect=1.5, width_ratios=(1, 1, 1.03, 1, 1.15))[0]
    for panel, name, title in zip(maps, ("truth", "data", "estimate"), ("activity", "data", "FDR"), strict=True):
        mesh = _show(panel, cells, name, title, limits=(60.0, 170.0))
    sheet.colour_bar(mesh, maps[-1], "index", fraction=0.046, pad=0.03, aspect=20)
    _show(jumps, cells.assign(jump=cells["size"] > 0), "jump", "jump set", colour_map="Greys")
    right.line(sheet["maps"]["drop"], sheet["maps"]["estimated_drop"], marker=".", linestyle="")
    right.points(sheet["drops"], "drop", "estimated_drop")
    right.line([0.15, 0.45], [0.15, 0.45], linestyle="--")

    @sheet.claims
    def _(tables):
        drops, main = tables["drops"], first(tables["drops"], drop=shown)
        sentence = f"The planted drop of {100 * shown:g} % is estimated within the range of the paper's application."
        note = "In %: mean over the maps on which the boundary is found. A stand-in."
        yield claim(sentence, "ours", 100 * main["estimated_drop"], note=note).between(25, 35)
        sentence = "The boundary is found (mean F1, where a neighbour is a hit)."
        yield claim(sentence, "ours", main["f1"], note=LATE).at_least(0.7)
        rising = {f"{100 * row.drop:g} %": row.estimated_drop for row in drops.itertuples()}
        yield claim("Estimated drops rise with the planted ones.", "ours", rising).increasing()
