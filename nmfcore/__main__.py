"""The command line, `nmfcore` or `python -m nmfcore`: runs the command and turns exceptions into exit codes."""

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

from . import _cli, _exit_on_signal
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

        _set_handlers({signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL})
        _patch.run(arguments[1:])
        return DONE
    name = " ".join(["nmfcore", *arguments[:1]]) if arguments[:1] and arguments[0] in _cli.COMMANDS else "nmfcore"
    try:
        with _signals_raise():
            return _run(arguments)
    except KeyboardInterrupt as stop:
        print(f"{name}: interrupted", file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


def _run(arguments: list[str]) -> int:
    """Run a command that is not `patch`, and return its exit code."""
    if (reconfigure := getattr(sys.stdout, "reconfigure", None)) is not None:
        reconfigure(errors="backslashreplace")  # a name of a file may hold bytes that are no text
    options = _cli.parser().parse_args(arguments)
    with _warnings_in_one_line():
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
def _signals_raise() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM, so that temporary files are removed, and KeyboardInterrupt on Ctrl-C."""

    def leave(*_: Any) -> None:
        raise Terminated

    before = _set_handlers({signal.SIGINT: signal.default_int_handler})
    with contextlib.suppress(ValueError):  # not in the main thread
        before[signal.SIGTERM] = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _set_handlers(handlers: dict[int, Any]) -> dict[int, Any]:
    """Set handlers of signals instead of the one that holds during imports; returns what was replaced."""
    replaced = {number: signal.getsignal(number) for number in handlers}
    replaced = {number: handler for number, handler in replaced.items() if handler is _exit_on_signal}
    for number in replaced:
        signal.signal(number, handlers[number])
    return replaced


if __name__ == "__main__":
    sys.exit(main())
