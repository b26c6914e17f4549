"""Atomic writing of files: a reader never sees half of one, and a failed write changes nothing."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replace_when_written(path: Path) -> Iterator[Path]:
    """Temporary path beside `path`, which it replaces if the block ends without an error."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
