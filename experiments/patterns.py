"""What is measured of patterns of known entries, in a module of its own: rows that were measured depend on this code alone."""

from jaxtyping import Array

from recover.problems import MatrixCompletionProblem


def pattern(model, truth, problem: MatrixCompletionProblem, solver, state) -> dict[str, Array]:
    """Known entries in the poorest row or column, and how often the pattern was drawn again."""
    return {"poorest": problem.fewest, "redraws": problem.redraws}
