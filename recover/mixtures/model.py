"""A hyperspectral image: smooth spectra mixed pixel by pixel, with channels that are outliers."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..core import draws
from ..core.checks import Rule, check, require_name
from ..core.fields import Real, Size, Whole, count, integer, leaf, size
from ..core.leaves import is_concrete
from ..core.metrics import correlation
from ..core.model import AbstractModel
from ..core.numbers import squared_norm
from ..core.sizes import capacity, row_mask
from .mixture import Mixture, endmember_mean, gini_level, matched, spectral_angles
from .problem import UnmixingProblem
from .spatial import box_sums

__all__ = ["OUTLIER_CHANNELS", "SpectralMixture"]

OUTLIER_CHANNELS = ("added", "replaced", "blank")

# Wavelengths in micrometres, as of the usual sensors.
_SHORTEST, _LONGEST = 0.4, 2.5
# Candidates for every endmember: the first that is far from all earlier ones is taken.
_CANDIDATES = 6
_LEAST_ANGLE = 0.1
_DIPS = 6
# Level, tilt, height, place and width of the edge, number of dips; place, depth and width of every dip.
_NUMBERS = 6 + 3 * _DIPS
_BLANK = 0.05


class SpectralMixture(AbstractModel[Float[Array, "channels draws"], UnmixingProblem, Mixture]):
    r"""$Y = \max(0, M A + E)$: $K$ spectra on $L$ channels, mixed in every pixel of an image, with outlier channels.

    *Endmembers.* Random smooth reflectances on 0.4 to 2.5 micrometres: a level, a tilt and an edge, times three to six Gaussian
    absorption bands, clipped to [0.02, 0.98]; spectral angles between them are at least 0.1 if one of six candidates allows.

    *Abundances.* Blocks of `block` x `block` pixels hold one endmember each, drawn at random; every abundance map is smoothed
    by a mean over `window` x `window` pixels; where the largest abundance exceeds `purity`, the pixel becomes the uniform
    mixture $1/K$. So the mixing level varies over the image. `variation` $v$ makes it vary more: in column $x$ of a width of
    $w$ the smoothed and the sharp maps are mixed with weights $1 - v (1 - x/w)$ and $v (1 - x/w)$, so that with $v = 1$
    pixels are pure on the left and mixed on the right.

    *Noise.* Gaussian, `snr` decibels below the mean square of $M A$ in every instance. A uniformly random set of `outliers`
    channels is degraded besides: `"added"`, further Gaussian noise of standard deviation $u \sim U(0.5, 1)$, where signals
    are below 1; `"replaced"`, that noise alone; `"blank"`, uniform values in [0, 0.05]. Negative values become zero.

    The truth is a `Mixture`, with the Gini index of its abundances as levels and weight 0 for outlier channels. Endmembers have no
    order: errors are taken after the best matching. Counts, `snr`, `purity`, `variation` and the kind of outliers are
    traced, image, block and window are static.

    Source: the generator of blocks, low-pass filter and purity is that of L. Miao and H. Qi, IEEE Transactions on Geoscience
    and Remote Sensing 45 (2007) (miao2007), in common use since; the spectra are ours.
    """

    side: int = count(1)
    block: int = count(1)
    window: int = count(1)
    channels: Size = size(2)
    endmembers: Size = size(2)
    outliers: Int[Array, ""] = integer(0)
    snr: Real = leaf(rule="decibels")
    purity: Real = leaf(rule="share")
    variation: Real = leaf(rule="closed probability")
    # A traced choice: all kinds share one program, since making each costs nothing next to the image.
    kind: Whole = leaf()

    def __init__(
        self,
        side: int,
        channels,
        endmembers,
        outliers=0,
        snr=25.0,
        purity=0.8,
        variation=0.0,
        outlier_kind: str = "added",
        block: int = 8,
        window: int = 9,
    ):
        """**Arguments:**

        - `side`: rows and columns of the image, a multiple of `block`.
        - `channels`: number of channels, outliers included.
        - `endmembers`: number of endmembers, at least 2.
        - `outliers`: number of outlier channels.
        - `snr`: signal-to-noise ratio in decibels; infinite without noise.
        - `purity`: largest abundance that is left as it is.
        - `variation`: how much the mixing level rises from left to right, from 0 to 1.
        - `outlier_kind`: `"added"`, `"replaced"` or `"blank"`.
        - `block`: side of the blocks.
        - `window`: side of the smoothing window, odd.

        **Raises:** `ValueError` for an impossible size, share or name.
        """
        require_name("SpectralMixture", "outlier_kind", outlier_kind, OUTLIER_CHANNELS)
        self.side, self.block, self.window = side, block, window
        self.channels, self.endmembers, self.outliers = channels, endmembers, outliers
        self.snr, self.purity, self.variation = snr, purity, variation
        self.kind = OUTLIER_CHANNELS.index(outlier_kind)

    def check_together(self):
        """Blocks fill the image, windows have a middle, and some channels are no outliers."""
        name, block = type(self).__name__, self.block
        check(name, "side", self.side, Rule(f"a multiple of `block` ({block})", lambda v: v % block == 0))
        check(name, "window", self.window, Rule("an odd number", lambda v: v % 2 == 1))
        if is_concrete(self.channels):
            channels = np.asarray(self.channels)
            check(name, "outliers", self.outliers, Rule("fewer than `channels`", lambda v: v < channels))

    def design(self, key: Key[Array, ""]) -> Float[Array, "channels draws"]:
        """Standard normal noise for every channel and pixel, and again for outlier channels, side by side."""
        return draws.normal(key, (capacity(self, "channels"), 2 * self.side**2))

    def observe(self, key: Key[Array, ""], design: Float[Array, "channels draws"]) -> tuple[UnmixingProblem, Mixture]:
        """An image; the truth is the mixture that made it."""
        key_spectra, key_labels, key_channels = draws.split(key, 3)
        spectra = self._spectra(draws.uniform(key_spectra, (capacity(self, "endmembers"), _CANDIDATES * _NUMBERS)))
        abundances = self._abundances(draws.uniform(key_labels, ((self.side // self.block) ** 2,)))
        dtype = spectra.dtype
        rows = capacity(self, "channels")
        live = row_mask(self.channels, rows)
        numbers = draws.uniform(key_channels, (rows, 2))
        scores = jnp.where(live, numbers[:, 0], jnp.inf)
        outlying = jnp.argsort(jnp.argsort(scores)).astype(jnp.int32) < self.outliers
        signal = spectra @ abundances
        entries = self.channels.astype(dtype) * self.side**2
        level = jnp.sqrt(squared_norm(signal) / entries * 10.0 ** (-self.snr / 10))
        noise, further = jnp.split(design, 2, axis=1)
        strong = (1 + numbers[:, 1, None]) / 2 * further
        spoiled = jnp.stack(
            [signal + level * noise + strong, strong, _BLANK * jax.scipy.special.ndtr(further)],
        )[self.kind]
        observations = jnp.where(outlying[:, None], spoiled, signal + level * noise)
        problem = UnmixingProblem(
            jnp.where(live[:, None], observations, 0),
            endmembers=self.endmembers,
            shape=(self.side, self.side),
            channels=self.channels,
            capacities=(("endmembers", capacity(self, "endmembers")),),
        )
        trusted = (live & ~outlying).astype(dtype)
        return problem, Mixture(spectra, abundances, gini_level(abundances, self.endmembers), trusted)

    def _spectra(self, numbers: Float[Array, "endmembers draws"]) -> Float[Array, "channels endmembers"]:
        rows = capacity(self, "channels")
        live = row_mask(self.channels, rows)
        dtype = numbers.dtype
        last = (self.channels - 1).astype(dtype)
        position = jnp.arange(rows, dtype=jnp.int32).astype(dtype) / last
        candidates = _reflectances(numbers.reshape(numbers.shape[0], _CANDIDATES, _NUMBERS), position)
        candidates = jnp.where(live[:, None, None], candidates, 0)

        # One endmember after the other, so that a larger capacity only adds some.
        def choose(chosen, index):
            offered = candidates[:, index]
            angles = spectral_angles(offered, chosen)
            # Endmembers that are not chosen yet are columns of zeros, at a right angle to all.
            nearest = jnp.min(angles, axis=1)
            far = nearest >= _LEAST_ANGLE
            pick = jnp.where(jnp.any(far), jnp.argmax(far), jnp.argmax(nearest))
            return chosen.at[:, index].set(offered[:, pick]), None

        nothing = jnp.zeros(candidates.shape[:2], dtype)
        chosen = jax.lax.scan(choose, nothing, jnp.arange(candidates.shape[1], dtype=jnp.int32))[0]
        return jnp.where(row_mask(self.endmembers, chosen.shape[1])[None, :], chosen, 0)

    def _abundances(self, numbers: Float[Array, " blocks"]) -> Float[Array, "endmembers pixels"]:
        dtype = numbers.dtype
        width, blocks = capacity(self, "endmembers"), self.side // self.block
        number = self.endmembers
        labels = jnp.minimum(jnp.floor(numbers * number.astype(dtype)).astype(jnp.int32), number - 1)
        ones = jnp.ones((self.block, self.block), jnp.int32)
        labels = jnp.kron(labels.reshape(blocks, blocks), ones)
        index = jnp.arange(width, dtype=jnp.int32)
        sharp = (labels[None] == index[:, None, None]).astype(dtype)
        # Sums of zeros and ones are exact, and so is whether an abundance exceeds the purity.
        sums = box_sums(sharp, self.window)
        smooth = sums / jnp.sum(sums, axis=0, keepdims=True)
        column = jnp.arange(self.side, dtype=jnp.int32).astype(dtype) / self.side
        share = self.variation * (1 - column)[None, None, :]
        maps = (smooth + share * (sharp - smooth)).reshape(width, -1)
        uniform = row_mask(number, width).astype(dtype) / number.astype(dtype)
        pure = jnp.max(maps, axis=0) > self.purity
        return jnp.where(pure[None, :], uniform[:, None], maps)

    @property
    def outlier_kind(self) -> str:
        """Name of what is wrong with outlier channels."""
        return OUTLIER_CHANNELS[int(self.kind)]

    def error(self, truth: Mixture, estimate: Mixture) -> Float[Array, ""]:
        r"""Root mean squared error of the abundances (RMSE), $\frac1K \sum_k \sqrt{\frac1N \sum_n (a_{kn} - \hat a_{kn})^2}$.

        After matching endmembers and scaling the abundances of every pixel to sum to one.
        """
        return endmember_mean(matched(truth, estimate)[1], jnp.asarray(self.endmembers))

    def metrics(self, truth: Mixture, estimate: Mixture) -> dict[str, Float[Array, ""]]:
        """What else tells a good estimate.

        - `sad`: mean spectral angle distance in radians, over the channels that are no outliers.
        - `level_correlation`: correlation of the levels with the true ones.
        - `outlier_weight`: mean weight of the outlier channels, relative to the median of all; 0 without outliers.
        - `largest_outlier_weight`: the largest of them.
        """
        live = row_mask(self.channels, truth.weights.shape[0])
        outlying = live & (truth.weights == 0)
        weights = jnp.where(outlying, estimate.weights, 0)
        number = jnp.sum(outlying).astype(weights.dtype)
        return {
            "sad": endmember_mean(matched(truth, estimate)[0], jnp.asarray(self.endmembers)),
            "level_correlation": correlation(truth.levels, estimate.levels),
            "outlier_weight": jnp.sum(weights) / jnp.maximum(number, 1),
            "largest_outlier_weight": jnp.max(weights),
        }


def _reflectances(
    numbers: Float[Array, "endmembers candidates draws"], position: Float[Array, " channels"]
) -> Float[Array, "channels endmembers candidates"]:
    """One smooth spectrum per row of uniform numbers: a level, a tilt, an edge and absorption bands, in [0.02, 0.98]."""
    wavelength = (_SHORTEST + (_LONGEST - _SHORTEST) * position)[:, None, None]

    def between(index, low, high):
        return (low + (high - low) * numbers[..., index])[None]

    level, tilt, height = between(0, 0.2, 0.7), between(1, -0.2, 0.2), between(2, -0.2, 0.2)
    place, width = between(3, 0.6, 2.2), between(4, 0.03, 0.2)
    spectrum = level + tilt * (position - 0.5)[:, None, None] + height * jnp.tanh((wavelength - place) / width)
    dips = 3 + jnp.floor((_DIPS - 2) * numbers[..., 5])[None]
    for dip in range(_DIPS):
        centre, depth = between(6 + 3 * dip, _SHORTEST, _LONGEST), between(7 + 3 * dip, 0.1, 0.6)
        width = between(8 + 3 * dip, 0.02, 0.12)
        band = jnp.exp(-(((wavelength - centre) / width) ** 2) / 2)
        spectrum = spectrum * (1 - jnp.where(dip < dips, depth, 0) * band)
    return jnp.clip(spectrum, 0.02, 0.98)
