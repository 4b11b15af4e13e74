"""Matrix completion: a random matrix of low rank, of which uniformly random entries are known."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.fields import Real, Size, choice, count, integer, leaf, size
from ..core.linalg import qr
from ..core.metrics import relative_error
from ..core.model import AbstractModel
from ..core.selection import smallest_words_mask
from ..core.sizes import capacity
from ..core.threefry import bits
from .completion_problem import MatrixCompletionProblem

__all__ = ["MatrixCompletion"]


class MatrixCompletion(AbstractModel[Array, MatrixCompletionProblem, Array]):
    r"""$Y_{ij} = X_{ij} + \sigma\, \bar x\, g_{ij}$ for $m$ uniformly random entries, $X = U \operatorname{diag}(s) V^\top$ of rank $r$.

    $U$ and $V$ are Haar distributed and $g_{ij} \sim N(0, 1)$; $\bar x$ is the root mean square of the entries of $X$. Singular
    values fall from one to $1/\kappa$: geometrically, $s_k = \kappa^{-(k - 1)/(r - 1)}$ (`"log"`), or evenly (`"linear"`). The known
    entries are those with the smallest random words, so their number is traced, as are rank, $\kappa$ and $\sigma$. With `fewest`
    above zero the words are drawn again, up to `redraws` times, until every row and column has as many known entries; the
    problem says how often that was.

    **Arguments:**

    - `rows`, `columns`: sides of the matrix; square by default.
    - `rank`: $1 \le r \le \min(n_1, n_2)$.
    - `samples`: number $m$ of known entries.
    - `condition_number`: $\kappa \ge 1$.
    - `noise`: $\sigma \ge 0$.
    - `fewest`: known entries that every row and column must have; `redraws`: how often that is tried.
    - `spectrum`: `"log"` or `"linear"`.

    Sources: Kümmerle and Mayrink Verdun (kummerle2021) for the geometric spectrum and redrawn patterns; Tong, Ma and Chi
    (tong2021) for the even one.

    **Raises:** `ValueError` for an impossible size or number, or an unknown name.
    """

    rows: int = count(1)
    rank: Size = size(1, most="smaller_side")
    samples: Int[Array, ""] = integer(1, most="entries")
    condition_number: Real = leaf(1.0, "at least one")
    noise: Real = leaf(0.0, "standard deviation")
    fewest: Int[Array, ""] = integer(0, most="smaller_side", default=0)
    redraws: Int[Array, ""] = integer(0, default=200)
    columns: int | None = count(1, default=None)
    spectrum: str = choice("log", "linear")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the matrix."""
        return self.rows, self.rows if self.columns is None else self.columns

    @property
    def smaller_side(self) -> int:
        """The largest rank that there can be."""
        return min(self.shape)

    @property
    def entries(self) -> int:
        """The number of entries of the matrix."""
        return self.shape[0] * self.shape[1]

    def design(self, key: Key[Array, ""]) -> Key[Array, ""]:
        """The key of the patterns, whose draws depend on the number of entries that are wanted."""
        return key

    def observe(
        self, key: Key[Array, ""], design: Array
    ) -> tuple[MatrixCompletionProblem, Float[Array, "rows columns"]]:
        """A matrix of low rank and its known entries; the truth is the matrix."""
        key_truth, key_noise = draws.split(key)
        truth = self._matrix(key_truth)
        noise = draws.normal(key_noise, self.shape)
        level = self.noise * jnp.sqrt(jnp.mean(truth**2))
        known, redraws = self._pattern(design)
        return MatrixCompletionProblem(truth + level * noise, known, redraws=redraws), truth

    def _pattern(self, key):
        def drawn(attempt):
            words = bits(draws.fold_in(key, attempt.astype(jnp.uint32)), (self.entries,))
            return smallest_words_mask(words, self.samples).reshape(self.shape)

        def poor(state):
            attempt, known = state
            fewest = jnp.minimum(*(jnp.min(jnp.sum(known, axis, dtype=jnp.int32)) for axis in (0, 1)))
            return (fewest < self.fewest) & (attempt < self.redraws)

        def again(state):
            attempt = state[0] + 1
            return attempt, drawn(attempt)

        zero = jnp.zeros((), jnp.int32)
        attempt, known = jax.lax.while_loop(poor, again, (zero, drawn(zero)))
        return known, attempt

    def _matrix(self, key) -> Float[Array, "rows columns"]:
        width = min(capacity(self, "rank"), self.smaller_side)
        key_left, key_right = draws.split(key)
        # Leading columns of Q depend on leading columns of the Gaussian matrix alone, so a larger capacity adds nothing.
        left, right = (
            qr(draws.normal(each, (width, side)).T)[0]
            for each, side in zip((key_left, key_right), self.shape, strict=True)
        )
        index = jnp.arange(width, dtype=jnp.int32)
        place = index.astype(left.dtype) / jnp.maximum(self.rank - 1, 1).astype(left.dtype)
        if self.spectrum == "log":
            values = self.condition_number ** (-place)
        else:
            values = 1 + (1 / self.condition_number - 1) * place
        return (left * jnp.where(index < self.rank, values, 0)[None, :]) @ right.T

    def error(self, truth: Float[Array, "rows columns"], estimate: Float[Array, "rows columns"]) -> Float[Array, ""]:
        r"""$\|\hat X - X\|_F / \|X\|_F$."""
        return relative_error(truth, estimate)
