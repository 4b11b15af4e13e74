"""Derivatives of a solve: by what makes its answer optimal, or through its steps."""

import abc
import dataclasses
import math
from collections.abc import Callable

import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.flatten_util as jfu
import jax.numpy as jnp
import jax.tree_util as jtu
import lineax as lx
from jaxtyping import Array, ArrayLike, Bool, PyTree

from .fields import AbstractModule, choice, count
from .numbers import norm
from .products import full_products
from .results import Result

__all__ = ["ImplicitAdjoint", "Optimality", "UnrolledAdjoint"]

# So many unknowns are solved for by a factorisation, of matrices that are definite and of others; more by products alone.
_FACTORED, _FACTORED_INDEFINITE = 64, 512
# Of a system that is solved by products: in rounding units, how small its residual is to be.
_PRECISION = 10


def _itself(unknown: PyTree) -> PyTree:
    return unknown


@dataclasses.dataclass(frozen=True)
class Optimality:
    r"""What the answer of a solve depends on: $v = a(\theta, u)$ with $r(\theta, u) = 0$.

    Discrete decisions (supports, the choice among candidates) are read off the final state and held. `residual` and `answer` are
    functions of $u$ that read everything else, $\theta$, off the solver and the problem: what they read off the state has no
    derivative.

    - `unknown`: $u$, a pytree of real arrays; `()` where the answer is explicit in the data.
    - `residual`: $r$, of the structure of $u$.
    - `answer`: $a$, what `estimate` returns; by default $u$ itself.
    - `free`: which entries of $u$ may move, of its structure; all by default. The others have no derivative, nor equations.
    - `definite`: whether $\partial r / \partial u$ is symmetric and positive definite over these.
    """

    unknown: PyTree
    residual: Callable[[PyTree], PyTree] = _itself
    answer: Callable[[PyTree], PyTree] = _itself
    free: PyTree[Bool[Array, "..."]] | None = None
    definite: bool = False


class AbstractAdjoint(AbstractModule):
    """How a solve is differentiated."""

    @abc.abstractmethod
    def unrolls(self) -> bool:
        """Whether derivatives go through the steps."""


class ImplicitAdjoint(AbstractAdjoint):
    r"""Derivatives of the answer by the implicit function theorem, whatever the steps that led to it.

    With the `Optimality` that a solver declares,

    $$\mathrm{d} u = -\left(\frac{\partial r}{\partial u}\right)^{-1} \frac{\partial r}{\partial \theta}\, \mathrm{d} \theta,$$

    in forward and in reverse mode and of any order, at the cost of one linear system and in memory that does not depend on the
    number of steps. $\theta$ are the data, the entries of the operator and the parameters of the solver. A problem on the boundary
    between two supports has no derivative: there it is that of the support that was found.

    Only `value` has a derivative: that of `stats`, `state` and `history` is NaN.

    - `linear_solver`: a solver of lineax for the system; by default conjugate gradients where its matrix is definite, else a
      factorisation or, from 513 unknowns on, GMRES.
    - `require_convergence`: the derivative of a solve whose result is not `Result.converged` is NaN; with `False` it is taken as
      if the answer were optimal. That of a system which is not solved is NaN either way.

    **Raises:** `NotImplementedError`, when it is differentiated, for a solver that declares no `optimality`, or complex data.

    Source: Bertrand, Klopfenstein, Massias, Blondel, Vaiter, Gramfort and Salmon (bertrand2022b), for sparse penalties.
    """

    linear_solver: lx.AbstractLinearSolver | None = None
    require_convergence: bool = eqx.field(static=True, default=True)

    def unrolls(self) -> bool:
        """No."""
        return False


class UnrolledAdjoint(AbstractAdjoint):
    r"""Derivatives through the steps: of the iterate that was reached, whether or not it has converged.

    In reverse mode steps are computed again from checkpoints, so memory grows with their number and not with that of the steps.
    Everything in the solution has a derivative. `max_steps` must be known, and another one is compiled again.

    - `mode`: `"reverse"` for `jax.grad` and `jax.vjp`; `"forward"` for `jax.jvp` and `jax.jacfwd`, which the other cannot.
    - `checkpoints`: how many there are; by default about $\sqrt{2 \cdot \texttt{max\_steps}}$.

    Source: Stumm and Walther (stumm2010), by `equinox.internal.while_loop`.
    """

    mode: str = choice("reverse", "forward")
    checkpoints: int | None = count(1, default=None)

    def unrolls(self) -> bool:
        """Yes."""
        return True

    def loop(self, unfinished: Callable, body: Callable, start: PyTree, most: int) -> PyTree:
        """`jax.lax.while_loop` of at most so many turns, to be differentiated."""
        if self.mode == "forward":
            return jax.lax.while_loop(unfinished, body, start)
        return eqxi.while_loop(
            unfinished, body, start, max_steps=most, kind="checkpointed", checkpoints=self.checkpoints
        )


def held(tree: PyTree) -> PyTree:
    """The same values without derivatives."""
    return eqx.combine(jax.lax.stop_gradient(eqx.filter(tree, eqx.is_array)), tree)


class Aside:
    """What of the output of a function is no array: JAX's rules see arrays alone."""

    def __init__(self):
        self.static = None

    def arrays(self, output: PyTree) -> PyTree:
        """The arrays of an output, the rest laid aside."""
        arrays, self.static = eqx.partition(output, eqx.is_array)
        return arrays

    def whole(self, arrays: PyTree) -> PyTree:
        """The output again."""
        return eqx.combine(arrays, self.static)


def implicitly(run: Callable, posed: PyTree, rest: PyTree, adjoint: ImplicitAdjoint) -> PyTree:
    """`run(posed, rest)`, a solution of the problem and the solver that are posed, with the derivatives of `ImplicitAdjoint`."""
    aside = Aside()
    arrays, _ = _solved(posed, rest, run=run, adjoint=adjoint, aside=aside)
    return aside.whole(arrays)


@eqx.filter_custom_jvp
def _solved(posed, rest, *, run, adjoint, aside):
    """The arrays of the solution, and the unknown, which derivatives of higher order need."""
    solution = run(posed, rest)
    optimality = posed.solver.optimality(posed.problem, solution.state)
    unknown = None if optimality is None else optimality.unknown
    return aside.arrays(solution), unknown


@_solved.def_jvp
def _(primals, tangents, *, run, adjoint, aside):
    (posed, rest), (moved, _) = primals, tangents
    with full_products():
        return _differentiated(posed, rest, moved, run, adjoint, aside)


def _differentiated(posed, rest, moved, run, adjoint, aside):
    """The outputs of `_solved`, and their tangents where what is posed moves."""
    arrays, unknown = _solved(posed, rest, run=run, adjoint=adjoint, aside=aside)
    if unknown is None:
        name = type(posed.solver).__name__
        raise NotImplementedError(
            f"solve: {name} does not say what makes its answer optimal (`optimality`), so `ImplicitAdjoint` cannot differentiate "
            "it; `adjoint=rc.UnrolledAdjoint()`, which differentiates its steps, is allowed."
        )
    if any(jnp.iscomplexobj(leaf) for leaf in jtu.tree_leaves(unknown)):
        raise NotImplementedError(
            "solve: `ImplicitAdjoint` does not differentiate solves of complex data; `adjoint=rc.UnrolledAdjoint()`, which "
            "differentiates their steps, is allowed."
        )
    solution = aside.whole(arrays)
    fixed, moving = eqx.partition(posed, jtu.tree_map(_is_none, moved, is_leaf=_is_none), is_leaf=_is_none)
    state = held(solution.state)

    def optimality(moving) -> Optimality:
        whole = eqx.combine(moving, fixed)
        return whole.solver.optimality(whole.problem, state)

    def answer(moving, unknown):
        found = optimality(moving).answer(unknown)
        return eqx.filter(eqx.combine(moving, fixed).restored(found), eqx.is_inexact_array)

    flat, unravel = jfu.ravel_pytree(unknown)
    here = optimality(moving)
    free = None if here.free is None else jfu.ravel_pytree(here.free)[0]

    def residual(moving, flat):
        return _kept(free, jfu.ravel_pytree(optimality(moving).residual(unravel(flat)))[0], 0)

    def products(direction):
        _, image = jax.jvp(lambda flat: residual(moving, flat), (flat,), (_kept(free, direction, 0),))
        return _kept(free, image, direction)

    step = flat
    if flat.size:
        _, right = jax.jvp(lambda moving: residual(moving, flat), (moving,), (moved,))
        step = -_solve(products, right, here.definite, adjoint.linear_solver)
    _, shift = jax.jvp(answer, (moving, unknown), (moved, unravel(step)))

    # What has no derivative has one that is not a number wherever anything moves.
    nowhere = sum(jnp.sum(_poisoned(leaf)).astype(flat.dtype) for leaf in jtu.tree_leaves(moved))

    def undefined(leaf):
        if not eqx.is_inexact_array(leaf):
            return None
        return _poisoned(jnp.broadcast_to(nowhere, leaf.shape).astype(leaf.dtype))

    none = jtu.tree_map(undefined, arrays)
    if adjoint.require_convergence:
        converged = solution.result == Result.converged
        shift = jtu.tree_map(lambda known, unknown: jnp.where(converged, known, unknown), shift, none.value)
    return (arrays, unknown), (eqx.tree_at(lambda arrays: arrays.value, none, shift), unravel(step))


def _is_none(leaf) -> bool:
    return leaf is None


def _kept(free: Array | None, kept: Array, otherwise: ArrayLike) -> Array:
    return kept if free is None else jnp.where(free, kept, otherwise)


def _poisoned(tangent: Array) -> Array:
    """NaN where a tangent is not zero; and so in reverse, where cotangents that are zero must not do harm."""

    def spread(_, tangent):
        return jnp.where(tangent == 0, 0, jnp.nan).astype(tangent.dtype)

    return jax.lax.custom_linear_solve(_itself, tangent, spread, spread, symmetric=True)


def _solve(products: Callable, right: Array, definite: bool, linear_solver: lx.AbstractLinearSolver | None) -> Array:
    """The solution of a linear system, and of the transposed one in reverse; NaN where it is not solved."""
    tags = lx.positive_semidefinite_tag if definite else ()
    solver = _default_solver(right, definite) if linear_solver is None else linear_solver

    def solve(products, right):
        # In units in which matrix and right-hand side are of order one, as iterative solvers want them.
        size = norm(right)
        start = right / jnp.where(size > 0, size, 1)
        scale = norm(products(start))
        scale = jnp.where(scale > 0, scale, 1)

        def scaled(direction):
            return products(direction) / scale

        operator = lx.FunctionLinearOperator(scaled, jax.eval_shape(lambda: right), tags)
        found = lx.linear_solve(operator, start, solver, throw=False).value
        solved = norm(start - scaled(found)) <= math.sqrt(jnp.finfo(right.dtype).eps)
        return jnp.where(size == 0, 0, jnp.where(solved, found * (size / scale), jnp.nan))

    return jax.lax.custom_linear_solve(products, right, solve, solve, symmetric=definite)


def _default_solver(right: Array, definite: bool) -> lx.AbstractLinearSolver:
    precision = _PRECISION * float(jnp.finfo(right.dtype).eps)
    if definite:
        # By its recursion the residual falls below any bound.
        few = right.size <= _FACTORED
        return lx.Cholesky() if few else lx.CG(rtol=0.0, atol=precision, stabilise_every=None)
    few = right.size <= _FACTORED_INDEFINITE
    return lx.LU() if few else lx.GMRES(rtol=0.0, atol=precision, restart=50)


def fixed_point(
    iterate: Callable[[PyTree], PyTree], unknown: PyTree, answer: Callable[[PyTree], PyTree] = _itself
) -> Optimality:
    r"""The `Optimality` of $u = T(u)$."""

    def residual(unknown):
        return jtu.tree_map(lambda old, new: old - new, unknown, iterate(unknown))

    return Optimality(unknown, residual, answer)


def explicit(answer: Callable[[], PyTree]) -> Optimality:
    """The `Optimality` of an answer that is a function of the data alone."""
    return Optimality((), answer=lambda _: answer())
