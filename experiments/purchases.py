"""What an active learner bought, and what its purchase is predicted to give."""

import jax.numpy as jnp

from recover import theory


def purchases(model, truth, problem, solver, state):
    """Predicted risk of the samples bought, the factor of the bound, and how the sources found compare with those that matter.

    Columns: `predicted` (`rc.theory.representation_risk`), `factor` (`rc.theory.allocation_factor`, padding included), `power` and `false_share`,
    of the support of the planted relevance of least sum of sizes. Not a number for solvers that buy nothing.
    """
    if not hasattr(state, "relevance"):
        return dict.fromkeys(
            ("predicted", "factor", "power", "false_share"), jnp.full((), jnp.nan, problem.samples.dtype)
        )
    heads, head = problem.oracle
    wanted = theory.sparse_relevance(heads, head) != 0
    chosen = state.relevance != 0
    both = jnp.sum(wanted & chosen, dtype=head.dtype)
    dimension = jnp.full((), float(model.dimension))
    return {
        "predicted": theory.representation_risk(heads, head, state.samples, model.noise, dimension),
        "factor": theory.allocation_factor(state.relevance, solver.power),
        "power": both / jnp.maximum(jnp.sum(wanted, dtype=head.dtype), 1),
        "false_share": 1 - both / jnp.maximum(jnp.sum(chosen, dtype=head.dtype), 1),
    }
