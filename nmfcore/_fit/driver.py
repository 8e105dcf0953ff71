"""The alternation: update W, extrapolate, update H, extrapolate, evaluate, restart, stop.

It knows no loss, solver or storage. The objective in it is that of the scaled X (see `data.Data`).

Least squares evaluate the objective at no cost: G and C of the half-step of H give it at the extrapolated W and the new
H. For other losses it comes with the pass over X that the next update of W needs anyway, at the point where that
update starts. That point is what the fit returns; a pass of its own would take a fifth to a third of an iteration.

An iteration by HALS costs 4 m n k flop and two readings of X for the products, 2 (m + n) k^2 flop for each sweep, and
half of that for each pair of Gram matrices. A factor's Gram matrix (its summary) is kept as long as the factor stands:
two are computed an iteration without extrapolation, three with it. For k below about 16 the products are bound by
memory. It would help to update a block of rows of W while it is in cache and to add its share of X'W at once, so that X
is read once an iteration. The half-step allows it, since no solver needs all rows at once; it is not built yet.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic

import numpy as np

from .._checks import check_outcome
from .._runtime import Workspace
from .._starts import Start
from ..data import Data
from ..losses import EPS, Loss
from . import zeros
from .check_zeros import check_finite_objective
from .checkpoint import Checkpoint, fingerprint
from .compiled import CompiledIterations, plan_iterations
from .ending import has_converged
from .factor_state import FactorState
from .factorization import Kind
from .recorder import Recorder
from .records import Provenance
from .specification import FactorSpec, Options
from .stopping import NUMBERS, StoppingState


class Fit(Generic[Kind]):
    """One fit, from a start (W, H') for the scaled X to its result, which is of the class `kind`."""

    def __init__(
        self,
        data: Data,
        loss: Loss,
        specs: tuple[FactorSpec, FactorSpec],
        start: Start,
        checkpoint: Checkpoint | None,
        options: Options,
        workspace: Workspace,
        clock: float,
        provenance: Provenance,
        digests: Callable[[], dict[str, str]],
        kind: type[Kind],
    ) -> None:
        self.loss, self.options, self.workspace = loss, options, workspace
        self.provenance, self.digests, self.kind = provenance, digests, kind
        self.w = FactorState(data, specs[0], start.W, options.extrapolate)
        self.h = FactorState(data.T, specs[1], start.Ht, options.extrapolate)
        self.free = [side for side in (self.w, self.h) if not side.spec.fixed]
        self.exponents = start.exponents
        self.stopping = StoppingState(loss, data)
        self.recorder = Recorder(options, clock, lambda values: loss.units(values, data.measures.exponent))
        self.statistics: Any = None  # of the first free factor at the current point; None if not computed yet
        self.best_statistics: dict[FactorState, Any] = {}  # at the best factors, as far as an iteration computed them
        self.resumes = checkpoint is not None
        if checkpoint is not None:
            self._resume(checkpoint)

    def run(self) -> Kind:
        """Alternate until the stopping rule, a limit or the callback ends the fit."""
        return self.result(self.alternate())

    def alternate(self) -> str:
        """The iterations; returns why they end."""
        reason = None
        if self.resumes:  # from a checkpoint, which was made before the stopping rule was applied
            reason = self._stopping_rule()
        else:
            self._begin()
        compiled = self._compile()
        while reason is None and self.recorder.n_iter < self.options.max_iter:
            if compiled is None:
                self._iterate(self.recorder.n_iter + 1)
            else:
                self._advance(compiled)
            reason = "callback" if self._report() else self._stopping_rule()
        return reason or "max_iter"

    def _compile(self) -> CompiledIterations | None:
        """The iterations of a plain fit of a small X, in one call of a kernel; see `compiled`."""
        plan = plan_iterations((self.w, self.h), self.loss, self.options)
        if plan is None:
            return None
        return CompiledIterations((self.w, self.h), self._memories, self.loss, self.stopping, self.workspace, plan)

    def _advance(self, compiled: CompiledIterations) -> None:
        """Some compiled iterations; one, if something is called after each or the time is limited."""
        one = self.options.max_time is not None or self.recorder.has_listeners
        most = 1 if one else self.options.max_iter - self.recorder.n_iter
        self.recorder.extend(compiled.advance(self.recorder.n_iter + 1, most))
        self.statistics, self.best_statistics = None, {}

    def limit_time(self, seconds: float) -> None:
        """Let no iteration begin later than so many seconds after the call."""
        self.options = self.recorder.options = replace(self.options, max_time=seconds)

    def _begin(self) -> None:
        """Evaluate the start."""
        first = self.free[0]
        self.w.separate()
        self.h.separate()
        self.statistics = self._make_statistics(first)
        first.summary = self.loss.summary(first.factor, self.workspace)
        self._evaluate(first, self.statistics)

    def _iterate(self, iteration: int) -> None:
        """One iteration: update W, extrapolate, update H, extrapolate, evaluate, restart.

        A fixed factor is left out. The objective comes from statistics that are needed anyway: those of H give it at
        the new H where they do not depend on H (`loss.constant`); else those of W give it where the next update starts.
        """
        first, last, loss = self.free[0], self.free[-1], self.loss
        weight = self.stopping.advance() if self.options.extrapolate else 0.0

        # Update W.
        statistics = self.statistics or self._make_statistics(first)
        self.stopping.moved = self._update(first, statistics, iteration)
        if last is not first:
            self._extrapolate(first, weight)

            # Update H.
            statistics = self._make_statistics(last)
            self.stopping.moved += self._update(last, statistics, iteration)

        # Evaluate and extrapolate H.
        if loss.constant:
            self.statistics = statistics if last is first else None
            last.summary = loss.summary(last.factor, self.workspace)
            no_higher = self._evaluate(last, statistics)
            self._extrapolate(last, weight)
        else:
            self._extrapolate(last, weight)
            self.statistics = self._make_statistics(first)
            no_higher = self._evaluate(first, self.statistics)

        self._keep_best_statistics(last, statistics, no_higher)
        if self.options.extrapolate and not no_higher:
            self._restart()

    def _other(self, side: FactorState) -> FactorState:
        return self.h if side is self.w else self.w

    @functools.cached_property
    def _memories(self) -> tuple[Any, Any]:
        """Memory for the statistics of both factors; fits that advance together need none of their own."""
        return self.loss.allocate(self.w.data, self.w.factor, self.h.factor)

    def _memory(self, side: FactorState) -> Any:
        return self._memories[side is self.h]

    def _make_statistics(self, side: FactorState) -> Any:
        """The statistics from which a factor is updated: one reading of X."""
        other = self._other(side)
        if other.summary is None:
            other.summary = self.loss.summary(other.factor, self.workspace)
        evaluate = side is self.free[0]
        return self.loss.statistics(side.data, side.factor, other.factor, other.summary, self._memory(side), evaluate)

    def _update(self, side: FactorState, statistics: Any, iteration: int) -> float:
        """Update a factor in place; returns the squared length of the solver's first step."""
        side.summary = None
        once = len(self.free) == 1 and self.loss.constant  # the statistics serve all iterations
        cost = math.inf if once else self.loss.cost(side.data, side.factor.shape[1])
        statistics = self._with_penalties(side, side.factor, self._other(side).factor, statistics)
        step = side.spec.solver.update(side.factor, statistics, side.spec.domain, cost, iteration, self.workspace)
        return statistics.step_scale * step

    def _with_penalties(self, side: FactorState, F: np.ndarray, B: np.ndarray, statistics: Any) -> Any:
        """The statistics of (F, B) with what the penalties add to them."""
        majorizer = side.spec.penalty.majorizer(F, B)
        return statistics if majorizer is None else statistics.majorized(majorizer, F, self.workspace)

    def _extrapolate(self, side: FactorState, weight: float) -> None:
        """Go on along the last change of a factor, inside its domain."""
        if self.options.extrapolate:
            side.spec.solver.extrapolate(side.factor, side.old, weight, self.workspace)
            side.spec.domain.project(side.old, self.workspace)
            side.exchange()

    def _evaluate(self, side: FactorState, statistics: Any) -> bool:
        """Record the objective, which the statistics of a factor give, and keep the factors if it is the lowest so far.

        Returns whether the objective is the lowest so far, to round-off.
        """
        other = self._other(side)
        loss = self.loss.value(side.data, side.factor, other.factor, side.summary, statistics, self.workspace)
        no_higher = self.stopping.enter(loss + self._penalties())
        self.recorder.add(self.stopping.value)
        if no_higher:
            self.stopping.best_loss = loss
            for each in (self.w, self.h):
                np.copyto(each.best, each.factor)
                each.best_summary = each.summary
        return no_higher

    def _penalties(self) -> float:
        w, h = self.w, self.h
        return w.spec.penalty.value(w.factor, h.factor) + h.spec.penalty.value(h.factor, w.factor)

    def _keep_best_statistics(self, last: FactorState, statistics: Any, no_higher: bool) -> None:
        """Keep the statistics at the best factors for the KKT residual, where an iteration has made them."""
        self.best_statistics = {}
        if no_higher:
            if self.statistics is not None:
                self.best_statistics[self.free[0]] = self.statistics
            if self.loss.constant:
                self.best_statistics[last] = statistics

    def _restart(self) -> None:
        """Drop the momentum after an iteration without progress: go on from its outcome.

        If a plain iteration from there is still above the best factors, go back to those: a plain iteration from them
        cannot be.
        """
        self.stopping.t = 1.0
        for side in self.free:
            side.restart(side.old if self.stopping.since_progress == 1 else side.best)
        if not self.loss.constant:
            self.statistics = None

    def _stopping_rule(self) -> str | None:
        """The reason to stop after an iteration, if there is one."""
        reason = self.stopping.ends(self.options.tol)[0] if self.options.tol > 0 else None
        return reason or ("max_time" if self.recorder.out_of_time() else None)

    def _report(self) -> bool:
        """Call the printer and the callback; return whether the fit ends."""
        return self.recorder.report(
            _relative_error=self._relative_error, _factors=self._factors, _checkpoint=self._checkpoint
        )

    def result(self, reason: str) -> Kind:
        """The result of a fit that ends for that reason."""
        recorder = self.recorder
        if recorder.n_iter > 0:
            self._clear_zeros()
        history, recorder.ended = recorder.history(), True
        relative_error, kkt_residual = self._relative_error(), self._kkt_residual()
        W, H = self._factors(in_place=True)
        check_finite_objective(self.stopping.value, self.loss)
        check_outcome(W=W, H=H, objective=history.objective[-1], kkt_residual=kkt_residual)
        return self.kind(
            W=W,
            H=H,
            objective=float(history.objective[-1]),
            relative_error=relative_error,
            n_iter=recorder.n_iter,
            converged=has_converged(reason, kkt_residual),
            reason=reason,
            kkt_residual=kkt_residual,
            history=history,
            unobserved=self.w.data.unobserved,
            **self.provenance._asdict(),
        )

    @np.errstate(over="ignore", under="ignore")  # an entry beyond the range of the dtype is infinite or 0
    def _factors(self, in_place: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """The best W and H in units of X: copies, or at the end of a fit its own arrays."""
        W, Ht = (
            np.ldexp(side.best, exponent, out=side.best if in_place else None)
            for side, exponent in zip((self.w, self.h), self.exponents, strict=True)
        )
        if in_place:
            self.exponents = np.zeros_like(self.exponents[0]), np.zeros_like(self.exponents[1])
        return W, Ht.T

    def _relative_error(self) -> float:
        return self.loss.relative_error(self.w.data, self.w.best, self.h.best, self.stopping.best_loss, self.workspace)

    def _kkt_residual(self) -> float:
        """The KKT residual at the best factors; statistics that are not at hand cost half an iteration each."""
        sides = [
            (side.data, side.best, self._statistics_at_best(side), side.spec.domain) for side in reversed(self.free)
        ]
        return self.loss.kkt_residual(sides, self.workspace)

    def _statistics_at_best(self, side: FactorState) -> Any:
        """The statistics at the best factors, penalties included; they are computed where no iteration has."""
        other = self._other(side)
        if side not in self.best_statistics:
            arguments = side.best, other.best, other.best_summary, self._memory(side), False
            self.best_statistics[side] = self.loss.statistics(side.data, *arguments)
        return self._with_penalties(side, side.best, other.best, self.best_statistics[side])

    def _clear_zeros(self) -> None:
        """Set entries of the best factors to 0 that stand for 0; see `zeros`.

        What a floor or round-off has left is not seen in the objective. Larger entries are, where a solver was still on
        its way to 0; the objective is then computed again, and cannot be larger.
        """
        seen = False
        for side in reversed(self.free):
            F, spec = side.best, side.spec
            clear = zeros.entries_to_clear(F, self._statistics_at_best(side), spec, self.workspace)
            if not clear.any():
                continue
            means = self.workspace.column_sums(F) / len(F)
            seen |= bool(np.any(F > zeros.MARGIN * EPS[F.dtype] * means, where=clear))
            F[clear] = 0
            side.best_summary = self.loss.summary(F, self.workspace)
            self.best_statistics = {}  # they are those of the factors before
        if seen:
            self._evaluate_best()

    def _evaluate_best(self) -> None:
        """Compute the objective at the best factors again, which replaces that of the last iteration."""
        first = self.free[0]
        other = self._other(first)
        arguments = first.best, other.best, other.best_summary, self._memory(first), True
        statistics = self.loss.statistics(first.data, *arguments)
        loss = self.loss.value(first.data, first.best, other.best, first.best_summary, statistics, self.workspace)
        w, h = self.w, self.h
        penalties = w.spec.penalty.value(w.best, h.best) + h.spec.penalty.value(h.best, w.best)
        self.stopping.best_loss, self.stopping.value = loss, min(self.stopping.value, loss + penalties)
        self.recorder.values[-1] = self.stopping.value

    def _checkpoint(self) -> Checkpoint:
        """Copies of everything the next iterations need, except X and the request."""
        recorder = self.recorder
        arrays = {f"{name}_{kind}": F.copy() for name, side in self._named() for kind, F in side.arrays().items()}
        arrays |= {f"{name}_exponents": e for (name, _), e in zip(self._named(), self.exponents, strict=True)}
        arrays |= {"objective": np.array(recorder.values), "seconds": np.array(recorder.seconds)}
        arrays["compressed"] = np.asarray(recorder.compressed)
        stopping = {name: float(getattr(self.stopping, name)) for name in NUMBERS}
        return Checkpoint(recorder.n_iter, self.provenance.options, self._fingerprint, stopping, arrays)

    def _resume(self, checkpoint: Checkpoint) -> None:
        """Restore the state of a checkpoint."""
        for name, side in self._named():
            side.separate()
            for kind, array in side.arrays().items():
                array[:] = checkpoint.arrays[f"{name}_{kind}"]
            side.best_summary = self.loss.summary(side.best, self.workspace)
        recorder = self.recorder
        recorder.values, recorder.seconds = (list(checkpoint.arrays[kind]) for kind in ("objective", "seconds"))
        recorder.compressed = int(checkpoint.arrays.get("compressed", 0))
        recorder.clock -= recorder.seconds[-1]
        for name in NUMBERS:
            setattr(self.stopping, name, checkpoint.stopping[name])
        self.stopping.value = recorder.values[-1]

    def _named(self) -> tuple[tuple[str, FactorState], tuple[str, FactorState]]:
        return ("W", self.w), ("H", self.h)

    @functools.cached_property
    def _fingerprint(self) -> dict[str, Any]:
        return fingerprint(self.w.data) | {"arrays": self.digests()}
