"""Known against learnt noise variance."""

import pandas as pd

from recover import Table

from ..figure import Sweep
from .convergence import Trajectories


class NoiseVariance(Trajectories):
    """Trajectories with the noise variance known, and learnt from the data."""

    def sweeps(self) -> dict[str, Sweep]:
        """Learning is traced: one program per solver."""
        return self.sweep(self._cell, {"noise": ("known", "unknown")})

    def _cell(self, noise):
        # As in the public code: independent values on a support that is a product.
        return self.model("independent"), self.solve_with(prune=0.0, learn_noise=noise == "unknown")

    def tables(self, swept: dict[str, Table]) -> dict[str, pd.DataFrame]:
        """Trajectories and final errors."""
        final = swept["grid"].frame[["noise", "solver", "trial", "error", "noise_variance"]]
        return {"trajectories": self.trajectories(swept["grid"], "noise"), "final": final}
