"""Pictures of a factorization, with matplotlib (`pip install "nmfcore[plot]"`).

Every function draws into one Axes and returns it. Without `ax` it makes a figure by `matplotlib.pyplot`, as wide as the
user's style has it (`rcParams["figure.figsize"]`); with `ax`, pyplot is not touched. Colours of lines are those of the
style; colour maps are perceptually uniform and can be told apart in any vision. Nothing is changed in a result.
"""

from ._archetypes import archetypes
from ._consensus import consensus
from ._convergence import convergence
from ._factors import factors, share
from ._geometry import geometry
from ._images import parts, reconstruction
from ._ranks import rank_scores
from ._words import top_words

__all__ = [
    "archetypes",
    "consensus",
    "convergence",
    "factors",
    "geometry",
    "parts",
    "rank_scores",
    "reconstruction",
    "share",
    "top_words",
]
