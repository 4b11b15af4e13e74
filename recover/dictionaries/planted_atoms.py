"""Planted features measured, and fed to trainers, in the atomic inner product."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..core import draws
from ..core.fields import Real, count, leaf
from ..core.model import AbstractModel
from .atomic_inner_product import second_moment, whitening
from .directions import greedy_distance
from .planted_activations import PlantedActivations
from .planted_features import REAL_SWITCH, FeatureDraws, PlantedFeatures

__all__ = ["Atoms", "PlantedAtoms"]


class Atoms(eqx.Module):
    """Directions, one per row, and the matrix that rows are multiplied by before their cosines are taken."""

    directions: Float[Array, "features dimension"]
    whitening: Float[Array, "dimension dimension"]


class PlantedAtoms(AbstractModel[FeatureDraws, PlantedActivations, Atoms]):
    r"""Streams of `PlantedFeatures` whose directions are compared in the atomic inner product, and whitened on request.

    $$x_l = T^\top k_l, \qquad T = W / \sqrt d \ \text{ or } \ I, \qquad W W^\top = \big( \mathbb{E}\, k k^\top \big)^{-1},$$

    with $k_l$ the rows of the given features and the second moment estimated from `rows` reference activations, which no
    batch has. Whitened rows have $\mathbb{E} \|x\|^2 = 1$, and their squared error is that of the atomic inner product. The
    truth are the directions as the trainer sees them with the whitening that is left to do; an estimate is a matrix of
    directions, one per row, of any number and lengths. Order and lengths are ambiguities, signs are not.

    `whitened` is traced. Source: Hu, Cao, Chen, Liu and Zhao, arXiv:2509.20784 (hu2025); training on whitened rows is an option of
    ours.

    **Arguments:**

    - `features`: the planted features; neither `stored` nor with noise.
    - `whitened`: whether the trainer sees whitened rows.
    - `rows`: reference activations of the second moment.

    **Raises:** `ValueError` for features with noise or in memory, or an impossible number.
    """

    features: PlantedFeatures
    whitened: Real = leaf(True, REAL_SWITCH)
    rows: int = count(1, default=4096)

    def check_together(self):
        """Rows are drawn from a key, and are exact mixtures."""
        features = self.features
        if features.stored or features.noise is not None:
            given = "stored=True" if features.stored else f"noise={features.noise}"
            raise ValueError(
                f"PlantedAtoms: `features` has {given}; features drawn from a key, without noise, are allowed."
            )

    def design(self, key: Key[Array, ""]) -> FeatureDraws:
        """The design of the features."""
        return self.features.design(key)

    def observe(self, key: Key[Array, ""], design: FeatureDraws) -> tuple[PlantedActivations, Atoms]:
        """The stream, and its directions."""
        stream, directions = self.features.observe(key, design)
        reference = eqx.tree_at(lambda tree: tree.key, stream, draws.fold_in(stream.key, 3))
        root = whitening(second_moment(reference.rows(jnp.arange(self.rows, dtype=jnp.int32))))
        identity = jnp.eye(root.shape[0], dtype=root.dtype)
        now = self.whitened > 0
        mapping = jnp.where(now, root / jnp.sqrt(stream.dimension.astype(root.dtype)), identity)
        mapped = directions @ mapping
        return eqx.tree_at(lambda tree: tree.features, stream, mapped), Atoms(mapped, jnp.where(now, identity, root))

    def error(self, truth: Atoms, estimate: Atoms | Float[Array, "width dimension"]) -> Float[Array, ""]:
        r"""One minus the mean over atoms of the largest cosine with a row of the estimate, in the atomic inner product."""
        return greedy_distance(*_compared(truth, estimate))

    def metrics(self, truth: Atoms, estimate: Atoms | Float[Array, "width dimension"]) -> dict[str, Float[Array, ""]]:
        """Those of `PlantedFeatures`, in the atomic inner product."""
        return self.features.metrics(*_compared(truth, estimate))


def _compared(truth, estimate):
    directions = estimate.directions if isinstance(estimate, Atoms) else estimate
    with jax.default_matmul_precision("float32"):
        return truth.directions @ truth.whitening, directions @ truth.whitening
