from ..mixtures.mixture import Mixture as Mixture
from ..mixtures.mixture import endmember_mean as endmember_mean
from ..mixtures.mixture import gini_level as gini_level
from ..mixtures.mixture import hoyer_level as hoyer_level
from ..mixtures.mixture import matched as matched
from ..mixtures.mixture import spectral_angles as spectral_angles
