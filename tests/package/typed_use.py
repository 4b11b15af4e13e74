"""What README shows, with types, as research code writes it: checked by a strict pyright (test_package.py)."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import recover as rc
from recover.core import Real, Size, capacity, draws, leaf, relative_error, row_mask, size


def cell(samples: int, sparsity: int) -> tuple[rc.models.SparseRegression, rc.solvers.AMP]:
    return rc.models.SparseRegression(dimension=400, samples=samples, sparsity=sparsity), rc.solvers.AMP()


def phase_diagram() -> rc.Table:
    table = rc.sweep(cell, {"samples": range(40, 401, 24), "sparsity": range(4, 244, 12)}, trials=10, max_steps=300)
    print(table.frame, table.success(below=1e-3), table.boundary("sparsity", level=0.5, below=1e-3))
    return table.select(samples=100)


def transition() -> rc.BoundaryTrace:
    return rc.trace_boundary(cell, along={"sparsity": range(1, 200)}, over={"samples": [60, 80]}, width=4.0, below=1e-3)


def own_data() -> Array:
    problem = rc.LinearProblem(np.ones((3, 4)), np.ones(3))
    solver = rc.solvers.FISTA(penalty=0.1, patience=20)
    solution = rc.solve(problem, solver, max_steps=2000, throw=True)
    many = rc.solve_many([problem, problem], solver, max_steps=10)
    path = rc.path(problem, solver, "penalty", [0.1, 0.2])
    print(solution.result, solution.stats["steps"], many.value, path.value, rc.certify(problem, solution).holds)
    return solution.value


Problem = tuple[Array, Array]
State = tuple[Array, Array]


class PhaselessSigns(rc.models.AbstractModel[Array, Problem, Array]):
    samples: Size = size(1)

    def design(self, key: Array) -> Array:
        return draws.normal(key, (capacity(self, "samples"), 50))

    def observe(self, key: Array, design: Array) -> tuple[Problem, Array]:
        truth = draws.signs(key, (50,))
        rows = jnp.where(row_mask(self.samples, len(design))[:, None], design, 0)
        return (rows, jnp.abs(rows @ truth)), truth

    def error(self, truth: Array, estimate: Array) -> Array:
        return jnp.minimum(relative_error(truth, estimate), relative_error(truth, -estimate))


class Descent(rc.solvers.AbstractSolver[Problem, State]):
    step_size: Real = leaf(1e-3, "positive")

    def init(self, problem: Problem, key: Array) -> State:
        start = jax.random.normal(key, (50,))
        return start, jnp.max(jnp.abs(start))

    def step(self, problem: Problem, state: State) -> State:
        rows, y = problem
        moved = self.step_size * rows.T @ (rows @ state[0] - jnp.sign(rows @ state[0]) * y)
        return state[0] - moved, jnp.max(jnp.abs(moved))

    def status(self, problem: Problem, state: State) -> rc.Result:
        return rc.Result.where(state[1] < 1e-5, rc.Result.converged, rc.Result.running)

    def estimate(self, problem: Problem, state: State) -> Array:
        return state[0]


def own_pieces() -> rc.Table:
    def signs(samples: int) -> tuple[PhaselessSigns, Descent]:
        return PhaselessSigns(samples), Descent(step_size=0.01)

    return rc.sweep(signs, {"samples": range(100, 900, 50)}, trials=50)
