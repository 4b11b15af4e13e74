"""Phase retrieval: a random signal seen through the moduli of random measurements."""

import equinox as eqx
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float, Inexact, Key

from ..core import draws
from ..core.fields import Real, Size, choice, count, leaf, size
from ..core.metrics import relative_error
from ..core.model import AbstractModel
from ..core.numbers import squared_norm
from ..core.selection import largest_value
from ..core.sizes import capacity, row_mask
from ..operators.coded_diffraction import CodedDiffraction
from .phases import aligned, modulus, squared_cosine, times
from .problem import PhaselessProblem

__all__ = ["PhaseRetrieval"]

FIELDS = ("complex", "real")
PHASELESS_ENSEMBLES = ("gaussian", "octanary", "quaternary")
# Moduli of octanary masks, the second one with probability one fifth.
_SMALL, _LARGE, _RARE = 0.5**0.5, 3**0.5, 0.2


class PhaseRetrieval(AbstractModel[Array, PhaselessProblem, Array]):
    r"""$b_i = (|(A x_0)_i| + \sigma r w_i)_+$ with $w_i \sim N(0, 1)$ and $r$ the root mean square of the noiseless moduli.

    Entries of the signal are standard normal, real or circular complex of unit variance. Rows of $A$ are such, too, with
    `ensemble="gaussian"`. Coded diffraction patterns, of complex signals, are Fourier transforms behind random masks
    (`recover.operators.CodedDiffraction`, every $n$ rows a pattern): `"octanary"` ones are products of a uniform choice among
    $1, -1, i, -i$ and of $\sqrt{1/2}$ (probability 4/5) or $\sqrt 3$, `"quaternary"` ones the former alone. A share `outliers` of
    the observations, chosen independently, is the root of $|c|$ times the median of the others' intensities, $c$ Cauchy.

    The signal is defined up to a global phase (a sign), which `error` quotients out. `samples`, `noise` and `outliers` are traced.

    Sources: Candès, Li and Soltanolkotabi (candes2015), for masks and signals; Duchi and Ruan (duchi2019), for outliers.

    - `dimension`: number $n$ of entries of the signal.
    - `samples`: number $m$ of observations.
    - `field`: `"complex"` or `"real"`.
    - `ensemble`: `"gaussian"`, `"octanary"` or `"quaternary"`.
    - `noise`: $\sigma \ge 0$; `outliers`: a share in [0, 1).
    - `reveal_signal`: whether the problem also holds the signal, for starts of a given quality.

    **Raises:** `ValueError` for an impossible size or number, an unknown name, or masks of real signals.
    """

    dimension: int = count(1)
    samples: Size = size(1)
    field: str = choice(*FIELDS)
    ensemble: str = choice(*PHASELESS_ENSEMBLES)
    noise: Real = leaf(0.0, "standard deviation")
    outliers: Real = leaf(0.0, "decay")
    reveal_signal: bool = eqx.field(static=True, default=False)

    def check_together(self):
        """Masks are complex."""
        if self.field == "real" and self.ensemble != "gaussian":
            raise ValueError(f"PhaseRetrieval: `ensemble` is {self.ensemble!r}; of real signals 'gaussian' is allowed.")

    def design(self, key: Key[Array, ""]) -> Inexact[Array, "..."]:
        """The matrix, of shape (capacity of `samples`, dimension), or as many masks as have that many rows, one a row."""
        rows = capacity(self, "samples")
        if self.ensemble == "gaussian":
            return self._normal(key, (rows, self.dimension))
        key_phase, key_size = draws.split(key)
        shape = (-(-rows // self.dimension), self.dimension)
        quarter = jnp.floor(4 * draws.uniform(key_phase, shape)).astype(jnp.int32)
        masks = jnp.asarray([1, 1j, -1, -1j])[quarter]
        if self.ensemble == "quaternary":
            return masks
        return times(jnp.where(draws.uniform(key_size, shape) < _RARE, _LARGE, _SMALL), masks)

    def observe(self, key: Key[Array, ""], design) -> tuple[PhaselessProblem, Inexact[Array, " dimension"]]:
        """A signal and its moduli; the truth is the signal."""
        rows = capacity(self, "samples")
        key_signal, key_noise, key_place, key_value = draws.split(key, 4)
        truth = self._normal(key_signal, (self.dimension,))
        mask = row_mask(self.samples, rows)
        whole = lx.MatrixLinearOperator(design) if self.ensemble == "gaussian" else CodedDiffraction(design, rows)
        operator = lx.DiagonalLinearOperator(mask.astype(design.dtype)) @ whole
        clean = modulus(operator.mv(truth))
        scale = jnp.sqrt(squared_norm(clean) / self.samples.astype(clean.dtype))
        moduli = jnp.maximum(clean + self.noise * scale * draws.normal(key_noise, (rows,)), 0)
        median = largest_value(clean, self.samples - self.samples // 2)
        cauchy = jnp.tan(jnp.pi * (draws.uniform(key_value, (rows,)) - 0.5))
        outlying = draws.uniform(key_place, (rows,)) < self.outliers
        moduli = jnp.where(outlying, median * jnp.sqrt(jnp.abs(cauchy)), moduli)
        known = truth if self.reveal_signal else None
        observations = jnp.where(mask, moduli, 0)
        problem = PhaselessProblem(operator, observations, samples=self.samples, entry_size=1.0, known_signal=known)
        return problem, truth

    def _normal(self, key, shape):
        return draws.normal(key, shape) if self.field == "real" else draws.complex_normal(key, shape)

    def error(self, truth: Inexact[Array, " dimension"], estimate: Inexact[Array, " dimension"]) -> Float[Array, ""]:
        r"""$\min_\varphi \|e^{i \varphi} \hat x - x_0\| / \|x_0\|$, over signs where the signal is real."""
        return relative_error(truth, aligned(truth, estimate))

    def metrics(self, truth, estimate) -> dict[str, Float[Array, ""]]:
        r"""`overlap`: the squared cosine $|\langle \hat x, x_0 \rangle|^2 / (\|\hat x\|^2 \|x_0\|^2)$."""
        return {"overlap": squared_cosine(truth, estimate)}
