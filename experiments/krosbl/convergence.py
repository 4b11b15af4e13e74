"""Error per step of expectation maximisation."""

import numpy as np
import pandas as pd
import pydantic

from recover import Table, models

from ..fields import Count
from ..figure import Figure, Sweep
from .settings import SolverNames, make


class Trajectories(Figure):
    """Histories of the error, run to the end of the budget."""

    dimension: Count
    rows: tuple[Count, Count, Count]
    sparsity: Count
    snr: float
    solvers: SolverNames
    trials: Count
    max_steps: Count
    inner_tolerance: float = pydantic.Field(gt=0)

    def model(self, amplitudes: str = "kronecker"):
        """The model that all trajectories see."""
        return models.KroneckerSparse(
            (self.dimension,) * 3, self.rows, self.sparsity, snr=self.snr, amplitudes=amplitudes
        )

    def sweep(self, cell, axes) -> dict[str, Sweep]:
        """The sweep that records every step."""
        options = {"seed": self.seed, "max_steps": self.max_steps, "record_every": 1}
        return {"grid": Sweep(cell, axes, self.trials, options)}

    def solve_with(self, **options):
        """The solvers, none of which stops before the budget is spent."""
        made = make(self.solvers, self.sparsity**3, tolerance=-1.0, **options)
        if "AM-KroSBL" in made:
            am = make(["AM-KroSBL"], 1, tolerance=-1.0, inner_tolerance=self.inner_tolerance, **options)
            made |= am
        return made

    def trajectories(self, table: Table, axis: str) -> pd.DataFrame:
        """One row per variant, solver, trial and step."""
        keep = np.unique(np.r_[0, np.geomspace(1, self.max_steps, 120).astype(int)])
        rows = []
        for row in table.frame.to_dict("records"):
            history = np.asarray(row["history"])[keep]
            rows.append(
                pd.DataFrame(
                    {axis: row[axis], "solver": row["solver"], "trial": row["trial"], "step": keep, "error": history}
                )
            )
        return pd.concat(rows, ignore_index=True)


class Convergence(Trajectories):
    """With and without pruning."""

    def sweeps(self) -> dict[str, Sweep]:
        """Pruning is traced: one program per solver."""
        return self.sweep(self._cell, {"pruning": ("none", "default")})

    def _cell(self, pruning):
        options = {"prune": 0.0} if pruning == "none" else {}
        return self.model(), self.solve_with(**options)

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Trajectories, and the steps that each trial needs to come within a factor of its final error."""
        trajectories = self.trajectories(swept["grid"], "pruning")
        reached = []
        for key, rows in trajectories.groupby(["pruning", "solver", "trial"], sort=False):
            final = rows["error"].iloc[-1]
            # The last step above the threshold, so that a dip on the way does not count.
            above = rows.loc[rows["error"] > 2 * final, "step"]
            steps = 0 if above.empty else int(above.max()) + 1
            reached.append(
                {"pruning": key[0], "solver": key[1], "trial": key[2], "final": final, "steps_to_twice_final": steps}
            )
        return {"trajectories": trajectories, "reached": pd.DataFrame(reached)}
