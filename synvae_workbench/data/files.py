"""Files in a folder that somebody filled: which there are, and what is wrong with them."""

import os
import stat
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_NAMED = 5  # broken files that a refusal names


class BrokenFile(ValueError):
    """A file that cannot be used; says why, to follow its name in a sentence."""


class FoundFile(NamedTuple):
    """A file below a folder: its path there, with slashes, and what tells its versions apart.

    `fault` says why it cannot be read, where that shows without opening it.
    """

    name: str
    size: int = 0
    mtime_ns: int = 0
    fault: str = ""


def walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder below `root`, with the names of its folders and of its files.

    What is hidden is left out, with what macOS packs beside the files of an archive.
    """
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        yield Path(parent), folders, [name for name in names if not _is_hidden(name)]


def has_suffix(name: str, suffixes: Collection[str]) -> bool:
    """True if a file's name ends in one of the suffixes, in capitals or not."""
    return os.path.splitext(name)[1].lower() in suffixes


def found_file(root: Path, name: str, *, max_bytes: int | None = None) -> FoundFile:
    """The file of that name below `root`, with what is wrong with it so far.

    A link that leads out of `root`, to a folder or nowhere has a fault: it is never followed.

    Args:
        max_bytes: that a file may have, if there is a limit.
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
    """The shortest of stems, paths without suffix, and paths that are different for all files."""
    stems = [Path(name).stem for name in names]
    bare = [Path(name).with_suffix("").as_posix() for name in names]
    return next(ids for ids in (stems, bare, list(names)) if len(set(ids)) == len(ids))


def refusal(broken: dict[str, str], total: int, what: str) -> str:
    """The sentence that refuses broken files, of which the first are named.

    Args:
        broken: what each of them lacks, by name.
        total: number of files, broken ones included.
        what: they are and where they lie.
    """
    named = "; ".join(f"{name} {reason}" for name, reason in [*broken.items()][:_NAMED])
    more = f"; and {len(broken) - _NAMED:,} more" if len(broken) > _NAMED else ""
    return (
        f"{len(broken):,} of {total:,} {what} cannot be used: {named}{more}. Replace them, or "
        'leave broken ones out by broken="skip"'
    )


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
