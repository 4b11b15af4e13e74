"""The performance page: tables and a picture made from the numbers of a run, and nothing else."""

import pathlib

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# What the page says about each number it shows: benchmark, name, words, target (if there is one) as text.
HEADLINES = (
    ("early_stopping_grid", "ratio_to_without_queue", "early stopping: over the same engine without its queue"),
    ("early_stopping_grid", "ratio_to_numpy_plain", "early stopping: over a NumPy loop as one writes it"),
    ("early_stopping_grid", "ratio_to_numpy_careful", "early stopping: over a NumPy loop that minds its types"),
    ("early_stopping_grid", "ratio_to_spams_omp", "early stopping: over a script around SPAMS' OMP"),
    ("early_stopping_grid", "ratio_to_spams_omp_shared", "early stopping: over such a script with shared designs"),
    ("amp_grid", "ratio_to_plain", "fixed steps: over a NumPy loop as one writes it"),
    ("amp_grid", "ratio_to_careful", "fixed steps: over a NumPy loop that minds its types"),
    ("amp_grid", "share_of_peak_per_core", "fixed steps: share of the matrix-product peak"),
    ("own_designs", "gaussian_ratio_to_vmap", "own Gaussian designs: over one plain vmap"),
    ("own_designs", "rademacher_ratio_to_vmap", "own designs of signs: over one plain vmap"),
    ("own_designs", "gaussian_draw_share", "own Gaussian designs: share of the time that draws take"),
    ("own_designs", "rademacher_draw_share", "own designs of signs: share of the time that draws take"),
    ("boundary", "ratio_of_instances", "a traced transition: instances of a full grid over those of the trace"),
    ("calibration_grid", "ratio_to_numpy", "blind calibration: over a NumPy loop"),
    ("phase_retrieval", "ratio_to_numpy", "complex phase retrieval: over a NumPy loop"),
    ("subgm_grid", "ratio_to_numpy", "sub-gradient method, dimension 50: over a NumPy loop"),
    ("subgm_grid_small", "ratio_to_numpy", "sub-gradient method, dimension 20: over a NumPy loop"),
    (
        "surface_iteration",
        "ratio_to_third",
        "free discontinuity regression: least share of the memory bandwidth, over a third",
    ),
    (
        "programs",
        "ratio_to_compile",
        "programs of quick figures: compiling as JAX does by itself, over as we ask it to",
    ),
    ("programs", "ratio_to_run", "programs of quick figures: to run, likewise"),
    ("scaling_cells", "ratio_at_scale", "cost of a step among 1,000 instances over that among the most"),
)

RATES = (
    "amp_grid",
    "early_stopping_grid",
    "calibration_grid",
    "phase_retrieval",
    "subgm_grid",
    "subgm_grid_small",
    "million",
)

OPENING = """# Performance

What this page shows was measured by `make bench` (`make bench FULL=1` for the long parts) and written by
`python -m benchmarks draw` from [benchmarks/reference.json](../benchmarks/reference.json); nothing on it is typed in.
Numbers are end to end: planning, draws, observations, solves and scores, up to the table. Compilation is apart. Ratios are
of processor time (core-seconds of all threads, within one run), since they repeat better than wall times on a machine that
others use too; the loops on the other side run on one thread.

`make bench-check` measures again and compares ratios, never times, with the reference; it fails when one has fallen by more
than {allowance:.0%}. `make bench-peers` makes environments for Magni and cr-sparse under `.cache/peers` and compares with them.
Packages that are not installed are left out with a line that says so: `make peers` installs SPAMS, celer and skglm.
"""


def write(run: dict, page: pathlib.Path) -> None:
    """Writes the page and its picture."""
    from .check import ALLOWANCE

    results = run["results"]
    parts = [OPENING.format(allowance=ALLOWANCE), *_machine(run), *_headlines(results), *_rates(results)]
    if _scaling(results, page.with_suffix(".png")):
        parts.append(f"## Scaling\n\n![Cost over dimension, instances and devices]({page.with_suffix('.png').name})\n")
        parts += _scaling_tables(results)
    for name, title in {
        "surface_iteration": "Bytes and seconds of a primal-dual iteration",
        "autoencoders": "Sixty-four autoencoders side by side",
        "peers": "Other packages on the same instances",
        "regression": "Ordered and binary responses",
        "first_solves": "The first solve of 100 x 200 by every solver of linear problems, compilation included, and the second",
        "own_environments": "Packages in environments of their own",
        "programs": "Core-seconds of the programs of quick figures, compiled as JAX does by itself (before) and as we ask it to",
    }.items():
        points = results.get(name, {}).get("points")
        if points:
            parts.append(f"## {title}\n\n{_points(points)}")
    page.write_text("\n".join(parts))


def _machine(run: dict) -> list[str]:
    machine, bounds = run["machine"], run["results"].get("machine", {})
    versions = ", ".join(f"{name} {version}" for name, version in run["versions"].items())
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['platform']}, "
        f"load average {machine['load_before']:.1f} before the last benchmark began. {versions}."
    ]
    if bounds:
        lines.append(
            f"A 2048-cubed single-precision matrix product reaches {bounds['matrix_product_per_second'] / 1e9:.0f} Gflop/s "
            f"({bounds['matrix_product_per_core_second'] / 1e9:.0f} per core-second), a triad in place "
            f"{bounds['memory_bandwidth'] / 1e9:.0f} GB/s."
        )
    if "note" in run:
        lines.append(run["note"])
    return ["## The machine\n", " ".join(lines) + "\n"]


def _headlines(results: dict) -> list[str]:
    rows = [[words, _short(results[name][key])] for name, key, words in HEADLINES if key in results.get(name, {})]
    return ["## Ratios\n", _table(["", "measured"], rows)]


def _rates(results: dict) -> list[str]:
    keys = {
        "instances": "instances",
        "per_second": "per second",
        "per_core_second": "per core-second",
        "seconds_per_million": "seconds per million",
        "compile_seconds": "compile seconds",
        "xla_seconds": "of these XLA",
        "share_of_peak_per_core": "share of peak",
        "share_of_bandwidth": "share of bandwidth",
        "peak_memory": "peak memory, MiB",
    }
    found = {name: results[name] for name in RATES if "per_second" in results.get(name, {})}
    # A run of an older version did not measure all of them.
    keys = {key: words for key, words in keys.items() if any(key in numbers for numbers in found.values())}
    rows = []
    for name, numbers in found.items():
        values = {**numbers, "peak_memory": numbers["peak_memory"] / 2**20}
        rows.append([name, *(_short(values[key]) if key in values else "" for key in keys)])
    return ["## Rates\n", _table(["benchmark", *keys.values()], rows)]


def _scaling_tables(results: dict) -> list[str]:
    shown = {
        "scaling_dimension": ["dimension", "per_core_second", "share_of_peak_per_core", "growth", "arithmetic"],
        "scaling_cells": ["instances", "per_core_second", "mean_steps", "seconds_per_million"],
        "scaling_devices": ["devices", "per_second", "per_core_second", "compile_seconds"],
    }
    parts = []
    for name, keys in shown.items():
        points = results.get(name, {}).get("points", [])
        if points:
            parts.append(_points([{key: point[key] for key in keys if key in point} for point in points]))
    return parts


def _scaling(results: dict, path: pathlib.Path) -> bool:
    series = {
        name: [point for point in results.get(name, {}).get("points", []) if "per_core_second" in point]
        for name in ("scaling_dimension", "scaling_cells", "scaling_devices")
    }
    if not all(series.values()):
        return False
    with plt.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
        points = series["scaling_dimension"]
        sizes = [point["dimension"] for point in points]
        cost = [1e3 / point["per_core_second"] for point in points]
        left.loglog(sizes, cost, "o-", label="measured")
        left.loglog(sizes, [cost[0] * point["arithmetic"] for point in points], "k:", label="arithmetic")
        left.set(xlabel="dimension", ylabel="core-milliseconds per instance", title="100 steps of AMP")
        left.legend(frameon=False)
        points = series["scaling_cells"]
        counts = [point["instances"] for point in points]
        middle.loglog(counts, [1e3 / point["per_core_second"] for point in points], "o-")
        middle.set(xlabel="instances in the sweep", ylabel="core-milliseconds per instance", title="dimension 100")
        points = series["scaling_devices"]
        numbers = [str(point["devices"]) for point in points]
        right.bar(numbers, [point["per_core_second"] for point in points], width=0.6)
        cores = points[0].get("cores", "?")
        right.set(xlabel="virtual devices", ylabel="instances per core-second", title=f"dimension 400, {cores} cores")
        figure.savefig(path, dpi=110, metadata={"Software": None})
        plt.close(figure)
    return True


def _points(points: list[dict]) -> str:
    columns = list(dict.fromkeys(key for point in points for key in point))
    rows = [[_short(point.get(column, "")) for column in columns] for point in points]
    return _table([column.replace("_", " ") for column in columns], rows)


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _short(value) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if value and abs(value) < 1e-2:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
