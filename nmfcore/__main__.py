"""The command line, `python -m nmfcore`."""

import argparse
import importlib.util
import sys

from . import _demo, _patch


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit code is 0, or 2 for arguments that cannot be served."""
    parser = argparse.ArgumentParser(prog="python -m nmfcore", description="Non-negative matrix factorization.")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="factorize generated images, and scikit-learn's digits if installed")
    demo.add_argument("--plot", metavar="FILE", help="draw the parts as small images (png, pdf, svg; needs matplotlib)")
    demo.add_argument("--threads", type=int, metavar="N", help="number of threads (default: all available)")
    commands.add_parser("patch", help="run a Python program with nmfcore's NMF in the place of scikit-learn's")
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["patch"]:  # all that follows belongs to the program
        _patch.run(arguments[1:])
        return 0
    options = parser.parse_args(arguments)
    if options.plot and not importlib.util.find_spec("matplotlib"):
        parser.error('--plot needs matplotlib: pip install "nmfcore[plot]"')
    if options.threads == 0:
        parser.error("--threads is 0; wanted a number >= 1, or -1 for all")
    try:
        _demo.run(options.plot, options.threads)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
