"""Bottom-up against top-down hierarchical community detection."""

import numpy as np
import pandas as pd

from . import claims, panels, style
from .registry import figure

BOTTOM_UP, REFINED, TOP_DOWN = "bottom-up", "bottom-up, refined", "top-down"
SOLVERS = (BOTTOM_UP, REFINED, TOP_DOWN)
LOOKS = style.look(SOLVERS)
DEPTHS = (1, 2, 3)


def _label(level):
    return rf"rate at depth {level}, $a_{level}$"


def _level_line(panel, lines, column, colour, dashes, label):
    """The line on which a column is one, over the plane of the middle rates."""
    grid = lines.pivot(index="a_2", columns="a_1", values=column)
    values = grid.to_numpy(float)
    if np.nanmin(values) < 1 < np.nanmax(values):
        panel.contour(
            grid.columns, grid.index, values, levels=[1.0], colors=[colour], linestyles=[dashes], linewidths=1.4
        )
    panel.plot([], [], color=colour, linestyle=dashes, linewidth=1.4, label=label)


@figure("thresholds", alt="Lines of exact recovery at three depths: those of top-down leave a smaller region.")
def thresholds(tables, info):
    """The published plane."""
    plane, point, classical = (tables[name] for name in ("plane", "point", "classical"))
    drawing, axes = style.new(style.COLUMN * 1.25, aspect=0.85)
    panel = axes[0, 0]
    for depth, colour in zip(DEPTHS, style.PALETTE, strict=False):
        _level_line(panel, plane, f"bottom_up_{depth}", colour, "-", f"$I_{depth} = 1$")
        if depth < 3:
            _level_line(panel, plane, f"top_down_{depth}", colour, (0, (4, 2)), f"$J_{depth} = 1$")
    first, last = info.configuration["first"], info.configuration["last"]
    panel.fill_between([first, last], [first, last], first, color="0.93", linewidth=0)
    panel.set(xlabel=_label(1), ylabel=_label(2), xlim=(first, last), ylim=(first, last))
    handles, labels = panel.get_legend_handles_labels()
    keep = [k for k, name in enumerate(labels) if name != "$I_1 = 1$"]
    panel.legend([handles[k] for k in keep], [labels[k] for k in keep], loc="lower right")
    root_1, root_2 = np.sqrt(plane["a_1"]), np.sqrt(plane["a_2"])
    lines = {
        "top_down_1": 139.6 - (2 * plane["a_1"] + plane["a_2"]),
        "bottom_up_2": (10 - root_1) ** 2 + (root_2 - root_1) ** 2 - 8,
        "top_down_2": np.sqrt((100 + plane["a_2"]) / 2) - root_1 - 2,
        "bottom_up_3": 51.4 - plane["a_2"],
    }
    # The published lines are rounded, so points next to them decide nothing.
    wrong = 0
    for column, side in lines.items():
        decided = (plane[column] - 1).abs() > 0.01
        large = plane[column] > 1
        # The line of J_1 is where it falls below one as the middle rates approach a_0.
        wrong += int((decided & (large != (side > 0 if column != "top_down_1" else side < 0))).sum())
    gap = max(float((plane[f"top_down_{q}"] - plane[f"bottom_up_{q}"]).max()) for q in DEPTHS)
    equal = float((plane["top_down_3"] - plane["bottom_up_3"]).abs().max())
    expected = {"sparse": (1.71, 1.55, 1.35), "Bernoulli": (2.55, 2.33, 2.05)}
    off = max(abs(float(row.bottom_up) - expected[row.densities][row.depth - 1]) for row in point.itertuples())
    both = {q: plane[f"bottom_up_{q}"] > 1 for q in DEPTHS}
    shares = [float((both[q] & (plane[f"top_down_{q}"] < 1)).mean()) for q in (1, 2)]
    return drawing, [
        claims.below(info, "Top-down needs at least as much as bottom-up at every depth: J ≤ I.", gap, 1e-9,
                     note=f"Largest excess of J over I on {len(plane)} points."),
        claims.below(info, "They are equal at the deepest split.", equal, 1e-9),
        claims.above(info, "There is a region where only bottom-up is guaranteed, at depths 1 and 2.", min(shares), 0.01,
                     note=f"Shares of the plane: {shares[0]:.3f} at depth 1, {shares[1]:.3f} at depth 2."),
        claims.within(info, "Bottom-up can recover depth 1 everywhere in the plane: I is at least 1.688.",
                      float(plane["bottom_up_1"].min()), 1.688, 0.001),
        claims.below(info, "The lines J_1, I_2, J_2, I_3 = 1 are those stated for this plane.", wrong, 0,
                     note="Points on the wrong side of a line, among those where the information differs from one by 0.01."),
        claims.below(info, "With one level the information is the classical one, (√a - √b)²/2.",
                     float((classical["information"] - classical["classical"]).abs().max()), 1e-9),
        claims.below(info, "At a_1 = 42, a_2 = 45 sparse and exact Bernoulli informations are the stated ones.", off, 0.006,
                     note="Largest difference from 1.71, 1.55, 1.35 and 2.55, 2.33, 2.05, which have three digits."),
    ]  # fmt: skip


def _maps(tables, info, rows):
    """One row of maps per solver and one column per depth, with both lines."""
    cells, lines = tables["cells"], tables["lines"]
    drawing, axes = style.new(style.PAGE, aspect=0.78, rows=rows, columns=3, sharex=True, sharey=True)
    middle = [float(value) for value in info.configuration["middle"]]
    place = {value: float(k) for k, value in enumerate(middle)}
    shown = cells.assign(a_1=cells["a_1"].map(place), a_2=cells["a_2"].map(place))
    # Cells are drawn equally wide, and lines at the rates between them.
    where = lines.assign(a_1=np.interp(lines["a_1"], middle, range(len(middle))),
                         a_2=np.interp(lines["a_2"], middle, range(len(middle))))  # fmt: skip
    mesh = None
    for row, name in enumerate(SOLVERS):
        for column, depth in enumerate(DEPTHS):
            panel = axes[row, column]
            mesh = panels.phase_diagram(
                panel, shown[shown["solver"] == name], "a_1", "a_2", xlabel="", ylabel="",
                value=f"accuracy_{depth}", limits=(0.5, 1.0), colour_label=None,
            )  # fmt: skip
            _level_line(panel, where, f"bottom_up_{depth}", "white", "-", "$I = 1$")
            _level_line(panel, where, f"top_down_{depth}", style.ORANGE, (0, (4, 2)), "$J = 1$")
            panel.set_facecolor("0.93")
            if row == 0:
                panel.set_title(f"depth {depth}")
        axes[row, 0].set_ylabel(f"{name}\n{_label(2)}")
    ticks = [f"{value:g}" for value in middle]
    keep = range(0, len(middle), max(1, len(middle) // 6))
    for panel in axes.flat:
        panel.set_xticks(list(keep), [ticks[k] for k in keep])
        panel.set_yticks(list(keep), [ticks[k] for k in keep])
    for panel in axes[-1]:
        panel.set_xlabel(_label(1))
    drawing.colorbar(
        mesh, ax=axes[: len(SOLVERS)], label="accuracy (0.5 or less as 0.5)", fraction=0.03, pad=0.02, aspect=40
    )
    _line_legend(axes[0, 0])
    return drawing, axes, place


def _line_legend(panel):
    handles, labels = panel.get_legend_handles_labels()
    plate = {"frameon": True, "facecolor": "0.45", "edgecolor": "none", "framealpha": 0.9, "labelcolor": "white"}
    panel.legend(handles[:2], labels[:2], loc="lower right", **plate)


def _contested(info, tables):
    """Bottom-up with refinement is no worse than top-down where J < 1 < I."""
    rows = tables["differences"]
    chosen = pd.concat(
        [
            rows[(rows["depth"] == depth) & (rows[f"top_down_{depth}"] < 1) & (rows[f"bottom_up_{depth}"] > 1)]
            for depth in (1, 2)
        ]
    )
    # Differences whose standard error vanishes are compared as they are.
    excess = chosen["difference"] + 2 * chosen["se"].fillna(0.0)
    if chosen.empty:
        return []
    worst = chosen.loc[excess.idxmin()]
    return [
        claims.above(
            info,
            "Refined bottom-up is at least as accurate as top-down at every depth where J < 1 < I (two standard errors).",
            float(excess.min()),
            0.0,
            note=f"Least difference of mean accuracy plus two standard errors over {len(chosen)} (cell, depth) pairs, at "
            f"a_1 = {worst['a_1']:g}, a_2 = {worst['a_2']:g}, depth {worst['depth']:g}: {worst['difference']:.4f} ± {worst['se']:.4f}; "
            f"mean difference {chosen['difference'].mean():.4f}.",
        )
    ]


def _larger_region(info, tables, good=0.99):
    """Cells whose upper communities are found, per algorithm."""
    cells = tables["cells"]
    counts = {}
    for name in (TOP_DOWN, BOTTOM_UP, REFINED):
        rows = cells[cells["solver"] == name]
        counts[name] = int(sum((rows[f"accuracy_{depth}"] >= good).sum() for depth in (1, 2)))
    return claims.ordering(
        info,
        "Bottom-up recovers the super-communities (depths 1 and 2) in a larger region than top-down.",
        counts,
        note=f"Cells with a mean accuracy of at least {good:g}, summed over both depths, of {2 * len(cells) // 3}.",
    )


def _no_inversions(info, tables):
    tallies = tables["tallies"].set_index("solver")
    merged = tallies.loc[[BOTTOM_UP, REFINED]]
    return claims.below(
        info,
        "Average linkage never has an inversion.",
        float(merged["inversions"].sum()),
        0,
        note=f"Over {int(merged['graphs'].sum())} dendrograms; top-down has {int(tallies.loc[TOP_DOWN, 'inversions'])} in "
        f"{int(tallies.loc[TOP_DOWN, 'graphs'])}.",
    )


def _pairs(cells, depths):
    """One row per cell and depth: rate of exact recovery, accuracy and information."""
    parts = [
        cells[["solver", "a_1", "a_2"]].assign(
            depth=depth,
            exact=cells[f"exact_{depth}"],
            accuracy=cells[f"accuracy_{depth}"],
            information=cells[f"bottom_up_{depth}"],
        )
        for depth in depths
    ]
    return pd.concat(parts, ignore_index=True)


@figure("phase_diagram", alt="Accuracy of three algorithms at three depths over the plane of the middle rates.")
def phase_diagram(tables, info):
    """Algorithms by depths."""
    drawing, _, _ = _maps(tables, info, 3)
    cells = tables["cells"]
    refined = cells[cells["solver"] == REFINED]
    found = [_larger_region(info, tables), *_contested(info, tables)]
    for depths, words in (((1,), "depth 1"), ((2, 3), "depths 2 and 3")):
        good = _pairs(refined, depths).query("information > 1.25")
        if len(good):
            worst = good.loc[good["exact"].idxmin()]
            note = (
                f"Least rate of exact recovery over {len(good)} (cell, depth) pairs, at a_1 = {worst['a_1']:g}, a_2 = {worst['a_2']:g}, "
                f"depth {worst['depth']:g} with I = {worst['information']:.2f} and mean accuracy {worst['accuracy']:.4f}; mean rate "
                f"{good['exact'].mean():.3f}."
            )
            found.append(
                claims.above(
                    info,
                    f"Refined bottom-up recovers {words} exactly where the information is above one (by a quarter).",
                    float(good["exact"].min()),
                    0.5,
                    note=note,
                )
            )
        poor = _pairs(cells, depths).query("information < 0.8")
        if len(poor):
            worst = poor.loc[poor["exact"].idxmax()]
            found.append(
                claims.below(
                    info,
                    f"No algorithm recovers {words} exactly where the information is below one (by a fifth).",
                    float(poor["exact"].max()),
                    0.1,
                    note=f"Largest rate of exact recovery over {len(poor)} cells, depths and algorithms: {worst['solver']} at "
                    f"a_1 = {worst['a_1']:g}, a_2 = {worst['a_2']:g}, depth {worst['depth']:g} with I = {worst['information']:.2f}. About "
                    f"N^(1 - I) nodes are wrong there, up to a factor of 1 / sqrt(log N): no more than a few in graphs of this size.",
                )
            )
    found.append(_no_inversions(info, tables))
    return drawing, found


@figure("sparse_plane", alt="Accuracy of three algorithms at three depths for sparser graphs, and their difference.")
def sparse_plane(tables, info):
    """Algorithms by depths, and the difference below."""
    drawing, axes, place = _maps(tables, info, 4)
    differences = tables["differences"]
    shown = differences.assign(a_1=differences["a_1"].map(place), a_2=differences["a_2"].map(place))
    mesh = None
    for column, depth in enumerate(DEPTHS):
        mesh = panels.phase_diagram(
            axes[3, column], shown[shown["depth"] == depth], "a_1", "a_2", xlabel=_label(1), ylabel="",
            value="difference", limits=(-0.15, 0.15), colour_label=None, colour_map=style.SIGNED_MAP,
        )  # fmt: skip
        axes[3, column].set_facecolor("0.93")
    axes[3, 0].set_ylabel(f"refined $-$ top-down\n{_label(2)}")
    drawing.colorbar(mesh, ax=axes[3:], label="difference", fraction=0.03, pad=0.02, aspect=12)
    cells = tables["cells"].set_index(["solver", "a_1", "a_2"])

    def at(name, depth, a_1, a_2):
        return float(cells.loc[(name, a_1, a_2), f"accuracy_{depth}"])

    middle = info.configuration["middle"]
    found = [_larger_region(info, tables), *_contested(info, tables)]
    # Mean accuracies measured independently with NumPy on graphs of 1600 nodes, three each.
    references = {
        (4.5, 5.0): ((0.997, 0.995, 0.993), (0.999, 0.999, 0.998), (0.985, 0.973, 0.972)),
        (5.0, 6.0): ((0.997, 0.992, 0.988), (0.999, 0.998, 0.995), (0.994, 0.985, 0.983)),
        (6.0, 10.0): ((0.996, 0.984, 0.908), (1.000, 0.997, 0.949), (1.000, 0.996, 0.939)),
        (8.0, 12.0): ((0.995, 0.958, 0.670), (1.000, 0.986, 0.733), (1.000, 0.978, 0.817)),
    }
    if {value for point in references for value in point} <= set(middle):
        gaps = {
            (point, name, depth): abs(at(name, depth, *point) - values[solver][depth - 1])
            for point, values in references.items()
            for solver, name in enumerate(SOLVERS)
            for depth in DEPTHS
        }
        worst = max(gaps, key=lambda key: gaps[key])
        found += [
            claims.below(
                info,
                "Accuracies agree with those measured independently within 0.03.",
                gaps[worst],
                0.03,
                note=f"Largest of {len(gaps)} differences, at a_1, a_2 = {worst[0]}, {worst[1]}, depth {worst[2]}; median "
                f"{np.median(list(gaps.values())):.4f}. The reference graphs have 1600 nodes; on fewer, differences of the upper "
                "densities are below their error, so that right leaves are merged wrongly and bisections mix (docs/hsbm.md has values on "
                "1600 nodes).",
            ),
            claims.above(
                info,
                "With upper densities close to each other (4.5, 5) bottom-up wins at every depth.",
                min(at(BOTTOM_UP, depth, 4.5, 5.0) - at(TOP_DOWN, depth, 4.5, 5.0) for depth in DEPTHS),
                0.0,
                note="Least difference of mean accuracy over depths.",
            ),
            claims.ordering(
                info,
                "At (6, 10) bottom-up loses at the bottom, and wins refined.",
                {name: at(name, 3, 6.0, 10.0) for name in (BOTTOM_UP, TOP_DOWN, REFINED)},
            ),
            claims.ordering(
                info,
                "Where the deepest split is the weak one (8, 12) top-down wins at the bottom even over refined bottom-up.",
                {name: at(name, 3, 8.0, 12.0) for name in (BOTTOM_UP, REFINED, TOP_DOWN)},
            ),
        ]
    found.append(_no_inversions(info, tables))
    return drawing, found


@figure("ternary_plane", alt="Accuracy at three depths on ternary trees, and inversions of top-down dendrograms.")
def ternary_plane(tables, info):
    """Algorithms by depths; inversions in the last row."""
    drawing, axes, place = _maps(tables, info, 4)
    cells = tables["cells"]
    shown = cells.assign(a_1=cells["a_1"].map(place), a_2=cells["a_2"].map(place))
    most = max(1.0, float(cells["inversions"].max()))
    mesh = None
    for column, (name, title) in enumerate(((REFINED, "inversions, bottom-up"), (TOP_DOWN, "inversions, top-down"))):
        mesh = panels.phase_diagram(
            axes[3, column], shown[shown["solver"] == name], "a_1", "a_2", xlabel=_label(1), ylabel="",
            value="inversions", limits=(0, most), colour_label=None, colour_map=style.MAGNITUDE_MAP,
        )  # fmt: skip
        axes[3, column].set_title(title)
        axes[3, column].set_facecolor("0.93")
    axes[3, 0].set_ylabel(_label(2))
    last = axes[3, 2]
    leaves = shown[shown["solver"] == TOP_DOWN]
    heat = panels.phase_diagram(
        last, leaves.assign(share=leaves["leaves"] / 27), "a_1", "a_2", xlabel=_label(1), ylabel="", value="share",
        limits=(0, 1), colour_label=None, colour_map=style.MAGNITUDE_MAP,
    )  # fmt: skip
    last.set_title("leaves found, top-down")
    last.set_facecolor("0.93")
    drawing.colorbar(mesh, ax=axes[3, :2], label="per dendrogram", location="bottom", pad=0.02, aspect=40)
    drawing.colorbar(heat, ax=last, label="share of 27", location="bottom", pad=0.02, aspect=18)
    top = cells[cells["solver"] == TOP_DOWN]
    whole = top[top["leaves"] >= 26.5]
    tallies = tables["tallies"].set_index("solver")
    found = [
        _no_inversions(info, tables),
        claims.above(
            info,
            "Top-down dendrograms have inversions: communities of three are bisected, and the second cut may be the sparser.",
            float(tallies.loc[TOP_DOWN, "inversions"] / tallies.loc[TOP_DOWN, "graphs"]),
            0.5,
            note=f"Mean number per dendrogram; the most is {int(tallies.loc[TOP_DOWN, 'most_inversions'])}. Where all 27 leaves are found "
            f"the means are {', '.join(f'{value:.1f}' for value in whole['inversions'])}.",
        ),
        claims.below(
            info,
            "Top-down stops early where the deepest split is weak (largest a_2): fewer than the 27 leaves.",
            float(top.loc[top["a_2"] == top["a_2"].max(), "leaves"].max()),
            26.5,
            note="Largest mean number of leaves over these cells.",
        ),
    ]
    return drawing, found


@figure("robustness", alt="Trees are recovered at a mean degree at which many nodes are in the wrong leaf.")
def robustness(tables, info):
    """Kinds of error; tree against leaves; splitting."""
    curves, recovered, exact = tables["curves"], tables["recovered"], tables["exact"]
    depth = info.configuration["depth"]
    drawing, axes = style.new(style.PAGE, aspect=0.95, columns=3)
    left, middle, right = axes[0]
    whole = curves[curves["solver"] == "1"].sort_values("degree")
    for level, look in style.look(range(depth, -1, -1)).items():
        left.plot(
            whole["degree"],
            whole[f"lca_{level}"],
            label=f"depth {level}" + (" (right)" if level == depth else ""),
            **look,
        )
    left.set(xlabel="mean degree", ylabel="share of nodes", title="common ancestor", ylim=(-0.02, 1.02))
    panels.legend(left)
    trees = recovered[recovered["solver"] == "1"].sort_values("degree")
    looks = style.look(("tree", "leaf", "all"))
    middle.plot(trees["degree"], trees["rate"], label="trees recovered", **looks["tree"])
    middle.fill_between(
        trees["degree"], trees["low"], trees["high"], color=looks["tree"]["color"], alpha=0.16, linewidth=0
    )
    middle.plot(whole["degree"], whole[f"accuracy_{depth}"], label="nodes in the right leaf", **looks["leaf"])
    all_exact = exact[exact["solver"] == "1"].sort_values("degree")
    middle.plot(all_exact["degree"], all_exact["rate"], label="all nodes in the right leaf", **looks["all"])
    middle.set(xlabel="mean degree", ylabel="rate", title="tree and leaves", ylim=(-0.02, 1.02))
    panels.legend(middle)
    names = {"1": "none", "0.95": "95 % kept", "0.9": "90 % kept"}
    panels.curves(
        right, recovered, "degree", "rate", by="solver", xlabel="mean degree", ylabel="trees recovered", names=names
    )
    right.set(title="edge splitting", ylim=(-0.02, 1.02))
    style.letters(axes.flat)

    def first(table, level):
        rows = table[table["rate"] >= level].sort_values("degree")
        return float(rows["degree"].iloc[0]) if len(rows) else np.inf

    late = whole.set_index("degree")
    rates = trees.set_index("degree")["rate"]
    reached = first(trees, 0.95)
    accuracy = float(late.loc[reached, f"accuracy_{depth}"]) if np.isfinite(reached) else np.nan
    dense = recovered[recovered["degree"] >= 15]
    gap = float(1 - dense["rate"].min())
    expected = {5.0: (0.75, 0.54), 10.0: (1.0, 0.87), 15.0: (1.0, 0.95), 20.0: (1.0, 0.98)}
    apart = {
        d: abs(float(late.loc[d, f"accuracy_{depth}"]) - values[1]) for d, values in expected.items() if d in late.index
    }
    trees_apart = [
        not row.low <= expected[row.degree][0] <= row.high for row in trees.itertuples() if row.degree in expected
    ]
    return drawing, [
        claims.holds(
            info,
            "Tree recovery saturates well before the bottom communities are exact.",
            reached < first(all_exact, 0.95) and accuracy < 0.95,
            expected="95 % of trees at a smaller degree than 95 % exact partitions, with fewer than 95 % of nodes right",
            measured=f"degree {reached:g} against {claims.number(first(all_exact, 0.95))}; {accuracy:.3f} of nodes right there",
        ),
        claims.above(info, "From degree 15 on trees are recovered.", float(rates[rates.index >= 15].min()), 0.95),
        claims.below(info, "Bottom accuracies are 0.54, 0.87, 0.95, 0.98 at degrees 5, 10, 15, 20 (within 0.05).",
                     max(apart.values()) if apart else np.nan, 0.05,
                     note="Largest difference from an independent measurement on graphs of eight seeds."),
        claims.below(info, "Trees recovered agree with 0.75, 1, 1, 1 at these degrees.", float(sum(trees_apart)), 0,
                     note="Degrees at which the exact 95 % interval excludes the value measured independently."),
        claims.below(info, "Splitting costs no trees from degree 15 on (at most one in twenty).", gap, 0.05,
                     note="Largest share of trees missed over degrees and shares of edges."),
        claims.below(info, "Average linkage never has an inversion, split or not.", float(curves["inversions"].max()), 0),
    ]  # fmt: skip


@figure("unbalanced", alt="Share of nodes in the right leaf, and leaves found, on deep and unbalanced trees.")
def unbalanced(tables, info):
    """Accuracy above, number of leaves below, one column per tree."""
    curves, leaves = tables["curves"], tables["leaves"].set_index("shape")["planted_leaves"]
    shapes = list(leaves.index)
    drawing, axes = style.new(style.PAGE, aspect=0.8, rows=2, columns=len(shapes), sharex=True, sharey="row")
    for column, shape in enumerate(shapes):
        rows = curves[curves["shape"] == shape]
        for name in SOLVERS:
            chosen = rows[rows["solver"] == name].sort_values("ratio")
            look = LOOKS[name]
            bars = {"label": name, "capsize": 2, "elinewidth": 0.8, **look}
            axes[0, column].errorbar(chosen["ratio"], chosen["leaf_accuracy"], yerr=chosen["leaf_accuracy_se"], **bars)
            axes[1, column].errorbar(chosen["ratio"], chosen["leaves"], yerr=chosen["leaves_se"], **bars)
        axes[0, column].set(title=shape, ylim=(0, 1.05))
        panels.reference_line(axes[1, column], y=float(leaves[shape]))
        axes[1, column].set(xlabel=r"ratio of densities $\beta$", ylim=(0, 35))
    axes[0, 0].set_ylabel("nodes in the right leaf")
    axes[1, 0].set_ylabel("leaves found")
    panels.legend(axes[0, 0])
    wide = curves.pivot_table(index=["shape", "ratio"], columns="solver", values="leaf_accuracy")
    largest, full = max(info.configuration["ratios"]), shapes[0]
    top = curves[(curves["solver"] == TOP_DOWN) & (curves["shape"] == full)].set_index("ratio")
    unequal = wide.loc[[shape for shape in shapes if shape != full]]
    merged = curves[curves["solver"] != TOP_DOWN]
    return drawing, [
        claims.below(info, f"On the deep balanced tree top-down stops early when densities are close (ratio {largest:g}).",
                     float(top.loc[largest, "leaves"]), 31.5, note="Mean number of leaves, of 32."),
        claims.above(info, f"There ({largest:g}) bottom-up puts more nodes into the right leaf.",
                     float(wide.loc[(full, largest), BOTTOM_UP] - wide.loc[(full, largest), TOP_DOWN]), 0.0),
        claims.above(info, "At a ratio of 0.3 top-down finds the leaves of the balanced tree at least as well as unrefined bottom-up.",
                     float(wide.loc[(full, 0.3), TOP_DOWN] - wide.loc[(full, 0.3), BOTTOM_UP]), 0.0,
                     note=f"Accuracies {wide.loc[(full, 0.3), TOP_DOWN]:.3f} and {wide.loc[(full, 0.3), BOTTOM_UP]:.3f}. The statement is of a "
                     "measurement (0.999 and 0.960) on 1600 nodes with a rate of 81: there both reach 0.999 here on three graphs, and "
                     "bottom-up 0.957 on one of them with a single start of k-means, whose failures its deficit was."),
        claims.above(info, "On the unbalanced trees refined bottom-up is at least as accurate as top-down on average.",
                     float((unequal[REFINED] - unequal[TOP_DOWN]).mean()), 0.0,
                     note=f"Mean difference over ratios; from {float((unequal[REFINED] - unequal[TOP_DOWN]).min()):.3f} to "
                     f"{float((unequal[REFINED] - unequal[TOP_DOWN]).max()):.3f}."),
        claims.below(info, "Average linkage never has an inversion.", float(merged["inversions"].max()), 0,
                     note=f"Largest mean over cells; top-down has up to {float(top['inversions'].max()):.2f} per dendrogram."),
    ]  # fmt: skip


def _tree_lines(merges, order):
    """Segments of a dendrogram whose leaves stand in `order`: (x, y) of every bracket, and which edges are inverted."""
    position = {leaf: float(k) for k, leaf in enumerate(order)}
    heights = dict.fromkeys(order, 0.0)
    inside = {}
    floor = float(merges["similarity"].max()) * 1.6
    brackets = []
    for row in merges.itertuples():
        height = np.log(floor / max(row.similarity, 1e-4 * floor))
        for child in (row.first, row.second):
            inverted = child in inside and inside[child] < row.similarity * (1 - 1e-5)
            brackets.append(([position[child]] * 2, [heights[child], height], inverted))
        brackets.append(([position[row.first], position[row.second]], [height, height], False))
        position[row.first] = (position[row.first] + position[row.second]) / 2
        heights[row.first] = height
        inside[row.first] = row.similarity
    return brackets


def _leaf_order(merges, leaves):
    """Leaves from left to right so that no two branches cross."""
    parts = {leaf: [leaf] for leaf in leaves}
    for row in merges.itertuples():
        parts[row.first] = parts[row.first] + parts.pop(row.second)
    return next(iter(parts.values())) if len(parts) == 1 else [leaf for part in parts.values() for leaf in part]


@figure("dendrograms", alt="Dendrograms of a planted ternary tree and of a karate club.")
def dendrograms(tables, info):
    """Planted tree and estimates above, a real network below."""
    merges, labels, scores = tables["merges"], tables["labels"], tables["scores"].set_index("solver")
    drawing, axes = style.new(style.PAGE, aspect=0.95, rows=2, columns=4)
    for row, network in enumerate(("planted graph", "karate club")):
        for column, name in enumerate(("planted", *SOLVERS)):
            panel = axes[row, column]
            chosen = merges[(merges["network"] == network) & (merges["solver"] == name)].sort_values("merge")
            nodes = labels[(labels["network"] == network) & (labels["solver"] == name)]
            if nodes.empty:
                panel.set_axis_off()
                continue
            order = _leaf_order(chosen, sorted(nodes["leaf"].unique()))
            for x, y, inverted in _tree_lines(chosen, order) if len(chosen) else ():
                panel.plot(x, y, color=style.ORANGE if inverted else style.BLACK, linewidth=1.8 if inverted else 1.0)
            counts = nodes.groupby(["leaf", "planted"]).size().unstack(fill_value=0)
            bottom = np.zeros(len(order))
            unit = 1.0 / counts.to_numpy().sum(axis=1).max()
            for number, group in enumerate(counts.columns):
                heights = np.asarray([counts.loc[leaf, group] for leaf in order], float) * unit
                colour = style.PALETTE[number % 8] if network == "karate club" else _shade(number)
                panel.bar(range(len(order)), -heights, bottom=-0.1 - bottom, width=0.75, color=colour, linewidth=0)
                bottom += heights
            panel.set(xticks=[], title=name if row == 0 else "")
            panel.set_yticks([])
            panel.spines[:].set_visible(False)
        axes[row, 0].set_ylabel(network)
    club = axes[1, 0]
    club.text(
        0.5, 0.5,
        "karate club\n\n" + "\n".join(
            f"{name}: {row.accuracy:.2f}" for name, row in scores.iterrows()
        ) + "\n\n(members on the right\nside of the first split)",
        ha="center", va="center", fontsize=8, transform=club.transAxes,
    )  # fmt: skip
    return drawing, [
        claims.above(info, "On the karate club the first split of bottom-up is the actual one, up to two members.",
                     float(scores.loc[BOTTOM_UP, "accuracy"]), 32 / 34,
                     note=f"Refined {scores.loc[REFINED, 'accuracy']:.3f}, top-down {scores.loc[TOP_DOWN, 'accuracy']:.3f}, greedy "
                     f"modularity of networkx {scores.loc['greedy modularity', 'accuracy']:.3f}."),
        claims.below(info, "Average linkage has no inversion there either.",
                     float(scores.loc[[BOTTOM_UP, REFINED], "inversions"].sum()), 0),
    ]  # fmt: skip


def _shade(number):
    """Colours of nine leaves: three hues in three shades."""
    hue = style.PALETTE[number // 3 % 8]
    share = (1.0, 0.65, 0.35)[number % 3]
    parts = [int(hue[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return tuple(1 - share * (1 - part) for part in parts)
