"""One sparse code of a known dictionary of planted features."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core.fields import Real, leaf
from ..core.model import AbstractModel
from ..core.selection import largest_mask
from ..core.stopping import relative_norm
from ..sparse.problem import LinearProblem
from .atomic_inner_product import whitening
from .planted_features import REAL_SWITCH, FeatureDraws, PlantedFeatures

__all__ = ["PlantedCode"]


class PlantedCode(AbstractModel[FeatureDraws, LinearProblem, Array]):
    r"""$y = D h$: a nonnegative code with few nonzeros, seen through a known dictionary.

    The columns of $D$ are planted features, or, where `whitened`, those of $\sqrt{n/d}\, (D D^\top)^{-1/2} D$ up to a rotation:
    the dictionary in the kernel of its own atomic inner product, of unit mean square length. The truth is the vector $h$.
    `whitened` is traced; sizes are those of the features. All lanes of a trial share the numbers behind the features.

    Source: Hu, Cao, Chen, Liu and Zhao, arXiv:2509.20784 (hu2025); the ensemble is of our own.

    **Arguments:**

    - `features`: the planted features, with one size of supports, neither `stored` nor with noise.
    - `whitened`: whether to whiten them.

    **Raises:** `ValueError` for features with noise, in memory, or without one size of supports.
    """

    features: PlantedFeatures
    whitened: Real = leaf(True, REAL_SWITCH)

    def check_together(self):
        """The code is an exact mixture, of so many features."""
        features = self.features
        sizes = None if features.active is None else features.active.shape
        if features.stored or features.noise is not None or sizes != (1,):
            raise ValueError(
                f"PlantedCode: `features` has stored={features.stored}, noise={features.noise}, sizes of supports {sizes}; "
                "features drawn from a key, without noise, with one size of supports are allowed."
            )

    def design(self, key: Key[Array, ""]) -> FeatureDraws:
        """The design of the features."""
        return self.features.design(key)

    def observe(self, key: Key[Array, ""], design: FeatureDraws) -> tuple[LinearProblem, Float[Array, " features"]]:
        """The dictionary as a linear operator, and a code drawn with `key`."""
        stream, directions = self.features.observe(key, design)
        stream = eqx.tree_at(lambda tree: tree.key, stream, key)
        truth = stream.codes(jnp.zeros(1, jnp.int32))[0].astype(directions.dtype)
        dtype = directions.dtype
        scale = jnp.sqrt(stream.feature_count.astype(dtype) / stream.dimension.astype(dtype))
        root = scale * whitening(directions.T @ directions, 0.0)
        columns = jnp.where(self.whitened > 0, directions @ root, directions)
        observations = truth @ columns
        problem = LinearProblem(columns.T, observations, column_norm=jnp.ones((), dtype))
        # Sizes are traced, so they go in behind the checks.
        sizes = stream.dimension, stream.active[0]
        return eqx.tree_at(
            lambda tree: (tree.samples, tree.sparsity), problem, sizes, is_leaf=lambda leaf: leaf is None
        ), truth

    def error(self, truth: Float[Array, " features"], estimate: Float[Array, " features"]) -> Float[Array, ""]:
        r"""$\|\hat h - h\| / \|h\|$."""
        return relative_norm(estimate - truth, truth)

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        """`support`: one if the largest entries of the estimate, as many as the code has, are where the code's are."""
        active = truth != 0
        found = largest_mask(jnp.abs(estimate), jnp.sum(active).astype(jnp.int32))
        return {"support": jnp.all(found == active).astype(truth.dtype)}
