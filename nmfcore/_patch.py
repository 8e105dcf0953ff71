"""nmfcore's NMF in place of scikit-learn's, in programs that do not know nmfcore.

A patch replaces objects by name in every imported module. It imports `nmfcore.sklearn` only when it is applied, because
scikit-learn is optional.
"""

import argparse
import functools
import importlib.util
import os
import runpy
import sys
import threading
from types import TracebackType
from typing import Self

from ._runtime import import_optional

_NAMES = ("NMF", "MiniBatchNMF", "non_negative_factorization")

_lock = threading.RLock()
_active: list["Patch"] = []
_replaced: list[tuple[dict[str, object], str, object, object]] = []  # (module namespace, name, scikit-learn's, ours)


class Patch:
    """The patch that `patch_sklearn` returns: a context manager that ends the patch.

    Attributes
    ----------
    replaced : tuple of str
        The names that the patch has replaced, such as "cnmf.cnmf.NMF".
    """

    def __init__(self) -> None:
        self.replaced: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        """Apply the patch unless it is active."""
        with _lock:
            if self not in _active:
                self.replaced = tuple(_replace())
                _active.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the patch. The end of the last active patch restores scikit-learn's objects."""
        with _lock:
            if self in _active:
                _active.remove(self)
                if not _active:
                    _restore()

    def __repr__(self) -> str:
        state = "on" if self in _active else "off"
        return f"<patch of scikit-learn, {state}: {', '.join(self.replaced) or 'nothing replaced'}>"


def patch_sklearn() -> Patch:
    """Put nmfcore's NMF, MiniBatchNMF and non_negative_factorization in place of scikit-learn's.

    Programs that use scikit-learn's objects need no change. The names are replaced at once in `sklearn.decomposition`,
    in `sklearn.decomposition._nmf`, and in every imported module that holds one of the three objects under any name
    (`from sklearn.decomposition import NMF as Model`). Modules imported later find nmfcore's objects in scikit-learn.

    Returns
    -------
    Patch
        A context manager: ``with nmfcore.patch_sklearn(): ...`` ends the patch with the block, after an exception, too.
        `unpatch_sklearn` also ends it. Its attribute ``replaced`` has the replaced names, such as "cnmf.cnmf.NMF".

    Raises
    ------
    ImportError
        If scikit-learn is missing: ``pip install "nmfcore[sklearn]"``.

    See Also
    --------
    nmfcore.sklearn : The objects that are put in place.

    Notes
    -----
    - Patches nest. The end of the last patch restores scikit-learn's objects in their places. A name that has been
      assigned another object in the meantime is left alone. A module imported in the meantime keeps nmfcore's objects,
      which continue to work.
    - Only names of modules are replaced. Existing estimators, default arguments, base classes and references inside
      functions stay as they are. An estimator of scikit-learn cannot be pickled while a patch is active.
    - A patch belongs to the process. All threads see it, and threads that begin and end patches wait for each other. A
      fit that is running is not affected. Forked processes inherit a patch. Processes that are started anew (spawned,
      joblib's) do not, but estimators sent to them are nmfcore's.
    - A patch takes a few milliseconds, because it looks at every name of every module.
    """
    return Patch().__enter__()


def unpatch_sklearn() -> None:
    """End every patch of `patch_sklearn` and restore scikit-learn's objects. Without a patch it does nothing.

    ``with`` blocks that are still open continue without the patch.
    """
    with _lock:
        _active.clear()
        _restore()


@functools.cache
def _pairs() -> tuple[tuple[object, object], ...]:
    """scikit-learn's object and ours for each name. The first call comes before anything is replaced."""
    theirs = import_optional("sklearn.decomposition._nmf", "sklearn", "patch_sklearn")
    from . import sklearn as ours

    return tuple((getattr(theirs, name), getattr(ours, name)) for name in _NAMES)


def _replace() -> list[str]:
    """Put our objects wherever a module has scikit-learn's, and return the replaced names."""
    pairs = {id(theirs): ours for theirs, ours in _pairs()}
    own = __name__.partition(".")[0]
    replaced = []
    for module, content in list(sys.modules.items()):
        names = getattr(content, "__dict__", None)
        if not isinstance(names, dict) or module.partition(".")[0] == own:
            continue  # our own modules need scikit-learn's objects
        for name, value in names.copy().items():
            if (ours := pairs.get(id(value))) is not None:
                _replaced.append((names, name, value, ours))
                names[name] = ours
                replaced.append(f"{module}.{name}")
    return replaced


def _restore() -> None:
    """Restore each replaced name that still has our object."""
    while _replaced:
        names, name, theirs, ours = _replaced.pop()
        if names.get(name) is ours:
            names[name] = theirs


def run(arguments: list[str]) -> None:
    """Run a script, or a module after -m, as Python does, with scikit-learn patched.

    Exceptions and exits of the program pass through. Without a program to run the exit code is 2.
    """
    parser = argparse.ArgumentParser(
        prog="nmfcore patch",
        usage="%(prog)s [-h] (SCRIPT | -m MODULE) [ARGUMENT ...]",
        description="Run a Python program with nmfcore's NMF in place of scikit-learn's.",
        allow_abbrev=False,
    )
    parser.add_argument("-m", action="store_true", dest="module", help="run a module instead of a script")
    parser.add_argument("program", metavar="SCRIPT", help="Python script, or module after -m")
    parser.add_argument(
        "arguments", metavar="ARGUMENT", nargs=argparse.REMAINDER, help="arguments of the program (sys.argv)"
    )
    options = parser.parse_args(arguments)
    argv, path = sys.argv, sys.path.copy()
    sys.argv = [options.program, *options.arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.getcwd() if options.module else os.path.dirname(os.path.abspath(options.program))
    try:
        if fault := _fault_of_module(options.program) if options.module else _fault_of_script(options.program):
            parser.error(fault)
        try:
            patch = patch_sklearn()
        except ImportError as error:
            parser.error(str(error))
        with patch:
            if options.module:
                runpy.run_module(options.program, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(options.program, run_name="__main__")
    finally:
        sys.argv, sys.path[:] = argv, path


def _fault_of_script(path: str) -> str | None:
    """Why a script cannot be run; None if it can."""
    if not os.path.exists(path):
        return f"there is no script {path!r}"
    if not os.access(path, os.R_OK):
        return f"the script {path!r} cannot be read"
    if os.path.isdir(path) and not os.path.exists(os.path.join(path, "__main__.py")):
        return f"the folder {path!r} has no __main__.py"
    return None


def _fault_of_module(name: str) -> str | None:
    """Why a module cannot be run; None if it can. Errors of the packages that hold it pass, as those of the program."""
    missing = f"there is no module {name!r}"
    if not all(part.isidentifier() for part in name.split(".")):
        return missing
    try:
        spec = importlib.util.find_spec(name)
        is_package = spec is not None and spec.submodule_search_locations is not None
        runnable = importlib.util.find_spec(f"{name}.__main__") if is_package else spec
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        return missing
    if spec is None:
        return missing
    return None if runnable is not None else f"the package {name!r} has no __main__ to run"
