"""Grids of experiments as vectorised programs: plan, program, run, store, statistics."""

from .run import SweepPlan as SweepPlan
from .run import plan_sweep as plan_sweep
from .run import sweep as sweep
from .table import Table as Table

__all__ = ["SweepPlan", "Table", "plan_sweep", "sweep"]
