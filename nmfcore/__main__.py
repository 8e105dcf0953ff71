"""The command line, `nmfcore` or `python -m nmfcore`: runs the command and turns exceptions into exit codes."""

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

from . import _cli
from ._checks import ConvergenceWarning, InputError, InputTypeError, MissingLibraryError

DONE, FAILED, REFUSED = 0, 1, 2


class Terminated(KeyboardInterrupt):
    """SIGTERM was received."""


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : list of str, optional
        The arguments after the name of the program; None: those of this process.

    Returns
    -------
    int
        The exit code: 0 for success; 1 if something failed, such as a full disk; 2 for a mistake in the command or in a
        file, with one line on stderr; 130 after Ctrl-C; 143 after SIGTERM.

    Raises
    ------
    SystemExit
        With code 2 if the arguments are not a command, and with code 0 after --help and --version, as argparse does.
    Exception
        A fault of this program: every exception that is neither a mistake of the user nor a failure of the machine.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["patch"]:  # all further arguments belong to the program that is run
        from . import _patch

        _patch.run(arguments[1:])
        return DONE
    if (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(errors="backslashreplace")  # a name of a file may hold bytes that are no text
    options = _cli.parser().parse_args(arguments)
    with _warnings_in_one_line(), _terminated_by_exception():
        try:
            code = _cli.run(options)
            sys.stdout.flush()
            return code
        except BrokenPipeError:  # the reader of our output has closed it, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except Exception as error:
            code = _exit_code(error)
            if code is None:
                raise
            print(f"nmfcore {options.command}: error: {_in_one_line(error)}", file=sys.stderr)
            return code
        except KeyboardInterrupt as stop:
            print(f"nmfcore {options.command}: interrupted", file=sys.stderr)
            return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


def _exit_code(error: Exception) -> int | None:
    """The exit code for a failure of the machine or a mistake of the user; None for a fault of this program."""
    if isinstance(error, OSError | MemoryError):
        return FAILED
    return REFUSED if isinstance(error, InputError | InputTypeError | MissingLibraryError) else None


def _in_one_line(error: Exception) -> str:
    """The message of an exception in one line."""
    if isinstance(error, MemoryError):
        return f"not enough memory. {error}".strip(". ")
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Print each warning as one line, without its place in the code."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = str(message)
        if issubclass(category, ConvergenceWarning):  # it names arguments, which are options here
            text = text.replace("max_iter", "--max-iter").replace("tol=0", "--tol 0")
        print(f"nmfcore: warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show
        yield


@contextlib.contextmanager
def _terminated_by_exception() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM, so that temporary files are removed."""

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
