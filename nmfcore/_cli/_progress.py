"""What is told of a fit while it runs: a bar on a terminal, and nothing where nobody looks."""

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from typing import Any

PERIOD = 0.1  # seconds between two drawings
FORMAT = "{desc} {percentage:3.0f} %|{bar}| {n_fmt}/{total_fmt} iterations, {elapsed}{postfix}"


@contextlib.contextmanager
def bar(total: int, quiet: bool) -> Iterator[Callable[[Any], None] | None]:
    """A callback that draws the state of a fit on stderr, or None where that is no terminal or tqdm is missing."""
    if quiet or not sys.stderr.isatty() or importlib.util.find_spec("tqdm") is None:
        yield None
        return
    import tqdm

    drawn = -PERIOD
    with tqdm.tqdm(total=total, desc="fit", bar_format=FORMAT, file=sys.stderr, leave=False, mininterval=0) as shown:

        def draw(state: Any) -> None:
            nonlocal drawn
            if state.seconds - drawn >= PERIOD:
                drawn, shown.n = state.seconds, state.iteration
                shown.set_postfix_str(f"relative error {state.relative_error:.6f}")

        yield draw
