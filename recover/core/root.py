"""Scalar roots whose derivatives are cheap and cannot fail."""

import jax
import optimistix as optx
from jaxtyping import Array, Float


def find_root(residual, solver, guess, args, max_steps: int, options=None) -> Float[Array, ""]:
    """The root of the scalar function `residual(root, args)`, differentiable in `args` by the implicit function theorem.

    Optimistix finds it. Its own implicit derivative is not used: that is a linear solve which raises on a slope that is
    not finite, so that one lane at the end of its range would end a whole batch; here it is one division.
    """

    @jax.custom_jvp
    def root(args, guess, options):
        return optx.root_find(
            residual, solver, guess, args=args, options=options, max_steps=max_steps, throw=False
        ).value

    @root.defjvp
    def derivative(primals, tangents):
        value = root(*primals)
        slope = jax.grad(residual)(value, primals[0])
        _, change = jax.jvp(lambda args: residual(value, args), primals[:1], tangents[:1])
        return value, -change / slope

    guess, options = jax.lax.stop_gradient((guess, options or {}))
    return root(args, guess, options)
