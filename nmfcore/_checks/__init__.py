"""Checks of arguments that many functions share: numbers, names, arrays, sparse matrices.

A check returns the value in the form in which the package uses it, or raises `InputError` or `InputTypeError` with one
sentence: the argument, its value and what is wanted. Checks of one feature are in the room of that feature. To add a
check, write a function `check_...` here if several rooms need it. This room knows NumPy and SciPy only.
"""

from .arrays import (
    check_compressed,
    check_dtype,
    check_factor,
    check_H,
    check_index_range,
    check_matrix,
    check_outcome,
    is_sparse,
    refuse_entries,
    refuse_stored_entries,
)
from .errors import ConvergenceWarning, InputError, InputTypeError, MissingLibraryError, user_stacklevel
from .scalars import (
    MAX_COUNT,
    Random,
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_random_state,
    check_ranks,
    ends_fit,
    is_integer,
    quote_integer,
    quote_names,
    refuse_large_rank,
)

__all__ = [
    "MAX_COUNT",
    "ConvergenceWarning",
    "InputError",
    "InputTypeError",
    "MissingLibraryError",
    "Random",
    "check_H",
    "check_choice",
    "check_compressed",
    "check_count",
    "check_dtype",
    "check_factor",
    "check_flag",
    "check_index_range",
    "check_matrix",
    "check_number",
    "check_outcome",
    "check_random_state",
    "check_ranks",
    "ends_fit",
    "is_integer",
    "is_sparse",
    "quote_integer",
    "quote_names",
    "refuse_entries",
    "refuse_large_rank",
    "refuse_stored_entries",
    "user_stacklevel",
]
