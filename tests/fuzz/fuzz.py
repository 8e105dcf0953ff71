"""Random calls of everything that users call, checked against sums that know nothing of the package.

    python tests/fuzz/fuzz.py --calls 20000            # prints each finding, then a table; exit code 1 if there are any
    python tests/fuzz/fuzz.py --replay 1234 --seed 0   # one call again, with a traceback
    python tests/fuzz/fuzz.py --calls 500 --door fit

A call is decided by the seed and its number. Calls run in a child process, so that a crash or a hang is a finding, too.
What counts as a finding: an error that is none of the package's own, a warning, a crash, a hang, a NaN, a changed
argument, a number that differs from the sum by more than a millionth and round-off, other bits with another number of
threads.
"""

import argparse
import collections
import json
import queue
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

SECONDS = 120.0  # after which a call hangs


def run_call(seed, number, door=None):
    """Make a call; returns its door, what came ("passed", "refused" or a finding), and what was drawn."""
    from doors import DOORS, Finding, Refused
    from draw import Draw

    draw = Draw(seed, number)
    weights = [weight for _, weight in DOORS.values()]
    name = str(draw.rng.choice(list(DOORS), p=[weight / sum(weights) for weight in weights]))
    name = door or name
    try:
        DOORS[name][0](draw)
        came = "passed"
    except Refused:
        came = "refused"
    except Finding as finding:
        came = f"finding: {finding}"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        came = f"finding: {type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    return name, came, repr(draw.said)


def work(seed, first, last, door):
    """The child process: a line for the begin and one for the end of each call."""
    for number in range(first, last):
        print(json.dumps({"begin": number}), flush=True)
        name, came, said = run_call(seed, number, door)
        print(json.dumps({"door": name, "came": came, "said": said}), flush=True)


def read_lines(stream, lines):
    for line in stream:
        lines.put(line)
    lines.put(None)


def child_events(seed, first, last, door):
    """The lines of a child process; the last one tells of its crash or its hang."""
    command = [sys.executable, __file__, "--work", str(first), str(last), "--seed", str(seed)]
    command += ["--door", door] if door else []
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines = queue.Queue()
    reader = threading.Thread(target=read_lines, args=(child.stdout, lines), daemon=True)
    reader.start()
    try:
        while True:
            line = lines.get(timeout=SECONDS)
            if line is None:
                break
            yield json.loads(line)
        if child.wait():
            yield {"door": "?", "came": f"finding: the process ended with code {child.returncode}", "said": ""}
    except queue.Empty:
        yield {"door": "?", "came": f"finding: a call took more than {SECONDS:.0f} s", "said": ""}
    finally:
        child.kill()
        child.wait()
        reader.join()
        child.stdout.close()


def run(calls, seed=0, door=None, first=0, report=print):
    """Make the calls; returns how often each door gave what, and the findings."""
    counts, findings, number, end = collections.Counter(), [], first, first + calls
    while number < end:
        for event in child_events(seed, number, end, door):
            if "begin" in event:
                number = event["begin"]
                continue
            came = event["came"].partition(":")[0]
            counts[event["door"], came] += 1
            if came == "finding":
                findings.append((number, event))
                report(f"{number} {event['door']}: {event['came']}\n    {event['said']}")
        number += 1  # after a crash or a hang the next child goes on
    return counts, findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first call")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--door")
    parser.add_argument("--replay", type=int, help="the number of a call to make again")
    parser.add_argument("--work", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.seed, *options.work, options.door)
        return 0
    if options.replay is not None:
        print(*run_call(options.seed, options.replay, options.door), sep="\n")
        return 0
    began = time.perf_counter()
    counts, findings = run(options.calls, options.seed, options.door, options.first)
    for door in sorted({door for door, _ in counts}):
        print(f"{door:12}", *(f"{came} {counts[door, came]:6}" for came in ("passed", "refused", "finding")), sep="   ")
    print(f"{options.calls} calls, {len(findings)} findings, {time.perf_counter() - began:.0f} s")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
