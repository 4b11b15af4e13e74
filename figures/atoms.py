"""Atoms of language models: the atomic inner product, certificates, and autoencoders with thresholds."""

import numpy as np
import pandas as pd

from . import style
from .claims import claim
from .registry import figure
from .rows import first, interval, select

LABELS = {
    "active": "active atoms $K$",
    "width": "width",
    "samples": "rows $N$",
    "rate": "exact supports",
    "exact": "exact supports",
    "explained": "variance explained, new rows",
    "explained_training": "variance explained, training rows",
    "recovered_90": "atoms recovered (cosine > 0.9)",
    "alive": "alive neurons",
    "stability": r"stability $q^\star$",
    "certified": r"certified $K < (1 + 1/\mu)/2$",
    "dimension": "dimension $d$",
    "bound": r"bound $(K - 1)\mu$",
    "constant": "isometry constant met",
}
RUNS = "reference, runs on planted atoms"
MODEL = "paper, table of Gemma2-2B"
STAND_IN = "Planted stand-in; the published figures are of language models."
PRODUCTS = {"Euclidean": "Euclidean", "atomic": "atomic", "centred": "inverse covariance"}


def _dashed(looks, *dashed):
    """Looks of which some are open and dashed."""
    open_look = {"linestyle": (0, (4, 2)), "markerfacecolor": "white"}
    return {
        name: {**look, **open_look} if name in dashed else {**look, "linestyle": "-"} for name, look in looks.items()
    }


def _farthest(rows, column, target):
    """The row whose mean is farthest from a target."""
    return rows.loc[(rows[column] - target).abs().idxmax()]


def _largest(rows):
    """The row with the largest mean angle."""
    return rows.loc[rows["mean"].idxmax()]


def _on_mean(sentence, source, row, note):
    """A claim on the mean angle of a row."""
    return claim(sentence, source, row["mean"], interval=interval(row, "mean"), note=note)


def _off_law(row):
    """How far the stability of a row is from the predicted one, with the interval."""
    off = [row[f"stability{end}"] - row["predicted"] for end in ("", "_low", "_high")]
    return {"measured": off[0], "interval": tuple(off[1:])}


@figure(
    "representation",
    alt="Euclidean angles move with the representation; those of the atomic inner product stay at 90 degrees.",
)
def representation(sheet):
    shapes, numbers = sheet["histograms"], sheet.numbers
    settings = [(condition, shift) for condition in numbers["conditions"] for shift in numbers["shifts"]]
    panels = sheet.panels(rows=2, columns=len(settings), aspect=0.85, sharex=True, sharey="row")
    for column, (condition, shift) in zip(panels.T, settings, strict=True):
        for panel, kind in zip(column, ("atoms", "activations"), strict=True):
            rows = select(shapes, condition=condition, shift=shift, kind=kind)
            panel.curves(rows, "angle", "density", by="product", names=PRODUCTS, markers=False, legend=False)
            panel.mark(x=90)
            panel.set(xlabel="", ylabel="", xlim=(20, 160), xticks=[30, 90, 150])
        column[0].set(title=rf"$\kappa = {condition:g}$, shift {shift:g}")
        column[1].set(xlabel="angle (degrees)")
    for panel, kind in zip(panels[:, 0], ("atoms", "activations"), strict=True):
        panel.set(ylabel=f"density, {kind}", ylim=(0, None))
    sheet.legend_above(panels[0, 0], columns=3)

    @sheet.claims
    def _(tables):
        angles, shift = tables["angles"], max(numbers["shifts"])
        atomic, euclidean, centred = (
            select(angles, kind="atoms", product=product) for product in ("atomic", "Euclidean", "centred")
        )
        active = select(angles, kind="activations")
        sentence = "In the atomic inner product the mean angle of atoms is 90 degrees in every representation."
        note = "The farthest of the means over data sets."
        yield _on_mean(sentence, RUNS, _farthest(atomic, "mean", 90), note).within(0.5, of=90)
        sentence, spreads = "Its spread is the same in every representation.", atomic["spread"]
        note = f"Difference of the extremes, in degrees; spreads of {spreads.min():.2f} to {spreads.max():.2f}."
        yield claim(sentence, RUNS, np.ptp(spreads), note=note).at_most(0.1)
        sentence = "Euclidean angles have no meaning: their mean leaves 90 degrees under a common shift."
        note = "Largest mean angle among the shifted representations."
        yield _on_mean(sentence, RUNS, _largest(select(euclidean, shift=shift)), note).at_most(65)
        sentence, note = "The Euclidean spreads are those found before.", "Largest difference, in degrees."
        found = euclidean.pivot(index="condition", columns="shift", values="spread")
        apart = np.abs(found.to_numpy() - sheet.reference["euclidean_spread"]).max()
        yield claim(sentence, RUNS, apart, note=note).at_most(0.5)
        sentence, means = "The centred covariance fails under a shift.", select(centred, shift=shift)["mean"]
        note = "Mean angle over the shifted representations; the interval is from least to largest."
        yield claim(sentence, RUNS, means.mean(), interval=(means.min(), means.max()), note=note).between(72, 76)
        sentence = "Activations too are away from 90 degrees in the Euclidean product of a shifted representation."
        seen = _largest(select(active, product="Euclidean", shift=shift))
        yield _on_mean(sentence, "paper, histograms of angles", seen, f"Largest mean angle. {STAND_IN}").at_most(80)
        sentence = "In the atomic inner product activations are centred at 90 degrees."
        note = f"The farthest. Codes are nonnegative: activations that share an atom pull the mean down. {STAND_IN}"
        seen = _farthest(select(active, product="atomic"), "mean", 90)
        yield _on_mean(sentence, "paper, histograms of angles", seen, note).within(1, of=90)
        sentence, of_atoms = "No coherence is below Welch's bound.", select(angles, kind="atoms")
        least, welch = of_atoms.loc[of_atoms["coherence"].idxmin()], tables["welch"]["coherence"].iloc[0]
        ends = {"interval": interval(least, "coherence"), "note": "Least mean coherence."}
        yield claim(sentence, "theory, Welch's bound", least["coherence"], **ends).at_least(welch)


@figure("support_recovery", alt="In the atomic inner product supports are found whatever the representation.")
def support_recovery(sheet):
    rates = sheet["rates"]
    methods = {"threshold": "one threshold", "OMP": "orthogonal matching pursuit", "basis pursuit": "basis pursuit"}
    cases = [(condition, whitened) for condition in sheet.numbers["condition"] for whitened in (0, 1)]
    looks = style.look(sheet.numbers["condition"])
    looks = _dashed({case: looks[case[0]] for case in cases}, *(case for case in cases if not case[1]))
    names = {case: rf"$\kappa = {case[0]:g}$, {'atomic' if case[1] else 'Euclidean'}" for case in cases}
    panels = sheet.panels(columns=3, aspect=0.95, sharey=True)[0]
    for panel, (method, title) in zip(panels, methods.items(), strict=True):
        options = {"names": names, "looks": looks, "legend": method == "OMP"}
        panel.points(select(rates, solver=method), "active", "rate", by=["condition", "whitened"], **options)
        panel.set(title=title, ylim=(-0.03, 1.05))
    sheet.legend_above(panels[1], columns=3)
    for panel in panels[1:]:
        panel.set(ylabel="")

    @sheet.claims
    def _(tables):
        wide = tables["rates"].pivot(index=["solver", "whitened", "active"], columns="condition", values="rate")
        gap = (wide.max(axis=1) - wide.min(axis=1)).groupby(["solver", "whitened"]).max()
        note = "Largest difference between condition numbers at one number of active atoms."
        sentence = "In the atomic inner product one threshold does equally well in every representation."
        yield claim(sentence, RUNS, gap["threshold", 1], note=note).at_most(0.1)
        yield claim("So does orthogonal matching pursuit.", RUNS, gap["OMP", 1], note="The same.").at_most(0.1)
        for method in ("threshold", "OMP"):
            sentence = f"Euclidean rates of {methods[method]} degrade with the condition number."
            yield claim(sentence, RUNS, gap[method, 0], note=f"{note[:-1]}; the bound is half of all codes.").at_least(
                0.5
            )
        pursuit = wide.loc["basis pursuit"]
        sentence = "The inner product has no effect on basis pursuit."
        note = "Largest difference. The feasible set is the same; lengths of columns change, which the bound leaves room for."
        apart = (pursuit.loc[1] - pursuit.loc[0]).abs().max(axis=None)
        yield claim(sentence, "theory, invariance of basis pursuit", apart, note=note).at_most(0.15)
        sentence = "Basis pursuit finds all supports up to 8 of 64 atoms in 32 dimensions."
        note = "Least rate at the smallest condition number."
        least = pursuit.loc[0].loc[:8, min(sheet.numbers["condition"])].min()
        yield claim(sentence, RUNS, least, note=note).at_least(0.95)


@figure(
    "ideal_encoder", alt="Supports stay exact where the certified window is empty; coefficients carry interference."
)
def ideal_encoder(sheet):
    sizes = sheet["sizes"]
    left, middle, right = sheet.panels(columns=3, aspect=0.9)[0]
    blue, vermilion = {"color": style.BLUE, "linewidth": 1.4}, {"color": style.VERMILION, "linewidth": 1.4}
    at, dashes = sizes["active"], {"linestyle": (0, (4, 2))}
    window = sizes["lower"] < sizes["upper"]
    left.axes.fill_between(at, sizes["lower"], sizes["upper"], where=window, color=style.GREEN, alpha=0.2, linewidth=0)
    left.line(at, sizes["lower"], label=r"bound $\epsilon K h_{max}$", **blue, **dashes)
    left.line(at, sizes["upper"], label=r"bound $h_{min} - \epsilon(K-1) h_{max}$", **vermilion, **dashes)
    left.line(at, sizes["interference"], marker="o", label="largest interference", **blue)
    left.line(at, sizes["response"], marker="s", label="least active response", **vermilion)
    left.set(ylabel="response", ylim=(0, 1.55))
    left.legend(fontsize=6.2, loc="upper right")
    middle.points(sizes, "active", "exact")
    middle.set(ylim=(0, 1.05))
    for column, label, look in (
        ("error", "", {**blue, "marker": "o"}),
        ("refitted", ", refitted", {**vermilion, "marker": "s"}),
    ):
        right.line(at, sizes[column], label=f"mean{label}", **look)
        right.line(at, sizes[f"{column}_largest"], label=f"largest{label}", linestyle=(0, (1.2, 1.2)), **look)
    right.set(ylabel=r"$\|\hat m - m\| / \|m\|$", yscale="log", ylim=(1e-8, 200))
    right.legend(fontsize=6.2, ncols=2, loc="upper center")
    for panel in (left, middle, right):
        panel.set(xlabel=sheet.labels["active"], xticks=at)
    sheet.letters()

    @sheet.claims
    def _(tables):
        empty = sizes[~window]
        one = sizes.iloc[0]
        sentence = "The certified window is not empty for K = 1 and 2, and empty for 3 and 4."
        found = ", ".join("yes" if some else "no" for some in window)
        note = f"At coherence {one['coherence']:.3f}."
        expected = all(window == (at <= 2))
        yield claim(sentence, RUNS, found, note=note).satisfies("yes, yes, no, no", expected)
        sentence = "The worst case is pessimistic: supports are exact although no threshold is certified."
        note = f"Least share over {list(empty['active'])} active atoms, of {one['trials']:.0f} codes each."
        ends = empty["exact_low"].min(), 1.0
        yield claim(sentence, RUNS, empty["exact"].min(), interval=ends, note=note).at_least(1)
        theorem, note = "paper, theorem on threshold autoencoders", "Largest relative error, single precision."
        sentence = "Reconstruction is exact for one active atom."
        yield claim(sentence, theorem, one["error_largest"], note=note).at_most(1e-5)
        sentence, means = (
            "Reconstruction is exact wherever supports are identified.",
            map("{:.2g}".format, sizes["error"]),
        )
        note = f"{note} Means {', '.join(means)} for growing K."
        reason = (
            "So worded it holds for one active atom: detectors also answer others, by up to the coherence times K - 1."
        )
        yield claim(sentence, theorem, sizes["error_largest"].max(), note=note, reason=reason).at_most(1e-5)
        sentence = "Least squares on the identified support removes the error."
        yield claim(sentence, RUNS, sizes["refitted_largest"].max(), note=note).at_most(1e-5)


@figure("certificates", alt="The share of stable pairs follows the law of random tight frames.")
def certificates(sheet):
    shares, sizes, isometries, lines = (sheet[name] for name in ("stability", "sizes", "isometries", "lines"))
    left, middle, right = sheet.panels(columns=3, aspect=0.9)[0]
    names, looks = "$d = {}$".format, style.look(shares["dimension"].unique())
    left.points(shares, "active", "stability", by="dimension", names=names, looks=looks, lines=False, legend=False)
    top = isometries["bound"].max() * 1.05
    for dimension, look in looks.items():
        line, met = select(lines, dimension=dimension), select(isometries, dimension=dimension)
        left.line(line["active"], line["predicted"], color=look["color"])
        look = {**look, "linestyle": "", "markersize": 3, "label": names(dimension)}
        right.axes.plot(met["bound"], met["constant"], **look)
    left.set(ylim=(0, 1.05))
    left.legend()
    least, random = "least coherence possible", "random"
    compared = pd.concat([sheet["welch"].assign(dictionary=least), sizes.assign(dictionary=random)])
    colours = style.look((random, least))
    middle.points(compared, "dimension", "certified", by="dictionary", looks=colours, xlog=True)
    middle.ticks(x=sizes["dimension"])
    middle.set(xlabel="dimension $d$, $n = 4d$", ylim=(0, None))
    right.line([0, top], [0, top], linestyle=(0, (3, 2)))
    right.set(xlabel=sheet.labels["bound"], ylabel=sheet.labels["constant"], xlim=(0, top), ylim=(0, top))
    right.legend(loc="upper left")
    sheet.letters()

    @sheet.claims
    def _(tables):
        worst = _farthest(shares, "stability", shares["predicted"])
        excess = isometries["constant"] - isometries["bound"]
        model, d = tables["language_model"].iloc[0], sheet.numbers["model_dimension"]
        sentence = "The stability of random whitened dictionaries is that of the normal law."
        note = f"Largest difference of the mean over dictionaries, at d = {worst['dimension']:g}."
        yield claim(sentence, "theory, random tight frames", **_off_law(worst), note=note).within(0.01, of=0)
        sentence = "The restricted isometry constant is at most (K - 1) times the coherence."
        note = "Largest excess over all supports tried, single precision."
        yield claim(sentence, "paper, restricted isometry", excess.max(), note=note).at_most(1e-4)
        sentence = "For two atoms the bound is attained."
        pairs = excess[isometries["active"] == 2].abs().max()
        note = "Largest difference; the worst pair is among the supports."
        yield claim(sentence, "theory, restricted isometry", pairs, note=note).at_most(1e-4)
        for column, sentence in (
            (
                "certified_four",
                f"A dictionary of n = 4d atoms in d = {d} dimensions certifies this many active atoms at most.",
            ),
            ("certified_many", f"With many more atoms than dimensions (d = {d}) it is fewer."),
        ):
            exact = {"note": f"Welch's bound gives {model[column]:.2f}.", "deterministic": True}
            bound = claim(sentence, "theory, Welch's bound", np.floor(model[column]), **exact)
            yield bound.within(0, of=sheet.reference[column])
        sentence = (
            f"Of a random dictionary with d = {d} and n = 4d a stability of 0.998 needs at most so many active atoms."
        )
        most = claim(sentence, "theory, random tight frames", model["most"], deterministic=True)
        yield most.within(0, of=sheet.reference["most"])


UNITS = ("atoms", "random", "atoms, Euclidean", "neurons", "data points")


@figure(
    "units",
    alt="Planted atoms are stable, random directions less so, neurons not at all; data points are perfectly stable.",
)
def units(sheet):
    rows, predicted = sheet["units"], sheet["predictions"]
    setting = ["dimension", "features", "active"]
    panel = sheet.panel(style.PAGE * 0.8, aspect=0.5)
    places = np.arange(len(predicted))
    for index, (unit, look) in enumerate(style.look(UNITS).items()):
        here = predicted[setting].merge(select(rows, unit=unit), on=setting)
        ends = np.abs([here[f"stability{end}"] - here["stability"] for end in ("_low", "_high")])
        bars = {"width": 0.15, "color": look["color"], "label": unit, "yerr": ends, "capsize": 1.5}
        panel.axes.bar(places + (index - 2) * 0.16, here["stability"], **bars)
    panel.axes.plot(places - 0.32, predicted["stability"], "x", color=style.BLACK, markersize=5, label="normal law")
    names = [f"$d = {row.dimension}$, $n = {row.features}$, $K = {row.active}$" for row in predicted.itertuples()]
    panel.axes.set_xticks(places, names)
    panel.set(ylabel=sheet.labels["stability"], ylim=(0, 1.05))
    panel.axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=6, fontsize=6.5, columnspacing=1.0)

    @sheet.claims
    def _(tables):
        wide = rows.pivot(index=setting, columns="unit", values="stability")
        for (dimension, _, active), found in wide.iterrows():
            sentence = "Neurons, atoms in the Euclidean product, random directions, atoms: in this order of stability"
            named = dict(found[["neurons", "atoms, Euclidean", "random", "atoms"]])
            yield claim(f"{sentence} (d = {dimension}, K = {active}).", RUNS, named).increasing()
        sentence = "The normal law predicts the stability of the planted atoms."
        note = "Largest difference of means. The whitening is estimated from few rows, whose mean direction tells."
        law = predicted.rename(columns={"stability": "predicted"}).merge(select(rows, unit="atoms"), on=setting)
        worst = _farthest(law, "stability", law["predicted"])
        yield claim(sentence, "theory, random tight frames", **_off_law(worst), note=note).within(0.015, of=0)
        sentence = "Data points taken as atoms are as stable as can be, with nothing learnt."
        note = (
            "Codes of one active atom certify themselves: both published metrics are passed by the trivial dictionary."
        )
        points = select(rows, unit="data points")
        least = points.loc[points["stability"].idxmin()]
        yield claim(sentence, RUNS, least["stability"], interval=interval(least, "stability"), note=note).at_least(
            0.999
        )


@figure(
    "capacity",
    alt="Reconstruction and recovery rise up to the width of the planted atoms; alive neurons saturate there.",
)
def capacity(sheet):
    trained, number = sheet["trained"], sheet.numbers["features"]
    panels = sheet.panels(rows=2, columns=2, aspect=0.78)
    for panel, column in zip(panels.flat, ("explained", "recovered_90", "alive", "stability"), strict=True):
        panel.points(trained, "width", column, by="variant", legend=column == "recovered_90")
        panel.mark(x=number)
    panels[0, 1].legend(fontsize=6.5, loc="upper left")
    sheet.letters()

    @sheet.claims
    def _(tables):
        wide = tables["trained"].pivot(index="width", columns="variant").sort_index()
        recovered, reach = wide["recovered_90"], tables["widths"].set_index("variant")["width"]
        widest, white = wide.index.max(), "κ = 10, whitened"
        last = wide.loc[widest, (slice(None), "λ = 0.1")].droplevel("variant")
        at = f"At width {widest}, λ = 0.1."

        def kink(column):
            """Slope beyond the number of atoms over slope before it."""
            values = wide[column, "λ = 0.1"]
            parts = values.loc[number:], values.loc[:number]
            beyond, before = (np.ptp(part.iloc[[0, -1]]) / np.ptp(part.index[[0, -1]]) for part in parts)
            return beyond / before * np.sign(parts[0].iloc[-1] - parts[0].iloc[0])

        note = "Slope beyond it over slope before it (λ = 0.1)."
        for name, column in (("Reconstruction", "explained"), ("Recovery", "recovered_90")):
            sentence = f"{name} has a kink at the number of planted atoms."
            yield claim(sentence, RUNS, kink(column), note=note).at_most(0.25)
        sentence = "Alive neurons limit themselves to about the number of planted atoms."
        yield claim(sentence, RUNS, last["alive"] / number, note=f"Ratio. {at}").within(0.15, of=1)
        sentence = "Nearly all atoms are recovered once the width exceeds their number."
        reason = (
            "The training is too short: four times as many steps reached 0.97 (0.99 with λ = 0.03) on four data sets."
        )
        yield claim(sentence, RUNS, last["recovered_90"], note=at, reason=reason).at_least(0.98)
        sentence = "Whitening moves the width that recovers nine tenths of the atoms down."
        raw = reach["κ = 10, raw"]
        named = f"{reach[white]:.0f} instead of " + (f"{raw:.0f}" if np.isfinite(raw) else "none of those tried")
        note = f"Width at which the mean share first reaches {sheet.numbers['level']:g}."
        yield claim(sentence, RUNS, named, note=note).satisfies("smaller than without", reach[white] < raw)
        sentence, note = (
            "With whitening that width is the number of planted atoms.",
            "Ratio of widths. In larger runs it was 1.0.",
        )
        reason = "Random starts compete: at width n some neurons die and their atoms stay unfound, however long the training."
        yield claim(sentence, RUNS, reach[white] / number, note=note, reason=reason).within(0.1, of=1)
        sentence = "Whitened training does not see the condition number."
        note = "Largest difference of recovery between condition numbers 10 and 1 at one penalty; about two standard errors."
        apart = (recovered[white] - recovered["λ = 0.03"]).abs().max()
        yield claim(sentence, "ours", apart, note=note).at_most(0.08)
        sentence = "The stability of a trained dictionary with enough neurons is that of a certificate."
        reason = (
            "In so few dimensions the normal law allows the planted atoms themselves little more than 0.94 to 0.96."
        )
        yield claim(sentence, RUNS, last["stability"], note=at, reason=reason).at_least(0.99)


@figure(
    "data_size",
    alt="Few rows are memorised without any atom being found; many rows identify the atoms at the planted width.",
)
def data_size(sheet):
    trained, number = sheet["trained"], sheet.numbers["features"]
    counts, sizes = sorted(sheet.numbers["samples"]), sorted(sheet.numbers["width"])
    few, many, widest = counts[0], counts[-1], sizes[-1]
    edge = np.array([sizes[0] * 0.7, sizes[-1] * 1.3])
    theory = {"width = $n$": ([number, number], [few / 4, many * 4]), "width = $N$": (edge, edge)}
    panels = sheet.panels(rows=2, columns=3, aspect=0.82)
    titles = {"explained_training": "explained, training rows", "explained": "explained, new rows"}
    titles["recovered_90"] = "atoms recovered"
    for (upper, lower), (column, title) in zip(panels.T, titles.items(), strict=True):
        options = {"colour_label": None, "xlog": True, "ylog": True, "theory": theory}
        upper.heat(trained.assign(**{column: trained[column].clip(lower=0)}), "width", "samples", column, **options)
        upper.ticks(x=sizes, y=counts)
        upper.set(title=title)
        lower.points(trained, "width", column, by="samples", names="$N = {}$".format, legend=column == "recovered_90")
        lower.mark(x=number)
        lower.set(ylabel=title)
    for panel in panels[0, 1:]:
        panel.set(ylabel="")
    panels[0, 2].legend(dark=True, fontsize=6.2, loc="upper left")
    panels[1, 2].legend(fontsize=6.2, loc="upper left")

    @sheet.claims
    def _(tables):
        trained, reach = tables["trained"], tables["widths"].set_index("samples")["width"]
        memorised = trained[(trained["samples"] == few) & (trained["width"] >= few)]
        wide = select(trained, width=widest).sort_values("samples").set_index("samples").add_prefix("N = ", axis=0)
        ranks = trained[["recovered_90", "explained_training", "explained"]].rank().corr()["recovered_90"]
        sentence = f"With {few} rows every width from {few} on explains the training rows."
        yield claim(sentence, RUNS, memorised["explained_training"].min()).at_least(0.99)
        sentence = "None of those finds atoms: training rows explained do not imply recovery."
        note = "Largest share of atoms recovered."
        yield claim(sentence, RUNS, memorised["recovered_90"].max(), note=note).at_most(0.02)
        sentence, note = "Nor does any explain new rows.", "Largest share of variance explained."
        yield claim(sentence, RUNS, memorised["explained"].max(), note=note).at_most(0.4)
        note = "Slack for Monte Carlo errors."
        for name, column in (("recovery", "recovered_90"), ("the variance of new rows explained", "explained")):
            sentence = f"At the largest width {name} rises with the number of rows."
            yield claim(sentence, RUNS, dict(wide[column]), note=note).increasing(slack=0.03)
        sentence = "Recovery goes with what is explained of new rows more than with what is explained of training rows."
        named = {"training rows": ranks["explained_training"], "new rows": ranks["explained"]}
        yield claim(sentence, RUNS, named, note="Rank correlations over all cells.").increasing()
        sentence, named = (
            "The critical width grows with the data.",
            {f"N = {samples}": reach[samples] for samples in counts},
        )
        note = f"Width at which training rows are explained to {sheet.numbers['level']:g}. {STAND_IN}"
        reason = "It grows while rows are memorised, and ends near the number of atoms."
        yield claim(sentence, "paper, scaling of data and width", named, note=note, reason=reason).increasing()
        sentence = "For few rows the critical width is their number: a transition of memorising."
        note = "Ratio; a factor of 1.5 counts as about."
        yield claim(sentence, RUNS, reach[few] / few, note=note).within(0.5, of=1)
        sentence = "For many rows it stays near the number of planted atoms: a transition of identifying."
        note = f"Ratio at {many} rows, {many / number:.0f} times the number of atoms."
        yield claim(sentence, RUNS, reach[many] / number, note=note).at_most(1.5)


@figure(
    "language_model",
    alt="A stand-in: whitened atoms reconstruct well; neurons reconstruct perfectly and are not stable.",
)
def language_model(sheet):
    rows = pd.concat([sheet["units"], sheet["untrained"]])
    panel = sheet.panel(style.PAGE * 0.72, aspect=0.66)
    for unit, look in style.look(rows["unit"]).items():
        row = first(rows, unit=unit)
        bars = {
            f"{axis}err": np.abs(np.subtract(interval(row, column), row[column]))[:, None]
            for axis, column in (("x", "explained"), ("y", "stability"))
        }
        look = {**look, "linestyle": "", "capsize": 2, "label": unit}
        panel.axes.errorbar(row["explained"], row["stability"], **bars, **look)
    text = {"xytext": (-5, 0), "textcoords": "offset points", "ha": "right", "va": "center", "fontsize": 7}
    for name, place in sheet.reference.items():
        panel.axes.plot(*place, "x", color=style.GREY)
        panel.axes.annotate(name, place, color=style.GREY, **text)
    limits = {"xlim": (0.35, 1.03), "ylim": (-0.03, 1.05)}
    panel.set(xlabel=sheet.labels["explained"], ylabel=sheet.labels["stability"], **limits)
    panel.legend(loc="lower left", fontsize=7)

    @sheet.claims
    def _(tables):
        of = tables["units"].set_index("unit").to_dict("index")
        untrained = tables["untrained"].set_index("unit").to_dict("index")
        best, raw, narrow = (of[unit] for unit in ("atoms, whitened", "atoms, raw", "narrow features"))
        planted, neurons = untrained["planted atoms"], untrained["neurons"]
        published = dict(zip(("explained", "stability"), sheet.reference["atoms"], strict=True))
        sentence = "Atoms explain nearly all of the variance."
        note = f"{STAND_IN} {best['recovered_90']:.0%} of the atoms are found; published {published['explained']}."
        reason = "Not all atoms are found, and codes carry interference."
        yield claim(sentence, MODEL, best["explained"], note=note, reason=reason).at_least(0.99)
        sentence = "Nearly all pairs and samples are stable for atoms."
        note = f"{STAND_IN} The planted atoms reach {planted['stability']:.3f}; published {published['stability']}."
        reason = "Few dimensions: the planted atoms with their own codes do not reach it either."
        yield claim(sentence, MODEL, best["stability"], note=note, reason=reason).at_least(0.99)
        sentence = "Neurons explain everything and certify nothing."
        note = f"Published {sheet.reference['neurons'][1]}, in 2304 dimensions."
        ends = neurons["stability_low"], neurons["stability_high"]
        yield claim(sentence, MODEL, neurons["stability"], interval=ends, note=note).at_most(0.1)
        gain = {name: best[name] - narrow[name] for name in published}
        apart = {
            name: value - sheet.reference["features"][place] for place, (name, value) in enumerate(published.items())
        }
        sentence = "Features of a narrow autoencoder explain less than atoms do."
        note = f"Difference; {apart['explained']:.2f} for published features, which are of public autoencoders."
        yield claim(sentence, "ours", gain["explained"], note=note).at_least(0.1)
        sentence = "Features of a narrow autoencoder are less stable than atoms."
        note = f"Difference; {apart['stability']:.2f} for published features. Narrow ones speak {narrow['l0']:.1f} at a time."
        reason = "Narrow features speak so rarely that their codes certify themselves: stability rewards codes that say little."
        yield claim(sentence, "ours", gain["stability"], note=note, reason=reason).at_least(0)
        sentence = "Whitening rows before training recovers more atoms."
        note = f"Shares {best['recovered_90']:.2f} and {raw['recovered_90']:.2f}."
        yield claim(sentence, "ours", best["recovered_90"] - raw["recovered_90"], note=note).at_least(0.2)
        sentence = "Stability of the trained atoms is near that of the planted ones."
        named = {"planted atoms - 0.1": planted["stability"] - 0.1, "trained": best["stability"]}
        yield claim(sentence, "ours", named).increasing()
