"""Programs that use scikit-learn's NMF, run with it and with nmfcore's in its place.

Each file needs a package of its own and is skipped where that is missing; `pip install ".[integration]"` brings all.
`pytest tests/integration -rP` prints the times, which are also among the properties of a JUnit report.
"""

import importlib
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

import nmfcore

#: What these packages and what they import warn of is theirs; what nmfcore warns of stays an error.
THEIR_WARNINGS = ("ignore", "error:::nmfcore")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for line in reversed(THEIR_WARNINGS):  # of two marks the last one added is asked first
                item.add_marker(pytest.mark.filterwarnings(line))


@pytest.fixture
def package():
    """Import a package within the test, where its warnings are not errors, or skip the test."""

    def load(name):
        try:
            return importlib.import_module(name)
        except ImportError as error:  # a package that cannot be imported with what else is installed, too
            pytest.skip(f"{name} cannot be imported: {error}")

    return load


@pytest.fixture
def beside(record_property):
    """Call something with scikit-learn as it is and with nmfcore in its place; both results, and the times printed.

    Each is called once: what a package does at its first call is in the time of scikit-learn.
    """

    def both(work):
        found = []
        for name, context in {"scikit-learn": nullcontext, "nmfcore": nmfcore.patch_sklearn}.items():
            with context():
                start = time.perf_counter()
                found.append(work(name))
                seconds = time.perf_counter() - start
            record_property(name, seconds)
            print(f"{name}: {1e3 * seconds:.0f} ms")
        return found

    return both


def cosines(ours, theirs):
    """The cosines of the rows of one matrix with those of another, in the order that pairs them best."""
    ours, theirs = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in map(np.asarray, (ours, theirs)))
    products = theirs @ ours.T
    return products[linear_sum_assignment(products, maximize=True)]
