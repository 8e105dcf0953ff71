"""The commands `nmfcore plot` and `nmfcore demo`."""

from argparse import Namespace
from typing import Any

from .. import Result
from .._checks import InputError
from .._runtime import atomic_write, import_optional
from . import _demo, _results, _writing


def plot(options: Namespace) -> int:
    """Draw the content of result files and return the exit code."""
    figure = _new_figure("plot")
    _writing.check(options.output, _formats(figure), options.files)
    if len(options.files) > 1 and options.kind != "convergence":
        raise InputError(f"there are {len(options.files)} files; wanted one, or the picture convergence")
    _draw(options, [_results.read(path) for path in options.files], figure.subplots())
    with atomic_write(options.output) as temporary:
        figure.savefig(temporary, dpi=150)
    return 0


def demo(options: Namespace) -> int:
    """Fit the demonstration data and return the exit code."""
    if options.plot is not None:
        _writing.check_format(options.plot, _formats(_new_figure("--plot")))
    _demo.run(options.plot, options.threads)
    return 0


def _new_figure(purpose: str) -> Any:
    """A matplotlib figure without pyplot, or a `MissingLibraryError`."""
    import_optional("matplotlib", "plot", purpose)
    from matplotlib.figure import Figure

    return Figure(layout="constrained")


def _formats(figure: Any) -> list[str]:
    """The suffixes of the files that matplotlib can write."""
    return [f".{name}" for name in sorted(figure.canvas.get_supported_filetypes())]


def _draw(options: Namespace, results: list[Result], axes: Any) -> None:
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
