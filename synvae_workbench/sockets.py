"""Private folders for the sockets of kernels, whose paths a system wants short."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_BYTES = 103  # of a socket's path with the zero at its end: 104 on macOS, 108 on Linux


@contextmanager
def socket_folder(longest: str) -> Iterator[Path]:
    """Temporary folder that nobody else can read: in the usual place, or where paths are shorter.

    Args:
        longest: name of a socket in it, of those the longest.

    Raises:
        ValueError: if there is no place whose paths are short enough.
    """
    short = [place for place in _places() if _fits(place / "synvae-12345678" / longest)]
    if not short:
        raise ValueError(
            f"{tempfile.gettempdir()}, the folder of temporary files, has too long a path for "
            "sockets, and /tmp cannot be written to: set TMPDIR to a folder of 20 letters or fewer"
        )
    with tempfile.TemporaryDirectory(prefix="synvae-", dir=short[0]) as folder:
        yield Path(folder)


def _places() -> list[Path]:
    named = [tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"]
    return [Path(place) for place in named if place and os.access(place, os.W_OK | os.X_OK)]


def _fits(path: Path) -> bool:
    return os.name == "nt" or len(os.fsencode(path)) <= MOST_BYTES  # Windows has none of them
