"""One door to recordings of spoken digits: `load_speech`, and what it gives.

Spectrograms stay in memory as bytes, a quarter of the memory of numbers, until a batch needs them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from synvae_workbench.data.files import BrokenFile, refusal, short_names
from synvae_workbench.data.speech.sources import read_spectrograms, speech_set
from synvae_workbench.data.speech.splits import split_recordings
from synvae_workbench.data.speech.stand_in import TAKES


class Recordings(NamedTuple):
    """Spectrograms of recordings (0 black, 255 loudest) with their digits, speakers and names.

    Ids are the files' stems, or where these repeat, their paths.
    """

    spectrograms: UInt8[Tensor, "n 1 48 48"]
    labels: Int64[Tensor, " n"]
    speakers: tuple[str, ...]
    ids: tuple[str, ...]


class SpokenDigits(NamedTuple):
    """Spoken digits in three splits; no recording of the test is in another, not even as a copy.

    `speakers` are all that there are; `checksums` are SHA-256 of what was read, for provenance;
    `synthetic` says that a machine spoke; `skipped` names broken recordings that were left out.
    """

    train: Recordings
    validation: Recordings
    test: Recordings
    speakers: tuple[str, ...]
    checksums: dict[str, str]
    synthetic: bool
    title: str
    skipped: tuple[str, ...] = ()


def load_speech(
    name: str = "espeak",
    *,
    folder: Path | str | None = None,
    split: str = "published",
    speaker: str = "",
    validation: float = 0.1,
    seed: int = 0,
    broken: str = "refuse",
    takes: int = TAKES,
    cache: Path | str | None = None,
) -> SpokenDigits:
    """The spoken digits of that name as log-mel spectrograms, in three splits.

    "espeak" is made on the spot by a machine: a stand-in. "fsdd" is looked for in
    $SYNVAE_DATA/fsdd and in the cache, and else downloaded into it. "folder" is any folder of
    recordings {digit}_{speaker}_{index}.wav (.flac, .ogg), or with sub-folders 0 to 9.

    Args:
        folder: of the set, and then of no other place.
        split: "published" draws 90/10 of each digit by seed; "own" tests on indices 0 to 4;
            "speaker" tests on all recordings of `speaker`.
        validation: share of each digit's recordings for training, drawn by seed.
        broken: "refuse" recordings that cannot be used, or "skip" them (folders).
        takes: of each digit by each of the twelve voices (espeak).
        cache: folder; by default `$SYNVAE_CACHE`, else `~/.cache/synvae`.

    Raises:
        ValueError: if the set is missing, broken or another one, saying what to put where; or if
            the split cannot be made.
    """
    if broken not in ("refuse", "skip"):
        raise ValueError(f"broken recordings are to 'refuse' or to 'skip', got {broken!r}")
    folder, cache = _as_path(folder), _as_path(cache)
    recordings = speech_set(name, folder, takes, cache)
    read = read_spectrograms(recordings, cache)
    if read.broken and (broken == "refuse" or not len(read.positions)):
        what = f"recordings in {recordings.place}"
        raise ValueError(refusal(read.broken, len(recordings.files), what))
    names = short_names([file.name for file in recordings.files])
    files, ids = [recordings.files[i] for i in read.positions], [names[i] for i in read.positions]
    digits = np.array([file.digit for file in files], np.int64)
    speakers = [file.speaker for file in files]
    part = split_recordings(
        *(ids, digits, speakers, [file.index for file in files], read.contents),
        **{"split": split, "speaker": speaker, "validation": validation, "seed": seed},
    )
    splits = []
    for number in range(3):
        rows = np.flatnonzero(part == number)
        pictures, labels = torch.from_numpy(read.images[rows]), torch.from_numpy(digits[rows])
        by, named = tuple(speakers[i] for i in rows), tuple(ids[i] for i in rows)
        splits.append(Recordings(pictures, labels, by, named))
    return SpokenDigits(
        *splits,
        speakers=tuple(sorted(set(speakers))),
        checksums=recordings.checksums,
        synthetic=name == "espeak",
        title=recordings.title,
        skipped=tuple(read.broken),
    )


def speech_waveforms(
    name: str,
    ids: Sequence[str],
    *,
    folder: Path | str | None = None,
    takes: int = TAKES,
    cache: Path | str | None = None,
) -> list[Float32[np.ndarray, " _"]]:
    """The recordings of those ids to be heard: mono, 8 kHz, within -1..1.

    Args:
        ids: as `load_speech` gives them for the same name, folder and takes.

    Raises:
        ValueError: if there is no such recording, or it cannot be read.
    """
    recordings = speech_set(name, _as_path(folder), takes, _as_path(cache))
    names = short_names([file.name for file in recordings.files])
    place = {name: i for i, name in enumerate(names)}
    waveforms = []
    for each in ids:
        if each not in place:
            raise ValueError(f"{recordings.title}: there is no recording {each!r}")
        try:
            waveforms.append(recordings.read(place[each]))
        except BrokenFile as error:
            raise ValueError(f"{recordings.place}/{each} {error}") from error
    return waveforms


def _as_path(folder: Path | str | None) -> Path | None:
    return None if folder is None else Path(folder).expanduser()
