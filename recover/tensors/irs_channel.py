"""The cascaded channel of a multi-antenna link over an intelligent reflecting surface (IRS)."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int, Key

from ..core import draws
from ..core.fields import Real, Size, count, integer, leaf, size
from ..core.leaves import complex_dtype
from ..core.linalg import eigh
from ..core.model import AbstractModel
from ..core.numbers import ratio, squared_norm, unit
from ..core.sizes import capacity, row_mask
from ..operators.mode_products import mode_products
from .kronecker_sparse import normalised_square_error, support_recovery
from .problem import KroneckerProblem

__all__ = ["CascadedChannel", "IRSChannel"]


class IRSDesign(eqx.Module):
    r"""What is sent: reflection patterns with entries $\pm 1/\sqrt{L}$, and pilots, one row per time slot."""

    patterns: Float[Array, "patterns elements"]
    pilots: Complex[Array, "pilots mobile_antennas"]


class CascadedChannel(eqx.Module):
    r"""Angular coefficients of a cascaded channel, and the gain of every angle under every pattern.

    Pattern $i$ makes the channel $H_i = \sum_{p,q,r} c_{ip}\, x_{pqr}\, a_{\mathrm{BS}}(r)\, a_{\mathrm{MS}}(q)^*$ with $c_i$ the rows of `gains`.
    """

    coefficients: Complex[Array, "grid grid grid"]
    gains: Complex[Array, "patterns grid"]


class IRSChannel(AbstractModel[IRSDesign, KroneckerProblem, CascadedChannel]):
    r"""Pilots through a reflecting surface: $Y_i = H_{\mathrm{BS}}\, \mathrm{diag}(\theta_i)\, H_{\mathrm{MS}} X + W_i$ for patterns $\theta_i$.

    Uniform linear arrays of $d$ antennas at half a wavelength have the steering vectors
    $a(\psi) = d^{-1/2} (e^{\mathrm{j}\pi n \psi})_{n < d}$; angles lie on the grid $\psi_q = 2 q / R - 1$. From the mobile station
    (MS) one path leaves, and it reaches the surface as a cluster of `spread` adjacent angles; from the surface one path leaves
    and reaches the base station (BS) as such a cluster:

    $$H_{\mathrm{BS}} = \sqrt{\tfrac{d_{\mathrm{BS}} L}{s}}\, \Big(\sum_{r} \alpha_r\, a_{\mathrm{BS}}(\psi_r)\Big)\, a_{\mathrm{IRS}}(\psi)^*, \qquad
      H_{\mathrm{MS}} = \sqrt{\tfrac{d_{\mathrm{MS}} L}{s}}\, \Big(\sum_{p} \beta_p\, a_{\mathrm{IRS}}(\psi_p)\Big)\, a_{\mathrm{MS}}(\psi')^*$$

    with $CN(0, 1)$ gains. The observations are $(\Theta^\top D) \otimes (X^\top \bar A_{\mathrm{MS}}) \otimes A_{\mathrm{BS}}$ applied to a tensor $x$ with
    $s \cdot 1 \cdot s$ nonzeros: angles of the surface enter only through their differences modulo $R$, so the first $R$ products
    $D_q = a_{\mathrm{IRS}}(\psi_0) \cdot \overline{a_{\mathrm{IRS}}(\psi_q)}$ suffice. Pilots are QPSK symbols over $\sqrt{d_{\mathrm{MS}}}$, patterns random signs
    over $\sqrt L$. The noise is circular with variance mean $|$signal$|^2$ over the signal-to-noise ratio, for every instance.

    Numbers of patterns and pilots, `spread` and `snr` are traced; array sizes and the grid are static. An estimate is the
    tensor of coefficients; the error is that of the channels, mean over patterns of
    $\|\hat H_i - H_i\|_F^2 / \|H_i\|_F^2$.

    **Arguments:**

    - `patterns`, `pilots`: numbers of reflection patterns and of time slots per pattern.
    - `snr`: signal-to-noise ratio in decibels; infinite without noise.
    - `spread`: angles per cluster, $s \le R$.
    - `mobile_antennas`, `base_antennas`, `elements`: antennas at both ends, and elements $L$ of the surface.
    - `grid`: number $R$ of angles on the grid.

    **Raises:** `ValueError` for an impossible size.

    Source: Y. He and G. Joseph, "Bayesian Algorithms for Kronecker-structured Sparse Vector Recovery With Application to
    IRS-MIMO Channel Estimation", IEEE Transactions on Signal Processing (2024) (he2024).
    """

    patterns: Size = size(1, default=6)
    pilots: Size = size(1, default=3)
    snr: Real = leaf(20.0, "decibels")
    spread: Int[Array, ""] = integer(1, most="grid", default=3)
    mobile_antennas: int = count(1, default=6)
    base_antennas: int = count(1, default=16)
    elements: int = count(1, default=256)
    grid: int = count(1, default=18)

    def content(self):
        """The fields in the order in which streams were drawn first."""
        for name in ("mobile_antennas", "base_antennas", "elements", "grid", "patterns", "pilots", "spread", "snr"):
            yield name, getattr(self, name)

    def design(self, key: Key[Array, ""]) -> IRSDesign:
        """Random patterns and pilots, as many as the capacities."""
        key_patterns, key_pilots = draws.split(key)
        signs = draws.signs(key_patterns, (capacity(self, "patterns"), self.elements))
        quadratures = draws.signs(key_pilots, (capacity(self, "pilots"), 2 * self.mobile_antennas))
        pilots = jax.lax.complex(quadratures[:, : self.mobile_antennas], quadratures[:, self.mobile_antennas :])
        scale = np.sqrt(0.5 / self.mobile_antennas).astype(signs.dtype)
        return IRSDesign(signs / np.sqrt(self.elements).astype(signs.dtype), pilots * scale.astype(pilots.dtype))

    def observe(self, key: Key[Array, ""], design: IRSDesign) -> tuple[KroneckerProblem, CascadedChannel]:
        """A channel on the grid and the noisy pilots received."""
        pattern_mask = row_mask(self.patterns, design.patterns.shape[0])
        pilot_mask = row_mask(self.pilots, design.pilots.shape[0])
        gains = jnp.where(pattern_mask[:, None], design.patterns.astype(self._complex) @ self._products(), 0)
        sent = jnp.where(pilot_mask[:, None], design.pilots @ self._mobile().conj(), 0)
        factors = (gains, sent, self._base())
        coefficients = self._coefficients(key)
        signal = mode_products(factors, coefficients)
        samples = self.patterns * self.pilots * self.base_antennas
        level = squared_norm(signal) / samples.astype(signal.real.dtype)
        noise = jnp.sqrt(level * 10.0 ** (-self.snr / 10))
        live = (pattern_mask[:, None] & pilot_mask[None, :])[:, :, None]
        perturbation = draws.complex_normal(draws.fold_in(key, 1), signal.shape)
        observations = signal + jnp.where(live, noise.astype(signal.dtype) * perturbation, 0)
        problem = KroneckerProblem(
            factors,
            observations,
            samples=samples,
            noise=noise,
            mode_sparsity=jnp.stack([self.spread, jnp.ones_like(self.spread), self.spread]),
        )
        return problem, CascadedChannel(coefficients, gains)

    def _coefficients(self, key) -> Complex[Array, "grid grid grid"]:
        key_angles, key_base, key_surface = draws.split(draws.fold_in(key, 0), 3)
        spread, grid = self.spread, self.grid
        chances = draws.uniform(key_angles, (4,))
        index = jnp.arange(grid, dtype=jnp.int32)

        def single(chance):
            return jnp.minimum(jnp.floor(chance * grid).astype(jnp.int32), grid - 1)

        def cluster(chance, key_gains):
            starts = grid - spread + 1
            start = jnp.minimum(jnp.floor(chance * starts.astype(chance.dtype)), starts.astype(chance.dtype) - 1)
            inside = (index >= start.astype(jnp.int32)) & (index < start.astype(jnp.int32) + spread)
            # A gain per place in the cluster, so that it does not depend on where the cluster begins.
            gain = jnp.roll(draws.complex_normal(key_gains, (grid,)), start.astype(jnp.int32))
            return jnp.where(inside, gain, 0)

        leaves_mobile, leaves_surface = single(chances[0]), single(chances[1])
        at_surface, at_base = cluster(chances[2], key_surface), cluster(chances[3], key_base)
        # conj(a(leaving)) . a(arriving) is the product of the difference of the two angles, modulo the grid.
        differences = jnp.zeros_like(at_surface).at[(leaves_surface - index) % grid].set(at_surface)
        mobile = (index == leaves_mobile).astype(at_base.dtype)
        amplitude = math.sqrt(self.mobile_antennas * self.base_antennas) * self.elements
        scale = amplitude / spread.astype(chances.dtype)
        return scale.astype(at_base.dtype) * (
            differences[:, None, None] * mobile[None, :, None] * at_base[None, None, :]
        )

    @property
    def _complex(self):
        return complex_dtype(jnp.zeros(()).dtype)

    def _steering(self, antennas: int) -> Complex[Array, "antennas grid"]:
        angles = 2 * np.arange(self.grid) / self.grid - 1
        table = np.exp(1j * np.pi * np.outer(np.arange(antennas), angles)) / np.sqrt(antennas)
        return jnp.asarray(table, self._complex)

    def _mobile(self):
        return self._steering(self.mobile_antennas)

    def _base(self):
        return self._steering(self.base_antennas)

    def _products(self) -> Complex[Array, "elements grid"]:
        surface = self._steering(self.elements)
        return surface[:, :1] * surface.conj()

    def channels(self, gains, coefficients) -> Complex[Array, "patterns base mobile"]:
        """The channel of every pattern; zero for padding."""
        mobile = self._mobile().conj()
        with jax.default_matmul_precision("float32"):
            cube = mode_products((gains, mobile, self._base()), coefficients)
        return jnp.swapaxes(cube, 1, 2)

    def error(self, truth: CascadedChannel, estimate) -> Float[Array, ""]:
        r"""Mean over patterns of $\|\hat H_i - H_i\|_F^2 / \|H_i\|_F^2$, for an estimate of the coefficients."""
        channel = self.channels(truth.gains, truth.coefficients)
        miss = self.channels(truth.gains, _coefficients(estimate) - truth.coefficients)
        missed = squared_norm(miss, (1, 2))
        return self._mean(ratio(missed, squared_norm(channel, (1, 2)), missed))

    def metrics(self, truth: CascadedChannel, estimate) -> dict[str, Float[Array, ""]]:
        r"""What the estimate is good for. With $(\hat u, \hat v)$ the leading singular pair of $\hat H_i$:

        - `coefficient_error`, `support_recovery`: squared relative error and overlap of supports, of the coefficients.
        - `symbol_error`: probability that a QPSK symbol sent along $\hat v$ and received along $\hat u$ is detected wrongly, at the
          model's signal-to-noise ratio; exact, by the normal distribution function.
        - `spectral_efficiency`: $\log_2(1 + \mathrm{SNR}\, |\hat u^* H_i \hat v|^2 / \|H_i\|_2^2)$ in bits per symbol;
          `spectral_efficiency_known` with the pair of the true channel.

        Means over patterns.
        """
        found = _coefficients(estimate)
        true_channel = self.channels(truth.gains, truth.coefficients)
        channel = self.channels(truth.gains, found)
        left, right = _leading_pair(channel)
        gain = _form(left, true_channel, right)
        expected = _form(left, channel, right)
        true_left, true_right = _leading_pair(true_channel)
        largest = jnp.abs(_form(true_left, true_channel, true_right))
        snr = 10.0 ** (jnp.asarray(self.snr, largest.dtype) / 10)
        return {
            "coefficient_error": normalised_square_error(truth.coefficients, found),
            "support_recovery": support_recovery(truth.coefficients, found),
            "symbol_error": self._mean(_qpsk_error(jnp.angle(gain * expected.conj()), snr)),
            "spectral_efficiency": self._mean(jnp.log2(1 + snr * ratio(jnp.abs(gain), largest) ** 2)),
            "spectral_efficiency_known": jnp.log2(1 + snr),
        }

    def _mean(self, values: Float[Array, " patterns"]) -> Float[Array, ""]:
        mask = row_mask(self.patterns, values.shape[0])
        return jnp.sum(jnp.where(mask, values, 0)) / jnp.asarray(self.patterns).astype(values.dtype)


def _coefficients(estimate):
    return estimate.coefficients if isinstance(estimate, CascadedChannel) else estimate


def _leading_pair(channels: Complex[Array, "patterns rows columns"]):
    # The smaller Gram matrix has an eigendecomposition that batches well.
    _, vectors = jax.vmap(eigh)(jnp.swapaxes(channels.conj(), 1, 2) @ channels)
    right = vectors[..., -1]
    left = jnp.squeeze(channels @ right[..., None], axis=-1)
    return unit(left), right


def _form(left, channels, right):
    return jnp.sum(left.conj() * jnp.squeeze(channels @ right[..., None], axis=-1), axis=-1)


def _qpsk_error(angle: Float[Array, " patterns"], snr: Float[Array, ""]) -> Float[Array, " patterns"]:
    """Probability of a wrong quadrant when a QPSK symbol arrives turned by `angle`; by symmetry one symbol tells all."""
    amplitude = jnp.sqrt(2 * snr)
    sides = (jnp.cos(angle + np.pi / 4), jnp.sin(angle + np.pi / 4))
    # 1 - (1 - p)(1 - q) without cancellation.
    first, second = (jax.scipy.special.ndtr(-amplitude * side) for side in sides)
    return first + second - first * second
