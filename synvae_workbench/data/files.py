"""Listing of files in a user's folder, with what is left out and the faults that show unopened."""

import codecs
import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_NAMED = 5  # broken files that a refusal names, and reasons for leaving out that a sentence does
# Folders that systems keep beside the files: thumbnails, snapshots, waste.
_KEPT_BY_SYSTEMS = frozenset(
    {
        *("@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin"),
        *("__macosx", "lost+found", "system volume information"),
    }
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")  # of "Mr. Smith" there is none


class BrokenFile(ValueError):
    """A file that cannot be used; the message follows its name in a sentence."""


class FoundFile(NamedTuple):
    """A file below a folder: its relative path, with slashes, its size and its time.

    `fault` says why it cannot be read, if that shows without opening it.
    """

    name: str
    size: int = 0
    mtime_ns: int = 0
    fault: str = ""


class Listed(NamedTuple):
    """Files that were found below a folder, and the number of those left out, by reason."""

    files: list[FoundFile]
    left_out: dict[str, int]


def list_files(
    root: Path, suffixes: Collection[str], *, max_bytes: int | None = None, links: bool = False
) -> Listed:
    """Files below `root` that end in one of the suffixes, sorted by name; none if it is no folder.

    Args:
        max_bytes: largest size of a file.
        links: lists links to folders, with their fault, where these would be classes.
    """
    left_out: Counter[str] = Counter()
    names = walk(root, suffixes, left_out, links=links)
    files = sorted(inspect_file(root, name, max_bytes=max_bytes) for name in names)
    return Listed(files, dict(left_out))


def walk(
    root: Path, suffixes: Collection[str], left_out: Counter[str], *, links: bool = False
) -> Iterator[str]:
    """Relative names of the files below `root` that end in one of the suffixes, folder by folder.

    Sorted within each folder. Whatever else lies there is counted in `left_out` by reason; hidden
    folders and those that systems keep, each as one.
    """

    def unreadable(_: OSError) -> None:
        left_out["folder that cannot be opened"] += 1

    for parent, folders, names in os.walk(root, onerror=unreadable):
        below = Path(parent).relative_to(root)
        entered, linked = [], []
        for name in sorted(folders):
            if _is_hidden(name):
                left_out["hidden"] += 1
            elif name.casefold() in _KEPT_BY_SYSTEMS:
                left_out[f"folder {name}"] += 1
            elif not os.path.islink(os.path.join(parent, name)):
                entered.append(name)
            elif links:
                linked.append(name)
            else:
                left_out["link to a folder"] += 1
        folders[:] = entered
        for name in sorted([*linked, *chosen_names(names, suffixes, left_out)]):
            yield (below / name).as_posix()


def chosen_names(
    names: Sequence[str], suffixes: Collection[str], left_out: Counter[str]
) -> list[str]:
    """Names that end in one of the suffixes, in capitals or not; others are counted by reason."""
    chosen = []
    for name in names:
        ending = os.path.splitext(name)[1].lower()
        if _is_hidden(name):
            left_out["hidden"] += 1
        elif ending in suffixes:
            chosen.append(name)
        else:
            left_out[ending if _SUFFIX.fullmatch(ending) else "without a suffix"] += 1
    return chosen


def describe_left_out(left_out: Mapping[str, int]) -> str:
    """Numbers and reasons of what was left out, the most frequent first, or "nothing".

    As in "12 .heic, 3 hidden, 1 folder @eaDir".
    """
    reasons = Counter(left_out).most_common()
    parts = [f"{count:,} {printable(reason)}" for reason, count in reasons[:_NAMED]]
    rest = sum(count for _, count in reasons[_NAMED:])
    return ", ".join(parts + [f"{rest:,} others"] * bool(rest)) or "nothing"


def printable(name: str) -> str:
    """Name of a file as text: bytes that are no UTF-8, and control characters, as `\\xff`.

    So are marks that turn the direction of writing, or end a line: they would change what follows.
    """
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return _CONTROL.sub(_escaped, text)


def decode_text(content: bytes) -> str:
    """Text of a file in UTF-8 or, by its byte-order mark, which is left out, in UTF-16.

    Raises:
        UnicodeError: if it is neither.
    """
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if wide else "utf-8-sig")


def inspect_file(root: Path, name: str, *, max_bytes: int | None = None) -> FoundFile:
    """Size, time and fault of the file of that name below `root`.

    A link that leads out of `root`, to a folder or nowhere has a fault: it is never followed.

    Args:
        max_bytes: largest size of a file.
    """
    path = os.path.join(root, name)
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            if not Path(path).resolve(strict=True).is_relative_to(root.resolve()):
                return FoundFile(name, fault="is a link that leads out of the folder")
            status = os.stat(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        reason = getattr(error, "strerror", None) or error
        return FoundFile(name, fault=f"cannot be found ({reason})")
    fault = ""
    if not stat.S_ISREG(status.st_mode):
        fault = f"is {'a folder' if stat.S_ISDIR(status.st_mode) else 'no regular file'}"
    elif not status.st_size:
        fault = "is empty"
    elif max_bytes is not None and status.st_size > max_bytes:
        fault = f"has {status.st_size:,} bytes, more than {max_bytes:,}"
    return FoundFile(name, status.st_size, status.st_mtime_ns, fault)


def path_within(name: str) -> str:
    """A relative path that somebody else wrote; it must lie in its folder, whatever links lead to.

    Raises:
        ValueError: if it leads out of the folder, is absolute or no path.
    """
    path = Path(name)  # of this system: elsewhere, other letters lead out of a folder
    if not path.parts or path.anchor or ".." in path.parts or "\0" in name:
        raise ValueError(f"{printable(name)[:100]!r} is no path in the folder")
    return name


def short_names(names: Sequence[str]) -> list[str]:
    """Printable ids of files: stems if these are unique, else paths without suffix, else paths.

    Raises:
        ValueError: if two names are printed alike.
    """
    stems = [Path(name).stem for name in names]
    bare = [Path(name).with_suffix("").as_posix() for name in names]
    for ids in (stems, bare, names):
        ids = [printable(name) for name in ids]
        if len(set(ids)) == len(ids):
            return ids
    twice, _ = Counter(ids).most_common(1)[0]
    raise ValueError(f"two files have names that are printed alike, {twice}: rename one of them")


def refusal(broken: dict[str, str], total: int, what: str) -> str:
    """Error message on broken files, which names the first of them.

    Args:
        broken: fault of each, by name.
        total: number of files, broken ones included.
        what: kind and place of the files.
    """
    named = "; ".join(f"{printable(name)} {reason}" for name, reason in [*broken.items()][:_NAMED])
    more = f"; and {len(broken) - _NAMED:,} more" if len(broken) > _NAMED else ""
    return (
        f"{len(broken):,} of {total:,} {what} cannot be used: {named}{more}. Replace them, or "
        'leave broken ones out: BROKEN = "skip" in a notebook, broken="skip" in a program'
    )


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _is_hidden(name: str) -> bool:
    return name.startswith(".")  # on every system, as files come from others in archives
