"""What the benchmarks measure with: clocks and memory."""

import resource
import sys
import time
from collections.abc import Callable


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """What passed on the clock, and of the processor's time on all threads."""
    start = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def peak_mib() -> float:
    """The most memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
