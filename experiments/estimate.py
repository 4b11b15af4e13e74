"""How long making programs may take, from what it took before on this machine."""

import dataclasses
import json
import pathlib


@dataclasses.dataclass(frozen=True)
class ProgramSeconds:
    """Seconds for one program, as means over `programs` that were made: traced, lowered, and compiled by XLA unless cached."""

    trace: float
    lower: float
    xla: float
    programs: int

    @staticmethod
    def of(results: pathlib.Path) -> "ProgramSeconds | None":
        """The means over all figures in a folder of results; `None` where nothing was computed that said so."""
        found = [json.loads(path.read_text())["provenance"] for path in sorted(results.glob("*/*/*/figure.json"))]
        found = [each for each in found if each.get("programs") and "trace_seconds" in each]
        programs = sum(each["programs"] for each in found)
        compiled = programs - sum(each["cache_hits"] for each in found)
        if not programs:
            return None
        trace, lower, xla = (sum(each[f"{name}_seconds"] for each in found) for name in ("trace", "lower", "xla"))
        return ProgramSeconds(trace / programs, lower / programs, xla / max(compiled, 1), programs)

    def of_many(self, count: int) -> str:
        """What so many programs may take, in words."""
        trace, lower, xla = (count * each for each in (self.trace, self.lower, self.xla))
        return (
            f"about {trace + lower + xla:.0f} s for {count} programs (tracing {trace:.1f}, lowering {lower:.1f}, XLA {xla:.1f} "
            f"unless cached; means of {self.programs} programs)"
        )
