"""The solvers by name. To add one: a module with a class that has the protocol `Solver`, and its line here."""

from .base import Solver
from .hals import HALS
from .mu import MU
from .pgd import PGD

SOLVERS = {solver.name: solver for solver in (HALS, MU, PGD)}

__all__ = ["HALS", "MU", "PGD", "SOLVERS", "Solver"]
