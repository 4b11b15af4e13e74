"""The sub-gradient method for robust low-rank recovery."""

import numpy as np

from . import style
from .claims import claim
from .registry import figure
from .rows import select

LABELS = {
    "step": "step $t$",
    "error": r"$\|UU^\top - X_\star\|_F / \|X_\star\|_F$",
    "initial_scale": r"initial scale $\alpha$",
    "search_rank": "search rank $r'$",
    "samples": "samples $m$",
    "corruption": "corruption $p$",
    "noise": r"noise $\sigma_g$",
    "ratio": "final loss / loss at the truth",
}


def _scale(value):
    """An initial scale in mathematics, as a power of ten where it is one."""
    exponent = np.log10(value)
    text = f"10^{{{exponent:.0f}}}" if abs(exponent - round(exponent)) < 1e-9 and value < 0.01 else f"{value:g}"
    return rf"$\alpha = {text}$"


def _slope(values):
    """Slope of the logarithm of values on that of their index."""
    return np.polyfit(np.log(values.index), np.log(values), 1)[0]


def _errors(tables, **run):
    """Median error by step of one run."""
    return select(tables["curves"], **run).set_index("step")["error"]


@figure("convergence", alt="Error per step of four runs: only the large start with over-estimated rank is slow.")
def convergence(sheet):
    curves, ranks, scales = sheet["curves"], sheet.numbers["search_rank"], sheet.numbers["initial_scale"]
    panel = sheet.panel(style.PAGE * 0.72, aspect=0.62)
    names = {(rank, scale): rf"$r' = {rank}$, {_scale(scale)}" for rank in ranks for scale in sorted(scales)[::-1]}
    options = {"names": names, "looks": style.look(names), "markers": False, "ylog": True}
    panel.curves(curves, "step", "error", by=["search_rank", "initial_scale"], **options)
    panel.set(ylim=(1e-17, 1e1))
    panel.mark(x=sheet["escape"]["step"].iloc[0], label="leaves zero")
    panel.legend(loc="center right", bbox_to_anchor=(1.0, 0.32))

    @sheet.claims
    def _(tables):
        shown, early, late = (min(step, curves["step"].max() // 2) for step in (1000, 100, 300))
        runs = {(rank, scale): _errors(tables, search_rank=rank, initial_scale=scale) for rank, scale in names}
        exact = [runs[min(ranks), scale] for scale in sorted(scales)]
        small, large = (runs[max(ranks), scale] for scale in sorted(scales))
        ratio = np.log(small.loc[:early] / exact[0].loc[:early])
        sentence = f"With over-estimated rank the small start is far better than the large one after {shown} steps."
        note = "Ratio of the median errors."
        yield claim(sentence, "ours", large[shown] / small[shown], note=note).at_least(1e4)
        sentence = f"From the small start the over-estimated rank tracks the exact one (first {early} steps)."
        note = "Largest ratio of the median errors."
        yield claim(sentence, "ours", np.exp(ratio.abs().max()), note=note).at_most(2)
        sentence = "With over-estimated rank the large start converges like 1/t."
        note = f"Slope of log error on log step from step {late} on."
        yield claim(sentence, "ours", _slope(large.loc[late:]), note=note).between(-1.2, -0.7)
        sentence = f"With the exact rank both starts converge linearly to machine precision ({shown} steps)."
        yield claim(sentence, "ours", max(run[shown] for run in exact)).at_most(1e-13)
        sentence = "The floor of the small start with over-estimated rank is set by its scale, far below what one sees."
        yield claim(sentence, "paper, abstract", small[shown]).at_most(1e-6)


@figure("initial_scale", alt="Final error falls with the initial scale like a power between one and two.")
def initial_scale(sheet):
    errors, largest = sheet["errors"], sheet.numbers["slope_below"]
    panel = sheet.panel(style.PAGE * 0.72, aspect=0.62)
    panel.curves(errors, "initial_scale", "error", by="setting", xlog=True, ylog=True)
    at = np.array([largest, errors["initial_scale"].min()])
    anchor = select(errors, initial_scale=at[0])["error"].max()
    for power, dashes in ((1, (0, (3, 2))), (2, (0, (1, 2)))):
        panel.line(at, anchor * (at / at[0]) ** power, linestyle=dashes, label=f"slope {power}")
    panel.legend()

    @sheet.claims
    def _(tables):
        note = f"Median over instances of the slope below {largest:g}."
        for setting, slope in tables["slopes"].set_index("setting")["slope"].items():
            sentence = f"The final error falls like a power of the initial scale ({setting})."
            yield claim(sentence, "ours", slope, note=note).between(1, 2)


@figure("search_rank", alt="Final error is flat in the search rank from a small start, and large from a large one.")
def search_rank(sheet):
    errors, rank = sheet["errors"], sheet.numbers["rank"]
    panel = sheet.panel()
    panel.curves(errors, "search_rank", "error", by="initial_scale", names=_scale, ylog=True)
    panel.set(xticks=sorted(errors["search_rank"].unique()))
    panel.mark(x=rank, label="rank")

    @sheet.claims
    def _(tables):
        wide = tables["errors"].pivot(index="search_rank", columns="initial_scale", values="error")
        small, large = (wide.loc[rank + 1 :, scale] for scale in (wide.columns.min(), wide.columns.max()))
        sentence = "From a small start the final error does not depend on the search rank above the rank."
        note = "Largest over smallest median error."
        yield claim(sentence, "paper, abstract", small.max() / small.min(), note=note).at_most(2)
        sentence = "From a large start every search rank above the rank is far worse."
        yield claim(sentence, "ours", large.min() / small.max()).at_least(1e4)
        sentence = "With the exact rank the scale of the start does not matter."
        yield claim(sentence, "ours", wide.loc[rank].max()).at_most(1e-13)


@figure("phase_diagram", alt="Success over samples and corruption for two schedules, and the growth each can afford.")
def phase_diagram(sheet):
    success, boundary, theory, budgets = (sheet[name] for name in ("success", "boundary", "theory", "budgets"))
    schedules, below = sheet.numbers["schedules"], sheet.numbers["below"]
    panels = sheet.panels(columns=len(schedules) + 1, aspect=1.0)[0]
    ticks = [value for value in (120, 300, 1000, 2000, 5000, 10000) if value in set(success["samples"])]
    predicted = {r"$3dr/(1-p)^2$": (theory["samples"], theory["corruption"])}
    for panel, name in zip(panels, schedules, strict=False):
        options = {"boundary": select(boundary, solver=name), "theory": predicted, "colour_label": None, "xlog": True}
        mesh = panel.heat(select(success, solver=name), "samples", "corruption", **options)
        panel.set(title=rf"{name}: $\rho = {schedules[name]['ratio']:g}$")
        panel.ticks(x=ticks)
    panels[0].legend(dark=True, loc="upper left")
    sheet.colour_bar(mesh, panels[-2], "success rate")
    for name, look in style.look(schedules).items():
        rows = select(budgets, solver=name)
        panels[-1].line(rows["corruption"], rows["growth"], label=name, color=look["color"])
        panels[-1].line(rows["corruption"], rows["needed"], color=look["color"], linestyle=(0, (1, 1.5)))
    panels[-1].set(xlabel=sheet.labels["corruption"], ylabel="log growth", title="affordable, needed", ylim=(0, None))
    panels[-1].legend()

    @sheet.claims
    def _(tables):
        dead = select(budgets[budgets["growth"] < budgets["needed"]], solver="fast")["corruption"].min()
        fast, slow = (select(tables["success"], solver="fast"), select(tables["errors"], solver="slow"))
        edge = select(tables["boundary"], solver="slow")
        edge = edge[np.isfinite(edge["boundary"])].set_index("samples")["boundary"]
        outlying = slow[(slow["samples"] == slow["samples"].max()) & (slow["corruption"] > 0.5)]
        sentence = "Where its steps die before the start has grown the fast schedule never recovers."
        note = f"Largest success rate from p = {dead:.2f} on, whatever the number of samples."
        rate = fast.loc[fast["corruption"] >= dead, "rate"].max()
        yield claim(sentence, "theory, growth of a small start", rate, note=note).at_most(0)
        sentence = "More outliers than clean measurements do not prevent recovery."
        error = outlying.loc[outlying["corruption"].idxmin(), "error"]
        note = "Median error of the slow schedule at the smallest corruption above one half, with most samples."
        yield claim(sentence, "paper, abstract", error, note=note).at_most(below)
        sentence = "The boundary moves like 1 - p ~ m^(-1/2), the shape m ~ (1 - p)^-2 of the theory (slow schedule)."
        slope = _slope(1 - edge) if len(edge) > 2 else np.nan
        note = "Slope of log(1 - p) on log m."
        yield claim(sentence, "theory, sample boundary", slope, note=note).between(-0.7, -0.3)


@figure("against_least_squares", alt="The sub-gradient method converges under outliers; least squares does not.")
def against_least_squares(sheet):
    samples, ranks, solvers = sheet.numbers["samples"], sheet.numbers["search_rank"], ("sub-gradient", "least squares")
    panels = sheet.panels(columns=len(samples), aspect=0.66, sharey=True)[0]
    names = {(solver, rank): rf"{solver}, $r' = {rank}$" for solver in solvers for rank in ranks}
    options = {"names": names, "looks": style.look(names), "markers": False, "legend": False, "ylog": True}
    for panel, count in zip(panels, samples, strict=True):
        rows = select(sheet["curves"], samples=count)
        panel.curves(rows, "step", "error", by=["solver", "search_rank"], **options)
        panel.set(title=f"$m = {count}$", ylabel=sheet.labels["error"] if count == samples[0] else "")
    panels[-1].legend()

    @sheet.claims
    def _(tables):
        final = select(tables["final"], search_rank=max(ranks)).groupby(["samples", "solver"])["error"]
        middle, least, most = final.median(), final.min(), final.max()
        for count, bound in zip(samples, (0.8, 0.5), strict=True):
            at = f"r' = {max(ranks)}, m = {count}"
            sentence = f"The sub-gradient method is far more accurate than least squares ({at})."
            yield claim(sentence, "ours", middle[count, solvers[1]] / middle[count, solvers[0]]).at_least(1e3)
            sentence = f"Least squares ends with a large relative error, the least over instances ({at})."
            yield claim(sentence, "ours", least[count, solvers[1]]).at_least(bound)
        sentence = f"The sub-gradient method reaches a small relative error in single precision ({at})."
        yield claim(sentence, "ours", most[max(samples), solvers[0]], note="Largest over instances.").at_most(1e-6)


@figure("beyond_the_minimiser", alt="The large start reaches a lower loss than the truth, far from it.")
def beyond_the_minimiser(sheet):
    def starts(tables):
        """Errors and ratios of losses, one column per start."""
        runs = tables["runs"].assign(ratio=lambda rows: rows["loss"] / rows["loss_at_truth"])
        wide = runs.pivot(index="trial", columns="solver", values=["error", "ratio"])
        return wide["error"], wide["ratio"]

    panel, (errors, ratios) = sheet.panel(), starts(sheet.tables)
    for name, look in style.look(sheet.numbers["steps"]).items():
        look = {"color": look["color"], "alpha": 0.7, "label": _scale(sheet.numbers["initial_scales"][name])}
        panel.axes.plot(ratios[name], errors[name], look.pop("marker", "o"), **look)
    panel.set(yscale="log", xlabel=sheet.labels["ratio"], ylabel=sheet.labels["error"])
    panel.mark(x=1.0, label="truth")
    panel.legend()

    @sheet.claims
    def _(tables):
        errors, ratios = starts(tables)
        sentence = "The large start ends with a lower loss than that of the truth."
        yield claim(sentence, "paper, abstract", (ratios["large"] < 1).mean(), note="Share of instances.").at_least(1)
        sentence = "The small start ends close to the truth."
        yield claim(sentence, "paper, abstract", errors["small"].median(), note="Median over instances.").at_most(1e-2)
        yield claim(
            "The lower loss has a far larger error.",
            "reference, one instance",
            (errors["large"] / errors["small"]).median(),
            note="Median over instances of the ratio of errors of the two starts.",
            reason="The expected ratio comes from a single instance. With so few samples the floor of the small start falls "
            "with its scale but is far above that at more samples, and errors of both starts vary a lot between instances.",
        ).at_least(1000)


@figure("gaussian_noise", alt="Error against noise for both losses, on the rate of least squares.")
def gaussian_noise(sheet):
    errors, (exact, small, large) = sheet["errors"], sheet.numbers["variant"]
    samples = sorted(errors["samples"].unique())
    panels = sheet.panels(columns=len(samples), aspect=1.1, sharey=True)[0]
    losses = {"sub-gradient": ("absolute", "full", "-"), "least squares": ("squared", "none", (0, (2, 1.5)))}
    for panel, count in zip(panels, samples, strict=True):
        for variant, look in style.look((exact, small, large)).items():
            for solver, (_, fill, dashes) in losses.items():
                rows = select(errors, samples=count, variant=variant, solver=solver).sort_values("noise")
                look = {**look, "fillstyle": fill, "linestyle": dashes, "label": variant if fill == "full" else None}
                panel.axes.plot(rows["noise"], rows["error"] / rows["predicted"], **look)
        panel.mark(y=1.0)
        panel.mark(y=np.sqrt(np.pi / 2))
        panel.set(xscale="log", xlabel=sheet.labels["noise"], title=f"$m = {count}$")
    for loss, fill, dashes in losses.values():
        look = {"color": style.GREY, "fillstyle": fill, "linestyle": dashes}
        panels[1].axes.plot([], [], marker="o", label=f"{loss} loss", **look)
    panels[0].set(ylabel=r"error / $(\sigma_g \sqrt{dr/m}\, /\, \|X_\star\|_F)$")
    panels[1].legend(loc="upper right")
    panels[-1].set(ylim=(0.7, None))

    @sheet.claims
    def _(tables):
        rows = tables["errors"].set_index(["samples", "noise"]).sort_index()
        ours, theirs = (dict(iter(select(rows, solver=solver).groupby("variant"))) for solver in losses)
        few, enough, many = samples[0], slice(samples[1], None), f"(m ≥ {samples[1]})"
        apart = (ours[small]["error"] / ours[exact]["error"] - 1).loc[enough].abs()
        over_rate = (ours[small]["error"] / ours[small]["predicted"]).loc[enough]
        worse = (ours[large]["error"] / ours[small]["error"]).loc[enough]
        efficiency = (ours[exact]["error"] / theirs[exact]["error"]).loc[enough]
        loud = theirs[small].loc[few, errors["noise"].max()]
        sentence = f"From a small start the error of the sub-gradient method does not depend on the search rank {many}."
        note = "Largest relative difference between exact and full search rank."
        yield claim(sentence, "paper, abstract", apart.max(), note=note).at_most(0.1)
        note = f"Largest ratio; the median is {over_rate.median():.2f}, where asymptotics of the median give 1.25."
        sentence = f"It is near the rate of least squares {many}."
        yield claim(sentence, "theory, rate of least squares", over_rate.max(), note=note).at_most(1.4)
        sentence = f"A large start with full search rank is worse {many}."
        yield claim(sentence, "ours", worse.min(), note="Smallest ratio of medians over the cells.").at_least(1.4)
        sentence = f"Least squares with full search rank overfits strong noise unless stopped early (m = {few})."
        note = "Final error over the least error over time, medians."
        yield claim(sentence, "ours", loud["error"] / loud["least"], note=note).at_least(1.5)
        sentence = "Under Gaussian noise least squares is the more efficient loss (exact rank)."
        note = "Median ratio of the errors, absolute over squared loss."
        yield claim(sentence, "theory, efficiency of the median", efficiency.median(), note=note).at_least(1)


@figure("step_rules", alt="Error per step for combinations of step rule and start.")
def step_rules(sheet):
    panel, looks = sheet.panel(style.PAGE, aspect=0.5), style.look(sheet.numbers["run"])
    looks[list(looks)[-1]] = {"color": style.GREY, "linestyle": "-", "marker": ""}
    panel.curves(sheet["curves"], "step", "error", by="run", looks=looks, markers=False, ylog=True)
    panel.set(ylim=(1e-17, 1e3))
    panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    @sheet.claims
    def _(tables):
        errors = tables["curves"].pivot(index="step", columns="run", values="error")
        last = errors.iloc[-1]
        large = last[last.index.str.endswith("large start")].min()
        sentence = "Polyak's step destroys a small start: its error soon rises above that of doing nothing, which is 1."
        note = "Largest median error at the first recorded steps."
        yield claim(sentence, "ours", errors["Polyak, small start"].iloc[:4].max(), note=note).at_least(1.5)
        sentence = "After that it converges no better than from a large start."
        ruin = last["Polyak, small start"] / last["Polyak, large start"]
        yield claim(sentence, "ours", ruin, note="Ratio of the final median errors.").at_least(0.1)
        note = "At the last step; ratio to the best large start with over-estimated rank."
        for run in ("Median", "Geometric"):
            sentence = f"{run}, small start: far more accurate than every schedule from a large start."
            yield claim(sentence, "ours", large / last[f"{run.lower()}, small start"], note=note).at_least(1e4)
        sentence = "With the exact rank Polyak's step converges linearly to machine precision."
        yield claim(sentence, "ours", last["Polyak, exact rank"]).at_most(1e-13)


@figure("noiseless_descent", alt="Gradient descent without noise: fast from a small start, like 1/t from a large one.")
def noiseless_descent(sheet):
    curves, scales, late = sheet["curves"], sheet.numbers["initial_scale"], sheet.numbers["fit_from"]
    panel, options = sheet.panel(), {"names": _scale, "looks": style.look(scales), "markers": False, "ylog": True}
    panel.curves(curves, "step", "error", by="initial_scale", **options)
    # At step 0 a logarithmic axis has no place.
    panel.set(xscale="log", xlim=(curves.loc[curves["step"] > 0, "step"].min(), curves["step"].max()))

    @sheet.claims
    def _(tables):
        small, large = (_errors(tables, initial_scale=scale) for scale in (min(scales), max(scales)))
        shown = min(500, small.index.max())
        sentence = f"From a small start gradient descent on the squared loss recovers the matrix in {shown} steps."
        yield claim(sentence, "ours", small[shown]).at_most(1e-6)
        sentence = "From a large start its error falls like 1/t, the same law as for the absolute loss."
        note = f"Slope of log error on log step from step {late} on."
        yield claim(sentence, "ours", _slope(large.loc[late:]), note=note).between(-1.2, -0.8)
