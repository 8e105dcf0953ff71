"""scikit-learn's names for non-negative matrix factorization, standing for this package's while a patch is on."""

import argparse
import functools
import os
import runpy
import sys
import threading
from types import TracebackType
from typing import Self

from ._runtime import optional

_NAMES = ("NMF", "MiniBatchNMF", "non_negative_factorization")

_lock = threading.RLock()
_on: list["Patch"] = []
_places: list[tuple[dict[str, object], str, object, object]] = []  # (names of a module, name, what was there, ours)


class Patch:
    """What `patch_sklearn` returns: a context manager that ends the patch; `replaced` names what it has replaced."""

    def __init__(self) -> None:
        self.replaced: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        """Switch it on, unless it is."""
        with _lock:
            if self not in _on:
                self.replaced = tuple(_replace())
                _on.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it; with the last one that was on, scikit-learn has its own names back."""
        with _lock:
            if self in _on:
                _on.remove(self)
                if not _on:
                    _restore()

    def __repr__(self) -> str:
        state = "on" if self in _on else "off"
        return f"<patch of scikit-learn, {state}: {', '.join(self.replaced) or 'nothing replaced'}>"


def patch_sklearn() -> Patch:
    """Put nmfcore's NMF, MiniBatchNMF and non_negative_factorization in the place of scikit-learn's.

    Programs that use scikit-learn's need no change: the names are replaced at once in `sklearn.decomposition`,
    `sklearn.decomposition._nmf` and every module imported so far that holds one of the three objects under any name
    (`from sklearn.decomposition import NMF as Model`). Modules imported later find nmfcore's in scikit-learn.

    Returns
    -------
    Patch
        A context manager: ``with nmfcore.patch_sklearn(): ...`` ends the patch with the block, also by an exception;
        so does `unpatch_sklearn`. Its attribute ``replaced`` names what was replaced, "cnmf.cnmf.NMF" for instance.

    Raises
    ------
    ImportError
        If scikit-learn is missing: ``pip install "nmfcore[sklearn]"``.

    Notes
    -----
    - Patches nest: scikit-learn's objects come back where they were with the end of the last patch. A name that
      something else has been assigned to meanwhile is left alone, and a module imported meanwhile keeps nmfcore's
      objects, which go on working.
    - Only names of modules are replaced. Estimators that exist, default arguments, base classes and what a function
      has kept for itself stay what they are; an estimator that is scikit-learn's cannot be pickled while it is on.
    - A patch belongs to the process: all threads see it, and threads that begin and end patches wait for each other.
      A thread that is fitting goes on with what it began with. Processes that are forked inherit a patch; those that
      are started anew (spawned, joblib's) do not, but estimators sent to them are nmfcore's.
    - It takes a few milliseconds, for a look at every name of every module.
    """
    return Patch().__enter__()


def unpatch_sklearn() -> None:
    """End every patch of `patch_sklearn`: scikit-learn's objects are put back where they were, if there is any.

    ``with`` blocks that are still open go on without the patch.
    """
    with _lock:
        _on.clear()
        _restore()


@functools.cache
def _pairs() -> tuple[tuple[object, object], ...]:
    """Of each name scikit-learn's object and ours; first asked for before anything is replaced."""
    theirs = optional.load("sklearn.decomposition._nmf", "sklearn", "patch_sklearn")
    from . import sklearn as ours

    return tuple((getattr(theirs, name), getattr(ours, name)) for name in _NAMES)


def _replace() -> list[str]:
    """Put ours wherever a module has theirs, and return the names of these places."""
    pairs = {id(theirs): ours for theirs, ours in _pairs()}
    own = __name__.partition(".")[0]
    replaced = []
    for module, content in list(sys.modules.items()):
        names = getattr(content, "__dict__", None)
        if not isinstance(names, dict) or module.partition(".")[0] == own:
            continue  # what is ours goes on seeing what is theirs
        for name, value in names.copy().items():
            if (ours := pairs.get(id(value))) is not None:
                _places.append((names, name, value, ours))
                names[name] = ours
                replaced.append(f"{module}.{name}")
    return replaced


def _restore() -> None:
    """Put back what was replaced, where nothing else has taken the place since."""
    while _places:
        names, name, theirs, ours = _places.pop()
        if names.get(name) is ours:
            names[name] = theirs


def run(arguments: list[str]) -> None:
    """Run a script, or a module after -m, as Python does, with scikit-learn patched.

    Its exceptions and its exit pass through; arguments that name nothing to run exit with 2.
    """
    parser = argparse.ArgumentParser(
        prog="python -m nmfcore patch",
        usage="%(prog)s [-h] (SCRIPT | -m MODULE) [ARGUMENT ...]",
        description="Run a program with nmfcore's NMF in the place of scikit-learn's.",
        allow_abbrev=False,
    )
    parser.add_argument("-m", action="store_true", dest="module", help="what is run is a module, not a file")
    parser.add_argument("program", metavar="SCRIPT", help="a Python script")
    parser.add_argument("arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="what it finds in sys.argv")
    options = parser.parse_args(arguments)
    if not options.module and not os.path.exists(options.program):
        parser.error(f"there is no script {options.program!r}")
    try:
        patch = patch_sklearn()
    except ImportError as error:
        parser.error(str(error))
    argv, path = sys.argv, sys.path.copy()
    sys.argv = [options.program, *options.arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.getcwd() if options.module else os.path.dirname(os.path.abspath(options.program))
    try:
        with patch:
            if options.module:
                runpy.run_module(options.program, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(options.program, run_name="__main__")
    finally:
        sys.argv, sys.path[:] = argv, path
