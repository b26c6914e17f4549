"""Connections to the ledgers of albums, whose errors say the file and what helps."""

import contextlib
import errno
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from synvae_core.atomic import REASONS, UnwritableError, explained
from synvae_workbench.album.layout import ledger_file

WAIT_SECONDS = 30.0  # for another process that reads or writes
_REASONS = {
    sqlite3.SQLITE_FULL: REASONS[errno.ENOSPC],
    sqlite3.SQLITE_READONLY: REASONS[errno.EACCES],
    sqlite3.SQLITE_CANTOPEN: REASONS[errno.EACCES],
}


@contextlib.contextmanager
def opened(album: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """A connection to an album's ledger, by one of SQLite's modes.

    Raises:
        ValueError: if the ledger is damaged or cannot be used now.
        UnwritableError: if there is no room or right to write.
    """
    path = ledger_file(album)
    with explained(album), _said(path):
        connection = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=WAIT_SECONDS)
        with contextlib.closing(connection):
            yield connection


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    """Turns what SQLite raises into an error that names the file and what helps."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _REASONS:
            raise UnwritableError(
                f"{path} cannot be written: {_REASONS[code]} ({error})"
            ) from error
        if isinstance(error, sqlite3.OperationalError):
            raise ValueError(f"{path} cannot be used now ({error}): try again") from error
        raise ValueError(
            f"{path} is damaged ({error}): name another folder, or remove this one"
        ) from error
