"""Append-only journal of JSON lines, of which a crash costs one line at most.

Every line is on the disk before `append` returns. A line that a crash cut short stays where it is
and is passed over. Whoever adds to a journal has read all of it: if somebody else has added since,
nothing is written, so that two pages cannot mix what they store.
"""

import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock

from synvae_core.small_files import parse_json

MOST_BYTES = 20_000_000
WAIT_SECONDS = 5.0  # for another process that is just adding a line


class Stale(ValueError):
    """Somebody else has added to a journal since it was read."""


class Journal:
    """The journal at `path`, which need not exist yet."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._size = 0  # of the file, as far as it was read or written here
        self._lock = FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=WAIT_SECONDS)

    def read(self) -> list[tuple[int, dict[str, Any]]]:
        """Reads all records with the numbers of their lines, from 1; broken lines are passed over.

        Raises:
            ValueError: if the journal is a link or too large.
        """
        if not self.path.exists():
            return []
        if self.path.is_symlink() or self.path.stat().st_size > MOST_BYTES:
            raise ValueError(
                f"{self.path} is no journal: expected a file of up to {MOST_BYTES:,} bytes"
            )
        content = self.path.read_bytes()
        self._size = len(content)
        found = ((number, _parse_line(line)) for number, line in enumerate(content.split(b"\n"), 1))
        return [(number, record) for number, record in found if record is not None]

    def append(self, record: dict[str, Any]) -> None:
        """Adds a record and waits until it is on the disk.

        Raises:
            Stale: if the file is not as it was when it was last read or added to here.
            ValueError: if it would become too large to be read.
            OSError: if it cannot be stored; what there was is still there.
        """
        line = json.dumps(record, ensure_ascii=True, allow_nan=False).encode() + b"\n"
        with self._lock:
            size = self.path.stat().st_size if self.path.exists() else 0
            if size != self._size:
                raise Stale(f"{self.path.name} went on elsewhere since it was opened here")
            if size + len(line) > MOST_BYTES:
                raise ValueError(f"{self.path.name} is full: begin a new one")
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                if size and not _ends_a_line(file, size):  # a crash cut the last one short
                    line = b"\n" + line
                written = os.write(file, line)
                os.fsync(file)
                self._size = os.fstat(file).st_size
            finally:
                os.close(file)
            if written < len(line):
                raise OSError(f"{self.path} took {written} of {len(line)} bytes: is the disk full?")
            if not size:
                _sync_folder(self.path.parent)


def _parse_line(line: bytes) -> dict[str, Any] | None:
    try:
        return parse_json(line)
    except ValueError:
        return None


def _ends_a_line(file: int, size: int) -> bool:
    os.lseek(file, size - 1, os.SEEK_SET)
    return os.read(file, 1) == b"\n"


def _sync_folder(folder: Path) -> None:
    """Flushes a folder, so that a file's new name is on the disk too, where the system can."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder cannot be opened on Windows
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
