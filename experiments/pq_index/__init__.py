"""The PQ Index and sparsity-informed adaptive pruning (Diao et al. 2023)."""

from ..figure import Figure
from .aggressiveness import Aggressiveness
from .bound import Bound
from .exponents import Exponents
from .methods import Methods
from .recovery import Recovery
from .scopes import Scopes
from .sparsity_index import SparsityIndex
from .support import Support
from .wide_student import WideStudent

FIGURES: dict[str, type[Figure]] = {
    "sparsity_index": SparsityIndex,
    "bound": Bound,
    "methods": Methods,
    "scopes": Scopes,
    "exponents": Exponents,
    "aggressiveness": Aggressiveness,
    "support": Support,
    "recovery": Recovery,
    "wide_student": WideStudent,
}
