"""Atomic writing of files: a reader never sees half of one, and a failed write changes nothing.

Every writer has a temporary file of its own. What a killed one left, `remove_leftovers` removes.
"""

import contextlib
import errno
import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ENDING = ".part"  # of temporary files, whose names begin with a dot and the file's own name
LONGEST = 200  # bytes of that name: file systems know names of 255
REASONS = {
    errno.ENOSPC: "the disk is full: free some space, and start again",
    errno.EDQUOT: "your quota of this disk is used up: free some space, and start again",
    errno.EFBIG: "files may not be that large here (`ulimit -f` says how large): raise the limit",
    errno.EROFS: "this disk can only be read: choose another folder",
    errno.EACCES: "you may not write there: choose another folder, or ask for the right to",
    errno.EPERM: "you may not write there: choose another folder, or ask for the right to",
    errno.ENOTDIR: "one of the folders in its path is a file: choose another name",
    errno.EEXIST: "a file has the name of that folder: choose another name",
    errno.EISDIR: "a folder has the name of that file: choose another name",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}


class UnwritableError(OSError, ValueError):
    """A file or folder cannot be written; the message says which one, why, and what helps."""


@contextlib.contextmanager
def replace_when_written(path: Path) -> Iterator[Path]:
    """Temporary path beside `path`, which it replaces if the block ends without an error.

    Raises:
        UnwritableError: if the disk is full or read-only, or the folder is not to be written in.
    """
    part = path.with_name(f".{_stem(path.name)}.{secrets.token_hex(8)}{ENDING}")
    try:
        with explained(path, part):
            yield part
            os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def explained(path: Path, *others: Path) -> Iterator[None]:
    """Turns an OSError of writing `path` (or `others`, on its behalf) into an UnwritableError."""
    try:
        yield
    except UnwritableError:
        raise
    except OSError as error:
        # An error of writing into an open file names none; one that names another file is no
        # matter of this one.
        ours = error.filename is None or Path(error.filename) in (path, *path.parents, *others)
        reason = REASONS.get(error.errno or 0)
        if not ours or reason is None:
            raise
        raise UnwritableError(f"{path} cannot be written: {reason} ({error.strerror})") from error


def make_folder(path: Path) -> Path:
    """Folder of that path, created with its parents if missing.

    Raises:
        UnwritableError: if it cannot be created.
    """
    with explained(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file atomically; errors as `replace_when_written`."""
    with replace_when_written(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8 atomically; errors as `replace_when_written`."""
    write_bytes(path, text.encode())


def write_json(path: Path, content: Any) -> None:
    """Writes JSON atomically; errors as `replace_when_written`."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def remove_leftovers(folder: Path, name: str = "", *, older_than: float = 0.0) -> None:
    """Removes temporary files that killed writers left in a folder and below it.

    Args:
        name: of the file that they were to become, in the folder itself; by default any.
        older_than: seconds since they were last written to. Only where nobody else writes, 0 is
            safe: they may be another writer's.
    """
    start, latest = f".{_stem(name)}." if name else ".", time.time() - older_than
    for path in folder.glob(f"{'' if name else '**/'}.*{ENDING}"):
        with contextlib.suppress(OSError):  # gone meanwhile, or not ours to remove
            if path.name.startswith(start) and path.lstat().st_mtime <= latest:
                path.unlink()


def _stem(name: str) -> str:
    return os.fsdecode(os.fsencode(name)[:LONGEST])
