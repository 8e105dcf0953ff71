"""The solvers. To add one: a module with a class that has the protocol `Solver`, and its place here."""

from .base import BatchSolver, Solver
from .bpp import BPP
from .cd import CD
from .hals import HALS
from .mu import MU
from .pgd import PGD
from .projected import ComponentHALS, ProjectedHALS
from .row_hals import RowHALS

#: In the order in which "auto" takes them; several may serve one name, for other statistics and sets.
SOLVERS = (HALS, ComponentHALS, ProjectedHALS, RowHALS, MU, CD, PGD, BPP)

__all__ = [
    "BPP",
    "CD",
    "HALS",
    "MU",
    "PGD",
    "SOLVERS",
    "BatchSolver",
    "ComponentHALS",
    "ProjectedHALS",
    "RowHALS",
    "Solver",
]
