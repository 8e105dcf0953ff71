"""X and the request of a fit, read and checked once for one fit or for many."""

import functools
import time
from typing import Any, Generic

from .._checks import check_flag, refuse_large_rank
from .._runtime import check_threads
from ..data import as_weighted_data, frames, warn_of_unobserved
from ..losses import check_weighted_loss
from . import check_solvers
from .assemble import check_start_name, factor_specs, make_start
from .check import check_compress, check_entries, check_options
from .check_zeros import check_zeros
from .checkpoint import Checkpoint
from .compressed_start import plan_compression
from .constraints import FactorConstraints
from .digests import digest_arrays
from .driver import Fit
from .factorization import Kind
from .provenance import build_provenance, with_random_state
from .report import ProgressPrinter
from .request import FitRequest, RandomState


def run_fit(request: FitRequest, kind: type[Kind], clock: float | None = None) -> Kind:
    """The result of one fit; clock: `time.perf_counter` at the call, None for now."""
    clock = time.perf_counter() if clock is None else clock
    return Problem(request, kind).fit(clock).run()


class Problem(Generic[Kind]):
    """X as a storage, and the loss; what fits of any rank have in common. Their results are of the class `kind`."""

    def __init__(self, request: FitRequest, kind: type[Kind]) -> None:
        self.request, self.kind = request.align(), kind
        self.X, self.names = frames.unwrap(request.X)
        n_threads = check_threads(request.n_threads)
        self.data, self.workspace = as_weighted_data(
            self.X, self.request.weights, self.request.mask, request.missing, n_threads
        )
        self.loss = check_weighted_loss(request.loss, self.data)

    def fit(self, clock: float, warn_unobserved: bool = True, **changes: Any) -> Fit[Kind]:
        """A fit that has not begun, of a request with those changes; see `RankedProblem`."""
        ranked = RankedProblem(self, warn_unobserved, **changes)
        return ranked.fit(clock, ranked.request.random_state)


class RankedProblem(Generic[Kind]):
    """A problem of one rank: what fits that differ in their random state alone have in common.

    With `warn_unobserved` it warns of rows and columns without an observation, which one of several problems does.
    """

    def __init__(self, problem: Problem[Kind], warn_unobserved: bool, **changes: Any) -> None:
        self.problem, self.request = problem, problem.request.with_changes(**changes)
        request, data, loss = self.request, problem.data, problem.loss
        refuse_large_rank(request.k, sum(data.shape), data.dtype.itemsize)
        self.constraints = constraints = FactorConstraints(
            data.shape, request.k, (request.penalty_W, request.penalty_H), (request.fixed_W, request.fixed_H)
        )
        if warn_unobserved:
            warn_of_unobserved(data, constraints.fixed)
        self.solvers = check_solvers.choose_solvers(
            request.solver, loss, constraints.needs, request.inner_iter, request.floor, any(constraints.fixed)
        )
        extrapolates = all(solver.extrapolates(loss) for solver in self.solvers)
        extrapolates &= check_flag(request.extrapolate, "extrapolate")
        limits = request.max_iter, request.tol, request.max_time
        self.options = check_options(*limits, request.callback, request.verbose, ProgressPrinter(), extrapolates)
        compress = check_compress(request.compress)
        self.compression = plan_compression(compress, data, loss, self.solvers, constraints, self.options)
        check_entries(data, problem.X, loss)
        if isinstance(request.init, str):
            check_start_name(request.init, data, constraints.k)
        self.provenance = build_provenance(request, problem.X, problem.names, data, self.solvers[0].name)

    def fit(self, clock: float, random_state: RandomState) -> Fit[Kind]:
        """A fit that has not begun; clock: `time.perf_counter` at the call."""
        request, constraints = self.request, self.constraints
        data, loss, workspace = self.problem.data, self.problem.loss, self.problem.workspace
        same = random_state is request.random_state
        provenance = self.provenance if same else with_random_state(self.provenance, random_state)
        start = make_start(constraints, request.init, data, random_state, workspace)
        specs = factor_specs(constraints, self.solvers, start, loss, data, workspace)
        check_zeros(data, loss, constraints, specs, start)
        checkpoint = request.init if isinstance(request.init, Checkpoint) else None
        options, digests, kind = self.options, functools.partial(digest_arrays, request), self.problem.kind
        improved = None
        if self.compression is not None and checkpoint is None:
            improved = self.compression.improve(start, specs, workspace, clock, provenance, kind)
            start = start if improved is None else improved.start
        fit = Fit(data, loss, specs, start, checkpoint, options, workspace, clock, provenance, digests, kind)
        if improved is not None:
            fit.recorder.precede(improved.values, improved.seconds)
        return fit
