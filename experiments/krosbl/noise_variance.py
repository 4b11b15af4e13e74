"""Known against learnt noise variance."""

from ..figure import Axis
from .common import Noise
from .convergence import Trajectories


class NoiseVariance(Trajectories):
    """Trajectories with the noise variance known, and learnt from the data. Learning is traced: one program per solver."""

    noise: Axis[Noise] = ("known", "unknown")

    def cell(self, noise):
        # As in the public code: independent values on a support that is a product.
        model = self.model(self.rows, self.sparsity, self.snr, amplitudes="independent")
        return model, self.made(prune=0.0, learn_noise=noise == "unknown")

    def tables(self, swept):
        return {"curves": self.curves(swept, "noise"), "final": swept.frame[["noise", "solver", "trial", "error"]]}
