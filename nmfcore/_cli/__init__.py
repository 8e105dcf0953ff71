"""The command line: options, files of every format, and one module for each command.

`nmfcore.__main__` uses `parser` and `run`. This room stands above all others. It uses the functions that `nmfcore`
exports, and the names in the `__init__.py` of the rooms below.

A command refuses what cannot succeed before it reads X, because reading may take minutes. It checks the options with a
matrix of one entry (`_model.check_arguments`) and the output by creating a temporary file in its folder
(`_writing.check`). A mistake of the user is an `InputError`, an `InputTypeError` or a `MissingLibraryError`.

To add a command, add a function to `_arguments.py` that describes its options, write a module with a function
`run(options)` that returns the exit code, and enter it in `COMMANDS`.
"""

import importlib
from argparse import Namespace

from ._arguments import parser

__all__ = ["COMMANDS", "parser", "run"]

#: The module and the function of each command. A module is imported when its command runs, so that `nmfcore --help`
#: and small commands start quickly.
COMMANDS = {
    "fit": ("._fit", "run"),
    "transform": ("._transform", "run"),
    "info": ("._info", "run"),
    "export": ("._info", "export"),
    "plot": ("._pictures", "plot"),
    "demo": ("._pictures", "demo"),
}


def run(options: Namespace) -> int:
    """Run the command that the options name, and return its exit code."""
    module, function = COMMANDS[options.command]
    return getattr(importlib.import_module(module, __name__), function)(options)
