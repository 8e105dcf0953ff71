"""The solvers by name. To add one: a module with a class that has the protocol `Solver`, and its line here."""

from .base import Solver
from .hals import HALS
from .mu import MU

SOLVERS = {solver.name: solver for solver in (HALS, MU)}

__all__ = ["HALS", "MU", "SOLVERS", "Solver"]
