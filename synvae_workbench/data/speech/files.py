"""Loader of a folder of recordings of spoken digits, with digits and speakers from the names.

Files are named {digit}_{speaker}_{index}, or have any name in sub-folders 0 to 9.
"""

import contextlib
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from synvae_workbench.data.audio_files import SUFFIXES
from synvae_workbench.data.files import (
    BrokenFile,
    chosen_names,
    describe_left_out,
    inspect_file,
    printable,
)
from synvae_workbench.data.options import SpeechOptions
from synvae_workbench.data.places import named_folder
from synvae_workbench.data.speech.recordings import decode_recording, read_content
from synvae_workbench.data.speech.types import RecordingFile, SpeechSet

UNKNOWN = "unknown"  # the speaker, if a name in a sub-folder has none
LAYOUT = "{digit}_{speaker}_{index}.wav (or .flac, .ogg, .mp3), or sub-folders 0 to 9 of recordings"
_DIGITS = tuple("0123456789")


def load_recordings(options: SpeechOptions) -> SpeechSet:
    """Loads the recordings of a folder, not decoded yet.

    Raises:
        ValueError: if no folder is given, or it has no recordings.
    """
    folder = named_folder(options)
    files, left_out = list_recordings(folder)
    digest = hashlib.sha256()
    for file, content in _contents(folder, files):
        digest.update(f"{len(os.fsencode(file.name))} {len(content)} {file.fault} ".encode())
        digest.update(os.fsencode(file.name) + content)
    key, read = digest.hexdigest(), reader(folder, files)
    title = f"recordings in {folder.name}"
    return SpeechSet(title, str(folder), files, read, key, {"recordings": key}, left_out=left_out)


def list_recordings(root: Path) -> tuple[list[RecordingFile], dict[str, int]]:
    """Recordings in a folder and in its sub-folders 0 to 9, sorted by name, and what is left out.

    A link that leads out of the folder has a fault: it is never followed. Hidden files, other
    folders and files of other suffixes are counted by reason.

    Raises:
        ValueError: if there are none.
    """
    if not root.is_dir():
        raise ValueError(f"{root} is no folder; expected one with recordings {LAYOUT}")
    left_out: Counter[str] = Counter()
    names = [name for below in ("", *_DIGITS) for name in _names(root, below, left_out)]
    if not names:
        beside = f"(left out: {describe_left_out(left_out)})"
        raise ValueError(f"{root} has no recordings {beside}; expected {LAYOUT}")
    return [_parse_name(root, name) for name in sorted(names)], dict(left_out)


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


def _names(root: Path, below: str, left_out: Counter[str]) -> list[str]:
    folder = root / below
    try:
        found = os.listdir(folder)
    except FileNotFoundError:
        return []  # no such sub-folder
    except OSError:
        left_out["folder that cannot be opened"] += 1
        return []
    if not below:
        found = [name for name in found if name not in _DIGITS or not (folder / name).is_dir()]
    names = chosen_names(found, SUFFIXES, left_out)
    return [f"{below}/{name}" if below else name for name in names]


def _parse_name(root: Path, name: str) -> RecordingFile:
    fault = inspect_file(root, name).fault
    folder, _, stem = name.rpartition("/")
    stem = printable(Path(stem).stem)
    said = re.fullmatch(r"([0-9])_(.+)_([0-9]{1,9})", stem)
    if said and folder in ("", said[1]):
        return RecordingFile(name, int(said[1]), said[2], int(said[3]), fault)
    if not folder:
        return RecordingFile(name, 0, UNKNOWN, None, "is not named {digit}_{speaker}_{index}")
    if said:
        fault = fault or f"lies in the folder of {folder} and is named as a {said[1]}"
    said = re.fullmatch(r"(.+)_([0-9]{1,9})", stem)
    speaker, index = (said[1], int(said[2])) if said else (UNKNOWN, None)
    return RecordingFile(name, int(folder), speaker, index, fault)
