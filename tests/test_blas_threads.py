"""The number of BLAS threads changes no bit, and BLAS is called on one thread only."""

import ast
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import threadpoolctl

import nmfcore
import nmfcore.sklearn
from nmfcore import penalties

RNG = np.random.default_rng(0)
X = RNG.gamma(0.5, size=(150, 6)) @ RNG.gamma(0.5, size=(6, 120)) + 0.01 * RNG.random((150, 120))
SPARSE = sp.random_array((500, 300), density=0.2, rng=RNG, format="csr")  # dot products of so many entries use threads
WEIGHTS = sp.random_array((500, 300), density=0.15, rng=RNG, format="csr")
MANY = RNG.gamma(0.5, size=(12001, 2)) @ RNG.gamma(0.5, size=(2, 6)) + 0.1 * RNG.random((12001, 6))
RATINGS = sp.coo_array((np.ceil(5 * SPARSE.tocoo().data), SPARSE.tocoo().coords), shape=SPARSE.shape)
WIDE = RNG.random((600, 60)), RNG.random((60, 500))
TARGET = RNG.random((6, 120))
SHARES = penalties.SumToOne(axis=1)


def factors(result):
    return [result.W, result.H, np.array([result.objective, result.relative_error, result.kkt_residual])]


def fit(**options):
    return lambda: factors(nmfcore.nmf(X, 6, max_iter=4, tol=0, random_state=0, **options))


def fit_sparse(**options):
    return lambda: factors(nmfcore.nmf(SPARSE, 4, max_iter=3, tol=0, random_state=0, init="random", **options))


def fit_volume():
    penalty = penalties.MinVolume(1e-2, relative=True)
    return factors(nmfcore.hals(X, 110, max_iter=3, tol=0, random_state=0, penalty_W=SHARES, penalty_H=penalty))


def estimate():
    model = nmfcore.sklearn.NMF(8, init="nndsvda", max_iter=5, tol=0, random_state=0)
    W = model.fit_transform(np.vstack([X] * 4))
    return [W, model.components_, model.inverse_transform(np.vstack([W] * 3))]


def reconstruct():
    model = nmfcore.nmf(WIDE[0] @ np.ones((60, 500)), 60, init=WIDE, max_iter=0)
    return [model.reconstruct(), model.reconstruct(slice(0, None, 2)), model.reconstruct(3)]


def score_ranks():
    choice = nmfcore.select_rank(MANY, [1, 2], method="mdl", random_state=0)
    return [choice.score, choice.spread]


def describe(names, *arguments, **options):
    """A call of a function of the package, and the attributes of its result to compare."""
    function, *attributes = names.split()

    def call():
        result = getattr(nmfcore, function)(*arguments, **options)
        return [np.asarray(getattr(result, name)) for name in attributes] if attributes else list(result)

    return call


def error_of_rank():
    optimality = nmfcore.hals(X, 4, max_iter=3, tol=0, random_state=0).optimality(X, random_state=0)
    return [np.array([optimality.error, optimality.best])]


relative = {"relative": True}
CASES = {
    "L1": fit(penalty_H=penalties.L1(0.01, **relative)),
    "elastic net": fit(penalty_H=penalties.ElasticNet(0.1, 0.5), penalty_W=penalties.L2(0.1)),
    "Group": fit(penalty_H=penalties.Group(0.1), penalty_W=penalties.Group(0.1)),
    "Orthogonality": fit(penalty_W=penalties.Orthogonality(1.0)),
    "Smooth": fit(penalty_H=penalties.Smooth(1.0)),
    "Prior": fit(penalty_H=penalties.Prior(TARGET, 1.0)),
    "Hoyer": fit(penalty_H=penalties.Hoyer(0.5, axis=1)),
    "MinVolume": fit_volume,
    "MinVolume and SumToOne": fit(penalty_H=penalties.MinVolume(0.1) + SHARES),
    "MinVolume, pgd": fit(penalty_W=SHARES, penalty_H=penalties.MinVolume(0.1), loss="kullback-leibler"),
    "mask": fit(mask=RNG.random(X.shape) < 0.2),
    "weights": fit(weights=RNG.random(X.shape), loss="kullback-leibler"),
    "unstored": fit_sparse(missing="unstored"),
    "unstored, kl": fit_sparse(missing="unstored", loss="kullback-leibler"),
    "sparse weights": fit_sparse(weights=WEIGHTS),
    "unstored, penalty": fit_sparse(missing="unstored", penalty_W=penalties.L2(0.1), penalty_H=penalties.L2(0.1)),
    "optimality": error_of_rank,
    "reconstruct": reconstruct,
    "estimator": estimate,
    "description length": score_ranks,
    "transform": lambda: [nmfcore.transform(X, TARGET, penalty_W=penalties.MinVolume(0.1))],
    "nnls": lambda: [nmfcore.nnls(TARGET.T, X.T)],
    "svd": describe("svd", X, 4, random_state=0),
    "separable": describe("separable W H", X, 4),
    "archetypes": describe("archetypes W archetypes", X, 4, random_state=0, max_iter=3),
    "complete": describe("complete W H objective", RATINGS, 3, random_state=0, max_iter=3),
    "semi": describe("semi W H", X, 4, random_state=0, max_iter=3),
    "orthogonal": describe("orthogonal W H", X, 4, random_state=0, max_iter=3),
    "projective": describe("projective W H", X, 4, random_state=0, max_iter=3),
    "symmetric": describe("symmetric W", X @ X.T, 4, random_state=0, max_iter=3),
    "hierarchical": describe("hierarchical labels", X, 4, random_state=0),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_blas_threads_change_no_bit(name):
    results = []
    for threads in (1, 2, 3):
        with threadpoolctl.threadpool_limits(threads, user_api="blas"):
            results.append(CASES[name]())
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_calls_at_once_have_the_bits_of_a_call_alone():
    """Other calls set and restore the limit of BLAS meanwhile."""
    calls = [CASES[name] for name in ("MinVolume", "svd", "unstored", "separable")]
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        alone = [call() for call in calls]
        with ThreadPoolExecutor(4) as pool:
            at_once = list(pool.map(lambda i: calls[i % 4](), range(24)))
    for i, result in enumerate(at_once):
        for one, same in zip(alone[i % 4], result, strict=True):
            np.testing.assert_array_equal(one, same)


#: Functions that may call BLAS or LAPACK, by module. Their callers hold `single_blas`, but for those without BLAS: a
#: product with a sparse matrix (`_laplacian`), and norms along an axis (`_fit_W`). Pictures are left out.
ALLOWED = {
    "_archetypes/fit": {"Z", "_fit_archetypes", "_squared_residuals", "add", "improve", "scatter"},
    "_archetypes/problem": {"mix_points", "scatter"},
    "_archetypes/simplex": {"fit_blocks"},
    "_archetypes/start": {"hull_distances"},
    "_ensemble/clusters": {"_sums_by_label"},
    "_ensemble/consensus_factors": {"cluster_components"},
    "_ensemble/matching": {"match_components", "measure_stability"},
    "_fit/check_zeros": {"_unreached"},  # whole numbers, before an error
    "_relatives/assignment": {"kkt_residual"},
    "_relatives/semi": {"_least_squares", "kkt_residual"},
    "_relatives/tree_builder": {"_try_split"},
    "_starts/init": {"_part"},
    "_starts/singular": {"_cholesky", "_decompose_tall", "_of_tall", "_orthonormal", "row_space"},
    "_starts/spa": {"_squared_residuals", "solve_coordinates", "successive_projections"},
    "penalties/quadratic": {"_laplacian"},
    "sklearn/_base": {"inverse_transform"},
    "sklearn/_nmf": {"_fit_W"},
    "sklearn/_starts": {"_nndsvd"},
}


def uses_of_blas(path):
    """(function, line) of each product or decomposition by NumPy or SciPy in a module."""
    names = {"dot", "vdot", "inner", "matmul", "tensordot", "corrcoef", "cov", "polyfit", "convolve", "correlate"}

    def visit(node, function):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            yield function, node.lineno
        if isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if owner in ("np.linalg", "scipy.linalg", "linalg") or (owner == "np" and node.attr in names):
                yield function, node.lineno
        for child in ast.iter_child_nodes(node):
            yield from visit(child, function)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), "")


def test_no_other_function_calls_blas():
    """A new use of BLAS needs `single_blas` around it, and a place in the list above."""
    root = Path(nmfcore.__file__).parent
    found = []
    for path in sorted(root.rglob("*.py")):
        module = path.relative_to(root).with_suffix("").as_posix()
        if module.partition("/")[0] not in ("reference", "plot"):
            allowed = ALLOWED.get(module, set())
            found += [(module, *use) for use in uses_of_blas(path) if use[0] not in allowed]
    assert not found
