"""The exceptions and warnings that programs catch by their class."""

import sys

PACKAGE = __name__.partition(".")[0]


class InputError(ValueError):
    """An argument, a file or an entry of X that the package does not accept.

    The message is one sentence: the argument, its value and what is wanted.
    """


class InputTypeError(TypeError):
    """An argument of a type that the package does not accept; the message is like that of `InputError`."""


class MissingLibraryError(ImportError):
    """An optional library that is not installed; the message says which extra of the package installs it."""


class ConvergenceWarning(UserWarning):
    """A fit ended at its limit of iterations far from a stationary point."""


def user_stacklevel() -> int:
    """The stacklevel by which a warning points at the first caller outside of this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
        level, frame = level + 1, frame.f_back
    return level
