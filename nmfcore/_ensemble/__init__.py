"""What many fits of one X agree on.

`Ensemble` holds the fits and answers questions about them: which is the best, how far they agree (`Matching`,
`Stability`, `Consensus`), and which one factorization they support (`ConsensusFactors`). `Ledger` is the file in which
finished fits are kept. To add a question, write a file with a function of the fits of one rank, and a method of
`Ensemble` that checks the arguments and calls it.

This room knows the fit and its result. It runs no fit of its own except the last step of the consensus factors.
"""

from .consensus import Consensus
from .consensus_factors import ConsensusFactors
from .ensemble import Ensemble
from .ledger import Ledger
from .matching import Matching, Stability
from .records import Failure, Progress

__all__ = [
    "Consensus",
    "ConsensusFactors",
    "Ensemble",
    "Failure",
    "Ledger",
    "Matching",
    "Progress",
    "Stability",
]
