"""Sources of an album: files, folders and lists of files, found one by one."""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from io import BufferedIOBase
from pathlib import Path

from synvae_core.places import whole_path
from synvae_core.small_files import open_regular
from synvae_workbench.album.drawing import TUNES
from synvae_workbench.album.layout import is_album
from synvae_workbench.album.ledger import Found, reading
from synvae_workbench.data.files import inspect_file, walk

LONGEST_LINE = 10_000  # bytes of a path in a list


class Sources:
    """Files that are named, those below folders that are named, and those of a list.

    Attributes:
        left_out: number of files in the folders that are none of these, by reason; as they are
            found.

    Args:
        given: files and folders.
        suffixes: of the files that are looked for in folders, in lower case.
        most_bytes: largest size of a file.
        listed: a stream of paths, one a line.
        album: folder that is left out, wherever it lies.

    Raises:
        ValueError: if a file or a folder is not there.
    """

    def __init__(
        self,
        given: Sequence[Path],
        *,
        suffixes: Collection[str],
        most_bytes: int,
        album: Path,
        listed: Iterable[bytes] = (),
    ) -> None:
        for path in given:
            if not path.exists():
                raise ValueError(f"{path} is not there: name a file or a folder")
        self.given, self.listed = given, listed
        self.left_out: Counter[str] = Counter()
        self._suffixes, self._most_bytes = suffixes, most_bytes
        self._album = album.resolve()

    def __iter__(self) -> Iterator[Found]:
        several = len(self.given) > 1 or bool(self.listed)
        for path in self.given:
            if path.is_dir():
                yield from self._below(path.resolve(), f"{path.name}/" * several)
            else:
                yield self._file(path.resolve().parent, path.resolve().name, path.name)
        for line in self.listed:
            if text := os.fsdecode(line.rstrip(b"\r\n")):
                yield self._line(text)

    def _below(self, root: Path, before: str) -> Iterator[Found]:
        # Names without `root`: one string of them is compared for each file, of which are many.
        inside = self._album.is_relative_to(root) and self._album.relative_to(root).as_posix()
        if inside == ".":
            raise ValueError(f"{root} would lie in itself: name another folder for what is made")
        for name in walk(root, self._suffixes, self.left_out, links=True):
            if inside and name.startswith(f"{inside}/"):
                self.left_out["of the album itself"] += 1
                continue
            yield self._file(root, name, before + name)

    def _file(self, root: Path, path: str, name: str) -> Found:
        found = inspect_file(root, path, max_bytes=self._most_bytes)
        whole = root / path
        model = played_by(whole) if whole.suffix.lower() in TUNES else ""
        return Found(name, whole, found.size, found.mtime_ns, found.fault, model)

    def _line(self, text: str) -> Found:
        name = re.sub(r"^[./\\]+", "", text) or text
        try:
            if len(text) > LONGEST_LINE:
                raise ValueError("is too long for the path of a file")
            path = whole_path(text)
            path = path.resolve() if path.exists() else path
            return self._file(path.parent, path.name, name)
        except (ValueError, OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            return Found(name[:LONGEST_LINE], Path("/") / name[:LONGEST_LINE], fault=str(error))


def played_by(tune: Path) -> str:
    """Model that played a tune which lies in an album; empty if that is not known."""
    album = _album_of(tune.parent)
    if album is None:
        return ""
    try:
        with reading(album) as ledger:
            entry = ledger.find(tune.relative_to(album).with_suffix("").as_posix())
    except (ValueError, OSError):  # of an album that is damaged the tunes are there
        return ""
    return "" if entry is None else str(entry.facts.get("model", ""))


@lru_cache(maxsize=256)
def _album_of(folder: Path) -> Path | None:
    return next((each for each in (folder, *folder.parents) if is_album(each)), None)


def list_lines(path: Path) -> Iterator[bytes]:
    """Lines of a list of files, read as they are asked for.

    Raises:
        ValueError: if it is missing or no regular file.
    """
    with open_regular(path) as file:
        yield from bounded_lines(file)


def bounded_lines(file: BufferedIOBase) -> Iterator[bytes]:
    """Lines of a stream; longer ones than a path can be come in parts."""
    while line := file.readline(LONGEST_LINE + 2):
        yield line
