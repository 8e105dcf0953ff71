"""The solvers by name. To add one: a module with a class that has `name`, `needs` and `update`, and its line here."""

from .base import Solver
from .hals import HALS

SOLVERS = {solver.name: solver for solver in (HALS,)}

__all__ = ["HALS", "SOLVERS", "Solver"]
