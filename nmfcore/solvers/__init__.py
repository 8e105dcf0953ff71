"""The solvers by name. To add one: a module with a class that has the protocol `Solver`, and its line here."""

from .base import Solver
from .cd import CD
from .hals import HALS
from .mu import MU
from .pgd import PGD

SOLVERS = {solver.name: solver for solver in (HALS, MU, CD, PGD)}

__all__ = ["CD", "HALS", "MU", "PGD", "SOLVERS", "Solver"]
