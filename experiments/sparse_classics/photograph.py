"""A photograph, compressively sensed and recovered in a wavelet basis."""

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pandas as pd
import pydantic

from recover import LinearProblem, solve, solvers
from recover.core import draws
from recover.operators import SubsampledHadamard, WaveletSynthesis

from ..fields import Count, Positive, Share
from ..figure import Figure
from ..photographs import image_row, photograph


class Photograph(Figure):
    """A photograph from randomised Hadamard measurements at several ratios, with the quality of each reconstruction."""

    size: Count
    wavelet: str
    levels: Count
    sampling_ratios: tuple[Share, ...]
    noise: Positive
    penalty: Positive
    max_steps: Count

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if self.size & (self.size - 1) or self.size > 512:
            raise ValueError(f"`size` is {self.size}; a power of two is allowed, at most 512 (the photograph)")
        WaveletSynthesis((self.size, self.size), self.wavelet, self.levels)
        return self

    def predictions(self):
        truth = photograph(self.size)
        images = [image_row(truth, solver="photograph", sampling_ratio=1.0, psnr=np.inf)]
        kinds = {"AMP": solvers.AMP(), "FISTA": solvers.FISTA(penalty=self.penalty)}
        for number, ratio in enumerate(self.sampling_ratios):
            problem, synthesis = self._sense(jax.random.fold_in(jax.random.key(self.seed), number), truth, ratio)
            found = {name: solve(problem, kind, max_steps=self.max_steps).value for name, kind in kinds.items()}
            found["least norm"] = ratio * problem.adjoint(problem.observations)
            for name, value in found.items():
                estimate = np.asarray(synthesis.mv(value)).reshape(truth.shape) + truth.mean()
                psnr = -10 * np.log10(np.mean((np.clip(estimate, 0, 1) - truth) ** 2))
                images.append(image_row(estimate, solver=name, sampling_ratio=ratio, psnr=psnr))
        return {"images": pd.DataFrame(images)}

    def _sense(self, key, picture: np.ndarray, ratio: float) -> tuple[LinearProblem, WaveletSynthesis]:
        """Observations of a picture (its mean apart) through random rows of a sign-randomised Hadamard transform.

        The unknowns of the problem are wavelet coefficients; the synthesis turns them into pixels.
        """
        dimension, samples = picture.size, round(ratio * picture.size)
        key_rows, key_signs, key_noise = jax.random.split(key, 3)
        synthesis = WaveletSynthesis(picture.shape, self.wavelet, self.levels)
        rows = SubsampledHadamard(draws.random_order(key_rows, dimension)[:samples], dimension)
        signs = lx.DiagonalLinearOperator(draws.signs(key_signs, (dimension,)))
        scale = lx.DiagonalLinearOperator(jnp.full(samples, (dimension / samples) ** 0.5))
        operator = scale @ rows @ signs @ synthesis
        pixels = jnp.asarray(picture - picture.mean()).reshape(-1)
        observations = eqx.filter_jit(lambda x: operator.mv(synthesis.T.mv(x)))(pixels)
        observations = observations + self.noise * draws.normal(key_noise, (samples,))
        return LinearProblem(operator, observations, noise=self.noise, column_norm=1.0), synthesis
