"""Sparse linear regression under local differential privacy."""

import numpy as np
import pandas as pd

from . import style
from .claims import claim
from .registry import figure
from .rows import select

LABELS = {
    "users": "number of users $n$",
    "dimension": "dimension $d$",
    "sparsity": "nonzero coefficients $k$",
    "epsilon": r"budget $\varepsilon$",
    "truncation": r"level of clipping over $\sqrt{\log n}$",
    "error": r"error $\|\hat\theta - \theta\|_2$",
    "found": "share of the support found",
}
NAMES = {
    "one_shot": "one-shot",
    "public": "one-shot, public covariance",
    "interactive": "interactive",
    "responses": "private responses only",
    "nothing private": "least squares, not private",
}
LOOKS = style.look(NAMES)
PROTOCOLS = ("one_shot", "public", "interactive")
# By how much reruns of a method at the same constants may differ: medians of 15.
RERUN = 1.3


def _errors(tables, axis: str) -> pd.DataFrame:
    return tables["errors"].pivot(index=axis, columns="solver", values="error")


def _slope(values: pd.Series) -> float:
    """The exponent of a power."""
    return float(np.polyfit(np.log(values.index.to_numpy(float)), np.log(values.to_numpy()), 1)[0])


def _against_reference(sheet, errors: pd.DataFrame, axis: str, names=PROTOCOLS):
    """Claims that medians are those of an earlier run, one a protocol."""
    reference = sheet.reference
    for name in names:
        wanted = pd.Series(reference[name], reference.get(f"{name}_{axis}", reference.get(axis)))
        apart = np.exp(np.abs(np.log(errors[name].reindex(wanted.index) / wanted)).max(skipna=False))
        note = "Largest factor between medians; where the reference has twice the error of zero or more, too."
        yield claim(
            f"{NAMES[name]}: errors are those of the reference.", "reference, 15 runs", apart, note=note
        ).at_most(RERUN)


def _power_lines(panel, rows: pd.DataFrame, axis: str, powers: dict[str, float]) -> None:
    """Powers through the first point of every protocol."""
    for name, power in powers.items():
        own = select(rows, solver=name).sort_values(axis)
        at = own[axis].to_numpy(float)
        panel.line(
            at, own["error"].iloc[0] * (at / at[0]) ** power, color=LOOKS[name]["color"], linestyle="--", linewidth=0.8
        )


@figure(
    "users", alt="Errors fall like one over the root of the number of users, and supports are found at some number."
)
def users(sheet):
    rows = sheet["errors"]
    left, right = sheet.panels(columns=2, aspect=0.85)[0]
    left.points(rows, "users", "error", by="solver", names=NAMES, looks=LOOKS, xlog=True, ylog=True, legend=False)
    at = sheet["theory"]
    left.line(at["users"], at["not_private"], color=style.GREY, linestyle=":")
    left.line(at["users"], at["lower"], color=style.GREY)
    private = rows[rows["solver"] != "nothing private"]
    right.points(private, "users", "found", by="solver", names=NAMES, looks=LOOKS, xlog=True, legend=False)
    sheet.legend_above(left, 3)
    sheet.letters()

    @sheet.claims
    def _(tables):
        errors = _errors(tables, "users")
        far = errors[errors.index >= 1e10]
        for name in PROTOCOLS:
            sentence = (
                f"{NAMES[name]}: the error falls like one over the root of the number of users, up to logarithms."
            )
            yield claim(sentence, "paper, abstract", _slope(far[name]), note="Exponent from 1e10 users on.").within(
                0.1, -0.5
            )
        for name, power in (("one_shot", 1.0), ("public", 1.0), ("interactive", 1.5)):
            sentence = f"{NAMES[name]}: it does so exactly, once the logarithms in the level of clipping and the rounds are divided out."
            flat = far[name] / np.log(far.index.to_numpy()) ** power
            yield claim(sentence, "theory, noise of the protocol", _slope(flat), note="Exponent.").within(0.05, -0.5)
        yield from _against_reference(sheet, errors, "users")
        most = tables["errors"].set_index("users")
        sentence = "Privacy costs orders of magnitude: every private protocol is far worse than least squares."
        cost = (errors[list(PROTOCOLS)].min(axis=1) / errors["nothing private"]).min()
        yield claim(sentence, "ours", cost, note="Least quotient of errors, over numbers of users.").at_least(100)
        sentence = "Where responses alone are private, it costs far less."
        cheap = (far[list(PROTOCOLS)].min(axis=1) / far["responses"]).min()
        yield claim(sentence, "ours", cheap, note="Least quotient of errors, from 1e10 users on.").at_least(3)
        for name in PROTOCOLS:
            sentence = f"{NAMES[name]}: the support is found where the error is small enough to see every coefficient."
            own = most[most["solver"] == name]
            smallest = own["found"][own["error"] < 0.2].min()
            note = (
                "Least mean share among numbers of users at which the median error is below 0.2; coefficients are 0.5."
            )
            yield claim(sentence, "ours", smallest, note=note).at_least(0.99)
        sentence = "With 1e8 users the private covariance is indefinite, and inverting it is of no use."
        share = tables["indefinite"].set_index("users")["indefinite"].get(1e8, np.nan)
        yield claim(sentence, "reference, pitfall", share).at_least(0.9)


@figure("dimension", alt="The one-shot protocol's error grows faster with the dimension than those of the others.")
def dimension(sheet):
    rows = sheet["errors"]
    panel = sheet.panel()
    panel.points(rows, "dimension", "error", by="solver", names=NAMES, looks=LOOKS, xlog=True, ylog=True)
    _power_lines(panel, rows, "dimension", {"one_shot": 1, "public": 0.5, "interactive": 0.5})
    panel.ticks(x=sheet.numbers["dimension"])

    @sheet.claims
    def _(tables):
        errors = _errors(tables, "dimension")
        powers = {name: _slope(errors[name]) for name in PROTOCOLS}
        reason = (
            "At 1e13 users a private covariance of 128 columns has noise of spectral norm one half: least squares with it overshoots, "
            "which undoes some of the shrinking of the threshold. At 1e14 users the difference is 0.44, at 1e15 it is 0.48."
        )
        logs = "The threshold brings a root of log d, and more where few of the columns are in the support."
        for name, power, why in (("one_shot", 1.0, reason), ("public", 0.5, logs), ("interactive", 0.5, logs)):
            sentence = (
                f"{NAMES[name]}: the error grows with the power of the dimension in the upper bound, up to logarithms."
            )
            yield claim(sentence, "paper, abstract", powers[name], note="Exponent.", reason=why).within(0.2, power)
        sentence = "Public data for the covariance save the root of the dimension."
        gain = powers["one_shot"] - powers["public"]
        yield claim(sentence, "paper, abstract", gain, note="Difference of exponents.", reason=reason).within(0.15, 0.5)
        sentence = "The one-shot protocol loses against both others as the dimension grows."
        loss = powers["one_shot"] - max(powers["public"], powers["interactive"])
        yield claim(sentence, "reference, 15 runs", loss, note="Least difference of exponents.").at_least(0)
        yield from _against_reference(sheet, errors, "dimension")


@figure("sparsity", alt="Errors grow with the number of nonzero coefficients more slowly than linearly.")
def sparsity(sheet):
    rows = sheet["errors"]
    panel = sheet.panel()
    panel.points(rows, "sparsity", "error", by="solver", names=NAMES, looks=LOOKS, xlog=True, ylog=True)
    _power_lines(panel, rows, "sparsity", {"one_shot": 0.5, "interactive": 1})
    panel.ticks(x=sheet.numbers["sparsity"])

    @sheet.claims
    def _(tables):
        errors = _errors(tables, "sparsity")
        sentence = "interactive: the error grows at most linearly with the number of nonzeros."
        note = "Exponent; between the lower bound's and the upper bound's."
        yield claim(sentence, "paper, abstract", _slope(errors["interactive"]), note=note).between(0.5, 1)
        sentence = "one-shot: it grows like its root."
        reason = (
            "With 128 columns at 1e13 users the noise of the covariance has spectral norm one half, too much for a rate of small noise: "
            "at 1e14 users the exponent is 0.59, at 1e15 it is 0.53."
        )
        yield claim(sentence, "paper, abstract", _slope(errors["one_shot"]), note="Exponent.", reason=reason).within(
            0.15, 0.5
        )
        yield from _against_reference(sheet, errors, "sparsity", ("one_shot", "interactive"))


@figure("budget", alt="Errors are in inverse proportion to the budget.")
def budget(sheet):
    rows = sheet["errors"]
    panel = sheet.panel()
    panel.points(rows, "epsilon", "error", by="solver", names=NAMES, looks=LOOKS, xlog=True, ylog=True)
    _power_lines(panel, rows, "epsilon", {"one_shot": -1, "interactive": -1})
    panel.ticks(x=sheet.numbers["epsilon"])

    @sheet.claims
    def _(tables):
        errors = _errors(tables, "epsilon")
        reason = "The randomizer's noise is in proportion to coth(ε / 2), a power of -0.87 between these budgets."
        for name in ("one_shot", "interactive"):
            sentence = f"{NAMES[name]}: the error is in inverse proportion to the budget."
            yield claim(sentence, "paper, abstract", _slope(errors[name]), note="Exponent.", reason=reason).within(
                0.1, -1
            )
        yield from _against_reference(sheet, errors, "epsilon", ("one_shot", "interactive"))


@figure("truncation", alt="The error is least where data are clipped far below their size.")
def truncation(sheet):
    rows = sheet["errors"]
    names = {number: rf"$n = {number:,}$".replace(",", r"\,") for number in sheet.numbers["users"]}
    panel = sheet.panel()
    panel.points(rows, "truncation", "error", by="users", names=names, xlog=True)
    panel.mark(y=1)
    panel.ticks(x=sheet.numbers["truncation"])
    reference = sheet.reference

    @sheet.claims
    def _(tables):
        errors = tables["errors"].pivot(index="truncation", columns="users", values="error")
        sentence = "Clipping far below the size of the data trades bias for noise, and wins."
        gain = (errors[errors.index >= 0.5].min() / errors[errors.index < 0.5].min()).min()
        note = (
            "Least error at half the root of the logarithm and above, over the least one below; worst number of users."
        )
        yield claim(sentence, "reference, one run", gain, note=note).at_least(1.5)
        sentence = "At half that level and above the answer is worse than zero."
        yield claim(sentence, "reference, one run", errors[errors.index >= 0.5].min().min()).at_least(1)
        for name, level in zip(("narrow", "wide"), reference["truncation"], strict=True):
            wanted = pd.Series(reference[name], reference["users"])
            there = [number for number in wanted.index if number in errors.columns]
            found = errors.loc[level, there] if level in errors.index else pd.Series(dtype=float)
            apart = np.abs(found - wanted[there]).max() if len(found) else np.nan
            sentence = f"Errors at a level of {level:g} are those of the reference."
            yield claim(sentence, "reference, one run", apart, note="Largest difference of medians.").at_most(0.1)


@figure("head_to_head", alt="Errors of hard and soft thresholding against the number of nonzero coefficients.")
def head_to_head(sheet):
    rows = sheet["errors"]
    counts = sheet.numbers["users"]
    looks = style.look(rows["solver"].unique())
    width = style.PAGE * min(1, len(counts) / 2)
    panels = sheet.panels(columns=len(counts), width=width, aspect=0.8, sharey=True)[0]
    for panel, number in zip(panels, counts, strict=True):
        panel.points(
            select(rows, users=number),
            "sparsity",
            "error",
            by="solver",
            looks=looks,
            xlog=True,
            legend=panel is panels[0],
        )
        panel.mark(y=1)
        panel.ticks(x=sheet.numbers["sparsity"])
        panel.set(title=rf"$n = {number:,}$".replace(",", r"\,"))

    @sheet.claims
    def _(tables):
        errors = tables["errors"].pivot(index=["users", "sparsity"], columns="solver", values="error")
        ratio = errors.drop(columns="soft").min(axis=1) / errors["soft"]
        reason = (
            "The radii are √d τ² (√k' + 1) and √d τ. With data clipped at τ = 0.33 their quotient is 0.8 to 1.7, less than what the bias of "
            "soft thresholding costs. Where τ is of order one soft is 6 to 13 times better (docs/slr_ldp.md)."
        )
        sentence = "Soft thresholding of gradients that are shortened as a whole is better than hard thresholding."
        note = "Least quotient of errors, hard at its best number of nonzeros over soft."
        yield claim(sentence, "reference, public code", ratio.min(), note=note, reason=reason).at_least(1)
        sentence = "Its advantage grows with the number of nonzeros."
        values = {str(k): value for k, value in ratio.groupby("sparsity").median().items()}
        yield claim(sentence, "reference, public code", values, note="Quotients.", reason=reason).increasing()
