"""The solvers: updates of one factor from the statistics of a loss.

To add one, write a module with a class that has the protocol `Solver`, and add the class to `SOLVERS`. This room knows
losses, penalties and storages; it knows neither the driver nor which factor it updates.
"""

from .base import BatchSolver, Solver
from .bpp import BPP
from .cd import CD
from .hals import HALS
from .mu import MU
from .newton import Newton
from .pgd import PGD
from .projected import ComponentHALS, ProjectedHALS
from .row_hals import RowHALS
from .simplex import ColumnSumMU, RowSumMU

#: In the order in which "auto" tries them. Several solvers may have one name, for different statistics and sets.
SOLVERS = (HALS, ComponentHALS, ProjectedHALS, RowHALS, MU, RowSumMU, ColumnSumMU, CD, PGD, BPP, Newton)

__all__ = [
    "BPP",
    "CD",
    "HALS",
    "MU",
    "PGD",
    "SOLVERS",
    "BatchSolver",
    "ColumnSumMU",
    "ComponentHALS",
    "Newton",
    "ProjectedHALS",
    "RowHALS",
    "RowSumMU",
    "Solver",
]
