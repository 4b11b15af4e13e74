"""Has anything become slower? Ratios of two measurements in one run, against those of a reference run.

Times differ between machines and from hour to hour; how much faster one way is than another on the same machine in the
same run differs far less. Only names that start with `ratio_`, or are a share of the peak per core, are compared; for all of
them larger is better.
"""

import dataclasses

# Ratios taken on a quiet machine repeat within a tenth or so; on a busy one a third is about what can be asked for.
ALLOWANCE = 0.35


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A ratio now and then. `now` is `None` where this run did not measure it."""

    name: str
    reference: float
    now: float | None
    allowance: float

    @property
    def slower(self) -> bool:
        """Whether the ratio has fallen by more than is allowed."""
        # Written so that a ratio that is not a number counts as slower.
        return self.now is not None and not self.now >= (1 - self.allowance) * self.reference


def ratios(results: dict[str, dict]) -> dict[str, float]:
    """What is compared, by benchmark and name."""
    return {
        f"{benchmark}.{name}": float(value)
        for benchmark, numbers in results.items()
        for name, value in numbers.items()
        if ("ratio_" in name and "wall_ratio_" not in name) or name.endswith("share_of_peak_per_core")
    }


def compare(now: dict[str, dict], reference: dict[str, dict], allowance: float = ALLOWANCE) -> list[Verdict]:
    """One verdict per ratio of the reference, in its order. A benchmark that failed loses its ratios: see `failed`."""
    measured = ratios(now)
    return [Verdict(name, value, measured.get(name), allowance) for name, value in ratios(reference).items()]


def failed(results: dict[str, dict]) -> dict[str, str]:
    """Benchmarks that gave no numbers, and their last complaint."""
    return {name: numbers["failed"] for name, numbers in results.items() if "failed" in numbers}
