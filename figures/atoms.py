"""Atoms of language models: the atomic inner product, certificates, and autoencoders with thresholds."""

import numpy as np
import pandas as pd

from . import style
from .claims import claim
from .registry import figure
from .rows import interval, select

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
HISTOGRAMS, WELCH = "paper, histograms of angles", "theory, Welch's bound"
FRAMES = "theory, random tight frames"
MODEL = "paper, table of Gemma2-2B"
STAND_IN = "Planted stand-in; the published figures are of language models."
DASHED = (0, (4, 2))
PRODUCTS = {"Euclidean": "Euclidean", "atomic": "atomic", "centred": "inverse covariance"}


@figure("representation", alt="Euclidean angles move; those of the atomic inner product stay at 90 degrees.")
def representation(sheet):
    shapes, numbers = sheet["histograms"], sheet.numbers
    settings = [(condition, shift) for condition in numbers["conditions"] for shift in numbers["shifts"]]
    panels = sheet.panels(rows=2, columns=len(settings), aspect=0.85, sharex=True, sharey="row")
    for column, (condition, shift) in zip(panels.T, settings, strict=True):
        for panel, kind in zip(column, ("atoms", "activations"), strict=True):
            rows = select(shapes, condition=condition, shift=shift, kind=kind)
            panel.curves(rows, "angle", "density", by="product", names=PRODUCTS, markers=False)
            panel.mark(x=90)
            panel.set(xlim=(20, 160), xticks=[30, 90, 150], title=rf"{kind}, $\kappa = {condition:g}$, shift {shift:g}")
            panel.axes.label_outer()
    sheet.legend_above(panels[0, 0], columns=3)

    @sheet.claims
    def _(tables):
        angles = tables["angles"].set_index(["kind", "product", "condition", "shift"]).sort_index()
        mean, spread = angles["mean"].unstack(["condition", "shift"]), angles["spread"].unstack(["condition", "shift"])
        shifted = mean.xs(max(numbers["shifts"]), axis=1, level="shift")
        atomic, centred = spread.loc["atoms", "atomic"], shifted.loc["atoms", "centred"]
        sentence = "In the atomic inner product the mean angle of atoms is 90 degrees in every representation."
        gaps = (mean.xs("atomic", level="product") - 90).abs().max(axis=1)
        note = "Largest distance from 90, in degrees."
        yield claim(sentence, RUNS, gaps["atoms"], note=note).at_most(0.5)
        yield claim("Its spread is the same in every representation.", RUNS, np.ptp(atomic)).at_most(0.1)
        sentence = "Euclidean angles have no meaning: their mean leaves 90 degrees under a common shift."
        yield claim(sentence, RUNS, shifted.loc["atoms", "Euclidean"].max(), note="Largest mean angle.").at_most(65)
        apart = np.abs(spread.loc["atoms", "Euclidean"] - np.ravel(sheet.reference["euclidean_spread"])).max()
        yield claim("The Euclidean spreads are those found before.", RUNS, apart).at_most(0.5)
        ends = centred.min(), centred.max()
        sentence = "The centred covariance fails under a shift: mean angles are far from 90 degrees."
        note = "Mean over the shifted representations; the interval is from least to largest."
        yield claim(sentence, RUNS, centred.mean(), interval=ends, note=note).between(72, 76)
        sentence = "Activations too are away from 90 degrees in the Euclidean product of a shifted representation."
        yield claim(sentence, HISTOGRAMS, shifted.loc["activations", "Euclidean"].max(), note=STAND_IN).at_most(80)
        sentence = "In the atomic inner product activations are centred at 90 degrees."
        note = f"Largest distance. Codes are nonnegative: activations that share an atom pull the mean down. {STAND_IN}"
        yield claim(sentence, HISTOGRAMS, gaps["activations"], note=note).at_most(1)
        least, welch = angles.loc["atoms", "coherence"].min(), tables["welch"]["coherence"].iloc[0]
        yield claim("No coherence is below Welch's bound.", WELCH, least).at_least(welch)


@figure("support_recovery", alt="In the atomic inner product supports are found whatever the representation.")
def support_recovery(sheet):
    rates = sheet["rates"]
    methods = {"threshold": "one threshold", "OMP": "orthogonal matching pursuit", "basis pursuit": "basis pursuit"}
    cases = [(condition, whitened) for condition in sheet.numbers["condition"] for whitened in (0, 1)]
    colours, hollow = style.look(sheet.numbers["condition"]), {"linestyle": DASHED, "markerfacecolor": "white"}
    looks = {case: {**colours[case[0]], "linestyle": "-", **({} if case[1] else hollow)} for case in cases}
    names = {case: rf"$\kappa = {case[0]:g}$, {'atomic' if case[1] else 'Euclidean'}" for case in cases}
    panels = sheet.panels(columns=3, aspect=0.95, sharey=True)[0]
    for panel, (method, title) in zip(panels, methods.items(), strict=True):
        options = {"names": names, "looks": looks, "legend": method == "OMP"}
        panel.points(select(rates, solver=method), "active", "rate", by=["condition", "whitened"], **options)
        panel.set(title=title)
        panel.axes.label_outer()
    sheet.legend_above(panels[1], columns=3)

    @sheet.claims
    def _(tables):
        wide = tables["rates"].pivot(index=["solver", "whitened", "active"], columns="condition", values="rate")
        gap = (wide.max(axis=1) - wide.min(axis=1)).groupby(["solver", "whitened"]).max()
        note = "Largest difference between condition numbers at one number of active atoms."
        for method in ("threshold", "OMP"):
            sentence = f"In the atomic inner product {methods[method]} does equally well in every representation."
            yield claim(sentence, RUNS, gap[method, 1], note=note).at_most(0.1)
            sentence = f"Euclidean rates of {methods[method]} degrade with the condition number."
            yield claim(sentence, RUNS, gap[method, 0], note=note).at_least(0.5)
        pursuit = wide.loc["basis pursuit"]
        source, apart = "theory, invariance of basis pursuit", (pursuit.loc[1] - pursuit.loc[0]).abs().max(axis=None)
        note = "Largest difference. The feasible set is the same; lengths of columns change, which the bound leaves room for."
        yield claim("The inner product has no effect on basis pursuit.", source, apart, note=note).at_most(0.15)
        sentence = "Basis pursuit finds all supports up to 8 of 64 atoms in 32 dimensions."
        yield claim(sentence, RUNS, pursuit.loc[0].iloc[:, 0].loc[:8].min(), note="Least rate, κ = 1.").at_least(0.95)


@figure("ideal_encoder", alt="Supports stay exact where the certified window is empty; interference remains.")
def ideal_encoder(sheet):
    sizes = sheet["sizes"]
    left, middle, right = sheet.panels(columns=3, aspect=0.9)[0]
    at, blue, vermilion = sizes["active"], {"color": style.BLUE}, {"color": style.VERMILION}
    left.line(at, sizes["lower"], label=r"bound $\epsilon K h_{max}$", linestyle=DASHED, **blue)
    left.line(at, sizes["upper"], label=r"bound $h_{min} - \epsilon(K-1) h_{max}$", linestyle=DASHED, **vermilion)
    left.line(at, sizes["interference"], marker="o", label="largest interference", **blue)
    left.line(at, sizes["response"], marker="s", label="least active response", **vermilion)
    left.set(ylabel="response", ylim=(0, 1.55))
    middle.points(sizes, "active", "exact")
    middle.set(ylim=(0, 1.05))
    for column, label, look in (("error", "", blue), ("refitted", ", refitted", vermilion)):
        right.line(at, sizes[column], label=f"mean{label}", marker="o", **look)
        right.line(at, sizes[f"{column}_largest"], label=f"largest{label}", linestyle=":", **look)
    right.set(ylabel=r"$\|\hat m - m\| / \|m\|$", yscale="log", ylim=(1e-8, 1e3))
    for panel in (left, middle, right):
        panel.set(xlabel=sheet.labels["active"], xticks=at)
    for panel in (left, right):
        panel.legend(fontsize=6.2, loc="upper right")
    sheet.letters()

    @sheet.claims
    def _(tables):
        window = sizes["lower"] < sizes["upper"]
        empty, one = sizes[~window], sizes.iloc[0]
        sentence = "The certified window is not empty for K = 1 and 2, and empty for 3 and 4."
        certified = claim(sentence, RUNS, ", ".join(np.where(window, "yes", "no")))
        yield certified.satisfies("yes, yes, no, no", all(window == (sizes["active"] <= 2)))
        sentence = "The worst case is pessimistic: supports are exact although no threshold is certified."
        note, ends = f"Least share, of {one['trials']:.0f} codes.", (empty["exact_low"].min(), 1.0)
        yield claim(sentence, RUNS, empty["exact"].min(), interval=ends, note=note).at_least(1)
        theorem, note = "paper, theorem on threshold autoencoders", "Largest relative error, single precision."
        sentence = "Reconstruction is exact for one active atom."
        yield claim(sentence, theorem, one["error_largest"], note=note).at_most(1e-5)
        sentence, worst = "Reconstruction is exact wherever supports are identified.", sizes["error_largest"].max()
        reason = "So worded it holds for one active atom: detectors also answer others, by up to (K - 1) times the coherence."
        yield claim(sentence, theorem, worst, note=note, reason=reason).at_most(1e-5)
        sentence = "Least squares on the identified support removes the error."
        yield claim(sentence, RUNS, sizes["refitted_largest"].max(), note=note).at_most(1e-5)


@figure("certificates", alt="The share of stable pairs follows the law of random tight frames.")
def certificates(sheet):
    shares, sizes, isometries, lines = (sheet[name] for name in ("stability", "sizes", "isometries", "lines"))
    left, middle, right = sheet.panels(columns=3, aspect=0.9)[0]
    names, looks = "$d = {}$".format, style.look(shares["dimension"].unique())
    options = {"by": "dimension", "names": names, "looks": looks, "lines": False}
    left.points(shares, "active", "stability", **options)
    right.points(isometries, "bound", "constant", **options)
    for dimension, line in lines.groupby("dimension"):
        left.line(line["active"], line["predicted"], color=looks[dimension]["color"])
    right.line(isometries["bound"], isometries["bound"])
    middle.points(sizes, "dimension", "certified", xlog=True)
    middle.line(sizes["dimension"], sizes["possible"], linestyle=DASHED, label="least coherence possible")
    middle.ticks(x=sizes["dimension"])
    middle.set(xlabel="dimension $d$, $n = 4d$", ylim=(0, None))
    middle.legend()
    sheet.letters()

    @sheet.claims
    def _(tables):
        excess, gap = isometries["constant"] - isometries["bound"], (shares["stability"] - shares["predicted"]).abs()
        model, d = tables["language_model"].iloc[0], sheet.numbers["model_dimension"]
        sentence = "The stability of random whitened dictionaries is that of the normal law."
        yield claim(sentence, FRAMES, gap.max(), note="Largest difference of means.").at_most(0.01)
        sentence = "The restricted isometry constant is at most (K - 1) times the coherence."
        yield claim(sentence, "paper, restricted isometry", excess.max(), note="Single precision.").at_most(1e-4)
        pairs, isometry = excess[isometries["active"] == 2].abs().max(), "theory, restricted isometry"
        yield claim("For two atoms the bound is attained.", isometry, pairs).at_most(1e-4)
        four = f"A dictionary of n = 4d atoms in d = {d} dimensions certifies this many active atoms at most."
        many = f"With many more atoms than dimensions (d = {d}) it is fewer."
        most = f"Of a random dictionary (d = {d}, n = 4d) a stability of 0.998 needs at most so many active atoms."
        facts = {"certified_four": (four, WELCH), "certified_many": (many, WELCH), "most": (most, FRAMES)}
        for column, (sentence, source) in facts.items():
            exact = claim(sentence, source, np.floor(model[column]), deterministic=True)
            yield exact.within(0, of=sheet.reference[column])


UNITS = ("atoms", "random", "atoms, Euclidean", "neurons", "data points")


@figure("units", alt="Planted atoms are stable, random directions less so, neurons not; data points perfectly.")
def units(sheet):
    rows, setting = sheet["units"], ["dimension", "features", "active"]
    names = r"$d = {:g}$, $n = {:g}$, $K = {:g}$".format
    rows = rows.assign(place=rows.groupby(setting, sort=False).ngroup(), shift=rows["unit"].map(UNITS.index) * 0.12)
    rows, law = rows.assign(at=rows["place"] + rows["shift"] - 0.24), select(rows, unit="atoms")
    panel = sheet.panel(style.PAGE * 0.8, aspect=0.5)
    panel.points(rows, "at", "stability", by="unit", lines=False)
    panel.line(law["place"] - 0.24, law["predicted"], marker="x", linestyle="", label="normal law")
    panel.axes.set_xticks(law["place"], [names(*row) for row in law[setting].itertuples(index=False)])
    panel.set(xlabel="", ylim=(-0.03, 1.05))
    sheet.legend_above(panel, columns=6)

    @sheet.claims
    def _(tables):
        wide = rows.pivot(index=setting, columns="unit", values="stability")
        for (dimension, _, active), found in wide.iterrows():
            sentence = "Neurons, atoms in the Euclidean product, random directions, atoms: in this order of stability"
            named = dict(found[["neurons", "atoms, Euclidean", "random", "atoms"]])
            yield claim(f"{sentence} (d = {dimension}, K = {active}).", RUNS, named).increasing()
        sentence = "The normal law predicts the stability of the planted atoms."
        note = "Largest difference of means. The whitening is estimated from few rows, whose mean direction tells."
        yield claim(sentence, FRAMES, law.eval("stability - predicted").abs().max(), note=note).at_most(0.015)
        sentence = "Data points taken as atoms are as stable as can be, with nothing learnt."
        note = "Codes of one active atom certify themselves: the trivial dictionary passes both published metrics."
        yield claim(sentence, RUNS, wide["data points"].min(), note=note).at_least(0.999)


@figure("capacity", alt="Reconstruction, recovery and alive neurons rise up to the width of the planted atoms.")
def capacity(sheet):
    trained, number = sheet["trained"], sheet.numbers["features"]
    panels = sheet.panels(rows=2, columns=2, aspect=0.78)
    for panel, column in zip(panels.flat, ("explained", "recovered_90", "alive", "stability"), strict=True):
        panel.points(trained, "width", column, by="variant", legend=column == "recovered_90")
        panel.mark(x=number)
    sheet.letters()

    @sheet.claims
    def _(tables):
        wide = tables["trained"].pivot(index="width", columns="variant").sort_index()
        recovered, reach = wide["recovered_90"], tables["widths"].set_index("variant")["width"]
        last = wide.iloc[-1].xs("λ = 0.1", level="variant")
        white, raw, at = reach["κ = 10, whitened"], reach["κ = 10, raw"], f"At width {wide.index.max()}, λ = 0.1."
        for name, column in (("Reconstruction", "explained"), ("Recovery", "recovered_90")):
            values = wide[column, "λ = 0.1"]
            before, beyond = (np.subtract(*part.iloc[[-1, 0]]) for part in (values.loc[:number], values.loc[number:]))
            slopes = beyond / (wide.index[-1] - number) / (before / (number - wide.index[0]))
            sentence, note = f"{name} has a kink at the number of planted atoms.", "Slope beyond over before."
            yield claim(sentence, RUNS, slopes, note=note).at_most(0.25)
        sentence = "Alive neurons limit themselves to about the number of planted atoms."
        yield claim(sentence, RUNS, last["alive"] / number, note=f"Ratio. {at}").within(0.15, of=1)
        sentence = "Nearly all atoms are recovered once the width exceeds their number."
        reason = "The training is too short: four times as many steps reached 0.97 on four data sets."
        yield claim(sentence, RUNS, last["recovered_90"], note=at, reason=reason).at_least(0.98)
        sentence = "Whitening moves the width that recovers nine tenths of the atoms down."
        named = f"{white:.0f} instead of " + (f"{raw:.0f}" if np.isfinite(raw) else "none of those tried")
        yield claim(sentence, RUNS, named).satisfies("smaller than without", white < raw)
        sentence = "With whitening that width is the number of planted atoms."
        reason = "Random starts compete: at width n some neurons die and their atoms stay unfound, however long the training."
        yield claim(sentence, RUNS, white / number, note="In larger runs 1.0.", reason=reason).within(0.1, of=1)
        sentence = "Whitened training does not see the condition number."
        note = "Largest difference of recovery between condition numbers 10 and 1 at one penalty; about two standard errors."
        apart = (recovered["κ = 10, whitened"] - recovered["λ = 0.03"]).abs().max()
        yield claim(sentence, "ours", apart, note=note).at_most(0.08)
        sentence = "The stability of a trained dictionary with enough neurons is that of a certificate."
        reason = "In so few dimensions the normal law allows the planted atoms little more than 0.94 to 0.96."
        yield claim(sentence, RUNS, last["stability"], note=at, reason=reason).at_least(0.99)


@figure("data_size", alt="Few rows are memorised and no atom is found; many identify the atoms at the planted width.")
def data_size(sheet):
    trained, number = sheet["trained"], sheet.numbers["features"]
    counts, sizes = sorted(sheet.numbers["samples"]), sorted(sheet.numbers["width"])
    few, many, widest = counts[0], counts[-1], sizes[-1]
    theory = {"width = $n$": ([number, number], [few / 4, many * 4]), "width = $N$": (sizes, sizes)}
    panels = sheet.panels(rows=2, columns=3, aspect=0.82)
    for (upper, lower), column in zip(panels.T, ("explained_training", "explained", "recovered_90"), strict=True):
        options = {"colour_label": None, "xlog": True, "ylog": True, "theory": theory}
        upper.heat(trained.assign(**{column: trained[column].clip(lower=0)}), "width", "samples", column, **options)
        upper.ticks(x=sizes, y=counts)
        upper.set(title=sheet.labels[column])
        lower.points(trained, "width", column, by="samples", names="$N = {}$".format, legend=column == "recovered_90")
        lower.mark(x=number)
    panels[0, 2].legend(dark=True, fontsize=6.2, loc="upper left")
    panels[1, 2].legend(fontsize=6.2, loc="upper left")
    sheet.letters()

    @sheet.claims
    def _(tables):
        trained, reach = tables["trained"], tables["widths"].set_index("samples")["width"]
        memorised = trained[(trained["samples"] == few) & (trained["width"] >= few)]
        wide = select(trained, width=widest).sort_values("samples").set_index("samples").add_prefix("N = ", axis=0)
        ranks = trained[["recovered_90", "explained_training", "explained"]].rank().corr()["recovered_90"]
        sentence = f"With {few} rows every width from {few} on explains the training rows."
        yield claim(sentence, RUNS, memorised["explained_training"].min()).at_least(0.99)
        sentence = "None of those finds atoms: training rows explained do not imply recovery."
        yield claim(sentence, RUNS, memorised["recovered_90"].max()).at_most(0.02)
        yield claim("Nor does any explain new rows.", RUNS, memorised["explained"].max()).at_most(0.4)
        for name, column in (("recovery", "recovered_90"), ("the variance of new rows explained", "explained")):
            sentence = f"At the largest width {name} rises with the number of rows."
            yield claim(sentence, RUNS, dict(wide[column])).increasing(slack=0.03)
        sentence = "Recovery goes with what is explained of new rows more than with what is explained of training rows."
        named = {"training rows": ranks["explained_training"], "new rows": ranks["explained"]}
        yield claim(sentence, RUNS, named, note="Rank correlations over all cells.").increasing()
        named = {f"N = {samples}": reach[samples] for samples in counts}
        sentence, source = "The critical width grows with the data.", "paper, scaling of data and width"
        note = f"Width at which training rows are explained to {sheet.numbers['level']:g}. {STAND_IN}"
        reason = "It grows while rows are memorised, and ends near the number of atoms."
        yield claim(sentence, source, named, note=note, reason=reason).increasing()
        sentence = "For few rows the critical width is their number: a transition of memorising."
        yield claim(sentence, RUNS, reach[few] / few, note="Ratio.").within(0.5, of=1)
        sentence = "For many rows it stays near the number of planted atoms: a transition of identifying."
        yield claim(sentence, RUNS, reach[many] / number, note=f"Ratio at {many} rows.").at_most(1.5)


@figure("language_model", alt="A stand-in: whitened atoms reconstruct well; neurons reconstruct and are not stable.")
def language_model(sheet):
    rows = pd.concat([sheet["units"], sheet["untrained"]])
    panel = sheet.panel(style.PAGE * 0.72, aspect=0.66)
    panel.points(rows, "explained", "stability", by="unit", lines=False)
    text = {"xytext": (-5, 0), "textcoords": "offset points", "ha": "right", "va": "center", "fontsize": 7}
    for name, place in sheet.reference.items():
        panel.line(*place, marker="x")
        panel.axes.annotate(name, place, color=style.GREY, **text)
    panel.set(xlim=(0.35, 1.03), ylim=(-0.03, 1.05))

    @sheet.claims
    def _(tables):
        units, untrained = (tables[name].set_index("unit") for name in ("units", "untrained"))
        best, raw, narrow = (units.loc[unit] for unit in ("atoms, whitened", "atoms, raw", "narrow features"))
        planted, neurons, published = untrained.loc["planted atoms"], untrained.loc["neurons"], sheet.reference["atoms"]
        note = f"{STAND_IN} {best['recovered_90']:.0%} of the atoms are found; published {published[0]}."
        reason = "Codes carry interference, and atoms are missed."
        sentence = "Atoms explain nearly all of the variance."
        yield claim(sentence, MODEL, best["explained"], note=note, reason=reason).at_least(0.99)
        sentence = "Nearly all pairs and samples are stable for atoms."
        note = f"{STAND_IN} The planted atoms reach {planted['stability']:.3f}; published {published[1]}."
        reason = "Few dimensions: the planted atoms with their own codes do not reach it either."
        yield claim(sentence, MODEL, best["stability"], note=note, reason=reason).at_least(0.99)
        sentence, note = "Neurons explain everything and certify nothing.", "Published 0.005, in 2304 dimensions."
        certified = {"measured": neurons["stability"], "interval": interval(neurons, "stability")}
        yield claim(sentence, MODEL, note=note, **certified).at_most(0.1)
        gain, apart = best - narrow, np.subtract(published, sheet.reference["features"])
        sentence = "Features of a narrow autoencoder explain less than atoms do."
        note = f"Difference; {apart[0]:.2f} for published features, which are of public autoencoders."
        yield claim(sentence, "ours", gain["explained"], note=note).at_least(0.1)
        sentence = "Features of a narrow autoencoder are less stable than atoms."
        note = f"Difference; {apart[1]:.2f} for published features. Narrow ones speak {narrow['l0']:.1f} at a time."
        reason = "Narrow features speak so rarely that their codes certify themselves: stability rewards codes that say little."
        yield claim(sentence, "ours", gain["stability"], note=note, reason=reason).at_least(0)
        sentence = "Whitening rows before training recovers more atoms."
        yield claim(sentence, "ours", best["recovered_90"] - raw["recovered_90"]).at_least(0.2)
        sentence = "Stability of the trained atoms is near that of the planted ones."
        named = {"planted atoms - 0.1": planted["stability"] - 0.1, "trained": best["stability"]}
        yield claim(sentence, "ours", named).increasing()
