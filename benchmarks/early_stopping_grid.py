"""A phase diagram with stopping rules: this engine with and without its queue, NumPy loops, and a script around SPAMS' OMP.

32 x 32 cells of dimension 400 with 40 ... 400 samples and 2 ... 190 nonzero coefficients, AMP with its default damping,
tolerance and patience and at most 500 steps, designs shared by the cells of a trial.
"""

import importlib.util
import itertools
import time

import numpy as np
import threadpoolctl

import recover as rc

from .loops import amp_instance, careful_amp, draw_matrix, draw_signal, minimax_multiplier, plain_amp
from .machine import shares
from .measure import named, speed, stopwatch, timed_loop, timed_sweep, without_queue

DIMENSION = 400
STEPS = 500
AXES = {
    "samples": [int(m) for m in np.linspace(40, 400, 32).round()],
    "sparsity": [int(k) for k in np.linspace(2, 190, 32).round()],
}


def cell(samples, sparsity):
    """AMP as it comes."""
    return rc.models.SparseRegression(DIMENSION, samples, sparsity), rc.solvers.AMP()


def spams_instance(cell, random):
    """Draws an instance of its own and selects as many columns as there are nonzero coefficients."""
    import spams

    samples, sparsity = cell
    matrix = draw_matrix(random, samples, DIMENSION)
    matrix /= np.linalg.norm(matrix, axis=0)
    truth = draw_signal(random, DIMENSION, sparsity)
    estimate = _omp(spams, matrix, (matrix @ truth)[:, None], min(sparsity, samples))
    return float(np.linalg.norm(estimate.toarray()[:, 0] - truth) / np.linalg.norm(truth))


def spams_shared(seconds: float, seed: int = 0) -> dict[str, float]:
    """The best script we know for SPAMS: the cells of a trial share a design, drawn and scaled once per sample size.

    (Its batches take one sparsity for all: in Python 3 it does not accept a vector of them.) Trials of the whole grid
    until the time is up.
    """
    import spams

    random = np.random.default_rng(seed)
    count = 0
    with threadpoolctl.threadpool_limits(1), stopwatch() as spent:
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            entries = random.standard_normal((max(AXES["samples"]), DIMENSION), np.float32)
            for samples in AXES["samples"]:
                matrix = np.asfortranarray(entries[:samples] / np.linalg.norm(entries[:samples], axis=0))
                for sparsity in AXES["sparsity"]:
                    truth = draw_signal(random, DIMENSION, sparsity)
                    _omp(spams, matrix, (matrix @ truth)[:, None], min(sparsity, samples))
                    count += 1
    return speed(count, spent)


def _omp(spams, matrix, observations, most):
    return spams.omp(np.asfortranarray(observations), np.asfortranarray(matrix), L=most, eps=0.0, numThreads=1)


def run(full: bool = False) -> dict:
    """Measures all sides in one run.

    `ratio_*` are instances per core-second over the other side's, `wall_ratio_*` instances per second; the other sides
    run on one thread, except for the engine without its queue. `share_of_*` count the arithmetic of the steps
    that instances took, without padding.
    """
    trials, seconds = (32, 60.0) if full else (16, 15.0)
    table, numbers = timed_sweep(cell, AXES, trials=trials, max_steps=STEPS)
    _, together = timed_sweep(cell, AXES, trials=trials, max_steps=STEPS, change=without_queue)
    numbers["solved"] = float((table.frame["error"] < 1e-3).mean())
    numbers |= shares(4 * DIMENSION * float((table.frame["steps"] * table.frame["samples"]).mean()), numbers)
    others = {"without_queue": together}
    cells = list(itertools.product(*AXES.values()))
    for samples in AXES["samples"]:
        minimax_multiplier(samples, DIMENSION)
    solver = rc.solvers.AMP()
    stopping = float(solver.tolerance), int(solver.patience)
    for name, amp in {"numpy_plain": plain_amp, "numpy_careful": careful_amp}.items():
        one = amp_instance(amp, DIMENSION, STEPS, float(solver.relaxation), stopping)
        loop, outcomes = timed_loop(cells, one, seconds)
        others[name] = loop | {
            "mean_steps": float(np.mean([steps for _, steps, _ in outcomes])),
            "solved": float(np.mean([error < 1e-3 for error, _, _ in outcomes])),
        }
    if importlib.util.find_spec("spams"):
        others["spams_omp"], errors = timed_loop(cells, spams_instance, seconds)
        others["spams_omp"]["solved"] = float(np.mean([error < 1e-3 for error in errors]))
        others["spams_omp_shared"] = spams_shared(seconds)
    else:
        numbers["skipped"] = "SPAMS is not installed"
    for name, other in others.items():
        numbers |= named(name, other)
        numbers[f"ratio_to_{name}"] = numbers["per_core_second"] / other["per_core_second"]
        numbers[f"wall_ratio_to_{name}"] = numbers["per_second"] / other["per_second"]
    return numbers
