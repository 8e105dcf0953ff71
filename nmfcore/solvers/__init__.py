"""The solvers. To add one: a module with a class that has the protocol `Solver`, and its place here."""

from .base import Solver
from .cd import CD
from .hals import HALS
from .mu import MU
from .pgd import PGD

#: In the order in which "auto" takes them; several may serve one name, for other statistics and sets.
SOLVERS = (HALS, MU, CD, PGD)

__all__ = ["CD", "HALS", "MU", "PGD", "SOLVERS", "Solver"]
