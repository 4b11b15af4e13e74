"""Other packages side by side with our solvers: the same design matrices and observations, the same accuracy asked for.

Instances come from our models. Times are of solving only (nobody draws), on one thread for packages that loop over
instances, and of processor time throughout. What was reached is reported with the speed: for convex and nonconvex
penalties the mean of objective / best objective any package found, minus one; for greedy methods the share of instances
recovered. A package that is not installed is left out, with a line that says so.
"""

import functools
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import threadpoolctl

import recover as rc
from recover.core import in_default_precision

from .measure import speed, stopwatch, timed_call

DIMENSION, SAMPLES, SPARSITY = 400, 200, 20
NOISE = 0.05
STRENGTH, GAMMA = 0.15, 3.0
# Relative tolerances at which the packages were seen to reach about the same objective; what they reach is reported.
TOLERANCE = 1e-4
# Our instances are solved so many side by side, which keeps their designs in the cache.
BATCH = 4
# Coordinates at a time, more than the solutions have nonzero coefficients.
WORKING_SET = 48

DISTRIBUTIONS = {"spams": "spams-bin", "sklearn": "scikit-learn", "celer": "celer", "skglm": "skglm"}


def available(module: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(module) is not None


def version(module: str) -> str:
    """Its version."""
    return importlib.metadata.version(DISTRIBUTIONS[module])


def instances(count: int, noise: float, shared: bool, seed: int = 0):
    """Designs (count or 1, m, n), observations (count, m) and truths (count, n) of our model, as NumPy arrays in float32."""
    model = in_default_precision(rc.models.SparseRegression(DIMENSION, SAMPLES, SPARSITY, noise))

    @jax.jit
    def draw(key):
        key_design, key_signal = jax.random.split(key)
        designs = jax.vmap(model.design)(jax.random.split(key_design, 1 if shared else count))

        def one(key, number):
            problem, truth = model.observe(key, designs[0 if shared else number])
            return problem.observations, truth

        observations, truths = jax.vmap(one)(jax.random.split(key_signal, count), jnp.arange(count))
        # The model scales rows inside of the operator.
        return designs / jnp.sqrt(SAMPLES), observations, truths

    return tuple(np.asarray(array) for array in draw(jax.random.key(seed)))


def with_unit_columns(designs, truths):
    """The same observations by designs whose columns have norm one exactly, as SPAMS expects of its dictionaries."""
    norms = np.linalg.norm(designs, axis=1)
    return designs / norms[:, None, :], truths * norms


def least_squares(designs, observations, estimates):
    """Half of the squared residual of every instance, in float64."""
    designs = np.broadcast_to(designs, (len(observations), *designs.shape[1:]))
    residual = observations - np.einsum("imn,in->im", designs, estimates, dtype=np.float64, optimize=True)
    return np.sum(residual**2, axis=1) / 2


def lasso_objective(designs, observations, estimates):
    """Half of the squared residual plus the l1 penalty."""
    return least_squares(designs, observations, estimates) + STRENGTH * np.abs(estimates).sum(1)


def mcp_objective(designs, observations, estimates):
    """Half of the squared residual plus the minimax concave penalty."""
    size = np.abs(estimates).astype(np.float64)
    inside = STRENGTH * size - size**2 / (2 * GAMMA)
    penalty = np.where(size <= GAMMA * STRENGTH, inside, GAMMA * STRENGTH**2 / 2)
    return least_squares(designs, observations, estimates) + penalty.sum(1)


def ours(solver, designs, observations, max_steps: int = 2000):
    """Our solver over all instances: batches that fit the cache, or all side by side where they share a design."""
    shared = len(designs) == 1

    @jax.jit
    def program(designs, observations):
        def one(design, y):
            problem = rc.LinearProblem(design, y, column_norm=1.0)
            return rc.solve(problem, solver, max_steps=max_steps).value

        if shared:
            return jax.vmap(functools.partial(one, designs[0]))(observations)
        return jax.lax.map(lambda each: one(*each), (designs, observations), batch_size=BATCH)

    designs, observations = jnp.asarray(designs), jnp.asarray(observations)
    estimates, numbers = timed_call(lambda: program(designs, observations), len(observations))
    return np.asarray(estimates), numbers


def looped(solve_one: Callable, designs, observations):
    """A package that takes one instance at a time (in the memory order it likes best, prepared outside of the timing)."""
    designs = [np.asfortranarray(design) for design in designs]

    def all_of_them():
        number = len(observations)
        return np.stack([solve_one(designs[i % len(designs)], observations[i]) for i in range(number)])

    with threadpoolctl.threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solve_one(designs[0], observations[0])
        with stopwatch() as spent:
            estimates = all_of_them()
    return estimates, speed(len(observations), spent)


def sklearn_omp(matrix, y):
    """Orthogonal matching pursuit of scikit-learn, by Gram matrix."""
    from sklearn.linear_model import orthogonal_mp

    return orthogonal_mp(matrix, y, n_nonzero_coefs=SPARSITY, precompute=True)


def sklearn_lasso(matrix, y):
    """Coordinate descent of scikit-learn; its objective is ours over the number of samples."""
    from sklearn.linear_model import Lasso

    return Lasso(STRENGTH / len(y), fit_intercept=False, tol=TOLERANCE, max_iter=10_000).fit(matrix, y).coef_


def celer_lasso(matrix, y):
    """Dual extrapolation and working sets of celer."""
    from celer import Lasso

    return Lasso(STRENGTH / len(y), fit_intercept=False, tol=TOLERANCE).fit(matrix, y).coef_


def skglm_mcp(matrix, y):
    """Working sets of skglm; over the number of samples, our gamma becomes theirs times it."""
    from skglm import MCPRegression

    penalised = MCPRegression(STRENGTH / len(y), GAMMA * len(y), fit_intercept=False, tol=TOLERANCE * 1e-1)
    return penalised.fit(matrix, y).coef_


def spams_omp(matrix, y):
    """Orthogonal matching pursuit of SPAMS, by Cholesky factors."""
    import spams

    return spams.omp(np.asfortranarray(y[:, None]), matrix, L=SPARSITY, eps=0.0, numThreads=1).toarray()[:, 0]


def spams_lasso(matrix, y):
    """The homotopy (LARS) of SPAMS."""
    import spams

    solved = spams.lasso(np.asfortranarray(y[:, None]), matrix, lambda1=STRENGTH, mode=2, numThreads=1)
    return solved.toarray()[:, 0]


PEERS = {
    "omp": {"spams": spams_omp, "sklearn": sklearn_omp},
    "lasso": {"spams": spams_lasso, "sklearn": sklearn_lasso, "celer": celer_lasso},
    "mcp": {"skglm": skglm_mcp},
}


def solvers(shared: bool) -> dict[str, rc.solvers.AbstractSolver]:
    """Ours for the three tasks. No continuation where the penalty is strong: it saves nothing there."""
    working_set = functools.partial(
        rc.solvers.WorkingSet, continuation=0.0, size=WORKING_SET, gram=shared, tolerance=TOLERANCE / 10
    )
    return {
        "omp": rc.solvers.OMP(SPARSITY),
        "lasso": working_set(STRENGTH),
        "mcp": working_set(rc.penalties.MCP(STRENGTH, GAMMA)),
    }


OBJECTIVES = {"lasso": lasso_objective, "mcp": mcp_objective}


def compare(task: str, count: int, shared: bool) -> tuple[list[dict], list[str]]:
    """Every package on one task: rows, and the names of the packages that are not installed."""
    noise = 0.0 if task == "omp" else NOISE
    designs, observations, truths = instances(count, noise, shared)
    if task == "omp":
        designs, truths = with_unit_columns(designs, truths)
    outcomes = {"recover": ours(solvers(shared)[task], designs, observations)}
    missing = [module for module in PEERS[task] if not available(module)]
    for module, solve_one in PEERS[task].items():
        if module not in missing:
            outcomes[module] = looped(solve_one, designs, observations)
    rows = []
    reached = {}
    if task in OBJECTIVES:
        objectives = {name: OBJECTIVES[task](designs, observations, x) for name, (x, _) in outcomes.items()}
        best = np.min(list(objectives.values()), axis=0)
        reached = {name: {"objective_gap": float(np.mean(each / best - 1))} for name, each in objectives.items()}
    for name, (x, numbers) in outcomes.items():
        error = np.linalg.norm(x - truths, axis=1) / np.linalg.norm(truths, axis=1)
        quality = reached.get(name, {"recovered": float(np.mean(error < 1e-3))})
        ratio = outcomes["recover"][1]["per_core_second"] / numbers["per_core_second"]
        package = name if name == "recover" else f"{name} {version(name)}"
        rows.append(
            {
                "task": task,
                "designs": "shared" if shared else "own",
                "package": package,
                "per_second": numbers["per_second"],
                "per_core_second": numbers["per_core_second"],
                "error": float(np.median(error)),
                **quality,
                "ours_over_theirs": ratio,
            }
        )
    return rows, missing


def run(full: bool = False) -> dict:
    """All tasks, with own and with shared designs; `ratio_*` is our instances per core-second over theirs."""
    numbers: dict = {"points": []}
    missing: set[str] = set()
    for task in PEERS:
        for shared in (False, True):
            rows, absent = compare(task, 512 if full else 128, shared)
            numbers["points"] += rows
            missing |= set(absent)
            for row in rows[1:]:
                peer = row["package"].split()[0]
                numbers[f"ratio_{task}_{row['designs']}_{peer}"] = row["ours_over_theirs"]
    if missing:
        numbers["skipped"] = f"not installed: {', '.join(sorted(missing))}"
    return numbers
