"""The canon of phase retrieval."""

import numpy as np

from . import style
from .claims import claim
from .registry import figure
from .rows import select

LABELS = {
    "ratio": "observations for every unknown $m/n$",
    "solved": "share solved",
    "overlap": "squared cosine",
    "step": "step",
    "error": r"error $\min_\varphi \|e^{i\varphi} x - x_0\| / \|x_0\|$",
    "noise": r"noise $\sigma$",
    "multiple": "observations over the predicted ones",
    "patterns": "masks $L$",
    "cosine": r"cosine $\rho$ of the anchor",
}
REFERENCE = "reference, a NumPy loop at n = 64"
TAF = "paper, Wang, Giannakis and Eldar 2018, comparison of success rates"
MM, LIMIT = "minimal threshold", "theory, limit of large dimensions"


def _by_field(sheet, table, panels, draw):
    """Draws the rows of every field into a panel of its own."""
    for panel, field in zip(panels, sheet.numbers["ratios"], strict=False):
        panel.set(title=field)
        draw(panel, select(sheet[table], field=field), field)


def _gap(first, last):
    """Steps from one level to another, unknown where the latter is not reached."""
    return last.where(np.isfinite(last)) - first


def _ratio(steps, others):
    """Of numbers of steps, which are infinite where a level is not reached."""
    return steps / others if np.isfinite(others) else np.nan


@figure(
    "success", alt="Success rates rise with the number of observations, earliest for RAAR and last for Wirtinger flow."
)
def success(sheet):
    methods = list(sheet.numbers["methods"])
    looks = style.look(methods)
    # Twelve curves need more than eight looks: the later ones are dashed.
    for name in methods[8:]:
        looks[name] = {**looks[name], "linestyle": (0, (2, 1.5)), "fillstyle": "none"}
    panels = sheet.panels(columns=2, aspect=0.85, sharey=True)[0]

    def draw(panel, rows, field):
        panel.curves(rows, "ratio", "solved", by="solver", looks=looks, band=False, legend=False)

    _by_field(sheet, "success", panels, draw)
    panels[1].set(ylabel="")
    sheet.legend_above(panels[0], 3)

    @sheet.claims
    def _(tables):
        rates = tables["success"].set_index(["field", "solver", "ratio"])["solved"].sort_index()
        half = tables["transitions"].set_index(["field", "solver"])["transition"].sort_index()
        note = "Observations for every unknown at which one half is solved, interpolated."
        sentence = (
            "Complex RAAR from noise solves half of the instances with less than three observations for every unknown."
        )
        yield claim(sentence, REFERENCE, half["complex", "RAAR, random"], note=note).between(2.5, 2.8)
        for name in ("RAAR, random", f"RAF, {MM}"):
            sentence = f"Of real data {name} solves half of them with less than two."
            yield claim(sentence, REFERENCE, half["real", name], note=note).at_most(1.8)
        sentence = "Real amplitude flow needs more than three, from the same start."
        yield claim(sentence, REFERENCE, half["real", f"AF, {MM}"], note=note).at_least(3)
        real = sorted(tables["success"].query("field == 'real'")["ratio"].unique())
        at = min(real, key=lambda ratio: abs(ratio - 2.5))
        values = {name: rates["real", name, at] for name in ("WF", "TWF", "TAF")}
        sentence = f"Truncation helps, and of amplitudes more than of intensities (real, m/n = {at:g})."
        yield claim(sentence, TAF, values).increasing()
        complex_ = sorted(tables["success"].query("field == 'complex'")["ratio"].unique())
        at = min(complex_, key=lambda ratio: abs(ratio - 2.75))
        gain = rates["complex", f"RAF, {MM}", at] - rates["complex", "RAF", at]
        sentence = f"The minimal-threshold start helps reweighted amplitude flow over its own (complex, m/n = {at:g})."
        yield claim(sentence, REFERENCE, gain, note="Difference of success rates.").at_least(0.3)
        sentence = "Of real data alternating minimisation needs many observations even from a good start."
        yield claim(sentence, REFERENCE, half["real", f"AltMin, {MM}"], note=note).at_least(3)
        sentence = "Without one it never solves a real instance here."
        worst = rates["real", "AltMin, random"].max()
        yield claim(sentence, REFERENCE, worst, note="Largest success rate up to m/n = 5.").at_most(0)
        sentence = "Of complex data it does begin to work from noise."
        rise = rates["complex", "AltMin, random", complex_[-1]] - rates["complex", "AltMin, random", complex_[0]]
        yield claim(
            sentence, REFERENCE, rise, note="Success rate with most observations less that with fewest."
        ).at_least(0.1)
        steps = tables["success"].set_index(["field", "solver", "ratio"])["steps"].sort_index()
        sentence = "Real alternating minimisation ends in a few steps, as signs are found one and for all."
        measured = steps["real", f"AltMin, {MM}", real[-1]]
        yield claim(sentence, REFERENCE, measured, note=f"Median steps at m/n = {real[-1]:g}.").at_most(6)


@figure(
    "spectral_starts",
    alt="Squared cosines of spectral starts follow their limits; subsets of rows see nothing of few data.",
)
def spectral_starts(sheet):
    starts = list(sheet.numbers["starts"])
    looks = style.look(starts)
    panels = sheet.panels(columns=2, aspect=0.85, sharey=True)[0]

    def draw(panel, rows, field):
        panel.points(rows, "ratio", "overlap", by="start", looks=looks, lines=False, legend=False, xlog=True)
        for name, line in select(sheet["predicted"], field=field).groupby("start", sort=False):
            panel.line(line["ratio"], line["predicted"], color=looks[name]["color"], linewidth=1.1)
        panel.ticks(x=sorted(rows["ratio"].unique()))

    _by_field(sheet, "overlaps", panels, draw)
    panels[0].set(ylim=(-0.03, 1))
    panels[1].set(ylabel="")
    sheet.legend_above(panels[0], 3)

    @sheet.claims
    def _(tables):
        overlap = tables["overlaps"].set_index(["field", "start", "ratio"])["overlap"].sort_index()
        for field in sheet.numbers["ratios"]:
            at = overlap[field].index.get_level_values("ratio").max()
            best = max(overlap[field, name, at] for name in starts[2:])
            values = {"best subset": best, **{name: overlap[field, name, at] for name in (starts[1], starts[0])}}
            sentence = f"Optimal preprocessing beats that of minimal threshold, which beats subsets of rows ({field}, m/n = {at:g})."
            yield claim(sentence, "paper, Luo, Alghamdi and Lu 2019, Theorem 1", values).increasing()
        known = tables["predicted"].merge(tables["overlaps"], on=["field", "start", "ratio"])
        known = known[known["start"].isin(starts[:2]) & (known["ratio"] >= 2)]
        apart = (known["overlap"] - known["predicted"]).abs()
        worst = known.loc[apart.idxmax()]
        note = (
            f"Largest distance of a mean from its limit: {worst['start']}, {worst['field']}, m/n = {worst['ratio']:g}."
        )
        sentence = "Squared cosines of these two are those of the limit, from two observations for every unknown on."
        yield claim(sentence, LIMIT, apart.max(), note=note).at_most(0.06)
        at = min((each for each in overlap["real", "optimal"].index if each >= 0.75), default=np.nan)
        subsets = max(overlap["real", name, at] for name in starts[2:])
        sentence = f"Starts that keep some rows see nothing of few real data (m/n = {at:g})."
        note = "Largest mean squared cosine of the three."
        reason = (
            "The limit is slow. Over twenty and ten other instances the three have .072, .048 and .050 of 400 unknowns, and .043, "
            ".030 and .013 of 1600 (weighted, orthogonality promoting, truncated)."
        )
        yield claim(sentence, LIMIT, subsets, note=note, reason=reason).at_most(0.05)
        sentence = f"There the optimal one sees the signal (m/n = {at:g})."
        yield claim(sentence, LIMIT, overlap["real", "optimal", at]).at_least(0.1)


@figure("message_passing", alt="Overlaps of message passing jump to one near the predicted number of observations.")
def message_passing(sheet):
    limits = sheet["limits"].set_index("field")["threshold"]
    panels = sheet.panels(2, 2, aspect=0.6, sharex="col")

    def draw(panel, rows, field):
        panel.points(rows, "ratio", "overlap", lines=False)
        line = select(sheet["predicted"], field=field)
        panel.line(line["ratio"], line["predicted"], color=style.BLACK, linewidth=1.2)
        panel.mark(x=limits[field])

    def solved(panel, rows, field):
        panel.points(rows, "ratio", "solved")
        panel.mark(x=limits[field])
        panel.set(title=f"predicted from {limits[field]:.3f} on")

    _by_field(sheet, "overlaps", panels[1], solved)
    _by_field(sheet, "overlaps", panels[0], draw)
    for panel in panels[0]:
        panel.set(xlabel="")
    for row in panels:
        row[1].set(ylabel="")

    @sheet.claims
    def _(tables):
        half = tables["transitions"].set_index("field")["transition"]
        rows = tables["overlaps"].merge(tables["predicted"], on=["field", "ratio"])
        for field in sheet.numbers["ratios"]:
            sentence = f"Message passing finds half of the {field} signals where state evolution says."
            note = f"Predicted: {limits[field]:.3f} observations for every unknown."
            apart = abs(half[field] / limits[field] - 1)
            yield claim(sentence, "theory, Barbier et al. 2019", apart, note=note).at_most(0.08)
        for field in sheet.numbers["ratios"]:
            below = rows[(rows["field"] == field) & (rows["ratio"] < limits[field])]
            sentence = f"With less its squared cosine is that of the fixed point ({field})."
            note = "Largest distance of a median."
            apart = (below["overlap"] - below["predicted"]).abs().max()
            yield claim(sentence, "theory, state evolution", apart, note=note).at_most(0.25)


@figure("convergence", alt="Errors fall linearly; Wirtinger flow takes several times as many steps as amplitude flow.")
def convergence(sheet):
    curves, methods = sheet["curves"], list(sheet.numbers["methods"])
    panel = sheet.panel(style.PAGE * 0.72, aspect=0.62)
    panel.curves(curves, "step", "error", by="solver", looks=style.look(methods), markers=False, ylog=True)
    panel.set(ylim=(1e-10, 2))

    @sheet.claims
    def _(tables):
        reached = tables["reached"].set_index("solver")
        for name in ("TWF", "AF"):
            ratio = _ratio(reached["accurate"]["WF"], reached["accurate"][name])
            sentence = f"{name} takes far fewer steps than WF."
            note = f"Ratio of median steps to an error of {sheet.numbers['accurate']:g}: {reached['accurate']['WF']:g} for WF."
            yield claim(sentence, REFERENCE, ratio, note=note).at_least(2.5)
        early, late = (
            _gap(reached[first], reached[last]) for first, last in (("coarse", "half"), ("half", "accurate"))
        )
        bend = np.exp(np.abs(np.log(late / early)).max())
        sentence = "All of them converge linearly."
        note = "Steps of the second half of the way down, from an error of 0.1, over those of the first; the farthest from one."
        yield claim(sentence, "paper, Candès, Li and Soltanolkotabi 2015, Theorem 3.3", bend, note=note).at_most(1.5)


@figure(
    "noise", alt="The error of amplitude flow is proportional to the noise, on the line of least squares of moduli."
)
def noise(sheet):
    errors = sheet["errors"]
    looks = style.look(errors["ratio"].unique())
    panel = sheet.panel()
    panel.points(
        errors,
        "noise",
        "error",
        by="ratio",
        names=lambda at: f"$m/n = {at:g}$",
        looks=looks,
        lines=False,
        xlog=True,
        ylog=True,
    )
    for at, rows in errors.groupby("ratio"):
        panel.line(rows["noise"], rows["predicted"], color=looks[at]["color"])
        panel.line(rows["noise"], rows["oracle"], color=looks[at]["color"], linestyle=(0, (3, 2)))

    @sheet.claims
    def _(tables):
        rows = tables["errors"]
        for at, line in rows.groupby("ratio"):
            known = line["error"] / line["oracle"]
            sentence = f"Losing phases costs more than a factor of two under noise (m/n = {at:g})."
            note = f"Mean error over that with known phases, mean over noise levels; predicted {(line['predicted'] / line['oracle']).iloc[0]:.3f}."
            yield claim(sentence, "theory, least squares", known.mean(), note=note).between(2.1, 2.3)
            slope = np.polyfit(np.log(line["noise"]), np.log(line["error"]), 1)[0]
            sentence = f"The error is proportional to the noise (m/n = {at:g})."
            note = "Slope of log error on log noise."
            yield claim(sentence, "theory, least squares", slope, note=note).within(0.03, of=1)


@figure(
    "phase_max_transition", alt="Success of PhaseMax rises around the predicted number of observations at every anchor."
)
def phase_max_transition(sheet):
    panel = sheet.panel()
    panel.points(sheet["success"], "multiple", "solved", by="cosine", names=lambda at: rf"$\rho = {at:g}$")
    panel.mark(x=1.0, label="predicted")

    @sheet.claims
    def _(tables):
        for cosine, at in tables["transitions"].set_index("cosine")["transition"].items():
            sentence = f"PhaseMax solves half of the instances where theory says (cosine {cosine:g})."
            note = "Observations over the predicted ones."
            yield claim(sentence, "theory, Dhifallah and Lu 2017", at, note=note).within(0.1, of=1)


@figure("coded_diffraction", alt="RAAR solves all instances from three masks on; Wirtinger flow needs more.")
def coded_diffraction(sheet):
    panel = sheet.panel()
    panel.points(sheet["success"], "patterns", "solved", by="solver")
    panel.ticks(x=sorted(sheet["success"]["patterns"].unique()))

    @sheet.claims
    def _(tables):
        rates = tables["success"].set_index(["solver", "patterns"])["solved"]["RAAR, random"]
        sentence = "From noise RAAR solves every instance of three or more masks."
        yield claim(sentence, REFERENCE, rates[rates.index >= 3].min(), note="Least success rate.").at_least(1)
        yield claim("It solves none of two masks.", REFERENCE, rates[2], note="Success rate.").at_most(0)
