"""Checks of the arguments of pictures and their messages; when matplotlib is imported; the error without it."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp

import nmfcore
from nmfcore import plot
from nmfcore._ensemble.ensemble import Ensemble

pytest.importorskip("matplotlib")

W = np.array([[4.0, 0, 1], [0, 3, 1], [0, 0, 0], [5, 0, 0], [1, 8, 0]])
H = np.array([[0.0, 1, 0, 3], [2, 2, 0, 0], [0, 0, 0, 6]])
X = W @ H
ONE, MANY = (
    Ensemble([nmfcore.hals(X, 2, init="random", random_state=seed) for seed in range(n)], range(n)) for n in (1, 3)
)
HISTORIES = {"a": nmfcore.History(np.array([8.0, 2]), np.array([0.1, 0.4]))}
WRONG = [
    (lambda: plot.parts(H, (2, 3)), ValueError, r"shape is \(2, 3\); wanted .* height \* width = 4"),
    (lambda: plot.parts(H, 4), TypeError, "shape is 4; wanted"),
    (lambda: plot.parts(H, (2, 2.0)), TypeError, r"shape\[1\] is 2.0"),
    (lambda: plot.parts(H, (2, 2), order="A"), ValueError, "order is 'A'; wanted one of 'C', 'F'"),
    (lambda: plot.parts(H, (2, 2), components="share"), ValueError, "the shares are not known without W"),
    (lambda: plot.parts(H, (2, 2), components="size"), ValueError, "components is 'size'; wanted one of 'share'"),
    (lambda: plot.parts(H, (2, 2), components=[3]), ValueError, "components has indices from 3 to 3; wanted 0 to 2"),
    (lambda: plot.parts(H, (2, 2), components=[]), TypeError, r"components has dtype float64, shape \(0,\)"),
    (lambda: plot.parts(H, (2, 2), titles=["a"]), ValueError, "titles has 1 entries; wanted 3, one for each component"),
    (lambda: plot.parts(H, (2, 2), titles="abc"), TypeError, "titles is of type str; wanted a list"),
    (lambda: plot.parts(H, (2, 2), scale="own"), ValueError, "scale is 'own'"),
    (lambda: plot.parts(H, (2, 2), columns=0), ValueError, "columns is 0; wanted an integer >= 1"),
    (lambda: plot.parts(H, x=[1, 2]), ValueError, r"x has dtype int64, shape \(2,\); wanted 4 numbers"),
    (lambda: plot.parts(-H, (2, 2)), ValueError, "H has 5 negative entries"),
    (lambda: plot.factors(H), TypeError, r"result is of type ndarray; wanted a Result or a pair \(W, H\)"),
    (lambda: plot.factors((W, H[:2])), ValueError, r"W has shape \(5, 3\), H \(2, 4\); wanted"),
    (lambda: plot.factors((W, H), "V"), ValueError, "which is 'V'; wanted one of 'W', 'H'"),
    (lambda: plot.factors((W, H), names=["a"]), ValueError, "names has 1 entries; wanted 5, one for each sample"),
    (lambda: plot.factors((W, H), shares=1), TypeError, "shares is 1"),
    (lambda: plot.top_words(H, n=0), ValueError, "n is 0"),
    (lambda: plot.top_words(H, ["a"]), ValueError, "names has 1 entries; wanted 4, one for each feature"),
    (lambda: plot.reconstruction(X[:2], (W, H)), ValueError, r"X has shape \(2, 4\); wanted \(5, 4\)"),
    (lambda: plot.reconstruction(X, (W, H), [9]), ValueError, "samples has indices from 9 to 9"),
    (lambda: plot.reconstruction(X / 0.0, (W, H)), ValueError, "X has infinite entries"),
    (lambda: plot.reconstruction(X.astype(str), (W, H)), TypeError, "X has dtype"),
    (lambda: plot.convergence((W, H)), TypeError, r"results\[0\] is of type ndarray; wanted a Result with a history"),
    (lambda: plot.convergence({}), ValueError, "results is empty"),
    (lambda: plot.convergence(HISTORIES, "time"), ValueError, "against is 'time'"),
    (lambda: plot.convergence(HISTORIES, best=2.5), ValueError, "best is 2.5, but the results reach 2"),
    (lambda: plot.convergence(HISTORIES, best="0"), TypeError, "best is '0'"),
    (lambda: plot.geometry(X, (W, H)), ValueError, "X has 4 features, and two or three can be shown"),
    (lambda: plot.geometry(X, (W, H), features=[1, 1]), ValueError, r"features is \[1, 1\]; wanted"),
    (lambda: plot.consensus((W, H)), TypeError, "ensemble is of type tuple; wanted an Ensemble"),
    (lambda: plot.consensus(MANY, 3), ValueError, "k is 3, but the ensemble has fits of rank 2; wanted one of them"),
    (lambda: plot.consensus(MANY, of="W"), ValueError, "of is 'W'; wanted one of 'samples', 'features'"),
    (lambda: plot.consensus(MANY, names=["a"]), ValueError, "names has 1 entries; wanted 5, one for each sample"),
    (lambda: plot.consensus(ONE), ValueError, "the ensemble has one fit of rank 2, but consensus compares fits"),
    (lambda: plot.rank_scores(3), TypeError, "choice is of type int; wanted what nmfcore.select_rank returns"),
    (lambda: plot.archetypes(X, (W, H)), TypeError, "result is of type tuple; wanted what nmfcore.archetypes returns"),
    (lambda: plot.archetypes(X, nmfcore.archetypes(X, 2)), ValueError, r"features is \[0, 1, 2, 3\]; wanted a list of"),
]


@pytest.mark.parametrize("call, error, message", WRONG)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_a_completion_has_biases():
    ratings = sp.csr_array(np.arange(1.0, 21).reshape(4, 5))
    model = nmfcore.complete(ratings, 2, random_state=0)
    with pytest.raises(TypeError, match="result is a Completion, whose biases"):
        plot.reconstruction(ratings, model)
    from matplotlib.figure import Figure

    axes = Figure().subplots(2)
    plot.top_words(model, ax=axes[0])
    plot.convergence(model, ax=axes[1])


def run(code):
    return subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_submodules_are_imported_when_asked_for():
    code = """import sys, nmfcore
assert {"plot", "sklearn", "hals"} <= set(dir(nmfcore))
print("nmfcore.plot" in sys.modules, nmfcore.plot.__name__, "matplotlib" in sys.modules)"""
    assert run(code) == ["False", "nmfcore.plot", "False"]
    with pytest.raises(AttributeError, match="module 'nmfcore' has no attribute 'polt'"):
        _ = nmfcore.polt


def test_without_matplotlib():
    code = """import sys
sys.modules["matplotlib"] = sys.modules["matplotlib.pyplot"] = None
import numpy as np, nmfcore
for draw in (lambda F: nmfcore.plot.parts(F, (1, 2)), lambda F: nmfcore.plot.factors((F, F))):
    try: draw(np.eye(2))
    except ImportError as error: print(str(error).replace(" ", "_"))"""
    assert run(code) == ['nmfcore.plot_needs_matplotlib:_pip_install_"nmfcore[plot]"'] * 2
