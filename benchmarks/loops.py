"""What one writes without a toolkit: instances of sparse regression and AMP in plain NumPy."""

import functools

import numpy as np

import recover as rc

# As in recover/core/stopping.py: a step improves if it lowers the best residual by this share; beyond the second the run is lost.
_IMPROVEMENT = 0.01
_BLOW_UP = 1e6


class StoppingRule:
    """The stopping rule of our iterations, over Python numbers; `tolerance=-1, patience=0` never stops a finite run."""

    def __init__(self, tolerance: float, patience: int):
        self._tolerance, self._patience = tolerance, patience
        self._best, self._since = np.inf, 0

    def verdict(self, residual, change) -> str | None:
        """Why to stop after a step with this relative residual and relative change; `None` to go on."""
        improved = residual < (1 - _IMPROVEMENT) * self._best
        self._best, self._since = (residual, 0) if improved else (self._best, self._since + 1)
        if not np.isfinite(residual) or residual > _BLOW_UP or np.isnan(change):
            return "diverged"
        if residual <= self._tolerance or change <= self._tolerance:
            return "converged"
        return "stalled" if 0 < self._patience <= self._since else None


def plain_amp(matrix, y, multiplier, max_steps, damping=1.0, rule=None):
    """AMP as one writes it in NumPy without a thought for types: estimate, steps and verdict.

    `np.count_nonzero` returns an int64, which promotes the float32 residual to float64, and every product with it.
    """
    samples = len(y)
    x, z = np.zeros(matrix.shape[1], y.dtype), y
    verdict, steps = None, 0
    while steps < max_steps and verdict is None:
        tau = np.sqrt(np.sum(z**2) / samples)
        r = x + matrix.T @ z
        denoised = np.sign(r) * np.maximum(np.abs(r) - multiplier * tau, 0)
        old, x = x, x + damping * (denoised - x)
        z = z + damping * (y - matrix @ x + z * np.count_nonzero(denoised) / samples - z)
        steps += 1
        if rule is not None:
            verdict = rule.verdict(np.linalg.norm(z) / np.linalg.norm(y), _relative(x - old, x))
    return x, steps, verdict or "exhausted"


def careful_amp(matrix, y, multiplier, max_steps, damping=1.0, rule=None):
    """The same iteration with every number kept in the precision of the data, and no temporary that can be spared."""
    real = y.dtype.type
    inverse, multiplier, damping = real(1 / len(y)), real(multiplier), real(damping)
    size = np.sqrt(np.dot(y, y))
    x, z = np.zeros(matrix.shape[1], y.dtype), y
    energy = np.dot(z, z)
    verdict, steps = None, 0
    while steps < max_steps and verdict is None:
        threshold = multiplier * np.sqrt(energy * inverse)
        r = x + matrix.T @ z
        denoised = r - np.clip(r, -threshold, threshold)
        onsager = real(np.count_nonzero(denoised)) * inverse
        difference = denoised - x
        if damping != 1:
            difference *= damping
        x = x + difference
        new = y - matrix @ x + z * onsager
        z = new if damping == 1 else z + damping * (new - z)
        energy = np.dot(z, z)
        steps += 1
        if rule is not None:
            verdict = rule.verdict(np.sqrt(energy) / size, _relative(difference, x))
    return x, steps, verdict or "exhausted"


def _relative(difference, reference) -> float:
    moved, size = np.sqrt(np.dot(difference, difference)), np.sqrt(np.dot(reference, reference))
    return moved / size if size > 0 else (np.inf if moved > 0 else 0.0)


@functools.cache
def minimax_multiplier(samples: int, dimension: int) -> float:
    """The threshold of AMP in units of the residual, as our solver sets it; looked up, as a script would."""
    # With as many samples as coefficients the minimax threshold vanishes, and nothing contracts.
    return float(rc.theory.minimax_threshold(min(samples / dimension, 0.95)))


def draw_matrix(random: np.random.Generator, samples: int, dimension: int):
    """A Gaussian design in float32 with columns of unit norm on average."""
    return random.standard_normal((samples, dimension), np.float32) / np.float32(np.sqrt(samples))


def draw_signal(random: np.random.Generator, dimension: int, sparsity: int):
    """A sparse vector with Gaussian coefficients, in float32."""
    truth = np.zeros(dimension, np.float32)
    truth[random.choice(dimension, sparsity, replace=False)] = random.standard_normal(sparsity)
    return truth


def amp_instance(amp, dimension: int, max_steps: int, damping: float = 1.0, stopping: tuple[float, int] | None = None):
    """A function that draws, observes and solves one instance of a cell; it returns relative error, steps and verdict."""

    def solve_one(cell, random):
        samples, sparsity = cell
        matrix = draw_matrix(random, samples, dimension)
        truth = draw_signal(random, dimension, sparsity)
        rule = None if stopping is None else StoppingRule(*stopping)
        multiplier = minimax_multiplier(samples, dimension)
        x, steps, verdict = amp(matrix, matrix @ truth, multiplier, max_steps, damping, rule)
        return float(np.linalg.norm(x - truth) / np.linalg.norm(truth)), steps, verdict

    return solve_one
