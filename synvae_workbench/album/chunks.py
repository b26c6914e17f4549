"""Work on one chunk of an album, in this process or in a worker's, and its journal.

Each entry that is finished is a line of the chunk's journal, written before its last file is put in
place: a line counts if that file is there. So nothing that was finished is made again, at whatever
instant a process was killed.
"""

import errno
import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from synvae_core.atomic import UnwritableError, make_folder, replace_when_written, write_bytes
from synvae_core.small_files import parse_json, read_small
from synvae_workbench.album.drawing import Drawer, Drawing
from synvae_workbench.album.layout import Entry, last_suffix
from synvae_workbench.album.ledger import Ledger, Outcome
from synvae_workbench.album.playing import Listener, Made, Playing, Source
from synvae_workbench.album.removal import remove_windows

NOWHERE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # nothing can be written, of no entry
MOST_JOURNAL = 50_000_000  # bytes

_BEGUN = b"begun"

Options = Playing | Drawing


class Chunk(NamedTuple):
    """Entries that are made together, and the journal of it."""

    album: Path
    options: Options
    entries: list[Entry]
    journal: Path


@lru_cache(maxsize=2)
def maker_of(options: Options) -> Listener | Drawer:
    """Whatever makes an album by these options; it is kept for the next chunk.

    Raises:
        ValueError: if a model that is named cannot be used.
    """
    return Listener(options) if isinstance(options, Playing) else Drawer(options)


def run_chunk(chunk: Chunk, tell: Callable[[int], object] = lambda _: None) -> list[Outcome]:
    """Makes what is not in the chunk's journal, and returns what became of every entry.

    Args:
        tell: called with a number of entries that ended.

    Raises:
        UnwritableError: if the disk is full or read-only.
        ValueError: if a model that is named cannot be used.
    """
    maker = maker_of(chunk.options)
    journal = _Journal(chunk.journal)
    entries = {entry.number: entry for entry in chunk.entries}
    outcomes = {
        outcome.number: outcome
        for outcome in finished(chunk.journal)
        if outcome.number in entries
        and is_there(chunk.album, entries[outcome.number], outcome, maker.suffix)
    }
    tell(len(outcomes))
    left = [entry for entry in chunk.entries if entry.number not in outcomes]
    unread: dict[int, str] = {}
    for made in maker.make(_contents(left, maker.most_bytes, unread)):
        outcome = _write(chunk, entries[made.key], made, journal)
        outcomes[made.key] = outcome
        tell(1)
    for number, reason in unread.items():
        outcomes[number] = Outcome(number, {}, reason)
        journal.add(outcomes[number])
    tell(len(unread))
    return list(outcomes.values())


def settle(ledger: Ledger, chunk: Chunk, outcomes: Iterable[Outcome]) -> None:
    """Records what became of a chunk, whose journal has served."""
    ledger.record(outcomes)
    chunk.journal.unlink(missing_ok=True)


def finished(journal: Path) -> list[Outcome]:
    """Outcomes in a journal, the last one of each entry; lines that were cut short are left out."""
    found: dict[int, Outcome] = {}
    if not journal.is_file():
        return []
    for line in read_small(journal, most_bytes=MOST_JOURNAL).splitlines():
        try:
            number, facts, reason = parse_json(line, list)
        except ValueError:
            continue
        if isinstance(number, int) and isinstance(facts, dict) and isinstance(reason, str):
            found[number] = Outcome(number, facts, reason)
    return list(found.values())


def begun(journal: Path) -> int:
    """How often a chunk was begun."""
    lines = read_small(journal, most_bytes=MOST_JOURNAL).splitlines() if journal.is_file() else []
    return lines.count(_BEGUN)


def is_there(album: Path, entry: Entry, outcome: Outcome, suffix: str) -> bool:
    """Whether what an outcome says was made is in place."""
    file = entry.file(album, last_suffix(outcome.facts, suffix))
    return bool(outcome.reason) or file.is_file()


def suffix_of(options: Options) -> str:
    """Suffix of the files that an album by these options is known by."""
    return (Listener if isinstance(options, Playing) else Drawer).suffix


def suffixes_of(options: Options) -> list[str]:
    """Suffixes of the files without which an entry of such an album is not done, the first last."""
    also = options.also if isinstance(options, Playing) else ()
    return [*(f".{name}" for name in also), suffix_of(options)]


def most_bytes_of(options: Options) -> int:
    """Largest size of a source of an album by these options."""
    return (Listener if isinstance(options, Playing) else Drawer).most_bytes


class _Journal:
    """Lines that are added to a file, each whole or of no effect."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._append(_BEGUN)

    def add(self, outcome: Outcome) -> None:
        """Adds what became of an entry."""
        self._append(json.dumps(outcome).encode())

    def _append(self, line: bytes) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(file, b"\n" + line + b"\n")  # begins anew after a line that was cut short
        finally:
            os.close(file)


def _contents(entries: list[Entry], most_bytes: int, unread: dict[int, str]) -> Iterator[Source]:
    """Contents of sources that can be read; of others, why not."""
    for entry in entries:
        try:
            content = read_small(entry.source, most_bytes=most_bytes)
        except ValueError as error:
            unread[entry.number] = str(error).removeprefix(f"{entry.source} ")
            continue
        yield Source(entry.number, content, entry.facts.get("model", ""))


def _write(chunk: Chunk, entry: Entry, made: Made, journal: _Journal) -> Outcome:
    outcome = Outcome(entry.number, made.facts, made.reason)
    try:
        if not made.reason:
            _put_in_place(chunk, entry, made, lambda: journal.add(outcome))
            return outcome
    except OSError as error:
        cause = error.__cause__ if isinstance(error, UnwritableError) else error
        if getattr(cause, "errno", None) in NOWHERE:
            raise
        outcome = Outcome(entry.number, {}, str(error))
    except ValueError as error:
        outcome = Outcome(entry.number, {}, str(error))
    journal.add(outcome)
    return outcome


def _put_in_place(chunk: Chunk, entry: Entry, made: Made, note: Callable[[], None]) -> None:
    folder = entry.file(chunk.album, "").parent
    make_folder(folder)
    if not folder.resolve().is_relative_to(chunk.album.resolve()):
        raise ValueError(f"is not written: {folder} is a link that leads out of the album")
    *others, last = made.files
    for suffix in others:
        write_bytes(entry.file(chunk.album, suffix), made.files[suffix])
    with replace_when_written(entry.file(chunk.album, last)) as part:
        part.write_bytes(made.files[last])
        entry.file(chunk.album, last).unlink(missing_ok=True)  # of an earlier source: not this one
        note()
    if last.endswith(Drawer.suffix):  # of an earlier source, which had other windows
        if len(made.files) > 1:
            entry.file(chunk.album, Drawer.suffix).unlink(missing_ok=True)
        first = len(made.files) if len(made.files) > 1 else 0
        remove_windows(chunk.album, entry, Drawer.suffix, first=first)
