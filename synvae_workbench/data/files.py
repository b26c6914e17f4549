"""Listing of files in a user's folder, with the faults that show without opening them."""

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_NAMED = 5  # broken files that a refusal names


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


def walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Folders below `root`, each with the names of its folders and of its files.

    Hidden ones, and those that macOS adds to archives, are left out.
    """
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        yield Path(parent), folders, [name for name in names if not _is_hidden(name)]


def has_suffix(name: str, suffixes: Collection[str]) -> bool:
    """True if a file's name ends in one of the suffixes, in capitals or not."""
    return os.path.splitext(name)[1].lower() in suffixes


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


def short_names(names: Sequence[str]) -> list[str]:
    """Ids of files: stems if these are unique, else paths without suffix, else paths."""
    stems = [Path(name).stem for name in names]
    bare = [Path(name).with_suffix("").as_posix() for name in names]
    return next(ids for ids in (stems, bare, list(names)) if len(set(ids)) == len(ids))


def refusal(broken: dict[str, str], total: int, what: str) -> str:
    """Error message on broken files, which names the first of them.

    Args:
        broken: fault of each, by name.
        total: number of files, broken ones included.
        what: kind and place of the files.
    """
    named = "; ".join(f"{name} {reason}" for name, reason in [*broken.items()][:_NAMED])
    more = f"; and {len(broken) - _NAMED:,} more" if len(broken) > _NAMED else ""
    return (
        f"{len(broken):,} of {total:,} {what} cannot be used: {named}{more}. Replace them, or "
        'leave broken ones out by broken="skip"'
    )


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
