"""Spoken digits from recordings: spectrograms in three splits, and waveforms."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32

from synvae_workbench.data.files import BrokenFile, printable, refusal, short_names
from synvae_workbench.data.options import SpeechOptions
from synvae_workbench.data.speech.spectrograms import read_spectrograms
from synvae_workbench.data.speech.splits import RecordingFacts, split_recordings
from synvae_workbench.data.speech.types import Recordings, SpeechSet, SpokenDigits


def read_digits(recordings: SpeechSet, options: SpeechOptions) -> SpokenDigits:
    """Reads and splits recordings into log-mel spectrograms.

    Raises:
        ValueError: if one is broken and to be refused, or the split cannot be made.
    """
    read = read_spectrograms(recordings, options.cache)
    if read.broken and (options.broken == "refuse" or not len(read.positions)):
        what = f"recordings in {recordings.place}"
        raise ValueError(refusal(read.broken, len(recordings.files), what))
    files, names = [recordings.files[i] for i in read.positions], _names(recordings)
    known = RecordingFacts(
        [names[i] for i in read.positions],
        np.array([file.digit for file in files], np.int64),
        [file.speaker for file in files],
        [file.index for file in files],
        read.contents,
    )
    part = split_recordings(known, options)
    splits = []
    for rows in (np.flatnonzero(part == number) for number in range(3)):
        images, labels = torch.from_numpy(read.images[rows]), torch.from_numpy(known.digits[rows])
        speakers, ids = (tuple(each[i] for i in rows) for each in (known.speakers, known.ids))
        splits.append(Recordings(images, labels, speakers, ids))
    return SpokenDigits(
        *splits,
        speakers=tuple(sorted(set(known.speakers))),
        checksums=recordings.checksums,
        synthetic=recordings.synthetic,
        title=recordings.title,
        skipped=tuple(map(printable, read.broken)),
        left_out=recordings.left_out,
    )


def read_waveforms(recordings: SpeechSet, ids: Sequence[str]) -> list[Float32[np.ndarray, " _"]]:
    """Reads the waveforms of recordings by id: mono, 8 kHz, within -1..1.

    Raises:
        ValueError: if there is no such recording, or it cannot be read.
    """
    place = {name: i for i, name in enumerate(_names(recordings))}
    waveforms = []
    for each in ids:
        if each not in place:
            raise ValueError(f"{recordings.title}: there is no recording {each!r}")
        try:
            waveforms.append(recordings.read(place[each]))
        except BrokenFile as error:
            raise ValueError(f"{recordings.place}/{each} {error}") from error
    return waveforms


def _names(recordings: SpeechSet) -> list[str]:
    return short_names([file.name for file in recordings.files])
