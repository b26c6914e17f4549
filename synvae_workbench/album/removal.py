"""Entries of an album whose sources are gone: they are counted, or leave it with their files.

Gone is what lay in one of the folders that are named: a disk that is not there now, or a folder
that cannot be opened, takes nothing along.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import NamedTuple

from synvae_workbench.album.layout import DONE, FAILED, WAITING, Entry, last_suffix, window_suffix
from synvae_workbench.album.ledger import AT_ONCE, Ledger


class Departed(NamedTuple):
    """Number of entries that stay although their sources are gone, and of those that left."""

    gone: int
    pruned: int


def depart(
    ledger: Ledger, given: Sequence[Path], suffixes: Sequence[str], *, prune: bool
) -> Departed:
    """Has entries leave whose sources are gone, with their files; by default, if they have none.

    Args:
        given: files and folders; of the folders what is gone is looked for.
        suffixes: of the files of an entry, the one that it is known by last.

    Raises:
        ValueError: if a folder is empty, with `prune`.
        OSError: if there is no right to remove files.
    """
    kept = left = 0
    folders = [path.resolve() for path in given if path.is_dir()]
    for folder in folders if prune else ():
        if not any(folder.iterdir()):
            raise ValueError(
                f"{folder} is empty: nothing is removed, as its disk may not be there now"
            )
    for state in (FAILED, WAITING, DONE) if folders else ():
        gone = _gone(ledger, state, folders)
        while entries := list(islice(gone, AT_ONCE)):
            leaving = [each for each in entries if prune or not _has_files(ledger, each, suffixes)]
            for entry in leaving if prune else ():
                remove_files(ledger.album, entry, suffixes)
            ledger.remove(leaving)
            kept, left = kept + len(entries) - len(leaving), left + len(leaving) * prune
    return Departed(kept, left)


def remove_files(album: Path, entry: Entry, suffixes: Sequence[str]) -> None:
    """Removes the files of an entry, and folders that are empty without them.

    Nothing is removed by a link that leads out of the album.

    Raises:
        OSError: if there is no right to.
    """
    folder = entry.file(album, "").parent
    if not folder.resolve().is_relative_to(album.resolve()):
        return
    for suffix in suffixes:
        entry.file(album, suffix).unlink(missing_ok=True)
    remove_windows(album, entry, suffixes[-1], first=0)
    with contextlib.suppress(OSError):  # the first that is not empty
        while folder != album:
            folder.rmdir()
            folder = folder.parent


def remove_windows(album: Path, entry: Entry, suffix: str, *, first: int) -> None:
    """Removes the files of a tune's windows from one on, counted from 0."""
    for number in count(first):
        try:
            entry.file(album, window_suffix(number, suffix)).unlink()
        except FileNotFoundError:
            return


def _gone(ledger: Ledger, state: str, folders: Sequence[Path]) -> Iterator[Entry]:
    for entry in ledger.entries(state):
        if _is_missing(entry.source) and any(map(entry.source.is_relative_to, folders)):
            yield entry


def _has_files(ledger: Ledger, entry: Entry, suffixes: Sequence[str]) -> bool:
    suffix = last_suffix(entry.facts, suffixes[-1])
    return entry.state == DONE or entry.file(ledger.album, suffix).is_file()


def _is_missing(path: Path) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):  # there, perhaps, but not to be opened
        return False
    return False
