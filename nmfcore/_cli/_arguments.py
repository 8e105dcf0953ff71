"""What may be written on the command line."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from .. import __version__
from .._starts import INITS
from ..losses import NAMED, Huber

YES_NO = {"yes": True, "no": False, "auto": None}
DELIMITERS = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "space": " "}
PICTURES = ("parts", "factors", "words", "convergence")
CODES = """exit codes: 0 done; 1 failed (memory, a full disk); 2 a mistake in the command or in a file;
130 interrupted by Ctrl-C, 143 by SIGTERM"""


class Parser(argparse.ArgumentParser):
    """One whose errors take one line."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Leave with 2."""
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def parser() -> Parser:
    """The parser of all commands; each names the module that serves it."""
    whole = Parser(prog="nmfcore", description="Non-negative matrix factorization, X ~ W H.", epilog=CODES)
    whole.add_argument("--version", action="version", version=f"nmfcore {__version__}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_fit, _transform, _info, _export, _plot, _demo):
        add(commands)
    commands.add_parser("patch", help="run a Python program with nmfcore's NMF in the place of scikit-learn's")
    return whole


def _fit(commands: Any) -> None:
    command = commands.add_parser("fit", help="factorize the matrix in a file", epilog=CODES)
    _input(command)
    command.add_argument("-k", type=_integer(1), required=True, help="the rank")
    command.add_argument(
        "-o", "--output", type=Path, metavar="OUT", help="where to write: .npz or .h5 (default: X-kK.npz, here)"
    )
    command.add_argument("--order", choices=("share", "norm"), help="put the components in order, the largest first")
    command.add_argument(
        "--normalize", choices=("l1", "l2", "max"), help="give the rows of H that norm, and their scale to W"
    )
    _model(command)
    _known(command, "WH")
    course = command.add_argument_group("course of the fit")
    course.add_argument("--init", default="auto", help=f"{', '.join(INITS)}, or a result file (default: auto)")
    course.add_argument("--max-iter", type=_integer(0), default=200, metavar="N", help="most iterations (default: 200)")
    course.add_argument(
        "--tol", type=_number, default=1e-4, help="precision at which to stop; 0: after --max-iter (default: 1e-4)"
    )
    course.add_argument("--max-time", type=_number, metavar="S", help="seconds after which no iteration begins")
    course.add_argument(
        "--inner-iter", type=_integer(1), metavar="N", help="sweeps an iteration (default: as many as pay)"
    )
    course.add_argument("--floor", type=_number, help='of factors, as a share of their mean, for "mu"')
    course.add_argument("--no-extrapolate", action="store_true", help="the textbook's iterations")
    course.add_argument("--seed", type=_integer(0), default=0, metavar="N", help="of random starts (default: 0)")
    course.add_argument("--checkpoint", type=Path, metavar="FILE", help="keep the state of the fit there meanwhile")
    course.add_argument(
        "--every",
        type=_interval,
        metavar="N",
        help="iterations between checkpoints, or seconds (default: 60s)",
    )
    course.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint, to the same bits; begin where there is none"
    )
    _common(command)


def _transform(commands: Any) -> None:
    command = commands.add_parser("transform", help="W for new samples under a fitted model", epilog=CODES)
    _input(command)
    command.add_argument("--model", type=Path, required=True, metavar="FILE", help="what fit has written")
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="W",
        help="where to write: .npy, .npz, .csv, .tsv (default: X-W.npy, here)",
    )
    _model(command, "that of the model")
    _known(command, "W")
    course = command.add_argument_group("course of the fit")
    course.add_argument(
        "--max-iter", type=_integer(0), default=1000, metavar="N", help="most iterations (default: 1000)"
    )
    course.add_argument("--tol", type=_number, default=1e-6, help="precision at which to stop (default: 1e-6)")
    course.add_argument("--max-time", type=_number, metavar="S", help="seconds after which no iteration begins")
    _common(command)


def _info(commands: Any) -> None:
    command = commands.add_parser("info", help="what is in a result file")
    command.add_argument("file", type=Path, metavar="FILE", help="what fit has written")
    command.add_argument("--json", action="store_true", help="for programs")


def _export(commands: Any) -> None:
    command = commands.add_parser("export", help="write a factor of a result file as a table", epilog=CODES)
    command.add_argument("factor", choices=("W", "H"))
    command.add_argument("file", type=Path, metavar="FILE", help="what fit has written")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=".npy, .npz, .csv or .tsv")


def _plot(commands: Any) -> None:
    command = commands.add_parser("plot", help="draw what is in a result file", epilog=CODES)
    command.add_argument("kind", choices=PICTURES, metavar="KIND", help=", ".join(PICTURES))
    command.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what fit has written")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="PICTURE", help="png, pdf, svg, ...")
    command.add_argument("--shape", type=_shape, metavar="ROWSxCOLUMNS", help="parts: of the images in the rows of X")
    command.add_argument("--factor", choices=("W", "H"), default="W", help="factors: which one (default: W)")
    command.add_argument("--top", type=_integer(1), default=10, metavar="N", help="words: how many (default: 10)")
    command.add_argument("--against", choices=("seconds", "iterations"), default="seconds", help="convergence")


def _demo(commands: Any) -> None:
    command = commands.add_parser("demo", help="factorize generated images, and scikit-learn's digits if installed")
    command.add_argument("--plot", metavar="FILE", help="draw the parts as images: png, pdf, svg (matplotlib)")
    command.add_argument("--threads", type=_threads, metavar="N", help="number of threads (default: all available)")


def _input(command: Parser) -> None:
    command.add_argument(
        "X",
        type=Path,
        help="samples in rows: .npy, .npz (dense or SciPy's sparse), .csv, .tsv (also .gz), .mtx, .h5ad or .parquet",
    )
    file = command.add_argument_group("reading X (and what has its shape)")
    file.add_argument("--key", metavar="NAME", help="which array of an .npz file, which layer of an .h5ad file")
    file.add_argument("--delimiter", type=_delimiter, metavar="C", help="between fields (default: comma or tab)")
    file.add_argument("--header", choices=YES_NO, default="auto", help="whether the first line names the columns")
    file.add_argument("--row-names", choices=YES_NO, default="auto", help="whether the first column names the rows")
    file.add_argument("--transpose", action="store_true", help="samples are in columns")
    file.add_argument("--dtype", choices=("float32", "float64"), help="to compute in (default: that of X)")


def _model(command: Parser, default: str = "frobenius") -> None:
    model = command.add_argument_group("model")
    model.add_argument(
        "--loss", type=_loss, help=f"{', '.join(NAMED)}, a number beta, or huber:DELTA (default: {default})"
    )
    model.add_argument("--solver", default="auto", help="auto, hals, mu, cd, pgd or bpp (default: auto)")
    model.add_argument("--mask", type=Path, metavar="FILE", help="true or 1 where an entry is hidden")
    model.add_argument(
        "--missing", metavar="HOW", help='"nan": nan and empty fields are not known; "unstored": what sparse X lacks'
    )
    model.add_argument("--weights", type=Path, metavar="FILE", help="how much each entry counts")


def _known(command: Parser, factors: str) -> None:
    known = command.add_argument_group("what is known of the factors")
    for factor in factors:
        for norm, kind in (("l1", "the sum of the entries"), ("l2", "half the sum of squares")):
            known.add_argument(
                f"--{norm}-{factor}", type=_number, metavar="A", help=f"penalty: A times {kind} of {factor}"
            )
        known.add_argument(
            f"--fixed-{factor}", type=Path, metavar="FILE", help=f"given values of {factor}, nan where it is free"
        )


def _common(command: Parser) -> None:
    command.add_argument("--threads", type=_threads, metavar="N", help="number of threads (default: all available)")
    command.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")


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
        raise argparse.ArgumentTypeError(f"{text!r} given; wanted the rows and columns of an image, as 32x32")
    return _integer(1)(sizes[0]), _integer(1)(sizes[1])


def _delimiter(text: str) -> str:
    text = DELIMITERS.get(text, text)
    if len(text) != 1 or text in '"\r\n':
        raise argparse.ArgumentTypeError(f"{text!r} given; wanted one character, or tab")
    return text


def _interval(text: str) -> tuple[int, float]:
    """Iterations and seconds, of which one is given."""
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
