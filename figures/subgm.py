"""The sub-gradient method for robust low-rank recovery."""

import numpy as np

from . import claims, panels, style
from .registry import figure

STEP = "step $t$"
ERROR = r"$\|UU^\top - X_\star\|_F / \|X_\star\|_F$"


def _at(curves, step, **chosen):
    """Median error at a recorded step of the run with the given coordinates."""
    rows = curves[curves["step"] == step]
    for name, value in chosen.items():
        rows = rows[rows[name] == value]
    return float(rows["median"].iloc[0])


def _scale(value):
    """An initial scale in mathematics, as a power of ten where it is one."""
    exponent = np.log10(value)
    text = f"10^{{{exponent:.0f}}}" if abs(exponent - round(exponent)) < 1e-9 and value < 0.01 else f"{value:g}"
    return rf"$\alpha = {text}$"


def _bands(axes, curves, by, names, looks):
    """Median curves with a band from the least to the largest trial, on a logarithmic axis."""
    for key, rows in curves.groupby(by, sort=False):
        look = looks[key]
        axes.plot(rows["step"], rows["median"], label=names[key], color=look["color"], linestyle=look["linestyle"])
        axes.fill_between(rows["step"], rows["low"], rows["high"], color=look["color"], alpha=0.16, linewidth=0)
    axes.set(yscale="log", xlabel=STEP, ylabel=ERROR)


@figure("convergence", alt="Error per step of four runs: only the large start with over-estimated rank is slow.")
def convergence(tables, info):
    """Four curves."""
    curves, escape = tables["curves"], tables["escape"].iloc[0]
    configuration = info.configuration
    rank, search = min(configuration["search_ranks"]), max(configuration["search_ranks"])
    small, large = min(configuration["initial_scales"]), max(configuration["initial_scales"])
    drawing, axes = style.new(style.PAGE * 0.72, aspect=0.62)
    panel = axes[0, 0]
    keys = [(k, a) for k in (rank, search) for a in (large, small)]
    names = {(k, a): rf"$r' = {k}$, {_scale(a)}" for k, a in keys}
    _bands(panel, curves, ["search_rank", "initial_scale"], names, style.look(keys))
    panel.set_ylim(1e-17, 1e1)
    panels.reference_line(panel, x=escape["step"], label="leaves zero")
    panels.legend(panel, loc="center right", bbox_to_anchor=(1.0, 0.32))
    shown = 1000
    slow = curves[(curves["search_rank"] == search) & (curves["initial_scale"] == large) & (curves["step"] >= 300)]
    slope = np.polyfit(np.log(slow["step"]), np.log(slow["median"]), 1)[0]
    fast = curves[(curves["initial_scale"] == small) & (curves["step"] <= 100)]
    sides = fast.pivot(index="step", columns="search_rank", values="median")
    apart = float(np.abs(np.log10(sides[search] / sides[rank])).max())
    gap = _at(curves, shown, search_rank=search, initial_scale=large) / _at(
        curves, shown, search_rank=search, initial_scale=small
    )
    return drawing, [
        claims.above(
            info,
            f"With over-estimated rank the small start is more than 10,000 times more accurate than the large one after {shown} steps.",
            gap,
            1e4,
            note="Ratio of the median errors.",
        ),
        claims.below(
            info,
            "From the small start the over-estimated rank tracks the exact one (first 100 steps, factor 2).",
            10**apart,
            2.0,
            note="Largest ratio of the median errors.",
        ),
        claims.between(
            info,
            "With over-estimated rank the large start converges like 1/t.",
            slope,
            -1.2,
            -0.7,
            note="Slope of log error on log step from step 300 on.",
        ),
        claims.below(
            info,
            "With the exact rank both starts converge linearly to machine precision (1000 steps).",
            max(_at(curves, shown, search_rank=rank, initial_scale=a) for a in (small, large)),
            1e-13,
        ),
        claims.below(
            info,
            "The floor of the small start with over-estimated rank is set by the scale of the start, far below what one sees.",
            _at(curves, shown, search_rank=search, initial_scale=small),
            1e-6,
        ),
    ]


@figure("initial_scale", alt="Final error falls with the initial scale like a power between one and two.")
def initial_scale(tables, info):
    """One curve per step rule."""
    errors, slopes = tables["errors"], tables["slopes"]
    drawing, axes = style.new(style.PAGE * 0.72, aspect=0.62)
    panel = axes[0, 0]
    panels.curves(
        panel, errors, "initial_scale", "median", xlabel=r"initial scale $\alpha$", ylabel=ERROR, by="setting",
        xlog=True, ylog=True,
    )  # fmt: skip
    at = np.array([info.configuration["slope_below"], errors["initial_scale"].min()])
    anchor = float(errors.loc[errors["initial_scale"] == at[0], "median"].max())
    for power in (1, 2):
        panel.plot(at, anchor * (at / at[0]) ** power, color=style.GREY, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
        where = at[0] * 10 ** (-1.6)
        panel.annotate(
            f"slope {power}", (where, anchor * (where / at[0]) ** power), xytext=(0, -9 if power == 2 else 3),
            textcoords="offset points", color=style.GREY, fontsize=8, ha="left" if power == 2 else "right",
        )  # fmt: skip
    found = []
    for setting, rows in slopes.groupby("setting", sort=False):
        values = rows["slope"]
        found.append(
            claims.between(
                info,
                f"The final error falls like a power of the initial scale between 1 and 2 ({setting}).",
                values.median(),
                1.0,
                2.0,
                interval=(values.min(), values.max()),
                note="Median over instances of the slope below "
                f"{info.configuration['slope_below']:g}; the interval is from least to largest.",
            )
        )
    return drawing, found


@figure("search_rank", alt="Final error is flat in the search rank from a small start, and large from a large one.")
def search_rank(tables, info):
    """One curve per initial scale."""
    errors = tables["errors"]
    rank = info.configuration["rank"]
    drawing, axes = style.new(style.COLUMN * 1.25, aspect=0.7)
    panels.curves(
        axes[0, 0], errors, "search_rank", "median", xlabel="search rank $r'$", ylabel=ERROR, by="initial_scale",
        names={a: _scale(a) for a in errors["initial_scale"].unique()}, ylog=True,
    )  # fmt: skip
    panels.reference_line(axes[0, 0], x=rank, label="rank")
    axes[0, 0].set_xticks(sorted(errors["search_rank"].unique()))
    over = errors[errors["search_rank"] > rank]
    small = over[over["initial_scale"] == over["initial_scale"].min()]["median"]
    large = over[over["initial_scale"] == over["initial_scale"].max()]["median"]
    return drawing, [
        claims.below(
            info,
            "From a small start the final error does not depend on the search rank above the rank (factor 2).",
            small.max() / small.min(),
            2.0,
            note="Largest over smallest median error.",
        ),
        claims.above(
            info,
            "From a large start every search rank above the rank costs at least a factor of 10,000.",
            large.min() / small.max(),
            1e4,
        ),
        claims.below(
            info,
            "With the exact rank the scale of the start does not matter.",
            errors[errors["search_rank"] == rank]["median"].max(),
            1e-13,
        ),
    ]


@figure("phase_diagram", alt="Success over samples and corruption for two schedules, and the growth each can afford.")
def phase_diagram(tables, info):
    """One panel per schedule, and the budgets."""
    success, boundary, errors = tables["success"], tables["boundary"], tables["errors"]
    theory, budgets = tables["theory"], tables["budgets"]
    schedules = list(info.configuration["schedules"])
    drawing, axes = style.new(style.PAGE, aspect=1.0, columns=len(schedules) + 1)
    for panel, name in zip(axes.flat, schedules, strict=False):
        mesh = panels.phase_diagram(
            panel,
            success[success["solver"] == name],
            "samples",
            "corruption",
            xlabel="samples $m$",
            ylabel="corruption $p$",
            boundary=boundary[boundary["solver"] == name],
            theory={r"$3dr/(1-p)^2$": (theory["samples"].to_numpy(), theory["corruption"].to_numpy())},
            colour_label=None,
            xlog=True,
        )
        panel.set_title(rf"{name}: $\rho = {info.configuration['schedules'][name]['ratio']:g}$")
        ticks = [value for value in (120, 300, 1000, 2000, 5000, 10000) if value in set(success["samples"])]
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.minorticks_off()
    panels.legend(axes[0, 0], dark=True, loc="upper left")
    drawing.colorbar(mesh, ax=axes[0, len(schedules) - 1], label="success rate", fraction=0.05, pad=0.02, aspect=26)
    last = axes[0, -1]
    looks = style.look(schedules)
    dead = {}
    for name, rows in budgets.groupby("solver", sort=False):
        colour = looks[name]["color"]
        last.plot(rows["corruption"], rows["growth"], color=colour, label=name)
        last.plot(rows["corruption"], rows["needed"], color=colour, linestyle=(0, (1, 1.5)))
        short = rows[rows["growth"] < rows["needed"]]["corruption"]
        dead[name] = float(short.min()) if len(short) else np.inf
    last.set(xlabel="corruption $p$", ylabel="logarithmic growth", title="affordable, needed", ylim=(0, None))
    panels.legend(last)
    found = []
    fast, slow = schedules[0], schedules[-1]
    most = success["samples"].max()
    beyond = success[(success["solver"] == fast) & (success["corruption"] >= dead[fast])]
    if len(beyond):
        found.append(
            claims.below(
                info,
                f"Where its steps die before the start has grown (from p = {dead[fast]:.2f} on) the fast schedule never recovers.",
                beyond["rate"].max(),
                0.0,
                note="Largest success rate over those cells, whatever the number of samples.",
            )
        )
    majority = success[(success["solver"] == slow) & (success["samples"] == most) & (success["corruption"] > 0.5)]
    best = majority.loc[majority["corruption"].idxmin()]
    middle = errors[
        (errors["solver"] == slow) & (errors["samples"] == most) & (errors["corruption"] == best["corruption"])
    ].iloc[0]
    found.append(
        claims.below(
            info,
            f"More outliers than clean measurements (p = {best['corruption']:g}, m = {most}) do not prevent recovery.",
            middle["median"],
            info.configuration["below"],
            interval=(middle["low"], middle["high"]),
            note="Median error of the slow schedule; the interval is from least to largest.",
        )
    )
    edge = boundary[(boundary["solver"] == slow) & np.isfinite(boundary["boundary"])].sort_values("samples")
    slope = np.polyfit(np.log(edge["samples"]), np.log(1 - edge["boundary"]), 1)[0] if len(edge) > 2 else float("nan")
    found.append(
        claims.between(
            info,
            "The boundary moves like 1 - p ~ m^(-1/2), the shape m ~ (1 - p)^-2 of the theory (slow schedule).",
            slope,
            -0.7,
            -0.3,
            note=f"Slope of log(1 - p) on log m over {len(edge)} fitted boundaries.",
        )
    )
    return drawing, found


@figure("against_least_squares", alt="The sub-gradient method converges under outliers; least squares does not.")
def against_least_squares(tables, info):
    """One panel per sample size."""
    curves, final = tables["curves"], tables["final"]
    samples = info.configuration["samples"]
    search = max(info.configuration["search_ranks"])
    drawing, axes = style.new(style.PAGE, aspect=0.66, columns=len(samples), sharey=True)
    keys = [(s, r) for s in ("sub-gradient", "least squares") for r in info.configuration["search_ranks"]]
    names = {(solver, r): rf"{solver}, $r' = {r}$" for solver, r in keys}
    for panel, count in zip(axes.flat, samples, strict=True):
        _bands(panel, curves[curves["samples"] == count], ["solver", "search_rank"], names, style.look(keys))
        panel.set_title(f"$m = {count}$")
    for panel in axes[0, 1:]:
        panel.set_ylabel("")
    panels.legend(axes[0, -1])
    found = []
    for count in samples:
        rows = final[(final["samples"] == count) & (final["search_rank"] == search)]
        ours = rows[rows["solver"] == "sub-gradient"]["error"]
        theirs = rows[rows["solver"] == "least squares"]
        found.append(
            claims.above(
                info,
                f"The sub-gradient method is at least 1000 times more accurate than least squares (r' = {search}, m = {count}).",
                theirs["error"].median() / ours.median(),
                1e3,
            )
        )
        found.append(
            claims.above(
                info,
                f"Least squares ends with a relative error above {0.8 if count == min(samples) else 0.5} (r' = {search}, m = {count}).",
                theirs["error"].min(),
                0.8 if count == min(samples) else 0.5,
                interval=(theirs["error"].min(), theirs["error"].max()),
                note=f"Least over instances. The least error over time has median {theirs['least'].median():.2f}.",
            )
        )
    most = final[(final["samples"] == max(samples)) & (final["solver"] == "sub-gradient")]
    most = most[most["search_rank"] == search]["error"]
    found.append(
        claims.below(
            info,
            f"The sub-gradient method reaches a relative error below 1e-6 in single precision (r' = {search}, m = {max(samples)}).",
            most.max(),
            1e-6,
            interval=(most.min(), most.max()),
            note="Largest over instances.",
        )
    )
    return drawing, found


@figure("beyond_the_minimiser", alt="The large start reaches a lower loss than the truth, far from it.")
def beyond_the_minimiser(tables, info):
    """Loss over loss at the truth against error."""
    runs = tables["runs"]
    runs["ratio"] = runs["loss"] / runs["loss_at_truth"]
    drawing, axes = style.new(style.COLUMN * 1.25, aspect=0.7)
    panel = axes[0, 0]
    for name, look in style.look(info.configuration["steps"]).items():
        rows = runs[runs["solver"] == name]
        start = info.configuration["initial_scales"][name]
        panel.plot(rows["ratio"], rows["error"], look["marker"], color=look["color"], alpha=0.7, label=_scale(start))
    panel.set(yscale="log", xlabel="final loss / loss at the truth", ylabel=ERROR)
    panels.reference_line(panel, x=1.0, label="truth")
    panels.legend(panel)
    wide = runs.pivot(index="trial", columns="solver", values=["error", "ratio"])
    small, large = wide["error"]["small"], wide["error"]["large"]
    return drawing, [
        claims.above(
            info,
            "The large start ends with a lower loss than that of the truth.",
            float((wide["ratio"]["large"] < 1).mean()),
            1.0,
            note=f"Share of instances; median of final loss over loss at the truth: {wide['ratio']['large'].median():.3f}.",
        ),
        claims.below(
            info, "The small start ends close to the truth.", small.median(), 1e-2,
            interval=(small.quantile(0.1), small.quantile(0.9)),
            note="Median over instances; the interval holds the middle 80 %.",
        ),
        claims.above(
            info, "The lower loss has an error at least 1000 times larger.", (large / small).median(), 1000.0,
            interval=((large / small).quantile(0.1), (large / small).quantile(0.9)),
            note="Median over instances of the ratio of errors; the interval holds the middle 80 %. With so few samples the "
            "floor of the small start falls with its scale but is far above that at more samples, and errors of both starts "
            "vary a lot between instances; the expected ratio comes from a single one.",
        ),
    ]  # fmt: skip


@figure("gaussian_noise", alt="Error against noise for both losses, on the rate of least squares.")
def gaussian_noise(tables, info):
    """One panel per loss, one colour per variant, at the smallest and largest number of samples."""
    errors = tables["errors"]
    variants = list(info.configuration["variants"])
    samples = sorted(errors["samples"].unique())
    drawing, axes = style.new(style.PAGE, aspect=1.1, columns=len(samples), sharey=True)
    looks = style.look(variants)
    for panel, count in zip(axes.flat, samples, strict=True):
        rows = errors[errors["samples"] == count].sort_values("noise")
        for variant in variants:
            for solver, fill in (("sub-gradient", "full"), ("least squares", "none")):
                chosen = rows[(rows["variant"] == variant) & (rows["solver"] == solver)]
                panel.plot(
                    chosen["noise"], chosen["error"] / chosen["predicted"], color=looks[variant]["color"],
                    marker=looks[variant]["marker"], fillstyle=fill, linestyle="-" if fill == "full" else (0, (2, 1.5)),
                    label=f"{variant}" if fill == "full" else None,
                )  # fmt: skip
        panel.axhline(1.0, color=style.GREY, linewidth=0.8, zorder=1)
        panel.axhline(np.sqrt(np.pi / 2), color=style.GREY, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
        panel.set(xscale="log", xlabel=r"noise $\sigma_g$", title=f"$m = {count}$")
    axes[0, 0].set_ylabel(r"error / $(\sigma_g \sqrt{dr/m}\, /\, \|X_\star\|_F)$")
    styles = (("-", "full", "absolute loss"), ((0, (2, 1.5)), "none", "squared loss"))
    for line, fill, name in styles:
        axes[0, 1].plot([], [], color=style.GREY, linestyle=line, marker="o", fillstyle=fill, label=name)
    panels.legend(axes[0, 1], loc="upper right")
    axes[0, -1].set_ylim(0.7, None)
    table = errors.set_index(["solver", "variant", "samples", "noise"])
    ours, theirs = table.loc["sub-gradient"], table.loc["least squares"]
    exact, small, large = variants
    many = [key for key in ours.loc[small].index if key[0] >= sorted(samples)[1]]
    share = (ours.loc[small]["error"] / ours.loc[exact]["error"]).loc[many]
    over_line = (ours.loc[small]["error"] / ours.loc[small]["predicted"]).loc[many]
    large_cost = (ours.loc[large]["error"] / ours.loc[small]["error"]).loc[many]
    loud = max(key[1] for key in many)
    tight = (min(samples), loud)
    stopping = theirs.loc[small].loc[tight]
    efficient = (ours.loc[exact]["error"] / theirs.loc[exact]["error"]).loc[many]
    enough = f"m ≥ {sorted(samples)[1]}"
    return drawing, [
        claims.below(
            info, f"From a small start the error of the sub-gradient method does not depend on the search rank ({enough}, 10 %).",
            np.abs(share - 1).max(), 0.1, note="Largest relative difference between exact and full search rank.",
        ),
        claims.below(
            info, f"It is within a factor 1.4 of the rate of least squares ({enough}).", over_line.max(), 1.4,
            note=f"Largest ratio; the median is {over_line.median():.2f}, where asymptotics of the median give 1.25.",
        ),
        claims.above(
            info, f"A large start with full search rank is at least 1.4 times worse ({enough}).", large_cost.min(), 1.4,
            note=f"Smallest ratio of medians over the cells; the median ratio is {large_cost.median():.2f}.",
        ),
        claims.above(
            info, f"Least squares with full search rank overfits strong noise unless stopped early (m = {tight[0]}, σ = {loud:g}).",
            float(stopping["error"] / stopping["least"]), 1.5, note="Final error over the least error over time, medians.",
        ),
        claims.above(
            info, "Under Gaussian noise least squares is the more efficient loss (exact rank).", efficient.median(), 1.0,
            note="Median ratio of the errors, absolute over squared loss.",
        ),
    ]  # fmt: skip


@figure("step_rules", alt="Error per step for eight combinations of step rule and start.")
def step_rules(tables, info):
    """All runs in one panel."""
    curves = tables["curves"]
    runs = list(info.configuration["runs"])
    drawing, axes = style.new(style.PAGE, aspect=0.5)
    panel = axes[0, 0]
    looks = style.look(runs)
    looks[runs[-1]] = {"color": style.GREY, "linestyle": "-"}
    _bands(panel, curves, "run", {name: name for name in runs}, looks)
    panel.set_ylim(1e-17, 1e3)
    panel.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    last = curves["step"].max()
    every = info.configuration["record_every"]
    final = {name: _at(curves, last, run=name) for name in runs}
    large = min(value for name, value in final.items() if name.endswith("large start"))
    small = {name: final[name] for name in runs if name in ("median, small start", "geometric, small start")}
    jump = curves[(curves["run"] == "Polyak, small start") & (curves["step"] <= 3 * every)]["median"].max()
    return drawing, [
        claims.above(
            info,
            "Polyak's step destroys a small start: within its first steps the error rises above that of doing nothing.",
            jump,
            1.5,
            note=f"Largest median error at the recorded steps up to {3 * every}; the error of the zero matrix is 1.",
        ),
        claims.above(
            info,
            "After that it converges no better than from a large start.",
            final["Polyak, small start"] / final["Polyak, large start"],
            0.1,
            note="Ratio of the final median errors.",
        ),
        *(
            claims.above(
                info,
                f"{name[0].upper()}{name[1:]}: at least 10,000 times more accurate than every schedule from a large start.",
                large / value,
                1e4,
                note=f"At step {last}; ratio to the best large start with over-estimated rank.",
            )
            for name, value in small.items()
        ),
        claims.below(
            info,
            "With the exact rank Polyak's step converges linearly to machine precision.",
            final["Polyak, exact rank"],
            1e-13,
        ),
    ]


@figure("noiseless_descent", alt="Gradient descent without noise: fast from a small start, like 1/t from a large one.")
def noiseless_descent(tables, info):
    """Two curves."""
    curves, decay = tables["curves"], tables["decay"].iloc[0]
    scales = info.configuration["initial_scales"]
    small = min(scales)
    drawing, axes = style.new(style.COLUMN * 1.25, aspect=0.7)
    panel = axes[0, 0]
    _bands(panel, curves, "initial_scale", {a: _scale(a) for a in scales}, style.look(scales))
    panel.set_xscale("log")
    panels.legend(panel)
    # At step 0 a logarithmic axis has no place.
    panel.set_xlim(curves[curves["step"] > 0]["step"].min(), curves["step"].max())
    return drawing, [
        claims.below(
            info,
            "From a small start gradient descent on the squared loss recovers the matrix to 1e-6 in 500 steps.",
            _at(curves, 500, initial_scale=small),
            1e-6,
        ),
        claims.between(
            info,
            "From a large start its error falls like 1/t, the same law as for the absolute loss.",
            decay["exponent"],
            -1.2,
            -0.8,
            note=f"Slope of log error on log step from step {info.configuration['fit_from']} on.",
        ),
    ]
