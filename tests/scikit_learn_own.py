"""Run scikit-learn's tests of its NMF on nmfcore's classes.

python tests/scikit_learn_own.py [options of pytest]

Tests of private functions of scikit-learn (its starts, its divergence) still test scikit-learn.
"""

import os
import sys

import pytest
import sklearn
import sklearn.decomposition
import sklearn.decomposition._nmf

import nmfcore.sklearn

REPLACED = ("NMF", "MiniBatchNMF", "non_negative_factorization")

#: The tests that must fail, and the reason.
DEVIATIONS = {
    "test_nmf_float32_float64_consistency[NMF-solver0]": "the exact fit is not unique, and "
    "round-off in float32 and float64 leads to different ones",
    "test_minibatch_nmf_partial_fit": "scikit-learn writes to the H that is passed, so its two models share one "
    "array although their batches and forget factors differ",
    "test_NMF_inverse_transform_Xt_deprecation[NMF]": "scikit-learn 1.6 accepts an old name of an argument, too",
}


class Own:
    """Marks the deviations as expected failures and prints a summary."""

    def pytest_collection_modifyitems(self, items: list) -> None:
        """Expect each deviation to fail."""
        for item in items:
            reason = DEVIATIONS.get(item.name)
            if reason:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))

    def pytest_terminal_summary(self, terminalreporter: object) -> None:
        """Print the version and the replaced names."""
        replaced = [name for name in REPLACED if hasattr(nmfcore.sklearn, name)]
        print(
            f"\ntest_nmf.py of scikit-learn {sklearn.__version__}, in which nmfcore has replaced {', '.join(replaced)}"
        )


def main(options: list[str]) -> int:
    """Replace the names and run the tests, which bind the names in their parameters when they are imported."""
    for name in REPLACED:
        if hasattr(nmfcore.sklearn, name):
            for module in (sklearn.decomposition, sklearn.decomposition._nmf):
                setattr(module, name, getattr(nmfcore.sklearn, name))
    where = ["--pyargs", "sklearn.decomposition.tests.test_nmf", "-c", os.devnull, "-p", "no:cacheprovider"]
    return int(pytest.main([*where, *options], plugins=[Own()]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
