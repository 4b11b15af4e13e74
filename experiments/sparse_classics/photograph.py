"""A photograph, compressively sensed and recovered in a wavelet basis."""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pandas as pd
import pydantic

from recover import LinearProblem, Table, solve, solvers
from recover.core import draws
from recover.operators import SubsampledHadamard, WaveletSynthesis

from ..fields import Count
from ..figure import Figure
from ..photographs import photograph
from .ratios import Ratios, Threshold


class Photograph(Figure):
    """Recovery of a photograph from randomised Hadamard measurements at several sampling ratios."""

    size: Count
    wavelet: str
    levels: Count
    sampling_ratios: Ratios
    noise: Threshold
    penalty: Threshold
    max_steps: Count

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if self.size & (self.size - 1):
            raise ValueError(f"`size` is {self.size}; a power of two is allowed")
        if self.size > 512:
            raise ValueError(f"`size` is {self.size}; the photograph allows at most 512")
        try:
            WaveletSynthesis((self.size, self.size), self.wavelet, self.levels)
        except ValueError as error:
            raise ValueError(str(error)) from None
        return self

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Images as rows (pixels as a list), and the peak signal-to-noise ratio of each reconstruction."""
        picture = photograph(self.size)
        images, scores = [_image("photograph", 1.0, picture)], []
        for number, ratio in enumerate(self.sampling_ratios):
            key = jax.random.fold_in(jax.random.key(self.seed), number)
            problem, synthesis = sense(key, picture, ratio, self.noise, self.wavelet, self.levels)
            for name, solver in {"AMP": solvers.AMP(), "FISTA": solvers.FISTA(penalty=self.penalty)}.items():
                started = time.perf_counter()
                solution = solve(problem, solver, max_steps=self.max_steps)
                estimate = np.asarray(synthesis.mv(solution.value)).reshape(picture.shape) + picture.mean()
                seconds = time.perf_counter() - started
                images.append(_image(name, ratio, estimate))
                scores.append(_score(name, ratio, picture, estimate, int(solution.stats["steps"]), seconds))
            least_norm = np.asarray(synthesis.mv(problem.adjoint(problem.observations))).reshape(picture.shape)
            least_norm = ratio * least_norm + picture.mean()
            images.append(_image("least norm", ratio, least_norm))
            scores.append(_score("least norm", ratio, picture, least_norm, 0, 0.0))
        return {"images": pd.DataFrame(images), "scores": pd.DataFrame(scores)}


def sense(key, picture: np.ndarray, ratio: float, noise: float, wavelet: str, levels: int):
    """Observations of a picture (its mean apart) through random rows of a sign-randomised Hadamard transform.

    The unknown of the problem are wavelet coefficients; `synthesis` turns them into pixels.
    """
    dimension = picture.size
    samples = round(ratio * dimension)
    key_rows, key_signs, key_noise = jax.random.split(key, 3)
    synthesis = WaveletSynthesis(picture.shape, wavelet, levels)
    rows = draws.random_order(key_rows, dimension)[:samples]
    signs = lx.DiagonalLinearOperator(draws.signs(key_signs, (dimension,)))
    scale = lx.DiagonalLinearOperator(jnp.full(samples, (dimension / samples) ** 0.5))
    operator = scale @ SubsampledHadamard(rows, dimension) @ signs @ synthesis
    pixels = jnp.asarray(picture - picture.mean()).reshape(-1)
    observations = eqx.filter_jit(lambda x: operator.mv(synthesis.T.mv(x)))(pixels)
    observations = observations + noise * draws.normal(key_noise, (samples,))
    return LinearProblem(operator, observations, noise=noise, column_norm=1.0), synthesis


def _image(name: str, ratio: float, pixels: np.ndarray) -> dict:
    return {
        "solver": name,
        "sampling_ratio": ratio,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "pixels": pixels.astype(np.float32).reshape(-1).tolist(),
    }


def _score(name: str, ratio: float, picture: np.ndarray, estimate: np.ndarray, steps: int, seconds: float) -> dict:
    error = float(np.mean((np.clip(estimate, 0, 1) - picture) ** 2))
    return {
        "solver": name,
        "sampling_ratio": ratio,
        "psnr": 10 * np.log10(1 / error),
        "steps": steps,
        "seconds": seconds,
    }
