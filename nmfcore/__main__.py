"""The command line, `nmfcore` or `python -m nmfcore`: finds the command, and turns exceptions into exit codes."""

import contextlib
import importlib
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from ._checks import InputError, InputTypeError, MissingLibraryError
from ._cli import _arguments

COMMANDS = {  # the module and the function that serve each
    "fit": ("_cli._fit", "run"),
    "transform": ("_cli._transform", "run"),
    "info": ("_cli._info", "run"),
    "export": ("_cli._info", "export"),
    "plot": ("_cli._pictures", "plot"),
    "demo": ("_cli._pictures", "demo"),
}
DONE, FAILED, REFUSED = 0, 1, 2


class Terminated(KeyboardInterrupt):
    """SIGTERM has come."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : list of str, optional
        Those after the name of the program; None: of this process.

    Returns
    -------
    int
        The exit code: 0; 1 where something failed, such as a disk that is full; 2 for a mistake in the command or in a
        file, of which one line on stderr speaks; 130 after Ctrl-C, 143 after SIGTERM. Arguments of no command at all
        raise SystemExit(2) instead, as argparse does.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["patch"]:  # all that follows belongs to the program that is run
        from . import _patch

        _patch.run(arguments[1:])
        return DONE
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
    options = _arguments.parser().parse_args(arguments)
    module, function = COMMANDS[options.command]
    with _warnings_in_one_line(), _terminated():
        try:
            code = getattr(importlib.import_module(f".{module}", __package__), function)(options)
            sys.stdout.flush()
            return code
        except BrokenPipeError:  # who reads our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except Exception as error:
            code = _code(error)
            if code is None:
                raise
            print(f"nmfcore {options.command}: error: {_line(error)}", file=sys.stderr)
            return code
        except KeyboardInterrupt as stop:
            print(f"nmfcore {options.command}: interrupted", file=sys.stderr)
            return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


def _code(error: Exception) -> int | None:
    """The exit code for what a user or a machine has to mend; None for a fault of this program."""
    if isinstance(error, OSError | MemoryError):
        return FAILED
    return REFUSED if isinstance(error, InputError | InputTypeError | MissingLibraryError) else None


def _line(error: Exception) -> str:
    """What an exception says, in one line."""
    if isinstance(error, MemoryError):
        return f"not enough memory. {error}".strip(". ")
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Warnings of nmfcore as a user reads them, without a place in the code."""

    def show(message: Warning | str, *_: Any) -> None:
        print(f"nmfcore: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def _terminated() -> Iterator[None]:
    """SIGTERM is an exception, so that no temporary file stays."""

    def leave(*_: Any) -> None:
        raise Terminated

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


if __name__ == "__main__":
    sys.exit(main())
