"""A short run of the random calls; `fuzz.py` makes as many as one wants."""

import doors
import fuzz
import pytest


@pytest.mark.parametrize("door", sorted(doors.DOORS))
def test_random_calls(door):
    counts, findings = fuzz.run(50, seed=2026, door=door, report=lambda finding: None)
    assert findings == []
    assert door in ("mistake", "select_rank") or counts[door, "passed"] > counts[door, "refused"]
