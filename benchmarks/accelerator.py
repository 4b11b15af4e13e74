"""What the engine does on the accelerator at hand, in one script (`make bench-accelerator`).

It needs what `import recover` needs and nothing else, so that it runs on a machine where nothing can be installed; the
figure needs Matplotlib, and is left out without. Parts come in the order of their importance, and none is begun once the
time is up. Numbers are written after every part.
"""

import argparse
import dataclasses
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping

# A second process (captured loops) must find memory on the device.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp
import numpy as np

import recover as rc
from recover.core import in_default_precision
from recover.sweeps.layout import instance_sizes
from recover.sweeps.provenance import commit, machine, versions

# What devices are compared by, and all that a test runs: a shared design, designs of their own, another family.
COMPARED = ("amp_shared", "omp_own", "subgm_shared")
# Loops and branches become graphs that the device replays by itself.
CAPTURED = "--xla_gpu_enable_command_buffer=+WHILE,+CONDITIONAL"


@dataclasses.dataclass(frozen=True)
class Workload:
    """A sweep, and the arithmetic that one step of one instance needs in products with its design.

    `flops(frame)` is that of a step, averaged over the rows; `reads` how often a step reads a design of its own.
    """

    cell: Callable
    axes: Mapping[str, list]
    trials: int
    max_steps: int
    flops: Callable
    share: str = "trial"
    reads: int = 2

    def sweep(self, seed: int, **options) -> rc.Table:
        """The table."""
        options = {"share": self.share, "max_steps": self.max_steps, "progress": False, "seed": seed, **options}
        return rc.sweep(self.cell, self.axes, trials=self.trials, **options)


def workloads(tiny: bool) -> dict[str, Workload]:
    """All of them. At full size n = 400, and as many lanes share a design as an accelerator holds twice side by side."""
    n, m, k = (40, 20, 4) if tiny else (400, 200, 20)
    d, rank, samples = (8, 2, 60) if tiny else (50, 5, 1250)
    steps = 5 if tiny else 100

    def amp(sparsity, noise):
        solver = rc.solvers.AMP(relaxation=1.0, tolerance=-1.0, patience=0)
        return rc.models.SparseRegression(n, n, sparsity, noise), solver

    def stopping(samples, sparsity):
        return rc.models.SparseRegression(n, samples, sparsity), rc.solvers.AMP()

    def omp(sparsity, noise):
        return rc.models.SparseRegression(n, m, sparsity, noise), rc.solvers.OMP(k)

    def subgradient(corruption):
        solver = rc.solvers.SubgradientMethod(d, 1e-6, rc.steps.geometric(0.3, 0.99), tolerance=-1.0, patience=0)
        return rc.models.MatrixSensing(d, rank, samples, corruption=corruption), solver

    def numbers(low, high, points):
        return [float(value) for value in np.linspace(low, high, points)]

    def counts(low, high, points):
        return [int(value) for value in np.linspace(low, high, points).round()]

    def lanes(sparsities, noises):
        return {"sparsity": counts(1, sparsities, sparsities), "noise": numbers(0, 0.3, noises)}

    dense, products, matrices = 4 * n * n, 2 * m * n, 4 * samples * d * (d + 1) // 2
    grid = {"samples": counts(n / 10, n, 4 if tiny else 32), "sparsity": counts(1, n / 2, 4 if tiny else 32)}
    wide, few = (lanes(2, 3), lanes(2, 2)) if tiny else (lanes(128, 64), lanes(16, 4))
    greedy = lanes(2, 3) if tiny else lanes(k, 128)
    many = 2 if tiny else 8
    return {
        "amp_shared": Workload(amp, wide, many, steps, lambda _: dense),
        "amp_own": Workload(amp, few, many if tiny else 256, steps, lambda _: dense, share="none"),
        "amp_stopping": Workload(
            stopping,
            grid,
            2 * many,
            5 * steps,
            lambda f: 4 * n * (f["steps"] * f["samples"]).mean() / f["steps"].mean(),
        ),
        "omp_shared": Workload(omp, greedy, many, 2 * k, lambda _: products, reads=1),
        "omp_own": Workload(omp, few, many if tiny else 64, 2 * k, lambda _: products, share="none", reads=1),
        "subgm_shared": Workload(
            subgradient, {"corruption": numbers(0, 0.6, 4 if tiny else 512)}, many, steps, lambda _: matrices
        ),
    }


def rate(work: float, function: Callable, *arguments, repeats: int = 5) -> float:
    """`work` over the least seconds of a few calls, after one that compiles."""
    jax.block_until_ready(function(*arguments))
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        seconds.append(time.perf_counter() - started)
    return work / min(seconds)


def bounds(tiny: bool) -> dict[str, float]:
    """What the device can do: products of random square matrices a second in flops, and bytes a second of a triad."""
    size, length = (256, 2**20) if tiny else (8192, 2**28)
    matrix = jax.random.normal(jax.random.key(0), (size, size), jnp.float32)
    found = {}
    for name, precision in {"float32": "float32", "bf16x3": "BF16_BF16_F32_X3"}.items():
        with jax.default_matmul_precision(precision):
            found[f"{name}_flops"] = rate(2 * size**3, jax.jit(lambda a: a @ a), matrix)
    half = matrix.astype(jnp.bfloat16)
    found["bf16_flops"] = rate(2 * size**3, jax.jit(lambda a: a @ a), half)
    vector, passes = jnp.ones(length, jnp.float32), 8
    triad = jax.jit(lambda a, b: jax.lax.fori_loop(0, passes, lambda _, a: b + 0.5 * a, a))
    found["bandwidth"] = rate(3 * passes * vector.nbytes, triad, vector, 2 * vector)
    return found


def measured(work: Workload, limits: Mapping[str, float], **options) -> dict[str, float]:
    """A sweep, and the same again with other instances and nothing to compile.

    `per_second` is instances over the seconds that their programs ran, transfers included; `end_to_end_per_second` over
    those from call to table. Shares are of the device's bounds: arithmetic of the products; bytes of what an instance
    holds, read and written once a step, and of its own design.
    """
    cold = work.sweep(0, **options).provenance
    started = time.perf_counter()
    table = work.sweep(1, **options)
    seconds = time.perf_counter() - started
    frame, running = table.frame, float(table.provenance["run_seconds"].sum())
    model, solver = work.cell(**{name: values[-1] for name, values in work.axes.items()})
    sizes = instance_sizes(in_default_precision(model), solver)
    moved = 2 * sizes.lane + (work.reads * sizes.design if work.share == "none" else 0)
    steps_per_second = float(frame["steps"].sum()) / running
    return {
        "instances": len(frame),
        "mean_steps": float(frame["steps"].mean()),
        "per_second": len(frame) / running,
        "end_to_end_per_second": len(frame) / seconds,
        "seconds_per_million": 1e6 * running / len(frame),
        "share_of_float32_peak": float(work.flops(frame)) * steps_per_second / limits["float32_flops"],
        "share_of_bandwidth": moved * steps_per_second / limits["bandwidth"],
        "median_error": float(frame["error"].median()),
        **{f"{name}_seconds": float(cold[f"{name}_seconds"].sum()) for name in ("compile", "trace", "lower", "xla")},
    }


def bare(work: Workload, tiny: bool) -> dict[str, float]:
    """Shared designs without the engine: one vmapped loop over as many instances of a cell as lie side by side."""
    model, solver = work.cell(**{name: values[len(values) // 2] for name, values in work.axes.items()})
    model, count = in_default_precision(model), 8 if tiny else 4096

    @jax.jit
    def program(key):
        key_design, key_observe = jax.random.split(key)
        design = model.design(key_design)

        def one(key):
            problem, truth = model.observe(key, design)
            return model.error(truth, rc.solve(problem, solver, max_steps=work.max_steps).value)

        return jax.vmap(one)(jax.random.split(key_observe, count))

    with jax.default_matmul_precision("float32"):
        return {"instances": count, "per_second": rate(count, program, jax.random.key(0))}


def compared_rows() -> dict[str, np.ndarray]:
    """Rows of small workloads, to be compared between devices: results, steps and errors."""
    rows, small = {}, workloads(tiny=True)
    for name in COMPARED:
        frame = small[name].sweep(0).frame
        rows |= {f"{name}/{column}": frame[column].to_numpy() for column in ("result", "steps", "error")}
    return {key: value.astype(str) if key.endswith("result") else value for key, value in rows.items()}


def parity(here: Mapping[str, np.ndarray], there: Mapping[str, np.ndarray]) -> dict[str, float]:
    """How rows of this device agree with those of the CPU: share of equal results and steps, and the largest difference
    of errors, relative to the larger one or, where both are below it, to 1e-4.
    """
    names = sorted({key.partition("/")[0] for key in here})
    results, steps, differences = [], [], []
    for name in names:
        mine, theirs = ([rows[f"{name}/{column}"] for column in ("result", "steps", "error")] for rows in (here, there))
        results.append(mine[0] == theirs[0])
        steps.append(mine[1] == theirs[1])
        scale = np.maximum(np.maximum(np.abs(mine[2]), np.abs(theirs[2])), 1e-4)
        differences.append(np.abs(mine[2] - theirs[2]) / scale)
    return {
        "rows": int(sum(len(each) for each in results)),
        "same_result": float(np.mean(np.concatenate(results))),
        "same_steps": float(np.mean(np.concatenate(steps))),
        "largest_difference": float(np.max(np.concatenate(differences))),
    }


def elsewhere(arguments: list[str], environment: Mapping[str, str]) -> subprocess.Popen:
    """The same script in another process."""
    command = [sys.executable, "-m", "benchmarks.accelerator", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env={**os.environ, **environment}, stdout=pipe, stderr=pipe, text=True)


def waited(process: subprocess.Popen, seconds: float) -> str | None:
    """Waits for a process; why it gave nothing, or `None`."""
    try:
        complaint = process.communicate(timeout=max(seconds, 1.0))[1].strip().splitlines()
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "took too long"
    return (complaint or [f"ended with code {process.returncode}"])[-1] if process.returncode else None


class Report:
    """What was measured so far, on disk and on the screen."""

    def __init__(self, path: pathlib.Path, minutes: float):
        self.path, self._ends = path, time.time() + 60 * minutes
        self.numbers: dict = {"commit": commit(), "versions": versions(), "machine": machine(), "workloads": {}}
        path.parent.mkdir(parents=True, exist_ok=True)

    @property
    def left(self) -> float:
        """Seconds left."""
        return self._ends - time.time()

    def part(self, name: str, function: Callable, *arguments, within: str | None = None, **options) -> None:
        """Measures a part, unless the time is up; one that fails says why, and the others go on."""
        if self.left <= 0:
            found = {"skipped": "the time was up"}
        else:
            try:
                found = function(*arguments, **options)
            except Exception as error:  # a device that runs out of memory, say: the other parts are still of use
                found = {"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
        (self.numbers[within] if within else self.numbers)[name] = found
        self.path.write_text(json.dumps(self.numbers, indent=1) + "\n")
        listed = ", ".join(
            f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in found.items()
        )
        print(f"{name}: {listed}  [{self.left:.0f} s left]", flush=True)


def draw(numbers: Mapping, path: pathlib.Path) -> dict[str, str]:
    """The figure: seconds per million instances of every workload."""
    try:
        import matplotlib
    except ImportError:
        return {"skipped": "Matplotlib is not installed"}
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    costs = {name: each["seconds_per_million"] for name, each in numbers.items() if "seconds_per_million" in each}
    figure, axes = plt.subplots(figsize=(6, 0.4 + 0.3 * len(costs)), layout="constrained")
    bars = axes.barh([name.replace("_", " ") for name in costs], list(costs.values()), height=0.6)
    axes.bar_label(bars, fmt="%.3g", padding=3)
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="seconds per million instances", title="Cost per million")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)
    return {"file": path.name}


def everything(report: Report, tiny: bool, only: list[str]) -> None:
    """All parts, or some workloads alone, as another process is asked for them."""
    report.part("bounds", bounds, tiny)
    limits = report.numbers["bounds"]
    only_these = only or (COMPARED if tiny else ())
    asked = {name: work for name, work in workloads(tiny).items() if not only_these or name in only_these}
    with tempfile.TemporaryDirectory() as folder:
        rows, captured = pathlib.Path(folder, "rows.npz"), pathlib.Path(folder, "captured.json")
        if not only:
            # On the host's processor, while the device works.
            host = elsewhere(["--rows", str(rows), *["--tiny"] * tiny], {"JAX_PLATFORMS": "cpu"})
        for name, work in asked.items():
            report.part(name, measured, work, limits, within="workloads")
        if only:
            return

        def compare() -> dict[str, float]:
            complaint = waited(host, report.left)
            if complaint:
                raise RuntimeError(complaint)
            with np.load(rows) as there:
                return parity(compared_rows(), there)

        report.part("parity", compare)
        for name in ("amp_shared",) if tiny else ("amp_shared", "amp_stopping"):
            faster = functools.partial(measured, asked[name], limits, precision="float32/bf16x3")
            report.part(f"{name}_bf16x3", faster, within="workloads")
        report.part("bare_amp_shared", bare, asked["amp_shared"], tiny, within="workloads")

        def with_graphs() -> dict:
            flags = f"{os.environ.get('XLA_FLAGS', '')} {CAPTURED}"
            again = ["amp_shared"] if tiny else ["amp_shared", "amp_stopping"]
            arguments = ["--only", *again, "--output", str(captured), "--minutes", str(report.left / 60)]
            complaint = waited(elsewhere(arguments + ["--tiny"] * tiny, {"XLA_FLAGS": flags}), report.left)
            if complaint:
                raise RuntimeError(complaint)
            found = json.loads(captured.read_text())["workloads"]
            report.numbers["workloads"] |= {f"{name}_captured": each for name, each in found.items()}
            return {name: each.get("per_second", 0.0) for name, each in found.items()}

        report.part("captured_loops", with_graphs)
    report.part("figure", draw, report.numbers["workloads"], report.path.with_suffix(".png"))


def main() -> None:
    """The command line."""
    # Not the command line of the other benchmarks, whose packages a bare machine may lack.
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accelerator", description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="sizes of a test")
    parser.add_argument("--minutes", type=float, default=7.0, help="no part is begun after so many")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("build/accelerator.json"))
    parser.add_argument("--only", nargs="*", default=[], help="these workloads, and nothing else")
    parser.add_argument("--rows", type=pathlib.Path, help="write the rows that devices are compared by, and end")
    asked = parser.parse_args()
    # What compiling takes is measured too, and must not depend on what was run before.
    jax.config.update("jax_enable_compilation_cache", asked.tiny)
    if not (asked.tiny or asked.rows) and jax.default_backend() == "cpu":
        raise SystemExit("JAX finds no accelerator here; --tiny tries the script on the CPU.")
    if asked.rows:
        np.savez(asked.rows, **compared_rows())
    else:
        everything(Report(asked.output, asked.minutes), asked.tiny, asked.only)


if __name__ == "__main__":
    main()
