"""Layout of an album's folder: where each entry's files lie, and the ledger that lists them.

    ALBUM/holiday/beach.mid      and, as asked, beach.wav, .mp3, .ogg, .musicxml; or beach.png
    ALBUM/.album/ledger.sqlite   every entry: its source, its files' stem, its state (`ledger`)
    ALBUM/.album/chunks/*.jsonl  what was finished and is not in the ledger yet

Stems keep the path of the source below what was asked for. No two entries have stems that a file
system could take for one, none leads out of the folder, and none begins with a dot.
"""

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

HIDDEN = ".album"  # folder of what is no entry's file; those of a page or an index lie there, too
LEDGER = "ledger.sqlite"
CHUNKS = "chunks"
WAITING, DONE, FAILED, GONE = "waiting", "done", "failed", "gone"
LONGEST_PART = 200  # bytes of a folder's or a file's name: file systems know names of 255


class Entry(NamedTuple):
    """A picture or a tune of an album, and what was made of it.

    Attributes:
        number: in the order in which entries were found, from 1; it stays.
        name: of the source as it is shown and sorted, a path with slashes.
        source: absolute path of the source.
        stem: path of its files in the album's folder, with slashes and without suffix.
        size, mtime_ns: of the source when it was found.
        state: WAITING, DONE or FAILED; GONE, if it left the album with its source.
        reason: why it failed, to follow its name in a sentence.
        facts: plain values: of a picture its `kind`, whether it is `sure`, the `model` that played
            it (a shipped one's name, or a path), its `steps` and `look` (four levels, or None); of
            a tune `model` and `windows`.
        change: serial number of its last change, larger than that of every earlier one.
    """

    number: int
    name: str
    source: Path
    stem: str
    size: int
    mtime_ns: int
    state: str = WAITING
    reason: str = ""
    facts: dict = {}  # noqa: RUF012 - never changed
    change: int = 0

    def file(self, album: Path, suffix: str) -> Path:
        """Path of one of its files; the suffix with its dot."""
        return album / f"{self.stem}{suffix}"


def last_suffix(facts: Mapping[str, Any], suffix: str) -> str:
    """Suffix of the file that is put in place last, in an album of files that end in `suffix`."""
    return suffix if facts.get("windows", 1) == 1 else window_suffix(0, suffix)


def window_suffix(number: int, suffix: str) -> str:
    """Suffix of the file of one of a tune's windows, counted from 0."""
    return f".{number + 1:03d}{suffix}"


def own_suffixes(facts: Mapping[str, Any], suffixes: Sequence[str]) -> Iterator[str]:
    """Suffixes of all files of an entry, in an album of files that end in these."""
    windows = facts.get("windows", 1)
    if windows == 1 or not isinstance(windows, int):
        yield from suffixes
    else:
        yield from (window_suffix(i, suffixes[-1]) for i in range(windows))


def hidden_folder(album: Path) -> Path:
    """Folder of an album for what is no entry's file."""
    return album / HIDDEN


def ledger_file(album: Path) -> Path:
    """File of an album's ledger."""
    return album / HIDDEN / LEDGER


def is_album(folder: Path) -> bool:
    """Whether a folder is that of an album."""
    return ledger_file(folder).is_file()


def stems(name: str) -> Iterator[str]:
    """Stems for a source of that name, the next where one is taken: without suffix, with, numbered.

    Never empty, absolute, hidden, nor leading out of a folder, whatever the name is.
    """
    parts = [part for part in PurePosixPath(name.replace("\0", "")).parts if part.strip("./")]
    *folders, last = [_safe(part) for part in parts] or ["_"]
    bare = PurePosixPath(last).stem
    # Numbers at the end belong to the windows of long tunes: such a name keeps its suffix.
    plain = [] if PurePosixPath(bare).suffix[1:].isdigit() else [bare]
    for each in [*plain, last]:
        yield "/".join([*folders, _shortened(each)])
    number = 2
    while True:
        yield "/".join([*folders, f"{_shortened(last)}-{number}"])
        number += 1


def stem_key(stem: str) -> str:
    """What two stems have in common that some file system takes for one."""
    return unicodedata.normalize(
        "NFC", stem.encode("utf-8", "backslashreplace").decode()
    ).casefold()


def _safe(part: str) -> str:
    return _shortened(f"_{part[1:]}" if part.startswith(".") else part)


def _shortened(part: str) -> str:
    return os.fsdecode(os.fsencode(part)[:LONGEST_PART])
