"""Translation of spoken digits to a picture, the picture's melody, and a picture again.

The first step is Żelaszczyk & Mańdziuk 2021, "Audio-to-Image Cross-Modal Generation", arXiv
2109.13354; the others are Müller-Eberstein & van Noord 2019, "Translating Visual Art into Music",
arXiv 1909.01218. Nothing but bytes goes from one to the other: a picture, then a MIDI file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from synvae_core.models.speech.to_image import SpeechToImage
from synvae_core.models.synvae import SynVae
from synvae_workbench.data.speech.log_mel import MEL_SIDE, log_mel
from synvae_workbench.evaluation.translation import translate


class SpokenTranslation(NamedTuple):
    """Recordings at 8 kHz with spectrogram, picture, melody and picture of each.

    Spectrograms and pictures are in bytes, `heard` is the melody as read from its MIDI file, and
    `rebuilt`, in [0, 1], is drawn from that melody alone.
    """

    waveforms: tuple[np.ndarray, ...]
    spectrograms: UInt8[Tensor, "n 1 48 48"]
    pictures: UInt8[Tensor, "n 1 h w"]
    heard: Int[np.ndarray, "n t"]
    rebuilt: Float[Tensor, "n 1 h w"]


@torch.no_grad()
def translate_speech(
    painter: SpeechToImage,
    synvae: SynVae,
    waveforms: Sequence[np.ndarray],
    *,
    folder: Path | None = None,
) -> SpokenTranslation:
    """Translates recordings to pictures, to melodies in MIDI files, and back to pictures.

    Both models are in evaluation mode; the picture is that of the mean of the speech's posterior.

    Args:
        waveforms: mono (samples,) at 8 kHz.
        folder: keeps the MIDI files here; by default they are only bytes in memory.

    Raises:
        ValueError: if there is no recording, if one is silent, not finite or no waveform, naming
            its place; or if the models do not fit each other.
    """
    _check(painter, synvae, waveforms)
    spectrograms = log_mel(waveforms)
    device = next(painter.parameters()).device
    pictures = picture_bytes(painter.draw(spectrograms.to(device).float() / 255)).cpu()
    translation = translate(synvae, pictures, folder=folder)
    return SpokenTranslation(
        tuple(waveforms), spectrograms, pictures, translation.heard, translation.rebuilt
    )


def picture_bytes(drawn: Float[Tensor, "n 1 h w"]) -> UInt8[Tensor, "n 1 h w"]:
    """Drawn pictures in [0, 1] in the bytes that a picture file has."""
    return (drawn.clamp(0, 1) * 255).round().to(torch.uint8)


def _check(painter: SpeechToImage, synvae: SynVae, waveforms: Sequence[np.ndarray]) -> None:
    if not len(waveforms):
        raise ValueError("there is no recording: expected the waveform of one or more")
    if painter.config.speech_size != MEL_SIDE:
        raise ValueError(
            f"the speech model reads spectrograms of {painter.config.speech_size} bands, expected "
            f"{MEL_SIDE}: choose another one"
        )
    visual, side = synvae.config.visual, painter.config.image_size
    if (visual.image_size, visual.image_channels) != (side, 1):
        raise ValueError(
            f"the speech model draws 1 channel of {side} pixels, the SynVAE reads "
            f"{visual.image_channels} of {visual.image_size}: choose one that was trained on digits"
        )
