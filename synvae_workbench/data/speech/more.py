"""More speech to train with: synthetic voices, and distorted copies of all recordings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from synvae_workbench.data.speech.distortion import distorted_copies
from synvae_workbench.data.speech.log_mel import log_mel
from synvae_workbench.data.speech.types import Recordings, SpeechSet
from synvae_workbench.data.speech.voices import voice_names

HEARD_AT_MOST = 400  # voices; the last 98 are for tests alone
_CHUNK = 1024  # waveforms in memory at once, beside the originals


@dataclass(frozen=True)
class MoreSpeech:
    """Number of synthetic voices, of distorted copies of each recording, and the seed of these.

    Raises:
        ValueError: if there are not as many voices to train with, or a number is negative.
    """

    voices: int = 0
    copies: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.voices <= HEARD_AT_MOST:
            raise ValueError(
                f"there are 0 to {HEARD_AT_MOST} synthetic voices to train with, got {self.voices}"
            )
        if self.copies < 0:
            raise ValueError(f"copies of each recording are 0 or more, got {self.copies}")


def add_speech(
    train: Recordings,
    waveforms: Sequence[Float32[np.ndarray, " _"]],
    voices: SpeechSet,
    more: MoreSpeech,
) -> Recordings:
    """Recordings for training with synthetic voices and distorted copies added.

    Args:
        waveforms: of the recordings, at 8 kHz.
        voices: as `load_voices` gives them; the first `more.voices` of them are taken.
    """
    chosen = set(voice_names()[: more.voices])
    added = [i for i, file in enumerate(voices.files) if file.speaker in chosen]
    files = [voices.files[i] for i in added]
    sounds = [*waveforms, *map(voices.read, added)]
    labels = torch.cat([train.labels, torch.tensor([f.digit for f in files], dtype=torch.int64)])
    times = 1 + more.copies
    copies = distorted_copies(sounds, copies=more.copies, seed=more.seed)
    spoken = [log_mel(copies[i : i + _CHUNK]) for i in range(0, len(copies), _CHUNK)]
    said = log_mel([voices.read(i) for i in added])
    speakers = (*train.speakers, *(file.speaker for file in files)) * times
    ids = (*train.ids, *(file.name for file in files))
    return Recordings(
        torch.cat([train.spectrograms, said, *spoken]),
        labels.repeat(times),
        speakers,
        tuple(f"{name}~{copy}" if copy else name for copy in range(times) for name in ids),
    )


def unheard_voices(voices: SpeechSet) -> Recordings:
    """Recordings of the 98 synthetic voices that no model is trained with.

    Args:
        voices: as `load_voices` gives them.
    """
    chosen = set(voice_names()[HEARD_AT_MOST:])
    places = [i for i, file in enumerate(voices.files) if file.speaker in chosen]
    files = [voices.files[i] for i in places]
    return Recordings(
        log_mel([voices.read(i) for i in places]),
        torch.tensor([file.digit for file in files], dtype=torch.int64),
        tuple(file.speaker for file in files),
        tuple(file.name for file in files),
    )
