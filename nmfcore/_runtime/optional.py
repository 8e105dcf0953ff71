"""Libraries that only some of the features need."""

import importlib
from types import ModuleType

from .._checks import MissingLibraryError


def load(name: str, extra: str, purpose: str) -> ModuleType:
    """The module of that name; where it is missing, an ImportError that says which extra brings it, and for what."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # something is wrong inside of that library
        raise MissingLibraryError(f'{purpose} needs {package}: pip install "nmfcore[{extra}]"', name=package) from None
