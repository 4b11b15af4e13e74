"""A photograph through an uncalibrated array of sensors, by random masks that are never stored."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Calibration, CalibrationProblem, Table, solve, solvers
from recover.bilinear.model import cosine_basis
from recover.core import draws
from recover.operators import RedrawnMatrix

from ..fields import Count, Positive
from ..figure import Figure
from ..photographs import photograph
from .fields import Spread
from .noise import decibels


class Imaging(Figure):
    """Reconstructions of a photograph and of a smooth map of gains, without and with a prior on the map."""

    size: Count
    array: Count
    snapshots: Count
    prior_snapshots: Count
    gain_spread: Spread
    frequencies: Count
    max_steps: Count
    tolerance: Positive

    @pydantic.model_validator(mode="after")
    def _possible(self):
        if 512 % self.size:
            raise ValueError(f"`size` is {self.size}; a divisor of 512, the side of the photograph, is allowed")
        if self.frequencies > self.array:
            raise ValueError(f"`frequencies` is {self.frequencies}; at most {self.array} (the array) is allowed")
        return self

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Pictures and gain maps as rows, and the reconstruction signal-to-noise ratio of each method."""
        picture = photograph(self.size)
        images = [_row("truth", "picture", picture)]
        scores = []
        jobs = (("uncalibrated", self.snapshots, False), ("BC-PGD", self.snapshots, False),
                ("BC-PGD, gain prior", self.prior_snapshots, True))  # fmt: skip
        for name, snapshots, prior in jobs:
            problem, truth = expose(
                jax.random.key(self.seed), picture, self.array, snapshots, self.gain_spread, self.frequencies, prior
            )
            kind = solvers.UncalibratedLeastSquares if name == "uncalibrated" else solvers.BlindCalibrationPGD
            started = time.perf_counter()
            solution = solve(problem, kind(tolerance=self.tolerance), max_steps=self.max_steps)
            seconds = time.perf_counter() - started if solution.value.signal.block_until_ready() is not None else 0.0
            errors = {
                "signal": _relative(solution.value.signal, truth.signal),
                "gain": _relative(solution.value.gains, truth.gains),
            }
            unknowns = picture.size + (self.frequencies**2 if prior else self.array**2) - 1
            scores.append(
                {
                    "method": name,
                    "snapshots": snapshots,
                    "oversampling": self.array**2 * snapshots / unknowns,
                    "mask_entries": self.array**2 * snapshots * picture.size,
                    "steps": int(solution.stats["steps"]),
                    "seconds": seconds,
                    **{name: float(decibels(error)) for name, error in errors.items()},
                }
            )
            scale = np.linalg.norm(picture)
            images.append(_row(name, "picture", np.asarray(solution.value.signal).reshape(picture.shape) * scale))
            images.append(_row(name, "gains", np.asarray(solution.value.gains).reshape(self.array, self.array)))
        images.append(_row("truth", "gains", np.asarray(truth.gains).reshape(self.array, self.array)))
        return {"images": pd.DataFrame(images), "scores": pd.DataFrame(scores)}


def expose(
    key, picture: np.ndarray, array: int, snapshots: int, spread: float, frequencies: int, prior: bool
) -> tuple[CalibrationProblem, Calibration]:
    """Snapshots of a picture by a square array of sensors with smooth gains, each sensor through its own random mask.

    Masks of signs are drawn again in every product. The gains are one plus a random combination of the cosines of
    lowest frequency over the array; with `prior` the problem knows their subspace.
    """
    key_masks, key_gains = jax.random.split(key)
    sensors = array * array
    operator = RedrawnMatrix(key_masks, snapshots, sensors, picture.size, "signs")
    basis = _plane_waves(array, frequencies)
    coefficients = draws.normal(key_gains, (frequencies * frequencies,)).at[0].set(0.0)
    excess = basis @ coefficients
    gains = 1 + spread * excess / jnp.max(jnp.abs(excess))
    signal = jnp.asarray(picture, gains.dtype).reshape(-1)
    signal = signal / jnp.linalg.norm(signal)
    clean = jax.jit(lambda operator, x: operator.mv(x))(operator, signal).reshape(snapshots, sensors)
    problem = CalibrationProblem(
        operator, gains[None, :] * clean, gain_spread=spread, gain_basis=basis if prior else None
    )
    return problem, Calibration(signal, gains)


def _plane_waves(array: int, frequencies: int):
    """Products of the cosines of lowest frequency along both sides of a square array, orthonormal columns."""
    wave = cosine_basis(jnp.asarray(array, jnp.int32), array, frequencies)
    return jnp.einsum("ia,jb->ijab", wave, wave).reshape(array * array, frequencies * frequencies)


def _relative(estimate, truth) -> float:
    estimate, truth = np.asarray(estimate, float), np.asarray(truth, float)
    return float(np.linalg.norm(estimate - truth) / np.linalg.norm(truth))


def _row(method: str, what: str, pixels: np.ndarray) -> dict:
    return {
        "method": method,
        "what": what,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "pixels": pixels.astype(np.float32).reshape(-1).tolist(),
    }
