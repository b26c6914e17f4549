"""Log-mel spectrograms of a set of recordings, cached by the recordings' content."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from jaxtyping import Int, UInt8

from synvae_core.small_files import parse_json
from synvae_workbench.data.cache import cache_folder, cached_arrays
from synvae_workbench.data.files import BrokenFile
from synvae_workbench.data.speech.log_mel import MEL_SIDE, TRANSFORM_VERSION, log_mel
from synvae_workbench.data.speech.recordings import READER_VERSION
from synvae_workbench.data.speech.types import SpeechSet

_CHUNK = 512  # waveforms in memory at once


class Spectrograms(NamedTuple):
    """Spectrograms of the recordings at `positions`, with digests of their samples.

    `broken` has the faults of the others by name.
    """

    images: UInt8[np.ndarray, "n 1 48 48"]
    contents: list[str]
    positions: Int[np.ndarray, " n"]
    broken: dict[str, str]


def read_spectrograms(recordings: SpeechSet, cache: Path | bool | None) -> Spectrograms:
    """Loads spectrograms from the cache, or computes and stores them."""
    settings = (READER_VERSION, TRANSFORM_VERSION, soundfile.__libsndfile_version__)
    key = hashlib.sha256(f"{settings} {recordings.digest}".encode()).hexdigest()[:24]
    path = cache_folder(cache) / f"speech-{key}.npz"
    stored = cached_arrays(path, Spectrograms._fields, lambda: _compute_spectrograms(recordings))
    broken = parse_json(str(stored["broken"]))
    return Spectrograms(stored["images"], stored["contents"].tolist(), stored["positions"], broken)


def _compute_spectrograms(recordings: SpeechSet) -> dict[str, np.ndarray]:
    """Computes the fields of `Spectrograms`, as arrays for the cache."""
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
