"""Kronecker-structured sparse Bayesian learning."""

import numpy as np

from . import style
from .claims import claim
from .registry import figure
from .rows import first, interval, select

SVD, AM = "SVD-KroSBL", "AM-KroSBL"
ERROR = r"$\|\hat x - x\|^2 / \|x\|^2$"
LABELS = {
    "snr": "signal-to-noise ratio (dB)",
    "ratio": "sampling ratio",
    "sparsity": "nonzeros per mode",
    "error": f"mean {ERROR}",
    "median": f"median {ERROR}",
    "support_recovery": "support overlap",
    "symbol_error": "symbol error (at least 1e-6)",
    "spectral_efficiency": "spectral efficiency (bits)",
}
LOOKS = style.look((SVD, AM, "KSBL", "cSBL", "KOMP", "KOMP, known sparsity", "OMP"))


def _curves(panel, table, x, y, **options):
    """One curve per solver."""
    panel.curves(table, x, y, by="solver", **{"looks": LOOKS, "legend": False, **options})


def _times(panel, times):
    """Seconds per solver as bars."""
    panel.axes.barh(times["solver"], times["seconds"], color=[LOOKS[name]["color"] for name in times["solver"]])
    panel.axes.invert_yaxis()


def _wide(table, y, *index):
    """One column per solver."""
    return table.pivot_table(index=list(index), columns="solver", values=y)


@figure("accuracy", alt="Error and support overlap of five solvers over noise, sampling ratio and sparsity.")
def accuracy(sheet):
    lines = {"snr": "snr", "samples": "ratio", "sparsity": "sparsity"}
    panels = sheet.panels(3, 3, sharey="row", sharex="col")
    for column, (line, x) in zip(panels.T, lines.items(), strict=True):
        oracle = select(sheet["oracle"], line=line)
        for panel, y in zip(column, ("error", "median", "support_recovery"), strict=True):
            rows = select(sheet["cells"], line=line)
            _curves(panel, rows, x, y, band=y == "median", ylog=y != "support_recovery")
            if y in oracle:
                panel.line(oracle[x], oracle[y], linestyle="--", linewidth=1.3, label="oracle least squares")
            panel.axes.label_outer()
    panels[2, 0].set(ylim=(-0.02, 1.02))
    sheet.legend_above(panels[0, 0], 3)
    expected = select(sheet["oracle"], line="snr").set_index("snr")

    @sheet.claims
    def _(tables):
        plots, square = "authors, plots of the public code", "ours, squares of the authors' plotted means"
        means, medians = (_wide(tables["cells"], y, "line", *lines) for y in ("error", "median"))
        others = [name for name in (AM, "KSBL", "cSBL", "KOMP") if name in means]
        sentence = "SVD-KroSBL has the least mean error at every point."
        note = "Largest ratio to the best other; means are dominated by rare failures, see the medians."
        yield claim(sentence, plots, (means[SVD] / means[others].min(axis=1)).max(), note=note).at_most(1)
        support = select(tables["cells"], line="snr", solver=SVD).set_index("snr")["support_recovery"]
        yield claim(
            "SVD-KroSBL finds nearly the whole support from 20 dB on (mean overlap).",
            plots,
            support[support.index >= 20].min(),
            reason="Pruning drops true entries that are small, and 1e-3 of the largest estimate hides others. The bound is "
            "the published mean without a tolerance.",
        ).at_least(0.88)
        reasons = (
            "The published means, of errors that are not squared, differ by factors of 2.1 to 3.3. Means follow single "
            "trials that end in another local minimum, of SVD-KroSBL too at 5 dB.",
            "Single trials that fail make the mean; see the medians.",
        )
        for kind, wide, source, factor in (("mean", means, square, 4), ("median", medians, "ours", 1)):
            noise = wide.loc["snr"].droplevel(["samples", "sparsity"])
            sentence = f"AM-KroSBL's {kind} error is above that of SVD-KroSBL at every noise level (least ratio)."
            ratio = (noise[AM] / noise[SVD]).min()
            yield claim(sentence, source, ratio, reason=reasons[0]).at_least(factor)
            above = (noise[SVD] / expected["error" if kind == "mean" else "median"]).loc[:25].max()
            source = "reference, a run of 20 instances" if kind == "mean" else "ours"
            sentence = f"SVD-KroSBL's {kind} error is near the oracle's up to 25 dB (largest ratio)."
            yield claim(sentence, source, above, reason=reasons[1]).at_most(2)
        sentence = "Pursuit as in the public code (columns not normalised) has a large mean error everywhere."
        note = f"The least over the points; its least median error is {medians['KOMP'].min():.2g}."
        yield claim(sentence, plots, means["KOMP"].min(), note=note).at_least(0.1)
        if "cSBL" in means:
            sentence = "AM-KroSBL is about equal to or below cSBL in mean error (largest ratio)."
            yield claim(sentence, plots, (means[AM] / means["cSBL"]).max()).at_most(1.2)


@figure("against_sbl", alt="Median error of structured and unstructured learning and pursuit over noise, and times.")
def against_sbl(sheet):
    cells = sheet["cells"]
    panels = sheet.panels(columns=3, aspect=0.95)[0]
    for panel, y in zip(panels, ("median", "support_recovery"), strict=False):
        for noise, dashes, names in (("known", "-", str), ("unknown", "--", "_{}".format)):
            rows = cells[(cells["noise"] == noise) & ((cells["solver"] != "OMP") | (noise == "known"))]
            looks = {name: {**look, "linestyle": dashes} for name, look in LOOKS.items()}
            _curves(panel, rows, "snr", y, names=names, looks=looks, band=False, ylog=y == "median")
    panels[1].set(ylim=(-0.02, 1.02))
    seconds, factor = sheet["times"].set_index("solver")["seconds"], sheet.reference["times_faster"]
    _times(panels[2], sheet["times"])
    panels[2].set(xscale="log", xlabel="seconds per solve", xlim=(seconds.min() / 3, None))
    sheet.legend_above(panels[0], 4)

    @sheet.claims
    def _(tables):
        wide = _wide(tables["cells"], "median", "noise", "snr")
        known, unknown = wide.loc["known"], wide.loc["unknown"]
        for name in (SVD, AM):
            for other in ("cSBL", "OMP"):
                sentence = f"{name} has a lower median error than {other} at every noise level (largest ratio)."
                yield claim(sentence, "ours", (known[name] / known[other]).max()).at_most(1)
        times, options = "authors, run times", {"deterministic": True}
        order = {name: seconds[name] for name in (SVD, AM, "cSBL")}
        yield claim("SVD-KroSBL is the fastest.", times, order, **options).increasing()
        sentence, ratio = "SVD-KroSBL is far faster than cSBL.", seconds["cSBL"] / seconds[SVD]
        yield claim(sentence, times, ratio, **options).at_least(factor)
        yield claim(
            "cSBL is clearly worse when it learns the noise (median error, highest signal-to-noise ratio).",
            "authors, one instance",
            (unknown["cSBL"] / known["cSBL"]).iloc[-1],
            note="A factor of about 3 in the authors' instance of 15 x 15 x 15 coefficients.",
            reason="The factor depends on the size; at 7 x 7 x 7 coefficients it was 2.2.",
        ).at_least(2)


def _trajectories(sheet, axis):
    """One panel per value of an axis."""
    panels = sheet.panels(columns=2, aspect=0.7, sharey=True)[0]
    for panel, value in zip(panels, sheet.numbers[axis], strict=True):
        rows = select(sheet["curves"], **{axis: value})
        _curves(panel, rows[rows["step"] > 0], "step", "error", markers=False, legend=True, xlog=True, ylog=True)
        panel.set(title=f"{axis}: {value}", ylabel=ERROR)
        panel.axes.label_outer()


@figure("convergence", alt="Error of three solvers per step, without and with pruning.")
def convergence(sheet):
    _trajectories(sheet, "pruning")

    @sheet.claims
    def _(tables):
        reached = select(tables["reached"], pruning="none").pivot(index="trial", columns="solver")
        steps, final = reached["steps_to_twice_final"], reached["final"]
        source, note = "reference, a run of 3 instances", "Median over instances."
        sentence = "Without pruning SVD-KroSBL needs far fewer steps to come within twice its final error (ratio)."
        yield claim(sentence, source, (steps[AM] / steps[SVD]).median(), note=note).at_least(20)
        sentence = "AM-KroSBL then ends at the same error (relative gap)."
        yield claim(sentence, source, (final[AM] / final[SVD] - 1).abs().median(), note=note).at_most(0.2)


@figure("noise_variance", alt="Error of three solvers per step with the noise variance known and learnt.")
def noise_variance(sheet):
    _trajectories(sheet, "noise")

    @sheet.claims
    def _(tables):
        final = tables["final"].pivot(index=["solver", "trial"], columns="noise", values="error")
        gap = (final["unknown"] / final["known"] - 1).abs().groupby("solver").median()
        for name, bound in ((SVD, 0.1), (AM, 0.4)):
            sentence = f"Learning the noise changes {name}'s error little (relative gap)."
            source, note = "reference, a run of 3 instances", "Median over instances."
            yield claim(sentence, source, gap[name], note=note).at_most(bound)


@figure("unknown_noise", alt="Error and support overlap over the sampling ratio with learnt noise variance.")
def unknown_noise(sheet):
    panels = sheet.panels(columns=3, aspect=0.95)[0]
    _curves(panels[0], sheet["cells"], "ratio", "error", ylog=True)
    _curves(panels[1], sheet["cells"], "ratio", "support_recovery", band=False)
    panels[1].set(ylim=(-0.02, 1.02))
    _times(panels[2], sheet["times"])
    panels[2].set(xlabel="seconds per instance, batched")
    sheet.legend_above(panels[0], 4)

    @sheet.claims
    def _(tables):
        wide = _wide(tables["cells"], "error", "samples")
        ratio = (wide[SVD] / wide.drop(columns=SVD).min(axis=1)).max()
        sentence = "With learnt noise SVD-KroSBL has the least mean error at every sampling ratio."
        yield claim(sentence, "authors, result files", ratio, note="Largest ratio to the best other.").at_most(1)


@figure("rank_one", alt="Singular value ratios of the posterior energies per step, and variances at the end.")
def rank_one(sheet):
    variances, size = sheet["variances"], sheet.numbers["dimension"]
    panels = sheet.panels(columns=3, aspect=0.95)[0]
    for panel, which in zip(panels, ("first", "second"), strict=False):
        _curves(panel, sheet["ratios"], "step", which, markers=False, ylog=True)
        panel.set(title=f"{which} unfolding", ylabel="second over first singular value" if which == "first" else "")
    place = variances["index"] + (variances["mode"] - 1) * (size + 2)
    for shift, (solver, rows) in enumerate(variances.groupby("solver", sort=False)):
        look = {**LOOKS[solver], "linestyle": "", "markersize": 3, "label": solver}
        panels[2].axes.plot(place[rows.index] + 0.3 * shift, np.maximum(rows["share"], 1e-12), **look)
    true = place[variances["true"]]
    panels[2].axes.plot(true, np.full(len(true), 3.0), "|", color=style.BLACK, label="true support")
    panels[2].set(yscale="log", xlabel="index, mode after mode", ylabel="variance / largest of its mode")
    sheet.legend_above(panels[2], 3)

    @sheet.claims
    def _(tables):
        ratios, authors, at = tables["ratios"], "authors, rank of d per step", 10
        svd, am = (first(ratios, solver=name, step=at) for name in (SVD, AM))
        last = select(ratios, solver=AM).iloc[-1]
        sentence = f"SVD-KroSBL: d has rank one after {at} steps (median ratio)."
        yield claim(sentence, authors, svd["median"], interval=interval(svd, "median")).at_most(1e-6)
        sentence = "AM-KroSBL: d has rank one at the end (median ratio)."
        yield claim(sentence, authors, last["median"], interval=interval(last, "median")).at_most(1e-3)
        sentence = f"SVD-KroSBL gets there faster (median ratio after {at} steps)."
        yield claim(sentence, authors, {SVD: svd["median"], AM: am["median"]}).increasing()
        agree = ((variances["share"] > 1e-4) == variances["true"]).mean()
        sentence = "Variances above 1e-4 of the largest mark the true support (share of agreement, one instance)."
        yield claim(sentence, authors, agree, deterministic=True).at_least(1)


@figure("irs", alt="Channel error, symbol errors and spectral efficiency over the signal-to-noise ratio.")
def irs(sheet):
    cells = sheet["cells"].assign(symbol_error=sheet["cells"]["symbol_error"].clip(lower=1e-6))
    looks, panels = style.look(cells["solver"].unique()), sheet.panels(columns=3, aspect=1.0)[0]
    for panel, y in zip(panels, ("error", "symbol_error", "spectral_efficiency"), strict=True):
        _curves(panel, cells, "snr", y, looks=looks, band=False, ylog=y != "spectral_efficiency")
    dashed = {name: {**look, "linestyle": "--", "linewidth": 0.8} for name, look in looks.items()}
    _curves(panels[0], cells, "snr", "median", looks=dashed, markers=False, band=False, ylog=True)
    panels[0].set(ylabel=r"channel error $\|\hat H - H\|_F^2 / \|H\|_F^2$")
    known = select(cells, solver=SVD)
    panels[2].line(known["snr"], known["spectral_efficiency_known"], linewidth=1.3, label="known channel")
    sheet.legend_above(panels[2], 4)

    @sheet.claims
    def _(tables):
        mean = _wide(tables["cells"], "error", "snr")
        block, plain = mean.filter(like="PC-KroSBL").max(axis=1), mean[[SVD, AM]]
        gain = (plain.min(axis=1) / block).loc[16:].min()
        source = "authors, result files"
        reason = (
            "The public code starts from patterns of ones, the block-sparse extension here from ones. From there it settles "
            "in some trials on a neighbour of the true angle at the mobile station, which three pilots hardly tell apart, or "
            "prunes an edge of a cluster for good."
        )
        sentence = "The block-sparse extension has a far lower mean error than AM and SVD from 16 dB on (least ratio)."
        yield claim(sentence, source, gain, reason=reason).at_least(10)
        for snr in (snr for snr in sheet.numbers["unstructured_snrs"] if snr <= 12):
            order = {"PC-KroSBL": block[snr], "SVD or AM": plain.loc[snr].max()}
            order |= {name: mean.loc[snr, name] for name in ("cSBL", "PC-SBL")}
            sentence = f"Order of mean errors at {snr:g} dB: block-sparse, Kronecker, classical, pattern-coupled."
            yield claim(sentence, source, order, reason=reason).increasing()
