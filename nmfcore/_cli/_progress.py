"""The progress bar of a fit. It appears on a terminal only, and needs tqdm."""

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator

from .. import State

PERIOD = 0.1  # seconds between two drawings
FORMAT = "{desc} {percentage:3.0f} %|{bar}| {n_fmt}/{total_fmt} iterations, {elapsed}{postfix}"


@contextlib.contextmanager
def bar(total: int, quiet: bool) -> Iterator[Callable[[State], None] | None]:
    """A callback that draws the state of a fit on stderr; None if stderr is no terminal or tqdm is missing."""
    if quiet or not sys.stderr.isatty() or importlib.util.find_spec("tqdm") is None:
        yield None
        return
    import tqdm

    last = -PERIOD
    with tqdm.tqdm(total=total, desc="fit", bar_format=FORMAT, file=sys.stderr, leave=False, mininterval=0) as drawing:

        def draw(state: State) -> None:
            nonlocal last
            if state.seconds - last >= PERIOD:
                last, drawing.n = state.seconds, state.iteration
                drawing.set_postfix_str(f"relative error {state.relative_error:.6f}")

        yield draw
