"""What the benchmarks measure with: clocks, memory, and how a ratio is said and kept."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable

RECORD = "SYNVAE_BENCH_RECORD"  # names the file that ratios are added to, a line each
SAID = {"speed": "times as fast as", "memory": "times the memory of"}


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """What passed on the clock, and of the processor's time on all threads."""
    start = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def peak_mib() -> float:
    """The most memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def ratio(what: str, value: float, *, to: str, kind: str = "speed") -> None:
    """Says how many times as fast something is as its reference, or how much memory it takes.

    Args:
        value: of speed, the reference's time over ours, so that more is better; of memory, ours
            over the reference's, so that less is.
        to: the reference.
    """
    print(f"{what}: {value:.3g} {SAID[kind]} {to}", flush=True)
    if path := os.environ.get(RECORD):
        with open(path, "a") as file:
            file.write(json.dumps({"what": what, "to": to, "kind": kind, "value": value}) + "\n")
