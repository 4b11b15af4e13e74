"""How good random search is with as many queries as a solver made."""


def random_gap(model, truth, problem, solver, state):
    """The mean gap of the best of as many random actions, over the misspecification: `random_gap`."""
    queries = solver.stats(problem, state)["queries"].astype(truth.rewards.dtype)
    return {"random_gap": truth.random_gap(queries) / truth.misspecification}
