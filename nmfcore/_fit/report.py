"""The lines that a fit prints with verbose=True."""

from .records import State

REPORT_SECONDS = 1.0


class ProgressPrinter:
    """Prints the first iteration, then one line a second."""

    def __init__(self) -> None:
        self.printed = -REPORT_SECONDS

    def __call__(self, state: State) -> None:
        if state.iteration == 1 or state.seconds - self.printed >= REPORT_SECONDS:
            self.printed = state.seconds
            print(
                f"iteration {state.iteration:5d}  objective {state.objective:.6e}  "
                f"relative error {state.relative_error:.6f}  {state.seconds:.2f} s",
                flush=True,
            )
