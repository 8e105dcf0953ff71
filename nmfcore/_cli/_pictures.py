"""`nmfcore plot` and `nmfcore demo`."""

from argparse import Namespace
from typing import Any

from .._checks import InputError
from .._runtime import optional, written
from . import _demo, _results, _writing

NEEDS = "matplotlib", "plot"


def plot(options: Namespace) -> int:
    """Draw what is in result files; the exit code."""
    optional.load(*NEEDS, "plot")
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    endings = [f".{name}" for name in sorted(figure.canvas.get_supported_filetypes())]
    _writing.check(options.output, endings, options.files)
    if len(options.files) > 1 and options.kind != "convergence":
        raise InputError(f"{len(options.files)} files given; wanted one, or the picture convergence")
    _draw(options, [_results.read(path) for path in options.files], figure.subplots())
    with written(options.output) as temporary:
        figure.savefig(temporary, dpi=150)
    return 0


def _draw(options: Namespace, results: list[Any], axes: Any) -> None:
    from .. import plot as pictures

    result = results[0]
    rows, columns = result.names
    if options.kind == "parts":
        if options.shape is None:
            raise InputError(f"parts are images of {result.H.shape[1]} pixels; wanted --shape, such as --shape 32x32")
        pictures.parts(result, options.shape, ax=axes)
    elif options.kind == "factors":
        pictures.factors(result, options.factor, names=rows if options.factor == "W" else columns, ax=axes)
    elif options.kind == "words":
        pictures.top_words(result, columns, n=options.top, ax=axes)
    else:
        named = dict(zip(map(str, options.files), results, strict=True)) if len(results) > 1 else result
        pictures.convergence(named, options.against, ax=axes)


def demo(options: Namespace) -> int:
    """Factorize what is generated; the exit code."""
    if options.plot:
        optional.load(*NEEDS, "--plot")
    _demo.run(options.plot, options.threads)
    return 0
