"""How much is done, counted and not timed: the same on a slow machine and on a busy one."""

import cProfile
import pstats
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from no_checks import no_checks
from PIL import ImageFile

# What an idle core does in about half a second.
FEW = 2_000_000
LARGE = 4_000_000  # pixels; a picture that is refused for its size has several times as many
HANGING = 60  # seconds; what is tested takes one or two


@contextmanager
def few_calls(most: int = FEW) -> Iterator[None]:
    """Asserts that what is done within makes few calls, of Python and of C, as users run it."""
    with no_checks(), cProfile.Profile() as profile:
        yield
    calls = pstats.Stats(profile).total_calls
    assert calls <= most, f"{calls:,} calls, expected at most {most:,}"


@contextmanager
def no_large_pictures() -> Iterator[None]:
    """Asserts that Pillow takes no memory for a large picture within, which it does in one call."""
    pixels, prepare = [0], ImageFile.ImageFile.load_prepare

    def count(image: ImageFile.ImageFile) -> None:
        pixels.append(image.width * image.height)
        prepare(image)

    with patch.object(ImageFile.ImageFile, "load_prepare", count):
        yield
    assert max(pixels) < LARGE, f"a picture of {max(pixels):,} pixels was decoded"


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
