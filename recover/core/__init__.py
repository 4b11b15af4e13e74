"""What the author of a model or a solver needs."""

from .lazy import attach

_HOMES = {
    "AbstractModel": "core.model",
    "AbstractSolver": "core.solver",
    "Capacities": "core.sizes",
    "Progress": "core.stopping",
    "Result": "core.results",
    "Solution": "core.solve",
    "all_finite": "core.leaves",
    "as_leaf": "core.leaves",
    "as_real_leaf": "core.leaves",
    "by_change": "core.stopping",
    "capacities_field": "core.sizes",
    "capacity": "core.sizes",
    "cast_floating": "core.leaves",
    "concrete_capacities": "core.sizes",
    "floating_dtype": "core.leaves",
    "hard_threshold": "core.selection",
    "is_concrete": "core.leaves",
    "largest_mask": "core.selection",
    "leaf": "core.leaves",
    "optional_real": "core.checks",
    "relative_error": "core.metrics",
    "relative_norm": "core.stopping",
    "require": "core.checks",
    "require_choice": "core.checks",
    "require_integer": "core.checks",
    "require_number": "core.checks",
    "result_code": "core.results",
    "result_names": "core.results",
    "row_mask": "core.sizes",
    "support_metrics": "core.metrics",
    "with_capacities": "core.sizes",
}
_MODULES = {
    "draws": "core.draws",
    "linalg": "core.linalg",
}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES, _MODULES)
