"""The errors of a user's mistake, by which a program above this package tells them from its own faults."""


class InputError(ValueError):
    """An argument, a file or an entry of X that the package does not accept.

    The message is one sentence that names the argument, what came and what is wanted.
    """


class InputTypeError(TypeError):
    """An argument of a type that the package does not accept; the message is one sentence, as that of `InputError`."""


class MissingLibraryError(ImportError):
    """An optional library that is not installed; the message says which extra of the package installs it."""
