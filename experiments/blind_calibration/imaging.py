"""A photograph through an uncalibrated array of sensors, by random masks that are never stored."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pydantic

from recover import Calibration, CalibrationProblem, solve, solvers
from recover.bilinear.model import cosine_basis
from recover.core import draws
from recover.operators import RedrawnMatrix

from ..fields import Count, Positive, ProperFraction
from ..figure import Figure
from ..photographs import image_row, photograph
from .common import decibels


class Imaging(Figure):
    """Reconstructions of a photograph and of a smooth map of gains, without and with a prior on the map."""

    size: Count
    array: Count
    snapshots: Count
    prior_snapshots: Count
    gain_spread: ProperFraction
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

    def predictions(self):
        descent, plain = (
            kind(tolerance=self.tolerance) for kind in (solvers.BlindCalibrationPGD, solvers.UncalibratedLeastSquares)
        )
        methods = {
            "uncalibrated": (plain, self.snapshots, False),
            "BC-PGD": (descent, self.snapshots, False),
            "BC-PGD, gain prior": (descent, self.prior_snapshots, True),
        }
        images = []
        for method, (solver, snapshots, prior) in methods.items():
            problem, truth = self._expose(snapshots, prior)
            solution = solve(problem, solver, max_steps=self.max_steps)
            unknowns = self.size**2 + (self.frequencies**2 if prior else self.array**2) - 1
            equations, steps = self.array**2 * snapshots, int(solution.stats["steps"])
            sizes = {"snapshots": snapshots, "equations": equations, "oversampling": equations / unknowns}
            if not images:
                images.extend(self._rows("truth", truth, truth))
            images.extend({**row, **sizes, "steps": steps} for row in self._rows(method, solution.value, truth))
        return {"images": pd.DataFrame(images)}

    def _expose(self, snapshots: int, prior: bool) -> tuple[CalibrationProblem, Calibration]:
        """Snapshots of a picture by a square array of sensors with smooth gains, each sensor through its own random mask.

        Masks of signs are drawn again in every product. The gains are one plus a random combination of the cosines of
        lowest frequency over the array; with `prior` the problem knows their subspace.
        """
        key_masks, key_gains = jax.random.split(jax.random.key(self.seed))
        operator = RedrawnMatrix(key_masks, snapshots, self.array**2, self.size**2, "signs")
        # Products of cosines along both sides of the array: orthonormal columns.
        wave = cosine_basis(jnp.asarray(self.array, jnp.int32), self.array, self.frequencies)
        basis = jnp.einsum("ia,jb->ijab", wave, wave).reshape(self.array**2, self.frequencies**2)
        excess = basis @ draws.normal(key_gains, (self.frequencies**2,)).at[0].set(0.0)
        gains = 1 + self.gain_spread * excess / jnp.max(jnp.abs(excess))
        signal = jnp.asarray(photograph(self.size), gains.dtype).reshape(-1)
        signal = signal / jnp.linalg.norm(signal)
        clean = jax.jit(lambda operator, x: operator.mv(x))(operator, signal).reshape(snapshots, -1)
        known = {"gain_spread": self.gain_spread, "gain_basis": basis if prior else None}
        return CalibrationProblem(operator, gains[None, :] * clean, **known), Calibration(signal, gains)

    def _rows(self, method: str, found: Calibration, truth: Calibration) -> list[dict]:
        """The picture and the map of gains, each with its reconstruction signal-to-noise ratio."""
        rows = []
        scale = np.linalg.norm(photograph(self.size))
        for what, factor in (("signal", scale), ("gains", 1.0)):
            pixels, true = (np.asarray(getattr(pair, what), float) for pair in (found, truth))
            side, ratio = round(pixels.size**0.5), decibels(np.linalg.norm(pixels - true) / np.linalg.norm(true))
            rows.append(image_row(factor * pixels.reshape(side, side), method=method, what=what, decibels=float(ratio)))
        return rows
