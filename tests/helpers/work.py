"""How much is done, counted and not timed: the same on a slow machine and on a busy one."""

import cProfile
import pstats
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from unchecked import unchecked

# What an idle core does in about half a second.
FEW = 2_000_000
HANGING = 60  # seconds; what is tested takes one or two


@contextmanager
def few_calls(most: int = FEW) -> Iterator[None]:
    """Asserts that what is done within makes few calls, of Python and of C, as users run it."""
    with unchecked(), cProfile.Profile() as profile:
        yield
    calls = pstats.Stats(profile).total_calls
    assert calls <= most, f"{calls:,} calls, expected at most {most:,}"


@contextmanager
def no_hanging() -> Iterator[None]:
    """Fails what would take for ever inside a single call, as a regular expression can."""

    def fail(*_):
        raise AssertionError(f"still busy after {HANGING} seconds")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(HANGING)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
