"""Proofs, by a dual vector, that coefficients are what an l1 programme asks for."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int

from ..core.checks import RULES, check, require_flag
from ..core.linalg import cholesky, cholesky_solve, eigvalsh
from ..core.momentum import extrapolate
from ..core.numbers import norm, ratio, squared_norm
from ..core.solve import Solution
from ..operators.norms import spectral_norm
from .certificates import duality_gap, reached_by
from .problem import LinearProblem

__all__ = ["Certification", "certify"]

# Entries below this share of the largest one are taken for zeros before the rest is fitted anew.
_NEGLIGIBLE = 1e-4
# What the search for a dual vector aims at, below which it ends, and its longest run.
_AIM, _SUFFICES, _MOST_STEPS = 0.98, 0.99, 1000
_MARGIN = 1.05
# In rounding units of the energy of the data: what a duality gap is known to.
_ROUNDING = 4


class Certification(eqx.Module):
    """Whether coefficients are proved optimal, and the numbers that prove it.

    - `holds`: whether `value` is proved to be the only minimiser, up to the rounding that `slack` accounts for.
    - `value`: the coefficients of which that is said: those given, fitted anew on their support where the programme has no
      penalty.
    - `support`: how many of these are not zero.
    - `slack`: how far the dual vector stays below its bound off the support, of a bound of 1, less what rounding may add.
    - `conditioning`: smallest over largest eigenvalue of the Gram matrix of the columns on the support.
    - `residual`: without a penalty, the distance of `A value` from the observations, relative to these.
    - `gap`: with a penalty, the duality gap over the objective; without, zero.
    """

    holds: Bool[Array, ""]
    value: Inexact[Array, " dimension"]
    support: Int[Array, ""]
    slack: Float[Array, ""]
    conditioning: Float[Array, ""]
    residual: Float[Array, ""]
    gap: Float[Array, ""]


class _Support(eqx.Module):
    """Columns on a support, at most as many as there are rows, and the factor of their Gram matrix."""

    columns: Inexact[Array, "rows rows"]
    places: Int[Array, " rows"]
    used: Bool[Array, " rows"]
    factor: Inexact[Array, "rows rows"]
    scale: Float[Array, ""]
    conditioning: Float[Array, ""]

    def equations(self, right: Inexact[Array, " rows"]) -> Inexact[Array, " rows"]:
        """The vector of least norm whose products with the columns are given."""
        return self.columns @ cholesky_solve(self.factor, jnp.where(self.used, right, 0))

    def fit(self, right: Inexact[Array, " rows"], like: Inexact[Array, " dimension"]):
        """Coefficients of least squares: as a vector, and on the support alone."""
        found = jnp.where(self.used, cholesky_solve(self.factor, self.products(right)), 0)
        return jnp.zeros_like(like).at[self.places].add(found), found

    def products(self, z: Inexact[Array, " rows"]) -> Inexact[Array, " rows"]:
        """Products of the columns with a vector."""
        return jnp.conj(self.columns).T @ z


def certify(
    problem: Any,
    solution: Any,
    *,
    penalty: Any = None,
    nonnegative: bool = False,
    tolerance: Any = 1e-3,
) -> Certification:
    r"""Proves, where it can, that coefficients are the only minimiser of an l1 programme.

    Without a `penalty` the programme is $\min \|x\|_1$ subject to $A x = A \hat x$, with $\hat x$ the given coefficients fitted anew
    on their support $S$. They are its only minimiser if the columns on $S$ are independent and some $z$ has

    $$a_i^* z = \mathrm{sign}\, \hat x_i \ (i \in S), \qquad |a_j^* z| < 1 \ (j \notin S);$$

    of nonnegative coefficients the second is $a_j^* z < 1$. Such a $z$ is searched for from that of least norm by accelerated
    projected gradients on $\frac12 \sum_{j \notin S} (|a_j^* z| - 0.98)_+^2$. What is proved holds for the observations up to
    `residual`, which must be at most `tolerance`.

    With a `penalty` $\lambda$ it is $\min \frac12 \|y - A x\|^2 + \lambda \|x\|_1$, and $r / \lambda$, scaled into the
    constraint, is the dual vector: the objective is within `gap` of its least, and as the dual optimum lies within
    $\sqrt{2\, \mathrm{gap}} / \lambda$, a positive `slack` proves that the one minimiser has no coefficient off the support.

    No proof is no disproof: where `holds` is false, there may be another dual vector. Under `jax.jit` and `jax.vmap`, and in a
    sweep's `measure=`, of whose table it is then a column. Cost: one dense matrix, a factorisation of as many columns as there
    are rows, and up to 1,000 pairs of products.

    **Arguments:**

    - `problem`: a `LinearProblem`, real or complex.
    - `solution`: what `solve` returned, or coefficients.
    - `penalty`: strength of the l1 penalty, in the units of the data.
    - `nonnegative`: whether coefficients are nonnegative by constraint.
    - `tolerance`: largest relative residual, or share of the objective.

    **Raises:** `TypeError` for another kind of problem; `ValueError` for coefficients of another number, and for impossible numbers.

    Source: Fuchs (fuchs2004, theorem 2) and Ndiaye, Fercoq, Gramfort and Salmon (ndiaye2017) on what a gap
    says of the support.
    """
    if not isinstance(problem, LinearProblem):
        raise TypeError(f"certify: `problem` is a {type(problem).__name__}; a LinearProblem is allowed.")
    x = jnp.asarray(solution.value if isinstance(solution, Solution) else solution)
    if x.shape != (problem.dimension,):
        raise ValueError(
            f"certify: `solution` has shape {x.shape}; ({problem.dimension},) is allowed, one coefficient for each column."
        )
    check("certify", "tolerance", tolerance, RULES["positive"])
    require_flag("certify", "nonnegative", nonnegative)
    if penalty is not None:
        check("certify", "penalty", penalty, RULES["positive"])
    return _certified(problem, x.astype(problem.observations.dtype), penalty, nonnegative, tolerance)


@eqx.filter_jit
def _certified(problem, x, penalty, nonnegative, tolerance):
    matrix = problem.operator.as_matrix()
    if penalty is not None:
        return _penalised(problem, matrix, x, penalty, nonnegative, tolerance)
    # Of an exact fit, coefficients that do not belong vanish: the second fit is without them.
    rough, _ = _columns(matrix, _noticeable(x)).fit(problem.observations, x)
    support = _noticeable(rough)
    kept, longest = _columns(matrix, support), jnp.max(norm(matrix, axis=0))
    value, fitted = kept.fit(problem.observations, x)
    residual = ratio(norm(problem.observations - matrix @ value), norm(problem.observations))
    signs = jnp.where(kept.used, fitted / jnp.where(fitted == 0, 1, jnp.abs(fitted)).astype(fitted.dtype), 0)
    largest, error = _dual_vector(problem, matrix, support, kept, signs, nonnegative)
    # Equations that hold up to `error` hold exactly for a vector that moves every product by at most so much.
    least = jnp.sqrt(kept.conditioning * kept.scale)
    slack = 1 - largest - ratio(longest * error, least, jnp.inf)
    right = jnp.all(~kept.used | (jnp.real(fitted) > 0)) if nonnegative else jnp.bool_(True)
    holds = _determined(problem, support, kept) & right & (slack > 0) & (residual <= tolerance) & jnp.any(support)
    # Nothing but zero has norm zero.
    holds = jnp.where(norm(problem.observations) == 0, ~jnp.any(support), holds)
    return Certification(holds, value, jnp.sum(support), slack, kept.conditioning, residual, jnp.zeros_like(residual))


def _noticeable(x) -> Bool[Array, " dimension"]:
    return jnp.abs(x) > _NEGLIGIBLE * jnp.max(jnp.abs(x))


def _determined(problem, support, kept) -> Bool[Array, ""]:
    """Whether coefficients on a support are determined by what fits."""
    rounding = len(kept.used) * jnp.finfo(kept.conditioning.dtype).eps
    return (jnp.sum(support) <= problem.samples) & (kept.conditioning > rounding)


def _columns(matrix, support) -> _Support:
    rows = matrix.shape[0]
    count = min(rows, matrix.shape[1])
    places = jnp.argsort(~support, stable=True)[:count]
    used = support[places]
    columns = jnp.where(used[None, :], matrix[:, places], 0)
    gram = jnp.conj(columns).T @ columns
    scale = jnp.max(jnp.where(used, jnp.real(jnp.diagonal(gram)), 0))
    scale = jnp.where(scale > 0, scale, 1).astype(gram.dtype)
    filled = gram + jnp.diag(jnp.where(used, 0, scale))
    values = eigvalsh(filled / scale)
    # A support of dependent columns has no factor: nothing is proved, and nothing may become NaN.
    factor = cholesky(filled)
    factor = jnp.where(jnp.all(jnp.isfinite(factor)), factor, jnp.sqrt(scale) * jnp.eye(count, dtype=gram.dtype))
    return _Support(columns, places, used, factor, jnp.real(scale) * values[-1], jnp.maximum(values[0], 0) / values[-1])


def _reached(matrix, support, z, nonnegative):
    """Products of a vector with the columns, and the largest of those off the support that the dual bounds."""
    products = jnp.conj(matrix).T @ z
    return products, jnp.max(jnp.where(support, 0, reached_by(products, nonnegative)))


def _dual_vector(problem, matrix, support, kept, signs, nonnegative):
    """Of a vector whose products with columns on the support are nearly the signs: the largest with others, and what misses the signs."""
    start = kept.equations(signs)
    step = 1 / (_MARGIN * spectral_norm(problem.operator, jax.random.key(0), 50)) ** 2

    def goes_on(carry):
        *_, largest, steps = carry
        return (steps < _MOST_STEPS) & (largest > _SUFFICES)

    # Points with momentum meet the equations, too: they are what is looked at, once.
    def advance(carry):
        ahead, z, momentum, products, _, steps = carry
        size = reached_by(products, nonnegative)
        over = jnp.where(support, 0, ratio(jnp.maximum(size - _AIM, 0), size))
        target = ahead - step.astype(z.dtype) * (matrix @ (over.astype(products.dtype) * products))
        moved = target + kept.equations(signs - kept.products(target))
        momentum, ahead = extrapolate(momentum, ahead, z, moved)
        return ahead, moved, momentum, *_reached(matrix, support, ahead, nonnegative), steps + 1

    one = jnp.ones((), jnp.abs(start).dtype)
    first = start, start, one, *_reached(matrix, support, start, nonnegative), jnp.zeros((), jnp.int32)
    z, _, _, _, largest, _ = jax.lax.while_loop(goes_on, advance, first)
    return largest, norm(signs - kept.products(z))


def _penalised(problem, matrix, x, penalty, nonnegative, tolerance):
    support = x != 0
    kept, longest = _columns(matrix, support), jnp.max(norm(matrix, axis=0))
    strength = jnp.asarray(penalty, jnp.abs(x).dtype)
    residual = problem.residual(x)
    products = problem.adjoint(residual)
    left, share = duality_gap(residual, products, jnp.full(support.shape, strength), x, nonnegative)
    objective = squared_norm(residual) / 2 + strength * jnp.sum(jnp.abs(x))
    rounding = _ROUNDING * jnp.finfo(strength.dtype).eps * squared_norm(problem.observations) / 2
    gap = jnp.maximum(left, 0) + rounding
    # The dual optimum lies within this distance of the scaled residual.
    around = longest * jnp.sqrt(2 * gap)
    slack = 1 - (share * jnp.max(jnp.where(support, 0, reached_by(products, nonnegative))) + around) / strength
    right = jnp.all(jnp.real(x) >= 0) if nonnegative else jnp.bool_(True)
    relative = ratio(gap, objective)
    holds = _determined(problem, support, kept) & right & (slack > 0) & (relative <= tolerance)
    return Certification(holds, x, jnp.sum(support), slack, kept.conditioning, jnp.zeros_like(gap), relative)
