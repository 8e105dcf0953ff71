"""scikit-learn's own tests of its NMF, run on nmfcore's classes in the place of its own.

python tests/scikit_learn_own.py [options of pytest]

Tests of what is private to scikit-learn (its starts, its divergence) go on testing scikit-learn.
"""

import os
import sys

import pytest
import sklearn
import sklearn.decomposition
import sklearn.decomposition._nmf

import nmfcore.sklearn

REPLACED = ("NMF", "MiniBatchNMF", "non_negative_factorization")

#: What is expected to fail, by the name of the test, and why.
DEVIATIONS = {
    "test_nmf_float32_float64_consistency[NMF-solver0]": "an exact fit, which is not the only one: found to round-off, "
    "in which float32 and float64 differ",
    "test_minibatch_nmf_partial_fit": "scikit-learn writes to the H it is given, so that its two models, of which the "
    "batches and the forgetting differ, hold one array",
    "test_NMF_inverse_transform_Xt_deprecation[NMF]": "of 1.6, which takes an old name of an argument, too",
}


class Own:
    """Marks the deviations, which must fail, and says what was run."""

    def pytest_collection_modifyitems(self, items: list) -> None:
        """Expect each deviation to fail."""
        for item in items:
            reason = DEVIATIONS.get(item.name)
            if reason:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))

    def pytest_terminal_summary(self, terminalreporter: object) -> None:
        """One line: the version and the names."""
        replaced = [name for name in REPLACED if hasattr(nmfcore.sklearn, name)]
        print(
            f"\ntest_nmf.py of scikit-learn {sklearn.__version__}, in which nmfcore has replaced {', '.join(replaced)}"
        )


def main(options: list[str]) -> int:
    """Replace the names before the tests are imported, which bind them in their parameters; run the tests."""
    for name in REPLACED:
        if hasattr(nmfcore.sklearn, name):
            for module in (sklearn.decomposition, sklearn.decomposition._nmf):
                setattr(module, name, getattr(nmfcore.sklearn, name))
    where = ["--pyargs", "sklearn.decomposition.tests.test_nmf", "-c", os.devnull, "-p", "no:cacheprovider"]
    return int(pytest.main([*where, *options], plugins=[Own()]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
