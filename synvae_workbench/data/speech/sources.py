"""Sets of recordings by name, and their spectrograms: computed once, then kept in the cache.

The cache goes by content: a changed file is noticed, a moved one is known.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from jaxtyping import Int, UInt8

from synvae_workbench.data.cache import cache_folder, kept
from synvae_workbench.data.files import BrokenFile
from synvae_workbench.data.sources import ESPEAK_DIGITS, FSDD, checksum
from synvae_workbench.data.speech.files import RecordingFile, list_recordings
from synvae_workbench.data.speech.fsdd import check_fsdd, download_fsdd, find_fsdd
from synvae_workbench.data.speech.log_mel import MEL_SIDE, TRANSFORM_VERSION, log_mel
from synvae_workbench.data.speech.recordings import (
    READER_VERSION,
    decode_recording,
    read_content,
)
from synvae_workbench.data.speech.stand_in import spoken_stand_in

NAMES = ("espeak", "fsdd", "folder")
_CHUNK = 512  # waveforms in memory at once


class SpeechSet(NamedTuple):
    """Recordings before they are read.

    `read` gives the waveform at a place, or raises `BrokenFile`; `digest` changes with the
    content of any recording; `place` is where they are, for messages.
    """

    title: str
    place: str
    files: list[RecordingFile]
    read: Callable[[int], np.ndarray]
    digest: str
    checksums: dict[str, str]


class Spectrograms(NamedTuple):
    """Those of the recordings at `positions`, with digests of their samples.

    `broken` says by name what the others lack.
    """

    images: UInt8[np.ndarray, "n 1 48 48"]
    contents: list[str]
    positions: Int[np.ndarray, " n"]
    broken: dict[str, str]


def speech_set(name: str, folder: Path | None, takes: int, cache: Path | None) -> SpeechSet:
    """The set of that name; its recordings are looked at, not read into memory.

    Raises:
        ValueError: if it is missing or another one, saying what to put where.
    """
    if name not in NAMES:
        raise ValueError(f"a set of spoken digits is one of {', '.join(NAMES)}, got {name!r}")
    if name == "espeak":
        return _stand_in(folder, takes, cache)
    if name == "fsdd":
        return _fsdd(folder, cache_folder(cache))
    if folder is None:
        raise ValueError("the set 'folder' is a folder of recordings: name it by folder=")
    files = list_recordings(folder)
    digest = hashlib.sha256()
    for file, content in _contents(folder, files):
        digest.update(f"{len(os.fsencode(file.name))} {len(content)} {file.fault} ".encode())
        digest.update(os.fsencode(file.name) + content)
    key = digest.hexdigest()
    title = f"recordings in {folder.name}"
    return SpeechSet(title, str(folder), files, _reader(folder, files), key, {"recordings": key})


def read_spectrograms(recordings: SpeechSet, cache: Path | None) -> Spectrograms:
    """The spectrograms, from the cache, or computed now and kept there."""
    settings = (READER_VERSION, TRANSFORM_VERSION, soundfile.__libsndfile_version__)
    key = hashlib.sha256(f"{settings} {recordings.digest}".encode()).hexdigest()[:24]
    path = cache_folder(cache) / f"speech-{key}.npz"
    stored = kept(path, Spectrograms._fields, lambda: _computed(recordings))
    broken = json.loads(str(stored["broken"]))
    return Spectrograms(stored["images"], stored["contents"].tolist(), stored["positions"], broken)


def _computed(recordings: SpeechSet) -> dict[str, np.ndarray]:
    """The fields of `Spectrograms`, as arrays."""
    images, contents, positions, broken = [], [], [], {}
    for start in range(0, len(recordings.files), _CHUNK):
        waveforms = []
        for place in range(start, min(start + _CHUNK, len(recordings.files))):
            try:
                waveforms.append(recordings.read(place))
            except BrokenFile as error:
                broken[recordings.files[place].name] = str(error)
                continue
            positions.append(place)
            contents.append(hashlib.sha256(waveforms[-1].tobytes()).hexdigest()[:32])
        images.append(log_mel(waveforms).numpy())
    stacked = np.concatenate(images) if images else np.empty((0, 1, MEL_SIDE, MEL_SIDE), np.uint8)
    return {
        "images": stacked,
        "contents": np.array(contents, str),
        "positions": np.array(positions, np.int64),
        "broken": np.array(json.dumps(broken)),
    }


def _stand_in(folder: Path | None, takes: int, cache: Path | None) -> SpeechSet:
    if folder is not None:
        raise ValueError("'espeak' is made on the spot and needs no folder: leave folder= out")
    spoken = spoken_stand_in(takes=takes, cache=cache)
    files = [
        RecordingFile(name, int(digit), speaker, int(index))
        for name in spoken.names
        for digit, speaker, index in [name.split("_")]
    ]
    key = checksum(spoken.samples, spoken.lengths)
    place = "the cache"
    return SpeechSet(ESPEAK_DIGITS.title, place, files, spoken.waveform, key, {"espeak": key})


def _fsdd(folder: Path | None, cache: Path) -> SpeechSet:
    """The recordings in the folder that was named; or in $SYNVAE_DATA, the cache, the network."""
    if folder is not None:
        if not (paths := find_fsdd(folder)):
            raise ValueError(
                f"{folder} does not hold {FSDD.layout} or not all of it: {FSDD.advice}"
            )
    else:
        data = os.environ.get("SYNVAE_DATA")
        places = [Path(data) / FSDD.name] if data else []
        found = (find_fsdd(place) for place in (*places, cache / FSDD.name))
        paths = next((each for each in found if each), None)
        paths = paths or download_fsdd(cache / FSDD.name)
    key, root = check_fsdd(paths), paths[0].parent
    files = []
    for path in paths:
        digit, speaker, index = path.stem.split("_")
        files.append(RecordingFile(path.name, int(digit), speaker, int(index)))
    return SpeechSet(FSDD.title, str(root), files, _reader(root, files), key, {"fsdd": key})


def _reader(root: Path, files: list[RecordingFile]) -> Callable[[int], np.ndarray]:
    def read(place: int) -> np.ndarray:
        file = files[place]
        if file.fault:
            raise BrokenFile(file.fault)
        return decode_recording(read_content(root / file.name))

    return read


def _contents(root: Path, files: list[RecordingFile]) -> Iterator[tuple[RecordingFile, bytes]]:
    """Each file's bytes, none of those that are broken."""
    for file in files:
        content = b""
        if not file.fault:
            with contextlib.suppress(BrokenFile):  # `read` says it
                content = read_content(root / file.name)
        yield file, content
