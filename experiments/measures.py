"""What figures measure along solves, in a module of its own: rows that were measured depend on this code alone."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from recover import Network, certify, diagnostics, gini_index, pq_index, solvers, theory
from recover import autoencoders as pieces
from recover.problems import PlantedActivations

# The pairs of exponents of PQ indices, by what their columns are called.
PAIRS = {"half": (0.5, 1.0), "two": (1.0, 2.0)}
# Kept shares at which the bound is compared with what it bounds.
KEPT = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7)
# Scores of columns.
SCORES = ("kernel", "histogram", "correlation")
# Numbers of rows that no training reaches.
_UNSEEN = 2**29


def unseen(model, truth, problem: PlantedActivations, solver, state) -> dict[str, Array]:
    """A training measured against what was planted, on rows that it has not seen.

    Mean number of active neurons `unseen_l0`, its `unseen_correlation` over rows with the planted number, median norm
    `unseen_ratio`, and mean normalised error `unseen_nmse`. `planted` is the mean planted number, `found_90` the share of
    features that the decoder has.
    """
    inputs, planted = _unseen_rows(problem)
    found = model.metrics(truth, state.weights.decoder)["recovered_90"]
    return {
        "planted": jnp.mean(planted),
        "found_90": found,
        **_judged("unseen", solver.autoencoder(state), inputs, planted),
    }


def unseen_and_matched(model, truth, problem: PlantedActivations, solver, state) -> dict[str, Array]:
    """The same, and with the norm-matched activation in the place of the training's own, `afa_l0` and so on."""
    matched = pieces.SparseAutoencoder(state.weights, pieces.TopAFA())
    own = unseen(model, truth, problem, solver, state)
    return {**own, **_judged("afa", matched, *_unseen_rows(problem))}


def _unseen_rows(problem: PlantedActivations, rows: int = 512) -> tuple[Array, Array]:
    """Rows that no training has seen, and how many features each has."""
    numbers = _UNSEEN + jnp.arange(rows, dtype=jnp.int32)
    inputs = problem.rows(numbers)
    return inputs, jnp.sum(problem.codes(numbers) != 0, axis=1).astype(inputs.dtype)


def _judged(prefix: str, autoencoder: pieces.SparseAutoencoder, inputs, planted) -> dict[str, Array]:
    codes = autoencoder.encode(inputs)
    counts = jnp.sum(codes != 0, axis=1).astype(inputs.dtype)
    return {
        f"{prefix}_l0": jnp.mean(counts),
        # Where all rows have the same number there is no correlation.
        f"{prefix}_correlation": jnp.nan_to_num(jnp.corrcoef(counts, planted)[0, 1]),
        f"{prefix}_ratio": jnp.median(diagnostics.norm_ratio(inputs, codes)),
        f"{prefix}_nmse": jnp.mean(diagnostics.normalised_error(inputs, autoencoder.decode(codes))),
    }


def certified(model, truth, problem, solver, state):
    """0 where a dual vector proves the answer to be the only one of its l1 norm and it has fewer coefficients than equations, else 1.

    Such an answer is the planted one with probability one: no other support of a Gaussian design fits its observations.
    `proved_error` is its error, that of the answer fitted anew on its support.
    """
    proof = certify(problem, solver.estimate(problem, state), tolerance=1e-5)
    proved = proof.holds & (proof.support < problem.samples)
    return {"unproved": jnp.where(proved, 0.0, 1.0), "proved_error": model.error(truth, proof.value)}


def objective(model, truth, problem, solver, state):
    """The solver's objective at a state."""
    return {"reached": solver.objective(problem, state)}


def marginal_errors(model, truth, problem, solver, state):
    """The error of every marginal score: all of them together cost one program, and one drawing of each instance."""
    kinds = {name: solvers.MarginalScreening(name, solver.grid, solver.bins) for name in SCORES}
    return {f"{name}_error": model.error(truth, kind.step(problem, state).scores) for name, kind in kinds.items()}


def weights_of(network: Network) -> tuple[jax.Array, jax.Array]:
    """All weights, and which are live: these are not zero, but for a chance of measure zero."""
    flat = jnp.concatenate([weight.reshape(-1) for weight in network.weights])
    return flat, flat != 0


def pruning(model, truth, problem, solver, state):
    """How good, large and sparse the network is that was trained last, and the same right after it is pruned."""
    network = solver.estimate(problem, state)
    found = {}
    for stage, each in (("trained", network), ("pruned", network.pruned())):
        flat, live = weights_of(each)
        size = jnp.sum(live.astype(flat.dtype))
        scores = model.metrics(truth, each)
        # Scores of a pruned network, but for its accuracy, are those of the next iteration.
        numbers = scores if stage == "trained" else {"accuracy": scores["accuracy"]}
        numbers = {**numbers, "remaining": size / flat.size, "live": size, "gini": gini_index(flat, live)}
        numbers |= {f"pqi_{name}": pq_index(flat, p, q, live) for name, (p, q) in PAIRS.items()}
        found |= {f"{stage}_{name}": value for name, value in numbers.items()}
    return found


def pruning_with_teacher(model, truth, problem, solver, state):
    """The same, and how good and large the teacher is."""
    scores = model.metrics(truth, truth)
    found = pruning(model, truth, problem, solver, state)
    return {**found, "teacher_accuracy": scores["accuracy"], "teacher_share": scores["share"]}


def pruning_of_layers(model, truth, problem, solver, state):
    """What is measured of every network, its first and its last layer, and how tight the bound is.

    Of the layers, share that remains and index; the bound over what it bounds at several shares, for the network that was
    trained last and the same right after it is pruned. One measurement, so that figures of one network share a program.
    """
    network = solver.estimate(problem, state)
    found = pruning(model, truth, problem, solver, state)
    for name, weight in (("first", network.weights[0].reshape(-1)), ("last", network.weights[-1].reshape(-1))):
        live = weight != 0
        found[f"trained_remaining_{name}"] = jnp.mean(live.astype(weight.dtype))
        found[f"trained_pqi_half_{name}"] = pq_index(weight, 0.5, 1.0, live)
    for stage, each in (("trained", network), ("pruned", network.pruned())):
        flat, live = weights_of(each)
        size = found[f"{stage}_live"]
        kept = jnp.ceil(jnp.asarray(KEPT, flat.dtype) * size)
        for name, (p, q) in PAIRS.items():
            index, eta = found[f"{stage}_pqi_{name}"], theory.tail_ratio(flat, live, p, kept)
            bound = theory.pq_pruning_bound(size, index, p, q, eta)
            ratios = dict(zip(KEPT, bound / jnp.maximum(kept, 1), strict=True))
            found |= {f"{stage}_{name}_{share}": ratio for share, ratio in ratios.items()}
    return found
