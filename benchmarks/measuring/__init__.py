"""Measurement of time and memory, and report of ratios, for the benchmarks."""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

RECORD = "SYNVAE_BENCH_RECORD"  # path of the file to which ratios are appended, a line each
COST = "cost"  # the kind of what is no ratio
SAID = {
    "speed": "times as fast as",
    "memory": "times the memory of",
    "share": "share of what is found by",
}


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock time and processor time of all threads, in seconds."""
    start = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def peak_mib() -> float:
    """Peak memory of this process, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def own_peak_mib() -> float:
    """Peak memory of this program: that of the process may be of the one that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_mib()
    [line] = [x for x in status.read_text(encoding="ascii").splitlines() if x.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def ratio(what: str, value: float, *, to: str, kind: str = "speed") -> None:
    """Prints and records a ratio of speed or memory to a reference.

    Args:
        value: of speed, the reference's time over ours (higher is better); of memory, ours over the
            reference's (lower is better); a share of what it finds (higher is better).
        to: name of the reference.
    """
    print(f"{what}: {value:.3g} {SAID[kind]} {to}", flush=True)
    _record(what, value, to, kind)


def cost(what: str, value: float, *, of: str) -> None:
    """Prints and records what one of something costs, in seconds or bytes; `what` is its key."""
    print(f"{of}: {value:.4g}", flush=True)
    _record(what, float(value), of, COST)


def _record(what: str, value: float, to: str, kind: str) -> None:
    if path := os.environ.get(RECORD):
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, "to": to, "kind": kind, "value": value}) + "\n")
