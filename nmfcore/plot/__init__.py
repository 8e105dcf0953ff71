"""Pictures of a factorization, drawn with matplotlib (`pip install "nmfcore[plot]"`).

=================== ====================================================================================
`parts`             the rows of H as images or as lines
`reconstruction`    samples next to their model
`factors`           W or H as a heat map
`top_words`         the features with the largest entries in each component
`share`             the share of the model that each component has, for titles
`convergence`       the objective of one or several fits over time
`rank_scores`       the scores of the ranks that `nmfcore.select_rank` has compared
`consensus`         the consensus matrix of an `Ensemble`
`geometry`          samples and the cone of the parts, in two or three features
`archetypes`        samples, archetypes and their hull, in two features
=================== ====================================================================================

Every function but `share` draws into one matplotlib Axes and returns it. Without `ax` it makes a new figure with
`matplotlib.pyplot`, as wide as `rcParams["figure.figsize"]`. With `ax` it does not use pyplot. Lines have the colours
of the current style. Colour maps are perceptually uniform and can be told apart with any colour vision. A result is
never changed.

This room knows the results of all rooms below it. To add a picture, write a module with one public function that
checks its arguments with `_check_plot`, draws into ``axes(ax)`` of `_axes`, and returns the Axes.
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
