"""Libraries that only some features need."""

import importlib
from types import ModuleType

from .._checks import MissingLibraryError


def import_optional(name: str, extra: str, purpose: str) -> ModuleType:
    """Import a module; if its library is missing, the ImportError names the extra to install and the purpose."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # an import inside that library has failed
        raise MissingLibraryError(f'{purpose} needs {package}: pip install "nmfcore[{extra}]"', name=package) from None
