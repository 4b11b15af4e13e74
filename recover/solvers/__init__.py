"""Algorithms, one family per file."""

from .amp import AMP as AMP
from .base import AbstractSolver as AbstractSolver
from .linear import AbstractLinearSolver as AbstractLinearSolver

__all__ = ["AMP", "AbstractLinearSolver", "AbstractSolver"]
