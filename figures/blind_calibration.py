"""Blind gain calibration by projected gradient descent (Cambareri and Jacques 2018)."""

import numpy as np

from . import style
from .claims import claim, number
from .registry import figure
from .rows import first, picture, select

LABELS = {
    "sensors": "sensors $m$",
    "snapshots": "snapshots $p$",
    "rate": "success rate",
    "oversampling": "$m p / (n + m - 1)$",
    "step": "iteration",
    "distance": r"squared distance $\Delta / \|x\|^2$",
    "signal_to_noise": "signal-to-noise ratio of the data (dB)",
    "signal": "reconstruction SNR (dB)",
    "gain": "reconstruction SNR (dB)",
}


def _spread(value):
    return rf"$\rho = {value:g}$"


def _scattered(panel, cells, by, ticks):
    """Success of all cells over their equations per unknown."""
    dots = {name: {**look, "linestyle": "", "alpha": 0.7} for name, look in style.look(cells[by].unique()).items()}
    names = _spread if by == "gain_spread" else None
    panel.curves(cells, "oversampling", "rate", by=by, names=names, looks=dots, band=False, xlog=True)
    panel.ticks(x=ticks)
    panel.mark(x=1.0)


def _heat(panel, cells, limits):
    """Success over sensors and snapshots, with predicted limits on the number of snapshots as functions of the sensors."""
    sensors = np.geomspace(cells["sensors"].min() * 0.5, cells["sensors"].max() * 2, 100)
    theory = {name: (sensors, limit(sensors)) for name, limit in limits.items()}
    mesh = panel.heat(cells, "sensors", "snapshots", theory=theory, colour_label=None, xlog=True, ylog=True)
    at = sorted(cells["sensors"].unique())
    panel.ticks(x=at[:: max(1, len(at) // 2)], y=sorted({1, 2, 4, 8, 16, 32, 64} & set(cells["snapshots"])))
    return mesh


@figure("phase_transition", alt="Success over sensors and snapshots for several gain spreads, and its collapse.")
def phase_transition(sheet):
    success, dimension, least = sheet["success"], sheet.numbers["dimension"], sheet.numbers["least_snapshots"]
    spreads = sheet.numbers["gain_spread"]
    columns = min(len(spreads) + 1, 4)
    panels = sheet.panels(-(-(len(spreads) + 1) // columns), columns, aspect=1.05).flatten()
    limits = {
        "counting limit": lambda sensors: (dimension + sensors - 1) / sensors,
        r"$mp = 1.4\,(n + m)$": lambda sensors: 1.4 * (dimension + sensors) / sensors,
    }
    for place, (panel, spread) in enumerate(zip(panels, spreads, strict=False)):
        mesh = _heat(panel, select(success, gain_spread=spread), limits)
        panel.set(title=_spread(spread), ylabel="" if place % columns else LABELS["snapshots"])
    panels[0].legend(dark=True, loc="upper right", fontsize=6.5)
    last = panels[len(spreads)]
    _scattered(last, success[success["snapshots"] >= least], "gain_spread", (0.5, 1, 2, 4))
    last.set(title=rf"all cells, $p \geq {least}$")
    for panel in panels[len(spreads) + 1 :]:
        panel.axes.set_axis_off()
    sheet.colour_bar(mesh, panels, "rate", fraction=0.03, pad=0.01, aspect=30)

    @sheet.claims
    def _(tables):
        cells, edges = tables["success"], tables["boundary"].sort_values("gain_spread")
        edge, by_sensors = edges["boundary"], tables["boundary_by_sensors"]
        samples = cells["sensors"] * cells["snapshots"]
        far = cells.loc[(samples >= 2.1 * (dimension + cells["sensors"])) & (cells["snapshots"] >= 4), "rate"]
        near = cells.loc[samples <= 1.02 * (dimension + cells["sensors"] - 1), "rate"]
        reference = "reference, 10 instances a cell"
        sentence = "Signal and gains are found whenever m p ≥ 2.1 (n + m) and p ≥ 4, for every spread of the gains."
        yield claim(sentence, reference, far.min(), note=f"Smallest rate of {len(far)} cells.").at_least(0.9)
        sentence = "At the counting limit, m p ≤ 1.02 (n + m - 1), few are found."
        yield claim(sentence, reference, near.max(), note=f"Largest rate of {len(near)} cells.").at_most(0.4)
        sentence = "One snapshot never suffices without priors."
        yield claim(sentence, "theory, counting", select(cells, snapshots=1)["rate"].max()).at_most(0)
        sentence = "The number of equations needed depends weakly on the spread of the gains."
        boundaries = {f"ρ = {spread:g}": value for spread, value in zip(edges["gain_spread"], edge, strict=True)}
        note = f"Growth of the 50 % boundary in m p / (n + m - 1) over the spreads ({number(boundaries)}; p ≥ {least})."
        yield claim(sentence, "ours", edge.iloc[-1] / edge.iloc[0], note=note).between(1, 1.5)
        sentence = "What counts is m p / (n + m): the 50 % boundaries of arrays of different size agree."
        usable = by_sensors[np.isfinite(by_sensors["boundary"])]
        grouped = usable.groupby("gain_spread")["boundary"]
        arrays = ", ".join(str(count) for count in sorted(usable["sensors"].unique()))
        note = f"Largest ratio over spreads, of arrays that bracket the boundary ({arrays} sensors; p ≥ {least})."
        yield claim(sentence, "paper, abstract", (grouped.max() / grouped.min()).max(), note=note).at_most(1.25)


@figure("convergence", alt="Squared distance to the truth per iteration for line searches and fixed steps.")
def convergence(sheet):
    paths, spreads, target = sheet["paths"], sheet.numbers["gain_spread"], sheet.numbers["target"]
    start = sheet["start"].set_index("gain_spread")["distance"]
    panels = sheet.panels(columns=len(spreads), aspect=1.1, sharey=True)[0]
    for panel, spread in zip(panels, spreads, strict=True):
        names = {f"{size:g}": rf"$\mu = {size:g}$" for size in sheet.numbers["step_sizes"]}
        rows = select(paths, gain_spread=spread)
        panel.axes.set_ylim(target / 100, 1e2)
        panel.curves(rows, "step", "distance", by="solver", names=names, markers=False, ylog=True)
        panel.mark(y=start[spread])
        panel.set(title=_spread(spread))
        panel.axes.label_outer()
    sheet.legend_above(panels[0], len(names) + 1)

    @sheet.claims
    def _(tables):
        runs = tables["runs"]
        search, long = select(runs, solver="line search"), select(runs, solver="0.8")
        rates = search.groupby("gain_spread")["contraction"].median()
        reference = "reference, 3 instances a spread"
        sentence = "From an unbiased start the distance falls at a linear rate: log Δ is straight in the iterations (line search)."
        note = "Median over runs of R² of the straight line, from a tenth of the start down to the target."
        yield claim(sentence, "theory, linear rate", search["straightness"].median(), note=note).at_least(0.95)
        sentence = "The rate is nearly independent of the spread of the gains."
        apart = rates.max() - rates.min() if rates.notna().all() else np.nan
        note = "Largest difference of contractions of Δ per iteration, medians over runs."
        yield claim(sentence, reference, apart, note=note).at_most(0.1)
        ended = runs.fillna({"iterations": np.inf}).groupby(["gain_spread", "solver"])
        median = ended["iterations"].median().unstack()
        sentence = f"To Δ ≤ {target:g} a line search needs no more iterations than the step μ = 0.5, at every spread."
        note = "Largest ratio of median iterations."
        yield claim(sentence, reference, (median["line search"] / median["0.5"]).max(), note=note).at_most(1)
        sentence = "The fixed step μ = 0.8 is too long: most runs diverge or stall."
        missed = long["iterations"].isna()
        note = f"{missed.sum()} of {len(long)} runs miss the target in {sheet.numbers['max_steps']} iterations."
        yield claim(sentence, reference, missed.mean(), note=note).at_least(0.5)
        measured = search.groupby("gain_spread")["start"].mean()
        sentence = "The unbiased start is as good as predicted, E Δ = (n + 1)(1 + v) / (m p) + v."
        note = f"Largest relative gap of the mean over {search['trial'].nunique()} instances."
        gap = (measured / start - 1).abs().max()
        yield claim(sentence, "theory, expected distance of the start", gap, note=note).at_most(0.15)


@figure("subspace_priors", alt="Success with and without subspace priors over equations per unknown, and the grid.")
def subspace_priors(sheet):
    success, priors = sheet["success"], sheet.numbers["prior"]
    panels = sheet.panels(columns=3, aspect=0.95)[0]
    _scattered(panels[0], success, "solver", (0.25, 0.5, 1, 2, 4, 8, 16, 32))
    panels[0].set(xlabel="equations per unknown", title="all cells")
    name = list(priors)[min(1, len(priors) - 1)]
    known = priors[name]["signal"] + priors[name]["gains"] - 1
    limits = {
        "with priors": lambda sensors: known / sensors,
        "without priors": lambda sensors: (sheet.numbers["dimension"] + sensors - 1) / sensors,
    }
    for panel, (solver, limit) in zip(panels[1:], limits.items(), strict=True):
        mesh = _heat(panel, select(success, prior=name, solver=solver), {"counting limit": limit})
        panel.axes.set_title(f"{solver}, ${name.replace(', ', '$, $')}$", fontsize=8)
    panels[1].legend(dark=True, loc="upper right", fontsize=6.5)
    sheet.colour_bar(mesh, panels, "rate", fraction=0.03, pad=0.01, aspect=30)

    @sheet.claims
    def _(tables):
        prior, plain = (select(tables["success"], solver=solver) for solver in limits)
        edge = tables["boundary"].set_index("solver")["boundary"]
        single = prior.loc[(prior["snapshots"] == 1) & (prior["oversampling"] >= 2), "rate"]
        enough = prior.loc[prior["oversampling"] >= 2.3, "rate"]
        sentence = "With priors a single snapshot suffices where m ≥ 2 (k + h - 1)."
        note = f"Smallest rate of {len(single)} cells with p = 1."
        yield claim(sentence, "reference, 6 instances a cell", single.min(), note=note).at_least(0.9)
        sentence = "Without priors a single snapshot never suffices."
        yield claim(sentence, "theory, counting", select(plain, snapshots=1)["rate"].max()).at_most(0)
        sentence = "With priors the 50 % boundary in m p lies at a small multiple of the k + h - 1 unknowns, in place of n + m - 1."
        note = f"Without priors, in units of n + m - 1: {number(edge['without priors'])}."
        yield claim(sentence, "paper, abstract", edge["with priors"], note=note).between(1, 2)
        sentence = "With 2.3 equations per unknown or more, gradient descent with priors always succeeds."
        yield claim(sentence, "ours", enough.min(), note=f"Smallest rate of {len(enough)} cells.").at_least(1)


@figure("noise", alt="Reconstruction quality of signal and gains against the signal-to-noise ratio of the data.")
def noise(sheet):
    ratios, floor, lost = sheet["ratios"], sheet.reference["uncalibrated"], sheet.reference["linear_loss"]
    panels = sheet.panels(columns=2, aspect=0.7, sharex=True, sharey=True)[0]
    looks = style.look(ratios["solver"].unique())
    panels[0].curves(ratios, "signal_to_noise", "signal", by="solver", looks=looks)
    blind = ratios[ratios["solver"] != "oracle"]
    panels[1].curves(blind, "signal_to_noise", "gain", by="solver", looks=looks, legend=False)
    panels[0].set(title="signal", ylim=(-5, max(sheet.numbers["signal_to_noise"]) + 15))
    panels[1].set(title="gains", ylabel="")

    @sheet.claims
    def _(tables):
        loss, clear = tables["loss"], tables["ratios"][tables["ratios"]["signal_to_noise"] >= 10]
        descent = select(clear, solver="BC-PGD")
        for column, quantity in (("signal", "the signal"), ("gain", "the gains")):
            slope = np.polyfit(descent["signal_to_noise"], descent[column], 1)[0]
            sentence = f"From 10 dB on, the error of {quantity} is proportional to the noise (dB per dB)."
            yield claim(sentence, "theory, error proportional to the noise", slope).within(0.02, of=1)
        heard = select(loss[loss["signal_to_noise"] >= 10], solver="BC-PGD")
        worst = heard.loc[heard["difference"].idxmax()]
        sentence = "BC-PGD is nearly as good as the oracle that knows the gains, from 10 dB on (dB)."
        note = f"Largest mean loss, paired over instances, at {worst['signal_to_noise']:g} dB."
        yield claim(sentence, "reference, 4 instances", worst["difference"], note=note).at_most(1)
        sentence = "Least squares that ignores the gains saturates (dB)."
        saturated = select(clear[clear["signal_to_noise"] >= 30], solver="uncalibrated")["signal"].mean()
        note = "Mean over noise levels from 30 dB on; the law of the gains, which sets this number, is inferred."
        yield claim(sentence, "reference, 4 instances", saturated, note=note).within(1, of=floor)
        sentence = "The linear method pays for noise: it loses to BC-PGD (dB)."
        mean = loss[loss["signal_to_noise"].between(20, 40)].groupby("solver")["difference"].mean()
        note = "Mean loss in the signal, from 20 to 40 dB."
        yield claim(sentence, "reference, 4 instances", mean["linear"] - mean["BC-PGD"], note=note).within(1, of=lost)


@figure("imaging", alt="A portrait and a map of gains, and what three methods reconstruct of them.")
def imaging(sheet):
    images, spread = sheet["images"], sheet.numbers["gain_spread"]
    panels = sheet.panels(2, 4, aspect=1.12)
    gains = {"limits": (1 - spread, 1 + spread), "colour_map": style.SIGNED_MAP}
    looks = {"signal": {"limits": (0, 1)}, "gains": gains}
    for (row, column), panel in np.ndenumerate(panels):
        what, method = list(looks)[row], images["method"].unique()[column]
        shown = first(images, what=what, method=method)
        title = method if method == "truth" else f"{method}\n{shown['snapshots']:.0f} snapshots"
        drawn = panel.image(picture(shown), None if row else title, **looks[what])
        panel.axes.set_xlabel("" if method == "truth" else f"{shown['decibels']:.1f} dB", fontsize=8, labelpad=2)
    sheet.colour_bar(drawn, panels[1], "gains", fraction=0.03, aspect=30)

    @sheet.claims
    def _(tables):
        scores = select(images, what="signal").set_index("method")
        plain, blind, prior = (scores.loc[name] for name in ("uncalibrated", "BC-PGD", "BC-PGD, gain prior"))
        entries, source = blind["equations"] * sheet.numbers["size"] ** 2 / 1e6, "reference, one phantom"
        sentence = f"BC-PGD reconstructs the photograph from {blind['oversampling']:.2f} equations per unknown (dB)."
        note = f"{entries:.0f} million mask entries, none stored; {blind['steps']:.0f} iterations."
        yield claim(sentence, source, blind["decibels"], note=note).at_least(50)
        yield claim("Least squares that ignores the gains stays low (dB).", source, plain["decibels"]).at_most(16)
        yield claim("Blind calibration gains (dB).", source, blind["decibels"] - plain["decibels"]).at_least(35)
        sentence = "A prior on the map of gains reaches as much from fewer snapshots (dB)."
        note = f"{prior['snapshots']:.0f} instead of {blind['snapshots']:.0f}; {prior['steps']:.0f} iterations."
        yield claim(sentence, "ours", prior["decibels"], note=note).at_least(50)


@figure("baselines", alt="Success of four blind methods over equations per unknown.")
def baselines(sheet):
    success, spreads = sheet["success"], sheet.numbers["gain_spread"]
    looks = style.look(success["solver"].unique())
    panels = sheet.panels(columns=len(spreads), aspect=0.62, sharey=True)[0]
    for panel, spread in zip(panels, spreads, strict=True):
        rows = select(success, gain_spread=spread)
        # Points of different methods side by side.
        shifts = {name: 1 + 0.008 * (place - 1.5) for place, name in enumerate(looks)}
        rows = rows.assign(oversampling=rows["oversampling"] * rows["solver"].map(shifts))
        panel.points(rows, "oversampling", "rate", by="solver", looks=looks, legend=panel is panels[-1])
        panel.mark(x=1.0)
        panel.set(title=_spread(spread), xlabel=f"equations per unknown, {LABELS['oversampling']}")
        panel.axes.label_outer()

    @sheet.claims
    def _(tables):
        cells, box, names = tables["success"], tables["box"].iloc[0], list(looks)
        at_limit = cells[cells["oversampling"].between(1.0, 1.05)].groupby("solver")["rate"].mean().reindex(names)
        above = cells[cells["oversampling"].between(1.3, 1.6) & (cells["gain_spread"] == max(spreads))]
        above = above.groupby("solver")["rate"].mean()
        reference = "reference, 8 instances a cell"
        sentence = "Without noise the linear method recovers down to the counting limit (oversampling 1.00 to 1.05)."
        yield claim(sentence, reference, at_limit["linear"], note=f"{number(at_limit.to_dict())}.").at_least(0.9)
        sentence = "There BC-PGD and alternating least squares fail."
        yield claim(sentence, reference, at_limit[["BC-PGD", "ALS"]].max(skipna=False)).at_most(0.4)
        sentence = "Just above the limit alternating least squares recovers more than BC-PGD, which is slow there."
        note = "Oversampling 1.3 to 1.6, largest spread."
        yield claim(sentence, reference, above.reindex(["BC-PGD", "ALS"]).to_dict(), note=note).increasing()
        changed, found = box["box_only"] + box["no_box_only"], f"{box['box_only']} of {box['instances']} recovered only"
        sentence = "The box that the proof needs is practically idle: it hardly changes the outcome of an instance."
        note = f"Share of outcomes; {found} with the box, {box['no_box_only']} only without."
        yield claim(sentence, "reference, 16 instances", changed / box["instances"], note=note).at_most(0.02)
