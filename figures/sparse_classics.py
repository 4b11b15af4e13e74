"""The classics of sparse recovery."""

import matplotlib.lines
import matplotlib.ticker
import numpy as np

from . import claims, panels, style
from .registry import figure

RATIO = r"sampling ratio $m/n$"
SPARSITY = r"relative sparsity $k/m$"
WEAK = "Donoho-Tanner, weak"
SPINODAL = "Bayes-optimal message passing"
_SHORT = {WEAK: "Donoho-Tanner", SPINODAL: "spinodal"}


def _curves(theory, names):
    chosen = {}
    for name in names:
        rows = theory[theory["curve"] == name]
        chosen[_SHORT.get(name, name)] = (rows["sampling_ratio"].to_numpy(), rows["relative_sparsity"].to_numpy())
    return chosen


def _transition(theory, name, at):
    rows = theory[theory["curve"] == name]
    return np.interp(at, rows["sampling_ratio"], rows["relative_sparsity"])


def _span(rows):
    return float(rows["low"].min()), float(rows["high"].max())


@figure(
    "phase_diagram",
    alt="Success rate of ten solvers over sampling ratio and relative sparsity, with fitted and predicted transitions.",
)
def phase_diagram(tables, info):
    """One panel per solver, and AMP against the Donoho-Tanner curve at a larger dimension."""
    success, boundary, band, theory = (tables[name] for name in ("success", "boundary", "amp_boundary", "theory"))
    solvers = list(info.configuration["solvers"])
    columns = 4
    rows = -(-(len(solvers) + 1) // columns)
    drawing, axes = style.new(style.PAGE, aspect=1.0, rows=rows, columns=columns, sharex=True, sharey=True)
    mesh = None
    for panel, solver in zip(axes.flat, solvers, strict=False):
        mesh = panels.phase_diagram(
            panel,
            success[success["solver"] == solver],
            "sampling_ratio",
            "relative_sparsity",
            xlabel="",
            ylabel="",
            boundary=boundary[boundary["solver"] == solver],
            theory=_curves(theory, (WEAK, SPINODAL)),
            colour_label=None,
        )
        panel.set_title(solver)
    last = axes.flat[len(solvers)]
    last.plot(band["sampling_ratio"], band["donoho_tanner"], color=style.ORANGE, label="Donoho-Tanner")
    errors = np.abs(band[["low", "high"]].to_numpy().T - band["boundary"].to_numpy())
    last.errorbar(
        band["sampling_ratio"], band["boundary"], errors, fmt="o", color=style.BLUE, label="AMP, fitted", linewidth=1
    )
    last.set_title(f"AMP, $n = {info.configuration['amp_dimension']}$")
    last.legend(loc="upper left")
    for panel in axes.flat[len(solvers) + 1 :]:
        panel.set_axis_off()
    handles, labels = axes.flat[0].get_legend_handles_labels()
    # The fitted line is white in its panels and would vanish on the page.
    stand_in = matplotlib.lines.Line2D([], [], color=style.GREY, linewidth=1.5)
    handles = [
        stand_in if label == "fitted transition" else handle for handle, label in zip(handles, labels, strict=True)
    ]
    holder = axes.flat[-1] if len(solvers) + 1 < axes.size else drawing
    holder.legend(handles, labels, loc="center")
    drawing.supxlabel(RATIO, fontsize=9)
    drawing.supylabel(SPARSITY, fontsize=9)
    drawing.colorbar(mesh, ax=axes, label="success rate", fraction=0.03, pad=0.01, aspect=40)
    return drawing, _phase_claims(info, boundary, band)


def _phase_claims(info, boundary, band):
    gap = (band["boundary"] - band["donoho_tanner"]).abs()
    worst = band.loc[gap.idxmax()]
    found = [
        claims.below(
            info,
            "The 50 % boundary of AMP lies within 0.03 of the Donoho-Tanner weak curve at every sampling ratio from "
            f"{band['sampling_ratio'].min():g} to {band['sampling_ratio'].max():g} "
            f"(dimension {info.configuration['amp_dimension']}).",
            gap.max() if gap.notna().all() else float("nan"),
            0.03,
            interval=(worst["low"] - worst["donoho_tanner"], worst["high"] - worst["donoho_tanner"]),
            note=f"Largest distance, at sampling ratio {worst['sampling_ratio']:g}; the interval is of the signed gap.",
        )
    ]
    middle = boundary[np.isclose(boundary["sampling_ratio"], 0.5)].set_index("solver")["boundary"]
    tanner = float(np.interp(0.5, band["sampling_ratio"], band["donoho_tanner"]))

    def ordered(sentence, *names):
        if set(names) <= set(middle.index):
            found.append(claims.ordering(info, sentence, {name: middle[name] for name in names}))

    if info.configuration["amplitudes"] == "gaussian":
        if "SubspacePursuit" in middle:
            found.append(
                claims.above(
                    info,
                    "Subspace pursuit beats the Donoho-Tanner transition on Gaussian coefficients (sampling ratio 0.5).",
                    middle["SubspacePursuit"],
                    tanner,
                )
            )
        ordered("Bayes-optimal message passing recovers far beyond l1 (sampling ratio 0.5).", "AMP", "BayesAMP")
        ordered("A line search lets hard thresholding recover more (sampling ratio 0.5).", "IHT", "NormalizedIHT")
        ordered("Reweighting recovers more than l1 alone (sampling ratio 0.5).", "FISTA", "ReweightedL1")
    return found


@figure("universality", alt="Fitted transitions of l1 recovery for several designs and laws, on the theory curves.")
def universality(tables, info):
    """One panel per coefficient law."""
    boundary, theory = tables["boundary"], tables["theory"]
    laws = info.configuration["amplitudes"]
    looks = style.look(info.configuration["ensembles"])
    drawing, axes = style.new(style.PAGE, aspect=1.0, columns=len(laws), sharex=True, sharey=True)
    for panel, law in zip(axes.flat, laws, strict=True):
        name = f"{WEAK}, nonnegative" if law == "nonnegative" else WEAK
        (curve,) = _curves(theory, [name]).values()
        panel.plot(*curve, color=style.GREY, label="Donoho-Tanner")
        for shift, ensemble in enumerate(looks):
            rows = boundary[(boundary["amplitudes"] == law) & (boundary["ensemble"] == ensemble)]
            errors = np.abs(rows[["low", "high"]].to_numpy().T - rows["boundary"].to_numpy())
            at = rows["sampling_ratio"] + 0.012 * (shift - (len(looks) - 1) / 2)
            panel.errorbar(at, rows["boundary"], errors, label=ensemble, **{**looks[ensemble], "linestyle": ""}, lw=1)
        panel.set(title=f"{law} coefficients", xlabel=RATIO)
    axes[0, 0].set_ylabel(SPARSITY)
    axes[0, 0].legend(loc="upper left")
    drawn = []
    for law in laws:
        rows = boundary[boundary["amplitudes"] == law]
        gap = (rows["boundary"] - rows["predicted"]).abs()
        worst = rows.loc[gap.idxmax()]
        drawn.append(
            claims.below(
                info,
                f"For {law} coefficients every ensemble has its l1 transition within 0.05 of the Donoho-Tanner curve.",
                gap.max() if gap.notna().all() else float("nan"),
                0.05,
                interval=(worst["low"] - worst["predicted"], worst["high"] - worst["predicted"]),
                note=f"Largest distance: {worst['ensemble']} at sampling ratio {worst['sampling_ratio']:g}.",
            )
        )
    return drawing, drawn


@figure("state_evolution", alt="Error per iteration of message passing, on the dashed prediction of state evolution.")
def state_evolution(tables, info):
    """One panel per problem, both algorithms in each."""
    table = tables["trajectories"]
    points = sorted(table["point"].unique())
    looks = style.look(["AMP", "BayesAMP"])
    drawing, axes = style.new(style.PAGE, aspect=0.95, columns=len(points), sharey=True)
    for panel, point in zip(axes.flat, points, strict=True):
        rows = table[table["point"] == point]
        for solver, look in looks.items():
            chosen = rows[rows["solver"] == solver]
            panel.plot(
                chosen["iteration"], chosen["mean"], color=look["color"], marker=look["marker"], ls="", label=solver
            )
            panel.fill_between(
                chosen["iteration"],
                chosen["mean"] - 2 * chosen["standard_error"],
                chosen["mean"] + 2 * chosen["standard_error"],
                color=look["color"],
                alpha=0.2,
                linewidth=0,
            )
            panel.plot(chosen["iteration"], chosen["predicted"], color=look["color"], linestyle=(0, (4, 2)))
        first = rows.iloc[0]
        panel.set(
            yscale="log",
            xlabel="iteration",
            title=f"$m/n={first.sampling_ratio:g}$, $k/m={first.relative_sparsity:g}$, $\\sigma={first.noise:g}$",
        )
    axes[0, 0].set_ylabel("mean squared error / signal power")
    axes[0, 0].legend()
    found = []
    for solver in looks:
        rows = table[(table["solver"] == solver) & (table["iteration"] > 0)]
        share = rows["mean"] / rows["predicted"] - 1
        worst = rows.loc[share.abs().idxmax()]
        found.append(
            claims.below(
                info,
                f"{solver} follows state evolution within 15 % at every iteration of every point.",
                share.abs().max(),
                0.15,
                interval=tuple(
                    (worst["mean"] + sign * 2 * worst["standard_error"]) / worst["predicted"] - 1 for sign in (-1, 1)
                ),
                note=f"Largest relative gap, at iteration {worst['iteration']:.0f} of point {worst['point']:.0f}; "
                "the interval is of the signed gap at two standard errors.",
            )
        )
    final = table[table["iteration"] == table["iteration"].max()].pivot(index="point", columns="solver", values="mean")
    found.append(
        claims.above(
            info,
            "With noise, knowing the prior at least halves the error of the l1 iteration at every point.",
            float((final["AMP"] / final["BayesAMP"]).min()),
            2.0,
            note="Smallest ratio of the final errors.",
        )
    )
    return drawing, found


@figure("finite_size", alt="Success across the transition for growing dimensions, and the width of the transition.")
def finite_size(tables, info):
    """Success curves, and width against dimension."""
    success, boundary, scaling = tables["success"], tables["boundary"], tables["scaling"].iloc[0]
    drawing, axes = style.new(style.PAGE, aspect=0.6, columns=2)
    panels.curves(
        axes[0, 0], success, "relative_sparsity", "rate", xlabel=SPARSITY, ylabel="success rate", by="dimension",
        names={n: f"$n = {n}$" for n in success["dimension"].unique()},
    )  # fmt: skip
    panels.reference_line(axes[0, 0], x=scaling["transition"], label="Donoho-Tanner")
    right = axes[0, 1]
    right.loglog(boundary["dimension"], boundary["width"], "o", color=style.BLUE, label="fitted width")
    at = boundary["dimension"].to_numpy(float)
    right.loglog(at, np.exp(scaling["intercept"]) * at ** scaling["exponent"], color=style.BLUE,
                 label=f"slope {scaling['exponent']:.2f}")  # fmt: skip
    half = boundary["width"].iloc[0] * (at / at[0]) ** -0.5
    right.loglog(at, half, color=style.GREY, linestyle=(0, (4, 2)), label="slope $-1/2$")
    right.set(xlabel="dimension $n$", ylabel="width of the transition in $k/m$")
    right.xaxis.set_major_formatter(matplotlib.ticker.ScalarFormatter())
    right.set_xticks(at, [f"{value:.0f}" for value in at])
    widths = [
        value
        for value in (0.01, 0.015, 0.02, 0.03, 0.04, 0.06)
        if boundary["width"].min() / 1.2 < value < boundary["width"].max() * 1.2
    ]
    right.set_yticks(widths, [f"{value:g}" for value in widths])
    right.minorticks_off()
    right.legend()
    largest = boundary.loc[boundary["dimension"].idxmax()]
    return drawing, [
        claims.ordering(
            info,
            "The transition sharpens with the dimension.",
            {
                f"n = {row.dimension:.0f}": row.width
                for row in boundary.sort_values("dimension", ascending=False).itertuples()
            },
        ),
        claims.between(
            info,
            "Its width falls like a power of the dimension with exponent near −1/2.",
            scaling["exponent"],
            -0.7,
            -0.3,
        ),
        claims.within(
            info,
            f"At dimension {largest['dimension']:.0f} the 50 % point is the Donoho-Tanner transition.",
            largest["boundary"],
            scaling["transition"],
            0.03,
            interval=(largest["low"], largest["high"]),
        ),
    ]


@figure("noise_grid", alt="Error in units of the noise over sampling ratio and relative sparsity, for growing noise.")
def noise_grid(tables, info):
    """One slice of the three-dimensional grid per noise level, and the minimax prediction."""
    cells, theory = tables["cells"], tables["theory"]
    noises = sorted(cells["noise"].unique())
    drawing, axes = style.new(style.PAGE, aspect=1.05, columns=len(noises) + 1, sharex=True, sharey=True)
    cells["shown"] = np.log10(cells["sensitivity"])
    cells["shown_minimax"] = np.log10(np.where(np.isfinite(cells["minimax"]), cells["minimax"], np.nan))
    options = {
        "ylabel": "",
        "xlabel": RATIO,
        "limits": (-1.5, 3.0),
        "colour_map": style.MAGNITUDE_MAP,
        "theory": _curves(theory, [WEAK]),
        "colour_label": None,
    }
    for panel, noise in zip(axes.flat, noises, strict=False):
        rows = cells[cells["noise"] == noise]
        mesh = panels.phase_diagram(panel, rows, "sampling_ratio", "relative_sparsity", value="shown", **options)
        panel.set_title(rf"$\sigma = {noise:g}$")
    rows = cells[cells["noise"] == noises[0]]
    panels.phase_diagram(axes[0, -1], rows, "sampling_ratio", "relative_sparsity", value="shown_minimax", **options)
    axes[0, -1].set_title("minimax theory")
    axes[0, 0].set_ylabel(SPARSITY)
    drawing.colorbar(mesh, ax=axes, label=r"$\log_{10}$ (mse / $\sigma^2$)", fraction=0.03, pad=0.01)
    below = cells[cells["relative_sparsity"] < 0.75 * cells["donoho_tanner"]]
    above = cells[(cells["relative_sparsity"] > 1.3 * cells["donoho_tanner"]) & (cells["noise"] == noises[0])]
    # A cell speaks against the bound if even its better quarter of trials exceeds it.
    under = (below["sensitivity_low"] <= below["minimax"]).mean()
    small = below[below["noise"] == noises[0]]
    attained = float((small["sensitivity"] / small["minimax"]).median())
    return drawing, [
        claims.above(
            info,
            "Below the Donoho-Tanner curve the error is at most the minimax noise sensitivity times the noise variance.",
            float(under),
            0.95,
            note="Share of cells below three quarters of the curve whose lower quartile is at most the bound.",
        ),
        claims.within(
            info,
            f"At small noise the bound is attained (noise {noises[0]:g}).",
            attained,
            1.0,
            0.15,
            note="Median over those cells of the median error over the bound.",
        ),
        claims.above(
            info,
            "Above the curve a little noise is amplified without bound: the error is a hundred times the noise variance and more.",
            float((above["sensitivity"] > 100).mean()),
            0.95,
            note=f"Share of cells above 1.3 times the curve at noise {noises[0]:g}.",
        ),
    ]


@figure("photograph", alt="A portrait and its reconstructions from growing numbers of measurements by three methods.")
def photograph(tables, info):
    """Reconstructions side by side, with their quality."""
    images, scores = tables["images"], tables["scores"].set_index(["solver", "sampling_ratio"])
    ratios = info.configuration["sampling_ratios"]
    solvers = ["least norm", "FISTA", "AMP"]

    def picture(solver, ratio):
        row = images[(images["solver"] == solver) & np.isclose(images["sampling_ratio"], ratio)].iloc[0]
        return np.asarray(row["pixels"]).reshape(row["height"], row["width"])

    truth = picture("photograph", 1.0)
    drawing, axes = style.new(style.PAGE, aspect=1.07, rows=len(solvers), columns=len(ratios) + 1)
    grid = [
        [*(picture(solver, ratio) for ratio in ratios), truth if number == 0 else None]
        for number, solver in enumerate(solvers)
    ]
    panels.images(
        axes,
        grid,
        row_labels=solvers,
        column_labels=[*(f"{100 * ratio:g} % of the pixels measured" for ratio in ratios), "photograph"],
        limits=(0, 1),
    )
    for number, solver in enumerate(solvers):
        for column, ratio in enumerate(ratios):
            axes[number, column].set_xlabel(
                f"PSNR {scores.loc[(solver, ratio), 'psnr']:.1f} dB", fontsize=8, labelpad=2
            )
    best = scores["psnr"].unstack("sampling_ratio")
    found = [
        claims.ordering(
            info,
            "Message passing reconstructs better from more measurements.",
            {f"{ratio:g}": best.loc["AMP", ratio] for ratio in ratios},
        ),
        claims.above(
            info,
            "Sparse recovery gains at least 5 dB over the least-norm image at every sampling ratio.",
            float((best.loc["AMP"] - best.loc["least norm"]).min()),
            5.0,
        ),
        claims.below(
            info,
            "Message passing and proximal gradients, which solve about the same problem, agree within 1 dB.",
            float((best.loc["AMP"] - best.loc["FISTA"]).abs().max()),
            1.0,
            note="Largest difference over sampling ratios. Written when the two had been seen to agree.",
        ),
    ]
    return drawing, found


@figure("nonconvex_penalties", alt="Error, false discoveries and power of five penalties against the correlation.")
def nonconvex_penalties(tables, info):
    """Three quantities at each penalty's best strength."""
    best, gain = tables["best"], tables["gain"]
    drawing, axes = style.new(style.PAGE, aspect=0.9, columns=3, sharex=True)
    looks = style.look(info.configuration["penalties"])
    labels = {"error": "relative error", "false_discovery": "false discovery proportion", "power": "power"}
    best["order"] = best["solver"].map({name: number for number, name in enumerate(looks)})
    best = best.sort_values(["order", "correlation"])
    for panel, (column, label) in zip(axes.flat, labels.items(), strict=True):
        shown = best.assign(
            low=best[column] - 2 * best[f"{column}_standard_error"],
            high=best[column] + 2 * best[f"{column}_standard_error"],
        )
        panels.curves(
            panel, shown, "correlation", column, xlabel=r"correlation of neighbouring columns", ylabel=label,
            by="solver", looks=looks,
        )  # fmt: skip
        if panel is not axes[0, 0]:
            panel.get_legend().remove()
    found = []
    moderate = gain[gain["correlation"] <= 0.5]
    for solver in ("SCAD", "MCP"):
        rows = moderate[moderate["solver"] == solver]
        if len(rows):
            worst = rows.loc[(rows["gain"] - 2 * rows["standard_error"]).idxmin()]
            found.append(
                claims.above(
                    info,
                    f"{solver} has a smaller error than l1 at every correlation up to 0.5, on the same instances.",
                    worst["gain"] - 2 * worst["standard_error"],
                    0.0,
                    interval=(worst["gain"] - 2 * worst["standard_error"], worst["gain"] + 2 * worst["standard_error"]),
                    note="Smallest mean paired gain in relative error, less two standard errors.",
                )
            )
    at_zero = best[best["correlation"] == best["correlation"].min()].set_index("solver")["false_discovery"]
    found.append(
        claims.ordering(
            info,
            "Tuned for error, l1 pays with false discoveries that folded concave penalties avoid (uncorrelated design).",
            {name: at_zero[name] for name in ("MCP", "SCAD", "l1") if name in at_zero},
            slack=0.02,
        )
    )
    return drawing, found


@figure("support_recovery", alt="Probability of exact support recovery against the control parameter, per dimension.")
def support_recovery(tables, info):
    """Curves of different dimensions over the control parameter."""
    success, boundary = tables["success"], tables["boundary"].sort_values("dimension")
    drawing, axes = style.new(style.COLUMN * 1.25, aspect=0.66)
    panels.curves(
        axes[0, 0], success, "control", "rate", xlabel=r"control parameter $n / (2 k \log(p - k))$",
        ylabel="exact signed support", by="dimension", names={p: f"$p = {p}$" for p in success["dimension"].unique()},
    )  # fmt: skip
    panels.reference_line(axes[0, 0], x=1.0, label="threshold")
    largest = boundary.iloc[-1]
    far = success[success["control"] >= 1.8]
    near = success[success["control"] <= 0.6]
    return drawing, [
        claims.within(
            info,
            f"Recovery crosses one half near control parameter 1.1 (p = {largest['dimension']:.0f}).",
            largest["boundary"],
            1.1,
            0.15,
            interval=(largest["low"], largest["high"]),
        ),
        claims.below(
            info,
            "Curves of different dimensions collapse: their 50 % points differ by at most 0.15.",
            float(boundary["boundary"].max() - boundary["boundary"].min()),
            0.15,
        ),
        claims.ordering(
            info,
            "The curves steepen with the dimension.",
            {f"p = {row.dimension:.0f}": row.width for row in boundary[::-1].itertuples()},
        ),
        claims.holds(
            info,
            "Far above the threshold the support is found, far below it is not.",
            bool(far["rate"].min() >= 0.8 and near["rate"].max() <= 0.05),
            expected="≥ 0.8 above 1.8, ≤ 0.05 below 0.6",
            measured=f"{far['rate'].min():.2f} above, {near['rate'].max():.2f} below",
        ),
    ]
