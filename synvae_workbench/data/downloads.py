"""Downloads of published files: resumable, verified by checksum, put in place atomically.

A partial download stays beside the file as `.part`, so that it goes on after a lost connection or a
killed process. A file whose checksum is not the published one is removed.
"""

import http.client
import logging
import os
import shutil
import sys
import tarfile
import tempfile
import time
import urllib.request
import zlib
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

import pooch
from filelock import FileLock
from tqdm.auto import tqdm

from synvae_workbench.data.sources import Published, RemoteFile

ATTEMPTS = 4  # in a row that bring nothing new
PAUSE = 0.5  # seconds before the second one, then twice as long each time
TIMEOUT = 30  # seconds without a byte
MAX_MEMBER = 1 << 28  # bytes of a file in an archive
_WORTH_REPEATING = frozenset({408, 416, 429, 500, 502, 503, 504})  # HTTP


class WrongFileError(ValueError):
    """A download that is not the published file."""


def download(source: Published, folder: Path) -> list[Path]:
    """Downloads and unpacks a set into a folder, unless it is there; returns its files.

    Several processes may ask at once: one downloads, the others wait.

    Raises:
        ValueError: if a file cannot be downloaded or is not the published one, with the remedy; a
            partial download is kept for the next time.
    """
    pooch.get_logger().setLevel(logging.WARNING)  # the progress bar shows the same
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if found := source.find(folder):
                return found  # another process was first
            archives = [_fetch(file, folder) for file in source.files]
            for archive in archives if source.members else ():
                extract(archive, members=source.members)
    except (OSError, http.client.HTTPException, WrongFileError) as error:
        raise ValueError(
            f"{source.title} is not on this computer and cannot be downloaded to {folder} "
            f"({error}); when there is a connection, try again. Or {source.advice}"
        ) from error
    return source.find(folder)


def _fetch(file: RemoteFile, folder: Path) -> Path:
    """Downloads a file into the folder and verifies its checksum."""
    part = folder / f"{file.name}.part"
    downloader = partial(_receive_all, part=part, size=file.size)
    try:
        path = pooch.retrieve(file.url, file.digest, file.name, folder, downloader=downloader)
    except WrongFileError:
        raise
    except ValueError as error:  # pooch found another checksum, and has removed the file
        raise WrongFileError(
            f"{file.url} gave another file than the published one, {file.digest}; it was removed"
        ) from error
    return Path(path)


def _receive_all(url: str, output: str | Path, _: Any, *, part: Path, size: int) -> None:
    """Downloads a url to `output` by way of `part`, with repeated and resumed attempts."""
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _receive(url, part, size)
            os.replace(part, output)
            return
        except (OSError, http.client.HTTPException) as error:
            status = getattr(error, "code", None)
            if status is not None and status not in _WORTH_REPEATING:
                raise OSError(f"{url}: {error}") from error
            after = part.stat().st_size if part.exists() else 0
            failures = 0 if after > before else failures + 1
            if failures == ATTEMPTS:
                raise OSError(f"{url}: {error}") from error
        time.sleep(PAUSE * 2**failures)


def _receive(url: str, part: Path, size: int) -> None:
    """Appends the missing bytes, of `size`, to a partial download.

    Raises:
        OSError: if the connection is cut; what has arrived stays.
        WrongFileError: if the url has more or fewer bytes; nothing stays.
    """
    done = part.stat().st_size if part.exists() else 0
    if done >= size:
        return  # the checksum decides
    headers = {"User-Agent": "synvae"} | ({"Range": f"bytes={done}-"} if done else {})
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        if response.status != 206:
            done = 0  # a server without ranges sends the whole file
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            part.unlink()
            raise ConnectionError("the server sent another range than it was asked for")
        length = response.headers.get("Content-Length")
        if length is not None and done + int(length) != size:
            _refuse(url, part, f"{done + int(length):,}", size)
        bar = tqdm(
            **{"desc": url.rpartition("/")[2], "total": size, "initial": done, "unit": "B"},
            **{"unit_scale": True, "disable": not _shows_bar()},
        )
        with part.open("ab" if done else "wb") as file, bar:
            while block := response.read(1 << 16):
                done += len(block)
                if done > size:
                    _refuse(url, part, "more", size)
                file.write(block)
                bar.update(len(block))
    if done < size:
        raise ConnectionError(f"it ended after {done:,} of {size:,} bytes")


def _refuse(url: str, part: Path, found: str, size: int) -> None:
    """Removes a partial download of the wrong size and raises."""
    part.unlink(missing_ok=True)
    raise WrongFileError(
        f"{url} gave another file than the published one: {found} bytes, not {size:,}; "
        "it was removed"
    )


def _shows_bar() -> bool:
    """True if a progress bar is to be drawn: in a terminal or a live notebook, not in a report."""
    live = "ipykernel" in sys.modules and not os.environ.get("SYNVAE_PROGRESS_FILE")
    return live or sys.stderr.isatty()


def extract(archive: Path, *, members: Collection[str], max_bytes: int = MAX_MEMBER) -> None:
    """Extracts the named files alone from a tar archive into its folder; removes the archive.

    A member is "folder/file", written atomically. Other paths, links and permissions in the archive
    are ignored.

    Raises:
        ValueError: if a file is missing, is a link or is longer than `max_bytes`, or the archive
            is broken.
    """
    try:
        with (
            tempfile.TemporaryDirectory(dir=archive.parent, prefix=".extract-") as temporary,
            tarfile.open(archive) as tar,
        ):
            paths = {name: Path(temporary) / str(at) for at, name in enumerate(members)}
            for entry in tar:
                path = paths.get(entry.name)
                if path is None:
                    continue
                if not entry.isreg() or entry.size > max_bytes:
                    raise ValueError(
                        f"{entry.name} in it is no file of at most {max_bytes:,} bytes"
                    )
                with path.open("wb") as file:
                    shutil.copyfileobj(tar.extractfile(entry), file)
            if missing := [name for name, path in paths.items() if not path.is_file()]:
                raise ValueError(f"{', '.join(missing)} is missing in it")
            for name, path in paths.items():
                (archive.parent / name).parent.mkdir(exist_ok=True)
                os.replace(path, archive.parent / name)
        archive.unlink()
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError) as error:
        raise ValueError(f"{archive} cannot be unpacked ({error}): remove it, and again") from error
