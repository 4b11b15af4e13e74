"""Grids of experiments as vectorised programs: plan, program, run, store, statistics."""

from .cache import use_cache as use_cache
from .run import SweepPlan as SweepPlan
from .run import plan_sweep as plan_sweep
from .run import sweep as sweep
from .table import Table as Table
from .tracing import BoundaryTrace as BoundaryTrace
from .tracing import trace_boundary as trace_boundary

__all__ = ["BoundaryTrace", "SweepPlan", "Table", "plan_sweep", "sweep", "trace_boundary", "use_cache"]
