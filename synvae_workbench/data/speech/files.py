"""Loader of a folder of recordings of spoken digits, with digits and speakers from the names.

Files are named {digit}_{speaker}_{index}, or have any name in sub-folders 0 to 9.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from synvae_workbench.data.files import BrokenFile, has_suffix, inspect_file
from synvae_workbench.data.options import SpeechOptions
from synvae_workbench.data.places import named_folder
from synvae_workbench.data.speech.recordings import decode_recording, read_content
from synvae_workbench.data.speech.types import RecordingFile, SpeechSet

SUFFIXES = frozenset({".wav", ".flac", ".ogg"})
UNKNOWN = "unknown"  # the speaker, if a name in a sub-folder has none
LAYOUT = "{digit}_{speaker}_{index}.wav (or .flac, .ogg), or sub-folders 0 to 9 of recordings"
_DIGITS = tuple("0123456789")


def load_recordings(options: SpeechOptions) -> SpeechSet:
    """Loads the recordings of a folder, not decoded yet.

    Raises:
        ValueError: if no folder is given, or it has no recordings.
    """
    folder = named_folder(options)
    files = list_recordings(folder)
    digest = hashlib.sha256()
    for file, content in _contents(folder, files):
        digest.update(f"{len(os.fsencode(file.name))} {len(content)} {file.fault} ".encode())
        digest.update(os.fsencode(file.name) + content)
    key, read = digest.hexdigest(), reader(folder, files)
    title = f"recordings in {folder.name}"
    return SpeechSet(title, str(folder), files, read, key, {"recordings": key})


def list_recordings(root: Path) -> list[RecordingFile]:
    """Recordings in a folder and in its sub-folders 0 to 9, sorted by name.

    Hidden files, and files of other suffixes, are ignored. A link that leads out of the
    folder has a fault: it is never followed.

    Raises:
        ValueError: if there are none.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is no folder; expected one with recordings {LAYOUT}")
    names = _names(root, "") + [name for digit in _DIGITS for name in _names(root, f"{digit}/")]
    if not names:
        raise ValueError(f"{root} has no recordings; expected {LAYOUT}")
    return [_parse_name(root, name) for name in sorted(names)]


def reader(root: Path, files: list[RecordingFile]) -> Callable[[int], np.ndarray]:
    """Function that returns the waveform at a place, or raises `BrokenFile`."""

    def read(place: int) -> np.ndarray:
        file = files[place]
        if file.fault:
            raise BrokenFile(file.fault)
        return decode_recording(read_content(root / file.name))

    return read


def _contents(root: Path, files: list[RecordingFile]) -> Iterator[tuple[RecordingFile, bytes]]:
    """Files with their bytes; of broken ones none."""
    for file in files:
        content = b""
        if not file.fault:
            with contextlib.suppress(BrokenFile):  # `read` says it
                content = read_content(root / file.name)
        yield file, content


def _names(root: Path, below: str) -> list[str]:
    try:
        found = os.listdir(root / below)
    except OSError:
        return []  # no such sub-folder
    return [
        below + name for name in found if not name.startswith(".") and has_suffix(name, SUFFIXES)
    ]


def _parse_name(root: Path, name: str) -> RecordingFile:
    fault = inspect_file(root, name).fault
    folder, _, stem = name.rpartition("/")
    said = re.fullmatch(r"([0-9])_(.+)_([0-9]{1,9})", Path(stem).stem)
    if said and folder in ("", said[1]):
        return RecordingFile(name, int(said[1]), said[2], int(said[3]), fault)
    if not folder:
        return RecordingFile(name, 0, UNKNOWN, None, "is not named {digit}_{speaker}_{index}")
    if said:
        fault = fault or f"lies in the folder of {folder} and is named as a {said[1]}"
    said = re.fullmatch(r"(.+)_([0-9]{1,9})", Path(stem).stem)
    speaker, index = (said[1], int(said[2])) if said else (UNKNOWN, None)
    return RecordingFile(name, int(folder), speaker, index, fault)
