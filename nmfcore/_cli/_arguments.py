"""The options of the command line and their help."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from .. import Huber, __version__
from .._starts import INITS
from ..losses import LOSSES

YES_NO = {"yes": True, "no": False, "auto": None}
DELIMITERS = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "space": " "}
PICTURES = ("parts", "factors", "words", "convergence")
EXIT_CODES = """exit codes: 0 done; 1 failed (memory, a full disk); 2 a mistake in the command or in a file;
130 interrupted by Ctrl-C, 143 by SIGTERM"""


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line and accepts no abbreviated options."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with code 2."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def parser() -> Parser:
    """The parser of all commands. `options.command` is the name of the command."""
    main = Parser(prog="nmfcore", description="Non-negative matrix factorization, X ~ W H.", epilog=EXIT_CODES)
    main.add_argument("--version", action="version", version=f"nmfcore {__version__}")
    commands = main.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_fit, _transform, _info, _export, _plot, _demo):
        add(commands)
    # `nmfcore.__main__` handles this command before anything is parsed, since the program has options of its own.
    commands.add_parser("patch", help="run a Python program with nmfcore's NMF in place of scikit-learn's")
    return main


def _command(commands: Any, name: str, summary: str, description: str) -> Parser:
    return commands.add_parser(name, help=summary, description=description, epilog=EXIT_CODES)


def _fit(commands: Any) -> None:
    command = _command(
        commands,
        "fit",
        "factorize the matrix in a file",
        "Factorize the matrix X in a file, X ~ W H with W, H >= 0, and write W and H to a result file.",
    )
    _input(command)
    command.add_argument("-k", type=_integer(1), required=True, help="rank: the number of components")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="OUT",
        help="result file, .npz or .h5 (default: the name of X with -kK.npz, in the current folder)",
    )
    command.add_argument(
        "--order",
        choices=("share", "norm"),
        help="order the components by their share of the model or by norm, the largest first",
    )
    command.add_argument(
        "--normalize",
        choices=("l1", "l2", "max"),
        help="scale the rows of H to norm 1, and W so that W H stays the same",
    )
    _model(command)
    _constraints(command, "WH")
    run = command.add_argument_group("algorithm")
    run.add_argument(
        "--init", default="auto", help=f"start: auto, {', '.join(INITS)}, or a result file (default: auto)"
    )
    run.add_argument(
        "--max-iter", type=_integer(0), default=200, metavar="N", help="maximum number of iterations (default: 200)"
    )
    run.add_argument(
        "--tol", type=_number, default=1e-4, help="tolerance; 0 runs all --max-iter iterations (default: 1e-4)"
    )
    _max_time(run)
    run.add_argument(
        "--inner-iter", type=_integer(1), metavar="N", help="sweeps over a factor per iteration (default: automatic)"
    )
    run.add_argument(
        "--floor", type=_number, help="solver mu: smallest entry of a factor, relative to the mean of its component"
    )
    run.add_argument("--no-extrapolate", action="store_true", help="run the textbook algorithm, without extrapolation")
    run.add_argument("--no-compress", action="store_true", help="run no iteration on a compressed X")
    run.add_argument("--seed", type=_integer(0), default=0, metavar="N", help="seed of random starts (default: 0)")
    run.add_argument("--checkpoint", type=Path, metavar="FILE", help="save the state of the fit to FILE at intervals")
    run.add_argument(
        "--every",
        type=_interval,
        metavar="N",
        help="interval between checkpoints: 100 for iterations, 60s for seconds (default: 60s)",
    )
    run.add_argument(
        "--resume",
        action="store_true",
        help="continue from the checkpoint, to the same result as without the interruption; "
        "start from the beginning if there is no checkpoint",
    )
    _common(command)


def _transform(commands: Any) -> None:
    command = _command(
        commands,
        "transform",
        "fit W to new samples with the H of a result",
        "Fit W to the samples in a file with the H of a result file, X ~ W H, and write W.",
    )
    _input(command)
    command.add_argument("--model", type=Path, required=True, metavar="FILE", help="result file written by fit")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="W",
        help="file for W: .npy, .npz, .csv or .tsv (default: the name of X with -W.npy, in the current folder)",
    )
    _model(command, "that of the model")
    _constraints(command, "W")
    run = command.add_argument_group("algorithm")
    run.add_argument(
        "--max-iter", type=_integer(0), default=1000, metavar="N", help="maximum number of iterations (default: 1000)"
    )
    run.add_argument(
        "--tol", type=_number, default=1e-6, help="tolerance; 0 runs all --max-iter iterations (default: 1e-6)"
    )
    _max_time(run)
    _common(command)


def _info(commands: Any) -> None:
    command = _command(
        commands,
        "info",
        "print the content of a result file",
        "Print the size, the error and the options of the fit in a result file.",
    )
    command.add_argument("file", type=Path, metavar="FILE", help="result file written by fit")
    command.add_argument("--json", action="store_true", help="print JSON, for other programs")


def _export(commands: Any) -> None:
    command = _command(
        commands,
        "export",
        "write a factor of a result file as a table",
        "Write W or H of a result file as a table, with the names of rows and columns if they are known.",
    )
    command.add_argument("factor", choices=("W", "H"), help="factor to write")
    command.add_argument("file", type=Path, metavar="FILE", help="result file written by fit")
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="OUT", help="table: .npy, .npz, .csv or .tsv"
    )


def _plot(commands: Any) -> None:
    command = _command(
        commands,
        "plot",
        "draw the content of result files",
        "Draw a result file: its parts as images, a factor as a heat map, the largest entries of each component with "
        "their names, or the convergence of one or several fits.",
    )
    command.add_argument("kind", choices=PICTURES, metavar="KIND", help=", ".join(PICTURES))
    command.add_argument(
        "files", type=Path, nargs="+", metavar="FILE", help="result file written by fit; several for convergence"
    )
    command.add_argument(
        "-o", "--output", type=Path, required=True, metavar="PICTURE", help="picture: .png, .pdf, .svg, ..."
    )
    command.add_argument(
        "--shape", type=_shape, metavar="ROWSxCOLUMNS", help="parts: size of the image that a row of X is"
    )
    command.add_argument("--factor", choices=("W", "H"), default="W", help="factors: factor to draw (default: W)")
    command.add_argument(
        "--top", type=_integer(1), default=10, metavar="N", help="words: entries per component (default: 10)"
    )
    command.add_argument(
        "--against",
        choices=("seconds", "iterations"),
        default="seconds",
        help="convergence: horizontal axis (default: seconds)",
    )


def _demo(commands: Any) -> None:
    command = _command(
        commands,
        "demo",
        "factorize generated images, and scikit-learn's digits if installed",
        "Factorize the generated images of Swimmer, and scikit-learn's digits if scikit-learn is installed.",
    )
    command.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the parts as images: .png, .pdf, .svg, ... (needs matplotlib)"
    )
    _threads_option(command)


def _input(command: Parser) -> None:
    command.add_argument(
        "X",
        type=Path,
        help="matrix with samples in rows: .npy, .npz (dense or SciPy sparse), .csv, .tsv (also .gz), .mtx, .h5ad or "
        ".parquet",
    )
    file = command.add_argument_group("reading X and files of its shape")
    file.add_argument(
        "--key", metavar="NAME", help="name of the array in an .npz file, or of the layer in an .h5ad file"
    )
    file.add_argument(
        "--delimiter",
        type=_delimiter,
        metavar="C",
        help="delimiter of the fields of a text file (default: comma for .csv, tab for .tsv)",
    )
    file.add_argument(
        "--header", choices=YES_NO, default="auto", help="whether the first line names the columns (default: auto)"
    )
    file.add_argument(
        "--row-names", choices=YES_NO, default="auto", help="whether the first column names the rows (default: auto)"
    )
    file.add_argument("--transpose", action="store_true", help="samples are in columns")
    file.add_argument(
        "--dtype", choices=("float32", "float64"), help="precision of the computation (default: that of X)"
    )


def _model(command: Parser, default: str = "frobenius") -> None:
    model = command.add_argument_group("model")
    model.add_argument(
        "--loss", type=_loss, help=f"{', '.join(LOSSES)}, a number beta, or huber:DELTA (default: {default})"
    )
    model.add_argument("--solver", default="auto", help="auto, hals, mu, cd, pgd, bpp or newton (default: auto)")
    model.add_argument("--mask", type=Path, metavar="FILE", help="matrix of the shape of X: true or 1 hides an entry")
    model.add_argument(
        "--missing",
        metavar="HOW",
        help='missing entries: "nan" for NaN and empty fields, "unstored" for entries that a sparse X does not store',
    )
    model.add_argument("--weights", type=Path, metavar="FILE", help="matrix of the shape of X: weight of each entry")


def _constraints(command: Parser, factors: str) -> None:
    group = command.add_argument_group("penalties and fixed entries")
    for factor in factors:
        for norm, kind in (("l1", "the sum of the entries"), ("l2", "half the sum of squares")):
            group.add_argument(
                f"--{norm}-{factor}", type=_number, metavar="A", help=f"penalty: A times {kind} of {factor}"
            )
        group.add_argument(
            f"--relative-{factor}",
            action="store_true",
            help=f"the penalties of {factor} are shares of the scale of the loss, without units",
        )
        group.add_argument(
            f"--fixed-{factor}", type=Path, metavar="FILE", help=f"fixed entries of {factor}; nan marks a free entry"
        )


def _max_time(group: Any) -> None:
    group.add_argument("--max-time", type=_number, metavar="S", help="start no new iteration after S seconds")


def _common(command: Parser) -> None:
    _threads_option(command)
    command.add_argument("-q", "--quiet", action="store_true", help="print warnings and errors only")


def _threads_option(command: Parser) -> None:
    command.add_argument("--threads", type=_threads, metavar="N", help="number of threads (default: all available)")


def _integer(least: int) -> Callable[[str], int]:
    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} given; wanted an integer >= {least}")
        return value

    return convert


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} given; wanted a finite number >= 0")
    return value


def _threads(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value == 0:
        raise argparse.ArgumentTypeError(f"{text!r} given; wanted a number >= 1, or -1 for all, -2 for all but one")
    return value


def _shape(text: str) -> tuple[int, int]:
    sizes = text.lower().split("x")
    if len(sizes) != 2:
        raise argparse.ArgumentTypeError(f"{text!r} given; wanted the rows and columns of an image, such as 32x32")
    return _integer(1)(sizes[0]), _integer(1)(sizes[1])


def _delimiter(text: str) -> str:
    text = DELIMITERS.get(text, text)
    if len(text) != 1 or text in '"\r\n':
        raise argparse.ArgumentTypeError(f"{text!r} given; wanted one character, or tab")
    return text


def _interval(text: str) -> tuple[int, float]:
    """Iterations and seconds between checkpoints; the one that is not given is 0 or infinite."""
    if text.endswith("s"):
        return 0, _number(text[:-1])
    return _integer(1)(text), math.inf


def _loss(text: str) -> Any:
    name, _, delta = text.partition(":")
    if name == "huber":
        if not _number(delta) > 0:
            raise argparse.ArgumentTypeError(f"{text!r} given; wanted huber:DELTA with DELTA > 0")
        return Huber(float(delta))
    try:
        return float(text)
    except ValueError:
        return text
