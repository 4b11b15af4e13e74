"""Blind gain calibration by projected gradient descent (Cambareri and Jacques 2018)."""

import numpy as np

from . import claims, panels, style
from .registry import figure

OVERSAMPLING = r"equations per unknown, $m p / (n + m - 1)$"


def _spread(value):
    return rf"$\rho = {value:g}$"


@figure(
    "phase_transition",
    alt="Success rate over sensors and snapshots for several gain spreads, with the counting limit, and its collapse.",
)
def phase_transition(tables, info):
    """One heat map per spread, and all cells over their oversampling."""
    success = tables["success"]
    boundary, by_sensors = tables["boundary"], tables["boundary_by_sensors"]
    dimension, spreads = info.configuration["dimension"], info.configuration["gain_spreads"]
    least = info.configuration["least_snapshots"]
    columns = min(len(spreads) + 1, 4)
    rows = -(-(len(spreads) + 1) // columns)
    drawing, axes = style.new(style.PAGE, aspect=1.05, rows=rows, columns=columns)
    sensors = np.geomspace(success["sensors"].min() * 0.6, success["sensors"].max() * 1.6, 100)
    limits = {
        "counting limit": (sensors, (dimension + sensors - 1) / sensors),
        r"$mp = 1.4\,(n + m)$": (sensors, 1.4 * (dimension + sensors) / sensors),
    }
    mesh = None
    for number, (panel, spread) in enumerate(zip(axes.flat, spreads, strict=False)):
        mesh = panels.phase_diagram(
            panel, success[success["gain_spread"] == spread], "sensors", "snapshots",
            xlabel="sensors $m$", ylabel="snapshots $p$" if number % columns == 0 else "", theory=limits,
            colour_label=None, xlog=True, ylog=True,
        )  # fmt: skip
        panel.set_title(_spread(spread))
        _plain_ticks(panel, sorted(success["sensors"].unique())[::2], [1, 2, 4, 8, 16, 32, 64])
    panels.legend(axes.flat[0], dark=True, loc="upper right", fontsize=6.5)
    last = axes.flat[len(spreads)]
    looks = style.look(spreads)
    several = success[success["snapshots"] >= least]
    for spread in spreads:
        cells = several[several["gain_spread"] == spread].sort_values("oversampling")
        last.plot(
            cells["oversampling"], cells["rate"], marker=looks[spread]["marker"], color=looks[spread]["color"],
            linestyle="", label=_spread(spread), alpha=0.7,
        )  # fmt: skip
    last.set_xscale("log")
    _plain_ticks(last, [0.5, 1, 2, 4], None)
    panels.reference_line(last, x=1.0)
    last.set(xlabel="$m p / (n + m - 1)$", ylabel="success rate", title=rf"all cells, $p \geq {least}$")
    last.legend(loc="center right", fontsize=6.5)
    for panel in axes.flat[len(spreads) + 1 :]:
        panel.set_axis_off()
    drawing.colorbar(mesh, ax=axes, label="success rate", fraction=0.03, pad=0.01, aspect=30)
    return drawing, _transition_claims(info, success, boundary, by_sensors)


def _transition_claims(info, success, boundary, by_sensors):
    dimension, least = info.configuration["dimension"], info.configuration["least_snapshots"]
    samples = success["sensors"] * success["snapshots"]
    far = success[(samples >= 2.1 * (dimension + success["sensors"])) & (success["snapshots"] >= 4)]
    near = success[samples <= 1.02 * (dimension + success["sensors"] - 1)]
    single = success[success["snapshots"] == 1]
    worst = far.loc[far["rate"].idxmin()]
    found = [
        claims.above(
            info,
            "Signal and gains are found in at least 90 % of instances whenever m p ≥ 2.1 (n + m) and p ≥ 4, for every "
            "spread of the gains.",
            worst["rate"],
            0.9,
            interval=(worst["low"], worst["high"]),
            note=f"Smallest rate of {len(far)} cells.",
        ),
        claims.below(
            info,
            "At the counting limit, m p ≤ 1.02 (n + m - 1), at most 40 % are found.",
            near["rate"].max(),
            0.4,
            note=f"Largest rate of {len(near)} cells.",
        ),
        claims.below(info, "One snapshot never suffices without priors.", single["rate"].max(), 0.0),
    ]
    ordered = boundary.sort_values("gain_spread")
    found.append(
        claims.between(
            info,
            "The number of equations needed depends weakly on the spread of the gains: from the smallest spread to the "
            "largest the 50 % boundary in m p / (n + m - 1) grows by a factor of at most 1.5.",
            ordered["boundary"].iloc[-1] / ordered["boundary"].iloc[0],
            1.0,
            1.5,
            note="Boundaries: "
            + ", ".join(f"{claims.number(row.boundary)} at ρ = {row.gain_spread:g}" for row in ordered.itertuples())
            + f" (cells with p ≥ {least}). The factor 1.5 is ours; the paper gives no number.",
        )
    )
    usable = by_sensors[np.isfinite(by_sensors["boundary"])]
    ratios = usable.groupby("gain_spread")["boundary"].agg(lambda values: values.max() / values.min())
    found.append(
        claims.below(
            info,
            "What counts is m p / (n + m): the 50 % boundaries of arrays of different size agree within a factor of 1.25.",
            ratios.max() if len(ratios) else float("nan"),
            1.25,
            note="Largest ratio over spreads, among the array sizes whose cells bracket the boundary "
            f"({', '.join(str(m) for m in sorted(usable['sensors'].unique()))} sensors; p ≥ {least}).",
        )
    )
    return found


@figure("convergence", alt="Squared distance to the truth per iteration for line searches and fixed steps.")
def convergence(tables, info):
    """One panel per spread; and the iterations to the target."""
    paths, runs, start = tables["paths"], tables["runs"], tables["start"].set_index("gain_spread")["distance"]
    spreads, sizes = info.configuration["gain_spreads"], info.configuration["step_sizes"]
    names = ["line search", *(f"{size:g}" for size in sizes)]
    labels = {"line search": "line search", **{f"{size:g}": rf"$\mu = {size:g}$" for size in sizes}}
    looks = style.look(names)
    drawing, axes = style.new(style.PAGE, aspect=1.1, columns=len(spreads), sharey=True)
    for panel, spread in zip(axes.flat, spreads, strict=True):
        for name in names:
            rows = paths[(paths["gain_spread"] == spread) & (paths["solver"] == name)].sort_values("iteration")
            look = {**looks[name], "marker": ""}
            panel.plot(rows["iteration"], rows["distance"], label=labels[name], **look)
            panel.fill_between(
                rows["iteration"], rows["low"], np.minimum(rows["high"], 1e6), color=look["color"], alpha=0.15, lw=0
            )
        panel.axhline(start[spread], color=style.GREY, linestyle=(0, (5, 1.5, 1.2, 1.5)), linewidth=0.8)
        panel.set(yscale="log", ylim=(info.configuration["target"] / 100, 1e2), xlabel="iteration")
        panel.set_title(_spread(spread))
    axes[0, 0].set_ylabel(r"squared distance $\Delta / \|x\|^2$")
    handles, names = axes[0, 0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside upper center", ncols=len(names))
    return drawing, _convergence_claims(info, runs, start)


def _convergence_claims(info, runs, start):
    target = info.configuration["target"]
    search = runs[runs["solver"] == "line search"]
    rates = search.groupby("gain_spread")["contraction"].median()
    found = [
        claims.above(
            info,
            "From an unbiased start the distance falls at a linear rate: the logarithm of Δ is straight in the number of "
            "iterations (line search).",
            search["straightness"].median(),
            0.95,
            note="Median over runs of R² of the straight line, from a tenth of the start down to the target.",
        ),
        claims.holds(
            info,
            "The rate is nearly independent of the spread of the gains.",
            bool(rates.notna().all() and rates.max() - rates.min() <= 0.1),
            expected="contractions of Δ per iteration that differ by at most 0.1",
            measured=", ".join(f"{rate:.3f} at ρ = {spread:g}" for spread, rate in rates.items()),
        ),
    ]
    median = runs.assign(iterations=runs["iterations"].fillna(np.inf)).groupby(["gain_spread", "solver"])["iterations"]
    median = median.median().unstack()
    if "0.5" in median:
        found.append(
            claims.below(
                info,
                f"A line search needs no more iterations to Δ ≤ {target:g} than the fixed step μ = 0.5, at every spread.",
                float((median["line search"] / median["0.5"]).max()),
                1.0,
                note="Largest ratio of median iterations; "
                + ", ".join(
                    f"ρ = {spread:g}: {row['line search']:.0f} against {row['0.5']:.0f}"
                    for spread, row in median.iterrows()
                )
                + ".",
            )
        )
    if "0.8" in set(runs["solver"]):
        long = runs[runs["solver"] == "0.8"]
        failed = int(long["iterations"].isna().sum())
        found.append(
            claims.above(
                info,
                "The fixed step μ = 0.8 is too long: most runs diverge or stall.",
                failed / len(long),
                0.5,
                note=f"{failed} of {len(long)} runs miss the target in {info.configuration['iterations']} iterations.",
            )
        )
    measured = search.groupby("gain_spread")["start"].mean()
    gaps = (measured / start - 1).abs()
    found.append(
        claims.below(
            info,
            "The unbiased start is as good as predicted, E Δ = (n + 1)(1 + v) / (m p) + v, within 15 %.",
            gaps.max(),
            0.15,
            note=f"Largest relative gap of the mean over {search['trial'].nunique()} instances; measured "
            + ", ".join(f"{value:.3f} ({start[spread]:.3f})" for spread, value in measured.items())
            + ".",
        )
    )
    return found


@figure(
    "subspace_priors", alt="Success with and without subspace priors over equations per unknown, and over the grid."
)
def subspace_priors(tables, info):
    """Both solvers over their own count of unknowns; heat maps of one pair of priors."""
    success, boundary = tables["success"], tables["boundary"].set_index("solver")
    drawing, axes = style.new(style.PAGE, aspect=0.95, columns=3)
    looks = style.look(["with priors", "without priors"])
    panel = axes[0, 0]
    for name, look in looks.items():
        rows = success[success["solver"] == name]
        panel.plot(rows["oversampling"], rows["rate"], **{**look, "linestyle": ""}, label=name, alpha=0.7)
    panel.set_xscale("log")
    _plain_ticks(panel, [0.25, 0.5, 1, 2, 4, 8, 16, 32], None)
    panels.reference_line(panel, x=1.0)
    panel.set(xlabel="equations per unknown", ylabel="success rate", title="all cells")
    panel.legend(loc="lower right", fontsize=7)
    pairs = success.groupby(["signal_dimension", "gain_dimension"]).size().index.to_list()
    chosen = pairs[min(1, len(pairs) - 1)]
    here = (success["signal_dimension"] == chosen[0]) & (success["gain_dimension"] == chosen[1])
    mesh = None
    for panel, name, (signal, gains) in zip(
        axes[0, 1:], looks, (chosen, (info.configuration["dimension"], None)), strict=True
    ):
        sensors = np.geomspace(success["sensors"].min() / 2, success["sensors"].max() * 2, 100)
        unknowns = signal + (gains or sensors) - 1
        mesh = panels.phase_diagram(
            panel, success[here & (success["solver"] == name)], "sensors", "snapshots", xlabel="sensors $m$",
            ylabel="snapshots $p$", colour_label=None, xlog=True, ylog=True,
            theory={"counting limit": (sensors, unknowns / sensors)},
        )  # fmt: skip
        panel.set_title(f"{name}, $k = {chosen[0]}$, $h = {chosen[1]}$", fontsize=8)
        _plain_ticks(panel, sorted(success["sensors"].unique()), sorted(success["snapshots"].unique()))
    panels.legend(axes[0, 1], dark=True, loc="upper right", fontsize=6.5)
    drawing.colorbar(mesh, ax=axes, label="success rate", fraction=0.03, pad=0.01, aspect=30)
    prior, plain = (success[success["solver"] == name] for name in looks)
    single = prior[(prior["snapshots"] == 1) & (prior["oversampling"] >= 2)]
    enough = prior[prior["oversampling"] >= 2.3]
    row = boundary.loc["with priors"]
    return drawing, [
        claims.above(
            info,
            "With priors a single snapshot suffices: at least 90 % are found where m ≥ 2 (k + h - 1).",
            single["rate"].min() if len(single) else float("nan"),
            0.9,
            note=f"Smallest rate of {len(single)} cells with p = 1.",
        ),
        claims.below(
            info,
            "Without priors a single snapshot never suffices.",
            plain[plain["snapshots"] == 1]["rate"].max(),
            0.0,
        ),
        claims.between(
            info,
            "With priors the 50 % boundary lies at m p between 1 and 2 times the k + h - 1 unknowns, in place of n + m - 1.",
            row["boundary"],
            1.0,
            2.0,
            interval=(row["low"], row["high"]),
            note=f"Without priors, in units of n + m - 1: {claims.number(boundary.loc['without priors', 'boundary'])}.",
        ),
        claims.above(
            info,
            "With 2.3 equations per unknown or more, gradient descent with priors always succeeds.",
            enough["rate"].min(),
            1.0,
            note=f"Smallest rate of {len(enough)} cells.",
        ),
    ]


@figure("noise", alt="Reconstruction quality of signal and gains against the signal-to-noise ratio of the data.")
def noise(tables, info):
    """Signal and gains."""
    cells, loss = tables["cells"], tables["loss"]
    names = ["oracle", "BC-PGD", "ALS", "linear", "uncalibrated"]
    looks = style.look(names)
    drawing, axes = style.new(style.PAGE, aspect=0.7, columns=2, sharex=True, sharey=True)
    levels = info.configuration["signal_to_noise"]
    for panel, quantity, shown in ((axes[0, 0], "signal", names), (axes[0, 1], "gain", names[1:])):
        table = cells.assign(
            low=cells[quantity] - 2 * cells[f"{quantity}_standard_error"],
            high=cells[quantity] + 2 * cells[f"{quantity}_standard_error"],
        )
        table["order"] = table["solver"].map({name: i for i, name in enumerate(names)})
        table = table[table["solver"].isin(shown)].sort_values(["order", "signal_to_noise"])
        panels.curves(
            panel, table, "signal_to_noise", quantity, by="solver", looks=looks,
            xlabel="signal-to-noise ratio of the data (dB)", ylabel="reconstruction SNR (dB)",
        )  # fmt: skip
        panel.set_title("signal" if quantity == "signal" else "gains")
    axes[0, 0].set_ylim(-5, max(levels) + 15)
    axes[0, 1].set_ylabel("")
    axes[0, 1].get_legend().remove()
    return drawing, _noise_claims(info, cells, loss)


def _noise_claims(info, cells, loss):
    found = []
    for quantity, name in (("signal", "the signal"), ("gain", "the gains")):
        rows = cells[(cells["solver"] == "BC-PGD") & (cells["signal_to_noise"] >= 10)]
        slope = np.polyfit(rows["signal_to_noise"], rows[quantity], 1)[0]
        found.append(
            claims.within(
                info,
                f"From 10 dB on, the error of {name} is proportional to the noise: 1 dB per dB.",
                slope,
                1.0,
                0.02,
            )
        )
    rows = loss[(loss["solver"] == "BC-PGD") & (loss["signal_to_noise"] >= 10)]
    worst = rows.loc[rows["loss"].idxmax()]
    found.append(
        claims.below(
            info,
            "BC-PGD is within 1 dB of the oracle that knows the gains, from 10 dB on.",
            worst["loss"],
            1.0,
            interval=(worst["loss"] - 2 * worst["standard_error"], worst["loss"] + 2 * worst["standard_error"]),
            note=f"Largest mean loss, paired over instances, at {worst['signal_to_noise']:g} dB; two standard errors.",
        )
    )
    floor = cells[(cells["solver"] == "uncalibrated") & (cells["signal_to_noise"] >= 30)]["signal"]
    found.append(
        claims.within(
            info,
            "Least squares that ignores the gains saturates, at about 19.4 dB.",
            floor.mean(),
            19.4,
            1.0,
            note="Mean over noise levels from 30 dB on; the law of the gains, which sets this number, is inferred.",
        )
    )
    linear = loss[(loss["solver"] == "linear") & (loss["signal_to_noise"].between(20, 40))]["loss"].mean()
    descent = loss[(loss["solver"] == "BC-PGD") & (loss["signal_to_noise"].between(20, 40))]["loss"].mean()
    found.append(
        claims.within(
            info,
            "The linear method pays for noise: it loses about 2 dB to BC-PGD.",
            linear - descent,
            2.0,
            1.0,
            note="Mean loss in the signal, from 20 to 40 dB.",
        )
    )
    return found


@figure("imaging", alt="A portrait and a map of gains, and what three methods reconstruct of them.")
def imaging(tables, info):
    """Pictures above, gain maps below."""
    images, scores = tables["images"], tables["scores"].set_index("method")
    methods = ["uncalibrated", "BC-PGD", "BC-PGD, gain prior"]

    def pixels(method, what):
        row = images[(images["method"] == method) & (images["what"] == what)].iloc[0]
        return np.asarray(row["pixels"]).reshape(row["height"], row["width"])

    drawing, axes = style.new(style.PAGE, aspect=1.12, rows=2, columns=4)
    columns = ["truth", *methods]
    titles = ["truth", *(f"{name}\n{scores.loc[name, 'snapshots']} snapshots" for name in methods)]
    panels.images(axes[:1], [[pixels(name, "picture") for name in columns]], column_labels=titles, limits=(0, 1))
    spread = info.configuration["gain_spread"]
    panels.images(
        axes[1:], [[pixels(name, "gains") for name in columns]], limits=(1 - spread, 1 + spread),
        colour_map=style.SIGNED_MAP, colour_label="gain",
    )  # fmt: skip
    for number, name in enumerate(methods, start=1):
        axes[0, number].set_xlabel(f"{scores.loc[name, 'signal']:.1f} dB", fontsize=8, labelpad=2)
        axes[1, number].set_xlabel(f"{scores.loc[name, 'gain']:.1f} dB", fontsize=8, labelpad=2)
    plain, blind = scores.loc["uncalibrated"], scores.loc["BC-PGD"]
    prior = scores.loc["BC-PGD, gain prior"]
    return drawing, [
        claims.above(
            info,
            f"BC-PGD reconstructs the photograph with at least 50 dB from {blind['oversampling']:.2f} equations per unknown.",
            blind["signal"],
            50.0,
            note=f"{blind['mask_entries'] / 1e6:.0f} million mask entries, none stored; {blind['steps']:.0f} iterations "
            f"in {blind['seconds']:.0f} s.",
        ),
        claims.below(
            info,
            "Least squares that ignores the gains stays at 16 dB or less.",
            plain["signal"],
            16.0,
        ),
        claims.above(info, "Blind calibration gains more than 35 dB.", blind["signal"] - plain["signal"], 35.0),
        claims.above(
            info,
            "A prior on the map of gains reaches 50 dB from fewer snapshots.",
            prior["signal"],
            50.0,
            note=f"{prior['snapshots']:.0f} snapshots instead of {blind['snapshots']:.0f}; {prior['steps']:.0f} iterations.",
        ),
    ]


@figure("baselines", alt="Success of four blind methods over equations per unknown.")
def baselines(tables, info):
    """One panel per spread."""
    success, box = tables["success"], tables["box"].iloc[0]
    names = ["BC-PGD", "BC-PGD, no box", "ALS", "linear"]
    looks = style.look(names)
    spreads = info.configuration["gain_spreads"]
    drawing, axes = style.new(style.PAGE, aspect=0.62, columns=len(spreads), sharey=True)
    for panel, spread in zip(axes.flat, spreads, strict=True):
        rows = success[success["gain_spread"] == spread]
        for shift, name in enumerate(names):
            chosen = rows[rows["solver"] == name].sort_values("oversampling")
            ends = np.abs(chosen[["low", "high"]].to_numpy().T - chosen["rate"].to_numpy())
            at = chosen["oversampling"] * (1 + 0.008 * (shift - 1.5))
            panel.errorbar(at, chosen["rate"], ends, label=name, **looks[name], linewidth=0.9, elinewidth=0.6)
        panels.reference_line(panel, x=1.0)
        panel.set(xlabel=OVERSAMPLING, title=_spread(spread))
    axes[0, 0].set_ylabel("success rate")
    axes[0, -1].legend(loc="lower right")
    at_limit = success[success["oversampling"].between(1.0, 1.05)].groupby("solver")["rate"].mean()
    beyond = success[success["oversampling"].between(1.3, 1.6) & (success["gain_spread"] == max(spreads))]
    beyond = beyond.groupby("solver")["rate"].mean()
    return drawing, [
        claims.above(
            info,
            "Without noise the linear method recovers down to the counting limit (oversampling 1.00 to 1.05).",
            at_limit.get("linear", float("nan")),
            0.9,
            note=", ".join(f"{name} {claims.number(value)}" for name, value in at_limit.items()) + ".",
        ),
        claims.below(
            info,
            "There BC-PGD and alternating least squares fail.",
            max(at_limit.get("BC-PGD", float("nan")), at_limit.get("ALS", float("nan"))),
            0.4,
        ),
        claims.ordering(
            info,
            "Just above the limit (oversampling 1.3 to 1.6, largest spread) alternating least squares recovers more than "
            "BC-PGD, which is slow there.",
            {name: beyond.get(name, float("nan")) for name in ("BC-PGD", "ALS")},
        ),
        claims.below(
            info,
            "The box that the proof needs is practically idle: it changes the outcome of at most 2 % of instances.",
            (box["box_only"] + box["no_box_only"]) / box["instances"],
            0.02,
            note=f"{box['box_only']:.0f} of {box['instances']:.0f} recovered only with the box, "
            f"{box['no_box_only']:.0f} only without.",
        ),
    ]


def _plain_ticks(panel, x, y):
    """Numbers in place of powers of ten on logarithmic axes that span less than two decades."""
    for axis, ticks in ((panel.xaxis, x), (panel.yaxis, y)):
        if ticks is not None:
            low, high = axis.get_view_interval()
            shown = [tick for tick in ticks if low <= tick <= high]
            axis.set_ticks(shown, labels=[f"{tick:g}" for tick in shown])
            axis.set_ticks([], minor=True)
