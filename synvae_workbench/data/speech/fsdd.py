"""Loader of the Free Spoken Digit Dataset, with verification and download.

Z. Jackson and others, Free Spoken Digit Dataset, release 1.0.10, doi 10.5281/zenodo.1342401: 50
recordings of each digit by each of six speakers, of which the first five are for testing.
"""

import hashlib
import logging
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import pooch
from filelock import FileLock

from synvae_workbench.data.options import SpeechOptions
from synvae_workbench.data.places import locate
from synvae_workbench.data.sources import Published, RemoteFile
from synvae_workbench.data.speech.files import reader
from synvae_workbench.data.speech.types import RecordingFile, SpeechSet

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
NAMES = frozenset(
    f"{digit}_{speaker}_{index}.wav"
    for digit in range(10)
    for speaker in SPEAKERS
    for index in range(50)
)
MAX_MEMBER = 1 << 20  # bytes of a recording in the archive; the longest has 36,540
_BELOW = ("recordings", ".")  # of the folder that is given


def find_fsdd(folder: Path) -> list[Path]:
    """Paths of the 3,000 recordings in a folder or in its `recordings`, by name; or none."""
    for place in (folder / below for below in _BELOW):
        try:
            there = NAMES.intersection(os.listdir(place))
        except OSError:
            continue
        if len(there) == len(NAMES):
            return [place / name for name in sorted(NAMES)]
    return []


# The commit's recordings are those of release 1.0.10. GitHub packs the archive anew and promises
# neither its size nor its bytes, so what is verified is the recordings: the SHA-256 of their names
# and contents in the order of names, which others have published for release 1.0.10, too.
_COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
_ARCHIVE = "https://codeload.github.com/Jakobovski/free-spoken-digit-dataset/tar.gz/"
FSDD = Published(
    folder="fsdd",
    title="Free Spoken Digit Dataset (FSDD)",
    home="https://github.com/Jakobovski/free-spoken-digit-dataset",
    licence="Z. Jackson and contributors, CC BY-SA 4.0",
    size="3,000 recordings of ten digits by six speakers, mono at 8 kHz, 22 minutes; 16 MB to "
    "download, 21 MB on disk",
    layout="recordings/ (0_george_0.wav and so on, 3,000 files)",
    find=find_fsdd,
    files=(
        RemoteFile(
            _ARCHIVE + _COMMIT,
            None,
            "",
            "45a9b976ba3397a2fd5c70a9f2e43c34f442a3a6be47392ecfc41174b678f37e",
        ),
    ),
)


def load_fsdd(options: SpeechOptions) -> SpeechSet:
    """Loads the 3,000 recordings of six people, not decoded yet.

    Raises:
        ValueError: if they are missing or other ones.
    """
    paths = locate(FSDD, options, fetch=download_fsdd)
    key, root = check_fsdd(paths), paths[0].parent
    files = []
    for path in paths:
        digit, speaker, index = path.stem.split("_")
        files.append(RecordingFile(path.name, int(digit), speaker, int(index)))
    return SpeechSet(FSDD.title, str(root), files, reader(root, files), key, {"fsdd": key})


def fsdd_checksum(paths: Sequence[Path]) -> str:
    """SHA-256 of the recordings' names and contents, in the order of names."""
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda path: path.name):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def check_fsdd(paths: Sequence[Path]) -> str:
    """Verifies the recordings of `find_fsdd`; returns their checksum.

    Raises:
        ValueError: if they cannot be read or are not the published ones.
    """
    place = paths[0].parent
    try:
        found = fsdd_checksum(paths)
    except OSError as error:
        raise ValueError(f"{place} cannot be read ({error}): {FSDD.advice}") from error
    if found != FSDD.files[0].sha256:
        raise ValueError(
            f"{place} holds other recordings than the published ones (SHA-256 {found}, not "
            f'{FSDD.files[0].sha256}): load them as "folder", or {FSDD.advice}'
        )
    return found


def download_fsdd(source: Published, folder: Path) -> list[Path]:
    """Downloads and verifies the recordings, unless they are there; returns their paths.

    Several processes may ask at once: one downloads, the others wait. GitHub sends archives
    without a length and in one piece, so that no download can be resumed.

    Raises:
        ValueError: if they cannot be downloaded or are not the published ones, with the remedy.
    """
    pooch.get_logger().setLevel(logging.WARNING)
    (file,) = source.files
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if found := find_fsdd(folder):
                return found  # another process was first
            with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
                archive = pooch.retrieve(file.url, None, "fsdd.tar.gz", temporary)
                recordings = Path(temporary) / "recordings"
                _extract(Path(archive), recordings)
                if fsdd_checksum([*recordings.iterdir()]) != file.sha256:
                    raise ValueError(f"{file.url} gave other recordings than the published ones")
                shutil.rmtree(folder / "recordings", ignore_errors=True)  # incomplete, see above
                os.replace(recordings, folder / "recordings")
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{source.title} is not on this computer and cannot be downloaded to {folder} "
            f"({error}); when there is a connection, try again. Or {source.advice}"
        ) from error
    return find_fsdd(folder)


def _extract(archive: Path, folder: Path) -> None:
    """Extracts the recordings alone from the archive."""
    folder.mkdir()
    try:
        with tarfile.open(archive) as tar:
            for entry in tar:
                at = re.fullmatch(r"[^/]+/recordings/([^/]+)", entry.name)
                if not at or at[1] not in NAMES or not entry.isreg() or entry.size > MAX_MEMBER:
                    continue
                with (folder / at[1]).open("wb") as file:
                    shutil.copyfileobj(tar.extractfile(entry), file)
    except (EOFError, zlib.error, tarfile.TarError) as error:
        raise ValueError("what arrived is no whole archive") from error
    missing = sorted(NAMES.difference(os.listdir(folder)))
    if missing:
        raise ValueError(f"{len(missing):,} recordings are missing in it, {missing[0]} among them")
